"""The skin and the eyes of another photo on a head that is there: its identity is held."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..avatar import Avatar
from ..parametric.head import HeadModel
from ..weights import weights_path
from .appearance import EYES, appearance
from .embedding import LandmarkEmbedding
from .fit import fit_known, head_fit
from .photo_report import fit_parameters, fit_warnings, photo_reports, portrait
from .shots import take_shots
from .stages import Progress, StageClock
from .texture import SkinOptions

STAGES = {"detect": 0.0, "fit": 0.1, "texture": 0.3}
"""Stage -> share of the job that is done when it begins."""


def retexture(
    avatar: Avatar,
    photo: Path,
    options: SkinOptions,
    *,
    face: int | None = None,
    progress: Progress = lambda *_: None,
) -> tuple[Avatar, dict[str, Any]]:
    """`avatar` with the skin maps and the irises of `photo`, and the report of a capture.

    Only the pose, the expression and the light of the photo are solved for. Geometry, hair, brows and whatever else is
    no skin and no eye stay as they are. Raises InputError when the photo cannot be used, EngineError when weights are
    missing.
    """
    clock = StageClock(STAGES, progress)
    clock.begin("detect")
    (shot,), warnings = take_shots([photo], face)
    clock.begin("fit")
    model = HeadModel.load(weights_path("head"))
    beta = np.array(avatar.parameters["beta"], np.float32)
    landmark_fit = fit_known(LandmarkEmbedding.load(model), shot, beta)
    fit = replace(head_fit(model, shot, landmark_fit), beta=beta)
    clock.begin("texture")
    look = appearance(model, [fit], [shot], options)
    new = {look.materials[part].name: look.materials[part] for part in ("skin", *EYES)}
    avatar = replace(
        avatar,
        materials=[new.get(material.name, material) for material in avatar.materials],
        parameters={**avatar.parameters, **fit_parameters(fit)},
        source=shot.photo.name,
        images={**avatar.images, "photo": portrait(shot)},
    )
    report = {
        "seconds": clock.end(),
        "errors": {"landmarks_iod": fit.error},
        "parameters": avatar.parameters,
        "photos": photo_reports([shot], [fit]),
        "warnings": warnings + fit_warnings([shot], [landmark_fit]) + look.warnings,
    }
    return avatar, report
