"""Bodies: what the engine is asked, sliders and seeds, motion, export; and that bad input changes nothing."""

import json
import shutil
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from likeness.blender_addon import actions, body, heads, panels, views
from likeness.blender_addon.axes import from_blender
from likeness.blender_addon.build import METADATA, build
from likeness.core.avatar import Avatar
from likeness.core.bodies.seeded import seeded_body
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.assembly import head_avatar
from likeness.core.parametric.body import BodyModel
from likeness.core.parametric.joint_names import JOINT_NAMES

from .meshes import bare_height, evaluated
from .operators import inventory, refused, select

pytestmark = pytest.mark.usefixtures("empty_scene")

BLOB = """HIERARCHY
ROOT Blob
{
OFFSET 0 0 0
CHANNELS 3 Zrotation Xrotation Yrotation
End Site
{
OFFSET 0 1 0
}
}
MOTION
Frames: 1
Frame Time: 0.04
0 0 0
"""
"""A motion of a skeleton that is no body's."""


@pytest.fixture(scope="session")
def body_model():
    return BodyModel.load()


@pytest.fixture(scope="session")
def made(body_model, tmp_path_factory):
    """The file of a body of a seed and options, made once."""
    folder = tmp_path_factory.mktemp("bodies")

    def make(seed=3, **options):
        path = folder / f"{seed}{json.dumps(options, sort_keys=True)}.npz".replace('"', "").replace(" ", "")
        if not path.exists():
            seeded_body(body_model, seed, **options).save(path)
        return path

    return make


@pytest.fixture
def answer(engine, made, avatar_file):
    """Has the fake engine answer with the body of a seed."""
    engine("done")
    return lambda seed=3, **options: shutil.copy(made(seed, **options), avatar_file)


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """What the engine was asked, but for the file to write: the parameters of each call."""
    path = tmp_path / "calls"
    monkeypatch.setenv("FAKE_ENGINE_CALLS", str(path))

    def read():
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [{name: value for name, value in params.items() if name != "out"} for _, params in lines]

    return read


@pytest.fixture
def somebody(made):
    """A body in the scene, active."""
    rig = build(Avatar.load(made(3, wanted={"sex": 1.0})))
    select(heads.mesh_object(rig))
    return rig


def write_npz(path, frames=31, fps=30.0, **changed):
    """A walk on the spot as AMASS writes it: Z-up, the left thigh goes ahead."""
    poses = np.zeros((frames, 156))
    poses[:, 0] = np.pi / 2
    poses[:, 3] = np.linspace(0, -0.5, frames)
    trans = np.tile([0.0, 0.0, 0.95], (frames, 1))
    arrays = {"poses": poses, "trans": trans, "betas": np.zeros(16), "mocap_framerate": fps, **changed}
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def driven_by(rig):
    """Shape key's path -> the bones that drive it."""
    drivers = heads.mesh_object(rig).data.shape_keys.animation_data.drivers
    return {d.data_path: {v.targets[0].bone_target for v in d.driver.variables} for d in drivers}


def shown_panels():
    """Names of the sub-panels that are drawn for what is active."""
    subs = [cls for cls in panels.CLASSES if hasattr(cls, "bl_parent_id")]
    return {cls.bl_label for cls in subs if cls.poll(bpy.context)}


