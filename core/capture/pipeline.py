"""From a photo to an Avatar: detect, fit, texture, hair, assemble."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..avatar import Avatar
from ..errors import UsageError
from ..parametric.arkit import arkit_from_flame
from ..parametric.assembly import carried, head_avatar
from ..parametric.head import SHAPES, HeadModel
from ..version import VERSION
from ..weights import weights_path
from .appearance import appearance
from .brows import grow_brows
from .coded_head import given_code
from .embedding import LandmarkEmbedding
from .fit import HeadFit, fit_head
from .hair import grow_hair
from .implicit_avatar import AUTO, RESOLUTION, ImplicitHead, implicit_avatar
from .landmarks import detect_landmarks
from .photo import Photo, load_photo
from .photo_surface import fitted
from .segmentation import segment
from .skin_tone import SkinTone
from .stages import Progress, StageClock
from .texture import SIZE, SIZES

STAGES = {"detect": 0.0, "fit": 0.1, "texture": 0.25, "hair": 0.5, "surface": 0.6, "assemble": 0.9}
"""Stage -> share of the job that is done when it begins; `surface` is of implicit heads alone."""
_PORTRAIT_SIDE = 768
"""Pixels of the square cut-out of the photo that the Avatar carries for previews."""


@dataclass(frozen=True)
class CaptureOptions:
    """How to capture."""

    face: int | None = None
    """Which of several faces, 1 the largest; None for the largest."""
    model: str = AUTO
    """The implicit head to make the surface of; with topology quads `AUTO` means none, the parametric head as it is."""
    topology: str = "quads"
    resolution: int = RESOLUTION
    """Cells along the longest side of the implicit head's box."""
    refine: bool = True
    """Make relief of the photo's fine shades; without, a photo is done faster."""
    texture_size: int = SIZE
    """Texels along a side of the skin's maps, one of `SIZES`."""
    device: str = "cpu"
    """Torch device."""

    @property
    def implicit(self) -> bool:
        return self.model != AUTO or self.topology != "quads"


def capture_head(
    photo_paths: Sequence[Path], *, options: CaptureOptions = CaptureOptions(), progress: Progress = lambda *_: None
) -> tuple[Avatar, dict[str, Any]]:
    """The head in a photo, and the report: `seconds` by stage, `errors`, `parameters` and `warnings`.

    The Avatar is neutral; the photo's expression is in its parameters. Raises InputError when the photo cannot be
    used, UsageError unless there is one photo, EngineError when weights are missing.
    """
    if len(photo_paths) != 1:
        raise UsageError("A head is made from one photo; give exactly one.")
    if options.texture_size not in SIZES:
        raise UsageError(f"Maps are {', '.join(map(str, SIZES))} texels wide, not {options.texture_size}.")
    clock = StageClock(STAGES, progress)
    clock.begin("detect")
    head = None
    if options.implicit:  # refuse what cannot be before the work begins
        code = given_code([0.0] * SHAPES)
        head = ImplicitHead.load(options.model, code, options.topology, options.resolution, options.device)
    photo = load_photo(photo_paths[0])
    landmarks = detect_landmarks(photo, options.face)
    clock.begin("fit")
    model = HeadModel.load(weights_path("head"))
    masks = segment(photo.pixels, landmarks)
    fit = fit_head(model, LandmarkEmbedding.load(model), SkinTone.load(model), photo, masks, landmarks)
    clock.begin("texture")
    detail: dict[str, Any] = {"texture_size": options.texture_size, "refine": options.refine, "device": options.device}
    look = appearance(model, fit, photo, masks, **detail)
    materials, exposure = look.materials, look.exposure
    clock.begin("hair")
    parts = []
    for grow in (grow_hair, grow_brows):
        if grown := grow(model, fit, photo, masks, exposure):
            part, materials[grown[0].name] = grown
            parts.append(part)
    errors = {"landmarks_iod": fit.error}
    description: dict[str, Any] = {
        "name": Path(photo.name).stem,
        "materials": materials,
        "extra_parts": parts,
        "parameters": _fit_parameters(fit),
        "source": photo.name,
        "images": {"photo": _portrait(photo, landmarks)},
    }
    if head:
        clock.begin("surface")
        head, errors["surface_mm"] = fitted(head, model, fit)
        description["parameters"]["z_ex"] = arkit_from_flame(model, fit.psi[None], fit.theta[None])[0].tolist()
        clock.begin("assemble")
        avatar = implicit_avatar(head, model, **description, extra_beta=fit.beta)
    else:
        clock.begin("assemble")
        if look.offset is not None:
            description["extra_parts"] = [replace(p, vertices=p.vertices + carried(p, look.offset)) for p in parts]
        avatar = head_avatar(model, fit.beta, offset=look.offset, **description, version=VERSION)
    report = {
        "seconds": clock.end(),
        "errors": errors,
        "parameters": avatar.parameters,
        "warnings": [*_warnings(photo, fit), *look.warnings],
    }
    return avatar, report


def _fit_parameters(fit: HeadFit) -> dict[str, list[float]]:
    """What an Avatar keeps of its fit, flat. `camera` is focal, centre, size, rotation (row by row), translation."""
    camera = fit.camera
    flat = [[camera.focal], camera.center, camera.size, np.ravel(camera.rotation), camera.translation]
    arrays = {
        "beta": fit.beta,
        "psi": fit.psi,
        "theta": fit.theta,
        "light": fit.light,
        "camera": np.concatenate(flat).astype(np.float32),
    }
    return {name: np.ravel(value).tolist() for name, value in arrays.items()}


def _portrait(photo: Photo, landmarks: np.ndarray) -> bytes:
    """The head cut out of the photo as a square JPEG, as far as the photo reaches."""
    low, high = landmarks.min(0), landmarks.max(0)
    center, half = (low + high) / 2 - (0, 0.15 * (high - low)[1]), 1.1 * (high - low).max()
    box = np.concatenate([np.maximum(center - half, 0), np.minimum(center + half, photo.pixels.shape[1::-1])])
    cut = Image.fromarray(photo.pixels).crop(tuple(box.round().astype(int)))
    cut.thumbnail((_PORTRAIT_SIDE, _PORTRAIT_SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    cut.save(stream, "JPEG", quality=92)
    return stream.getvalue()


def _warnings(photo: Photo, fit: HeadFit) -> list[str]:
    warnings = []
    if fit.error > 0.05:
        warnings.append(
            f"The head fits the face in {photo.name} badly; a sharper photo from the front would do better."
        )
    if abs(np.arcsin(np.clip(fit.camera.rotation[2, 0], -1, 1))) > np.radians(35):
        warnings.append(f"The face in {photo.name} is turned far away; its hidden side is guessed.")
    return warnings
