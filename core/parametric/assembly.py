"""Assembles an Avatar from the head model: neutral geometry, ARKit keys, joints, weights and materials."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..avatar import Avatar, Joint, Material, Part
from .correctives import bone_correctives
from .head import EXPRESSIONS, HeadModel
from .parts import PartMaker, carried, model_part, part_keys

ARMATURE = ("root", "neck", "head", "jaw", "left_eye", "right_eye")
"""Joints of the avatar: FLAME's, with the neck joint's skin divided between `neck` and `head` by the model's
`head_share`. `head` has no FLAME rotation of its own, so FLAME poses apply to the armature unchanged."""

PARENTS = {"neck": "root", "head": "neck", "jaw": "head", "left_eye": "head", "right_eye": "head"}

EYE = Material("eyes", (0.55, 0.5, 0.46, 1.0), roughness=0.08)
CORNEA = Material("cornea", (0.0, 0.0, 0.0, 0.25), roughness=0.02, alpha="blend")
"""Black, so that it adds its highlight to the iris below and nothing else."""
TEETH = Material("teeth", (0.75, 0.68, 0.56, 1.0), roughness=0.2, subsurface=0.2)
GUMS = Material("gums", (0.42, 0.12, 0.11, 1.0), roughness=0.25, subsurface=0.3)
LASHES = Material("lashes", (0.012, 0.008, 0.006, 1.0), roughness=0.5, double_sided=True)
BROWS = Material("brows", (0.035, 0.02, 0.013, 1.0), roughness=0.6, double_sided=True)
HAIR = Material("hair", (0.05, 0.028, 0.016, 1.0), roughness=0.45, double_sided=True)

MATERIALS: dict[str, Material] = {
    "skin": Material("skin", (0.52, 0.29, 0.2, 1.0), roughness=0.45, subsurface=0.3),
    "mouth": Material("mouth", (0.24, 0.06, 0.055, 1.0), roughness=0.3, subsurface=0.2),
    "left_eye": EYE,
    "right_eye": EYE,
    "left_cornea": CORNEA,
    "right_cornea": CORNEA,
    "teeth": TEETH,
    "teeth_upper": TEETH,
    "teeth_lower": TEETH,
    "gums": GUMS,
    "gums_upper": GUMS,
    "gums_lower": GUMS,
    "tongue": Material("tongue", (0.45, 0.13, 0.12, 1.0), roughness=0.3, subsurface=0.3),
    "lashes": LASHES,
    "brows": BROWS,
    "hair": HAIR,
}
"""Part name -> what it is made of when nothing better is known. `mouth` is the skin's mouth socket."""


def head_avatar(
    model: HeadModel,
    beta: np.ndarray,
    *,
    offset: np.ndarray | None = None,
    name: str = "Head",
    materials: Mapping[str, Material] | None = None,
    extra_parts: Sequence[Part] = (),
    parameters: Mapping[str, Sequence[float]] | None = None,
    source: str = "",
    version: str = "",
    images: Mapping[str, bytes] | None = None,
) -> Avatar:
    """The neutral head of shape `beta` `[100]` with its 52 ARKit keys and correctives, ready to be built in Blender.

    `offset` `[Vm, 3]` metres is what the head has beyond that shape: its vertices are moved by it, as if sculpted.
    `materials` replaces entries of `MATERIALS` by part name; two parts given the same material share it.
    `extra_parts` are bound parts: `vertices`, `faces`, `uv`, `faces_uv`, `binding` and `binding_weights` are read, and
    their weights, keys and material are made here. `parameters` are stored beside `beta` (`psi`, `theta`, `camera`...).
    """
    beta = np.asarray(beta, np.float32)
    vertices = model.shaped(beta) if offset is None else model.shaped(beta) + offset
    deltas = arkit_deltas(model, beta)
    drivers, corrections = bone_correctives(model)
    maker = PartMaker(armature_weights(model), {**MATERIALS, **(materials or {})}, deltas, corrections)
    parts = []
    for index in range(len(model.parts)):
        part = maker.finished(model_part(model, vertices, index))
        if part.name == "skin" and "mouth_socket" in model.masks:
            socket = model.masks["mouth_socket"][part.model_vertices][part.faces].min(1) > 0.5
            part.face_material[socket] = maker.slot("mouth")
        parts.append(part)
    parts += [maker.finished(part) for part in extra_parts]

    stored = {key: np.ravel(value).tolist() for key, value in (parameters or {}).items()}
    return Avatar(
        name=name,
        joints=armature_joints(model, beta, vertices),
        parts=parts,
        materials=list(maker.used.values()),
        correctives=drivers,
        parameters={**stored, "beta": beta.tolist()},
        source=source,
        model=model.sha256,
        version=version,
        images=dict(images or {}),
    )


