"""Writing weights and their card."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from ..version import VERSION


def publish(
    name: str, out: Path, tensors: dict[str, np.ndarray], card: dict[str, Any], metadata: dict[str, str] | None = None
) -> None:
    """Write `out/<name>.safetensors` and its card `out/<name>.json`, which gains name, version, shapes and SHA-256."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.safetensors"
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, path, metadata)
    described = {key: f"{value.dtype} {list(value.shape)}" for key, value in tensors.items()}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    content = {"name": name, "version": VERSION, **card, "sha256": digest, "tensors": described}
    (out / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
