"""Recipe `landmarks`: where the detector's 478 landmarks lie on our head, learned from portraits alone.

1. The mean of the portraits' landmarks, with the detector's relative depth, is warped onto the mean head by the 68
   points that both know (thin-plate spline), and attached to the surface.
2. Self-calibration: the portraits are fitted, and what their identities, brows and residuals have in common is not
   theirs but the detector's; it moves the landmarks on the head. Repeated until the population averages to the mean
   head. The residuals' covariances become the landmarks' weights.
"""

from collections.abc import Sequence
from pathlib import Path

import igl
import numpy as np
from mediapipe.python.solutions.face_mesh_connections import FACEMESH_LIPS
from rich.progress import track
from scipy.interpolate import RBFInterpolator

from ..capture.embedding import LandmarkEmbedding, fingerprint
from ..capture.landmark_fit import LandmarkFit, Prior, fit_landmarks
from ..capture.landmarks import COUNT, IRISES, OVAL, iris_distance, mirror
from ..capture.points import PointModel
from ..parametric.arkit import ARKIT_NAMES
from ..parametric.head import JOINTS, SHAPES, HeadModel
from ..weights import FOLDER
from .portraits import HELD_OUT, Portrait, detect_portraits, mean_face, similarity
from .publish import publish

ROUNDS, CENTRING_ROUNDS = 4, 5
OVERSHOOT = 1.5
"""How much further than the mean identity landmarks are moved in centring: the prior shows but a part of it."""
TRACK, TRACK_STEP = 8, 0.004
"""Points of an outline track and metres between them."""
MULTI_PIE = (
    *(127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356),
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 195, 4, 98, 97, 2, 326, 327),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87),
)
"""FaceMesh landmark of each of the 68 points of the Multi-PIE markup."""
UNSHARED = ("brow", "nose", "eyeLook", "eyeWide", "eyeBlink")
"""ARKit shapes that people before a photographer show as often one way as the other: their mean is the detector's."""
LIPS = sorted({i for edge in FACEMESH_LIPS for i in edge})
"""Landmarks that learn from still mouths alone: portraits smile, and their mean mouth is not a neutral one."""
MOUTH_CORNERS = (61, 291, 78, 308)
STILL_GAP, STILL_WIDTH = 0.03, 0.87
"""Most distance between the lips and between the mouth's corners in a still mouth, over the inter-ocular distance."""
PARTED = np.where(np.array(ARKIT_NAMES) == "jawOpen", 0.3, 0.0)
"""ARKit weights of the pose in which landmarks are attached to the surface."""
SIGNED = Prior(sparse=0.0, lower=np.array([-1.0 if name.startswith(UNSHARED) else 0.0 for name in ARKIT_NAMES]))
"""Lets the shapes that average out over people go either way."""
SIGMA, LARGEST = 0.015, 0.05
"""Floor, which is also the start, and ceiling of a landmark's standard deviation, over the inter-ocular distance."""


def train_landmarks(data: Path, out: Path = FOLDER, seed: int = 0) -> None:  # noqa: ARG001
    """Learn the embedding of the head model in the weights folder on `data`/portraits; write weights and card to `out`.

    Deterministic, `seed` or not.
    """
    portraits = detect_portraits(data)
    training = [p for i, p in enumerate(portraits) if i % HELD_OUT]
    embedding = initial_embedding(HeadModel.load(), mean_face(data))
    still = np.array([still_mouth(portrait.landmarks) for portrait in training])
    starts: Sequence[LandmarkFit | None] = [None] * len(training)
    for round_ in range(ROUNDS):
        fits = fit_all(embedding, training, starts, SIGNED, f"Calibration {round_ + 1} of {ROUNDS}")
        embedding, starts = calibrated(embedding, fits, still), fits
    for round_ in range(CENTRING_ROUNDS):
        fits = fit_all(embedding, training, starts, Prior(), f"Centring {round_ + 1} of {CENTRING_ROUNDS}")
        embedding, starts = centred(embedding, fits), fits
    rest = portraits[::HELD_OUT]
    held_out = fit_all(embedding, rest, [None] * len(rest), Prior(), "Held-out portraits")
    metrics = {
        "held_out_mean_beta_share": mean_share([fit.beta for fit in held_out]),
        "held_out_landmarks_iod_median": float(np.median([fit.error for fit in held_out])),
    }
    save(embedding, out, len(training), metrics)


def mean_share(betas: list[np.ndarray]) -> float:
    """|mean beta| / mean |beta|: 0 where identities average out, 1 where all heads share one face."""
    return float(np.linalg.norm(np.mean(betas, 0)) / np.mean(np.linalg.norm(betas, axis=1)))


