"""Reading scans: what is kept of good ones, and the one sentence for each bad one."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from likeness.core.capture.scan_file import ENOUGH, read_scan, thinned
from likeness.core.errors import InputError


def ball(count: int, radius: float = 0.15) -> np.ndarray:
    directions = np.random.default_rng(0).normal(size=(count, 3))
    return radius * directions / np.linalg.norm(directions, axis=1, keepdims=True)


def write_ply(path: Path, points: np.ndarray, normals: np.ndarray | None = None) -> Path:
    columns = np.c_[points] if normals is None else np.c_[points, normals]
    names = [f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz")[: columns.shape[1]]]
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(points)}\n{''.join(names)}end_header\n"
    path.write_bytes(header.encode() + columns.astype("<f4").tobytes())
    return path


def test_points_and_normals_of_a_cloud(tmp_path: Path) -> None:
    points = ball(2000)
    scan = read_scan(write_ply(tmp_path / "cloud.ply", points, 3 * points))
    assert np.allclose(scan.points, points, atol=1e-6)
    assert scan.normals is not None
    assert np.allclose(scan.normals, points / 0.15, atol=1e-5)
    assert not scan.warnings


@pytest.mark.parametrize("kind", ["ply", "obj", "stl", "glb"])
def test_a_mesh_of_any_kind_is_sampled_by_area(tmp_path: Path, kind: str) -> None:
    mesh = trimesh.creation.icosphere(2, 0.15)
    mesh.export(tmp_path / f"mesh.{kind}")
    scan = read_scan(tmp_path / f"mesh.{kind}")
    assert len(scan.points) == ENOUGH
    assert np.allclose(np.linalg.norm(scan.points, axis=1), 0.15, atol=0.005)
    assert scan.normals is not None
    assert ((scan.normals * scan.points).sum(1) > 0.14).all()
    assert np.abs(scan.points.mean(0)).max() < 0.002


def test_a_scene_is_placed_by_its_nodes(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    for side in (-1, 1):
        scene.add_geometry(
            trimesh.creation.icosphere(2, 0.1), transform=trimesh.transformations.translation_matrix([side, 0, 0])
        )
    scene.export(tmp_path / "two.glb")
    with pytest.raises(InputError, match="no size of a head"):  # 2.2 m across; 0.2 m were the nodes not looked at
        read_scan(tmp_path / "two.glb")


@pytest.mark.parametrize(("unit", "metres"), [("m", 1.0), ("cm", 0.01), ("mm", 0.001), ("in", 0.0254)])
def test_the_unit_is_among_those_that_the_size_allows(tmp_path: Path, unit: str, metres: float) -> None:
    scan = read_scan(write_ply(tmp_path / "cloud.ply", ball(1000) / metres))
    assert unit in scan.units
    assert len(scan.units) <= 2
    assert set(scan.units) <= {unit} | {"cm", "in"}  # which differ too little to be told by size alone


def test_a_few_bad_points_are_left_out(tmp_path: Path) -> None:
    points = ball(1000)
    points[::100] = np.nan
    points[5] = np.inf
    scan = read_scan(write_ply(tmp_path / "cloud.ply", points))
    assert len(scan.points) == 989
    assert np.isfinite(scan.points).all()
    assert "11 points" in scan.warnings[0]


def test_broken_faces_are_left_out(tmp_path: Path) -> None:
    mesh = trimesh.creation.icosphere(2, 0.15)
    lines = [f"v {x} {y} {z}" for x, y, z in mesh.vertices] + ["v nan nan nan"]
    faces = [*(mesh.faces + 1).tolist(), [1, 1, 2], [1, 2, len(mesh.vertices) + 1]]
    (tmp_path / "mesh.obj").write_text("\n".join(lines + [f"f {a} {b} {c}" for a, b, c in faces]))
    scan = read_scan(tmp_path / "mesh.obj")
    assert np.allclose(np.linalg.norm(scan.points, axis=1), 0.15, atol=0.005)
    assert "2 faces" in scan.warnings[0]


def test_a_large_cloud_is_thinned_evenly(tmp_path: Path) -> None:
    points = ball(3_000_000)
    scan = read_scan(write_ply(tmp_path / "cloud.ply", points))
    assert 0.5 * ENOUGH < len(scan.points) <= ENOUGH
    assert "3,000,000 points" in scan.warnings[0]
    octant = np.bincount((scan.points > 0) @ [1, 2, 4], minlength=8) / len(scan.points)
    assert np.abs(octant - 1 / 8).max() < 0.01


def test_thinning_evens_out_what_is_dense_in_places() -> None:
    points = ball(40_000)
    dense = np.concatenate([points, np.repeat(points[points[:, 2] > 0.1], 10, 0)])
    high = dense[thinned(dense, 2000)][:, 2] > 0.1
    assert high.mean() == pytest.approx(1 / 6, abs=0.04)  # the cap's share of the area


def plane() -> np.ndarray:
    return np.c_[np.random.default_rng(0).random((1000, 2)) * 0.3, np.zeros(1000)]


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (np.zeros((0, 3)), "has 0 points"),
        (ball(2), "has 2 points"),
        (np.zeros((1000, 3)), "on one line"),
        (plane() * [1, 0, 0], "on one line"),
        (plane(), "in one plane"),
        (np.full((1000, 3), np.nan), "not finite"),
        (ball(1000, 5e4), "no size of a head"),
        (ball(1000, 1e-5), "no size of a head"),
    ],
    ids=["empty", "two", "one place", "line", "plane", "nan", "huge", "tiny"],
)
def test_what_cannot_be_a_head_is_refused(tmp_path: Path, points: np.ndarray, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_scan(write_ply(tmp_path / "cloud.ply", points))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("cloud.ply", None, "There is no file"),
        ("cloud.ply", b"", "is empty"),
        ("cloud.ply", b"not a ply file at all", "cannot be read as .ply"),
        ("mesh.glb", b"\0" * 400, "cannot be read as .glb"),
        ("photo.jpg", b"jpeg", "give a ply, obj, stl or glb file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=sentence) as error:
        read_scan(tmp_path / name)
    assert str(error.value).count(".") <= 2 + name.count(".") + str(tmp_path).count(".")