class TestAddBody:
    def test_makes_a_body_beside_what_is_there(self, answer, calls):
        answer()
        assert bpy.ops.likeness.add_body(seed=3) == {"FINISHED"}
        assert calls() == [{"seed": 3, "resolution": 256, "joint_names": "smpl"}]
        rig = views.active_body(bpy.context)
        assert (rig.name, views.active_head(bpy.context)) == ("Body 3", None)
        assert [thing.parent for thing in bpy.context.selected_objects] == [rig]
        lowest = evaluated(heads.mesh_object(rig))[:, 2].min()
        assert lowest == pytest.approx(0, abs=1e-4)

    def test_what_is_named_is_chosen(self, answer, calls):
        answer()
        bpy.ops.likeness.add_body(seed=3, sex=0.0, detail_seed=8, joint_names="vrm", resolution=128)
        bpy.ops.likeness.add_body(seed=3, chosen={"height"}, beta="1, -0.5")
        first, second = calls()
        assert first == {"seed": 3, "resolution": 128, "joint_names": "vrm", "sex": 0.0, "detail_seed": 8}
        assert second["beta"] == [1.0, -0.5]
        assert second["height"] == pytest.approx(1.7)

    def test_undo_is_one_step(self, answer):
        answer()
        bpy.ops.ed.undo_push(message="before")
        before = inventory()
        bpy.ops.likeness.add_body("EXEC_DEFAULT", True, seed=3)
        bpy.ops.ed.undo()
        assert inventory()["objects"] == before["objects"]
        bpy.ops.ed.redo()
        assert "Body 3" in bpy.data.objects

    @pytest.mark.parametrize("given", [{"seed": -1}, {"seed": 1, "detail_seed": -5}, {"seed": 1, "beta": "one, two"}])
    def test_bad_values(self, engine, calls, given):
        """What the operator itself can tell."""
        message = refused(bpy.ops.likeness.add_body, **given)
        expected = ("seed is -1", "seed is -5", "Beta takes numbers with commas between them, not 'one, two'.")
        assert any(part in message for part in expected)
        assert not calls()

    def test_a_failing_engine_is_one_sentence(self, engine):
        engine("17 values of beta were given, where the body takes 1 to 16.")
        assert "17 values" in refused(bpy.ops.likeness.add_body, seed=1, beta="0 " * 17)
        engine("dies")
        assert "stopped unexpectedly" in refused(bpy.ops.likeness.add_body, seed=1)


