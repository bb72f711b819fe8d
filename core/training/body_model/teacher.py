"""The teacher of the body model: MakeHuman's body as the library Anny draws and rigs it (Apache-2.0 code, CC0 data).

One configuration alone is used, `topology="makehuman"`: it has the vertex order of MakeHuman's base mesh, to which
clothes bind, and it needs no download.
"""

from dataclasses import dataclass

import numpy as np
import torch

from ...errors import InputError
from ..makehuman import SKIN

SLIDERS = ("gender", "age", "muscle", "weight", "height", "proportions", "cupsize", "firmness")
MIDDLE = (0.5, 0.5, 0.5, 0.5, 0.39, 0.5, 0.5, 0.5)
SPREAD = (0.0, 0.0, 0.18, 0.18, 0.06, 0.18, 0.18, 0.18)
"""Mean and standard deviation of each. The teacher's middle height is 1.91 m for men and 1.77 m for women, and one step
of 0.1 is 11 cm: these make it 1.79 m and 1.65 m, give or take 7 cm.
"""
ANCESTRIES = ("african", "asian", "caucasian")
VERTICES = 19158
"""Of the base mesh, helpers included."""
EYES = (14598, 14742)
"""Vertices of the two eyeballs, left then right, 72 each."""
JOINT_MARKS = ((13606, 14598), (19150, VERTICES))
"""Cubes that only mark joints: no part of a body, nor of what clothes hang on."""
BATCH = 16


@dataclass(frozen=True)
class Bodies:
    """N bodies at the teacher's rest, an A-pose: metres, +Y up, +Z front."""

    vertices: np.ndarray
    """[N, 19158, 3] float32."""
    heads: np.ndarray
    """[N, 104, 3] where each bone begins."""
    sliders: np.ndarray
    """[N, 11]: `SLIDERS`, then `ANCESTRIES`."""

    def __len__(self) -> int:
        return len(self.vertices)


class Teacher:
    """Anny's rig: names, parents and weights of its bones, faces and chart of its mesh."""

    def __init__(self) -> None:
        """Raises InputError when the library is not installed."""
        try:
            import anny
        except ImportError as error:
            raise InputError("The library anny is not there; install the training extra, likeness[train].") from error
        self._anny = anny.Anny(topology="makehuman", phenotypes="all").to(torch.float32)
        self.bones: tuple[str, ...] = tuple(self._anny.bone_labels)
        self.parents = np.array(self._anny.bone_parents)
        self.template = _upright(self._anny.template_vertices.numpy())
        """[19158, 3]."""
        self.faces = self._anny.faces.numpy().astype(np.int64)
        """[13742, 4] quads of skin, eyes and tongue."""
        self.faces_uv = self._anny.face_texture_coordinate_indices.numpy().astype(np.int64)
        self.uv = self._anny.texture_coordinates.numpy().astype(np.float32)
        index, value = self._anny.vertex_bone_indices.numpy(), self._anny.vertex_bone_weights.numpy()
        self.weights = np.zeros((len(self.template), len(self.bones)))
        """[19158, 104], rows sum to 1."""
        np.add.at(self.weights, (np.arange(len(index))[:, None], index), value)

    def draw(self, count: int, rng: np.random.Generator) -> Bodies:
        """Plausible people of all ages and builds."""
        return self.bodies(random_sliders(count, rng))

    def bodies(self, sliders: np.ndarray) -> Bodies:
        """The bodies of sliders [N, 11], each 0..1."""
        made = [self._batch(sliders[start : start + BATCH]) for start in range(0, len(sliders), BATCH)]
        vertices, heads = (np.concatenate(arrays) for arrays in zip(*made, strict=True))
        return Bodies(vertices, heads, sliders)

    def _batch(self, sliders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        columns = torch.from_numpy(sliders.astype(np.float32)).T
        still = torch.eye(4).repeat(len(sliders), len(self.bones), 1, 1)
        with torch.no_grad():
            out = self._anny(
                pose_parameters=still,
                phenotype_kwargs=dict(zip((*SLIDERS, *ANCESTRIES), columns, strict=True)),
            )
        return _upright(out["rest_vertices"].numpy()), _upright(out["rest_bone_heads"].numpy())


def _upright(points: np.ndarray) -> np.ndarray:
    """From z up and the face towards -y to +Y up, +Z front."""
    return points[..., [0, 2, 1]] * np.array([1, 1, -1], points.dtype)


def random_sliders(count: int, rng: np.random.Generator) -> np.ndarray:
    """[N, 11]: builds normal about the middle; nine tenths adults up to old age, one tenth children from 1.1 m on."""
    sliders = np.clip(rng.normal(MIDDLE, SPREAD, (count, len(SLIDERS))), 0, 1)
    # Most people look like a man or a woman, and a few between.
    sliders[:, 0] = rng.beta(0.35, 0.35, count)
    child = rng.random(count) < 0.1
    sliders[:, 1] = np.where(child, rng.uniform(0.25, 0.6, count), rng.uniform(0.6, 1.0, count))
    ancestry = rng.dirichlet([0.6] * len(ANCESTRIES), count)
    return np.concatenate([sliders, ancestry], 1)


def kept_vertices() -> tuple[np.ndarray, np.ndarray]:
    """Indices into the base mesh: of the body that is shown, skin and eyes; and of the helpers that clothes hang on."""
    shown = np.concatenate([np.arange(SKIN), np.arange(*EYES)])
    helper = np.ones(VERTICES, bool)
    helper[shown] = False
    for first, end in JOINT_MARKS:
        helper[first:end] = False
    return shown, np.flatnonzero(helper)
