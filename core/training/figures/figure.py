"""Clothed figures: the teacher's bodies in suits, shoes and hair, in SMPL's T-pose or posed by its 24 joints."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import igl
import numpy as np
from scipy.sparse import csr_matrix

from ...parametric.smpl_joints import INDEX, JOINTS
from ...rendering.rasterise import interpolate, triangulate
from ...rendering.shading import vertex_normals
from ..body_model.posing import Rig, Standing, dual_quaternion_skin
from ..body_model.teacher import Teacher, kept_vertices
from ..makehuman import SKIN
from .garments import Garment
from .wardrobe import Outfit, Wardrobe, random_outfit

PARTS = ("skin", "eyes", "suit", "shoes", "hair")
INSET, ENCLOSED = 6e-3, 0.75
"""Skin that, so many metres deeper, has more than this winding number in a garment is covered by it."""
CUFF = 0.015
"""Metres of skin that a cut garment still hides short of its border."""


@dataclass(frozen=True)
class Surface:
    """A figure's triangles, as they are seen: sheets and closed meshes together."""

    vertices: np.ndarray
    """[V, 3] metres, +Y up, +Z front."""
    triangles: np.ndarray
    """[T, 3], counter-clockwise from outside."""
    part: np.ndarray
    """[T] index into `PARTS`."""

    def of(self, *parts: str) -> np.ndarray:
        """[T', 3] the triangles of some parts."""
        return self.triangles[np.isin(self.part, [PARTS.index(part) for part in parts])]

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest corner [3] of what is seen."""
        seen = self.vertices[np.unique(self.triangles)]
        return seen.min(0), seen.max(0)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points [count, 3] uniform on the surface, their triangles [count] and barycentrics [count, 3]."""
        a, b, c = (self.vertices[self.triangles[:, k]] for k in range(3))
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        face = rng.choice(len(area), count, p=area / area.sum())
        weights = np.diff(np.sort(rng.random((count, 2)), 1), prepend=0, append=1)
        return interpolate(self.vertices, self.triangles[face], weights), face, weights


@dataclass(frozen=True)
class Figure:
    """One person, dressed."""

    rig: Rig
    body: Standing
    sliders: np.ndarray
    """[11]: the teacher's `SLIDERS` and `ANCESTRIES`."""
    outfit: Outfit
    garments: Mapping[str, Garment]
    """Part -> what is worn there."""
    bare: np.ndarray
    """[T, 3] triangles of skin and eyes that nothing covers."""
    skin: np.ndarray
    """[T, 3] triangles of all the skin, which is closed but for the eyes."""

    def rest(self, push: bool = True) -> Surface:
        """In SMPL's T-pose, the pelvis at the origin; clothes are pushed off the skin."""
        return self._surface(self.body.vertices, (self.body.rotation, self.body.translation), push)

    def posed(self, theta: np.ndarray, push: bool = True) -> Surface:
        """By axis-angles theta [24, 3]; the pelvis stays at the origin."""
        return self._surface(self.rig.pose(self.body, theta), self.rig.from_rest(self.body, theta), push)

    def weights(self) -> np.ndarray:
        """[V, 24] skinning weights of the surface's vertices, the bones' summed by joint."""
        by_joint = np.eye(len(JOINTS))[self.rig.joint_of]
        worn = [garment.weights @ by_joint for garment in self.garments.values()]
        return np.concatenate([self.rig.summed_weights(), *worn])

    def _surface(self, body: np.ndarray, bones: tuple[np.ndarray, np.ndarray], push: bool) -> Surface:
        vertices, triangles = body, self.bare
        part = (self.bare >= SKIN).all(1).astype(int)
        for name, garment in self.garments.items():
            carried = dual_quaternion_skin(garment.points, garment.weights, self.rig.teacher.parents, *bones)
            if push:
                # Suit and shoes lie on the skin, hair on all that is worn too.
                under = triangles if name == "hair" else self.skin
                carried = garment.pushed_out(carried, vertices, under)
            triangles = np.concatenate([triangles, garment.triangles + len(vertices)])
            vertices = np.concatenate([vertices, carried])
            part = np.append(part, np.full(len(garment.triangles), PARTS.index(name)))
        return Surface(vertices, triangles, part)


