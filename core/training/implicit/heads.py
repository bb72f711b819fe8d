"""Heads without end from the ICT-FaceKit model: closed, in the canonical pose, with the `beta` of our head model."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import igl
import numpy as np

from ...implicit.field import CANONICAL_JAW
from ...implicit.template import REGIONS as SKIN_REGIONS
from ...parametric.arkit import ARKIT_NAMES, INDEX
from ...parametric.head import SHAPES, HeadModel
from ...rendering.rasterise import interpolate
from ..ict import VERTICES, IctModel, load_ict, triangles

REGIONS = (*SKIN_REGIONS, "hair")
HEAD, FACE, MOUTH_SOCKET, EYE_SOCKETS, CAP, HAIR = range(6)
SPLITS = {"train": 0, "test": 1}
ON_SURFACE = 5e-4
"""Metres within which a vertex of our skin counts as lying on the teacher's; what lines the sockets does not."""
ACTIVE = 0.25
"""Share of ARKit's shapes at work in a random expression."""
TEST_EXPRESSIONS = 20


@dataclass(frozen=True)
class HeadSampler:
    """Random closed heads of one topology; the last vertex is the middle of the cap that closes the shoulders."""

    mean: np.ndarray
    """[V, 3] metres, float64: the mean head in the canonical pose."""
    identity: np.ndarray
    """[100, V, 3] float32 displacement of one standard deviation each."""
    expression: np.ndarray
    """[52, V, 3] float32 displacement of ARKit's shapes at weight 1; tongueOut moves no skin."""
    triangles: np.ndarray
    """[T, 3] int64, counter-clockwise from outside, watertight."""
    triangle_region: np.ndarray
    """[T] uint8 index into REGIONS."""
    ict: IctModel

    @classmethod
    def load(cls, data: Path) -> "HeadSampler":
        """From `data`/ict_facekit. Raises InputError when it is not there."""
        ict = load_ict(data)
        parts = ("outer", "mouth_socket", "left_eye_socket", "right_eye_socket")
        pieces = [triangles(ict.polygons(part)) for part in parts]
        narrow = (pieces[0] < VERTICES["narrow_face"][1]).all(1)
        regions = [np.where(narrow, FACE, HEAD)]
        regions += [np.full(len(piece), region) for piece, region in zip(pieces[1:], (2, 3, 3), strict=True)]
        skin = np.concatenate(pieces)
        loop = boundary_edges(skin)
        fan = np.c_[loop[:, ::-1], np.full(len(loop), VERTICES["skin"][1])]
        expression = np.zeros((len(ARKIT_NAMES), *ict.neutral.shape), np.float32)
        for name, delta in zip(ict.expression_names, ict.expression, strict=True):
            expression[arkit_index(name)] += delta

        def close(field: np.ndarray) -> np.ndarray:
            """The skin's rows [..., V, 3] and the mean over the loop."""
            return np.concatenate(
                [field[..., slice(*VERTICES["skin"]), :], field[..., loop[:, 0], :].mean(-2, keepdims=True)], -2
            )

        return cls(
            mean=close(ict.neutral + CANONICAL_JAW * expression[INDEX["jawOpen"]].astype(np.float64)),
            identity=close(ict.identity),
            expression=close(expression),
            triangles=np.concatenate([skin, fan]),
            triangle_region=np.concatenate([*regions, np.full(len(fan), CAP)]).astype(np.uint8),
            ict=ict,
        )

    @property
    def neutral(self) -> np.ndarray:
        """[V, 3] the mean head with its mouth closed."""
        return self.mean - CANONICAL_JAW * self.expression[INDEX["jawOpen"]]

    @cached_property
    def vertex_region(self) -> np.ndarray:
        """[V] uint8; where regions meet, the face counts before the head and both before sockets and cap."""
        region = np.full(len(self.mean), CAP, np.uint8)
        for kind in (EYE_SOCKETS, MOUTH_SOCKET, HEAD, FACE):
            region[self.triangles[self.triangle_region == kind]] = kind
        return region

    @cached_property
    def beta_map(self) -> np.ndarray:
        """[100, 100] M, so that beta = M w: least squares of our shape basis against the teacher's modes."""
        model = HeadModel.load()
        source, weights = self._on_teacher(model)
        used = weights.any(1)
        modes = np.stack([interpolate(mode, source[used], weights[used]) for mode in self.ict.identity], -1)
        basis = model.shapedirs[: len(used)][used, :, :SHAPES]
        return np.linalg.lstsq(basis.reshape(-1, SHAPES), modes.reshape(-1, len(self.identity)), rcond=None)[0]

    def beta_residual(self, w: np.ndarray) -> float:
        """Root mean square distance in metres of our head with M w to the teacher's with w, over w [N, 100]."""
        model = HeadModel.load()
        source, weights = self._on_teacher(model)
        used = weights.any(1)
        basis = model.shapedirs[: len(used)][used, :, :SHAPES]
        modes = np.stack([interpolate(mode, source[used], weights[used]) for mode in self.ict.identity], -1)
        left = (basis @ self.beta_map - modes) @ w.T
        return float(np.sqrt((left**2).sum(1).mean()))

    def _on_teacher(self, model: HeadModel) -> tuple[np.ndarray, np.ndarray]:
        """Corners [V, 3] and barycentrics [V, 3] of our skin's vertices on the teacher's; 0 for those not on it."""
        ours = model.v_template[model.vertex_part == 0].astype(np.float64)
        faces = self.triangles[self.triangle_region <= FACE]
        squared, face, closest = igl.point_mesh_squared_distance(ours, self.ict.neutral, faces)
        corners = faces[face]
        weights = igl.barycentric_coordinates(closest, *(self.ict.neutral[corners[:, k]] for k in range(3)))
        return corners, np.where(squared[:, None] < ON_SURFACE**2, weights, 0)

    def weights(self, split: str, index: int) -> np.ndarray:
        """[100] the teacher's identity weights of head `index` of "train" or "test", standard normal."""
        return np.random.default_rng([SPLITS[split], index]).standard_normal(len(self.identity))

    def beta(self, w: np.ndarray) -> np.ndarray:
        """[..., 100] shape coefficients of our head model."""
        return w @ self.beta_map.T

    def vertices(self, w: np.ndarray) -> np.ndarray:
        """[V, 3] metres in the canonical pose."""
        return self.mean + np.tensordot(w, self.identity, 1)

    def displacement(self, expression: np.ndarray) -> np.ndarray:
        """[V, 3] from the canonical pose to the expression of ARKit weights [52]."""
        change = expression.astype(np.float32)
        change[INDEX["jawOpen"]] -= CANONICAL_JAW
        return np.tensordot(change, self.expression, 1)


