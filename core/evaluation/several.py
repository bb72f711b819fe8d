"""Suite `several`: what further photos of a person add, what a turned head costs, and whether photos agree.

Heads of known shape, each photo of which has the light, and the errors of the landmarks, of a real portrait. The
points come from whatever observed the portraits, so that the suite measures any detector.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from ..capture.embedding import LandmarkEmbedding
from ..capture.face_surface import FaceSurface
from ..capture.landmark_fit import LandmarkFit, fit_landmarks
from ..capture.lens import with_lens
from ..capture.observation import Observation, upright_frame
from ..capture.photometric import Shades, irradiance, shade_witness
from ..capture.refine import refine
from ..capture.skin_tone import SkinTone
from ..capture.strangers import likeness
from ..parametric.head import JOINTS, SHAPES, HeadModel
from ..parametric.lbs import rotation_matrix
from ..rendering.camera import Camera
from ..rendering.shading import sh_basis
from ..training.albedo import fit_portraits
from ..training.portraits import HELD_OUT, portrait_paths
from ..weights import weights_path
from .synthetic import Sitter, fixed_shades, shape_error_mm, sitter, synthetic_expression

HEADS, SEED = 24, 11
PHOTOS = 3
"""Of one head: from the front, from one side, and from either."""
YAWS = (0, 20, 40, 60)
"""Degrees."""
SIZE = (1200, 1600)
FACE = 420
"""Pixels across a face of `WIDTH` metres, about, whatever the lens."""
WIDTH = 0.15
TILT = np.radians((6.0, 5.0))
"""Standard deviations of pitch and roll."""
LENSES = (1600.0, 7000.0)
"""Focal lengths in pixels: a phone's at arm's length, and a portrait lens'."""


@dataclass(frozen=True)
class Lender:
    """A portrait that lends a synthetic photo its light and skin, and the errors of its detector."""

    sitter: Sitter
    observation: Observation


@dataclass(frozen=True)
class SyntheticPhoto:
    observation: Observation
    shades: Shades


@dataclass(frozen=True)
class Bench:
    """What synthetic photos are made and fitted with."""

    model: HeadModel
    surface: FaceSurface
    tone: SkinTone

    def photo(self, beta: np.ndarray, arkit: np.ndarray, camera: Camera, lender: Lender) -> SyntheticPhoto:
        """The photo that `camera` takes of a head, as `lender`'s detector sees it and in its light."""
        normals = self.surface.normals(self.surface.positions(beta, arkit))
        luminance = np.log(irradiance(sh_basis(normals), lender.sitter.light)) + lender.sitter.tone
        shades = fixed_shades(luminance, lender.sitter.bare)
        return SyntheticPhoto(imitated(lender, beta, arkit, camera), shades)

    def fit(self, *photos: SyntheticPhoto) -> Sequence[LandmarkFit]:
        """As capture fits photos of one person."""
        fits = fit_landmarks([photo.observation for photo in photos])
        return refine(fits, [[shade_witness(self.surface, self.tone, photo.shades)] for photo in photos])

    def error(self, photos: Sequence[SyntheticPhoto], truth: np.ndarray) -> float:
        return shape_error_mm(self.model, self.fit(*photos)[0].beta, truth)


def evaluate_several(data: Path) -> dict[str, Any]:
    """Tables over synthetic heads that the held-out quarter of `data`/portraits lends light, skin and errors to."""
    model = HeadModel.load(weights_path("head"))
    embedding, tone, surface = LandmarkEmbedding.load(model), SkinTone.load(model), FaceSurface.of(model)
    lenders = []
    for portrait in fit_portraits(embedding, portrait_paths(data)[::HELD_OUT], "Held-out portraits"):
        (fit,) = refine([portrait.fit], [portrait.witnesses(surface, tone)])
        lenders.append(Lender(sitter(surface, portrait.shades, fit), fit.observation))
    bench, rng = Bench(model, surface, tone), np.random.default_rng(SEED)
    trials = [trial(bench, lenders, rng) for _ in track(range(HEADS), "Synthetic heads")]
    return {title: table([each[title] for each in trials]) for title in trials[0]}


