"""Relief that a photo does not show is taken from the other side, in part, and from nowhere else."""

import numpy as np

from likeness.core.capture.hidden_relief import completed
from likeness.core.parametric.head import HeadModel


def test_what_is_seen_stays_and_what_is_not_resembles_the_other_side(model: HeadModel) -> None:
    left = model.v_template[:, 0] < 0
    face = model.masks["narrow_face"]
    sight = (left * face).astype(np.float32)
    cheek = model.v_template[model.landmarks68[[36, 48]]].mean(0)
    bump = 0.001 * np.exp(-0.5 * ((model.v_template - cheek) ** 2).sum(1) / 0.006**2)
    height = (bump * sight).astype(np.float32)
    found = completed(model, height, sight)
    hidden = ~left & (face > 0.9)
    plain = completed(model, 0 * height, sight)
    gained = (found - plain)[hidden]
    assert np.abs((found - height)[left & (sight == 1)]).max() == 0
    assert np.corrcoef(gained, height[model.mirror][hidden])[0, 1] > 0.7
    assert 0.1 * height.max() < gained.max() < height.max()
    assert np.abs(plain).max() < 0.0005


def test_nothing_is_made_up_where_neither_side_is_seen(model: HeadModel) -> None:
    none = np.zeros(len(model.v_template), np.float32)
    assert (completed(model, none, none) == 0).all()
