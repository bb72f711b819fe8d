"""The Avatar: what capture makes and Blender builds.

Plain arrays and strings, no torch, no bpy. One file on disk: an `.npz` (no pickles) whose arrays carry the geometry
and the textures and whose `meta` entry carries everything else as JSON.

Conventions: metres, radians, float32, right-handed, +Y up, +Z out of the face.
"""

import json
import os
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError

FORMAT = 2
"""Version of the file layout; a reader refuses files of a later one."""


@dataclass(frozen=True)
class Joint:
    """One joint of the armature: `head` is its rest position, `parent` the name of its parent or None for the root."""

    name: str
    parent: str | None
    head: np.ndarray
    """[3] metres."""
    tail: np.ndarray
    """[3] metres."""


@dataclass(frozen=True)
class Material:
    """A metallic-roughness material; textures are encoded image files (PNG or JPEG bytes), None where there is none."""

    name: str
    color: tuple[float, float, float, float] = (0.8, 0.8, 0.8, 1.0)
    """Linear base colour and opacity, multiplied with nothing; of a `color_texture` it is the mean."""
    color_texture: bytes | None = None
    """sRGB image; its alpha channel is opacity when `alpha` is not 'opaque'."""
    normal_texture: bytes | None = None
    """Tangent-space normal map, OpenGL convention (+Y)."""
    roughness: float = 0.5
    roughness_texture: bytes | None = None
    specular: float = 0.5
    """Reflectance at normal incidence, 0..1 for 0..8 %."""
    subsurface: float = 0.0
    """Weight of subsurface scattering, 0..1."""
    alpha: str = "opaque"
    """'opaque', 'clip' or 'blend'."""
    double_sided: bool = False


@dataclass(frozen=True)
class Corrective:
    """When a shape key that makes up for plain skinning is on: its value follows from how far a joint has turned.

    The value is linear in the joint's rotation R from rest, as pose correctives are: the sum of `feature` * (R - I),
    kept between 0 and 1.
    """

    joint: str
    feature: np.ndarray
    """[3, 3], in the axes of the Avatar."""

    @classmethod
    def of_turn(cls, joint: str, rotation: np.ndarray, order: int = 1) -> "Corrective":
        """On turns by t about the axis of `rotation` [3] its value is sin t / sin t1 (order 1) or (1 - cos t) /
        (1 - cos t1) (order 2), t1 the length of `rotation`; for it R - I = sin t K + (1 - cos t) K^2 (Rodrigues).
        """
        angle = np.linalg.norm(rotation)
        x, y, z = np.asarray(rotation) / angle
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        feature = cross / np.sin(angle) if order == 1 else cross @ cross / (1 - np.cos(angle))
        return cls(joint, (feature / 2).astype(np.float32))

    def value(self, rotation: np.ndarray) -> np.ndarray:
        """The key's value `[...]` at rotations `[..., 3, 3]`."""
        return np.clip(((rotation - np.eye(3)) * self.feature).sum((-1, -2)), 0, 1)


@dataclass(frozen=True)
class Part:
    """One piece of geometry (skin, eye_left, teeth_upper, hair, ...), neutral and with the identity baked in."""

    name: str
    vertices: np.ndarray
    """[V, 3] metres."""
    faces: np.ndarray
    """[F, 4] int32, counter-clockwise from outside; triangles repeat their last index."""
    uv: np.ndarray
    """[T, 2]."""
    faces_uv: np.ndarray
    """[F, 4] int32 into `uv`, same repetition as `faces`."""
    face_material: np.ndarray
    """[F] int32 into the Avatar's materials."""
    weights: np.ndarray
    """[V, J] float32, rows sum to 1, columns in the order of the Avatar's joints."""
    keys: dict[str, np.ndarray] = field(default_factory=dict)
    """Shape key name -> [V, 3] displacement from `vertices` at value 1."""
    correctives: dict[str, np.ndarray] = field(default_factory=dict)
    """Name of one of the Avatar's correctives -> [V, 3] displacement at value 1, before skinning."""
    model_vertices: np.ndarray | None = None
    """[V] int32 index of each vertex in the model, None for a part that is not of the model (hair)."""
    binding: np.ndarray | None = None
    """[V, 3] int32 model vertices that carry a vertex which is not of the model, with `binding_weights`."""
    binding_weights: np.ndarray | None = None
    """[V, 3] float32, rows sum to 1."""


