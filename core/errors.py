"""What can go wrong, as the user reads it: one clear sentence and an exit code (design, section 7)."""


class LikenessError(Exception):
    """Base of every error a user may see; `str(error)` is one sentence that says what happened and what to do."""

    exit_code = 4


class UsageError(LikenessError):
    """The command or option itself is wrong."""

    exit_code = 2


class InputError(LikenessError):
    """The file or value given cannot be used."""

    exit_code = 3


class EngineError(LikenessError):
    """The engine failed: it died, was never set up, or its weights are missing or corrupt."""

    exit_code = 4


class OutOfMemory(EngineError):
    """The memory ran out, and smaller pieces did not help."""


class Cancelled(LikenessError):
    """The user cancelled the job."""

    exit_code = 4
