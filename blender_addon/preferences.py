"""The extension's preferences: where the engine is and on what it computes."""

import os
from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from ..core.engine.setup import interpreter_of
from ..core.errors import EngineError

PACKAGE = __package__.rpartition(".")[0]
"""`bl_ext.<repository>.likeness` as an extension, `likeness` as a plain module."""

INTERPRETER_VARIABLE = "LIKENESS_ENGINE_PYTHON"
"""Environment variable that names the engine's Python where the preference is empty."""


class LIKENESS_AP_preferences(bpy.types.AddonPreferences):
    """Engine and device."""

    bl_idname = PACKAGE

    interpreter: StringProperty(
        name="Engine Python",
        description="Python interpreter that has the Likeness engine installed; empty for the one that Set Up makes",
        subtype="FILE_PATH",
    )
    flame_model: StringProperty(
        name="FLAME Model",
        description="Your own FLAME model (.pkl, .npz), by which expressions of FLAME sequences are brought over",
        subtype="FILE_PATH",
    )
    device: EnumProperty(
        name="Device",
        description="What the engine computes on",
        items=(
            ("auto", "Automatic", "The GPU where there is one that works, otherwise the CPU"),
            ("cuda", "GPU (CUDA)", "An NVIDIA GPU"),
            ("cpu", "CPU", "The processor: slower, works everywhere"),
        ),
        default="auto",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "interpreter")
        layout.prop(self, "device")
        row = layout.row(align=True)
        row.operator("likeness.set_up_engine", icon="IMPORT")
        row.operator("likeness.test_engine", icon="CHECKMARK")
        layout.prop(self, "flame_model")


def _preferences() -> LIKENESS_AP_preferences | None:
    """None where the package was registered without being enabled as an add-on (scripts that `import likeness`)."""
    addon = bpy.context.preferences.addons.get(PACKAGE)
    return addon.preferences if addon else None


def device() -> str:
    """'auto', 'cuda' or 'cpu'."""
    preferences = _preferences()
    return preferences.device if preferences else "auto"


def flame_model() -> Path | None:
    """The user's FLAME model file, None where he named none."""
    preferences = _preferences()
    return Path(bpy.path.abspath(preferences.flame_model)) if preferences and preferences.flame_model else None


def user_folder() -> Path:
    """A folder of the user's that outlives updates of the extension: nothing is ever written beside the code."""
    try:
        return Path(bpy.utils.extension_path_user(PACKAGE, create=True))
    except ValueError:  # registered as a plain module
        return Path(bpy.utils.user_resource("DATAFILES", path="likeness", create=True))


def engine_folder() -> Path:
    """Where *Set Up Engine* makes the engine's environment."""
    return user_folder() / "engine"


def interpreter() -> Path:
    """The engine's Python: the preference's, else the environment variable's, else that of *Set Up Engine*.

    Raises EngineError when there is none.
    """
    preferences = _preferences()
    named = (preferences.interpreter if preferences else "") or os.environ.get(INTERPRETER_VARIABLE, "")
    path = Path(bpy.path.abspath(named)) if named else interpreter_of(engine_folder())
    if not path.is_file():
        raise EngineError("The engine is not set up: press Set Up Engine in the preferences of the extension Likeness.")
    return path


CLASSES = (LIKENESS_AP_preferences,)
