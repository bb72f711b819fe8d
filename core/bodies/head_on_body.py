"""A head of its own on a body: one Avatar, one skin, one armature.

The head is placed where the body has its own, which is left out. Both skins are cut across the neck and welded: the
seam's vertices are shared, so no pose can open it. Above the seam what the body's skin has (weights, correctives) fades
out and what the head's has (weights, keys, correctives) fades in; around it both bend until they meet without a fold,
and the skin's textures take on one tone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..avatar import Avatar, Joint, Part
from ..errors import InputError
from ..geometry.closest import closest_points
from ..geometry.smoothstep import smoothstep
from ..parametric.arkit import ARKIT_NAMES
from ..parametric.assembly import ARMATURE
from ..parametric.joint_names import FACE_JOINTS, JOINT_NAMES
from ..parametric.model_files import triangles
from ..parametric.parts import limited, moving
from ..parametric.smpl_joints import INDEX
from .head_placement import NeckPlane, placed
from .neck_seam import NeckSeam
from .skin_match import matched_skins

REPLACED = ("skin", "left_eye", "right_eye", "hair", "brows", "lashes")
"""Parts of a body that it loses with its head."""
FADE, TURN = 0.035, 0.08
"""Metres above the seam within which the head takes over from the body; and, more slowly, in what turns with the neck
and what with the head.
"""
FACE = ARMATURE[3:]
"""Joints that a head brings along."""


def with_head(body: Avatar, head: Avatar) -> Avatar:
    """The body with that head in place of its own, of a size that suits it (see `head_placement.NATURAL`).

    The head's materials keep their names, the body's skin is of the material `body_skin`; jaw and eyes are joints under
    the body's head, named as the body's are (`FACE_JOINTS`). Raises InputError for what is no body or no head of this
    version, and for a body whose neck is not bare.
    """
    _check(body, head)
    plane, head = NeckPlane.of(body), placed(head, body)
    own, new = body.part("skin"), head.part("skin")
    seam = NeckSeam.of(own, new, plane, len(body.materials))
    names = _names(body)
    joints = _joints(body, head, names)
    fade = _Fade(own, plane, _columns(body, head, names), len(joints))

    skin = _skin(seam, fade.part(new))
    worn = [_with_columns(seam.beside_body(part), len(joints)) for part in body.parts if part.name not in REPLACED]
    others = [fade.part(seam.beside_head(part)) for part in head.parts if part.name != "skin"]
    others = [replace(part, face_material=part.face_material + len(body.materials)) for part in others]
    parts, materials = [skin, *others, *worn], [*body.materials, *head.materials]
    of_body, of_head = int(own.face_material[0]), int(new.face_material[0])
    matched = matched_skins(head.materials[of_head], new, plane.height(new.vertices), of_head)
    materials[of_body], materials[of_head + len(body.materials)] = matched
    used = np.unique(np.concatenate([part.face_material for part in parts]))
    return replace(
        body,
        joints=joints,
        parts=[
            replace(part, face_material=np.searchsorted(used, part.face_material).astype(np.int32)) for part in parts
        ],
        materials=[materials[index] for index in used],
        correctives=body.correctives | {k: replace(c, joint=names[c.joint]) for k, c in head.correctives.items()},
        parameters={**body.parameters, "head_beta": head.parameters["beta"]},
        source=head.source,
        images={**body.images, **head.images},
    )


def _check(body: Avatar, head: Avatar) -> None:
    if body.kind != "body":
        raise InputError(f"{body.name} is a {body.kind}, on which no head can be put; choose a body.")
    if head.kind != "head":
        raise InputError(f"{head.name} is a {head.kind}, which cannot be put on a body; choose a head.")
    parts = {part.name: part for part in head.parts}
    if (
        {*ARMATURE} - {joint.name for joint in head.joints}
        or {"skin", "left_eye", "right_eye"} - {*parts}
        or {*ARKIT_NAMES} - {*parts["skin"].keys}
    ):
        raise InputError(f"{head.name} is a head of an older Likeness; make it again from its photo.")
    if {*FACE_JOINTS[body.joint_names]} & {joint.name for joint in body.joints}:
        raise InputError(f"{body.name} has a head of its own already; make the body again to give it another.")


def _names(body: Avatar) -> dict[str, str]:
    """Joint of a head -> what the body calls it. FLAME's root, which no rotation of the neck moves, is the neck too."""
    own = JOINT_NAMES[body.joint_names]
    neck, head = own[INDEX["neck"]], own[INDEX["head"]]
    return {"root": neck, "neck": neck, "head": head} | dict(zip(FACE, FACE_JOINTS[body.joint_names], strict=True))


