"""Samples of a bald head and of one with a ball of hair, against the meshes that they are of."""

import igl
import numpy as np
import pytest
import trimesh

from likeness.core.training.implicit.heads import FACE, MOUTH_SOCKET, TEST_EXPRESSIONS, boundary_edges
from likeness.core.training.implicit.heads import test_expressions as held_out_expressions
from likeness.core.training.implicit.sampling import BALD_FIRST, BURIED, HULL_POINTS, HeadGenerator

pytestmark = pytest.mark.needs_data
BALD, HAIRY = 3, BALD_FIRST["test"] + 2


class Bun:
    """A library of one haircut: a ball behind the head, half in it, that stays where it is."""

    mesh = trimesh.creation.icosphere(subdivisions=3, radius=0.04)

    def variants(self, kind: str) -> range:
        return {"train": range(1), "test": range(1, 2), "unseen_style": range(2, 3)}[kind]

    def carried(self, variant: int, displacement: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.mesh.vertices + np.array([0, 0.07, -0.09]), self.mesh.faces.astype(np.int64), self.mesh.vertices


@pytest.fixture(scope="module")
def generator(data):
    made = HeadGenerator(data)
    made.library = Bun()
    return made


@pytest.fixture(scope="module", params=[BALD, HAIRY])
def case(request, generator):
    return generator.mesh("test", request.param), generator.sample("test", request.param)


@pytest.fixture(scope="module")
def hairy(generator):
    return generator.mesh("test", HAIRY), generator.sample("test", HAIRY)


def assert_distances(points, distance, vertices, triangles):
    """Signs are those of the exact winding number, sizes those of the exact distance to the triangles."""
    points = points.astype(np.float64)
    inside = igl.winding_number(vertices, triangles, points) > 0.5
    wrong = inside != (distance < 0)
    assert wrong.mean() < 1e-3 or np.abs(distance[wrong]).max() < 5e-5
    squared = igl.point_mesh_squared_distance(points, vertices, triangles)[0]
    assert np.allclose(np.abs(distance), np.sqrt(squared), atol=1e-7)


def test_distances_are_those_to_the_skin_with_or_without_hair(case):
    mesh, rows = case
    points, distance = rows["space_points"][:1500], rows["space_sdf"][:1500]
    assert_distances(points, distance, mesh.vertices, mesh.triangles)
    assert 0.1 < (distance < 0).mean() < 0.6
    assert (np.abs(distance) < 3e-3).mean() > 0.3 and (np.abs(distance) > 3e-2).mean() > 0.1


def test_surface_points_lie_on_the_skin(case, sampler):
    """A surface point is its triangle's, and so is its template point."""
    mesh, rows = case
    corners, weights = sampler.triangles[rows["surface_triangle"]], rows["surface_barycentric"][..., None]
    assert np.abs((mesh.vertices[corners] * weights).sum(1) - rows["surface_points"]).max() < 1e-6
    assert np.abs((sampler.mean[corners] * weights).sum(1) - rows["surface_template"]).max() < 1e-6
    assert np.array_equal(sampler.triangle_region[rows["surface_triangle"]], rows["surface_region"])
    edges = mesh.vertices[corners[:, 1:]] - mesh.vertices[corners[:, :1]]
    normals = np.cross(edges[:, 0], edges[:, 1])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    assert np.abs(normals - rows["surface_normals"]).max() < 2e-3


def test_skin_is_sampled_under_hair_as_elsewhere(hairy):
    mesh, rows = hairy
    under = igl.winding_number(mesh.hull_vertices, mesh.hull_triangles, rows["surface_points"].astype(np.float64)) > 0.5
    corners = mesh.vertices[mesh.triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    covered = igl.winding_number(mesh.hull_vertices, mesh.hull_triangles, corners.mean(1)) > 0.5
    assert under.mean() > 0.25 * area[covered].sum() / area.sum() > 0


def test_a_bald_head_has_no_samples_of_hair(generator):
    assert not [name for name in generator.sample("test", BALD) if name.split("_")[0] in ("hull", "hair")]


def test_hair_points_lie_on_the_hull_where_it_matters(hairy):
    mesh, rows = hairy
    points = rows["hull_points"].astype(np.float64)
    assert len(points) == HULL_POINTS
    squared, _, nearest = igl.point_mesh_squared_distance(points, mesh.hull_vertices, mesh.hull_triangles)
    assert squared.max() < 1e-12
    outward = nearest - np.array([0, 0.07, -0.09])
    assert (np.einsum("ij,ij->i", outward, rows["hull_normals"].astype(float)) > 0.035).all()
    buried = igl.winding_number(mesh.vertices, mesh.triangles, points) > 0.5
    depth = np.sqrt(igl.point_mesh_squared_distance(points, mesh.vertices, mesh.triangles)[0])
    assert 0 < buried.mean() < 0.5 and depth[buried].max() < BURIED + 1e-6


def test_hair_points_know_their_place_on_the_mean_heads_hair(hairy):
    _, rows = hairy
    assert np.abs(rows["hull_points"] - rows["hull_template"] - [0, 0.07, -0.09]).max() < 1e-6


def test_distances_to_hair_are_those_to_the_closed_hull_in_the_whole_box(hairy):
    mesh, rows = hairy
    points, distance = rows["hair_points"][:1500], rows["hair_sdf"][:1500]
    assert_distances(points, distance, mesh.hull_vertices, mesh.hull_triangles)
    assert (distance < -1e-3).any() and (np.abs(distance) < 3e-3).mean() > 0.3 and distance.max() > 0.1


def test_face_is_sampled_more_densely_than_by_area(generator, sampler):
    region = generator.sample("test", BALD)["surface_region"]
    corners = sampler.mean[sampler.triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    assert (region == FACE).mean() > 1.3 * area[sampler.triangle_region == FACE].sum() / area.sum()
    assert (region == MOUTH_SOCKET).any()


def test_a_sample_follows_from_its_split_and_index(generator):
    once, again, other = (generator.sample(*head) for head in (("test", 1), ("test", 1), ("train", 1)))
    assert all(np.array_equal(once[name], again[name]) for name in once)
    assert not np.array_equal(once["beta"], other["beta"])


def test_an_expression_moves_the_skin_alone(generator):
    still, smiling = generator.mesh("test", HAIRY), generator.mesh("test", HAIRY, held_out_expressions()[0])
    assert np.linalg.norm(still.vertices - smiling.vertices, axis=1).max() > 3e-3
    assert np.array_equal(still.hull_vertices, smiling.hull_vertices)
    assert len(held_out_expressions()) == TEST_EXPRESSIONS
    assert len(boundary_edges(smiling.triangles)) == 0
