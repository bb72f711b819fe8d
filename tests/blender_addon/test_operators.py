"""The operators as a script calls them: what they make, what they say, and that a failure changes nothing."""

import csv
import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from likeness.blender_addon import expression, heads, identity, preferences, views
from likeness.blender_addon.build import METADATA, build
from likeness.core.parametric.arkit import ARKIT_NAMES, PRESETS, REGIONS
from likeness.core.parametric.assembly import head_avatar

from .operators import inventory, refused

pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture
def photo(tmp_path):
    """Only the engine looks into it."""
    path = tmp_path / "Ünï.jpg"
    path.write_bytes(b"")
    return path


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """The calls of the engine: method and photos, or the whole parameters."""
    path = tmp_path / "calls"
    monkeypatch.setenv("FAKE_ENGINE_CALLS", str(path))

    def read(whole=False):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return [params if whole else (method, params["photos"]) for method, params in lines]

    return read


@pytest.fixture
def head(model):
    rig = build(head_avatar(model, np.zeros(100, np.float32), name="Ada"))
    bpy.context.view_layer.objects.active = rig
    return rig


def expression_of(head):
    return {name: round(heads.keys(head)[name].value, 4) for name in ARKIT_NAMES}


class TestHeadFromPhoto:
    def test_makes_a_head_selected_and_neutral(self, engine, photo):
        engine("done")
        assert bpy.ops.likeness.head_from_photo(filepath=str(photo)) == {"FINISHED"}
        head = views.active_head(bpy.context)
        assert head.name == "Ada"
        assert [thing.parent for thing in bpy.context.selected_objects] == [head]
        assert set(expression_of(head).values()) == {0.0}

    @pytest.mark.parametrize("behaviour", ["dies", "There is no face in the photo; take one that shows a face."])
    def test_a_failing_engine_is_one_sentence(self, engine, photo, behaviour):
        engine(behaviour)
        message = refused(bpy.ops.likeness.head_from_photo, filepath=str(photo))
        assert message == behaviour if behaviour != "dies" else "stopped unexpectedly" in message

    def test_an_engine_of_another_version(self, engine, photo, monkeypatch):
        monkeypatch.setenv("FAKE_ENGINE_VERSION", "0.0.1")
        assert "version 0.0.1" in refused(bpy.ops.likeness.head_from_photo, filepath=str(photo))

    def test_no_engine(self, photo, monkeypatch, tmp_path):
        monkeypatch.setenv("LIKENESS_ENGINE_PYTHON", str(tmp_path / "nowhere"))
        assert "not set up" in refused(bpy.ops.likeness.head_from_photo, filepath=str(photo))

    @pytest.mark.parametrize("path", ["", "missing.jpg", "."])
    def test_no_photo(self, engine, tmp_path, path):
        assert "no photo" in refused(bpy.ops.likeness.head_from_photo, filepath=str(tmp_path / path) if path else "")

    def test_several_photos_are_one_head(self, engine, photo, calls):
        engine("done")
        profile = photo.with_name("profile.jpg")
        profile.write_bytes(b"")
        files = [{"name": photo.name}, {"name": profile.name}]
        assert bpy.ops.likeness.head_from_photo(directory=str(photo.parent), files=files) == {"FINISHED"}
        assert calls() == [("head", [str(photo), str(profile)])]
        assert views.active_head(bpy.context).name == "Ada"

    def test_one_photo_of_the_browser(self, engine, photo, calls):
        """It names the file twice, and names none where a folder is open."""
        engine("done")
        folder = str(photo.parent)
        bpy.ops.likeness.head_from_photo(filepath=str(photo), directory=folder, files=[{"name": photo.name}])
        bpy.ops.likeness.head_from_photo(filepath=str(photo), directory=folder, files=[{"name": ""}])
        assert calls() == [("head", [str(photo)])] * 2

    def test_one_of_several_photos_is_missing(self, engine, photo):
        files = [{"name": photo.name}, {"name": "missing.jpg"}]
        message = refused(bpy.ops.likeness.head_from_photo, directory=str(photo.parent), files=files)
        assert "no photo missing.jpg" in message

    def test_no_photo_is_chosen_in_a_folder(self, engine, photo):
        folder = str(photo.parent)
        message = refused(bpy.ops.likeness.head_from_photo, filepath=f"{folder}/", directory=folder, files=[])
        assert "no photo" in message

    def test_drops_give_every_photo(self):
        """Blender hands a drop's photos to an operator that has these."""
        dropped = bpy.types.LIKENESS_FH_photo
        asked = getattr(bpy.ops.likeness, dropped.bl_import_operator.partition(".")[2]).get_rna_type().properties
        assert {"filepath", "directory", "files"} <= set(asked.keys())

    @pytest.mark.parametrize(
        ("chosen", "sent"),
        [({}, (True, 2048)), ({"refine": False}, (False, 2048)), ({"texture_size": "4096"}, (True, 4096))],
    )
    def test_detail(self, engine, photo, calls, chosen, sent):
        engine("done")
        bpy.ops.likeness.head_from_photo(filepath=str(photo), **chosen)
        (params,) = calls(whole=True)
        assert (params["refine"], params["texture_size"]) == sent

    def test_undo_is_one_step(self, engine, photo):
        engine("done")
        bpy.ops.ed.undo_push(message="before")
        before = inventory()
        bpy.ops.likeness.head_from_photo("EXEC_DEFAULT", True, filepath=str(photo))
        bpy.ops.ed.undo()
        assert inventory()["objects"] == before["objects"]
        bpy.ops.ed.redo()
        assert "Ada" in bpy.data.objects