class TestSliders:
    def test_they_say_what_the_body_is(self, somebody):
        wanted = somebody.likeness_sliders.body
        assert (wanted.sex, wanted.shape_seed, wanted.detail_seed) == (1.0, 3, 3)
        places = evaluated(heads.mesh_object(somebody))
        assert wanted.height == pytest.approx(np.ptp(places[:, 2]), abs=1e-3)
        assert wanted.height == pytest.approx(bare_height(somebody), abs=1e-3)
        assert [body.is_chosen(somebody, name) for name in ("sex", "age")] == [True, False]

    def test_update_asks_for_what_is_set(self, somebody, answer, calls):
        assert not bpy.ops.likeness.update_body.poll()
        somebody.likeness_sliders.body.height = 1.9
        assert somebody.likeness_sliders.body.height == pytest.approx(1.9)
        answer(3, wanted={"sex": 1.0, "height": 1.9})
        assert bpy.ops.likeness.update_body() == {"FINISHED"}
        (params,) = calls()
        made = {"seed": 3, "shape_seed": 3, "detail_seed": 3, "resolution": 256, "joint_names": "smpl", "sex": 1.0}
        assert params == {**made, "height": pytest.approx(1.9)}
        assert np.ptp(evaluated(heads.mesh_object(somebody))[:, 2]) == pytest.approx(1.9, abs=0.005)
        assert not bpy.ops.likeness.update_body.poll()

    def test_a_slider_goes_back_to_the_seed(self, somebody, answer, calls):
        bpy.ops.likeness.release_slider(slider="sex")
        assert body.is_ahead(somebody)
        answer()
        bpy.ops.likeness.update_body()
        assert "sex" not in calls()[0]
        assert not body.is_ahead(somebody)

    @pytest.mark.parametrize(("code", "seeds"), [("SHAPE", (9, 3)), ("DETAIL", (3, 9))])
    def test_one_code_is_resampled_and_the_other_stays(self, somebody, answer, calls, code, seeds):
        shape_seed, detail_seed = seeds
        answer(3, shape_seed=shape_seed, detail_seed=detail_seed, wanted={"sex": 1.0})
        assert bpy.ops.likeness.resample_body(code=code, seed=9) == {"FINISHED"}
        (params,) = calls()
        assert (params["shape_seed"], params["detail_seed"], params["sex"]) == (*seeds, 1.0)
        wanted = somebody.likeness_sliders.body
        assert (wanted.shape_seed, wanted.detail_seed) == seeds

    def test_each_button_says_what_it_does(self):
        says = bpy.types.LIKENESS_OT_resample_body.description
        tooltips = {says(bpy.context, SimpleNamespace(code=code)) for code in body.SEEDS}
        assert len(tooltips) == 2

    def test_given_betas_stay_until_the_shape_is_resampled(self, made, answer, calls):
        rig = build(Avatar.load(made(1, beta=[1.5])))
        select(rig)
        answer(1, beta=[1.5])
        bpy.ops.likeness.resample_body(code="DETAIL", seed=5)
        bpy.ops.likeness.resample_body(code="SHAPE", seed=5)
        assert [params.get("beta") for params in calls()] == [[1.5], None]

    def test_pose_animation_and_materials_stay(self, somebody, answer, tmp_path):
        bpy.ops.likeness.import_motion(filepath=str(write_npz(tmp_path / "walk.npz")))
        skin = heads.mesh_object(somebody).data.materials[0]
        skin.diffuse_color = (0, 1, 0, 1)
        playing, mesh = actions.current(somebody)[0], heads.mesh_object(somebody)
        answer(3, shape_seed=9, wanted={"sex": 1.0})
        bpy.ops.likeness.resample_body(code="SHAPE", seed=9)
        assert actions.current(somebody)[0] == playing
        assert heads.mesh_object(somebody) == mesh
        assert mesh.data.materials[0] == skin
        assert not [thing for thing in bpy.data.meshes if not thing.users]

    def test_a_failure_changes_nothing(self, somebody, engine):
        engine("Height is 9, where 1 to 2.2 belongs.")
        somebody.likeness_sliders.body.height = 9
        before = evaluated(heads.mesh_object(somebody))
        assert "Height is 9" in refused(bpy.ops.likeness.update_body)
        assert "seed is -2" in refused(bpy.ops.likeness.resample_body, code="DETAIL", seed=-2)
        np.testing.assert_array_equal(evaluated(heads.mesh_object(somebody)), before)


class TestPanels:
    def test_heads_and_bodies_each_have_their_own(self, somebody, model):
        head = build(head_avatar(model, np.zeros(100, np.float32), name="Ada"))
        select(somebody)
        assert shown_panels() == {"Shape", "Head", "Motion", "Export"}
        assert panels.LIKENESS_PT_body_export.poll(bpy.context)
        assert not bpy.ops.likeness.preview_animation.poll()
        select(head)
        assert shown_panels() == {"Identity", "Expression", "FLAME", "Animation", "Export"}
        assert panels.LIKENESS_PT_export.poll(bpy.context)
        assert not bpy.ops.likeness.import_motion.poll()
        select(None)
        assert shown_panels() == set()
        select(somebody, head)
        assert views.selected_heads(bpy.context) == [head]


