"""From photos of a person to an Avatar: detect, fit, texture, hair, assemble."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..avatar import Avatar
from ..parametric.arkit import arkit_from_flame
from ..parametric.assembly import head_avatar
from ..parametric.head import SHAPES, HeadModel
from ..parametric.parts import carried
from ..version import VERSION
from ..weights import weights_path
from .appearance import appearance
from .brows import grow_brows, lash_material
from .coded_head import given_code
from .embedding import LandmarkEmbedding
from .fit import best_first, fit_shots, head_fit, own_head
from .hair import grow_hair
from .implicit_avatar import AUTO, RESOLUTION, ImplicitHead, implicit_avatar
from .photo_report import fit_parameters, fit_warnings, photo_reports, portrait
from .photo_surface import fitted
from .shots import take_shots
from .skin_photo import ReliefBy
from .skin_tone import SkinTone
from .stages import Progress, StageClock
from .texture import SIZE, SkinOptions

STAGES = {"detect": 0.0, "fit": 0.1, "texture": 0.25, "hair": 0.5, "surface": 0.6, "assemble": 0.9}
"""Stage -> share of the job that is done when it begins; `surface` is of implicit heads alone."""


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
    """Solve for the relief in the photo's fine shades; without, a network tells it, which is faster."""
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
    """The head in photos of one person, and the report: `seconds` by stage, `errors`, `parameters`, `photos` (the
    figures of each, best first) and `warnings`.

    One identity and one skin are solved from all photos; hair, brows and eyes are those of the one that shows the face
    best, whose fit the Avatar keeps. The Avatar is neutral; the photo's expression is in its parameters. Raises
    InputError when a photo cannot be read or none has a face, UsageError without photos, EngineError when weights are
    missing.
    """
    relief = ReliefBy.SOLVER if options.refine else ReliefBy.NETWORK
    skin = SkinOptions(options.texture_size, relief, options.device)
    clock = StageClock(STAGES, progress)
    clock.begin("detect")
    head = None
    if options.implicit:  # refuse what cannot be before the work begins
        code = given_code([0.0] * SHAPES)
        head = ImplicitHead.load(options.model, code, options.topology, options.resolution, options.device)
    shots, warnings = take_shots(photo_paths, options.face)
    clock.begin("fit")
    model = HeadModel.load(weights_path("head"))
    embedding, tone = LandmarkEmbedding.load(model), SkinTone.load(model)
    shots, landmark_fits = best_first(shots, fit_shots(model, embedding, tone, shots))
    model, landmark_fits = own_head(model, shots, landmark_fits)
    fits = [head_fit(model, *each) for each in zip(shots, landmark_fits, strict=True)]
    (fit, *_), (shot, *_) = fits, shots
    photo, masks = shot.photo, shot.masks
    clock.begin("texture")
    look = appearance(model, fits, shots, skin)
    materials, exposure = look.materials, look.exposure
    clock.begin("hair")
    parts = []
    for grow in (grow_hair, grow_brows):
        if grown := grow(model, fit, photo, masks, exposure):
            part, materials[grown[0].name] = grown
            parts.append(part)
    if "brows" in materials:
        materials["lashes"] = lash_material(materials["brows"])
    errors = {"landmarks_iod": fit.error}
    description: dict[str, Any] = {
        "name": Path(photo.name).stem,
        "materials": materials,
        "extra_parts": parts,
        "parameters": fit_parameters(fit),
        "source": photo.name,
        "images": {"photo": portrait(shot)},
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
        "photos": photo_reports(shots, fits),
        "warnings": warnings + fit_warnings(shots, landmark_fits) + look.warnings,
    }
    return avatar, report
