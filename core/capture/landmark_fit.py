"""Identity, expressions, gazes and head poses from landmarks in photos of one person: Gauss-Newton, bounds, priors.

Minimises E_lan + w_reg E_reg of the coarse inverse rendering over one beta, and ARKit weights and a camera for each
photo; `Evidence` adds as much of E_con as is known. The normal equations are an arrow: a block of each photo, which
meets the others' in beta alone. Cameras' focal lengths are given, never solved for: landmarks hardly constrain them,
and a wrong one bends the identity.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag

from ..parametric.arkit import ARKIT_NAMES, MIRROR
from ..parametric.head import JOINTS, SHAPES
from ..rendering.camera import Camera
from .camera_fit import moved, posed_camera, projection, whitened
from .observation import Observation

_ITERATIONS = 10
_CONVERGED = 0.01
"""Of beta's deviations and ARKit weights: a step below which nothing visible changes."""
USUAL = 0.25
"""Mean squared, whitened residual of a usual portrait; landmarks that disagree more are trusted less, all of them."""
RARE, RARITY = ("cheekPuff", "jawForward", "mouthFunnel", "mouthRoll", "mouthShrug", "noseSneer", "tongueOut"), 20.0
"""Beginnings of the names of shapes that photos seldom show and that landmarks confuse with identity."""
_WEIGHTS, _OWN = len(ARKIT_NAMES), len(ARKIT_NAMES) + 6
"""Size of a photo's own state: ARKit weights, and the motion of its camera."""


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

    @classmethod
    def known(cls, beta: np.ndarray) -> "Evidence":
        """That beta is `beta` [100], to a hundred thousandth."""
        certainty = 1e10
        return cls(certainty * np.eye(SHAPES), certainty * beta.astype(np.float64))


@dataclass(frozen=True)
class LandmarkFit:
    """What landmarks tell of a head in one photo; float64."""

    beta: np.ndarray
    """[100], the same in all photos that were fitted together."""
    arkit: np.ndarray
    """[52] within the prior's bounds."""
    camera: Camera
    observation: Observation
    residuals: np.ndarray
    """[N, 2] pixels, seen minus projected; points of the outline are projected where the head's outline is."""

    @property
    def relative(self) -> np.ndarray:
        """Residuals `[N, 2]` over the inter-ocular distance, in the axes of the upright face."""
        return self.residuals @ self.observation.frame.T

    @property
    def error(self) -> float:
        """Mean distance of the points that are used, over the inter-ocular distance."""
        return float(np.linalg.norm(self.relative[self.observation.used], axis=1).mean())


def fit_landmarks(
    observations: Sequence[Observation],
    prior: Prior = Prior(),
    starts: Sequence[LandmarkFit] = (),
    evidence: Sequence[Evidence] = (),
) -> list[LandmarkFit]:
    """Fit one head to what photos show of it: a fit of each photo, all of one beta.

    `starts` are fits to begin from, one for each of the `observations`.
    """
    count = len(observations)
    quadratic, linear = _regulariser(observations[0].model.arkit_theta, prior, count)
    lower = _joint(np.full(SHAPES, -np.inf), [(np.broadcast_to(prior.lower, _WEIGHTS), np.full(6, -np.inf))] * count)
    upper = _joint(np.full(SHAPES, np.inf), [(np.ones(_WEIGHTS), np.full(6, np.inf))] * count)

    beta = np.mean([start.beta for start in starts], 0) if starts else np.zeros(SHAPES)
    arkits = [start.arkit for start in starts] or [np.zeros(_WEIGHTS)] * count
    cameras = [start.camera for start in starts] or [posed_camera(observation) for observation in observations]
    for _ in range(_ITERATIONS):
        state = _joint(beta, [(arkit, np.zeros(6)) for arkit in arkits])
        hessian, gradient = quadratic.copy(), -quadratic @ state - linear
        for k, (observation, arkit, camera) in enumerate(zip(observations, arkits, cameras, strict=True)):
            place = np.r_[:SHAPES, SHAPES + k * _OWN : SHAPES + (k + 1) * _OWN]
            told, towards = _normal_equations(observation, beta, arkit, camera)
            hessian[np.ix_(place, place)] += told
            gradient[place] += towards
        for known in evidence:
            hessian[:SHAPES, :SHAPES] += known.precision
            gradient[:SHAPES] += known.vector - known.precision @ beta
        step = bounded_step(hessian, gradient, lower - state, upper - state)
        own = step[SHAPES:].reshape(count, _OWN)
        beta = beta + step[:SHAPES]
        arkits = [arkit + change[:_WEIGHTS] for arkit, change in zip(arkits, own, strict=True)]
        cameras = [moved(camera, change[_WEIGHTS:]) for camera, change in zip(cameras, own, strict=True)]
        if max(np.abs(step[:SHAPES]).max(), np.abs(own[:, :_WEIGHTS]).max()) < _CONVERGED:
            break
    return [as_fit(beta, *each) for each in zip(arkits, cameras, observations, strict=True)]


