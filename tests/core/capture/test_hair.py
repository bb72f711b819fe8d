"""The hair's mesh, on heads that are drawn: where it may be, what it is bound to. Run with -s to see the figures."""

from dataclasses import replace
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from likeness.core.avatar import Material, Part
from likeness.core.capture.fit import HeadFit
from likeness.core.capture.hair import grow_hair
from likeness.core.capture.photo import Photo
from likeness.core.parametric.head import EXPRESSIONS, JOINTS, SHAPES, HeadModel
from likeness.core.rendering.rasterise import Raster, rasterise, triangulate
from likeness.core.rendering.shading import vertex_normals

from .synthetic import Scene, draw


def scene_of(model: HeadModel, hair: np.ndarray | None) -> Scene:
    return draw(model, np.full((len(model.v_template), 3), (0.5, 0.3, 0.2), np.float32), hair=hair)


def fit_of(scene: Scene) -> HeadFit:
    return HeadFit(
        beta=np.zeros(SHAPES, np.float32),
        psi=np.zeros(EXPRESSIONS, np.float32),
        theta=np.zeros((len(JOINTS), 3), np.float32),
        camera=scene.camera,
        light=np.zeros((9, 3), np.float32),
        landmarks=np.zeros((478, 2), np.float32),
        error=0.0,
    )


def with_more_hair(scene: Scene, *, long: bool) -> Scene:
    """The scene with hair that stands out a centimetre and, if `long`, hangs beside the neck in two broad locks."""
    hair, background = scene.masks.hair.copy(), scene.masks.background.copy()
    more = (cv2.dilate(hair, np.ones((31, 31))) > 0.5) & (background > 0.5)
    if long:
        y, x = np.mgrid[: hair.shape[0], : hair.shape[1]]
        more |= (np.abs(np.abs(x - 256) - 130) < 40) & (y > 180) & (y < 520) & (scene.masks.skin < 0.5)
    hair[more], background[more] = 1, 0
    pixels = scene.pixels.copy()
    pixels[more] = (0, 200, 0)
    return replace(
        scene, pixels=pixels, masks=replace(scene.masks, hair=hair, background=background, person=1 - background)
    )


@pytest.fixture(scope="module", params=["short", "long"])
def grown(request: pytest.FixtureRequest, model: HeadModel) -> tuple[Scene, Part, Material]:
    scene = with_more_hair(scene_of(model, model.masks["scalp"] > 0.5), long=request.param == "long")
    result = grow_hair(model, fit_of(scene), Photo(scene.pixels, "drawn.png", None), scene.masks, np.ones(3))
    assert result is not None
    return scene, *result


def drawn(scene: Scene, vertices: np.ndarray, triangles: np.ndarray) -> Raster:
    return rasterise(scene.camera.project(vertices), triangles, scene.masks.hair.shape[::-1])


def visible_hair(model: HeadModel, scene: Scene, part: Part) -> np.ndarray:
    """[H, W] bool: where the photo's camera sees the hair's mesh in front of the head."""
    head = drawn(scene, scene.vertices, triangulate(model.faces)[0])
    hair = drawn(scene, part.vertices, part.faces[:, :3])
    return hair.covered & (hair.depth < head.depth)


def test_bald_head_gets_none(model: HeadModel) -> None:
    scene = scene_of(model, None)
    assert grow_hair(model, fit_of(scene), Photo(scene.pixels, "bald.png", None), scene.masks, np.ones(3)) is None


def test_fills_the_outline(grown: tuple[Scene, Part, Material], model: HeadModel) -> None:
    scene, part, _ = grown
    seen, wanted = visible_hair(model, scene, part), scene.masks.hair > 0.5
    end = scene.camera.project(model.v_template)[:, 1].max()
    wanted[int(end) :] = False
    overlap = (seen & wanted).sum() / (seen | wanted).sum()
    print(f"silhouette IoU {overlap:.3f}")
    assert overlap > 0.8


def test_leaves_the_face_free(grown: tuple[Scene, Part, Material], model: HeadModel) -> None:
    scene, part, _ = grown
    skin = scene.masks.skin > 0.5
    covered = visible_hair(model, scene, part)[skin].mean()
    print(f"skin covered {100 * covered:.2f} %")
    assert covered < 0.01


def test_head_is_not_bald_from_behind(grown: tuple[Scene, Part, Material], model: HeadModel) -> None:
    _, part, _ = grown
    scalp = np.flatnonzero((model.masks["scalp"] > 0.5) & (model.v_template[:, 2] < 0))
    normals = vertex_normals(model.v_template, triangulate(model.faces)[0])[scalp]
    size = (256, 256)

    def from_behind(points: np.ndarray) -> np.ndarray:
        return np.stack([128 - points[:, 0] * 800, 128 - points[:, 1] * 800, points[:, 2] + 1], -1)

    depth = rasterise(from_behind(part.vertices), part.faces[:, :3], size).depth
    facing = scalp[normals[:, 2] < -0.5]
    x, y, z = from_behind(model.v_template[facing]).T
    hidden = depth[y.astype(int), x.astype(int)] < z
    assert hidden.mean() > 0.95


def test_mesh_is_sane(grown: tuple[Scene, Part, Material]) -> None:
    _, part, _ = grown
    triangles = part.faces[:, :3]
    assert len(triangles) <= 15000
    assert (part.faces[:, 2] == part.faces[:, 3]).all()
    assert part.faces.max() == len(part.vertices) - 1 and part.faces_uv.max() == len(part.uv) - 1
    assert part.uv.min() >= 0 and part.uv.max() <= 1
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    directed, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() == 1, "neighbours are wound alike"
    sides = np.unique(np.sort(directed, 1), axis=0, return_counts=True)[1]
    assert sides.max() == 2, "no edge has three triangles"
    outward = vertex_normals(part.vertices, triangles) * (part.vertices - part.vertices.mean(0))
    assert (outward.sum(1) > 0).mean() > 0.7


def test_binding(grown: tuple[Scene, Part, Material], model: HeadModel) -> None:
    _, part, _ = grown
    assert part.binding.shape == part.binding_weights.shape == (len(part.vertices), 3)
    assert np.allclose(part.binding_weights.sum(1), 1, atol=1e-5)
    assert (model.masks["scalp"][part.binding] > 0.5).all()


def test_charts_do_not_overlap(grown: tuple[Scene, Part, Material]) -> None:
    _, part, _ = grown
    corner = part.uv[part.faces_uv[:, :3]]
    a, b = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    area = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2
    drawn_area = rasterise(part.uv * 1024, part.faces_uv[:, :3], (1024, 1024)).covered.mean()
    assert area < 1.05 * drawn_area


def test_material(grown: tuple[Scene, Part, Material]) -> None:
    """The hair of the drawn heads is green, and stays green where no photo shows it."""
    _, _, material = grown
    image = np.asarray(Image.open(BytesIO(material.color_texture)).convert("RGBA")).astype(int)
    assert material.alpha == "clip" and image.shape[0] == image.shape[1]
    green = image[..., 1] > image[..., [0, 2]].max(-1)
    assert green.mean() > 0.95
    assert (image[..., 3] > 127).mean() > 0.5