class TestEngine:
    def test_test_engine(self, engine, capfd):
        assert bpy.ops.likeness.test_engine() == {"FINISHED"}

    def test_set_up_needs_online_access(self, monkeypatch):
        if bpy.app.online_access:
            pytest.skip("this Blender may go online")
        assert "online access" in refused(bpy.ops.likeness.set_up_engine)


class TestExpression:
    def test_preset_and_reset(self, head):
        bpy.ops.likeness.apply_preset(preset="Smile", strength=0.5)
        smile = expression_of(head)
        assert smile["mouthSmileLeft"] == pytest.approx(PRESETS["Smile"]["mouthSmileLeft"] / 2)
        assert smile["jawOpen"] == 0
        bpy.ops.likeness.reset_expression(region="Mouth")
        after = expression_of(head)
        assert all(after[name] == 0 for name in REGIONS["Mouth"])
        assert after["eyeSquintLeft"] == smile["eyeSquintLeft"]
        bpy.ops.likeness.reset_expression()
        assert set(expression_of(head).values()) == {0.0}

    def test_twins_move_both_sides(self, head):
        head.likeness_sliders.twins.eyeBlinkLeft = 0.7
        assert {name: value for name, value in expression_of(head).items() if value} == {
            "eyeBlinkLeft": 0.7,
            "eyeBlinkRight": 0.7,
        }

    def test_directions_have_no_twin(self, head):
        assert not expression.has_twin("jawLeft")
        assert not hasattr(head.likeness_sliders.twins, "mouthLeft")

    def test_auto_keying(self, head):
        bpy.context.scene.tool_settings.use_keyframe_insert_auto = True
        bpy.context.scene.frame_set(7)
        head.likeness_sliders.twins.mouthSmileLeft = 1.0
        bpy.context.scene.frame_set(1)
        head.likeness_sliders.twins.mouthSmileLeft = 0.0
        bpy.context.scene.frame_set(7)
        assert head.likeness_sliders.twins.mouthSmileLeft == 1.0

    def test_without_a_head(self):
        assert not bpy.ops.likeness.apply_preset.poll()
        assert not bpy.ops.likeness.preview_animation.poll()

    def test_a_head_without_its_keys_is_none(self, head):
        heads.mesh_object(head).shape_key_clear()
        assert not bpy.ops.likeness.reset_expression.poll()

    def test_flame_keys(self, head):
        bpy.ops.likeness.add_flame_keys()
        keys = heads.keys(head)
        assert keys["psi_049"].value == 0
        moved = np.array([a.co - b.co for a, b in zip(keys["psi_000"].data, keys["Basis"].data, strict=True)])
        assert 0.001 < np.abs(moved).max() < 0.03