@dataclass(frozen=True)
class Dresser:
    """Makes figures."""

    wardrobe: Wardrobe
    rig: Rig

    @classmethod
    def load(cls, data: Path) -> "Dresser":
        """With clothes from the folder `data`. Raises InputError when the library anny is not installed."""
        return cls(Wardrobe(data), Rig(Teacher(), kept_vertices()[0]))

    @cached_property
    def _weights(self) -> csr_matrix:
        return csr_matrix(self.rig.teacher.weights)

    @cached_property
    def _triangles(self) -> np.ndarray:
        """[T, 3] of skin and eyes, by the rig's vertices."""
        place = np.full(len(self.rig.teacher.template), -1)
        place[self.rig.vertices] = np.arange(len(self.rig.vertices))
        faces = place[self.rig.teacher.faces]
        return triangulate(faces[(faces >= 0).all(1)])[0]

    @cached_property
    def _skin(self) -> np.ndarray:
        return self._triangles[(self._triangles < SKIN).all(1)]

    def draw(self, rng: np.random.Generator) -> Figure:
        """A random person in random clothes."""
        bodies = self.rig.teacher.draw(1, rng)
        return self.dress(bodies.vertices[0].astype(np.float64), self.rig.stand(bodies, 0), bodies.sliders[0], rng)

    def dress(self, base: np.ndarray, body: Standing, sliders: np.ndarray, rng: np.random.Generator) -> Figure:
        """A body, whose base mesh [19158, 3] stands in the A-pose, in random clothes that suit it."""
        outfit = random_outfit(float(sliders[0]), rng)
        suit, covered = self._suit(outfit, base, body)
        worn = {"suit": suit}
        if outfit.shoes:
            shoes = self.wardrobe[outfit.shoes]
            worn["shoes"] = Garment.bound(shoes, base, self._weights).unlined(base, self._skin)
            covered[shoes.hidden[shoes.hidden < SKIN]] = True
        if outfit.hair:
            hair = Garment.bound(self.wardrobe[outfit.hair], base, self._weights)
            worn["hair"] = hair.loosened(base, self._skin, outfit.puff)
        seen = np.append(~covered, True)[np.minimum(self._triangles, SKIN)].any(1)
        return Figure(self.rig, body, sliders, outfit, worn, self._triangles[seen], self._skin)

    def _suit(self, outfit: Outfit, base: np.ndarray, body: Standing) -> tuple[Garment, np.ndarray]:
        """The suit, and which vertices of the skin [SKIN] it covers."""
        clothing, skin = self.wardrobe[outfit.suit], body.vertices[:SKIN]
        whole = Garment.bound(clothing, base, self._weights, outfit.size)
        whole = whole.unlined(base, self._skin).loosened(base, self._skin, outfit.looseness)
        bones = body.rotation, body.translation
        parents = self.rig.teacher.parents
        suit = whole.cut(beyond_cut(dual_quaternion_skin(whole.points, whole.weights, parents, *bones), body, outfit))
        carried = dual_quaternion_skin(suit.points, suit.weights, parents, *bones)
        deeper = skin - INSET * vertex_normals(skin, self._skin)
        covered = igl.fast_winding_number(carried, suit.triangles, deeper) > ENCLOSED
        hidden = clothing.hidden[clothing.hidden < SKIN]
        covered[hidden] |= beyond_cut(skin[hidden], body, outfit) < -CUFF
        return suit, covered


def beyond_cut(points: np.ndarray, body: Standing, outfit: Outfit) -> np.ndarray:
    """[N] metres that points [N, 3] of the T-pose lie beyond the ends of sleeves and legs; negative within them."""
    arm = abs(body.joints[[INDEX["left_elbow"], INDEX["left_wrist"]], 0])
    leg = -body.joints[[INDEX["left_knee"], INDEX["left_ankle"]], 1]
    ends = [first + share * (last - first) for (first, last), share in ((arm, outfit.sleeve), (leg, outfit.leg))]
    return np.maximum(np.abs(points[:, 0]) - ends[0], -points[:, 1] - ends[1])
