"""What the engine can do: one function a method. Heavy imports stay inside, so that the handshake is quick."""

import platform
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EngineError, UsageError
from ..version import VERSION
from . import devices
from .protocol import PROTOCOL
from .worker import Method, Progress

if TYPE_CHECKING:
    from ..avatar import Avatar

METHODS: dict[str, Method] = {}
_NEEDED = ("torch", "mediapipe", "scipy", "skimage", "PIL", "safetensors", "igl", "trimesh")


def _method(function: Method) -> Method:
    METHODS[function.__name__] = function
    return function


def _saved(job: Callable[[str], tuple["Avatar", dict[str, Any]]], out: str, device: str) -> dict[str, Any]:
    """Run `job(device)`, save what it makes as the Avatar file `out`, and return the whole report."""
    (avatar, report), chosen, warnings = devices.run(job, device)
    avatar.save(out)
    return {**report, "version": VERSION, "device": chosen, "warnings": [*report.get("warnings", []), *warnings]}


def _coded(code: Any, name: str, mesh: dict[str, Any], progress: Progress, out: str, device: str) -> dict[str, Any]:
    """Make the head of a latent code; `mesh` is the model, topology and resolution wanted."""
    from ..capture.coded_head import coded_head

    return _saved(lambda chosen: coded_head(code, name=name, **mesh, device=chosen, progress=progress), out, device)


@_method
def handshake(*, progress: Progress, protocol: int, version: str) -> dict[str, Any]:
    """Say who answers. Raises EngineError where a dependency is not installed."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise EngineError(
            f"The Python {sys.executable} lacks {', '.join(missing)}; set up the engine in Likeness' preferences."
        )
    return {"protocol": PROTOCOL, "version": VERSION, "python": platform.python_version()}


@_method
def test(*, progress: Progress, device: str = "auto") -> dict[str, Any]:
    """Import what is heavy and compute a little on the device, as proof that jobs can run."""
    progress("Importing torch", 0.0)
    import torch

    progress("Importing mediapipe", 0.5)
    import mediapipe

    chosen = devices.resolve(device)
    total = torch.ones(1000, device=chosen).sum().item()
    if total != 1000:
        raise EngineError(f"The device {chosen} computes wrongly; choose another in Likeness' preferences.")
    return {
        "device": devices.describe(chosen),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "mediapipe": mediapipe.__version__,
    }


@_method
def head(
    *,
    progress: Progress,
    photos: list[str],
    out: str,
    face: int | None = None,
    model: str = "auto",
    topology: str = "quads",
    resolution: int = 256,
    refine: bool = True,
    texture_size: int = 2048,
    device: str = "auto",
) -> dict[str, Any]:
    """Make one head of the photos of a person; `model` auto with topology quads is the parametric head alone. `refine`
    solves for the photos' wrinkles and folds where a network would tell them, `texture_size` is that of the skin's maps
    in texels."""
    from ..capture.pipeline import CaptureOptions, capture_head

    def job(chosen: str) -> tuple["Avatar", dict[str, Any]]:
        mesh: dict[str, Any] = {"model": model, "topology": topology, "resolution": resolution}
        options = CaptureOptions(face=face, **mesh, refine=refine, texture_size=texture_size, device=chosen)
        return capture_head([Path(photo) for photo in photos], options=options, progress=progress)

    return _saved(job, out, device)


@_method
def retexture(
    *,
    progress: Progress,
    photo: str,
    beta: list[float],
    out: str,
    face: int | None = None,
    refine: bool = True,
    texture_size: int = 2048,
    device: str = "auto",
) -> dict[str, Any]:
    """Make the bare head of shape `beta` [100] with the skin and the eyes of the photo: materials for another head."""
    import numpy as np

    from ..capture.retexture import retexture as with_skin_of
    from ..capture.skin_photo import ReliefBy
    from ..capture.texture import SkinOptions
    from ..parametric.assembly import head_avatar
    from ..parametric.head import SHAPES, HeadModel
    from ..weights import weights_path

    if len(beta) != SHAPES:
        raise UsageError(f"A head has {SHAPES} shape parameters, and {len(beta)} were given.")
    bare = head_avatar(HeadModel.load(weights_path("head")), np.array(beta, np.float32))

    def job(chosen: str) -> tuple["Avatar", dict[str, Any]]:
        options = SkinOptions(texture_size, ReliefBy.SOLVER if refine else ReliefBy.NETWORK, chosen)
        return with_skin_of(bare, Path(photo), options, face=face, progress=progress)

    return _saved(job, out, device)


@_method
def scan(
    *,
    progress: Progress,
    file: str,
    out: str,
    model: str = "auto",
    topology: str = "quads",
    resolution: int = 256,
    device: str = "auto",
) -> dict[str, Any]:
    """Make a head of the scan in `file`."""
    from ..capture.scan import capture_scan

    def job(chosen: str) -> tuple["Avatar", dict[str, Any]]:
        mesh: dict[str, Any] = {"model": model, "topology": topology, "resolution": resolution}
        return capture_scan(Path(file), **mesh, device=chosen, progress=progress)

    return _saved(job, out, device)


@_method
def random_head(
    *,
    progress: Progress,
    seed: int,
    out: str,
    hair: bool = False,
    model: str = "auto",
    topology: str = "quads",
    resolution: int = 256,
    device: str = "auto",
) -> dict[str, Any]:
    """Make the head of a seed, the same each time."""
    from ..capture.coded_head import random_code

    mesh = {"model": model, "topology": topology, "resolution": resolution}
    return _coded(random_code(seed, hair), f"Head {seed}", mesh, progress, out, device)


@_method
def resample_head(
    *,
    progress: Progress,
    z_id: list[float],
    out: str,
    model: str = "auto",
    topology: str = "quads",
    resolution: int = 256,
    device: str = "auto",
) -> dict[str, Any]:
    """Make the head of a latent code (see `coded_head.given_code`)."""
    from ..capture.coded_head import given_code

    mesh = {"model": model, "topology": topology, "resolution": resolution}
    return _coded(given_code(z_id), "Head", mesh, progress, out, device)


@_method
def mix_heads(
    *,
    progress: Progress,
    first: list[float],
    second: list[float],
    out: str,
    factor: float = 0.5,
    model: str = "auto",
    topology: str = "quads",
    resolution: int = 256,
    device: str = "auto",
) -> dict[str, Any]:
    """Make the head between two latent codes: `first` at factor 0, `second` at 1."""
    from ..capture.coded_head import mixed_code

    mesh = {"model": model, "topology": topology, "resolution": resolution}
    return _coded(mixed_code(first, second, factor), "Mixed head", mesh, progress, out, device)


@_method
def body(
    *,
    progress: Progress,
    out: str,
    seed: int = 0,
    shape_seed: int | None = None,
    detail_seed: int | None = None,
    beta: list[float] | None = None,
    sex: float | None = None,
    age: float | None = None,
    weight: float | None = None,
    muscle: float | None = None,
    height: float | None = None,
    clothes: bool = True,
    resolution: int = 256,
    joint_names: str = "smpl",
    head: str | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Make the body of a seed, the same each time, in its clothes or without; its bones named as `joint_names` says.

    Its shape is of `shape_seed`, its detail of `detail_seed`, each the seed where it is not given. `beta` takes the
    place of the seed's shape. Sex, age and build (see `bodies.sliders`) are the shape's own where they are not given.
    On it comes the head of the file `head` (see `attach_head`).
    """
    from ..bodies.dressing import Dresser
    from ..bodies.seeded import seeded_body
    from ..parametric.body import BodyModel
    from ..weights import weights_path

    sliders = {"sex": sex, "age": age, "weight": weight, "muscle": muscle, "height": height}
    options: dict[str, Any] = {"shape_seed": shape_seed, "detail_seed": detail_seed, "beta": beta}
    options["wanted"] = {name: value for name, value in sliders.items() if value is not None}

    def job(chosen: str) -> tuple["Avatar", dict[str, Any]]:
        progress("Shaping the body", 0.1)
        model = BodyModel.load(weights_path("body"))
        dresser = Dresser.load(model, lambda stage, share: progress(stage, 0.1 + 0.4 * share)) if clothes else None
        avatar = seeded_body(model, seed, **options, resolution=resolution, joint_names=joint_names, dresser=dresser)
        report: dict[str, Any] = {}
        if head is not None:
            avatar, report = _attached(avatar, head, progress, chosen)
        return avatar, {**report, "parameters": avatar.parameters}

    return _saved(job, out, "cpu" if head is None else device)


