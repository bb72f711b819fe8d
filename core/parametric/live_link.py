"""Reads the CSV files of Live Link Face and of other ARKit recorders.

A header of `Timecode,BlendShapeCount`, the 52 blendshapes and nine rotations (radians); one row a frame. Recorders
differ in capitals, in order and in what they leave out, so columns are found by name. The eye rotations are not read:
they say the same as the eyeLook weights.
"""

import csv
import io
import re
from pathlib import Path

import numpy as np

from ..errors import InputError
from .arkit import ARKIT_NAMES, INDEX, canonical_name
from .clip import Clip
from .rotations import axis_angle_from_euler

DEFAULT_FPS = 60.0
"""Live Link Face records at 60 frames a second unless told otherwise."""
_RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 120.0, 240.0)
_HEAD = ("headyaw", "headpitch", "headroll")
_TIMECODE = re.compile(r"^\s*(\d+):(\d+):(\d+)[:;](\d+)(\.\d+)?\s*$")


def read_live_link(path: Path | str) -> Clip:
    """Read ARKit weights and the head's rotation (on the neck joint) from a CSV file.

    Columns that are absent are 0, rows without values are filled from their neighbours; both give a warning.
    Raises InputError, in one sentence, for a file that is not such a table.
    """
    path = Path(path)
    header, rows = _table(path)
    columns = {INDEX[name]: i for i, name in enumerate(map(canonical_name, header)) if name}
    if not columns:
        raise InputError(f"{path.name} has no ARKit columns (eyeBlinkLeft, jawOpen, ...) in its first line.")
    warnings = []
    missing = [name for i, name in enumerate(ARKIT_NAMES) if i not in columns]
    if missing:
        warnings.append(f"{path.name} lacks {len(missing)} of the 52 columns, which stay at 0: {_some(missing)}.")

    lower = [name.strip().lower() for name in header]
    head = [lower.index(name) for name in _HEAD] if set(_HEAD) <= set(lower) else []
    timecodes = [row[lower.index("timecode")] for row in rows] if "timecode" in lower else []
    fps, values, notes = _every_frame(path, _numbers(path, rows, [*columns.values(), *head], header), timecodes)

    arkit = np.zeros((len(values), len(ARKIT_NAMES)), np.float32)
    arkit[:, list(columns)] = values[:, : len(columns)]
    theta = None
    if head:
        yaw, pitch, roll = values[:, len(columns) :].T
        theta = np.zeros((len(values), 5, 3), np.float32)
        theta[:, 1] = axis_angle_from_euler(-pitch, yaw, roll)
    return Clip(fps, arkit=arkit, theta=theta, source=path.name, warnings=(*warnings, *notes))


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        if "\0" in text:
            raise csv.Error("a binary file")
        lines = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} is not a CSV text file.") from error
    if not lines:
        raise InputError(f"{path.name} is empty.")
    header = lines[0]
    rows = [row + [""] * (len(header) - len(row)) for row in lines[1:]]
    if not rows:
        raise InputError(f"{path.name} has a header but no frames.")
    return header, rows


def _numbers(path: Path, rows: list[list[str]], columns: list[int], header: list[str]) -> np.ndarray:
    """`[T, C]` float; NaN where a cell is empty."""
    values = np.full((len(rows), len(columns)), np.nan)
    for t, row in enumerate(rows):
        for c, column in enumerate(columns):
            if not (cell := row[column].strip()):
                continue
            try:
                values[t, c] = float(cell)
            except ValueError as error:
                place = f"column {header[column].strip()} of frame {t + 1}"
                raise InputError(f"{path.name} has {cell[:20]!r} in {place}, where a number belongs.") from error
    values[~np.isfinite(values)] = np.nan
    return values


def _every_frame(path: Path, values: np.ndarray, timecodes: list[str]) -> tuple[float, np.ndarray, list[str]]:
    """Frame rate, values `[T', C]` without gaps, and a warning for each thing that was made up."""
    notes = []
    gaps = (~np.isfinite(values)).any(1)
    if not np.isfinite(values).any():
        raise InputError(f"{path.name} has no frame with values.")
    if gaps.any():
        notes.append(f"{path.name} lacks values in {_frames(int(gaps.sum()))}; they were interpolated.")
    fps, index = _timing(timecodes)
    if fps is None:
        notes.append(f"{path.name} has no usable timecodes; {DEFAULT_FPS:g} frames a second are assumed.")
        fps, index = DEFAULT_FPS, np.arange(len(values))
    dropped = int(index[-1]) + 1 - len(values)
    if dropped > 0:
        notes.append(f"{path.name} lost {_frames(dropped)} while recording; they were interpolated.")
    return fps, _at_every_frame(values, index), notes


def _timing(timecodes: list[str]) -> tuple[float | None, np.ndarray]:
    """Frame rate and `[T]` frame number of each row from `HH:MM:SS:FF.sss`; None where they say nothing usable.

    The rate of the timecode shows where FF starts again at 0, the rate of the rows in their usual distance.
    """
    matches = [m for m in map(_TIMECODE.match, timecodes) if m]
    nothing = None, np.zeros(0)
    if len(matches) < max(len(timecodes), 2):
        return nothing
    second = np.array([int(m[1]) * 3600 + int(m[2]) * 60 + int(m[3]) for m in matches])
    second = second + 86400 * np.cumsum(np.diff(second, prepend=second[0]) < -43200)  # past midnight
    frame = np.array([int(m[4]) + float(m[5] or 0) for m in matches])
    highest = int(frame.max()) + 1
    if second[0] == second[-1]:
        highest = max(highest, int(DEFAULT_FPS))
    rate = next((usual for usual in _RATES if usual >= highest), float(highest))
    position = second * rate + frame
    step = float(np.median(np.diff(position)))
    if step <= 0:
        return nothing
    index = np.round((position - position[0]) / step).astype(int)
    index = np.maximum.accumulate(index)
    if index[-1] >= 2 * len(index):
        return nothing
    fps = rate / step
    return next((usual for usual in _RATES if abs(usual / fps - 1) < 0.02), fps), index


def _at_every_frame(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Interpolate over time what is NaN and the frames that `index` skips: `[T, C]` to `[index[-1] + 1, C]`."""
    known = np.isfinite(values)
    every = np.arange(int(index[-1]) + 1)
    columns = [
        np.interp(every, index[known[:, c]], values[known[:, c], c]) if known[:, c].any() else np.zeros(len(every))
        for c in range(values.shape[1])
    ]
    return np.stack(columns, -1)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _frames(count: int) -> str:
    return f"{count} frame" + "s" * (count != 1)
