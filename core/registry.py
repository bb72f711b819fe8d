"""Named things that the command line runs: a table of name to `module:function`, imported only when it is asked for."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from .errors import UsageError


def find(kind: str, table: Mapping[str, str], name: str, package: str) -> Callable[..., Any]:
    """The function that `table` names, `module:function` within `package`.

    Raises UsageError, naming all of the table, when `name` is not in it.
    """
    if name not in table:
        raise UsageError(f"There is no {kind} {name!r}; there is {', '.join(sorted(table)) or 'none yet'}.")
    module, function = table[name].split(":")
    return getattr(import_module(f".{module}", package), function)
