"""Builds an Avatar file in Blender without a window, exports it and renders its preview.

    python -m likeness.blender_addon.batch AVATAR --out DIR --formats glb,fbx,blend --preview --animate demo

Standard output carries progress alone, one JSON object a line: {"stage": "Exporting head.glb", "fraction": 0.4}. An
error is one sentence on standard error and the exit code of its class.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from ..core.avatar import Avatar
from ..core.bodies.avatar import body_joints
from ..core.bodies.motion import load_motion
from ..core.errors import InputError, LikenessError, UsageError
from ..core.parametric.animation import demo_clip, read_clip
from ..core.parametric.body_motion import BodyMotion
from ..core.parametric.clip import Clip
from ..core.parametric.head import HeadModel
from ..core.parametric.retarget import retarget

FORMATS = ("glb", "fbx", "blend")
FBX_PRESETS = ("generic", "unity", "unreal")

Progress = Callable[[str, float], None]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message[0].upper()}{message[1:]}.")


def main(arguments: list[str], progress: Progress) -> None:
    """Do what the command line asks. Raises LikenessError."""
    options = _parser().parse_args(arguments)
    formats = [name for name in options.formats.split(",") if name]
    unknown = set(formats) - set(FORMATS)
    if unknown:
        raise UsageError(f"Unknown format {sorted(unknown)[0]}; choose among {', '.join(FORMATS)}.")
    avatar = Avatar.load(options.avatar)
    if avatar.kind == "body" and (options.levels or options.expressions):
        raise UsageError(f"{avatar.name} is a body; levels of detail and expressions are a head's.")
    clip = None if options.animate is None else _clip(options.animate, avatar)
    out = Path(options.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror}); choose another folder.") from error
    from .headless import Order, make  # here, for Blender writes to standard output when it is imported

    preset = f"fbx_{options.fbx_preset}"
    shown = options.preview, options.expressions
    make(Order(avatar, out, options.name, formats, clip, preset, options.levels, *shown), progress)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m likeness.blender_addon.batch", description=__doc__, allow_abbrev=False)
    parser.add_argument("avatar", help="the Avatar file")
    parser.add_argument("--out", required=True, help="folder for the results, made where it is missing")
    parser.add_argument("--name", default="head", help="file name of the results, without extension")
    parser.add_argument("--formats", default="glb,fbx,blend", help=f"comma-separated, of {', '.join(FORMATS)}")
    parser.add_argument("--fbx-preset", default="generic", choices=FBX_PRESETS, help="whom the .fbx is for")
    parser.add_argument("--animate", metavar="demo|FILE", help="a head's built-in clip, or a file of what it does")
    parser.add_argument("--levels", action="store_true", help="make coarser heads too: NAME_lod1, NAME_lod2")
    parser.add_argument("--preview", action="store_true", help="render preview.png")
    parser.add_argument("--expressions", action="store_true", help="render expressions.png")
    return parser


def _clip(choice: str, avatar: Avatar) -> Clip | BodyMotion:
    if avatar.kind == "body":
        return load_motion(choice, body_joints(avatar), ground=0.0)
    return demo_clip() if choice == "demo" else retarget(read_clip(choice), HeadModel.load())


def _protected_stdout() -> Progress:
    """Turn what Blender prints away from standard output, and return the one function that still writes to it."""
    lines = os.fdopen(os.dup(1), "w")
    sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def progress(stage: str, fraction: float) -> None:
        print(json.dumps({"stage": stage, "fraction": round(fraction, 3)}), file=lines, flush=True)

    return progress


if __name__ == "__main__":
    code = 0
    try:
        main(sys.argv[1:], _protected_stdout())
    except LikenessError as error:
        sys.stderr.write(f"{error}\n")
        code = error.exit_code
    sys.stderr.flush()
    os._exit(code)  # Blender 4.2 as a module may crash while the interpreter ends, when all is written