class TestPose:
    def test_jaw_slider_opens_the_mouth(self, head):
        head.likeness_sliders.pose.jaw_open = 0.4
        assert head.likeness_sliders.pose.jaw_open == pytest.approx(0.4, abs=1e-5)
        bone = head.pose.bones["jaw"]
        bpy.context.view_layer.update()
        assert (bone.tail - bone.bone.tail_local).z < -0.01

    def test_gaze_turns_both_eyes_and_keeps_the_other_angle(self, head):
        head.likeness_sliders.pose.gaze_up = 0.3
        head.likeness_sliders.pose.gaze_side = 0.2
        assert head.likeness_sliders.pose.gaze_up == pytest.approx(0.3, abs=1e-5)
        bpy.context.view_layer.update()
        for name in ("left_eye", "right_eye"):
            bone = head.pose.bones[name]
            looks = (bone.tail - bone.head).normalized()
            assert looks.z > 0.2
            assert looks.x > 0.15

    def test_reset_closes_the_jaw(self, head):
        head.likeness_sliders.pose.jaw_open = 0.4
        bpy.ops.likeness.reset_expression()
        assert head.likeness_sliders.pose.jaw_open == pytest.approx(0, abs=1e-6)


class TestIdentity:
    def test_slider_rebuilds_the_head(self, head):
        before = positions(head)
        head.likeness_sliders.identity.beta_000 = 2.0
        assert identity.beta(head)[0] == 2.0
        assert 0.005 < np.abs(positions(head) - before).max() < 0.05

    def test_random_is_repeatable_and_reset_returns(self, head):
        before = positions(head)
        bpy.ops.likeness.randomise_identity(seed=3)
        other = positions(head)
        bpy.ops.likeness.randomise_identity(seed=3)
        np.testing.assert_allclose(positions(head), other, atol=1e-6)
        assert np.abs(other - before).max() > 0.005
        bpy.ops.likeness.reset_identity()
        np.testing.assert_allclose(positions(head), before, atol=1e-5)

    def test_a_head_of_another_model_is_refused(self, head):
        stored = heads.metadata(head)
        head[METADATA] = json.dumps({**stored, "model": "0" * 64})
        assert "another head model" in refused(bpy.ops.likeness.randomise_identity)


def positions(head):
    basis = heads.keys(head)["Basis"].data
    flat = np.empty(3 * len(basis), np.float32)
    basis.foreach_get("co", flat)
    return flat


def write_live_link(path, frames=30, columns=ARKIT_NAMES):
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            [
                "Timecode",
                "BlendShapeCount",
                *(name[0].upper() + name[1:] for name in columns),
                "HeadYaw",
                "HeadPitch",
                "HeadRoll",
            ]
        )
        for t in range(frames):
            weights = [t / (frames - 1) if name == "jawOpen" else 0.0 for name in columns]
            table.writerow([f"00:00:{t // 60:02}:{t % 60:02}.000", 61, *weights, 0.1, 0.0, 0.0])


