from likeness.core.capture.teeth import SIZE, teeth_textures
from likeness.core.parametric.head import HeadModel


def test_every_row_of_teeth_has_its_gums_on_the_right_side(model: HeadModel) -> None:
    textures = teeth_textures()
    assert set(textures) == {part for part in model.parts if part.startswith("teeth")}
    middle = SIZE // 2
    assert (textures["teeth_upper"][-1, middle] > textures["teeth_upper"][0, middle]).all()
    assert (textures["teeth_lower"][0, middle] > textures["teeth_lower"][-1, middle]).all()


def test_back_teeth_are_darker() -> None:
    for texture in teeth_textures().values():
        assert (texture[:, 5] < texture[:, SIZE // 2]).all()
