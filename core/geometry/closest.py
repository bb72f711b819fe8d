"""The closest points of a mesh."""

import igl
import numpy as np


def closest_points(
    points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of `points` [N, 3] the nearest of a mesh (`vertices` [V, 3], `triangles` [T, 3]).

    Returns its triangle `[N]`, its barycentric coordinates `[N, 3]` float32 (0..1, sum 1), its distance `[N]` metres.
    """
    # libigl is compiled for contiguous doubles and int64
    mesh = np.ascontiguousarray(vertices, np.float64), np.ascontiguousarray(triangles, np.int64)
    squared, triangle, closest = igl.point_mesh_squared_distance(np.ascontiguousarray(points, np.float64), *mesh)
    corners = [np.ascontiguousarray(mesh[0][mesh[1][triangle, k]]) for k in range(3)]
    weights = np.clip(np.nan_to_num(igl.barycentric_coordinates(closest, *corners)), 0, 1)
    weights /= weights.sum(1, keepdims=True)
    return triangle.astype(np.int64), weights.astype(np.float32), np.sqrt(squared).astype(np.float32)


def edge_distance(points: np.ndarray, vertices: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Metres `[N]` from `points` [N, 3] to the nearest of the `edges` [E, 2] between `vertices` [V, 3]."""
    mesh = np.ascontiguousarray(vertices, np.float64), np.ascontiguousarray(edges, np.int64)
    return np.sqrt(igl.point_mesh_squared_distance(np.ascontiguousarray(points, np.float64), *mesh)[0])
