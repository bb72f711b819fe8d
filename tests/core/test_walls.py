"""What may import what, read from the source: nothing is imported to find out."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLENDER = {"bpy", "bmesh", "mathutils", "gpu", "gpu_extras", "blf", "bpy_extras", "addon_utils", "idprop"}
ROOMS = (
    {"errors", "version", "tensors", "weights", "registry", "avatar"},
    {"parametric"},
    {"implicit"},
    {"geometry"},
    {"rendering"},
    {"bodies"},
    {"capture"},
    {"engine"},
    {"training"},
    {"evaluation"},
    {"cli"},
)
"""From the bottom to the top: a room imports itself and those below it."""

SOURCES = sorted(path for folder in ("core", "blender_addon") for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> tuple[str, ...]:
    """core/engine/client.py -> ("core", "engine", "client"); a package is named by its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


MODULES = {name_of(path): path for path in SOURCES}


def imports(path: Path, *, lazy: bool) -> Iterator[tuple[str, ...]]:
    """What a file imports, as names from the repository's root or as ("", package) from elsewhere.

    `lazy` includes the imports inside functions; `if TYPE_CHECKING:` is never executed and never included.
    """
    package = name_of(path) if path.name == "__init__.py" else name_of(path)[:-1]
    todo: list[ast.AST] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (("", alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield "", str(node.module).partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            base = (*package[: len(package) - node.level + 1], *(node.module.split(".") if node.module else ()))
            yield from ((*base, alias.name) if (*base, alias.name) in MODULES else base for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
        elif lazy or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_within_likeness_are_relative(path: Path) -> None:
    """`bl_ext.user_default.likeness` and `likeness` are the same files."""
    assert ("", "likeness") not in imports(path, lazy=True)


def test_core_never_imports_bpy() -> None:
    guilty = {
        str(path.relative_to(ROOT)): name
        for path in SOURCES
        for name in imports(path, lazy=True)
        if name_of(path)[0] == "core" and (name[1] in BLENDER or name[0] == "blender_addon")
    }
    assert not guilty


def test_blender_needs_nothing_but_numpy() -> None:
    """Follows what the add-on imports into core: Blender ships numpy, and torch belongs to the engine."""
    allowed = BLENDER | {"numpy"} | set(sys.stdlib_module_names)
    todo = [(path, True) for path in SOURCES if name_of(path)[0] == "blender_addon"]
    seen: set[Path] = set()
    guilty = []
    while todo:
        path, lazy = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imports(path, lazy=lazy):
            if name[0] == "" and name[1] not in allowed:
                guilty.append(f"{path.relative_to(ROOT)} imports {name[1]}")
            # importing a module imports the packages that it lies in
            parents = [MODULES[name[:i]] for i in range(1, len(name) + 1) if name[:i] in MODULES]
            todo += [(parent, name_of(parent)[0] == "blender_addon") for parent in parents]
    assert not guilty


def test_lower_rooms_never_import_higher_ones() -> None:
    rank = {room: i for i, rooms in enumerate(ROOMS) for room in rooms}
    guilty = []
    for path in SOURCES:
        source = name_of(path)
        if source[0] != "core" or len(source) == 1:
            continue
        for name in imports(path, lazy=True):
            if name[0] == "core" and len(name) > 1 and rank[name[1]] > rank[source[1]]:
                guilty.append(f"{'.'.join(source)} imports {'.'.join(name)}")
    assert not guilty


def test_no_file_names_a_place_on_someones_machine() -> None:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout")
    pattern = re.compile(rb"(?<![\w.:/-])/(home|root|Users|work)/\w")
    guilty = [
        name
        for name in listing.stdout.splitlines()
        if Path(name).suffix not in (".png", ".safetensors", ".npz") and (ROOT / name).is_file()
        if pattern.search((ROOT / name).read_bytes())
    ]
    assert not guilty
