"""Runs the engine in its own process and talks to it; used by Blender, the command line and the tests alike.

    with Engine.start(interpreter) as engine:
        result = engine.call("head", {"photos": [...], "out": "avatar.npz"}, on_progress=print)

`call` blocks the thread that makes it; any other may set the event that cancels it. Standard library only.
"""

import collections
import contextlib
import math
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from ..errors import Cancelled, EngineError
from ..version import VERSION
from . import protocol

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
"""A cold disk or a virus scanner may need most of it."""
GRACE_SECONDS = 5.0
"""How long a cancelled or closed engine may take before it is killed."""
POLL_SECONDS = 0.1
_SILENT = "The engine did not answer in time; try again, or set up the engine anew."

# The package's folder need not be called `likeness` (a checkout, or the extension `bl_ext.user_default.likeness`): it
# is registered under that name before the engine's module is run as `python -m likeness.core.engine` would run it.
_BOOTSTRAP = """
import sys
if sys.version_info[:2] not in ((3, 11), (3, 12)):
    sys.exit("Likeness' engine needs Python 3.11 or 3.12, and this is Python %d.%d" % sys.version_info[:2])
import importlib.util, os, runpy
root = sys.argv.pop(1)
spec = importlib.util.spec_from_file_location(
    "likeness", os.path.join(root, "__init__.py"), submodule_search_locations=[root]
)
sys.modules["likeness"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["likeness"])
runpy.run_module("likeness.core.engine", run_name="__main__", alter_sys=True)
"""

OnProgress = Callable[[str, float], None]


def engine_command(interpreter: Path | str, root: Path = ROOT) -> list[str]:
    """The command that runs the engine of the package in `root` with `interpreter`, apart from the user's site."""
    return [str(interpreter), "-I", "-X", "utf8", "-c", _BOOTSTRAP, str(root)]


class Engine:
    """One engine process. Use it as a context manager, or `close` it."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start the process without greeting it. Raises EngineError when the command cannot be run."""
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise EngineError(
                f"The engine is not set up ({command[0]}: {error.strerror}); set it up in Likeness' preferences, "
                "or name another interpreter there."
            ) from error
        assert self._process.stdin
        self._stdin = self._process.stdin
        self._messages: queue.Queue[protocol.Message | None] = queue.Queue()
        self._log: collections.deque[str] = collections.deque(maxlen=200)
        self._calls = 0
        self._readers = [
            threading.Thread(target=self._read_messages, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._read_log, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @classmethod
    def start(cls, interpreter: Path | str, root: Path = ROOT) -> "Engine":
        """Start the engine with `interpreter` and shake hands with it.

        Raises EngineError when it does not start, lacks a dependency, or speaks another version.
        """
        engine = cls(engine_command(interpreter, root))
        try:
            engine.greet()
        except BaseException:
            engine.close()
            raise
        return engine

    def greet(self) -> None:
        """Check that the engine answers, and that both sides are of one version. Raises EngineError."""
        hello = {"protocol": protocol.PROTOCOL, "version": VERSION}
        answer = self.call("handshake", hello, timeout=START_SECONDS)
        if {key: answer.get(key) for key in hello} != hello:
            theirs = answer.get("version")
            raise EngineError(f"The engine is of version {theirs}, not {VERSION}; set up the engine anew.")

    def call(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        on_progress: OnProgress | None = None,
        cancelled: threading.Event | None = None,
        timeout: float = math.inf,
    ) -> dict[str, Any]:
        """Run one method and return its result; `on_progress(stage, fraction)` is called in this thread.

        Raises the engine's own LikenessError, Cancelled soon after the event `cancelled` is set, EngineError when the
        engine dies or when `timeout` seconds pass. An exception of `on_progress` goes on to the caller, which closes
        the engine.
        """
        self._calls += 1
        call, deadline, kill_at = self._calls, time.monotonic() + timeout, math.inf
        self._send({"id": call, "method": method, "params": params or {}})
        while True:
            if cancelled and cancelled.is_set() and kill_at == math.inf:
                kill_at = time.monotonic() + GRACE_SECONDS
                self._send({"method": "cancel", "params": {"id": call}})
            if time.monotonic() > min(deadline, kill_at):
                self._process.kill()
                raise EngineError(_SILENT) if kill_at == math.inf else Cancelled("Cancelled.")
            try:
                message = self._messages.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            if message is None:
                raise self._stopped()
            if message.get("method") == "progress" and message["params"]["id"] == call and on_progress:
                on_progress(message["params"]["stage"], message["params"]["fraction"])
            elif message.get("id") == call:
                break
        if "error" in message:
            raise protocol.error_from_json(message["error"])
        return message["result"]

    def close(self) -> None:
        """End the process: by closing its input, or by force after GRACE_SECONDS."""
        with contextlib.suppress(OSError):  # what a dead process never read cannot be flushed
            self._stdin.close()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        """The last lines that the engine and its libraries wrote on their standard output and error."""
        return "\n".join(self._log)

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _send(self, message: protocol.Message) -> None:
        try:
            self._stdin.write(protocol.encode(message))
            self._stdin.flush()
        except (OSError, ValueError) as error:
            raise self._stopped() from error

    def _stopped(self) -> EngineError:
        try:
            code = self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._readers[1].join(GRACE_SECONDS)
        if code == -9:
            return EngineError("The engine stopped unexpectedly (it was killed); the computer may be short of memory.")
        reason = f"signal {-code}" if code < 0 else self._log[-1] if self._log else f"exit code {code}"
        return EngineError(f"The engine stopped unexpectedly ({reason}); try again, or set up the engine anew.")

    def _read_messages(self, stream: IO[bytes]) -> None:
        for line in stream:
            try:
                self._messages.put(protocol.decode(line))
            except ValueError:
                self._log.append(line.decode(errors="replace").rstrip())
        self._messages.put(None)

    def _read_log(self, stream: IO[bytes]) -> None:
        for line in stream:
            if text := line.decode(errors="replace").rstrip():
                self._log.append(text)
