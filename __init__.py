"""Likeness: a photo becomes a detailed, animatable head.

Blender's entry: bpy is imported only when the extension is registered, so that `likeness.core` works without it.
"""


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from .blender_addon import addon

    addon.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from .blender_addon import addon

    addon.unregister()
