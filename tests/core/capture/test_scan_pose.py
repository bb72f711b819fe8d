"""Finding the head in scans of the head model itself: any pose and unit, noise, half a face; and what is no head."""

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from likeness.core.capture.linear_fit import CANONICAL, HeadSurface, fit_linear
from likeness.core.capture.scan_file import UNITS, Scan
from likeness.core.capture.scan_normals import outward_normals, plane_normals
from likeness.core.capture.scan_pose import find_head, refuse_no_head
from likeness.core.errors import InputError
from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.shading import vertex_normals


@pytest.fixture(scope="module")
def surface(model: HeadModel) -> HeadSurface:
    return HeadSurface.of(model)


@pytest.fixture(scope="module")
def coarse(model: HeadModel) -> HeadSurface:
    return HeadSurface.of(model, 2)


def head_points(surface: HeadSurface, seed: int, noise: float = 5e-4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of a random head in the canonical pose, its beta, and which of them are of the face."""
    rng = np.random.default_rng(seed)
    beta = rng.standard_normal(100)
    corners = surface.points(beta, CANONICAL)[surface.triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = rng.choice(len(area), 5000, p=area / area.sum())
    points = np.einsum("nk,nkc->nc", rng.dirichlet(np.ones(3), 5000), corners[chosen])
    return points + noise * rng.standard_normal(points.shape), beta, surface.face[surface.triangles[chosen]].all(1)


@pytest.mark.parametrize(
    ("unit", "part", "noise"),
    [
        ("mm", "head", 5e-4),
        ("m", "face", 2e-3),
        ("cm", "half face", 5e-4),
        ("in", "head with strays", 5e-4),
        ("mm", "head with hair", 5e-4),
    ],
)
def test_a_head_is_found_in_any_pose_and_unit(
    surface: HeadSurface, coarse: HeadSurface, unit: str, part: str, noise: float
) -> None:
    seed = sum(map(ord, part))
    points, _, face = head_points(surface, seed, noise)
    if "head" not in part:
        points = points[face & (points[:, 0] > (-0.02 if part == "half face" else -1))]
    if part == "head with strays":
        strays = np.random.default_rng(seed).uniform(points.min(0) - 0.05, points.max(0) + 0.05, (500, 3))
        points = np.concatenate([points, strays])
    if part == "head with hair":
        middle = np.array([0, 0.02, 0.01])
        hair = ~face & (points[:, 1] > -0.08)
        points = np.where(hair[:, None], middle + 1.35 * (points - middle) - [0, 0, 0.01], points)
    turn = Rotation.random(random_state=seed).as_matrix()
    scan = Scan((points @ turn.T + (0.3, -1, 2)) / UNITS[unit], None, tuple(UNITS))
    pose = find_head(scan, coarse)
    assert pose.unit == unit
    fit = fit_linear(surface, pose.points(scan.points))
    refuse_no_head(surface, fit, pose.points(scan.points), scan.name)
    angle = np.degrees(np.arccos(np.clip((np.trace(fit.rotation @ pose.rotation @ turn) - 1) / 2, -1, 1)))
    away = np.linalg.norm(fit.moved(pose.points(scan.points)) - points, axis=1).mean()
    assert angle < (2 if "head" in part else 3)  # a part of the face tells the pose from the shape less well
    assert away < (0.006 if part == "head with hair" else 0.003)  # under hair little tells the size of the skull


def chair() -> np.ndarray:
    """Seat, back and four legs."""
    boxes = [((0.4, 0.03, 0.4), (0, 0, 0)), ((0.4, 0.4, 0.03), (0, 0.2, -0.2))]
    boxes += [((0.03, 0.4, 0.03), (x, -0.2, z)) for x in (-0.18, 0.18) for z in (-0.18, 0.18)]
    parts = [trimesh.creation.box(size, trimesh.transformations.translation_matrix(at)) for size, at in boxes]
    return trimesh.util.concatenate(parts).sample(5000, seed=0)


def hand() -> np.ndarray:
    """A palm and five fingers."""
    palm = trimesh.creation.icosphere(3).apply_scale((0.045, 0.05, 0.015))
    fingers = [
        trimesh.creation.capsule(length, 0.009).apply_transform(
            trimesh.transformations.euler_matrix(-np.pi / 2, 0, lean) @ trimesh.transformations.translation_matrix(at)
        )
        for length, lean, at in zip(
            (0.05, 0.07, 0.08, 0.07, 0.06),
            (-0.9, -0.2, 0, 0.15, 0.3),
            [(x, 0, 0.03) for x in (0.02, 0.02, 0, -0.02, -0.03)],
            strict=True,
        )
    ]
    return trimesh.util.concatenate([palm, *fingers]).sample(5000, seed=0)


def torso() -> np.ndarray:
    """A body without its head: trunk, neck and two arms."""
    trunk = trimesh.creation.icosphere(3).apply_scale((0.18, 0.28, 0.1))
    limbs = [
        trimesh.creation.capsule(length, radius).apply_transform(
            trimesh.transformations.translation_matrix(at) @ trimesh.transformations.euler_matrix(np.pi / 2, 0, 0)
        )
        for length, radius, at in ((0.1, 0.05, (0, 0.3, 0)), (0.4, 0.04, (0.22, 0.2, 0)), (0.4, 0.04, (-0.22, 0.2, 0)))
    ]
    return trimesh.util.concatenate([trunk, *limbs]).sample(5000, seed=0)


@pytest.mark.parametrize("shape", ["sphere", "box", "cloud", "dome", "chair", "hand", "torso"])
def test_what_is_no_head_is_refused(coarse: HeadSurface, shape: str) -> None:
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(5000, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    points = {
        "sphere": 0.11 * ball,
        "box": trimesh.creation.box([0.2, 0.2, 0.2]).sample(5000),
        "cloud": rng.uniform(-0.1, 0.1, (5000, 3)),
        "dome": (ball * (0.08, 0.11, 0.07))[ball[:, 2] > 0.2],
        "chair": chair(),
        "hand": hand(),
        "torso": torso(),
    }[shape]
    moved = find_head(Scan(points, None, ("m",)), coarse).points(points)
    fit = fit_linear(coarse, moved)
    with pytest.raises(InputError, match="There is no head to be found in thing.ply"):
        refuse_no_head(coarse, fit, moved, "thing.ply")


def test_the_linear_fit_recovers_shape_expression_and_pose(surface: HeadSurface) -> None:
    points, beta, _ = head_points(surface, 3)
    turn = Rotation.from_rotvec([0.05, -0.08, 0.03]).as_matrix()
    fit = fit_linear(surface, points @ turn.T + (0.004, -0.006, 0.008), arkit=CANONICAL)
    assert np.linalg.norm(fit.moved(points @ turn.T + (0.004, -0.006, 0.008)) - points, axis=1).mean() < 0.002
    assert np.median(fit.distance) < 5e-4  # the noise's own is 3.4e-4
    assert np.sqrt(((fit.beta - beta) ** 2).mean()) < 0.6

    smile = np.zeros(52)
    smile[[17, 23, 24]] = 0.6, 0.8, 0.8  # jawOpen, mouthSmileLeft, mouthSmileRight
    vertices = surface.points(beta, smile)
    fit = fit_linear(surface, vertices, vertex_normals(vertices, surface.triangles), posed=False)
    assert np.abs(fit.arkit - smile)[[17, 23, 24]].max() < 0.2
    assert np.median(np.linalg.norm(surface.canonical(fit, vertices) - surface.points(beta, CANONICAL), axis=1)) < 2e-3


def test_hair_does_not_move_the_face(surface: HeadSurface) -> None:
    rng = np.random.default_rng(4)
    beta = rng.standard_normal(100)
    vertices = surface.points(beta, CANONICAL)
    normals = vertex_normals(vertices, surface.triangles)
    hair = ~surface.face & (vertices[:, 1] > 0.0)
    grown = vertices + normals * (hair * (0.02 + 0.01 * np.sin(60 * vertices).sum(1) / 2))[:, None]
    assert hair.mean() > 0.25
    fit = fit_linear(surface, grown, arkit=CANONICAL)
    fitted = (surface.points(fit.beta, CANONICAL) - fit.translation) @ fit.rotation
    height = ((fitted - vertices) * normals).sum(1)[surface.face]
    assert np.abs(height).mean() < 0.0015


def test_normals_point_outward_whatever_the_file_says(surface: HeadSurface) -> None:
    vertices = surface.points(np.zeros(100), CANONICAL)
    normals = vertex_normals(vertices, surface.triangles)
    assert np.array_equal(outward_normals(vertices, normals, vertices, normals), normals)
    assert np.array_equal(outward_normals(vertices, -normals, vertices, normals), normals)
    mixed = normals * np.random.default_rng(0).choice([-1, 1], (len(normals), 1))
    assert np.array_equal(outward_normals(vertices, mixed, vertices, normals), normals)
    estimated = outward_normals(vertices, None, vertices, normals)
    assert np.median((estimated * normals).sum(1)) > 0.98
    assert np.allclose(np.linalg.norm(plane_normals(vertices), axis=1), 1)
