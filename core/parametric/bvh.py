"""Reads BVH files: a skeleton, and one line of channels a frame.

Any order of rotations, and channels of positions on any joint. What a BVH file does not say: its unit, which the height
of the skeleton tells; and whether positions of joints replace the OFFSET (Blender) or add to it (MakeHuman), which they
tell by what they are near to.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import InputError
from .body_motion import check_rate
from .rotations import matrix_from_euler
from .skeleton_motion import SkeletonMotion

ADULT = 1.7
"""Metres; a unit is taken to be the one that brings the skeleton nearest to this, by ratio."""
UNITS = {
    "metres": 1.0,
    "decimetres": 0.1,
    "centimetres": 0.01,
    "millimetres": 0.001,
    "inches": 0.0254,
    "units of CMU's ASF files": 0.0254 / 0.45,
}
"""Metres in each."""
_LIKELY = 2.0
"""A skeleton that is more than so many times higher or lower than an adult in every unit is in none of them."""
_CHANNEL = re.compile(r"([xyz])(position|rotation)", re.IGNORECASE)


@dataclass
class _Node:
    name: str
    parent: int
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    channels: list[tuple[str, str]] = field(default_factory=list)
    """(axis, "position" or "rotation"), in the order of the file."""


def read_bvh(path: Path | str) -> SkeletonMotion:
    """Read a BVH file of one skeleton. Raises InputError, in one sentence, for what is damaged or is no such file."""
    path = Path(path)
    head, rows = _halves(path)
    nodes = _skeleton(path.name, head)
    fps, values = _frames(path.name, rows, sum(len(node.channels) for node in nodes))
    rest = np.zeros((len(nodes), 3))
    for j, node in enumerate(nodes):
        rest[j] = node.offset + (rest[node.parent] if node.parent >= 0 else np.zeros(3))
    unit, scale, warnings = _unit(path.name, rest)
    rotations, positions = _posed(nodes, values)
    names, parents = tuple(node.name for node in nodes), tuple(node.parent for node in nodes)
    return SkeletonMotion(
        fps, names, parents, rest * scale, rotations, positions * scale, unit, path.name, tuple(warnings)
    )


def _halves(path: Path) -> tuple[list[str], list[str]]:
    """The statements of HIERARCHY and the lines of MOTION."""
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror or 'unknown reason'}).") from error
    if not re.match(r"\s*HIERARCHY\s", text, re.IGNORECASE):
        raise InputError(f"{path.name} is not a BVH file: it does not begin with HIERARCHY.")
    parts = re.split(r"^\s*MOTION\s*$", text, maxsplit=1, flags=re.MULTILINE | re.IGNORECASE)
    if len(parts) < 2:
        raise InputError(f"{path.name} has no MOTION: it is cut off, or holds a skeleton alone.")
    braced = re.sub(r"([{}])", r"\n\1\n", parts[0].strip()[len("HIERARCHY") :])
    return _lines(braced), _lines(parts[1])


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _skeleton(name: str, statements: list[str]) -> list[_Node]:
    """The nodes of HIERARCHY, parents first."""
    nodes: list[_Node] = []
    stack: list[int] = []
    for statement in statements:
        word, *rest = statement.split()
        if word == "{" and nodes:
            stack.append(len(nodes) - 1)
        elif word == "}" and stack:
            stack.pop()
        elif word.upper() in ("ROOT", "JOINT", "END"):
            nodes.append(_node(name, word.upper(), " ".join(rest), nodes, stack))
        elif stack:
            _describe(name, nodes[stack[-1]], word.upper(), rest)
        else:
            raise InputError(f"{name} is damaged: its skeleton has {word[:20]!r} in a wrong place.")
    if stack or not nodes:
        raise InputError(f"{name} is cut off in its skeleton.")
    return nodes


def _node(name: str, kind: str, title: str, nodes: list[_Node], stack: list[int]) -> _Node:
    if kind == "ROOT" and nodes:
        raise InputError(f"{name} has more than one skeleton; save one alone.")
    if (kind == "ROOT") == bool(stack):
        raise InputError(f"{name} is damaged: its skeleton has {kind} {title} in a wrong place.")
    parent = stack[-1] if stack else -1
    return _Node(f"{nodes[parent].name} end" if kind == "END" else title, parent)


def _describe(name: str, node: _Node, word: str, rest: list[str]) -> None:
    """Take in an OFFSET or CHANNELS."""
    matches = [_CHANNEL.fullmatch(each) for each in rest[1:]]
    if word == "OFFSET" and len(rest) == 3:
        x, y, z = _numbers(name, rest)
        node.offset = (x, y, z)
    elif word == "CHANNELS" and rest and rest[0] == str(len(matches)) and all(matches):
        node.channels = [(match[1].lower(), match[2].lower()) for match in matches if match]
    else:
        raise InputError(f"{name} is damaged: its bone {node.name} has {' '.join([word, *rest])[:60]!r}.")


def _numbers(name: str, words: list[str]) -> np.ndarray:
    try:
        values = np.array(words, np.float64)
    except ValueError as error:
        wrong = next(word for word in words if not re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", word, re.IGNORECASE))
        raise InputError(f"{name} has {wrong[:20]!r} where a number belongs.") from error
    if not np.isfinite(values).all():
        raise InputError(f"{name} holds numbers that are not finite (NaN or infinity).")
    return values


def _frames(name: str, lines: list[str], width: int) -> tuple[float, np.ndarray]:
    """Frame rate and channels `[F, width]`."""
    heads = [line.replace(":", " ").split() for line in lines[:2]]
    if len(heads) < 2 or [word.lower() for word in heads[0][:1] + heads[1][:2]] != ["frames", "frame", "time"]:
        raise InputError(f"{name} is cut off or damaged: Frames and Frame Time do not follow MOTION.")
    (count,), (step,) = _numbers(name, heads[0][1:2] or ["-"]), _numbers(name, heads[1][2:3] or ["-"])
    if count < 1:
        raise InputError(f"{name} has no frames.")
    if step <= 0:
        raise InputError(f"{name} has a Frame Time of {step:g} seconds, where more than 0 belongs.")
    rows = [line.split() for line in lines[2 : 2 + int(count)]]
    if len(rows) < count:
        raise InputError(f"{name} is cut off: it has {len(rows)} of its {count:g} frames.")
    if wrong := next((i for i, row in enumerate(rows) if len(row) != width), None):
        raise InputError(f"{name} has {len(rows[wrong])} numbers in frame {wrong + 1}, where {width} belong.")
    fps = check_rate(1 / step, name)
    # 0.0083333 and the like stand for whole rates; 29.97 does not
    fps = float(round(fps)) if abs(fps / round(fps) - 1) < 5e-4 else fps
    return fps, _numbers(name, [word for row in rows for word in row]).reshape(len(rows), -1)


def _unit(name: str, rest: np.ndarray) -> tuple[str, float, list[str]]:
    """The unit by the skeleton's largest extent, its metres, and a warning where none fits."""
    height = float(np.ptp(rest, 0).max())
    if not height > 0:
        raise InputError(f"{name} has a skeleton without extent: all its OFFSETs are zero.")
    unit = min(UNITS, key=lambda each: abs(np.log(height * UNITS[each] / ADULT)))
    if abs(np.log(height * UNITS[unit] / ADULT)) < np.log(_LIKELY):
        return unit, UNITS[unit], []
    note = f"{name} has a skeleton of {height:g}, a person's height in no unit; it was scaled to {ADULT:g} m."
    return "unknown", ADULT / height, [note]