def _joint(beta: np.ndarray, own: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The state of all photos, `[100 + 58 n]`: beta, then each one's ARKit weights and camera motion."""
    return np.concatenate([beta, *(part for pair in own for part in pair)])


def _normal_equations(
    observation: Observation, beta: np.ndarray, arkit: np.ndarray, camera: Camera
) -> tuple[np.ndarray, np.ndarray]:
    """What one photo's points say of (beta, its arkit, its pose): Hessian `[158, 158]` and descent `[158]`."""
    visible = observation.visible(camera.project(observation.model(beta, arkit))[:, :2])
    positions, by_beta, by_arkit = observation.model[visible].derivatives(beta, arkit)
    projected, by_point, by_pose = projection(camera, positions)
    by_state = np.concatenate([by_point @ by_beta, by_point @ by_arkit, by_pose], -1)
    jacobian, residuals = whitened(observation.whitening, by_state, observation.points - projected)
    trust = min(1.0, USUAL * observation.used.sum() * 2 / (residuals @ residuals))
    return trust * jacobian.T @ jacobian, trust * jacobian.T @ residuals


def energy(fit: LandmarkFit, prior: Prior) -> float:
    """What a fit of one photo by itself leaves: its squared, whitened residuals and E_reg."""
    quadratic, linear = _regulariser(fit.observation.model.arkit_theta, prior, 1)
    state = _joint(fit.beta, [(fit.arkit, np.zeros(6))])
    residuals = fit.observation.whitening @ fit.residuals[..., None]
    return float((residuals**2).sum() + state @ quadratic @ state + 2 * linear @ state)


def as_fit(beta: np.ndarray, arkit: np.ndarray, camera: Camera, observation: Observation) -> LandmarkFit:
    """A head before a camera as a fit of what is observed: `beta` `[100]`, `arkit` `[52]`."""
    everything = camera.project(observation.model(beta, arkit))[:, :2]
    residuals = observation.points - everything[observation.visible(everything)]
    return LandmarkFit(beta, arkit, camera, observation, residuals)


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


def _regulariser(arkit_theta: np.ndarray, prior: Prior, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and vector of the prior over the state of `count` photos."""
    rarity = np.array([RARITY if name.startswith(RARE) else 1.0 for name in ARKIT_NAMES])
    left, right = JOINTS.index("left_eye"), JOINTS.index("right_eye")
    vergence = arkit_theta[:, left] - arkit_theta[:, right]
    lopsided = np.eye(len(MIRROR)) - np.eye(len(MIRROR))[MIRROR]
    arkit = prior.arkit * np.diag(rarity) + prior.vergence * vergence @ vergence.T
    arkit += prior.lopsided / 2 * lopsided.T @ lopsided
    own = block_diag(arkit, np.zeros((6, 6)))
    quadratic = block_diag(prior.beta * np.eye(SHAPES), *[own] * count)
    linear = _joint(np.zeros(SHAPES), [(prior.sparse * rarity, np.zeros(6))] * count)
    return quadratic + 1e-9 * np.eye(len(quadratic)), linear
