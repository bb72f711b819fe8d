"""Identity, expression, gaze and head pose from landmarks: Gauss-Newton with bounds and priors.

Minimises E_lan + w_reg E_reg of the coarse inverse rendering, and as much of E_con as `Evidence` tells. The camera's
focal length is given, never solved for: landmarks hardly constrain it, and a wrong one bends the identity.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..parametric.arkit import ARKIT_NAMES, MIRROR
from ..parametric.head import JOINTS, SHAPES
from ..parametric.lbs import rotation_matrix, skew
from ..rendering.camera import Camera
from .embedding import LandmarkEmbedding
from .landmarks import COUNT, IRISES, iris_distance

NEAREST = 1.0
"""Metres: without EXIF, a photo that needs a nearer camera is taken to be cropped, or taken with a longer lens."""
FIELD = 1.2
"""Focal length over the photo's long side, without EXIF: that of a phone's main camera."""
INTER_OCULAR = 0.0639
"""Metres between the iris centres of the mean head."""
_POSE_ITERATIONS, _ITERATIONS = 4, 10
_CONVERGED = 0.01
"""Of beta's deviations and ARKit weights: a step below which nothing visible changes."""
USUAL = 0.25
"""Mean squared, whitened residual of a usual portrait; landmarks that disagree more are trusted less, all of them."""
RARE, RARITY = ("cheekPuff", "jawForward", "mouthFunnel", "mouthRoll", "mouthShrug", "noseSneer", "tongueOut"), 20.0
"""Beginnings of the names of shapes that photos seldom show and that landmarks confuse with identity."""


@dataclass(frozen=True)
class Prior:
    """E_reg, against squared, whitened landmark residuals, which are far from independent."""

    beta: float = 3.0
    """Weight of |beta|^2."""
    arkit: float = 6.0
    """Weight of |w|^2 of the ARKit weights w; `RARE` ones weigh `RARITY` times as much."""
    sparse: float = 4.0
    """Weight of |w|_1."""
    lopsided: float = 8.0
    """Weight of the squared difference between left and right."""
    vergence: float = 400.0
    """Weight of the squared angle between the eyes' gazes."""
    lower: np.ndarray | float = 0.0
    """Least ARKit weights."""


@dataclass(frozen=True)
class Evidence:
    """What else is known of beta: a Gaussian."""

    precision: np.ndarray
    """[100, 100]."""
    vector: np.ndarray
    """[100] precision times mean."""


@dataclass(frozen=True)
class LandmarkFit:
    """What landmarks tell of a head; float64."""

    beta: np.ndarray
    """[100]."""
    arkit: np.ndarray
    """[52] within the prior's bounds."""
    camera: Camera
    landmarks: np.ndarray
    """[478, 2] pixels, as detected."""
    residuals: np.ndarray
    """[478, 2] pixels, detected minus projected; those of the outline are projected where the head's outline is."""

    @property
    def relative(self) -> np.ndarray:
        """Residuals `[478, 2]` over the inter-ocular distance, in the axes of the upright face."""
        return self.residuals @ _unroll(self.landmarks).T / iris_distance(self.landmarks)

    @property
    def error(self) -> float:
        """Mean distance of the face's 468 landmarks and the two iris centres, over the inter-ocular distance."""
        return float(np.linalg.norm(self.relative[[*range(468), *IRISES]], axis=1).mean())


def prior_focal(landmarks: np.ndarray, size: tuple[int, int]) -> float:
    """Focal length in pixels for a photo of `size` (width, height) whose file does not tell it."""
    return max(FIELD * max(size), NEAREST * iris_distance(landmarks) / INTER_OCULAR)


def fit_landmarks(
    embedding: LandmarkEmbedding,
    landmarks: np.ndarray,
    size: tuple[int, int],
    focal: float | None = None,
    prior: Prior = Prior(),
    start: "LandmarkFit | None" = None,
    evidence: Evidence | None = None,
) -> LandmarkFit:
    """Fit the head to `landmarks` `[478, 2]` of a photo of `size` (width, height) pixels.

    `start` is a fit to begin from.
    """
    landmarks = landmarks.astype(np.float64)
    points = embedding.points
    whitening = embedding.precision @ _unroll(landmarks) / iris_distance(landmarks)
    quadratic, linear = _regulariser(points.arkit_theta, prior)
    lower = np.concatenate(
        [np.full(SHAPES, -np.inf), np.broadcast_to(prior.lower, len(ARKIT_NAMES)), np.full(6, -np.inf)]
    )
    upper = np.concatenate([np.full(SHAPES, np.inf), np.ones(len(ARKIT_NAMES)), np.full(6, np.inf)])

    if start:
        beta, arkit, camera = start.beta, start.arkit, start.camera
    else:
        beta, arkit = np.zeros(SHAPES), np.zeros(len(ARKIT_NAMES))
        camera = _posed_camera(embedding, landmarks, size, focal or prior_focal(landmarks, size), whitening)
    for _ in range(_ITERATIONS):
        visible = embedding.visible(camera.project(points(beta, arkit))[:, :2])
        positions, by_beta, by_arkit = points[visible].derivatives(beta, arkit)
        projected, by_point, by_pose = _projection(camera, positions)
        by_state = np.concatenate([by_point @ by_beta, by_point @ by_arkit, by_pose], -1)
        jacobian, residuals = _whitened(whitening, by_state, landmarks - projected)
        state = np.concatenate([beta, arkit, np.zeros(6)])
        trust = min(1.0, USUAL * whitening.any((1, 2)).sum() * 2 / (residuals @ residuals))
        hessian = trust * jacobian.T @ jacobian + quadratic
        gradient = trust * jacobian.T @ residuals - quadratic @ state - linear
        if evidence:
            hessian[:SHAPES, :SHAPES] += evidence.precision
            gradient[:SHAPES] += evidence.vector - evidence.precision @ beta
        step = bounded_step(hessian, gradient, lower - state, upper - state)
        beta, arkit = beta + step[:SHAPES], arkit + step[SHAPES:-6]
        camera = _moved(camera, step[-6:])
        if np.abs(step[:-6]).max() < _CONVERGED:
            break
    everything = camera.project(points(beta, arkit))[:, :2]
    return LandmarkFit(beta, arkit, camera, landmarks, landmarks - everything[embedding.visible(everything)])