def _posed(nodes: list[_Node], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World rotations `[F, J, 3, 3]` and positions `[F, J, 3]` in the file's unit."""
    rotations, positions = np.zeros((len(values), len(nodes), 3, 3)), np.zeros((len(values), len(nodes), 3))
    start = 0
    for j, node in enumerate(nodes):
        channels = values[:, start : start + len(node.channels)]
        start += len(node.channels)
        turns = [i for i, (_, kind) in enumerate(node.channels) if kind == "rotation"]
        local = matrix_from_euler("".join(node.channels[i][0] for i in turns), np.radians(channels[:, turns]))
        offset = _offsets(node, channels)
        if node.parent < 0:
            rotations[:, j], positions[:, j] = local, offset
        else:
            above = rotations[:, node.parent]
            rotations[:, j] = above @ local
            positions[:, j] = positions[:, node.parent] + (above @ offset[..., None])[..., 0]
    return rotations, positions


def _offsets(node: _Node, channels: np.ndarray) -> np.ndarray:
    """Place from the parent `[F, 3]`."""
    still = np.array(node.offset)
    offset = np.tile(still, (len(channels), 1))
    for i, (axis, kind) in enumerate(node.channels):
        if kind == "position":
            offset[:, "xyz".index(axis)] = channels[:, i]
    usual = np.median(offset, 0)
    if node.parent >= 0 and np.linalg.norm(usual) < np.linalg.norm(usual - still):
        offset += still
    return offset
