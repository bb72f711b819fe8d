"""Another photo's skin on a head that is there: its shape, keys, pose and hair stay, and a failure changes nothing."""

import json
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from likeness.blender_addon import extras, heads, preferences
from likeness.blender_addon.build import build
from likeness.core.avatar import Avatar, Material
from likeness.core.parametric.assembly import head_avatar
from likeness.core.parametric.head import HeadModel

from .conftest import png
from .meshes import key_positions, weights
from .operators import inventory, refused, select

pytestmark = pytest.mark.usefixtures("empty_scene")

NO_FACE = "No face was found in bob.jpg; take a photo that shows a face."


@pytest.fixture
def rig(avatar: Avatar) -> bpy.types.Object:
    """A head of ada.jpg, posed."""
    rig = build(replace(avatar, parameters={**avatar.parameters, "camera": [0.0] * 15}))
    select(heads.mesh_object(rig))
    heads.keys(rig)["jawOpen"].value = 0.4
    rig.pose.bones["neck"].rotation_quaternion = (0.9, 0.1, 0.0, 0.0)
    return rig


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Only the engine looks into it."""
    path = tmp_path / "bob.jpg"
    path.write_bytes(b"")
    return path


@pytest.fixture
def green(avatar_file: Path, model: HeadModel) -> None:
    """What the engine gives: a bare head of another shape, green, larger maps, of bob.jpg."""
    skin = Material(
        "skin",
        color_texture=png(np.full((32, 32, 3), (0, 255, 0), np.uint8)),
        normal_texture=png(np.full((32, 32, 3), (128, 128, 255), np.uint8)),
        roughness_texture=png(np.full((32, 32, 3), 200, np.uint8)),
    )
    camera = {"psi": np.ones(50), "camera": np.ones(15)}
    bare = head_avatar(model, np.ones(100, np.float32), materials={"skin": skin}, parameters=camera, source="bob.jpg")
    bare.save(avatar_file)


def state(rig: bpy.types.Object) -> dict[str, object]:
    """What must stay."""
    mesh = heads.mesh_object(rig)
    return {
        "keys": {key.name: (key.value, key_positions(key).tobytes()) for key in heads.keys(rig)},
        "bones": [(bone.name, tuple(bone.rotation_quaternion)) for bone in rig.pose.bones],
        "weights": weights(mesh).tobytes(),
        "beta": heads.metadata(rig)["parameters"]["beta"],
        "materials": [material.name for material in mesh.data.materials],
        "hair": pixels(rig, "hair").tobytes(),
    }


def pixels(rig: bpy.types.Object, material: str, kind: str = "color") -> np.ndarray:
    """Of a texture [H, W, 4]."""
    nodes = extras.materials_of(rig)[material].node_tree.nodes
    images = [node.image for node in nodes if node.type == "TEX_IMAGE"]
    image = next(image for image in images if image.name.partition(".")[0] == f"{material}_{kind}")
    values = np.empty((*image.size, 4), np.float32)
    image.pixels.foreach_get(values.ravel())
    return values


@pytest.mark.usefixtures("green")
def test_gives_the_other_photo_s_skin_alone(rig, engine, photo, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE_CALLS", str(tmp_path / "calls"))
    engine("done")
    before, names = state(rig), inventory()
    rig.likeness_sliders.look = "BEFORE"
    assert bpy.ops.likeness.retexture(filepath=str(photo), face=2) == {"FINISHED"}
    assert state(rig) == before
    assert inventory() == names
    assert rig.likeness_sliders.look == "AFTER"
    assert pixels(rig, "skin").shape == pixels(rig, "skin", "normal").shape == (32, 32, 4)
    np.testing.assert_allclose(pixels(rig, "skin")[0, 0], (0, 1, 0, 1), atol=0.01)
    (call,) = map(json.loads, (tmp_path / "calls").read_text().splitlines())
    beta, out = call[1].pop("beta"), call[1].pop("out")
    assert call == [
        "retexture",
        {"photo": str(photo), "face": 2, "device": preferences.device(), "refine": True, "texture_size": 2048},
    ]
    np.testing.assert_allclose(beta, before["beta"], atol=1e-6)
    assert out.endswith(".npz")


@pytest.mark.usefixtures("green")
def test_knows_its_new_photo(rig, engine, photo):
    engine("done")
    bpy.ops.likeness.retexture(filepath=str(photo))
    stored = heads.metadata(rig)
    assert (stored["name"], stored["source"]) == ("Ada", "bob.jpg")
    assert stored["parameters"]["camera"] == [1.0] * 15


@pytest.mark.usefixtures("green")
def test_undo_is_one_step(rig, engine, photo):
    engine("done")
    bpy.ops.ed.undo_push(message="before")
    own = pixels(rig, "skin")
    bpy.ops.likeness.retexture("EXEC_DEFAULT", True, filepath=str(photo))
    bpy.ops.ed.undo()
    rig = bpy.data.objects["Ada"]
    np.testing.assert_array_equal(pixels(rig, "skin"), own)
    assert heads.metadata(rig)["source"] == "ada.jpg"
    bpy.ops.ed.redo()
    assert pixels(bpy.data.objects["Ada"], "skin").shape == (32, 32, 4)


@pytest.mark.parametrize("behaviour", ["dies", NO_FACE])
def test_a_failing_engine_changes_nothing(rig, engine, photo, behaviour):
    engine(behaviour)
    before, own = state(rig), pixels(rig, "skin")
    rig.likeness_sliders.look = "RELIEF"
    message = refused(bpy.ops.likeness.retexture, filepath=str(photo))
    assert message == behaviour if behaviour != "dies" else "stopped unexpectedly" in message
    assert state(rig) == before
    assert rig.likeness_sliders.look == "RELIEF"
    np.testing.assert_array_equal(pixels(rig, "skin"), own)


@pytest.mark.parametrize("path", ["", "missing.jpg", "."])
def test_no_photo(rig, engine, tmp_path, path):
    assert "no photo" in refused(bpy.ops.likeness.retexture, filepath=str(tmp_path / path) if path else "")


def test_a_head_of_no_photo(model, photo):
    select(heads.mesh_object(build(head_avatar(model, np.zeros(100, np.float32)))))
    with pytest.raises(RuntimeError, match="made from a photo"):
        bpy.ops.likeness.retexture(filepath=str(photo))


@pytest.mark.usefixtures("green")
@pytest.mark.parametrize("lost", ["material", "maps"])
def test_a_head_whose_skin_is_lost(rig, engine, photo, lost):
    engine("done")
    skin = extras.materials_of(rig)["skin"]
    if lost == "material":
        heads.mesh_object(rig).data.materials.clear()
    else:
        skin.node_tree.nodes.clear()
    assert "lost its skin" in refused(bpy.ops.likeness.retexture, filepath=str(photo))