class Surface:
    """The skin of the mean head that a photo can show, triangulated, with the lips `PARTED`, lest a point of one is
    attached to the other."""

    def __init__(self, model: HeadModel) -> None:
        hidden = (model.masks["mouth_socket"] > 0.5) | (model.masks["eye_sockets"] > 0.5)
        quads = model.faces[(model.face_part == model.parts.index("skin")) & ~hidden[model.faces].all(1)]
        triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
        zero = np.zeros(SHAPES, np.float32)
        psi, theta = PARTED @ model.arkit_psi, np.tensordot(PARTED, model.arkit_theta, 1)
        self.vertices = model.vertices(zero, psi.astype(np.float32), theta.astype(np.float32)).astype(np.float64)
        self.triangles = np.ascontiguousarray(triangles[triangles[:, 1] != triangles[:, 2]][:], np.int64)
        self.triangles = self.triangles[self.triangles[:, 0] != self.triangles[:, 2]]
        jaw = model.lbs_weights[:, JOINTS.index("jaw")]
        self.side = np.where(jaw[self.triangles].mean(1) > 0.5, 1, -1)

    def attach(self, points: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vertices `[N, 3]`, barycentric `[N, 3]` and positions `[N, 3]` of the surface points nearest to `points`.

        `side` [N] keeps a point on the surface that the jaw moves (1) or on the rest (-1); 0 leaves it free.
        """
        corners, nearest = np.empty((len(points), 3), np.int32), np.empty((len(points), 3))
        for value in np.unique(side):
            chosen = side == value
            triangles = self.triangles[self.side * value >= 0]
            _, index, nearest[chosen] = igl.point_mesh_squared_distance(points[chosen], self.vertices, triangles)[:3]
            corners[chosen] = triangles[index]
        a, b, c = (np.ascontiguousarray(self.vertices[corners[:, k]]) for k in range(3))
        return corners, igl.barycentric_coordinates(nearest, a, b, c).astype(np.float32), nearest

    def drop(self, points: np.ndarray, side: np.ndarray) -> np.ndarray:
        """`points` moved along z onto the surface, as far as it extends beneath them."""
        points = points.copy()
        for _ in range(10):
            points[:, 2] = self.attach(points, side)[2][:, 2]
        return points


def initial_embedding(model: HeadModel, face: np.ndarray) -> LandmarkEmbedding:
    """The mean detected `face` `[478, 3]` warped onto the mean head."""
    knots = [k for k, landmark in enumerate(MULTI_PIE) if landmark not in (13, 14)]  # closed lips touch in them
    known = np.array(MULTI_PIE)[knots]
    targets = Surface(model).vertices[model.landmarks68[knots]]
    face = similarity(face[known], targets)(face)
    bend = RBFInterpolator(face[known], targets - face[known], smoothing=1e-6, kernel="thin_plate_spline")
    precision = np.tile(np.eye(2, dtype=np.float32) / SIGMA, (COUNT, 1, 1))
    precision[468:] = 0
    precision[list(IRISES)] = np.eye(2) / SIGMA
    return attached(model, face + bend(face), precision, np.zeros(COUNT, int))


def attached(model: HeadModel, targets: np.ndarray, precision: np.ndarray, side: np.ndarray) -> LandmarkEmbedding:
    """The embedding of landmarks at `targets` `[478, 3]` on the mean head with parted lips, made symmetric.

    Their depth is the surface's, as far as it extends beneath them; `side` [478] as in `Surface.attach`.
    """
    surface = Surface(model)
    targets = surface.drop((targets + targets[mirror()] * (-1, 1, 1)) / 2, side)
    vertices, barycentric, nearest = surface.attach(targets, side)
    for iris, part in zip(IRISES, ("right_eye", "left_eye"), strict=True):
        eye = np.flatnonzero(model.vertex_part == model.parts.index(part))
        apex = eye[np.argmax(model.v_template[eye, 2])]
        vertices[iris : iris + 5], barycentric[iris : iris + 5] = apex, (1, 0, 0)
        nearest[iris : iris + 5] = surface.vertices[apex]
    offset = (targets - nearest) * (1, 1, 0)
    nose = targets[4]
    outline = np.array(OVAL, np.int32)
    towards = nose - nearest[outline]
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
    steps = nearest[outline][:, None] + towards[:, None] * (np.arange(1, TRACK + 1) * TRACK_STEP)[:, None]
    track_vertices, track_barycentric, _ = surface.attach(steps.reshape(-1, 3), np.zeros(steps.size // 3, int))
    return LandmarkEmbedding(
        model,
        vertices,
        barycentric,
        offset.astype(np.float32),
        precision.astype(np.float32),
        outline,
        track_vertices.reshape(-1, TRACK, 3),
        track_barycentric.reshape(-1, TRACK, 3),
    )


def fit_all(
    embedding: LandmarkEmbedding,
    portraits: list[Portrait],
    starts: Sequence[LandmarkFit | None],
    prior: Prior,
    title: str,
) -> list[LandmarkFit]:
    """A fit of every portrait, each from its start."""
    return [
        fit_landmarks([embedding.observe(portrait.landmarks, portrait.size)], prior, [start] if start else ())[0]
        for portrait, start in zip(track(portraits, title), starts, strict=True)
    ]


def still_mouth(landmarks: np.ndarray) -> bool:
    """Whether the mouth of `landmarks` `[478, 2]` is closed and does not smile."""
    gap, width = (np.linalg.norm(landmarks[a] - landmarks[b]) for a, b in ((13, 14), (61, 291)))
    return bool(max(gap / STILL_GAP, width / STILL_WIDTH) < iris_distance(landmarks))


def calibrated(embedding: LandmarkEmbedding, fits: list[LandmarkFit], still: np.ndarray) -> LandmarkEmbedding:
    """The embedding for which the mean of these people is the mean head, with the residuals' covariances as weights.

    `still` [P] tells whose mouth is.
    """
    points = embedding.points[np.arange(COUNT)]
    beta = np.mean([fit.beta for fit in fits], 0)
    arkit = np.mean([fit.arkit for fit in fits], 0)
    arkit[[not name.startswith(UNSHARED) for name in ARKIT_NAMES]] = 0
    missing = np.array([_in_head_space(fit, points) for fit in fits])
    targets = points(beta, arkit + PARTED) + missing.mean(0)
    targets[LIPS] += (missing[still].mean(0) - missing.mean(0))[LIPS]
    precision = _precision(fits)
    precision[np.abs(embedding.precision).sum((1, 2)) == 0] = 0
    return moved(embedding, targets, precision)


def centred(embedding: LandmarkEmbedding, fits: list[LandmarkFit]) -> LandmarkEmbedding:
    """The embedding moved by the mean identity alone: with capture's prior, which holds expressions back, residuals
    would teach it their smiles."""
    beta = OVERSHOOT * np.mean([fit.beta for fit in fits], 0)
    return moved(embedding, embedding.points[np.arange(COUNT)](beta, PARTED), embedding.precision)


def moved(embedding: LandmarkEmbedding, targets: np.ndarray, precision: np.ndarray) -> LandmarkEmbedding:
    """The embedding with its landmarks at `targets` `[478, 3]`, less their common scale and motion: fits make up for
    those by the camera, so that nothing else would hold them."""
    before = embedding.points[np.arange(COUNT)](np.zeros(SHAPES), PARTED)
    aligned = similarity(targets[:468], before[:468])(targets)
    return attached(embedding.model, aligned, precision, lip_side(embedding))


def lip_side(embedding: LandmarkEmbedding) -> np.ndarray:
    """`[478]` 1 for landmarks on the lower lip, -1 on the upper, 0 elsewhere: calibration must not swap them."""
    weights = embedding.model.lbs_weights[:, JOINTS.index("jaw")], embedding.model.masks["lips"]
    jaw, lips = ((weight[embedding.vertices] * embedding.barycentric).sum(1) for weight in weights)
    side = np.where(lips > 0.5, np.where(jaw > 0.5, 1, -1), 0)
    side[list(MOUTH_CORNERS)] = 0
    return side


def _in_head_space(fit: LandmarkFit, points: PointModel) -> np.ndarray:
    """A fit's residuals `[478, 3]` in metres, parallel to the image."""
    depth = fit.camera.to_camera(points(fit.beta, fit.arkit))[:, 2:]
    seen = np.concatenate([fit.residuals * depth / fit.camera.focal, np.zeros((COUNT, 1))], 1)
    return seen @ fit.camera.rotation


def _precision(fits: list[LandmarkFit]) -> np.ndarray:
    """Inverse square roots of the landmarks' residual covariances, `[478, 2, 2]`, symmetric between left and right."""
    errors = np.array([fit.relative for fit in fits])
    errors -= errors.mean(0)
    errors = np.concatenate([errors, errors[:, mirror()] * (-1, 1)])
    covariance = np.einsum("pna,pnb->nab", errors, errors) / len(errors) + SIGMA**2 * np.eye(2)
    values, vectors = np.linalg.eigh(covariance)
    return np.einsum("nak,nk,nbk->nab", vectors, np.clip(values, None, LARGEST**2) ** -0.5, vectors)


def save(embedding: LandmarkEmbedding, out: Path, portraits: int, metrics: dict[str, float]) -> None:
    """Write `landmarks.safetensors` and its card."""
    names = ("vertices", "barycentric", "offset", "precision", "outline", "track_vertices", "track_barycentric")
    head = fingerprint(embedding.model)
    card = {
        "recipe": "likeness train landmarks",
        "data": f"{portraits} official portraits (public domain), landmarks of MediaPipe 0.10.21 (Apache-2.0)",
        "licence": "GPL-3.0-or-later",
        "head": head,
        "rounds": [ROUNDS, CENTRING_ROUNDS],
        "metrics": {name: round(value, 4) for name, value in metrics.items()},
    }
    publish("landmarks", out, {name: getattr(embedding, name) for name in names}, card, {"head": head})
