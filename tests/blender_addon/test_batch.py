"""The headless build as the command line calls it: files, progress, one sentence and an exit code when it fails."""

import json
import subprocess
import sys

import bpy
import numpy as np
import pytest

from likeness.blender_addon import heads
from likeness.core.parametric.arkit import ARKIT_NAMES


def batch(*arguments, **options):
    command = [sys.executable, "-m", "likeness.blender_addon.batch", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", **options)


@pytest.fixture(scope="module")
def avatar_file(avatar, tmp_path_factory):
    path = tmp_path_factory.mktemp("Zoë") / "avatar.npz"
    avatar.save(path)
    return path


@pytest.fixture(scope="module")
def built(avatar_file):
    """A run without a preview: its process and folder."""
    out = avatar_file.parent / "new" / "folder"
    return batch(avatar_file, "--out", out, "--formats", "glb,fbx,blend", "--animate", "demo"), out


def test_it_writes_what_is_asked_for_and_nothing_else(built):
    done, out = built
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["head.blend", "head.fbx", "head.glb"]


def test_standard_output_is_progress_alone(built):
    messages = [json.loads(line) for line in built[0].stdout.splitlines()]
    fractions = [message["fraction"] for message in messages]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    assert all(set(message) == {"stage", "fraction"} for message in messages)


def test_blend_file_holds_the_animated_head(built):
    bpy.ops.wm.open_mainfile(filepath=str(built[1] / "head.blend"))
    (rig,) = (thing for thing in bpy.context.scene.objects if thing.type == "ARMATURE")
    assert heads.find(heads.mesh_object(rig)) == rig
    assert set(ARKIT_NAMES) < set(heads.keys(rig).keys())
    scene = bpy.context.scene
    assert (scene.render.fps, scene.frame_start, scene.frame_end) == (30, 1, 181)
    scene.frame_set(60)
    assert heads.keys(rig)["mouthSmileLeft"].value > 0.3
    assert all(image.packed_file for image in bpy.data.images if image.users)


def test_levels_of_detail_are_files_of_their_own(avatar_file, tmp_path):
    done = batch(avatar_file, "--out", tmp_path, "--formats", "glb,blend", "--levels")
    assert done.returncode == 0, done.stderr
    names = ["head.blend", "head.glb", "head_lod1.glb", "head_lod2.glb"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    sizes = [(tmp_path / name).stat().st_size for name in names[1:]]
    assert sizes == sorted(sizes, reverse=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "head.blend"))
    assert {"Ada_LOD1", "Ada_LOD2"} < set(bpy.data.objects.keys())


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--formats", "obj"], 2, "Unknown format obj"),
        (["--fbx-preset", "maya"], 2, "maya"),
        (["--animate", "nowhere.csv"], 3, "There is no file nowhere.csv."),
    ],
)
def test_bad_options(avatar_file, tmp_path, arguments, code, sentence):
    done = batch(avatar_file, "--out", tmp_path / "out", *arguments)
    assert done.returncode == code
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_not_an_avatar(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    done = batch(path, "--out", tmp_path / "out")
    assert (done.returncode, done.stderr.strip()) == (3, "photo.jpg is not a Likeness avatar file.")


def test_a_file_in_the_place_of_the_folder(avatar_file, tmp_path):
    out = tmp_path / "out"
    out.touch()
    done = batch(avatar_file, "--out", out)
    assert done.returncode == 3
    assert "cannot be written" in done.stderr


@pytest.mark.slow
def test_preview_shows_five_pictures_of_the_head(avatar_file, tmp_path):
    done = batch(avatar_file, "--out", tmp_path, "--formats", "", "--preview", "--animate", "demo")
    assert done.returncode == 0, done.stderr
    image = bpy.data.images.load(str(tmp_path / "preview.png"))
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    columns = pixels.reshape(height, width, 4)[:, :, :3]
    panels = [columns[:, i * 406 : i * 406 + 400] for i in range(5)]
    assert np.ptp(panels[0]) < 0.05  # the photo is plain
    assert all(np.std(panel) > 0.05 for panel in panels[1:])
    assert np.abs(panels[1] - panels[4]).max() > 0.2  # the expression shows