class TestMotion:
    @pytest.mark.parametrize("fps", [24, 60])
    def test_lands_at_the_scene_s_rate(self, somebody, tmp_path, fps):
        scene = bpy.context.scene
        scene.render.fps = fps
        path = write_npz(tmp_path / "walk.npz", fps=120.0, frames=121)
        assert bpy.ops.likeness.import_motion(filepath=str(path), start_frame=10) == {"FINISHED"}
        assert (scene.frame_start, scene.frame_end) == (10, 10 + fps)
        scene.frame_set(scene.frame_end)
        assert somebody.pose.bones["left_hip"].matrix_basis.to_quaternion().angle == pytest.approx(0.5, abs=0.1)
        assert evaluated(heads.mesh_object(somebody))[:, 2].min() == pytest.approx(0, abs=0.01)
        assert somebody.pose.bones["root"].location.y == pytest.approx(0, abs=1e-4)

    @pytest.mark.parametrize("scheme", ["mixamo", "unreal", "vrm"])
    def test_bones_by_other_names(self, made, tmp_path, scheme):
        rig = build(Avatar.load(made(3, joint_names=scheme)))
        select(rig)
        assert bpy.ops.likeness.import_motion(filepath=str(write_npz(tmp_path / "walk.npz"))) == {"FINISHED"}
        bpy.context.scene.frame_set(bpy.context.scene.frame_end)
        thigh = JOINT_NAMES[scheme][1]
        assert rig.pose.bones[thigh].matrix_basis.to_quaternion().angle > 0.3

    def test_the_former_action_is_kept(self, somebody, tmp_path):
        path = write_npz(tmp_path / "walk.npz")
        bpy.ops.likeness.import_motion(filepath=str(path))
        former = actions.current(somebody)[0]
        bpy.ops.likeness.import_motion(filepath=str(path))
        assert actions.current(somebody)[0] != former
        assert former.use_fake_user

    def test_undo_is_one_step(self, somebody, tmp_path):
        bpy.ops.ed.undo_push(message="before")
        bpy.ops.likeness.import_motion("EXEC_DEFAULT", True, filepath=str(write_npz(tmp_path / "walk.npz")))
        bpy.ops.ed.undo()
        assert actions.current(bpy.data.objects["Body 3"])[0] is None

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"frames": 0}, "no frames"),
            ({"fps": 0.0}, "0 frames a second"),
            ({"fps": 1e9}, "frames a second"),
            ({"fps": None, "mocap_framerate": None}, "does not say its frame rate"),
            ({"poses": np.full((31, 156), np.nan)}, "not finite"),
            ({"trans": np.full((31, 3), np.inf)}, "not finite"),
            ({"trans": np.zeros((7, 3))}, "trans of shape"),
            ({"poses": np.zeros((31, 100))}, "poses of 100 numbers"),
            ({"betas": np.zeros(3)}, "betas of shape"),
            ({"betas": np.full(16, 1e6)}, "people are within"),
            ({"trans": np.full((31, 3), 1e7)}, "farther than"),
        ],
    )
    def test_an_npz_that_cannot_be_used(self, somebody, tmp_path, changed, message):
        path = write_npz(tmp_path / "bad.npz", **changed)
        self.refuses(somebody, path, message)

    def test_a_truncated_npz(self, somebody, tmp_path):
        path = write_npz(tmp_path / "bad.npz")
        path.write_bytes(path.read_bytes()[:1000])
        self.refuses(somebody, path, "bad.npz")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "bad.bvh"),
            ("HIERARCHY\nROOT Hips\n{\nOFFSET 0 0 0\n", "bad.bvh"),
            (BLOB, "bad.bvh"),
        ],
    )
    def test_a_bvh_that_cannot_be_used(self, somebody, tmp_path, content, message):
        """Empty, cut off, and of bones that no body has."""
        path = tmp_path / "bad.bvh"
        path.write_text(content)
        self.refuses(somebody, path, message)

    @pytest.mark.parametrize("name", ["missing.bvh", "walk.fbx"])
    def test_no_motion(self, somebody, tmp_path, name):
        (tmp_path / "walk.fbx").write_bytes(b"x")
        self.refuses(somebody, tmp_path / name, name)

    def test_a_body_whose_bone_is_gone(self, somebody, tmp_path):
        somebody.data.bones["left_knee"].name = "Knee"
        path = write_npz(tmp_path / "walk.npz")
        self.refuses(somebody, path, "has lost its bone left_knee")

    def refuses(self, rig, path, message):
        scene = bpy.context.scene
        before = scene.frame_start, scene.frame_end, scene.frame_current
        assert message in refused(bpy.ops.likeness.import_motion, filepath=str(path))
        assert (scene.frame_start, scene.frame_end, scene.frame_current) == before
        assert actions.current(rig)[0] is None


