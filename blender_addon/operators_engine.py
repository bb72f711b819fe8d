"""Set Up Engine and Test Engine."""

from typing import Any

import bpy

from ..core.engine import setup
from ..core.errors import UsageError
from . import preferences
from .jobs import Job, JobOperator, Work, engine_work


class LIKENESS_OT_set_up_engine(JobOperator, bpy.types.Operator):
    """Download PyTorch and the other libraries of the engine into a folder of the extension's own"""

    bl_idname = "likeness.set_up_engine"
    bl_label = "Set Up Engine"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self._asked = True
        return context.window_manager.invoke_confirm(self, event)

    def work(self, context: bpy.types.Context) -> Work:
        if not bpy.app.online_access:
            raise UsageError("Setting up the engine needs the internet: allow online access in Preferences > System.")
        folder = preferences.engine_folder()

        def work(job: Job) -> Any:
            return setup.set_up(folder, job.report)

        return work

    def finish(self, context: bpy.types.Context, result: Any) -> None:
        self.report({"INFO"}, "The engine is set up.")


class LIKENESS_OT_test_engine(JobOperator, bpy.types.Operator):
    """Start the engine and compute a little, to see that it works"""

    bl_idname = "likeness.test_engine"
    bl_label = "Test Engine"

    def work(self, context: bpy.types.Context) -> Work:
        return engine_work(preferences.interpreter(), "test", {"device": preferences.device()})

    def finish(self, context: bpy.types.Context, result: dict[str, Any]) -> None:
        self.report({"INFO"}, "The engine works on {device} with Python {python} and PyTorch {torch}.".format(**result))


CLASSES = (LIKENESS_OT_set_up_engine, LIKENESS_OT_test_engine)
