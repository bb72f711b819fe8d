"""What stands before the camera, as the renderer needs it: the head model and a torso that hangs from its shoulders."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...parametric.head import HeadModel
from ...rendering.rasterise import triangulate
from ..implicit.heads import boundary_edges

MATTER = {
    "left_cornea": (0.0, 0.0, 0.0),
    "right_cornea": (0.0, 0.0, 0.0),
    "teeth_upper": (0.62, 0.55, 0.45),
    "teeth_lower": (0.55, 0.48, 0.38),
    "gums_upper": (0.35, 0.12, 0.11),
    "gums_lower": (0.3, 0.1, 0.09),
    "tongue": (0.4, 0.14, 0.13),
    "lashes": (0.02, 0.014, 0.01),
}
"""Linear reflectance of what has no texture."""
SHELTERED = {"teeth_upper": 0.6, "teeth_lower": 0.45, "gums_upper": 0.3, "gums_lower": 0.3, "tongue": 0.4}
"""Share of the light that gets into the mouth."""


@dataclass(frozen=True)
class Body:
    """The head model's V vertices and the torso's, R rings of L."""

    loop: np.ndarray
    """[L] vertices of the shoulders' border."""
    drop: np.ndarray
    """[R, L, 3] from the border to the torso's rings."""
    rest: np.ndarray
    """[V + R L, 3] the mean head's."""
    triangles: np.ndarray
    """[T, 3] all of them."""
    drawn: np.ndarray
    """[T', 3] those that are drawn: without the corneas."""
    drawn_uv: np.ndarray
    part: np.ndarray
    """[T'] index into the model's parts; the torso comes after."""
    matter: np.ndarray
    """[parts + 1, 3] linear reflectance."""
    shelter: np.ndarray
    """[V + R L] share of the light that gets there."""
    caster: np.ndarray
    """[C, 3] triangles that cast shadows."""
    face: np.ndarray
    """[N] vertices."""
    eyeballs: tuple[np.ndarray, np.ndarray]
    """Vertices of the right and the left one."""

    @classmethod
    def of(cls, model: HeadModel) -> "Body":
        triangles, face = triangulate(model.faces)
        uv = triangulate(model.faces_uv)[0]
        part = model.face_part[face].astype(int)
        edges = boundary_edges(triangles[part == 0])
        following = dict(edges.tolist())
        loop = [int(edges[0, 0])]
        while following[loop[-1]] != loop[0]:
            loop.append(following[loop[-1]])
        around, count, size = np.array(loop), len(loop), len(model.v_template)
        border = model.v_template[around]
        wide = np.stack([np.stack([f * border[:, 0], 0 * border[:, 0] - d, 0.4 * f * border[:, 2]], 1)
                         for f, d in ((0.5, 0.02), (0.8, 0.09), (0.9, 0.5))])  # fmt: skip
        rings = [around] + [size + k * count + np.arange(count) for k in range(len(wide))]
        quads = [np.stack([b, a, np.roll(a, -1), np.roll(b, -1)], 1) for a, b in pairwise(rings)]
        torso = triangulate(np.concatenate(quads))[0]
        see_through = np.isin(part, [i for i, name in enumerate(model.parts) if name.endswith("cornea")])
        matter = [MATTER.get(name, (0.5, 0.3, 0.2)) for name in model.parts]
        shelter = np.ones(size + len(wide) * count, np.float32)
        for name, share in SHELTERED.items():
            shelter[:size][model.vertex_part == model.parts.index(name)] = share
        shelter[:size] *= 1 - 0.85 * model.masks["mouth_socket"] - 0.5 * model.masks["eye_sockets"]
        return cls(
            around,
            wide.astype(np.float32),
            np.concatenate([model.v_template, (border + wide).reshape(-1, 3)]).astype(np.float32),
            np.concatenate([triangles, torso]),
            np.concatenate([triangles[~see_through], torso]),
            np.concatenate([uv[~see_through], np.zeros_like(torso)]),
            np.concatenate([part[~see_through], np.full(len(torso), len(model.parts))]),
            np.array([*matter, (0.3, 0.3, 0.3)], np.float32),
            shelter,
            triangles[part == 0],
            np.flatnonzero(model.masks["narrow_face"] > 0.5),
            tuple(np.flatnonzero(model.vertex_part == model.parts.index(n)) for n in ("right_eye", "left_eye")),  # type: ignore[arg-type]
        )

    def posed(self, vertices: np.ndarray) -> np.ndarray:
        """The posed head's vertices `[V, 3]` and the torso's: `[V + R L, 3]`."""
        return np.concatenate([vertices, (vertices[self.loop] + self.drop).reshape(-1, 3)])