def _whitened(whitening: np.ndarray, by_state: np.ndarray, difference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Jacobian `[2 N, P]` and residuals `[2 N]` in standard deviations."""
    return (whitening @ by_state).reshape(-1, by_state.shape[-1]), (whitening @ difference[..., None]).ravel()


def _moved(camera: Camera, motion: np.ndarray) -> Camera:
    """The camera after a small rotation and translation `[6]` in its own space."""
    turn = rotation_matrix(motion[:3])
    return replace(camera, rotation=turn @ camera.rotation, translation=turn @ camera.translation + motion[3:])


def bounded_step(hessian: np.ndarray, gradient: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Minimise x H x / 2 - g x within bounds `[P]`; its active set only grows, so bounds may hold too much."""
    step = np.zeros(len(gradient))
    free = ~((lower >= 0) & (gradient < 0)) & ~((upper <= 0) & (gradient > 0))
    while free.any():
        fixed = ~free
        right = gradient[free] - hessian[np.ix_(free, fixed)] @ step[fixed]
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], right)
        outside = free & ((step < lower) | (step > upper))
        if not outside.any():
            break
        step[outside] = np.clip(step[outside], lower[outside], upper[outside])
        free = free & ~outside
    return step


def _regulariser(arkit_theta: np.ndarray, prior: Prior) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and vector of the prior over (beta, arkit, pose)."""
    rarity = np.array([RARITY if name.startswith(RARE) else 1.0 for name in ARKIT_NAMES])
    left, right = JOINTS.index("left_eye"), JOINTS.index("right_eye")
    vergence = arkit_theta[:, left] - arkit_theta[:, right]
    lopsided = np.eye(len(MIRROR)) - np.eye(len(MIRROR))[MIRROR]
    arkit = slice(SHAPES, SHAPES + len(ARKIT_NAMES))
    quadratic = np.diag(np.full(SHAPES + len(ARKIT_NAMES) + 6, 1e-9))
    quadratic[:SHAPES, :SHAPES] += prior.beta * np.eye(SHAPES)
    quadratic[arkit, arkit] += prior.arkit * np.diag(rarity) + prior.vergence * vergence @ vergence.T
    quadratic[arkit, arkit] += prior.lopsided / 2 * lopsided.T @ lopsided
    linear = np.zeros(len(quadratic))
    linear[arkit] = prior.sparse * rarity
    return quadratic, linear


def _unroll(landmarks: np.ndarray) -> np.ndarray:
    """[2, 2] rotation of pixels into the axes of the upright face."""
    x, y = landmarks[IRISES[1]] - landmarks[IRISES[0]]
    return np.array([[x, y], [-y, x]]) / np.hypot(x, y)


def _projection(camera: Camera, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels `[N, 2]`, and their derivatives by head-space position `[N, 2, 3]` and by camera motion `[N, 2, 6]`."""
    seen = camera.to_camera(positions)
    x, y, z = seen.T
    zero = np.zeros_like(z)
    by_seen = np.stack([np.stack([1 / z, zero, -x / z**2], -1), np.stack([zero, 1 / z, -y / z**2], -1)], 1)
    by_seen *= camera.focal
    by_pose = np.concatenate([by_seen @ -skew(seen), by_seen], -1)
    return camera.project(positions)[:, :2], by_seen @ camera.rotation, by_pose


def _posed_camera(
    embedding: LandmarkEmbedding, landmarks: np.ndarray, size: tuple[int, int], focal: float, whitening: np.ndarray
) -> Camera:
    """The camera that sees the mean head best: the pose comes first, lest the face is bent to do its work."""
    points = embedding.points.template[:COUNT]
    used = np.abs(embedding.precision).sum((1, 2)) > 0
    camera = _initial_camera(points[used], landmarks[used], size, focal)
    for _ in range(_POSE_ITERATIONS):
        projected, _, by_pose = _projection(camera, points)
        jacobian, residuals = _whitened(whitening, by_pose, landmarks - projected)
        camera = _moved(camera, np.linalg.solve(jacobian.T @ jacobian + 1e-9 * np.eye(6), jacobian.T @ residuals))
    return camera


def _initial_camera(points: np.ndarray, landmarks: np.ndarray, size: tuple[int, int], focal: float) -> Camera:
    """Pose by scaled orthography: the affine map of the mean head to the landmarks, made a rotation."""
    center, middle = points.mean(0), landmarks.mean(0)
    affine = np.linalg.lstsq(points - center, landmarks - middle, rcond=None)[0].T
    u, scales, vt = np.linalg.svd(affine, full_matrices=False)
    rows = u @ vt
    rotation = np.stack([rows[0], rows[1], np.cross(rows[0], rows[1])])
    principal = (size[0] / 2, size[1] / 2)
    depth = focal / scales.mean()
    seen = np.array([*((middle - principal) * depth / focal), depth])
    return Camera(focal, principal, size, rotation, seen - rotation @ center)