@pytest.fixture
def ada(model):
    """A head in the scene."""
    return build(head_avatar(model, np.zeros(100, np.float32), name="Ada"))


def with_face(made, path):
    """A stand-in for a body with a head of its own: it has the parameters, and keys that move one vertex."""
    avatar = Avatar.load(made(3))
    skin, *others = avatar.parts
    moved = np.zeros_like(skin.vertices)
    moved[0] = 0.01
    face = replace(skin, keys=dict.fromkeys(ARKIT_NAMES, moved))
    parameters = {**avatar.parameters, "head_beta": [0.0]}
    replace(avatar, parts=[face, *others], parameters=parameters).save(path)


class TestAttachHead:
    def test_the_body_gets_the_head_and_its_expressions(self, somebody, ada, engine, made, avatar_file, calls):
        engine("done")
        with_face(made, avatar_file)
        assert "Expression" not in shown_panels()
        assert bpy.ops.likeness.attach_head(head="Ada") == {"FINISHED"}
        assert not ada.visible_get()
        assert shown_panels() == {"Expression", "Motion", "Export"}
        assert bpy.ops.likeness.apply_preset(preset="Smile") == {"FINISHED"}
        assert heads.keys(somebody)["mouthSmileLeft"].value > 0
        assert not bpy.ops.likeness.resample_body.poll()

    def test_the_engine_gets_what_is_in_the_scene(
        self, somebody, ada, engine, made, avatar_file, monkeypatch, tmp_path
    ):
        engine("done")
        with_face(made, avatar_file)
        kept = tmp_path / "kept.npz"
        monkeypatch.setenv("FAKE_ENGINE_HEAD", str(kept))
        for key in heads.keys(ada):
            key.data[0].co.x += 0.01
        bpy.ops.likeness.attach_head(head="Ada")
        read = Avatar.load(kept)
        assert (read.name, read.kind) == ("Ada", "head")
        assert from_blender(heads.positions(heads.keys(ada)[0]))[0] == pytest.approx(read.parts[0].vertices[0])

    def test_a_head_of_an_older_likeness(self, somebody, ada, engine):
        engine("done")
        stored = json.loads(ada[METADATA])
        del stored["parts"]
        ada[METADATA] = json.dumps(stored)
        message = refused(bpy.ops.likeness.attach_head, head="Ada")
        assert message == "Ada was made by an older Likeness; make it again."
        assert ada.visible_get()

    def test_a_failing_engine_is_one_sentence(self, somebody, ada, engine):
        engine("Body 3 wears something around its neck.")
        assert "around its neck" in refused(bpy.ops.likeness.attach_head, head="Ada")
        assert ada.visible_get()

    def test_a_head_of_a_file(self, somebody, engine, made, avatar_file, calls, tmp_path):
        """A photo or the file of a head, which the engine reads."""
        engine("done")
        with_face(made, avatar_file)
        file = tmp_path / "ada.jpg"
        file.write_bytes(b"")
        assert bpy.ops.likeness.attach_head(filepath=str(file)) == {"FINISHED"}
        assert calls()[0]["head"] == str(file)
        assert shown_panels() == {"Expression", "Motion", "Export"}

    def test_no_file_or_no_body(self, somebody, engine):
        assert "There is no file gone.npz" in refused(bpy.ops.likeness.attach_head, filepath="gone.npz")
        somebody.hide_set(True)
        select(None)
        bpy.data.objects.remove(somebody)
        assert not bpy.ops.likeness.attach_head.poll()


