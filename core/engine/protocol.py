"""What the engine and its clients say to each other: JSON-RPC 2.0, one message a line (https://www.jsonrpc.org).

A client sends requests, and the notification `cancel {id}`; the engine sends results, errors, and the notification
`progress {id, stage, fraction}`. Arrays never travel in messages: they travel as files named in them.
"""

import json
import traceback
from pathlib import Path
from typing import Any

from ..errors import Cancelled, EngineError, InputError, LikenessError, UsageError

PROTOCOL = 1
"""Version of the messages; engine and client must agree on it."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
_ERRORS: dict[int, type[LikenessError]] = {
    -32002: UsageError,
    -32003: InputError,
    -32004: EngineError,
    -32005: Cancelled,
}
_CODES = {kind: code for code, kind in _ERRORS.items()}

Message = dict[str, Any]


def encode(message: Message) -> bytes:
    """One line of UTF-8, ready for the pipe."""
    return json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message of one line. Raises ValueError when the line is not a JSON-RPC 2.0 message."""
    message = json.loads(line)
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise ValueError("not a JSON-RPC 2.0 message")
    return message


def error_to_json(error: BaseException) -> Message:
    """The `error` member for an exception: Likeness' own errors keep their class, others say where they come from."""
    for kind in type(error).__mro__:
        if kind in _CODES:
            return {"code": _CODES[kind], "message": str(error)}
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return {"code": INTERNAL_ERROR, "message": f"{type(error).__name__}: {error}{place}"}


def error_from_json(error: Message) -> LikenessError:
    """The exception that an `error` member stands for."""
    kind = _ERRORS.get(error["code"])
    if kind is not None:
        return kind(error["message"])
    return EngineError(f"The engine failed ({error['message']}); please report it.")
