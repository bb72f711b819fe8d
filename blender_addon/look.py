"""How a head of a photo is looked at: in clay before and after its relief was made, or finished.

What the head is stays as it is. Its mesh object shows a stand-in of clay in the slot of the skin's material, which
itself stays with the mesh, and before the relief a shape key takes the folds back. Finished, nothing of either is left,
and files are exported finished always.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import bpy
import numpy as np

from ..core.errors import LikenessError
from . import heads, identity
from .axes import from_blender, to_blender
from .build import add_key

CLAY = "likeness_clay"
"""Name of the stand-in and of its image."""
COLOR = (0.45, 0.42, 0.4, 1.0)
"""Linear."""
LOOK = "likeness_look"
"""Custom property of the stand-in: the `Look` that it is for."""
STILL = 1e-6
"""Metres below which a head has no folds to take back."""


class Look(StrEnum):
    """What is shown, from the least to the whole."""

    before = "BEFORE"
    relief = "RELIEF"
    after = "AFTER"


def of(rig: bpy.types.Object) -> Look:
    """What the head shows."""
    slot = _slot(rig)
    clay = slot.material if slot and slot.link == "OBJECT" else None
    return Look(clay[LOOK]) if clay and LOOK in clay else Look.after


def show(rig: bpy.types.Object, look: Look) -> None:
    """Show the head so; a head without skin stays as it is."""
    slot = _slot(rig)
    if slot is None:
        return
    _finish(rig, slot)
    if look is not Look.after:
        finished = slot.material
        slot.link = "OBJECT"
        slot.material = _clay(finished, look)
    if look is Look.before:
        _take_folds_back(rig)


@contextmanager
def finished(rig: bpy.types.Object) -> Iterator[None]:
    """For a while the head is as it is without a look of this module."""
    shown = of(rig)
    if shown is Look.after:
        yield
        return
    show(rig, Look.after)
    try:
        yield
    finally:
        show(rig, shown)


def _slot(rig: bpy.types.Object) -> bpy.types.MaterialSlot | None:
    """The slot of the skin."""
    head = heads.mesh_object(rig)
    for slot, material in zip(head.material_slots, head.data.materials, strict=True):
        if material and material.name.partition(".")[0] == "skin":
            return slot
    return None


def _finish(rig: bpy.types.Object, slot: bpy.types.MaterialSlot) -> None:
    head = heads.mesh_object(rig)
    if key := heads.keys(rig).get(heads.BEFORE):
        active = head.active_shape_key_index
        head.shape_key_remove(key)
        head.active_shape_key_index = min(active, len(heads.keys(rig)) - 1)
    if slot.link == "OBJECT":
        clay, slot.material = slot.material, None
        slot.link = "DATA"
        if clay and LOOK in clay and not clay.users:  # a copy of the object may show it too
            bpy.data.materials.remove(clay)
    image = bpy.data.images.get(CLAY)
    if image and not image.users:
        bpy.data.images.remove(image)


def _clay(skin: bpy.types.Material, look: Look) -> bpy.types.Material:
    """A copy of the skin's material in one colour, with or without its normal map."""
    clay = skin.copy()
    clay.name, clay.diffuse_color = CLAY, COLOR
    clay[LOOK] = look.value
    tree = clay.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    for name in ("Base Color", "Roughness", *(("Normal",) if look is Look.before else ())):
        for link in shader.inputs[name].links:
            tree.links.remove(link)
    shader.inputs["Roughness"].default_value = 0.6
    shader.inputs["Subsurface Weight"].default_value = 0.0
    color = tree.nodes.new("ShaderNodeTexImage")  # Solid shading shows the active image, and another if there is none
    color.image = bpy.data.images.get(CLAY) or _clay_image()
    tree.nodes.active = color
    tree.links.new(color.outputs["Color"], shader.inputs["Base Color"])
    return clay


def _clay_image() -> bpy.types.Image:
    image = bpy.data.images.new(CLAY, 4, 4)
    image.generated_color = COLOR
    image.colorspace_settings.name = "Non-Color"
    return image


def _take_folds_back(rig: bpy.types.Object) -> None:
    """Add a key, at value 1, in which the head has the shape of its beta alone; hair and brows follow their skin."""
    folds = _folds(rig)
    if folds is None or np.abs(folds).max() < STILL:
        return
    head = heads.mesh_object(rig)
    active = head.active_shape_key_index
    add_key(head, heads.BEFORE, heads.positions(heads.keys(rig)[0]) - to_blender(folds)).value = 1.0
    head.active_shape_key_index = active


def _folds(rig: bpy.types.Object) -> np.ndarray | None:
    """What the vertices `[V, 3]` have beyond the shape of the head's beta, in metres.

    None where that cannot be told: of a surface that was extracted, and of another model's or another mesh.
    """
    if identity.is_implicit(rig):
        return None
    try:
        model = identity.model()
        indices, shares = heads.carriers(rig, model)
    except LikenessError:
        return None
    count = len(model.v_template)
    if not np.array_equal(indices[:count, 0], np.arange(count)):
        return None
    built = np.asarray(heads.metadata(rig)["parameters"]["beta"], np.float32)
    own = from_blender(heads.positions(heads.keys(rig)[0])[:count]) - model.shaped(built)
    return np.einsum("vk,vkc->vc", shares, own[indices])
