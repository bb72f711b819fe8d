"""Heads from scans, random heads, sliders of the latent and mixtures: what the engine is asked, what becomes of it."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from likeness.blender_addon import heads, identity, views
from likeness.blender_addon.build import build
from likeness.core.parametric.assembly import head_avatar

from .conftest import png
from .meshes import evaluated, key_positions, weights
from .operators import inventory, refused, select

pytestmark = pytest.mark.usefixtures("empty_scene")

MADE = {"model": "nphm", "topology": "implicit", "resolution": 64}
"""What the implicit heads of these tests were made with."""
LOCAL = 5
"""Length of their codes' last part, which is for their model alone."""


@pytest.fixture
def calls(engine, tmp_path, monkeypatch):
    """What the engine was asked: a function that gives the methods and parameters so far."""
    path = tmp_path / "calls"
    monkeypatch.setenv("FAKE_ENGINE_CALLS", str(path))
    engine("done")
    return lambda: [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def implicit_avatar(model, beta, hair, name="Eve"):
    """A stand-in for an extracted head: the model's own, with a code."""
    code = np.concatenate([beta, np.full(32, hair), np.full(LOCAL, 0.3)])
    avatar = head_avatar(model, beta, name=name, parameters={"z_id": code, "resolution": [MADE["resolution"]]})
    return replace(avatar, implicit=MADE["model"], topology=MADE["topology"])


@pytest.fixture
def implicit(model):
    rig = build(implicit_avatar(model, np.zeros(100, np.float32), 0.0))
    select(heads.mesh_object(rig))
    return rig


def parametric(model, beta, name):
    return build(head_avatar(model, np.asarray(beta, np.float32), name=name))


def basis(rig):
    return key_positions(heads.keys(rig)["Basis"])


def by_material(rig):
    """Name of each material that has faces -> the neutral positions of their vertices."""
    mesh, points = heads.mesh_object(rig).data, basis(rig)
    slots = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", slots)
    corners = [[v for p in np.flatnonzero(slots == s) for v in mesh.polygons[p].vertices] for s in np.unique(slots)]
    names = [mesh.materials[slot].name for slot in np.unique(slots)]
    return {name: points[np.unique(own)] for name, own in zip(names, corners, strict=True)}


def played(rig):
    """The actions of bones and keys: one for both from Blender 4.4 on."""
    return [owner.animation_data.action for owner in (rig, heads.mesh_object(rig).data.shape_keys)]


def hair_material(rig):
    return next(own for own in heads.mesh_object(rig).data.materials if own.name.startswith("hair"))


def slider(component, value):
    beta = np.zeros(100, np.float32)
    beta[component] = value
    return beta


def scan_mesh():
    """A tetrahedron with a modifier, turned and moved."""
    mesh = bpy.data.meshes.new("scan")
    mesh.from_pydata([(1, 0, 0), (2, 0, 0), (1, 2, 0), (1, 0, 3)], [], [(0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)])
    thing = bpy.data.objects.new("My scan", mesh)
    bpy.context.scene.collection.objects.link(thing)
    thing.location, thing.rotation_euler = (1, 2, 3), (0, 0, np.pi / 2)
    thing.modifiers.new("Mirror", "MIRROR")
    bpy.context.view_layer.update()
    return thing


def read_ply(path):
    """Vertices `[V, 3]` and triangles `[T, 3]` of a binary file."""
    header, data = path.read_bytes().split(b"end_header\n", 1)
    counts = [int(line.split()[-1]) for line in header.decode().splitlines() if line.startswith("element")]
    points = np.frombuffer(data, "<f4", 3 * counts[0]).reshape(-1, 3)
    faces = np.frombuffer(data[points.nbytes :], [("sides", "u1"), ("corners", "<i4", 3)])
    assert len(faces) == counts[1]
    assert set(faces["sides"]) <= {3}
    return points, faces["corners"]


class TestRandomHead:
    def test_passes_the_options_and_makes_a_head(self, calls):
        options = {"model": "triplane", "topology": "implicit", "resolution": 128}
        assert bpy.ops.likeness.random_head(seed=7, hair=False, **options) == {"FINISHED"}
        ((method, params),) = calls()
        assert method == "random_head"
        assert params.items() >= {"seed": 7, "hair": False, "device": "auto", **options}.items()
        assert views.active_head(bpy.context).name == "Ada"

    def test_heads_stand_side_by_side(self, calls):
        """And beside the cube of Blender's new scene."""
        bpy.ops.mesh.primitive_cube_add(size=1)
        for _ in range(2):
            bpy.ops.likeness.random_head(seed=1)
        things = [thing for thing in bpy.context.scene.objects if thing.type == "MESH"]
        spans = sorted((points.min(), points.max()) for points in (evaluated(thing)[:, 0] for thing in things))
        assert [left - right for (_, right), (left, _) in pairwise(spans)] == pytest.approx([views.GAP] * 2, abs=1e-3)

    def test_undo_is_one_step(self, calls):
        bpy.ops.ed.undo_push(message="before")
        bpy.ops.likeness.random_head("EXEC_DEFAULT", True, seed=1)
        assert "Ada" in bpy.data.objects
        bpy.ops.ed.undo()
        assert "Ada" not in bpy.data.objects

    @pytest.mark.parametrize("behaviour", ["dies", "The weights of npm are missing; reinstall Likeness."])
    def test_a_failing_engine_changes_nothing(self, engine, behaviour):
        engine(behaviour)
        message = refused(bpy.ops.likeness.random_head, seed=1)
        assert message == behaviour if behaviour != "dies" else "stopped unexpectedly" in message


class TestHeadFromScan:
    def test_of_a_file(self, calls, tmp_path):
        scan = tmp_path / "scän.stl"
        scan.write_bytes(b"solid")
        assert bpy.ops.likeness.head_from_scan(filepath=str(scan), resolution=512) == {"FINISHED"}
        ((method, params),) = calls()
        assert (method, params["file"], params["resolution"]) == ("scan", str(scan), 512)
        assert (params["model"], params["topology"]) == ("auto", "quads")

    @pytest.mark.parametrize("path", ["", "missing.ply", "."])
    def test_no_file(self, calls, tmp_path, path):
        filepath = str(tmp_path / path) if path else ""
        assert "no scan" in refused(bpy.ops.likeness.head_from_scan, filepath=filepath)

    def test_of_a_mesh_as_it_stands(self, calls, tmp_path, monkeypatch):
        """Modifiers, place and unit are in the file, in Likeness' axes: +Y up, +Z out of the face."""
        monkeypatch.setenv("FAKE_ENGINE_SCAN", str(tmp_path / "scan.ply"))
        bpy.context.scene.unit_settings.scale_length = 0.1
        thing = scan_mesh()
        select(thing)
        assert bpy.ops.likeness.head_from_mesh() == {"FINISHED"}
        points, triangles = read_ply(tmp_path / "scan.ply")
        world = 0.1 * evaluated(thing)
        np.testing.assert_allclose(points, np.stack([world[:, 0], world[:, 2], -world[:, 1]], 1), atol=1e-6)
        assert (len(points), len(triangles)) == (8, 8)
        ((method, params),) = calls()
        assert method == "scan"
        assert params["file"].endswith("My_scan.ply")
        assert thing.name in bpy.data.objects

    def test_an_empty_mesh(self, calls):
        thing = bpy.data.objects.new("Nothing", bpy.data.meshes.new("Nothing"))
        bpy.context.scene.collection.objects.link(thing)
        select(thing)
        assert "no vertices" in refused(bpy.ops.likeness.head_from_mesh)
        assert calls() == []

    def test_only_in_object_mode(self, calls):
        """From Edit Mode, undo would leave the head where it is."""
        select(scan_mesh())
        bpy.ops.object.mode_set(mode="EDIT")
        for operator in ("head_from_mesh", "head_from_scan", "head_from_photo", "random_head"):
            assert not getattr(bpy.ops.likeness, operator).poll()
        bpy.ops.object.mode_set(mode="OBJECT")
        assert bpy.ops.likeness.head_from_mesh.poll()

    def test_only_of_meshes_that_are_not_heads(self, implicit):
        assert not bpy.ops.likeness.head_from_mesh.poll()
        select(None)
        assert not bpy.ops.likeness.head_from_mesh.poll()


class TestSurface:
    def test_follows_the_sliders(self, calls, implicit, model, avatar_file):
        sliders = implicit.likeness_sliders
        assert not bpy.ops.likeness.update_surface.poll()
        sliders.identity.beta_001 = 2.0
        sliders.hair.hair_02 = -1.5
        implicit_avatar(model, slider(1, 2.0), -1.5).save(avatar_file)
        assert bpy.ops.likeness.update_surface() == {"FINISHED"}
        ((method, params),) = calls()
        assert method == "resample_head"
        assert params.items() >= MADE.items()
        code = np.array(params["z_id"])
        assert len(code) == 132 + LOCAL
        assert {k: code[k] for k in np.flatnonzero(code[:132])} == {1: 2.0, 102: -1.5}
        np.testing.assert_allclose(code[132:], 0.3, atol=1e-6)

    def test_keeps_what_is_the_head_s_own(self, calls, implicit, model, avatar_file):
        """Place, name, materials, values, animation, drivers and modifiers stay; mesh, keys and bones are new."""
        mesh, materials = heads.mesh_object(implicit), list(heads.mesh_object(implicit).data.materials)
        implicit.location.x = 1.0
        mesh.modifiers.new("Subdivision", "SUBSURF")
        bpy.ops.likeness.preview_animation()
        actions = played(implicit)
        heads.keys(implicit)["cheekPuff"].value = 0.25
        bpy.ops.likeness.add_flame_keys()
        implicit.likeness_sliders.hair.hair_00 = 1.0
        target = parametric(model, slider(0, 3.0), "Target")
        expected = basis(target)
        jaw = target.data.bones["jaw"].tail_local.copy()
        implicit_avatar(model, slider(0, 3.0), 1.0, "Other").save(avatar_file)
        bpy.data.objects.remove(target)
        before = inventory()
        bpy.ops.likeness.update_surface()
        assert inventory() == before
        np.testing.assert_allclose(basis(implicit), expected, atol=1e-6)
        assert (implicit.data.bones["jaw"].tail_local - jaw).length < 1e-6
        assert (implicit.name, implicit.location.x, heads.mesh_object(implicit)) == ("Eve", 1.0, mesh)
        assert [modifier.type for modifier in mesh.modifiers] == ["ARMATURE", "SUBSURF"]
        assert list(mesh.data.materials) == materials
        assert played(implicit) == actions
        assert None not in actions
        assert "psi_049" in heads.keys(implicit)
        drivers = mesh.data.shape_keys.animation_data.drivers
        assert {driver.driver.variables[0].targets[0].id for driver in drivers} == {implicit}
        assert not identity.is_ahead(implicit)
        assert implicit.likeness_sliders.identity.beta_000 == pytest.approx(3.0)

    def test_brows_and_hair_of_the_photo_stay_until_the_hair_is_another(self, calls, model, avatar, beta, avatar_file):
        """`avatar` has a cap of hair and brows, both bound to the skin."""
        code = implicit_avatar(model, beta, 0.0)
        head = build(replace(avatar, parameters=code.parameters, implicit="nphm", topology="implicit"))
        select(heads.mesh_object(head))
        before, weighted = by_material(head), weights(heads.mesh_object(head))
        head.likeness_sliders.identity.beta_000 = beta[0] + 1
        preview = by_material(head)
        implicit_avatar(model, beta + slider(0, 1.0), 0.0).save(avatar_file)
        bpy.ops.likeness.update_surface()
        after = by_material(head)
        assert after.keys() == before.keys() >= {"hair", "brows"}
        for name in ("hair", "brows"):
            np.testing.assert_allclose(after[name], preview[name], atol=1e-6)
            assert np.abs(after[name] - before[name]).max() > 1e-3
        np.testing.assert_allclose(weights(heads.mesh_object(head)).sum(0), weighted.sum(0), rtol=1e-4)
        smile, rest = (key_positions(heads.keys(head)[name]) for name in ("browInnerUp", "Basis"))
        brows = np.isin(rest, after["brows"]).all(1)
        assert np.abs(smile - rest)[brows].max() > 1e-3
        head.likeness_sliders.hair.hair_00 = 1.0
        implicit_avatar(model, beta + slider(0, 1.0), 1.0).save(avatar_file)
        bpy.ops.likeness.update_surface()
        assert before.keys() - by_material(head).keys() == {"hair"}

    def test_hair_that_comes_anew_brings_its_textures(self, calls, model, avatar, beta, avatar_file):
        """Its material stays the user's, and stays hidden where he has hidden it."""
        made = implicit_avatar(model, beta, 1.0)
        head = build(replace(avatar, parameters=made.parameters, implicit="nphm", topology="implicit"))
        select(heads.mesh_object(head))
        material, before = hair_material(head), inventory()
        shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
        shader.inputs["Roughness"].default_value = 0.9
        head.likeness_sliders.show_hair = False
        changed = implicit_avatar(model, beta, 2.0).parameters
        materials = [
            replace(own, color_texture=png(np.full((4, 4, 4), 255, np.uint8))) if own.name == "hair" else own
            for own in avatar.materials
        ]
        replace(avatar, materials=materials, parameters=changed).save(avatar_file)
        head.likeness_sliders.hair.hair_00 = 2.0
        assert bpy.ops.likeness.update_surface() == {"FINISHED"}
        assert hair_material(head) == material
        assert shader.inputs["Roughness"].default_value == pytest.approx(0.9)
        images = [node.image for node in material.node_tree.nodes if node.type == "TEX_IMAGE"]
        assert [(image.name, *image.size) for image in images] == [("hair_color", 4, 4)]
        assert inventory() == before
        whole = len(basis(head))
        assert len(evaluated(heads.mesh_object(head))) == whole - len(by_material(head)["hair"])

    def test_a_failure_changes_nothing(self, engine, implicit):
        engine("The weights of nphm are missing; reinstall Likeness.")
        implicit.likeness_sliders.hair.hair_00 = 1.0
        assert "reinstall" in refused(bpy.ops.likeness.update_surface)
        assert identity.is_ahead(implicit)

    def test_is_for_implicit_heads_alone(self, model):
        select(parametric(model, np.zeros(100), "Ada"))
        assert not bpy.ops.likeness.update_surface.poll()


class TestMix:
    def test_parametric_heads_by_beta(self, model, monkeypatch):
        monkeypatch.setenv("LIKENESS_ENGINE_PYTHON", "nowhere")  # not needed
        first, second = parametric(model, slider(0, 2.0), "Ada"), parametric(model, slider(1, -2.0), "Bob")
        between = parametric(model, slider(0, 1.5) + slider(1, -0.5), "Between")
        select(first, second)
        bpy.ops.likeness.preview_animation()
        assert bpy.ops.likeness.mix_heads(factor=0.25) == {"FINISHED"}
        mixed = views.active_head(bpy.context)
        assert mixed.name == "Ada + Bob"
        np.testing.assert_allclose(basis(mixed), basis(between), atol=1e-5)
        assert mixed.animation_data.action is None
        assert first.animation_data.action is not None
        assert mixed.location.x > 0.2
        drivers = heads.mesh_object(mixed).data.shape_keys.animation_data.drivers
        assert {driver.driver.variables[0].targets[0].id for driver in drivers} == {mixed}
        mixed.pose.bones["jaw"].rotation_quaternion = (0.98, 0.2, 0, 0)
        bpy.context.view_layer.update()
        moved = evaluated(heads.mesh_object(mixed)) - np.array(mixed.location) - basis(mixed)
        assert np.abs(moved).max() > 0.005

    def test_undo_is_one_step(self, model):
        select(parametric(model, slider(0, 2.0), "Ada"), parametric(model, slider(1, 1.0), "Bob"))
        bpy.ops.ed.undo_push(message="before")
        before = inventory()["objects"]
        bpy.ops.likeness.mix_heads("EXEC_DEFAULT", True)
        bpy.ops.ed.undo()
        assert inventory()["objects"] == before

    def test_an_implicit_head_asks_the_engine(self, calls, implicit, model, avatar_file):
        implicit_avatar(model, slider(0, 1.0), 0.5).save(avatar_file)
        other = parametric(model, slider(1, 1.0), "Bob")
        implicit.likeness_sliders.identity.beta_003 = 2.0
        select(other, implicit)
        assert bpy.ops.likeness.mix_heads(factor=0.75) == {"FINISHED"}
        ((method, params),) = calls()
        assert method == "mix_heads"
        assert params.items() >= {"factor": 0.75, **MADE}.items()
        np.testing.assert_allclose(params["first"], slider(1, 1.0))
        assert len(params["second"]) == 132 + LOCAL
        assert params["second"][3] == 2.0
        assert views.active_head(bpy.context).name == "Bob + Eve"

    @pytest.mark.parametrize(("factor", "hairy"), [(0.4, False), (0.6, True)])
    def test_hair_of_a_photo_is_the_nearer_head_s(self, calls, implicit, model, avatar, avatar_file, factor, hairy):
        """Nothing lies between hair that is not in a code and none; what else there is comes of the first."""
        photo = build(replace(avatar, name="Photo"))
        implicit_avatar(model, slider(0, 1.0), 0.0).save(avatar_file)
        select(implicit, photo)
        assert bpy.ops.likeness.mix_heads(factor=factor) == {"FINISHED"}
        mixed = views.active_head(bpy.context)
        assert any(name.startswith("hair") for name in by_material(mixed)) == hairy
        assert not any(name.startswith("brows") for name in by_material(mixed))
        if hairy:
            assert hair_material(mixed) != hair_material(photo)

    def test_another_model_s_own_codes_stay_behind(self, calls, implicit, model, avatar_file):
        implicit_avatar(model, slider(0, 1.0), 0.0).save(avatar_file)
        other = build(replace(implicit_avatar(model, slider(1, 1.0), 0.0, "Tri"), implicit="triplane"))
        select(implicit, other)
        bpy.ops.likeness.mix_heads()
        ((_, params),) = calls()
        assert (params["model"], len(params["first"]), len(params["second"])) == ("nphm", 132 + LOCAL, 132)

    def test_needs_two_heads(self, model, implicit):
        assert not bpy.ops.likeness.mix_heads.poll()
        select(implicit, parametric(model, np.zeros(100), "Ada"), parametric(model, np.zeros(100), "Bob"))
        assert not bpy.ops.likeness.mix_heads.poll()
