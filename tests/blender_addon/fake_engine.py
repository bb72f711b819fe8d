#!/usr/bin/env python3
"""An engine that answers at once: what the add-on is tested with where a real job would take too long.

`LIKENESS_ENGINE_PYTHON` names this file, so it is called with the arguments of a Python interpreter and ignores them.
`FAKE_ENGINE` says what becomes of the methods that make a head or a body: `done` (a copy of the avatar in
`FAKE_ENGINE_AVATAR`), `dies`, `waits` (until it is cancelled), or the message of an error. Each adds its name and
parameters as a line to the file `FAKE_ENGINE_CALLS`, and a scan is kept as `FAKE_ENGINE_SCAN`,
a head that is put on a body as `FAKE_ENGINE_HEAD`.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path

VERSION = os.environ.get("FAKE_ENGINE_VERSION", "0.1.0")
INPUT_ERROR, CANCELLED = -32003, -32005
MAKERS = ("head", "retexture", "scan", "random_head", "resample_head", "mix_heads", "body", "attach_head")


def send(**message: object) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def make(call: int, method: str, params: dict) -> None:
    behaviour = os.environ.get("FAKE_ENGINE", "done")
    note(method, params)
    send(method="progress", params={"id": call, "stage": "Finding the face", "fraction": 0.25})
    if behaviour == "dies":
        sys.exit("killed by the test")
    elif behaviour == "waits":
        assert json.loads(sys.stdin.readline())["method"] == "cancel"
        send(id=call, error={"code": CANCELLED, "message": "Cancelled."})
    elif behaviour == "done":
        time.sleep(float(os.environ.get("FAKE_ENGINE_SECONDS", "0")))  # it does not listen meanwhile
        shutil.copy(os.environ["FAKE_ENGINE_AVATAR"], params["out"])
        send(id=call, result={"warnings": ["The photo is small."], "version": VERSION})
    else:
        send(id=call, error={"code": INPUT_ERROR, "message": behaviour})


def note(method: str, params: dict) -> None:
    scan = Path(params.get("file", ""))
    if scan.is_file() and "FAKE_ENGINE_SCAN" in os.environ:
        shutil.copy(scan, os.environ["FAKE_ENGINE_SCAN"])
    if "head" in params and "FAKE_ENGINE_HEAD" in os.environ:
        shutil.copy(params["head"], os.environ["FAKE_ENGINE_HEAD"])
    if "FAKE_ENGINE_CALLS" in os.environ:
        with open(os.environ["FAKE_ENGINE_CALLS"], "a", encoding="utf-8") as file:
            file.write(json.dumps([method, params]) + "\n")


for line in sys.stdin:
    request = json.loads(line)
    if request["method"] == "handshake":
        send(id=request["id"], result={"protocol": 1, "version": VERSION, "python": "3.11"})
    elif request["method"] == "test":
        send(id=request["id"], result={"device": "cpu (fake)", "python": "3.11", "torch": "2", "mediapipe": "0"})
    elif request["method"] == "flame_transfer":
        shutil.copy(os.environ["FAKE_ENGINE_TRANSFER"], request["params"]["out"])
        send(id=request["id"], result={})
    elif request["method"] in MAKERS:
        make(request["id"], request["method"], request["params"])
