"""The identity of a head while its sliders move.

Rebuilding every shape key takes a good part of a second, too long for each step of a drag. The sliders edit a draft,
which is built into the head once they rest.
"""

import functools

import bpy
import numpy as np

from ..core.errors import LikenessError
from ..core.parametric.head import HeadModel
from . import heads

REST_SECONDS = 0.2
"""How long the sliders must be still."""

HAIR = slice(100, 132)
"""Where the hair's code is in `z_id`; before it lies beta, behind it what a model adds."""

_drafts: dict[str, np.ndarray] = {}
"""Name of the head -> beta that is not built yet."""


@functools.cache
def model() -> HeadModel:
    """The head model, read once. Raises EngineError."""
    return HeadModel.load()


def beta(head: bpy.types.Object) -> np.ndarray:
    """`[100]`: the draft if there is one, otherwise what the head is built from."""
    if head.name in _drafts:
        return _drafts[head.name]
    return np.asarray(heads.metadata(head)["parameters"]["beta"], np.float32)


def original(head: bpy.types.Object) -> np.ndarray:
    """`[100]`: the identity that the head was made with."""
    return np.asarray(heads.metadata(head)["parameters"].get("beta_made", beta(head)), np.float32)


def is_implicit(head: bpy.types.Object) -> bool:
    """Whether the head is the surface of an implicit model, which can be extracted anew."""
    return bool(heads.metadata(head)["implicit"])


def code(head: bpy.types.Object, model: str = "") -> np.ndarray:
    """The head's code as the sliders have it: `z_id` `[D]` of an implicit head, beta `[100]` of a parametric one.

    For another `model` than the head's own, `z_id` is `[132]`: what lies behind the hair is for one model alone.
    """
    stored = heads.metadata(head)
    if not stored["implicit"]:
        return beta(head)
    made = np.array(stored["parameters"]["z_id"], np.float32)
    made[: HAIR.start], made[HAIR] = beta(head), hair(head)
    return made if model in ("", stored["implicit"]) else made[: HAIR.stop]


def is_ahead(head: bpy.types.Object) -> bool:
    """Whether the sliders have another code than the surface was extracted from."""
    return is_implicit(head) and not np.allclose(code(head), heads.metadata(head)["parameters"]["z_id"], atol=1e-5)


def hair(head: bpy.types.Object) -> np.ndarray:
    """`[32]`: the hair's code as the sliders have it; the surface has it when it is extracted anew."""
    stored = heads.metadata(head)["parameters"]
    return np.array(stored.get("hair", stored["z_id"][HAIR]), np.float32)


def has_hair(head: bpy.types.Object) -> bool:
    """Whether the code of an implicit head has hair; a photo's hair is no part of it."""
    return bool(hair(head).any())


def set_hair(head: bpy.types.Object, component: int, value: float) -> None:
    """Change one component of the hair's code."""
    changed = hair(head)
    changed[component] = value
    heads.set_parameters(head, hair=changed.tolist())


def draft(head: bpy.types.Object, component: int, value: float) -> None:
    """Change one component; the head follows when the sliders rest, at once where Blender runs without a window."""
    changed = beta(head).copy()
    changed[component] = value
    _drafts[head.name] = changed
    if bpy.app.background:
        _build_drafts()
        return
    if bpy.app.timers.is_registered(_build_drafts):
        bpy.app.timers.unregister(_build_drafts)
    bpy.app.timers.register(_build_drafts, first_interval=REST_SECONDS)


def rebuild(head: bpy.types.Object, beta: np.ndarray) -> None:
    """Build `beta` `[100]` into the head. Raises LikenessError."""
    _drafts.pop(head.name, None)
    heads.set_identity(head, model(), np.asarray(beta, np.float32))


def _build_drafts() -> None:
    for name, drafted in list(_drafts.items()):
        head = bpy.data.objects.get(name)
        if head is None:
            del _drafts[name]
            continue
        try:
            rebuild(head, drafted)
        except LikenessError as error:
            _tell(str(error))
        else:
            bpy.ops.ed.undo_push(message="Identity")


def _tell(problem: str) -> None:
    """Show the problem under the pointer: no operator is running that could report it."""

    def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
        menu.layout.label(text=problem)

    bpy.context.window_manager.popup_menu(draw, title="Likeness", icon="ERROR")
