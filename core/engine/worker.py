"""The engine's loop: reads requests from standard input, runs them one at a time, answers on standard output."""

import contextlib
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from inspect import signature
from typing import IO, Any

from ..errors import Cancelled, UsageError
from . import protocol

GRACE_SECONDS = 10.0
"""How long a job may take to notice that nobody listens any more."""

Progress = Callable[[str, float], None]
Method = Callable[..., dict[str, Any]]


class Worker:
    """Answers the requests that come in on `requests` by the functions in `methods`.

    A method takes `progress` and the request's parameters by keyword and returns JSON. Jobs run in the thread that
    calls `run`; a cancelled job is ended by the Cancelled that its next call of `progress` raises.
    """

    def __init__(self, requests: IO[bytes], answers: IO[bytes], methods: Mapping[str, Method]) -> None:
        self._requests, self._answers, self._methods = requests, answers, methods
        self._inbox: queue.Queue[protocol.Message | None] = queue.Queue()
        self._cancelled: set[int] = set()
        self._orphaned = False
        self._write_lock = threading.Lock()

    def run(self) -> None:
        """Serve until the input ends."""
        threading.Thread(target=self._read, daemon=True).start()
        while (request := self._inbox.get()) is not None:
            answer = self._answer(request)
            if "id" in request:
                self._send({"id": request["id"], **answer})

    def _read(self) -> None:
        for line in self._requests:
            try:
                message = protocol.decode(line)
            except ValueError as error:
                self._send({"id": None, "error": {"code": protocol.PARSE_ERROR, "message": str(error)}})
                continue
            if message.get("method") == "cancel":
                self._cancelled.add(message.get("params", {}).get("id"))
            else:
                self._inbox.put(message)
        self._orphaned = True
        self._inbox.put(None)
        time.sleep(GRACE_SECONDS)
        os._exit(1)

    def _answer(self, request: protocol.Message) -> protocol.Message:
        call, name, params = request.get("id"), request.get("method"), request.get("params", {})
        method = self._methods.get(str(name))
        if method is None:
            return {"error": {"code": protocol.METHOD_NOT_FOUND, "message": f"no method {name}"}}

        def progress(stage: str, fraction: float) -> None:
            if self._orphaned or call in self._cancelled:
                raise Cancelled("Cancelled.")
            self._send({"method": "progress", "params": {"id": call, "stage": stage, "fraction": fraction}})

        try:
            signature(method).bind(progress=progress, **params)
        except TypeError as error:
            return {"error": {"code": protocol.INVALID_PARAMS, "message": f"{name}: {error}"}}
        try:
            return {"result": method(progress=progress, **params)}
        except Exception as error:
            if not isinstance(error, Cancelled | UsageError):
                traceback.print_exc()
            return {"error": protocol.error_to_json(error)}

    def _send(self, message: protocol.Message) -> None:
        with self._write_lock, contextlib.suppress(BrokenPipeError):  # a client that is gone is `_read`'s to notice
            self._answers.write(protocol.encode(message))
            self._answers.flush()


def serve(methods: Mapping[str, Method]) -> None:
    """Serve on this process' own standard streams.

    MediaPipe and TensorFlow write to the standard output from C, so the pipe to the client is moved out of their way:
    what they write goes to the standard error.
    """
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    Worker(requests, answers, methods).run()
