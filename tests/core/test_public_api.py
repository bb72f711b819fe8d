"""The names and signatures that others build on, compared with a committed list.

A change of `public_api.txt` is a change that users notice. To accept one:

    python tests/core/test_public_api.py > tests/core/public_api.txt
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PUBLIC = (
    "avatar",
    "bodies/avatar",
    "bodies/motion",
    "capture/pipeline",
    "engine/client",
    "engine/protocol",
    "engine/setup",
    "errors",
    "parametric/animation",
    "parametric/arkit",
    "parametric/body",
    "parametric/body_motion",
    "parametric/clip",
    "parametric/flame_export",
    "parametric/flame_files",
    "parametric/head",
    "parametric/lbs",
    "parametric/skinned_model",
    "parametric/smpl_files",
    "parametric/smpl_joints",
    "tensors",
    "version",
    "weights",
)
"""Modules of core that a script may import."""


def names(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    """The public functions, classes, methods, fields and constants of a module or class, with their signatures."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
            yield f"{prefix}.{node.name}({ast.unparse(node.args)}){returns}"
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield f"{prefix}.{node.name}({', '.join(map(ast.unparse, node.bases))})"
            yield from names(node.body, f"{prefix}.{node.name}")
        elif isinstance(node, ast.AnnAssign) and not ast.unparse(node.target).startswith("_"):
            yield f"{prefix}.{ast.unparse(node.target)}: {ast.unparse(node.annotation)}"
        elif isinstance(node, ast.Assign):
            targets = ast.walk(ast.Tuple(node.targets))
            found = (name.id for name in targets if isinstance(name, ast.Name) and not name.id.startswith("_"))
            yield from (f"{prefix}.{name}" for name in found if name != "__all__")


def snapshot() -> str:
    lines = [
        line
        for module in PUBLIC
        for line in names(
            ast.parse((ROOT / "core" / f"{module}.py").read_text(encoding="utf-8")).body,
            f"likeness.core.{module.replace('/', '.')}",
        )
    ]
    return "\n".join(sorted(lines)) + "\n"


def test_the_public_api_is_the_committed_one() -> None:
    assert snapshot().splitlines() == (HERE / "public_api.txt").read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    sys.stdout.write(snapshot())
