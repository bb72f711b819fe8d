"""The colour of a head's hair: one colour that the artist picks, by which its texture is multiplied.

The picked colour is the material's colour in the viewport, the photo's own the Base Color under the texture's link.
Their ratio may exceed 1 (dark hair dyed fair), which no factor of glTF can say, and FBX knows of textures alone: for
exports the ratio is multiplied into a copy of the texture.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np

from . import hair, heads

TINT = "Hair Color"
"""Name of the node that multiplies; there is none while the hair has its own colour."""
DARKEST = 0.004
"""Linear value below which the hair's own colour is not divided by."""


def color(rig: bpy.types.Object) -> tuple[float, float, float]:
    """The hair's linear colour on the whole; black for a bald head."""
    made = _material(rig)
    return tuple(made.diffuse_color[:3]) if made else (0.0, 0.0, 0.0)


def set_color(rig: bpy.types.Object, picked: tuple[float, float, float]) -> None:
    """Give the hair the linear colour `picked` on the whole; its texture's variation stays."""
    made = _material(rig)
    if made is None:
        return
    made.diffuse_color = (*picked, 1.0)
    base = _base_color(made)
    if not base.is_linked:
        base.default_value = (*picked, 1.0)
        return
    ratio = np.asarray(picked) / np.maximum(base.default_value[:3], DARKEST)
    (made.node_tree.nodes.get(TINT) or _new_tint(made)).inputs[7].default_value = (*ratio, 1.0)


@contextmanager
def baked(rig: bpy.types.Object) -> Iterator[None]:
    """For a while the hair's texture has the colour itself, as exporters want it."""
    made = _material(rig)
    tint = made and made.node_tree.nodes.get(TINT)
    if not tint:
        yield
        return
    texture, links = tint.inputs[6].links[0].from_node, made.node_tree.links
    own = texture.image
    name = own.name
    own.name = f"{name} (own)"
    texture.image = _multiplied(own, tint.inputs[7].default_value[:3], name)
    links.new(texture.outputs["Color"], _base_color(made))
    try:
        yield
    finally:
        bpy.data.images.remove(texture.image)
        texture.image = own
        own.name = name
        links.new(tint.outputs[2], _base_color(made))


def _material(rig: bpy.types.Object) -> bpy.types.Material | None:
    head = heads.mesh_object(rig)
    index = hair.slot(head)
    return None if index is None else head.data.materials[index]


def _base_color(made: bpy.types.Material) -> bpy.types.NodeSocket:
    return next(n for n in made.node_tree.nodes if n.type == "BSDF_PRINCIPLED").inputs["Base Color"]


def _new_tint(made: bpy.types.Material) -> bpy.types.Node:
    """A node between the texture and the shader, whose input 6 is the texture, 7 the ratio and output 2 their product.

    Its sockets of one name differ by type, hence the numbers.
    """
    tint = made.node_tree.nodes.new("ShaderNodeMix")
    tint.name = tint.label = TINT
    tint.data_type, tint.blend_type = "RGBA", "MULTIPLY"
    tint.inputs[0].default_value = 1.0
    tint.location = (-250, 350)
    base = _base_color(made)
    made.node_tree.links.new(base.links[0].from_socket, tint.inputs[6])
    made.node_tree.links.new(tint.outputs[2], base)
    return tint


def _multiplied(image: bpy.types.Image, ratio: np.ndarray, name: str) -> bpy.types.Image:
    """A packed copy of an sRGB image with linear colours times `ratio` [3]."""
    width, height = image.size
    pixels = np.empty((height, width, 4), np.float32)
    image.pixels.foreach_get(pixels.ravel())
    shown = pixels[..., :3]
    linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear * np.asarray(ratio), 0, 1)
    pixels[..., :3] = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    copy = bpy.data.images.new(name, width, height, alpha=True)
    copy.pixels.foreach_set(pixels.ravel())
    copy.filepath_raw = f"//{name}.png"
    copy.file_format = "PNG"
    copy.pack()
    return copy
