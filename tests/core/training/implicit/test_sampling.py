"""Samples of a bald head and of one with a ball of hair, against the meshes that they are of."""

import igl
import numpy as np
import pytest
import trimesh

from likeness.core.training.implicit.heads import FACE, HAIR, MOUTH_SOCKET, TEST_EXPRESSIONS, boundary_edges
from likeness.core.training.implicit.heads import test_expressions as held_out_expressions
from likeness.core.training.implicit.samples import HEADS, SampleSet, samples
from likeness.core.training.implicit.sampling import BALD_FIRST, HeadGenerator

pytestmark = pytest.mark.needs_data
BALD, HAIRY = 3, BALD_FIRST["test"] + 2


class Bun:
    """A library of one haircut: a ball behind the head, half in it, that stays where it is."""

    mesh = trimesh.creation.icosphere(subdivisions=3, radius=0.04)

    def variants(self, kind: str) -> range:
        return {"train": range(1), "test": range(1, 2), "unseen_style": range(2, 3)}[kind]

    def carried(self, variant: int, displacement: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.mesh.vertices + np.array([0, 0.07, -0.09]), self.mesh.faces.astype(np.int64)


@pytest.fixture(scope="module")
def generator(data):
    made = HeadGenerator(data)
    made.library = Bun()
    return made


@pytest.fixture(scope="module", params=[BALD, HAIRY])
def case(request, generator):
    return generator.mesh("test", request.param), generator.sample("test", request.param)


def winding(mesh, points):
    """Of skin and hull, exactly: [N] inside either."""
    inside = igl.winding_number(mesh.vertices, mesh.triangles, points) > 0.5
    if len(mesh.hull_triangles):
        inside |= igl.winding_number(mesh.hull_vertices, mesh.hull_triangles, points) > 0.5
    return inside


def test_signs_are_those_of_the_exact_winding_number(case):
    mesh, rows = case
    points, distance = rows["space_points"][:1500].astype(np.float64), rows["space_sdf"][:1500]
    assert 0.1 < (distance < 0).mean() < 0.6
    wrong = winding(mesh, points) != (distance < 0)
    assert wrong.mean() < 1e-3 or np.abs(distance[wrong]).max() < 5e-5


def test_distances_of_a_bald_head_are_distances_to_its_triangles(generator):
    mesh, rows = generator.mesh("test", BALD), generator.sample("test", BALD)
    points = rows["space_points"].astype(np.float64)
    squared = igl.point_mesh_squared_distance(points, mesh.vertices, mesh.triangles)[0]
    assert np.allclose(np.abs(rows["space_sdf"]), np.sqrt(squared), atol=1e-7)
    assert (squared < 3e-3**2).mean() > 0.3 and (squared > 3e-2**2).mean() > 0.1


def test_surface_points_lie_on_the_union(case):
    mesh, rows = case
    points = rows["surface_points"].astype(np.float64)
    assert np.abs(mesh.distance(points)).max() < 1e-6
    assert not winding(mesh, points[:500] + 1e-4 * rows["surface_normals"][:500]).all()
    assert np.allclose(np.linalg.norm(rows["surface_normals"].astype(np.float32), axis=1), 1, atol=2e-3)
    assert ((rows["surface_region"] == HAIR).mean() > 0.02) == bool(len(mesh.hull_triangles))


def test_correspondences_are_consistent(case, sampler):
    """A surface point is its triangle's, so is its template point; hair has neither."""
    mesh, rows = case
    skin = rows["surface_region"] != HAIR
    assert np.array_equal(skin, rows["surface_triangle"] >= 0)
    assert np.array_equal(skin, np.isfinite(rows["surface_template"]).all(1))
    corners = sampler.triangles[rows["surface_triangle"][skin]]
    weights = rows["surface_barycentric"][skin][..., None]
    assert np.abs((mesh.vertices[corners] * weights).sum(1) - rows["surface_points"][skin]).max() < 1e-6
    assert np.abs((sampler.mean[corners] * weights).sum(1) - rows["surface_template"][skin]).max() < 1e-6
    assert np.array_equal(sampler.triangle_region[rows["surface_triangle"][skin]], rows["surface_region"][skin])


def test_face_is_sampled_more_densely_than_by_area(generator, sampler):
    region = generator.sample("test", BALD)["surface_region"]
    corners = sampler.mean[sampler.triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    assert (region == FACE).mean() > 1.3 * area[sampler.triangle_region == FACE].sum() / area.sum()
    assert (region == MOUTH_SOCKET).any()


def test_a_sample_follows_from_its_split_and_index(generator):
    once, again, other = (generator.sample(*head) for head in (("test", 1), ("test", 1), ("train", 1)))
    assert all(np.array_equal(once[name], again[name], equal_nan=name == "surface_template") for name in once)
    assert not np.array_equal(once["beta"], other["beta"])


def test_an_expression_moves_the_skin_alone(generator):
    still, smiling = generator.mesh("test", HAIRY), generator.mesh("test", HAIRY, held_out_expressions()[0])
    assert np.linalg.norm(still.vertices - smiling.vertices, axis=1).max() > 3e-3
    assert np.array_equal(still.hull_vertices, smiling.hull_vertices)
    assert len(held_out_expressions()) == TEST_EXPRESSIONS
    assert len(boundary_edges(smiling.triangles)) == 0


def test_cache_is_made_once_and_read_at_random(data, tmp_path, monkeypatch):
    monkeypatch.setitem(HEADS, "test", 3)
    made = samples(data, "test", tmp_path, workers=1)
    assert len(made) == 3 and not list(tmp_path.rglob("*.part"))
    stamp = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    samples(data, "test", tmp_path, workers=1)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == stamp
    batch = SampleSet.open("test", tmp_path).batch(np.random.default_rng(0), heads=2, surface=50, space=70)
    assert batch["z"].shape == (2, 132) and not batch["z"][:, 100:].any()
    assert batch["surface_template"].shape == (2, 50, 3) and batch["space_sdf"].shape == (2, 70)
    whole = made.head(int(batch["index"][1]))
    assert np.isin(batch["space_sdf"][1], whole["space_sdf"]).all()
