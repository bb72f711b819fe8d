"""Implicit heads of the shipped weights leave Blender with a mouth that opens."""

from pathlib import Path

import bpy
import numpy as np
import pytest

from likeness.blender_addon import export, heads
from likeness.blender_addon.build import build
from likeness.core.parametric.arkit import ARKIT_NAMES

pytest.importorskip("torch")

from likeness.core.capture.coded_head import coded_head, random_code


@pytest.mark.parametrize("topology", ["quads", "implicit"])
def test_an_exported_head_opens_its_mouth(topology: str, tmp_path: Path) -> None:
    avatar, report = coded_head(
        random_code(2, hair=True), name="Head", model="triplane", topology=topology, resolution=64
    )
    assert report["parameters"]["z_id"] == avatar.parameters["z_id"]
    bpy.ops.wm.read_homefile(use_empty=True)
    rig = build(avatar)
    path = tmp_path / "head.glb"
    export.export_head(rig, path, "gltf")
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(path))
    (mesh,) = (thing for thing in bpy.data.objects if thing.type == "MESH" and thing.data.shape_keys)
    blocks = mesh.data.shape_keys.key_blocks
    assert set(ARKIT_NAMES) <= {block.name for block in blocks}
    moved = heads.positions(blocks["jawOpen"]) - heads.positions(blocks[0])
    assert np.linalg.norm(moved, axis=1).max() > 0.005
    assert moved[:, 2].min() < -0.005  # Blender's z is up
    assert {"skin", "mouth", "hair"} <= {material.name for material in mesh.data.materials}
