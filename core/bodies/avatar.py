"""Assembles an Avatar from the body model: a shaped body in SMPL's T-pose, its armature, weights and materials.

The armature is SMPL's 24 joints under a root on the floor, by the names that the user's tool has for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..avatar import Avatar, Joint, Material, Part
from ..errors import UsageError
from ..parametric.assembly import MATERIALS as HEAD_MATERIALS
from ..parametric.body import BodyModel
from ..parametric.joint_names import JOINT_NAMES, ROOT
from ..parametric.parts import PartMaker, model_part
from ..parametric.smpl_joints import INDEX, JOINTS, PARENTS
from .correctives import body_correctives

MATERIALS: dict[str, Material] = {
    **{name: HEAD_MATERIALS[name] for name in ("skin", "left_eye", "right_eye", "brows", "lashes", "hair")},
    "iris": Material("iris", (0.07, 0.035, 0.02, 1.0), roughness=0.05),
    "pupil": Material("pupil", (0.003, 0.003, 0.003, 1.0), roughness=0.05),
}
"""Part name -> what it is made of when nothing better is known; `iris` and `pupil` are of both eyes."""
_IRIS, _PUPIL = 33.0, 18.0
"""Degrees from the pole of an eyeball: half-way from the ring of vertices that ends it to the next."""
ROOT_LENGTH = 0.2
"""Metres of the root's bone, which lies on the floor and points ahead."""
_ALONG = {"pelvis": "spine1", "spine3": "neck"}
"""Joint of several children -> the child to which its bone points."""


def body_avatar(
    model: BodyModel,
    beta: np.ndarray,
    *,
    name: str = "Body",
    joint_names: str = "smpl",
    extra_parts: Sequence[Part] = (),
    hidden: np.ndarray | None = None,
    materials: Mapping[str, Material] | None = None,
    parameters: Mapping[str, Sequence[float]] | None = None,
    source: str = "",
    version: str = "",
    images: Mapping[str, bytes] | None = None,
) -> Avatar:
    """The body of shape `beta` `[K]` in SMPL's T-pose, what it wears on it, its soles on y = 0.

    `joint_names` is one of `JOINT_NAMES`. `extra_parts` (clothes, shoes, hair) have their `vertices` in the model's
    frame, about the shaped body with its pelvis at the origin; `faces`, `uv` and `faces_uv`; `weights` `[V, 24]` of
    their own, or no column and a `binding`; with a `binding` they take the body's correctives through it.
    `hidden` `[Vm]` are vertices of the body that clothes cover: faces of hidden ones alone are left out.
    `materials` replaces entries of `MATERIALS` by part name; `parameters` are stored beside `beta`. Raises UsageError.
    """
    if joint_names not in JOINT_NAMES:
        raise UsageError(f"There are no joint names {joint_names!r}; choose of {', '.join(JOINT_NAMES)}.")
    beta = np.asarray(beta, np.float32)
    vertices, rest = model.shaped(beta), model.joints(beta)
    shown = None if hidden is None else ~hidden[model.faces].all(1)
    drivers, corrections = body_correctives(model, JOINT_NAMES[joint_names])
    maker = PartMaker(with_root(model.lbs_weights), {**MATERIALS, **(materials or {})}, {}, corrections)
    parts = [maker.finished(model_part(model, vertices, index, shown)) for index in range(len(model.parts))]
    for part in parts:
        if part.name.endswith("_eye"):
            part.face_material[_within(part, _IRIS)] = maker.slot("iris")
            part.face_material[_within(part, _PUPIL)] = maker.slot("pupil")
    parts += [maker.finished(replace(part, weights=with_root(part.weights))) for part in extra_parts]
    up = np.array([0, -min(part.vertices[:, 1].min() for part in parts), 0], np.float32)
    stored = {key: np.ravel(value).tolist() for key, value in (parameters or {}).items()}
    return Avatar(
        name=name,
        kind="body",
        joint_names=joint_names,
        joints=armature_joints(rest + up, bone_tips(model, vertices, rest) + up, JOINT_NAMES[joint_names]),
        parts=[replace(part, vertices=part.vertices + up) for part in parts],
        materials=list(maker.used.values()),
        correctives=drivers,
        parameters={**stored, "beta": beta.tolist()},
        source=source,
        model=model.sha256,
        version=version,
        images=dict(images or {}),
    )


def _within(eye: Part, degrees: float) -> np.ndarray:
    """[F] whether a face of an eyeball is all within that angle of its pole, the middle of its foremost ring."""
    out = eye.vertices - eye.vertices.mean(0)
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    pole = out[np.argsort(-out[:, 2])[:8]].mean(0)
    return (out @ pole / np.linalg.norm(pole) > np.cos(np.radians(degrees)))[eye.faces].all(1)


def body_joints(avatar: Avatar) -> np.ndarray:
    """`[24, 3]` metres: where SMPL's joints of a body rest, in SMPL's order."""
    places = {joint.name: joint.head for joint in avatar.joints}
    return np.stack([places[name] for name in JOINT_NAMES[avatar.joint_names]])


def with_root(weights: np.ndarray) -> np.ndarray:
    """`[V, 25]` of weights `[V, 24]`: no skin follows the root; no column stays none."""
    return np.pad(weights, ((0, 0), (1, 0))) if weights.size else weights


def armature_joints(rest: np.ndarray, tips: np.ndarray, names: Sequence[str]) -> list[Joint]:
    """The root and the joints that rest at `rest` `[24, 3]` metres, their bones' ends at `tips` `[24, 3]`."""
    root = Joint(ROOT, None, np.zeros(3, np.float32), np.array([0, 0, ROOT_LENGTH], np.float32))
    parents = [ROOT if parent < 0 else names[parent] for parent in PARENTS]
    heads, tails = rest.astype(np.float32), tips.astype(np.float32)
    return [root, *(Joint(*each) for each in zip(names, parents, heads, tails, strict=True))]


def bone_tips(model: BodyModel, vertices: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """`[24, 3]` where each joint's bone ends: at the next joint; of head, hands and toes at the end of their skin."""
    tips = np.zeros_like(rest)
    for index, name in enumerate(JOINTS):
        children = [j for j, parent in enumerate(PARENTS) if parent == index]
        if children:
            tips[index] = rest[INDEX[_ALONG[name]] if name in _ALONG else children[0]]
        else:
            own = vertices[model.lbs_weights[:, index] > 0.5]
            along = rest[index] - rest[PARENTS[index]] if name != "head" else np.array([0, 1, 0])
            along = along * (0, 0, 1) if name.endswith("foot") else along
            along = along / np.linalg.norm(along)
            tips[index] = rest[index] + along * ((own - rest[index]) @ along).max()
    return tips
