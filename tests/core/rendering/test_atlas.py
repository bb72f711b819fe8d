import cv2
import numpy as np
import pytest

from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.atlas import Atlas, build_atlas, texel_coordinates


@pytest.fixture(scope="module")
def atlas(model: HeadModel) -> Atlas:
    return build_atlas(model, "skin", 512)


def test_texels_lie_where_their_uv_says(model: HeadModel, atlas: Atlas) -> None:
    image = atlas.image(atlas.gather(model.v_template), np.nan)
    faces = model.face_part == model.parts.index("skin")
    vertex, uv = model.faces[faces].ravel(), model.faces_uv[faces].ravel()
    column, row = texel_coordinates(model.uv[uv], atlas.size).astype(int).clip(0, atlas.size - 1).T
    distance = np.linalg.norm(image[row, column] - model.v_template[vertex], axis=1)
    assert np.nanmedian(distance) < 1 / np.median(atlas.density)
    assert np.nanpercentile(distance, 99) < 6 / np.median(atlas.density)


def test_the_mirror_map_leads_to_the_other_side(model: HeadModel, atlas: Atlas) -> None:
    image = atlas.image(atlas.gather(model.v_template), np.nan)
    mirrored = cv2.remap(image, atlas.mirror_map, None, cv2.INTER_LINEAR, borderValue=(np.nan,) * 3)
    mirrored = mirrored.reshape(-1, 3)[atlas.texels]
    error = np.linalg.norm(mirrored * [-1, 1, 1] - atlas.gather(model.v_template), axis=1)
    assert np.isfinite(error).mean() > 0.95  # the rest is the chart's border
    assert np.nanpercentile(error, 99) < 2 / np.median(atlas.density)


def test_the_chart_is_used_once(model: HeadModel, atlas: Atlas) -> None:
    """No two triangles share a texel: each part of the surface has its own colour."""
    uv = texel_coordinates(model.uv[model.faces_uv[model.face_part == model.parts.index("skin")]], atlas.size)
    x, y = uv[..., 0], uv[..., 1]
    area = np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1)).sum() / 2
    assert len(atlas.texels) == pytest.approx(area, rel=0.02)
