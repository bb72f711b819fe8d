"""What is inside a clothed figure, and points to learn it from.

Garments are open sheets over a skin with holes where it is covered, and posed limbs pass through one another: there is
no inside by parity, and a signed distance to any one of them has no sign. The generalised winding number of all of them
together has: it is about 1 inside, adds up where surfaces overlap, and closes holes smoothly (Jacobson et al., "Robust
Inside-Outside Segmentation using Generalized Winding Numbers", 2013; Barill et al. 2018 for its speed). Hair, whose
strips face anywhere, is counted apart, so that it takes nothing from the head; and what hangs free, a hem or a lock, is
as thick as cloth or hair.
"""

import igl
import numpy as np

from .figure import Surface

CLOTH, HAIR = 2.5e-3, 4e-3
"""Metres on either side of a sheet."""
NEAR, WIDE = 0.01, 0.1
"""Standard deviation in metres of points about the surface."""
COUNTS = {"box": 4000, "near": 6000, "wide": 2000}
MARGIN = 0.1
"""Of the bounding box, on each side, for points of the box."""


def occupied(surface: Surface, points: np.ndarray) -> np.ndarray:
    """[N] bool: which points [N, 3] are inside the figure."""
    inside = igl.fast_winding_number(surface.vertices, surface.of("skin", "eyes", "suit", "shoes"), points) > 0.5
    for triangles, thickness in ((surface.of("suit", "shoes"), CLOTH), (surface.of("hair"), HAIR)):
        if not len(triangles):
            continue
        left = np.flatnonzero(~inside)
        squared = igl.point_mesh_squared_distance(points[left], surface.vertices, triangles)[0]
        inside[left] = squared < thickness**2
    hair = surface.of("hair")
    if len(hair):
        left = np.flatnonzero(~inside)
        inside[left] = igl.fast_winding_number(surface.vertices, hair, points[left]) > 0.5
    return inside


def occupancy_samples(surface: Surface, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """`box_points` [4000, 3] uniform in the bounding box and its margin, `near_points` [6000, 3] and `wide_points`
    [2000, 3] about the surface, float32; whether each is inside, `..._inside` [N] bool.
    """
    low, high = surface.bounds()
    margin = MARGIN * (high - low)
    points = {
        "box": rng.uniform(low - margin, high + margin, (COUNTS["box"], 3)),
        "near": surface.draw(COUNTS["near"], rng)[0] + rng.normal(0, NEAR, (COUNTS["near"], 3)),
        "wide": surface.draw(COUNTS["wide"], rng)[0] + rng.normal(0, WIDE, (COUNTS["wide"], 3)),
    }
    inside = np.split(occupied(surface, np.concatenate(list(points.values()))), np.cumsum([*COUNTS.values()])[:-1])
    return {f"{name}_points": value.astype(np.float32) for name, value in points.items()} | {
        f"{name}_inside": value for name, value in zip(points, inside, strict=True)
    }
