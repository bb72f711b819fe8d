"""Levels of detail: coarser meshes beside the head's own, on the same bones, with the same materials and shape keys.

Every vertex of a level is an average of vertices of the full mesh (see `core.parametric.head.LevelOfDetail`), so that
weights and keys are the averages too, and whatever was sculpted on the head is on its levels.
"""

from dataclasses import replace

import bpy
import numpy as np
from mathutils.kdtree import KDTree

from ..core.errors import InputError
from ..core.parametric.head import HeadModel, LevelOfDetail
from ..core.parametric.parts import limited
from . import heads
from .build import add_key, add_weights, new_mesh, skinned_object
from .drivers import follow_key

LEVEL = "likeness_level"
"""Custom property of a level's object: its number, 1 for the finest."""

EXTRAS_KEPT = (1.0, 0.3)
"""Share of the faces of hair and brows that each level keeps."""


def levels(rig: bpy.types.Object) -> list[bpy.types.Object]:
    """The levels of detail that the head has, finest first."""
    return sorted((thing for thing in rig.children if LEVEL in thing), key=lambda thing: thing[LEVEL])


def mesh_at(rig: bpy.types.Object, level: int) -> bpy.types.Object:
    """The head's mesh object at a level of detail, 0 the full one. Raises InputError when it has not got it."""
    if level == 0:
        return heads.mesh_object(rig)
    for thing in levels(rig):
        if thing[LEVEL] == level:
            return thing
    raise InputError(f"{rig.name} has no level of detail {level}; add the levels first.")


def add_levels(rig: bpy.types.Object, model: HeadModel) -> list[bpy.types.Object]:
    """Make `<name>_LOD1`, ... of the head as it is now, in a hidden collection; those that were there are replaced.

    Their keys follow the head's own. Raises InputError when the mesh is no longer the one that was built.
    """
    full = heads.mesh_object(rig)
    indices, _ = heads.carriers(rig, model)
    if not np.array_equal(indices[: len(model.v_template), 0], np.arange(len(model.v_template))):
        raise InputError(f"{rig.name} has not the quads that levels are made of; make the head again with them.")
    collection = _collection(rig)
    for old in levels(rig):
        bpy.data.meshes.remove(old.data)
    made = []
    for number, (level, kept) in enumerate(zip(model.details, EXTRAS_KEPT, strict=True), 1):
        whole, corner_uv, materials = _with_extras(level, full.data, model, kept)
        name = f"{rig.name}_LOD{number}"
        mesh = new_mesh(name, whole.carry(heads.positions(heads.keys(rig)[0])), whole.faces, corner_uv, materials)
        for material in full.data.materials:
            mesh.materials.append(material)
        thing = skinned_object(name, mesh, rig, collection)
        thing[LEVEL] = number
        add_weights(thing, rig.data.bones.keys(), limited(whole.carry(_weights(full, rig.data.bones.keys()))))
        _add_keys(thing, rig, whole)
        made.append(thing)
    return made


def _collection(rig: bpy.types.Object) -> bpy.types.Collection:
    """The hidden collection of the head's levels, below the head's own."""
    for old in levels(rig):
        return old.users_collection[0]
    collection = bpy.data.collections.new(f"{rig.name} levels")
    collection.hide_viewport = collection.hide_render = True
    rig.users_collection[0].children.link(collection)
    return collection


