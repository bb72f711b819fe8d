from pathlib import Path

import numpy as np
import pytest

from likeness.core.errors import InputError
from likeness.core.training.makehuman import BASE, load_base, load_clothing

CLOTHES = """# comment
name strip
obj_file strip.obj
x_scale 0 1 2.0
y_scale 0 2 2.0
z_scale 0 3 2.0
verts 0
material strip.mhmat
0 1 2 0.5 0.7 -0.2 1.0 0 0
4
delete_verts
5 7 - 9 12
- 13
"""


@pytest.fixture
def strip(tmp_path: Path) -> Path:
    (tmp_path / "strip.obj").write_text("v 0 0 0\nv 1 0 0\nf 1 2 2\n")
    path = tmp_path / "strip.mhclo"
    path.write_text(CLOTHES)
    return path


def test_vertices_hang_on_three_of_the_body(strip: Path) -> None:
    clothing = load_clothing(strip)
    body = np.zeros((BASE, 3))
    body[:5] = [[0, 0, 0], [0.4, 0, 0], [0, 0.2, 0], [0, 0, 0.2], [7, 8, 9]]
    # Twice as wide as the body that it was made for: the offset of a decimetre is two.
    np.testing.assert_allclose(clothing.bind(body), [[0.7 * 0.4 + 0.2, -0.2 * 0.2, 0], [7, 8, 9]])
    np.testing.assert_allclose(clothing.bind(body, size=0.5)[0], [0.7 * 0.4 + 0.1, -0.2 * 0.2, 0])


def test_ranges_of_hidden_skin_may_be_split_over_lines(strip: Path) -> None:
    assert load_clothing(strip).hidden.tolist() == [5, 7, 8, 9, 12, 13]


def test_blended_rows_sum_to_one_and_none_is_negative(strip: Path) -> None:
    blend = load_clothing(strip).blend()
    np.testing.assert_allclose(blend.sum(1), 1)
    np.testing.assert_allclose(blend[0, :3].toarray(), [[0.5 / 1.2, 0.7 / 1.2, 0]])


def test_a_file_that_does_not_fit_its_mesh_is_refused(strip: Path) -> None:
    strip.with_suffix(".obj").write_text("v 0 0 0\n")
    with pytest.raises(InputError, match=r"strip\.mhclo binds 2 vertices, and strip\.obj has 1\."):
        load_clothing(strip)


def test_a_file_that_is_cut_off_is_refused(strip: Path) -> None:
    strip.write_text("name strip\nobj_file strip.obj\nverts 0\n0 1 2 0.5\n")
    with pytest.raises(InputError, match=r"strip\.mhclo is damaged\."):
        load_clothing(strip)


@pytest.mark.needs_data
def test_every_file_binds_near_the_body(data: Path) -> None:
    body = load_base(data).vertices
    low, high = body.min(0) - 0.3, body.max(0) + 0.3
    files = sorted((data / "makehuman").glob("*/*/*.mhclo"))
    assert len(files) == 32
    for path in files:
        points = load_clothing(path).bind(body)
        assert (points > low).all() and (points < high).all(), path.name