def trial(bench: Bench, lenders: Sequence[Lender], rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """The figures of one head, by table and row."""
    beta, other = rng.standard_normal((2, SHAPES))
    lent = [lenders[k] for k in rng.permutation(len(lenders))[:PHOTOS]]
    side = rng.choice([-1, 1])
    yaws = (rng.normal(0, 10), side * rng.uniform(15, 45), rng.choice([-1, 1]) * rng.uniform(15, 45))
    scenes = [(synthetic_expression(rng), photo_camera(rng, yaw)) for yaw in yaws]
    photos = [bench.photo(beta, *scene, lender) for scene, lender in zip(scenes, lent, strict=True)]
    alike = [bench.photo(beta, *scene, lent[0]) for scene in scenes]
    counts = range(1, PHOTOS + 1)

    turned = [bench.photo(beta, scenes[0][0], photo_camera(rng, side * yaw), lent[0]) for yaw in YAWS]
    by_yaw = [bench.error([photo], beta) for photo in turned]

    cameras = [photo_camera(rng, rng.normal(0, 10), lens) for lens in LENSES]
    pair = [bench.photo(beta, scenes[0][0], *each) for each in zip(cameras, lent, strict=False)]
    blind = [replace(photo, observation=with_lens(photo.observation)) for photo in pair]

    stranger = bench.photo(other, *scenes[1], lent[1])
    return {
        "Shape error in mm, by the number of photos": {f"{n}": bench.error(photos[:n], beta) for n in counts},
        "The same, all with the errors of one portrait": {f"{n}": bench.error(alike[:n], beta) for n in counts},
        "Shape error in mm of one photo, by yaw": {f"{yaw}": error for yaw, error in zip(YAWS, by_yaw, strict=True)},
        "Distance in mm between two photos' heads under different light and lens": {
            "lenses known": bench.error(pair[:1], bench.fit(pair[1])[0].beta),
            "lenses unknown": bench.error(blind[:1], bench.fit(blind[1])[0].beta),
        },
        "Cosine between two photos' betas": {
            "of one head": float(likeness(bench.fit(*photos[:2]))[0]),
            "of two heads": float(likeness(bench.fit(photos[0], stranger))[0]),
        },
    }


def table(trials: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Each row's mean over the trials, its share of the first row's, and the least, and the 90th percentile."""
    values = {name: np.array([each[name] for each in trials]) for name in trials[0]}
    first = next(iter(values.values())).mean()
    return {
        name: {
            "mean": float(v.mean()),
            "of the first": float(v.mean() / first),
            "p10": float(np.percentile(v, 10)),
            "p90": float(np.percentile(v, 90)),
        }
        for name, v in values.items()
    }


def imitated(lender: Lender, beta: np.ndarray, arkit: np.ndarray, camera: Camera) -> Observation:
    """What the detector that saw `lender` would see of another head: the truth, and the errors that it made there.

    Errors are relative to the distance between the eyes, not to the foreshortened one of a turned head.
    """
    seen, points = lender.observation, lender.observation.model
    projected = camera.project(points(beta, arkit))[:, :2]
    truth = projected[seen.visible(projected)]
    joints = points.joints + np.tensordot(beta, points.joint_shape, 1)
    eyes = joints[[JOINTS.index(name) for name in ("right_eye", "left_eye")]]
    right, left = camera.project(eyes)[:, :2]
    frame = upright_frame(right, left)
    apart = np.linalg.norm(eyes[1] - eyes[0]) * camera.focal / camera.to_camera(eyes)[:, 2].mean()
    error = lender.sitter.landmarks @ frame * (apart * np.linalg.norm(right - left))
    return replace(seen, points=truth + error, frame=frame, size=camera.size, focal=camera.focal)


def photo_camera(rng: np.random.Generator, yaw: float, focal: float | None = None) -> Camera:
    """A camera that sees a head turned by `yaw` degrees, as large whatever its lens, drawn from `LENSES`."""
    focal = focal or float(np.exp(rng.uniform(*np.log(LENSES))))
    pitch, roll = rng.normal(0, TILT)
    turn = np.diag([1.0, -1.0, -1.0])
    for axis, angle in ((2, roll), (0, pitch), (1, np.radians(yaw))):
        turn = turn @ rotation_matrix(angle * np.eye(3)[axis])
    distance = focal * WIDTH / FACE
    return Camera(focal, (SIZE[0] / 2, SIZE[1] / 2), SIZE, turn, np.array([0, 0, distance]) - turn @ (0, 0.02, 0.06))
