"""Reads safetensors files with numpy alone.

Blender ships numpy but not the safetensors package, and the extension bundles no wheels; the format is a length, a JSON
header and raw little-endian buffers (https://huggingface.co/docs/safetensors). Writing is left to the library itself.
"""

import json
import struct
from pathlib import Path

import numpy as np

from .errors import EngineError

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U8": "|u1",
    "BOOL": "|b1",
}


def load_tensors(path: Path | str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read every tensor and the string metadata of a safetensors file.

    Returns `(tensors, metadata)`; the arrays are read-only views of one buffer.
    Raises EngineError when the file is missing, truncated or not a safetensors file.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        (size,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + size])
        metadata = header.pop("__metadata__", {})
        body = memoryview(data)[8 + size :]
        tensors = {name: _tensor(body, entry) for name, entry in header.items()}
    except OSError as error:
        raise EngineError(
            f"The weights file {path.name} cannot be read ({error.strerror}); reinstall Likeness."
        ) from error
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(f"The weights file {path.name} is damaged; reinstall Likeness.") from error
    return tensors, metadata


def _tensor(body: memoryview, entry: dict) -> np.ndarray:
    begin, end = entry["data_offsets"]
    return np.frombuffer(body[begin:end], dtype=_DTYPES[entry["dtype"]]).reshape(entry["shape"])
