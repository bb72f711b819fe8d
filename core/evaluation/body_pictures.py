"""The open body as an artist sees it: random bodies, and poses from the front and from behind, on one sheet."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from ..parametric.body import BodyModel
from ..rendering.rasterise import rasterise, triangulate
from ..rendering.shading import linear_to_srgb, shade, vertex_normals
from ..training.body_model.poses import theta_of

PICTURE = Path(__file__).parents[2] / "docs" / "body_model.png"
PANEL, SHARPNESS = (190, 310), 2
"""Pixels of one body, and how many samples a pixel has along a side."""
SPAN = 2.2
"""Metres from the top to the bottom of a panel."""
SEED = 1
SKIN = np.array([0.62, 0.40, 0.30])
LIGHT = np.zeros((9, 1))
LIGHT[:4, 0] = 1.7, 0.6, 1.0, 0.35
POSES = (
    theta_of(left_shoulder=(0, 0, -72), right_shoulder=(0, 0, 72)),
    theta_of(left_hip=(-30, 0, 0), right_hip=(20, 0, 0), left_knee=(10, 0, 0), right_knee=(38, 0, 0),
             right_ankle=(15, 0, 0), right_foot=(-25, 0, 0), left_shoulder=(0, 25, -70), right_shoulder=(0, 25, 70),
             left_elbow=(0, -15, 0), right_elbow=(0, 25, 0), spine2=(0, 8, 0)),
    theta_of(left_hip=(-85, 0, 0), right_hip=(15, 0, 0), left_knee=(95, 0, 0), right_knee=(85, 0, 0),
             left_shoulder=(0, 45, -65), right_shoulder=(0, -35, 70), left_elbow=(0, -90, 0), right_elbow=(0, 95, 0),
             spine1=(12, 0, 0), right_ankle=(30, 0, 0)),
    theta_of(left_hip=(-90, 0, 6), right_hip=(-90, 0, -6), left_knee=(90, 0, 0), right_knee=(90, 0, 0),
             left_shoulder=(0, -25, -62), right_shoulder=(0, 25, 62), left_elbow=(0, -65, 0), right_elbow=(0, 65, 0)),
    theta_of(left_hip=(-115, 0, 15), right_hip=(-115, 0, -15), left_knee=(130, 0, 0), right_knee=(130, 0, 0),
             left_ankle=(-25, 0, 0), right_ankle=(-25, 0, 0), spine1=(25, 0, 0), left_shoulder=(0, -75, -15),
             right_shoulder=(0, 75, 15)),
    theta_of(left_shoulder=(0, 0, 60), right_shoulder=(0, 0, -60), left_collar=(0, 0, 20), right_collar=(0, 0, -20),
             left_elbow=(0, -35, 0)),
    theta_of(left_shoulder=(0, -80, 0), right_shoulder=(0, 0, 72), right_elbow=(0, 110, 0), left_wrist=(80, 0, 0),
             neck=(0, 30, 0), head=(0, 25, 0)),
    theta_of(spine1=(30, 0, 0), spine2=(20, 10, 0), spine3=(10, 10, 0), left_hip=(-45, 0, 0), right_hip=(-45, 0, 0),
             left_knee=(30, 0, 0), right_knee=(30, 0, 0), left_shoulder=(0, -60, -50), right_shoulder=(0, 50, 60)),
)  # fmt: skip
"""Standing, walking, running, sitting, crouching, reaching, pointing, bending."""


def draw_body_model(model: BodyModel) -> None:
    """Eight bodies that stand, the same in `POSES`, those from behind: three rows in `PICTURE`."""
    rng = np.random.default_rng(SEED)
    betas = rng.standard_normal((8, model.shapedirs.shape[2])).astype(np.float32)
    standing = [model.vertices(beta, POSES[0].astype(np.float32)) for beta in betas]
    posed = [model.vertices(beta, theta.astype(np.float32)) for beta, theta in zip(betas, POSES, strict=True)]
    rows = ((standing, 0.0), (posed, 30.0), (posed, -150.0))
    sheet = Image.new("RGB", (8 * PANEL[0], len(rows) * PANEL[1]), "white")
    for line, (bodies, azimuth) in enumerate(rows):
        for column, vertices in enumerate(bodies):
            panel = _panel(vertices, triangulate(model.faces)[0], azimuth)
            sheet.paste(panel, (column * PANEL[0], line * PANEL[1]))
    sheet.save(PICTURE)


def _panel(vertices: np.ndarray, triangles: np.ndarray, azimuth: float) -> Image.Image:
    """A body seen from far away, turned about y by degrees."""
    turn = Rotation.from_euler("y", azimuth, degrees=True).as_matrix().T
    points, normals = vertices @ turn, vertex_normals(vertices, triangles) @ turn
    width, height = (SHARPNESS * side for side in PANEL)
    centre = (points.min(0) + points.max(0)) / 2
    flat = (points - centre) * [1, -1, -1] * (height / SPAN, height / SPAN, 1) + [width / 2, height / 2, 50]
    raster = rasterise(flat, triangles, (width, height))
    light = np.clip(shade(raster.interpolate(triangles, normals), LIGHT), 0, None)
    picture = np.ones((height, width, 3))
    picture[raster.covered] = linear_to_srgb(light * SKIN)
    return Image.fromarray((255 * picture).astype(np.uint8)).resize(PANEL, Image.Resampling.LANCZOS)
