"""What a head has from its photo beside the surface of the model, brows and hair: kept when it gets another surface."""

from dataclasses import replace

import bpy
import numpy as np

from ..core.avatar import Avatar, Material, Part
from ..core.parametric.assembly import arkit_deltas, armature_weights
from ..core.parametric.correctives import bone_correctives
from ..core.parametric.head import HeadModel
from ..core.parametric.parts import carried, limited, part_keys
from . import heads, identity
from .axes import from_blender
from .build import Materials
from .hair import HAIR
from .materials import retexture


def materials_of(rig: bpy.types.Object) -> dict[str, bpy.types.Material]:
    """The head's materials by the names that the Avatar gave them: Blender numbers a name that is taken."""
    return {slot.name.partition(".")[0]: slot for slot in heads.mesh_object(rig).data.materials if slot}


def dressed(avatar: Avatar, materials: Materials) -> Materials:
    """The materials for the avatar. Hair that it brings is laid out anew, and so hair's material gets its textures."""
    for material in avatar.materials:
        if material.name == HAIR and material.color_texture and HAIR in materials:
            retexture(materials[HAIR], material)
    return materials


def with_extras(avatar: Avatar, rig: bpy.types.Object, model: HeadModel) -> Avatar:
    """The avatar with what `rig` has of materials that the avatar lacks, moved as far as their shapes differ.

    Hair is `with_hair`'s. Raises InputError.
    """
    return _with(avatar, rig, model, [name for name in materials_of(rig) if name != HAIR])


def with_hair(avatar: Avatar, rig: bpy.types.Object, model: HeadModel) -> Avatar:
    """The avatar with the hair of `rig`, likewise, unless it has its own or its code is for another hair."""
    if identity.is_implicit(rig) and _other_hair(avatar, rig):
        return avatar
    return _with(avatar, rig, model, [HAIR])


def _with(avatar: Avatar, rig: bpy.types.Object, model: HeadModel, names: list[str]) -> Avatar:
    own = [material.name for material in avatar.materials]
    parts, materials, there = list(avatar.parts), list(avatar.materials), materials_of(rig)
    for name in names:
        if name in own or name not in there:
            continue
        if part := _part(rig, there[name], model):
            parts.append(_finished(replace(part, name=name), np.asarray(avatar.parameters["beta"]), rig, model))
            parts[-1].face_material[:] = len(materials)
            materials.append(Material(name))
    return replace(avatar, parts=parts, materials=materials)


def _other_hair(avatar: Avatar, rig: bpy.types.Object) -> bool:
    built = heads.metadata(rig)["parameters"]
    return not np.allclose(avatar.parameters["z_id"][identity.HAIR], built["z_id"][identity.HAIR], atol=1e-4)


def _part(rig: bpy.types.Object, material: bpy.types.Material, model: HeadModel) -> Part | None:
    """The triangles of a material as a bound part without weights and keys, None where there are none."""
    mesh = heads.mesh_object(rig).data
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    loops, slots = np.empty(count * 3, np.int32), np.empty(count, np.int32)
    mesh.loop_triangles.foreach_get("loops", loops)
    mesh.loop_triangles.foreach_get("material_index", slots)
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    uv = np.empty(len(mesh.loops) * 2, np.float32)
    mesh.uv_layers[0].data.foreach_get("uv", uv)
    loops = loops.reshape(-1, 3)[slots == list(mesh.materials).index(material)]
    if not len(loops):
        return None
    indices, shares = heads.carriers(rig, model)
    used, faces = np.unique(corners[loops], return_inverse=True)
    quads = [0, 1, 2, 2]
    return Part(
        name="",
        vertices=from_blender(heads.positions(heads.keys(rig)[0]))[used],
        faces=faces.reshape(-1, 3)[:, quads].astype(np.int32),
        uv=uv.reshape(-1, 2)[loops.ravel()],
        faces_uv=np.arange(loops.size, dtype=np.int32).reshape(-1, 3)[:, quads],
        face_material=np.zeros(len(loops), np.int32),
        weights=np.zeros((len(used), 0), np.float32),
        binding=indices[used],
        binding_weights=shares[used],
    )


def _finished(part: Part, beta: np.ndarray, rig: bpy.types.Object, model: HeadModel) -> Part:
    """The part on the head of shape `beta` `[100]`, with its weights and keys."""
    moved = model.shaped(beta) - model.shaped(identity.beta(rig))
    return replace(
        part,
        vertices=(part.vertices + carried(part, moved)).astype(np.float32),
        weights=limited(carried(part, armature_weights(model))),
        keys=part_keys(part, arkit_deltas(model, beta)),
        correctives=part_keys(part, bone_correctives(model)[1]),
    )
