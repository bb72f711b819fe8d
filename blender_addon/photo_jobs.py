"""Jobs that begin with photos, which a file browser, a drop on a view or a script names."""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, StringProperty

from ..core.errors import InputError
from .jobs import FileJobOperator

IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


class PhotoJobOperator(FileJobOperator):
    """Mixin of jobs on one photo, `filepath`."""

    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    face: IntProperty(
        name="Face",
        description="Which face of a photo that shows several; 1 is the largest",
        default=1,
        min=1,
        options={"SKIP_SAVE"},
    )

    @property
    def photo(self) -> str:
        """Path of the photo. Raises InputError when it is not there."""
        return _existing(self.file)


class PhotosJobOperator(PhotoJobOperator):
    """Mixin of jobs on several photos at once: `files` of `directory`, or `filepath` where there are none."""

    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self.start(context) if self.files else super().invoke(context, event)

    @property
    def photos(self) -> list[str]:
        """Paths of the photos. Raises InputError when one is not there."""
        folder = Path(bpy.path.abspath(self.directory))
        chosen = [folder / file.name for file in self.files if file.name]
        return [_existing(photo) for photo in chosen or [self.file]]


class DetailOptions:
    """Mixin of operators with a choice of what is taken from the photo besides the shape, and how finely."""

    refine: BoolProperty(
        name="Refine",
        description="Solve for folds and wrinkles in the photo's shades: slower. Without, a network tells them at once",
        default=True,
    )
    texture_size: EnumProperty(
        name="Skin Maps",
        description="Size of the skin's color, normal and roughness maps",
        items=(
            ("1024", "1k", "1024 texels a side: small files, for crowds and games"),
            ("2048", "2k", "2048 texels a side"),
            ("4096", "4k", "4096 texels a side: large files, for close-ups of large photos"),
        ),
        default="2048",
    )

    def detail(self) -> dict[str, Any]:
        """As the engine takes it."""
        return {"refine": self.refine, "texture_size": int(self.texture_size)}


def _existing(photo: Path) -> str:
    if not photo.is_file():
        raise InputError(f"There is no photo {photo.name or 'chosen'}; choose an image file.")
    return str(photo)
