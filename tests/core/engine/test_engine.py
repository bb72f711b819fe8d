"""The engine's process and its client, over real pipes; the jobs are the tests' own."""

import os
import signal
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path

import pytest

from likeness.core.engine import client
from likeness.core.engine.client import Engine, engine_command
from likeness.core.engine.setup import interpreter_of
from likeness.core.errors import Cancelled, EngineError, InputError, UsageError

JOBS = """
import os, time
from likeness.core.engine.worker import serve
from likeness.core.errors import EngineError, InputError, UsageError

def echo(*, progress, value):
    progress("half", 0.5)
    progress("whole", 1.0)
    return {"value": value}

def noisy(*, progress):
    print("printed")
    os.write(1, b"written from C\\n")
    os.system("echo from a child")
    return {}

def fail(*, progress, kind):
    kinds = {"usage": UsageError, "input": InputError, "engine": EngineError, "bug": ZeroDivisionError}
    raise kinds[kind]("A sentence.")

def slow(*, progress):
    for i in range(1000):
        progress("working", i / 1000)
        time.sleep(0.02)

def stubborn(*, progress):
    progress("deaf", 0.0)
    time.sleep(60)

def leave(*, progress):
    os.write(2, b"last words\\n")
    os._exit(7)

def handshake(*, progress, protocol, version):
    return {"protocol": protocol, "version": "0.0.0"}

serve({f.__name__: f for f in (echo, noisy, fail, slow, stubborn, leave, handshake)})
"""
COMMAND = (sys.executable, "-c", JOBS)


@pytest.fixture
def engine():
    with Engine(COMMAND) as engine:
        yield engine


def test_a_call_reports_progress_and_returns(engine: Engine) -> None:
    heard = []
    assert engine.call("echo", {"value": ["ü", 1.5]}, on_progress=lambda *news: heard.append(news)) == {
        "value": ["ü", 1.5]
    }
    assert heard == [("half", 0.5), ("whole", 1.0)]


def test_what_libraries_print_does_not_reach_the_messages(engine: Engine) -> None:
    assert engine.call("noisy") == {}
    assert engine.call("echo", {"value": 1}) == {"value": 1}
    engine.close()
    assert {"printed", "written from C", "from a child"} <= set(engine.log.splitlines())


@pytest.mark.parametrize(
    ("kind", "error"), [("usage", UsageError), ("input", InputError), ("engine", EngineError)], ids=str
)
def test_errors_keep_their_class_and_sentence(engine: Engine, kind: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^A sentence\.$"):
        engine.call("fail", {"kind": kind})


def test_a_bug_is_an_engine_error_with_its_traceback_in_the_log(engine: Engine) -> None:
    with pytest.raises(EngineError, match="ZeroDivisionError"):
        engine.call("fail", {"kind": "bug"})
    engine.close()
    assert "Traceback" in engine.log


@pytest.mark.parametrize(("method", "params"), [("nothing", {}), ("echo", {"valeu": 1})])
def test_wrong_calls_are_errors_and_not_the_end(engine: Engine, method: str, params: dict) -> None:
    with pytest.raises(EngineError, match=method):
        engine.call(method, params)
    assert engine.call("echo", {"value": 1}) == {"value": 1}


def test_a_line_that_is_no_message_is_answered_by_a_parse_error() -> None:
    process = subprocess.run(COMMAND, input=b"hello\n[]\n", capture_output=True, check=True)
    assert process.stdout.count(b'"code": -32700') == 2


def test_a_cancelled_call_ends_and_the_engine_goes_on(engine: Engine) -> None:
    cancelled = threading.Event()
    with pytest.raises(Cancelled):
        engine.call("slow", on_progress=lambda *_: cancelled.set(), cancelled=cancelled)
    assert engine.call("echo", {"value": 1}) == {"value": 1}


def test_an_engine_that_does_not_listen_is_killed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "GRACE_SECONDS", 0.3)
    cancelled = threading.Event()
    with pytest.raises(Cancelled):
        engine.call("stubborn", on_progress=lambda *_: cancelled.set(), cancelled=cancelled)
    assert not alive(engine)


def test_an_engine_that_never_answers_is_killed(engine: Engine) -> None:
    with pytest.raises(EngineError, match="did not answer in time"):
        engine.call("stubborn", timeout=0.5)
    assert not alive(engine)


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_an_engine_killed_in_the_middle_of_a_job_is_one_sentence(engine: Engine) -> None:
    with pytest.raises(EngineError, match=r"^The engine stopped unexpectedly \(it was killed\); .*\.$"):
        engine.call("slow", on_progress=lambda *_: os.kill(engine.pid, signal.SIGKILL))
    with pytest.raises(EngineError, match="stopped unexpectedly"):
        engine.call("echo", {"value": 1})


def test_an_engine_that_exits_says_its_last_words(engine: Engine) -> None:
    with pytest.raises(EngineError, match=r"stopped unexpectedly \(last words\)"):
        engine.call("leave")


def test_an_exception_of_the_listener_reaches_the_caller(engine: Engine) -> None:
    def listener(stage: str, fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        engine.call("slow", on_progress=listener)
    started = time.monotonic()
    engine.close()
    assert time.monotonic() - started < 2, "a job that nobody waits for should end"


def test_an_engine_of_another_version_is_refused(engine: Engine) -> None:
    with pytest.raises(EngineError, match=r"of version 0\.0\.0"):
        engine.greet()


def test_the_real_engine_shakes_hands_from_a_folder_of_any_name(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "some extension"
    folder.symlink_to(root, target_is_directory=True)
    with Engine.start(sys.executable, folder) as engine:
        assert engine.call("handshake", {"protocol": 0, "version": ""})["python"].startswith("3.")


def test_an_interpreter_that_has_nothing_installed_says_what_is_missing(tmp_path: Path) -> None:
    """It has no package `likeness` either, so this also shows that the engine runs from the folder alone."""
    venv.create(tmp_path, with_pip=False)
    with pytest.raises(EngineError, match="lacks torch, mediapipe"):
        Engine.start(interpreter_of(tmp_path))


def test_an_interpreter_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="The engine is not set up .* set it up"):
        Engine.start(tmp_path / "python")


def test_the_engine_does_not_see_the_environment_of_blenders_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "nowhere")
    monkeypatch.setenv("PYTHONPATH", "nowhere")
    Engine.start(sys.executable).close()


def test_the_command_runs_isolated() -> None:
    assert "-I" in engine_command(sys.executable)


def alive(engine: Engine) -> bool:
    engine.close()
    try:
        os.kill(engine.pid, 0)
    except ProcessLookupError:
        return False
    return True