def _with_extras(
    level: LevelOfDetail, mesh: bpy.types.Mesh, model: HeadModel, kept: float
) -> tuple[LevelOfDetail, np.ndarray, np.ndarray]:
    """The level with what is not of the model (hair, brows), its corners' UVs `[F, 4, 2]` and materials `[F]`."""
    triangles, uv, materials = _triangles(mesh, len(model.faces))
    used, triangles = np.unique(triangles, return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    if kept < 1 and len(triangles):
        used, triangles, uv, materials = _decimated(_basis(mesh), used, triangles, uv, materials, kept)
    quads = [0, 1, 2, 2]
    whole = replace(
        level,
        source=np.concatenate([level.source, np.repeat(used[:, None], 3, 1)]),
        weights=np.concatenate([level.weights, np.tile(np.array([1, 0, 0], np.float32), (len(used), 1))]),
        faces=np.concatenate([level.faces, triangles[:, quads] + len(level.source)]),
    )
    corner_uv = np.concatenate([level.uv[level.faces_uv], uv[:, quads]])
    return whole, corner_uv, np.concatenate([_materials(level, mesh, model), materials])


def _materials(level: LevelOfDetail, mesh: bpy.types.Mesh, model: HeadModel) -> np.ndarray:
    """Material slot of each face `[F]`: the one that most of the full faces about its corners have."""
    own = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", own)
    votes = np.zeros((len(mesh.vertices), len(mesh.materials)), np.float32)
    np.add.at(votes, (model.faces.ravel(), np.repeat(own[: len(model.faces)], 4)), 1)
    return level.carry(votes)[level.faces].sum(1).argmax(1)


def _triangles(mesh: bpy.types.Mesh, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices `[T, 3]`, UVs `[T, 3, 2]` and materials `[T]` of the triangles of the polygons from `first` on."""
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    loops, polygons, materials = (np.empty(size, np.int32) for size in (count * 3, count, count))
    mesh.loop_triangles.foreach_get("loops", loops)
    mesh.loop_triangles.foreach_get("polygon_index", polygons)
    mesh.loop_triangles.foreach_get("material_index", materials)
    vertices = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", vertices)
    uv = np.empty(len(mesh.loops) * 2, np.float32)
    mesh.uv_layers[0].data.foreach_get("uv", uv)
    chosen = polygons >= first
    loops = loops.reshape(-1, 3)[chosen]
    return vertices[loops], uv.reshape(-1, 2)[loops], materials[chosen]


def _decimated(
    points: np.ndarray, used: np.ndarray, triangles: np.ndarray, uv: np.ndarray, materials: np.ndarray, kept: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fewer triangles over the vertices `used` `[K]`: which of them remain, and triangles, UVs and materials."""
    quads = [0, 1, 2, 2]
    fine = new_mesh("extras", points[used], triangles[:, quads], uv[:, quads], materials)
    for _ in range(int(materials.max()) + 1):
        fine.materials.append(None)  # a slot for each index, or Blender takes them all for the first
    thing = bpy.data.objects.new("extras", fine)
    scene = bpy.context.scene
    scene.collection.objects.link(thing)
    try:
        thing.modifiers.new("Decimate", "DECIMATE").ratio = kept
        coarse = thing.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
        triangles, uv, materials = _triangles(coarse, 0)
        tree = KDTree(len(used))
        for index, point in enumerate(points[used]):
            tree.insert(point, index)
        tree.balance()
        nearest = np.array([tree.find(vertex.co)[1] for vertex in coarse.vertices])
    finally:
        bpy.data.meshes.remove(fine)  # and its object
    triangles = nearest[triangles]
    whole = (triangles != np.roll(triangles, 1, 1)).all(1)
    remaining, triangles = np.unique(triangles[whole], return_inverse=True)
    return used[remaining], triangles.reshape(-1, 3), uv[whole], materials[whole]


def _basis(mesh: bpy.types.Mesh) -> np.ndarray:
    return heads.positions(mesh.shape_keys.reference_key)


def _weights(thing: bpy.types.Object, bones: list[str]) -> np.ndarray:
    """`[V, B]` weights of the bones; other vertex groups may be there."""
    dense = np.zeros((len(thing.data.vertices), len(thing.vertex_groups)), np.float32)
    for vertex in thing.data.vertices:
        for entry in vertex.groups:
            dense[vertex.index, entry.group] = entry.weight
    return dense[:, [thing.vertex_groups[bone].index for bone in bones]]


def _add_keys(thing: bpy.types.Object, rig: bpy.types.Object, level: LevelOfDetail) -> None:
    basis, *others = heads.keys(rig)
    thing.shape_key_add(name=basis.name, from_mix=False)
    for leader in others:
        limits = leader.slider_min, leader.slider_max
        follow_key(add_key(thing, leader.name, level.carry(heads.positions(leader)), limits), leader)