@dataclass(frozen=True)
class Avatar:
    """A head or a body, ready to be built in Blender. See the module's docstring for units and axes."""

    name: str
    joints: list[Joint]
    parts: list[Part]
    materials: list[Material]
    kind: str = "head"
    """'head' or 'body'."""
    joint_names: str = ""
    """Whose names a body's joints have, one of `parametric.joint_names.JOINT_NAMES`; a head's are the model's own."""
    correctives: dict[str, Corrective] = field(default_factory=dict)
    """Shape key name -> what drives it; their displacements are the parts'."""
    parameters: dict[str, list[float]] = field(default_factory=dict)
    """`beta`, `psi`, `theta` (axis-angle, 3 values per FLAME joint), `camera`, `light`..., flat lists.
    `psi` and `theta` are those of the photo; the geometry itself is neutral."""
    source: str = ""
    """File name (no folder) of the photo or scan."""
    model: str = ""
    """SHA-256 of the model's weights file, so that identity can be rebuilt."""
    implicit: str = ""
    """The implicit head that it is a surface of, 'npm', 'nphm' or 'triplane'; its code and its extraction's resolution
    are the parameters `z_id` and `resolution`. Empty for a head of the parametric model alone."""
    topology: str = "quads"
    """'quads': the head model's own; 'implicit': the surface as it was extracted."""
    version: str = ""
    """Version of Likeness that made it."""
    images: dict[str, bytes] = field(default_factory=dict)
    """Further encoded images, such as `photo`: the upright, cropped input, for previews."""

    def part(self, name: str) -> Part:
        """The part of that name. Raises KeyError."""
        return {part.name: part for part in self.parts}[name]

    def save(self, path: Path | str) -> None:
        """Write the one file; it appears whole or not at all."""
        path = Path(path)
        arrays: dict[str, np.ndarray] = {}
        meta = {"format": FORMAT, "avatar": _encode(self, "avatar", arrays)}
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with unfinished.open("wb") as stream:
                np.savez_compressed(stream, meta=np.array(json.dumps(meta)), **arrays)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path | str) -> "Avatar":
        """Read a file that `save` wrote. Raises InputError when it is none, or of a version that cannot be read."""
        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}
            meta = json.loads(str(arrays.pop("meta")))
            newer = meta["format"] > FORMAT
            fields_ = {} if newer else _decode(meta["avatar"], arrays)
        except Exception as error:  # numpy, zip and JSON each have their own ways to refuse a damaged file
            raise InputError(f"{path.name} is not a Likeness avatar file.") from error
        if newer:
            raise InputError(f"{path.name} was made by a newer Likeness; update Likeness to open it.")
        try:
            return cls(
                **{
                    **fields_,
                    "joints": [Joint(**joint) for joint in fields_["joints"]],
                    "parts": [Part(**part) for part in fields_["parts"]],
                    "correctives": {name: _corrective(c) for name, c in fields_.get("correctives", {}).items()},
                    "materials": [Material(**{**m, "color": tuple(m["color"])}) for m in fields_["materials"]],
                }
            )
        except (KeyError, TypeError) as error:
            raise InputError(f"{path.name} was made by an older Likeness; make it again.") from error


def _corrective(stored: dict[str, Any]) -> Corrective:
    """Of its fields; files of format 1 have the turn."""
    return Corrective.of_turn(**stored) if "rotation" in stored else Corrective(**stored)


def _encode(value: Any, key: str, arrays: dict[str, np.ndarray]) -> Any:
    """JSON for `value`; arrays and bytes go into `arrays` and leave a reference behind."""
    if is_dataclass(value):
        return {f.name: _encode(getattr(value, f.name), f"{key}/{f.name}", arrays) for f in fields(value)}
    if isinstance(value, dict):
        return {name: _encode(item, f"{key}/{name}", arrays) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(item, f"{key}/{i}", arrays) for i, item in enumerate(value)]
    if isinstance(value, bytes):
        arrays[key] = np.frombuffer(value, np.uint8)
        return {"$bytes": key}
    if isinstance(value, np.ndarray):
        arrays[key] = value
        return {"$array": key}
    return value


def _decode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The inverse of `_encode`, with dataclasses left as dictionaries of their fields."""
    if isinstance(value, dict):
        if "$bytes" in value:
            return arrays[value["$bytes"]].tobytes()
        if "$array" in value:
            return arrays[value["$array"]]
        return {name: _decode(item, arrays) for name, item in value.items()}
    if isinstance(value, list):
        return [_decode(item, arrays) for item in value]
    return value