def with_identity(avatar: Avatar, model: HeadModel, beta: np.ndarray) -> Avatar:
    """The same avatar with another shape `beta` `[100]`: vertices, keys and joints follow, and bound parts too."""
    old = np.asarray(avatar.parameters["beta"], np.float32)
    new = np.asarray(beta, np.float32)
    vertices = model.shaped(new)
    moved = vertices - model.shaped(old)
    deltas = arkit_deltas(model, new)
    parts = [
        replace(part, vertices=part.vertices + carried(part, moved), keys=part_keys(part, deltas))
        for part in avatar.parts
    ]
    return replace(
        avatar,
        parts=parts,
        joints=armature_joints(model, new, vertices),
        parameters={**avatar.parameters, "beta": new.tolist()},
    )


def arkit_deltas(model: HeadModel, beta: np.ndarray) -> dict[str, np.ndarray]:
    """ARKit name -> `[Vm, 3]` displacement from the neutral head of shape `beta` when that key is 1.

    Expression is linear and leaves joints alone, so only the keys that turn a bone (jaw, eyes) are posed.
    """
    deltas = np.tensordot(model.arkit_psi, model.shapedirs[:, :, -EXPRESSIONS:], ([1], [2]))
    posed = np.flatnonzero(np.abs(model.arkit_theta).max((1, 2)) > 0)
    if len(posed):
        betas = np.broadcast_to(beta, (len(posed), len(beta)))
        vertices = model.vertices(betas, model.arkit_psi[posed], model.arkit_theta[posed])
        deltas[posed] = vertices - model.shaped(beta)
    return dict(zip(model.arkit_names, deltas.astype(np.float32), strict=True))


def psi_deltas(model: HeadModel) -> dict[str, np.ndarray]:
    """`psi_000`, `psi_001`, ... -> `[Vm, 3]` displacement of each expression component at one standard deviation."""
    return {psi_name(k): model.shapedirs[:, :, k - EXPRESSIONS] for k in range(EXPRESSIONS)}


def psi_name(component: int) -> str:
    """Shape key name of an expression component."""
    return f"psi_{component:03d}"


def armature_weights(model: HeadModel) -> np.ndarray:
    """`[Vm, 6]` weights of the armature's joints from FLAME's five."""
    return with_head(model.lbs_weights, model.head_share)


def with_head(weights: np.ndarray, share: np.ndarray) -> np.ndarray:
    """FLAME's weights `[V, 5]` as the armature's `[V, 6]`: its head takes the `share` [V] of what is the neck's."""
    root, neck, jaw, left_eye, right_eye = weights.T
    return np.stack([root, neck * (1 - share), neck * share, jaw, left_eye, right_eye], 1).astype(np.float32)


def armature_joints(model: HeadModel, beta: np.ndarray, vertices: np.ndarray) -> list[Joint]:
    """Rest joints of the head with `vertices` `[Vm, 3]`; bones point up, to the chin, out of the eyes."""
    root, neck, jaw, left_eye, right_eye = model.joints(beta)
    chin = vertices[model.landmarks68[8]]
    crown = vertices[:, 1].max()
    # The skull turns on the atlas, which is about half-way from the neck's joint to the jaw's hinge.
    head = (neck + jaw) / 2
    up, forward = np.array([0, 1, 0], np.float32), np.array([0, 0, 1], np.float32)
    tails = {
        "root": root + up * (neck - root)[1],
        "neck": head,
        "head": head + up * (crown - head[1]),
        "jaw": chin,
        "left_eye": left_eye + forward * 0.025,
        "right_eye": right_eye + forward * 0.025,
    }
    heads = dict(zip(ARMATURE, (root, neck, head, jaw, left_eye, right_eye), strict=True))
    return [
        Joint(joint, PARENTS.get(joint), heads[joint].astype(np.float32), tails[joint].astype(np.float32))
        for joint in ARMATURE
    ]
