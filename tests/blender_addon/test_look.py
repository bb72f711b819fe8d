"""A head of a photo is looked at before and after its relief was made; it stays what it is, in exported files too."""

import json
from pathlib import Path

import bpy
import numpy as np
import pytest

from likeness.blender_addon import export, heads, identity, levels, look, mixing, transfer
from likeness.blender_addon.axes import from_blender
from likeness.blender_addon.build import build
from likeness.core.avatar import Avatar
from likeness.core.parametric.assembly import head_avatar
from likeness.core.parametric.head import HeadModel

from .conftest import shell
from .meshes import evaluated, key_positions
from .operators import inventory, select

pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture
def folds(model: HeadModel) -> np.ndarray:
    """[Vm, 3] metres: a brow that is furrowed by half a millimetre."""
    furrows = np.zeros_like(model.v_template)
    furrows[:, 2] = 0.0005 * np.sin(2000 * model.v_template[:, 1]) * model.masks["narrow_face"]
    return furrows


@pytest.fixture
def refined(avatar: Avatar, model: HeadModel, beta: np.ndarray, folds: np.ndarray) -> Avatar:
    """As a photo gives it: maps, folds, hair that lies on them, a camera."""
    skin = next(material for material in avatar.materials if material.name == "skin")
    hair = next(material for material in avatar.materials if material.name == "hair")
    cap = shell(model, beta, "hair", "scalp", 0.01)
    return head_avatar(
        model,
        beta,
        offset=folds,
        name="Ada",
        materials={"skin": skin, "hair": hair},
        extra_parts=[cap],
        parameters={"psi": np.zeros(50), "theta": np.zeros((5, 3)), "camera": np.zeros(15)},
        source="ada.jpg",
    )


@pytest.fixture
def rig(refined: Avatar) -> bpy.types.Object:
    rig = build(refined)
    select(heads.mesh_object(rig))
    return rig


def shown(rig: bpy.types.Object) -> bpy.types.Material:
    """The material with which the skin is drawn."""
    head = heads.mesh_object(rig)
    return head.material_slots[[made.name for made in head.data.materials].index("skin")].material


def links(material: bpy.types.Material) -> dict[str, bool]:
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    return {name: shader.inputs[name].is_linked for name in ("Base Color", "Roughness", "Normal")}


def test_before_is_the_shape_of_its_beta_in_clay(rig, model, beta):
    rig.likeness_sliders.look = "BEFORE"
    assert rig.likeness_sliders.look == "BEFORE"
    seen = from_blender(evaluated(heads.mesh_object(rig)))
    count = len(model.v_template)
    np.testing.assert_allclose(seen[:count], model.shaped(beta), atol=1e-6)
    assert links(shown(rig)) == {"Base Color": True, "Roughness": False, "Normal": False}
    assert shown(rig).node_tree.nodes.active.image.name == look.CLAY


def test_hair_follows_the_skin_below_it(rig, refined, model, folds):
    plain = evaluated(heads.mesh_object(rig))
    rig.likeness_sliders.look = "BEFORE"
    moved = from_blender(evaluated(heads.mesh_object(rig)) - plain)
    hair = refined.part("hair")
    np.testing.assert_allclose(moved[-len(hair.vertices) :], -folds[hair.binding[:, 0]], atol=1e-6)


def test_relief_is_the_finished_shape_in_clay(rig):
    plain = evaluated(heads.mesh_object(rig))
    rig.likeness_sliders.look = "RELIEF"
    np.testing.assert_array_equal(evaluated(heads.mesh_object(rig)), plain)
    assert links(shown(rig)) == {"Base Color": True, "Roughness": False, "Normal": True}


def test_after_nothing_is_left(rig):
    before, plain = inventory(), evaluated(heads.mesh_object(rig))
    for chosen in ("BEFORE", "RELIEF", "BEFORE", "AFTER"):
        rig.likeness_sliders.look = chosen
        assert rig.likeness_sliders.look == chosen
    assert inventory() == before
    assert shown(rig).name == "skin"
    np.testing.assert_array_equal(evaluated(heads.mesh_object(rig)), plain)


def test_expression_and_active_key_stay(rig):
    head = heads.mesh_object(rig)
    head.active_shape_key_index = 5
    heads.keys(rig)["jawOpen"].value = 0.5
    plain = evaluated(head)
    rig.likeness_sliders.look = "BEFORE"
    assert head.active_shape_key_index == 5
    assert heads.keys(rig)["jawOpen"].value == 0.5
    rig.likeness_sliders.look = "AFTER"
    assert head.active_shape_key_index == 5
    np.testing.assert_array_equal(evaluated(head), plain)


