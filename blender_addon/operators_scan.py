"""Head from Scan: of a file, or of a mesh that is in the scene.

There is no handler for scans dropped on a view: Blender imports these files itself, and a second handler would make
it ask at each. The mesh that it imports is what *Head from Selected Mesh* takes.
"""

import tempfile
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from ..core.avatar import Avatar
from ..core.errors import InputError
from . import heads, preferences
from .avatar_jobs import AvatarJobOperator, HeadOptions, avatar_work
from .jobs import FileJobOperator, Job, Work
from .scan_mesh import ScanMesh

SCAN_EXTENSIONS = (".ply", ".obj", ".stl", ".glb")


class LIKENESS_OT_head_from_scan(HeadOptions, AvatarJobOperator, FileJobOperator, bpy.types.Operator):
    """Make an animatable head from a scan of a head: a point cloud or a mesh, in any pose and unit"""

    bl_idname = "likeness.head_from_scan"
    bl_label = "Head from Scan"
    bl_options = {"UNDO"}

    filter_glob: StringProperty(default=";".join(f"*{suffix}" for suffix in SCAN_EXTENSIONS), options={"HIDDEN"})

    def work(self, context: bpy.types.Context) -> Work:
        scan = self.file
        if not scan.is_file():
            raise InputError(f"There is no scan {scan.name or 'chosen'}; choose a .ply, .obj, .stl or .glb file.")
        return avatar_work(preferences.interpreter(), "scan", {"file": str(scan), **self.choices()})


class LIKENESS_OT_head_from_mesh(HeadOptions, AvatarJobOperator, bpy.types.Operator):
    """Make an animatable head from the selected mesh: a scan or a sculpture of a head, in any pose and unit"""

    bl_idname = "likeness.head_from_mesh"
    bl_label = "Head from Selected Mesh"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        thing = context.active_object
        if thing is None or thing.type != "MESH":
            cls.poll_message_set("Select a mesh that is a scan of a head")
            return False
        if heads.find(thing) is not None:
            cls.poll_message_set("This head is Likeness' own already: select a scan")
            return False
        return super().poll(context)

    def work(self, context: bpy.types.Context) -> Work:
        scan, name = ScanMesh.of(context, context.active_object), bpy.path.clean_name(context.active_object.name)
        interpreter, choices = preferences.interpreter(), self.choices()

        def work(job: Job) -> tuple[Avatar, dict[str, Any]]:
            with tempfile.TemporaryDirectory(prefix="likeness-") as folder:
                file = Path(folder) / f"{name}.ply"  # the head is named after it
                scan.save(file)
                return avatar_work(interpreter, "scan", {"file": str(file), **choices})(job)

        return work


CLASSES = (LIKENESS_OT_head_from_scan, LIKENESS_OT_head_from_mesh)
