"""Avatar materials as Blender materials: one Principled BSDF each, which glTF and FBX carry as plain PBR."""

import math
import tempfile
from pathlib import Path

import bpy

from ..core.avatar import Material

SCATTER_RADIUS = (1.0, 0.37, 0.19)
"""Skin's mean free path of red, green and blue light, relative to red."""
SCATTER_METRES = 0.0037
"""Skin's mean free path of red light. Source: Jensen et al., "A Practical Model for Subsurface Light Transport"."""
GLASS = 0.04
"""Share of the light that glass, and the film of tears on an eye, mirrors straight back."""


def build_material(material: Material) -> bpy.types.Material:
    """A new Blender material of that name (or the next free one), its textures packed into the file."""
    made = bpy.data.materials.new(material.name)
    use_nodes(made)
    made.use_backface_culling = not material.double_sided
    made.diffuse_color = material.color
    made.surface_render_method = "BLENDED" if material.alpha == "blend" else "DITHERED"
    tree = made.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*material.color[:3], 1.0)
    shader.inputs["Roughness"].default_value = material.roughness
    shader.inputs["Specular IOR Level"].default_value = material.specular
    if material.alpha != "opaque":
        shader.inputs["Alpha"].default_value = material.color[3]
        if material.color_texture is None:
            shader.inputs["IOR"].default_value = _glare_ior(material.color[3])
    if material.subsurface > 0:
        shader.inputs["Subsurface Weight"].default_value = material.subsurface
        shader.inputs["Subsurface Radius"].default_value = SCATTER_RADIUS
        shader.inputs["Subsurface Scale"].default_value = SCATTER_METRES
    if material.color_texture is not None:
        _link_color(tree, shader, material)
    if material.roughness_texture is not None:
        texture = _texture(tree, f"{material.name}_roughness", material.roughness_texture, (-300, -100), "Non-Color")
        tree.links.new(texture.outputs["Color"], shader.inputs["Roughness"])
    if material.normal_texture is not None:
        texture = _texture(tree, f"{material.name}_normal", material.normal_texture, (-600, -400), "Non-Color")
        normal = tree.nodes.new("ShaderNodeNormalMap")
        normal.location = (-300, -400)
        tree.links.new(texture.outputs["Color"], normal.inputs["Color"])
        tree.links.new(normal.outputs["Normal"], shader.inputs["Normal"])
    return made


def read_material(made: bpy.types.Material) -> Material:
    """What `build_material` was given, with what the user has changed of it since: the inverse of it."""
    shader = next(node for node in made.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    color = shader.inputs["Base Color"].default_value[:3]
    opacity = shader.inputs["Alpha"]
    clipped = any(link.from_node.type == "MATH" for link in opacity.links)
    blended = made.surface_render_method == "BLENDED"
    maps = {
        node.image.name.partition(".")[0].rpartition("_")[2]: node.image
        for node in made.node_tree.nodes
        if node.type == "TEX_IMAGE" and node.image
    }
    textures = {f"{kind}_texture": file_of(maps[kind]) for kind in ("color", "normal", "roughness") if kind in maps}
    return Material(
        made.name.partition(".")[0],
        (*color, 1.0 if opacity.is_linked else opacity.default_value),
        **textures,
        roughness=shader.inputs["Roughness"].default_value,
        specular=shader.inputs["Specular IOR Level"].default_value,
        subsurface=shader.inputs["Subsurface Weight"].default_value,
        alpha="clip" if clipped else "blend" if blended else "opaque",
        double_sided=not made.use_backface_culling,
    )


def retexture(made: bpy.types.Material, material: Material) -> None:
    """Give `made`, which `build_material` made, the textures of `material`; what the user changed of it stays."""
    for node, kind, data in textures(made, material):
        old, name = node.image, node.image.name
        node.image = packed_image(kind, data, old.colorspace_settings.name)
        if not old.users:
            bpy.data.images.remove(old)
            node.image.name = name


def textures(made: bpy.types.Material, material: Material) -> list[tuple[bpy.types.Node, str, bytes]]:
    """The nodes of `made` for textures of `material`: each with its image's name and the texture."""
    maps = {"color": material.color_texture, "roughness": material.roughness_texture, "normal": material.normal_texture}
    named = {f"{material.name}_{kind}": data for kind, data in maps.items() if data is not None}
    nodes = [node for node in made.node_tree.nodes if node.type == "TEX_IMAGE" and node.image]
    kinds = [node.image.name.partition(".")[0] for node in nodes]
    return [(node, kind, named[kind]) for node, kind in zip(nodes, kinds, strict=True) if kind in named]


def _glare_ior(opacity: float) -> float:
    """Index of refraction by which a translucent film mirrors as much as glass: opacity fades its highlights too."""
    reflectance = min(GLASS / opacity, 0.9)
    return (1 + math.sqrt(reflectance)) / (1 - math.sqrt(reflectance))


def use_nodes(owner: bpy.types.Material | bpy.types.World) -> None:
    """From Blender 5.0 on every material and world has nodes, and asking for them is deprecated."""
    if bpy.app.version < (5, 0, 0):
        owner.use_nodes = True


def packed_image(name: str, data: bytes, color_space: str = "sRGB") -> bpy.types.Image:
    """An image data-block that holds the PNG or JPEG file `data`."""
    extension = ".png" if data.startswith(b"\x89PNG") else ".jpg"
    image = bpy.data.images.new(name, 1, 1)
    image.pack(data=data, data_len=len(data))
    image.source = "FILE"
    image.filepath_raw = f"//{name}{extension}"  # exporters take the file's name from here
    image.colorspace_settings.name = color_space
    return image


def file_of(image: bpy.types.Image) -> bytes:
    """The PNG or JPEG file of an image, as it is painted now."""
    if image.packed_file and not image.is_dirty:
        return image.packed_file.data
    with tempfile.TemporaryDirectory(prefix="likeness-") as folder:
        path = Path(folder) / "image.png"
        image.save(filepath=str(path), save_copy=True)
        return path.read_bytes()


def _link_color(tree: bpy.types.NodeTree, shader: bpy.types.Node, material: Material) -> None:
    assert material.color_texture is not None
    texture = _texture(tree, f"{material.name}_color", material.color_texture, (-600, 300), "sRGB")
    tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    if material.alpha == "blend":
        tree.links.new(texture.outputs["Alpha"], shader.inputs["Alpha"])
    elif material.alpha == "clip":  # the glTF exporter reads this node as alphaMode MASK
        cutoff = tree.nodes.new("ShaderNodeMath")
        cutoff.operation = "GREATER_THAN"
        cutoff.inputs[1].default_value = 0.5
        cutoff.location = (-300, 100)
        tree.links.new(texture.outputs["Alpha"], cutoff.inputs[0])
        tree.links.new(cutoff.outputs[0], shader.inputs["Alpha"])


def _texture(
    tree: bpy.types.NodeTree, name: str, data: bytes, location: tuple[float, float], color_space: str
) -> bpy.types.Node:
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image = packed_image(name, data, color_space)
    node.location = location
    return node