def arkit_index(teacher_name: str) -> int:
    """The teacher tells left from right where ARKit joins them (browInnerUp, cheekPuff)."""
    full = teacher_name.replace("_L", "Left").replace("_R", "Right")
    return INDEX[full] if full in INDEX else INDEX[teacher_name[:-2]]


def boundary_edges(faces: np.ndarray) -> np.ndarray:
    """[E, 2] directed edges of triangles [T, 3] that no other triangle runs back along."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    key, back = edges[:, 0] * (faces.max() + 1) + edges[:, 1], edges[:, 1] * (faces.max() + 1) + edges[:, 0]
    return edges[~np.isin(key, back)]


def random_expression(rng: np.random.Generator) -> np.ndarray:
    """[52] ARKit weights: a few shapes; at times a wide jaw, a smile or a blink, which chance alone would not make."""
    weights = (rng.random(len(ARKIT_NAMES)) < ACTIVE) * rng.random(len(ARKIT_NAMES))
    kind = rng.integers(6)
    if kind == 0:
        weights[INDEX["jawOpen"]] = rng.uniform(0.5, 1)
    elif kind == 1:
        weights[[INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]] = rng.uniform(0.5, 1)
    elif kind == 2:
        weights[[INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = rng.uniform(0.7, 1)
    # Alone, mouthClose pushes the lips through one another: it undoes what jawOpen opens.
    weights[INDEX["mouthClose"]] *= 0.85 * weights[INDEX["jawOpen"]]
    return weights.astype(np.float32)


def test_expressions() -> np.ndarray:
    """[20, 52] the expressions that no recipe is trained on."""
    rng = np.random.default_rng([SPLITS["test"], 1 << 20])
    return np.stack([random_expression(rng) for _ in range(TEST_EXPRESSIONS)])