def test_identity_changes_meanwhile(rig, model, folds):
    rig.likeness_sliders.look = "BEFORE"
    rig.likeness_sliders.identity.beta_000 = 2.0
    count = len(model.v_template)
    now = model.shaped(identity.beta(rig))
    np.testing.assert_allclose(from_blender(evaluated(heads.mesh_object(rig)))[:count], now, atol=1e-6)
    rig.likeness_sliders.look = "AFTER"
    np.testing.assert_allclose(from_blender(evaluated(heads.mesh_object(rig)))[:count], now + folds, atol=1e-6)


def test_undo_is_one_step(rig):
    bpy.ops.ed.undo_push(message="built")
    rig.likeness_sliders.look = "BEFORE"
    bpy.ops.ed.undo_push(message="Before/After")
    bpy.ops.ed.undo()
    rig = bpy.data.objects["Ada"]
    assert rig.likeness_sliders.look == "AFTER"
    assert heads.BEFORE not in heads.keys(rig)
    bpy.ops.ed.redo()
    assert bpy.data.objects["Ada"].likeness_sliders.look == "BEFORE"


def test_it_is_no_expression(rig):
    rig.likeness_sliders.look = "BEFORE"
    assert not transfer.has_expression(rig)


def test_copies_and_levels_are_of_the_finished_head(rig, model):
    plain = key_positions(heads.keys(rig)[0])
    rig.likeness_sliders.look = "BEFORE"
    mixed = mixing.mix_parametric(rig, rig, 0.5, model)
    assert rig.likeness_sliders.look == "BEFORE"
    assert mixed.likeness_sliders.look == "AFTER"
    np.testing.assert_allclose(key_positions(heads.keys(mixed)[0]), plain, atol=1e-6)
    select(heads.mesh_object(rig))
    assert bpy.ops.likeness.add_levels() == {"FINISHED"}
    assert all(heads.BEFORE not in level.data.shape_keys.key_blocks for level in levels.levels(rig))
    assert rig.likeness_sliders.look == "BEFORE"


def test_a_copied_object_keeps_its_clay(rig):
    rig.likeness_sliders.look = "RELIEF"
    head = heads.mesh_object(rig)
    copy = head.copy()
    rig.likeness_sliders.look = "AFTER"
    assert look.LOOK in copy.material_slots[0].material


@pytest.mark.parametrize("preset", ["gltf", "fbx_generic"])
def test_exported_files_have_the_finished_head(rig, tmp_path: Path, preset: str):
    rig.likeness_sliders.look = "BEFORE"
    before, plain = inventory(), key_positions(heads.keys(rig)[0])
    path = tmp_path / f"head{export.PRESETS[preset].extension}"
    export.export_head(rig, path, preset)
    assert inventory() == before
    assert rig.likeness_sliders.look == "BEFORE"
    bpy.ops.wm.read_homefile(use_empty=True)
    importer = bpy.ops.import_scene.gltf if preset == "gltf" else bpy.ops.import_scene.fbx
    importer(filepath=str(path))
    (mesh,) = (thing for thing in bpy.data.objects if thing.type == "MESH" and thing.data.shape_keys)
    assert heads.BEFORE not in mesh.data.shape_keys.key_blocks
    assert look.CLAY not in {material.name.partition(".")[0] for material in mesh.data.materials}
    size = np.ptp(evaluated(mesh), axis=0)
    np.testing.assert_allclose(size, np.ptp(plain, axis=0), atol=2e-5)


def test_a_head_of_another_model_changes_its_material_alone(rig):
    stored = heads.metadata(rig)
    rig["likeness"] = json.dumps({**stored, "model": "0" * 64})
    rig.likeness_sliders.look = "BEFORE"
    assert heads.BEFORE not in heads.keys(rig)
    assert rig.likeness_sliders.look == "BEFORE"


def test_a_head_without_skin_stays(rig):
    heads.mesh_object(rig).data.materials.clear()
    rig.likeness_sliders.look = "BEFORE"
    assert rig.likeness_sliders.look == "AFTER"


def test_a_random_head_is_of_no_photo(model):
    assert not heads.is_of_photo(build(head_avatar(model, np.zeros(100, np.float32))))
