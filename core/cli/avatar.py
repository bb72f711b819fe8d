"""`likeness head`, `scan` and `body`: the engine makes an Avatar, a Blender process builds and exports it."""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..bodies.motion import load_motion
from ..engine.client import Engine
from ..errors import EngineError, InputError, LikenessError, UsageError
from ..parametric.animation import read_clip
from ..parametric.body_motion import BodyMotion
from ..parametric.clip import Clip
from ..parametric.smpl_joints import adult_joints
from .progress import OnProgress, progress_bars
from .staging import staged

BATCH = (sys.executable, "-P", "-m", "likeness.blender_addon.batch")
KEPT = "npz"
"""The format that is the Avatar file itself; the others are Blender's."""
READERS: dict[str, Callable[[str], Clip | BodyMotion]] = {
    "head": read_clip,
    "body": lambda motion: load_motion(motion, adult_joints()),
}
"""Kind -> what reads a file of its motion. Raises InputError where that cannot be used."""
_ERRORS: dict[int, type[LikenessError]] = {2: UsageError, 3: InputError}


def make_avatar(
    kind: str,
    method: str,
    params: dict[str, Any],
    out: Path,
    *,
    formats: Sequence[str],
    animate: str | None = None,
    levels: bool = False,
) -> None:
    """Write `<kind>.<format>`, `preview.png` and `report.json` into `out`, all of them or none; with `levels`, coarser
    heads too, `head_lod1.<format>` and on. The engine's `method` makes the `kind`, head or body, from `params`;
    `animate` is a file of its motion. Raises LikenessError.
    """
    # Read before the work begins, which it may make useless.
    warnings = () if animate in (None, "demo") else READERS[kind](animate).warnings
    built = [name for name in formats if name != KEPT]
    with staged(out) as folder, progress_bars() as stages:
        avatar = folder / f"{kind}.{KEPT}"
        with stages.job("Engine") as progress:
            report = run_engine(method, {**params, "out": str(avatar.absolute())}, progress)
        with stages.job("Blender") as progress:
            build(kind, avatar, folder, formats=built, animate=animate, levels=levels, progress=progress)
        if KEPT not in formats:
            avatar.unlink()
        report["warnings"] += warnings
        report["seconds"] = {**stages.seconds, "total": round(sum(stages.seconds.values()), 3)}
        (folder / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8")


def run_engine(method: str, params: dict[str, Any], progress: OnProgress) -> dict[str, Any]:
    """Have the engine make the Avatar file `params["out"]`; returns the report. Raises LikenessError."""
    progress("Starting the engine", 0.0)
    with Engine.start(sys.executable) as engine:
        return engine.call(method, params, on_progress=progress)


def build(
    kind: str,
    avatar: Path,
    out: Path,
    *,
    formats: Sequence[str],
    animate: str | None,
    levels: bool,
    progress: OnProgress,
) -> None:
    """Build the Avatar in a Blender process, which exports and renders it into `out`. Raises LikenessError."""
    if find_spec("bpy") is None:
        raise EngineError("Blender's Python module is not installed; install it: pip install 'likeness[blender]'.")
    command = [*BATCH, str(avatar), "--out", str(out), "--name", kind, "--preview"]
    command += ["--formats", ",".join(formats)]
    command += ["--animate", animate] if animate else []
    command += ["--levels"] if levels else []
    progress("Starting Blender", 0.0)
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout
        for line in process.stdout:
            with contextlib.suppress(ValueError, TypeError, KeyError):  # Blender's own lines lie among ours
                message = json.loads(line)
                progress(message["stage"], message["fraction"])
        if code := process.wait():
            log.seek(0)
            lines = log.read().decode(errors="replace").split("\n")
            reason = next((line.strip() for line in reversed(lines) if line.strip()), f"exit code {code}")
            if error := _ERRORS.get(code):
                raise error(reason)
            raise EngineError(f"Blender could not build the {kind} ({reason.rstrip('.')}).")
