"""From a scan to an Avatar: read, find the head, fit the linear model, invert the implicit one, assemble."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..avatar import Avatar
from ..parametric.arkit import flame_from_arkit
from ..parametric.head import SHAPES, HeadModel
from ..rendering.shading import vertex_normals
from ..weights import weights_path
from .appearance import plain_materials
from .coded_head import given_code
from .implicit_avatar import AUTO, RESOLUTION, ImplicitHead, implicit_avatar
from .inversion import MM, Inversion, invert
from .linear_fit import HeadSurface, LinearFit, fit_linear
from .scan_file import read_scan
from .scan_normals import outward_normals
from .scan_pose import HeadPose, find_head, refuse_no_head
from .stages import Progress, StageClock

STAGES = {"read": 0.0, "pose": 0.05, "fit": 0.2, "invert": 0.35, "assemble": 0.75}
"""Stage -> share of the job that is done when it begins."""
_POINTS = 10_000
"""Points that are fitted."""
_COARSE = 2
"""Level of detail of the head that a pose is found with."""
_POOR_MM = 2.0
"""Median distance from the surface beyond which a fit is poor: a hand-held scanner's noise."""


def capture_scan(
    path: Path,
    *,
    model: str = AUTO,
    topology: str = "quads",
    resolution: int = RESOLUTION,
    device: str = "cpu",
    progress: Progress = lambda *_: None,
) -> tuple[Avatar, dict[str, Any]]:
    """The head in a scan, and the report: `unit`, `pose`, `seconds` by stage, `errors`, `parameters` and `warnings`.

    The Avatar is neutral; the scan's expression is in its parameters. Raises InputError when the scan cannot be used,
    and as `ImplicitHead.load`.
    """
    clock = StageClock(STAGES, progress)
    clock.begin("read")
    head = ImplicitHead.load(model, given_code([0.0] * SHAPES), topology, resolution, device)  # refuses what cannot be
    scan = read_scan(path)
    clock.begin("pose")
    parametric = HeadModel.load(weights_path("head"))
    coarse = HeadSurface.of(parametric, _COARSE)
    pose = find_head(scan, coarse)
    clock.begin("fit")
    chosen = np.random.default_rng(0).permutation(len(scan.points))[:_POINTS]
    points = pose.points(scan.points[chosen])
    normals = None if scan.normals is None else scan.normals[chosen] @ pose.rotation.T
    around = coarse.points(pose.beta, pose.arkit)
    normals = outward_normals(points, normals, around, vertex_normals(around, coarse.triangles))
    surface = HeadSurface.of(parametric)
    fit = fit_linear(surface, points, normals)
    refuse_no_head(surface, fit, points, path.name)
    clock.begin("invert")
    inversion = _inverted(head, surface, fit, points, normals)
    clock.begin("assemble")
    z_ex = inversion.z_ex.cpu().numpy()
    psi, theta = flame_from_arkit(parametric, z_ex)
    avatar = implicit_avatar(
        replace(head, z_id=inversion.z_id),
        parametric,
        name=path.stem,
        materials=plain_materials(parametric),
        parameters={"z_ex": z_ex.tolist(), "psi": psi.tolist(), "theta": theta.ravel().tolist()},
        source=path.name,
        progress=lambda stage, share: progress(stage, STAGES["assemble"] + (1 - STAGES["assemble"]) * share),
    )
    report = {
        "unit": pose.unit,
        "pose": _pose(pose, fit),
        "seconds": clock.end(),
        "errors": _errors(inversion),
        "parameters": avatar.parameters,
        "warnings": [*scan.warnings, *_warnings(inversion, path.name)],
    }
    return avatar, report


def _inverted(
    head: ImplicitHead, surface: HeadSurface, fit: LinearFit, points: np.ndarray, normals: np.ndarray
) -> Inversion:
    """The codes of the points [N, 3] and normals [N, 3] that `fit` was made of, from there on."""
    moved = fit.moved(points)
    arrays = (moved, normals @ fit.rotation.T, fit.beta, fit.arkit, surface.canonical(fit, moved))
    placed, turned, beta, arkit, canonical = (torch.from_numpy(array.astype(np.float32)) for array in arrays)
    return invert(head.field, placed, turned, beta=beta, z_ex=arkit, canonical=canonical)


def _pose(pose: HeadPose, fit: LinearFit) -> dict[str, list[float]]:
    """A point p of the file lies at `rotation` (row by row) (`metres` p) + `translation` in the head's frame."""
    rotation, translation = fit.rotation @ pose.rotation, fit.moved(pose.translation)
    return {"metres": [pose.metres], "rotation": rotation.ravel().tolist(), "translation": translation.tolist()}


def _errors(inversion: Inversion) -> dict[str, float]:
    distance = MM * inversion.distance.cpu().numpy()
    return {
        "scan_to_surface_mm": float(np.median(distance)),
        "scan_to_surface_p95_mm": float(np.percentile(distance, 95)),
    }


def _warnings(inversion: Inversion, name: str) -> list[str]:
    if inversion.residual_mm < _POOR_MM:
        return []
    distance = f"{inversion.residual_mm:.1f} mm"
    return [f"Half of the points of {name} are {distance} or more from the head; a cleaner scan would do better."]