class TestExport:
    @pytest.mark.parametrize(
        ("preset", "scheme"),
        [("gltf", "smpl"), ("fbx_unity", "vrm"), ("fbx_unreal", "unreal"), ("fbx_mixamo", "mixamo")],
    )
    def test_bones_are_called_as_the_program_expects(self, somebody, tmp_path, preset, scheme):
        bpy.ops.likeness.import_motion(filepath=str(write_npz(tmp_path / "walk.npz", frames=4)))
        mine = somebody.data.bones["left_hip"]
        before = [bone.name for bone in somebody.data.bones]
        curves = [curve.data_path for curve in actions.curves(somebody)]
        drivers = driven_by(somebody)
        assert drivers
        assert bpy.ops.likeness.export_body(filepath=str(tmp_path / "body"), preset=preset) == {"FINISHED"}
        assert [bone.name for bone in somebody.data.bones] == before
        assert [curve.data_path for curve in actions.curves(somebody)] == curves
        assert driven_by(somebody) == drivers
        assert mine.name == "left_hip"
        (path,) = (path for path in tmp_path.iterdir() if path.stem == "body")
        bpy.ops.wm.read_homefile(use_empty=True)
        reader = bpy.ops.import_scene.gltf if path.suffix == ".glb" else bpy.ops.import_scene.fbx
        reader(filepath=str(path))
        (rig,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
        assert {bone.name for bone in rig.data.bones} == {"root", *JOINT_NAMES[scheme]}
        (mesh,) = (thing for thing in bpy.data.objects if thing.type == "MESH" and thing.parent == rig)
        assert set(JOINT_NAMES[scheme]) <= set(mesh.vertex_groups.keys())
        assert JOINT_NAMES[scheme][1] in " ".join(curve.data_path for curve in actions.curves(rig))

    def test_names_of_choice_and_a_bone_of_the_artist_s(self, somebody, tmp_path):
        """The artist's own bone has a name that the file needs."""
        bpy.context.view_layer.objects.active = somebody
        bpy.ops.object.mode_set(mode="EDIT")
        bone = somebody.data.edit_bones.new("thigh_l")
        bone.tail = (0, 0, 1)
        bpy.ops.object.mode_set(mode="OBJECT")
        path = tmp_path / "body.glb"
        assert bpy.ops.likeness.export_body(filepath=str(path), joint_names="unreal") == {"FINISHED"}
        assert {"thigh_l", "left_hip"} <= set(somebody.data.bones.keys())
        text = path.read_bytes().decode("latin-1")
        assert '"thigh_l"' in text
        assert '"thigh_l (aside)"' in text

    def test_a_folder_that_is_not_there(self, somebody, tmp_path):
        path = tmp_path / "nowhere" / "body.glb"
        assert "nowhere" in refused(bpy.ops.likeness.export_body, filepath=str(path))
        assert "left_hip" in somebody.data.bones


@pytest.mark.slow
def test_the_real_engine(ada, monkeypatch, tmp_path):
    """Add, change, refuse, another head: with the engine of this Python."""
    monkeypatch.setenv("LIKENESS_ENGINE_PYTHON", sys.executable)
    assert bpy.ops.likeness.add_body(seed=4, height=1.8) == {"FINISHED"}
    rig = views.active_body(bpy.context)
    assert bare_height(rig) == pytest.approx(1.8, abs=0.005)
    assert bpy.ops.likeness.resample_body(code="SHAPE", seed=5) == {"FINISHED"}
    assert bare_height(rig) == pytest.approx(1.8, abs=0.005)
    for given in ({"beta": "1 " * 17}, {"beta": "1e9"}, {"beta": "nan"}, {"age": 3.0}):
        assert refused(bpy.ops.likeness.add_body, seed=1, **given)
    assert bpy.ops.likeness.attach_head(head="Ada") == {"FINISHED"}
    assert {"jawOpen", "mouthSmileLeft"} <= set(heads.keys(rig).keys())
    path = tmp_path / "body.glb"
    assert bpy.ops.likeness.export_body(filepath=str(path), joint_names="mixamo") == {"FINISHED"}
    assert '"mixamorig:Jaw"' in path.read_bytes().decode("latin-1")
    assert {"jaw", "left_hip"} <= set(rig.data.bones.keys())
