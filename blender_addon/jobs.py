"""Long work from Blender's side: a worker thread talks to the engine, bpy is touched by the main thread alone.

`Job` is the thread. `JobOperator` is the operator that starts one: `execute()` waits for it (scripts, background
mode), `invoke()` runs it modally, with progress in the status bar and the panel, and Esc to cancel. `FileJobOperator`
and `DialogJobOperator` ask the user for something first.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from ..core.engine.client import Engine
from ..core.errors import Cancelled, LikenessError
from . import labels

TICK = 0.1
"""Seconds between two looks at the job."""


class Job:
    """One piece of work in a thread of its own: `work(job)`, away from bpy, which calls `report` now and then."""

    def __init__(self, work: "Work") -> None:
        self.stage, self.fraction = "Starting", 0.0
        self.cancelled = threading.Event()
        """Set it, and the work ends soon."""
        self._result: Any = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), name="likeness-job", daemon=True)
        self._thread.start()

    def _run(self, work: "Work") -> None:
        try:
            self._result = work(self)
        except Exception as error:  # for the main thread, which alone may tell the user
            self._error = error

    def report(self, stage: str, fraction: float) -> None:
        """Progress, from the work's thread: what is being done, and how much of all is done, 0..1. Raises Cancelled."""
        if self.cancelled.is_set():
            raise Cancelled("Cancelled.")
        self.stage, self.fraction = stage, fraction

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def result(self) -> Any:
        """Wait for the end and return the work's value, or raise what it raised, or Cancelled if it was to end."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        if self.cancelled.is_set():  # it was done before it noticed
            raise Cancelled("Cancelled.")
        return self._result


Work = Callable[[Job], Any]


def engine_work(interpreter: Path, method: str, params: dict[str, Any]) -> Work:
    """The work of one call to an engine of its own, which ends with it."""

    def work(job: Job) -> dict[str, Any]:
        job.report("Starting the engine", 0.0)
        with Engine.start(interpreter) as engine:
            return engine.call(method, params, on_progress=job.report, cancelled=job.cancelled)

    return work


class JobOperator:
    """Mixin of operators that run a job. A subclass gives `work` and `finish`."""

    current: Job | None = None
    """The modal job in progress, of whichever operator: there is one at a time, and the panel shows it."""

    _asked = False
    """Whether a file browser or a dialog is open, which calls `execute` for a user who must not wait for it."""

    def work(self, context: bpy.types.Context) -> Work:
        """Read from bpy what the job needs and return the job. Raises LikenessError."""
        raise NotImplementedError

    def finish(self, context: bpy.types.Context, result: Any) -> None:
        """Bring the job's result into Blender. Raises LikenessError before it changes anything."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self._asked:
            return self.start(context)
        try:
            self.finish(context, Job(self.work(context)).result())
        except LikenessError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self.start(context)

    def start(self, context: bpy.types.Context) -> set[str]:
        """Run modally from here on."""
        if JobOperator.current is not None:
            self.report({"ERROR"}, "Likeness is still busy: wait for the job in progress or press Esc to cancel it.")
            return {"CANCELLED"}
        try:
            JobOperator.current = self._job = Job(self.work(context))
        except LikenessError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(TICK, window=context.window)
        context.window_manager.progress_begin(0, 100)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        job = self._job
        if event.type == "ESC" and event.value == "PRESS":
            job.cancelled.set()
        elif event.type != "TIMER":
            return {"PASS_THROUGH"}
        if job.running:
            self._show(context, job)
            return {"RUNNING_MODAL"}
        self._end(context)
        try:
            self.finish(context, job.result())
        except Cancelled:
            self.report({"INFO"}, f"{self.bl_label}: cancelled.")
            return {"CANCELLED"}
        except LikenessError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Called by Blender when it takes the operator away: a new file is loaded, the window is closed."""
        self._job.cancelled.set()
        self._end(context)

    def _show(self, context: bpy.types.Context, job: Job) -> None:
        stage = "Cancelling" if job.cancelled.is_set() else labels.stage(job.stage)
        context.workspace.status_text_set(f"{self.bl_label}: {stage} {job.fraction:.0%}   |   Esc: cancel")
        context.window_manager.progress_update(int(100 * job.fraction))
        redraw(context)

    def _end(self, context: bpy.types.Context) -> None:
        JobOperator.current = None
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.progress_end()
        for workspace in bpy.data.workspaces:  # the user may have gone to another since
            workspace.status_text_set(None)
        redraw(context)


class FileJobOperator(JobOperator):
    """Mixin of jobs that begin with a file: the one that `filepath` names, or one chosen in the file browser."""

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})

    @property
    def file(self) -> Path:
        return Path(bpy.path.abspath(self.filepath))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self.filepath:
            return self.start(context)
        self._asked = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class DialogJobOperator(JobOperator):
    """Mixin of jobs that begin with a dialog of the operator's properties."""

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self._asked = True
        return context.window_manager.invoke_props_dialog(self)


def redraw(context: bpy.types.Context) -> None:
    """Have every 3D view drawn again."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