class TestAnimation:
    def test_preview(self, head):
        assert bpy.ops.likeness.preview_animation() == {"FINISHED"}
        scene = bpy.context.scene
        assert (scene.frame_end - scene.frame_start) / scene.render.fps == pytest.approx(6.0, abs=0.1)
        values = []
        for frame in range(scene.frame_start, scene.frame_end + 1):
            scene.frame_set(frame)
            values.append(list(expression_of(head).values()))
        assert np.ptp(np.array(values), axis=0).max() > 0.5

    def test_live_link_lands_at_the_scene_s_rate(self, head, tmp_path):
        path = tmp_path / "take.csv"
        write_live_link(path, frames=61)
        scene = bpy.context.scene
        scene.render.fps = 24
        assert bpy.ops.likeness.import_arkit(filepath=str(path), start_frame=10) == {"FINISHED"}
        assert (scene.frame_start, scene.frame_end) == (10, 34)
        scene.frame_set(22)
        assert heads.keys(head)["jawOpen"].value == pytest.approx(0.5, abs=0.02)
        turned = head.pose.bones["neck"].matrix_basis.to_quaternion().angle
        assert turned == pytest.approx(0.1, abs=1e-3)

    @pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "JawOpen\nwide\n", "\0\xff\xfe"])
    def test_a_csv_that_is_none(self, head, tmp_path, content):
        path = tmp_path / "bad.csv"
        path.write_text(content, encoding="latin-1")
        assert "bad.csv" in refused(bpy.ops.likeness.import_arkit, filepath=str(path))

    def test_flame_sequence(self, head, flame_sequence):
        bpy.context.scene.render.fps = 25
        assert bpy.ops.likeness.import_flame(filepath=str(flame_sequence)) == {"FINISHED"}
        bpy.context.scene.frame_set(bpy.context.scene.frame_end)
        assert head.likeness_sliders.pose.jaw_open == pytest.approx(0.4, abs=1e-3)

    def test_flame_sequence_with_the_user_s_flame(self, head, flame_sequence, engine, tmp_path, monkeypatch):
        """Here FLAME's first expression is our second."""
        to_likeness = np.zeros((103, 53), np.float32)
        to_likeness[0, 1] = 1
        np.savez(tmp_path / "transfer.npz", to_likeness=to_likeness, to_flame=to_likeness.T)
        monkeypatch.setenv("FAKE_ENGINE_TRANSFER", str(tmp_path / "transfer.npz"))
        monkeypatch.setattr(preferences, "flame_model", lambda: tmp_path / "flame.pkl")
        bpy.context.scene.render.fps = 25
        assert bpy.ops.likeness.import_flame(filepath=str(flame_sequence)) == {"FINISHED"}
        bpy.context.scene.frame_set(bpy.context.scene.frame_end)
        keys = heads.keys(head)
        assert keys["psi_001"].value == pytest.approx(1.5, abs=1e-3)
        assert keys["psi_000"].value == 0


@pytest.fixture
def flame_sequence(tmp_path):
    """Twenty frames as VHAP writes them: the jaw opens and the first expression grows."""
    path = tmp_path / "vhap.npz"
    expression, jaw, still = np.zeros((20, 100)), np.zeros((20, 3)), np.zeros((20, 3))
    expression[:, 0] = np.linspace(0, 1.5, 20)
    jaw[:, 0] = np.linspace(0, 0.4, 20)
    np.savez(path, expr=expression, rotation=still, neck_pose=still, jaw_pose=jaw, eyes_pose=np.zeros((20, 6)))
    return path


class TestExport:
    @pytest.mark.parametrize("preset", ["gltf", "fbx_unity"])
    def test_writes_a_file_with_the_right_suffix(self, head, tmp_path, preset):
        assert bpy.ops.likeness.export_head(filepath=str(tmp_path / "head"), preset=preset) == {"FINISHED"}
        (written,) = tmp_path.iterdir()
        assert written.suffix == {"gltf": ".glb", "fbx_unity": ".fbx"}[preset]

    def test_a_folder_that_is_not_there(self, head, tmp_path):
        assert "nowhere" in refused(bpy.ops.likeness.export_head, filepath=str(tmp_path / "nowhere" / "head.glb"))


@pytest.mark.slow
def test_the_real_engine(astronaut, monkeypatch):
    """The whole way, with the engine that LIKENESS_ENGINE_PYTHON names, or this Python."""
    import os
    import sys

    monkeypatch.setenv("LIKENESS_ENGINE_PYTHON", os.environ.get("LIKENESS_ENGINE_PYTHON", sys.executable))
    assert bpy.ops.likeness.test_engine() == {"FINISHED"}
    assert bpy.ops.likeness.head_from_photo(filepath=str(astronaut)) == {"FINISHED"}
    assert views.active_head(bpy.context) is not None


def test_levels_of_detail(head):
    assert bpy.ops.likeness.add_levels() == {"FINISHED"}
    assert {"Ada_LOD1", "Ada_LOD2"} < set(bpy.data.objects.keys())
    assert views.active_head(bpy.context) == head