def _joints(body: Avatar, head: Avatar, names: Mapping[str, str]) -> list[Joint]:
    """The body's, its head's bone as long as the new head is high, and under it the face's."""
    theirs = {joint.name: joint for joint in head.joints}
    crown = theirs["head"].tail[1]
    own = [
        replace(joint, tail=np.array([joint.tail[0], crown, joint.tail[2]], np.float32))
        if joint.name == names["head"]
        else joint
        for joint in body.joints
    ]
    return own + [replace(theirs[name], name=names[name], parent=names["head"]) for name in FACE]


def _columns(body: Avatar, head: Avatar, names: Mapping[str, str]) -> np.ndarray:
    """[Jh] column in the joints of both of each of the head's."""
    places = [*(joint.name for joint in body.joints), *(names[name] for name in FACE)]
    return np.array([places.index(names[joint.name]) for joint in head.joints])


def _with_columns(part: Part, count: int) -> Part:
    """The part, which follows none of the joints from its own to the `count`-th."""
    return replace(part, weights=np.pad(part.weights, ((0, 0), (0, count - part.weights.shape[1]))))


@dataclass(frozen=True)
class _Fade:
    """From the body, at the seam and below, to the head."""

    body: Part
    """The body's skin."""
    plane: NeckPlane
    columns: np.ndarray
    """[Jh] of the head's joints in the `count` joints of both, the face's at the end."""
    count: int

    def part(self, part: Part) -> Part:
        """A part of the head with the weights and displacements of what is next to it: on the body's skin, the head."""
        height = self.plane.height(part.vertices)
        share, turning = (smoothstep(height, 0, end).astype(np.float32)[:, None] for end in (FADE, TURN))
        low = turning[:, 0] < 1
        faces = triangles(self.body.faces)
        face, places, _ = closest_points(part.vertices[low], self.body.vertices, faces)
        corners = faces[face]

        def beside(values: np.ndarray) -> np.ndarray:
            result = np.zeros((len(part.vertices), values.shape[1]), np.float32)
            result[low] = np.einsum("vk,vkc->vc", places, values[corners])
            return result

        own = part.weights @ np.eye(self.count, dtype=np.float32)[self.columns]
        face_weights = share * own[:, -len(FACE) :]
        neck = np.pad((1 - turning) * beside(self.body.weights), ((0, 0), (0, len(FACE)))) + turning * own
        neck[:, -len(FACE) :] = 0
        neck *= (1 - face_weights.sum(1, keepdims=True)) / np.maximum(neck.sum(1, keepdims=True), 1e-9)
        correctives = {name: share * delta for name, delta in part.correctives.items()}
        correctives |= {name: (1 - share) * beside(delta) for name, delta in self.body.correctives.items()}
        return replace(
            part,
            weights=limited(np.concatenate([neck[:, : -len(FACE)], face_weights], 1)),
            keys=moving(part.name, {name: share * delta for name, delta in part.keys.items()}),
            correctives=moving("", correctives),
        )


def _skin(seam: NeckSeam, head: Part) -> Part:
    """One skin, of the body's vertices below the seam and those of `head`, the faded one, above."""
    body = seam.body
    used, faces = np.unique(seam.sheet.faces, return_inverse=True)
    uv_used, faces_uv = np.unique(seam.sheet.faces_uv, return_inverse=True)

    def joined(below: np.ndarray, above: np.ndarray) -> np.ndarray:
        return np.concatenate([below, above])[used]

    def displacements(below: dict[str, np.ndarray], above: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        still = np.zeros_like(body.vertices), np.zeros_like(head.vertices)
        names = dict.fromkeys([*above, *below])
        return {name: joined(below.get(name, still[0]), above.get(name, still[1])) for name in names}

    assert body.model_vertices is not None
    carrier = joined(body.model_vertices, np.zeros(len(head.vertices), np.int32)).astype(np.int32)
    return Part(
        name="skin",
        vertices=seam.sheet.vertices[used].astype(np.float32),
        faces=faces.reshape(-1, 4).astype(np.int32),
        uv=seam.sheet.uv[uv_used].astype(np.float32),
        faces_uv=faces_uv.reshape(-1, 4).astype(np.int32),
        face_material=seam.sheet.face_material.astype(np.int32),
        weights=limited(joined(_with_columns(body, head.weights.shape[1]).weights, head.weights)),
        keys=displacements({}, head.keys),
        correctives=displacements(body.correctives, head.correctives),
        binding=np.repeat(carrier[:, None], 3, 1),
        binding_weights=(used < len(body.vertices))[:, None] * np.array([1, 0, 0], np.float32),
    )