@_method
def attach_head(*, progress: Progress, body: str, head: str, out: str, device: str = "auto") -> dict[str, Any]:
    """Put the head of the file `head`, a photo or an Avatar, on the body of the Avatar file `body`."""
    from ..avatar import Avatar

    def job(chosen: str) -> tuple["Avatar", dict[str, Any]]:
        avatar, report = _attached(Avatar.load(body), head, progress, chosen)
        return avatar, {**report, "parameters": avatar.parameters}

    return _saved(job, out, device)


def _attached(body: "Avatar", head: str, progress: Progress, device: str) -> tuple["Avatar", dict[str, Any]]:
    """The body with the head of a file, and of a photo the report."""
    from ..bodies.head_on_body import with_head
    from ..capture.given_head import given_head

    given, report = given_head(Path(head), device=device, progress=progress)
    progress("Putting the head on the body", 0.9)
    return with_head(body, given), report


@_method
def flame_transfer(*, progress: Progress, flame: str, out: str) -> dict[str, Any]:
    """Register a user's FLAME model onto the head model and save the maps between the two as the file `out`."""
    from ..parametric.flame_files import load_flame
    from ..parametric.head import HeadModel
    from ..parametric.registration import flame_transfer as register
    from ..weights import weights_path

    progress("Registering the FLAME model", 0.1)
    register(load_flame(flame), HeadModel.load(weights_path("head"))).save(out)
    return {}
