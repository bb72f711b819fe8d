"""Another photo's skin and eyes on a head that keeps its shape."""

from pathlib import Path

import numpy as np
import pytest

from likeness.core.capture.retexture import STAGES, retexture
from likeness.core.capture.texture import SkinOptions
from likeness.core.errors import InputError
from likeness.core.parametric.assembly import head_avatar
from likeness.core.parametric.head import SHAPES, HeadModel


def test_only_skin_and_eyes_change(model: HeadModel, astronaut: Path) -> None:
    before = head_avatar(model, 0.5 * np.random.default_rng(0).standard_normal(SHAPES).astype(np.float32))
    after, report = retexture(before, astronaut, SkinOptions(1024))
    assert after.parameters["beta"] == before.parameters["beta"]
    assert all((one.vertices == other.vertices).all() for one, other in zip(before.parts, after.parts, strict=True))
    assert [material.name for material in after.materials] == [material.name for material in before.materials]
    changed = {new.name for old, new in zip(before.materials, after.materials, strict=True) if old != new}
    assert changed == {after.materials[after.part(name).face_material[0]].name for name in ("skin", "left_eye")}
    skin = after.materials[after.part("skin").face_material[0]]
    assert skin.color_texture and skin.normal_texture and skin.roughness_texture
    assert after.source == "astronaut.png"
    assert after.images["photo"]
    assert list(report["seconds"]) == list(STAGES)
    assert report["errors"]["landmarks_iod"] < 0.08
    assert report["photos"][0]["name"] == "astronaut.png"


def test_a_photo_that_is_not_there(model: HeadModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no photo"):
        retexture(head_avatar(model, np.zeros(SHAPES)), tmp_path / "missing.png", SkinOptions())
