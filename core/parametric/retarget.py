"""Makes a Clip drive our head: FLAME's expression, jaw, neck, eyes and eyelids become ours."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import InputError
from .arkit import ARKIT_NAMES, INDEX
from .clip import LIKENESS, Clip
from .head import HeadModel
from .lbs import rotation_matrix
from .rotations import axis_angle_from_matrix
from .safe_pickle import read_numpy

NECK, JAW = 1, 2
_WIDEST_TURN = 1.2
"""Radians: a head that is turned further than this all the time was filmed in another frame of reference."""


@dataclass(frozen=True)
class FlameTransfer:
    """The linear maps between (psi, jaw rotation) of a user's FLAME model and of ours; `registration` makes them."""

    to_likeness: np.ndarray
    """[103, 53]: 100 FLAME psi and the jaw's axis-angle, to our 50 psi and jaw."""
    to_flame: np.ndarray
    """[53, 103]: back."""

    def likeness(self, psi: np.ndarray, jaw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """FLAME's psi `[T, <= 100]` and jaw `[T, 3]` to ours, `[T, 50]` and `[T, 3]`."""
        return _mapped(self.to_likeness, psi, jaw)

    def flame(self, psi: np.ndarray, jaw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Our psi `[T, 50]` and jaw `[T, 3]` to FLAME's, `[T, 100]` and `[T, 3]`."""
        return _mapped(self.to_flame, psi, jaw)

    def save(self, path: Path | str) -> None:
        np.savez(path, to_likeness=self.to_likeness, to_flame=self.to_flame)

    @classmethod
    def load(cls, path: Path | str) -> "FlameTransfer":
        """Raises InputError for a file that `save` did not write."""
        arrays = read_numpy(path)
        if not isinstance(arrays, dict) or set(arrays) != {"to_likeness", "to_flame"}:
            raise InputError(f"{Path(path).name} is not a FLAME registration; register the FLAME model again.")
        return cls(**arrays)


def retarget(clip: Clip, model: HeadModel, transfer: FlameTransfer | None = None) -> Clip:
    """The clip in terms of our head: ARKit weights, our psi, theta with the root still. Ours already: unchanged.

    The head's rotation in the camera, which trackers write on the root, goes to the neck, so that shoulders stay.
    Eyelids become eyeBlink. FLAME's psi needs `transfer`; without it psi is left out and a warning says so, while jaw,
    neck, eyes and eyelids still drive the head.
    """
    if clip.basis == LIKENESS:
        return clip
    frames, warnings = len(clip), list(clip.warnings)
    theta = np.zeros((frames, len(model.parents), 3), np.float32) if clip.theta is None else clip.theta.copy()
    psi = None
    if clip.psi is not None and transfer is not None:
        psi, theta[:, JAW] = transfer.likeness(clip.psi, theta[:, JAW])
    elif clip.psi is not None:
        warnings.append(
            "The expression (psi) is in FLAME's basis and was left out; choose your FLAME model file to bring it over. "
            "Jaw, neck, eyes and eyelids were used."
        )
    theta[:, NECK], note = _head_on_neck(theta[:, 0], theta[:, NECK])
    theta[:, 0] = 0
    arkit = None
    if clip.eyelids is not None:
        arkit = np.zeros((frames, len(ARKIT_NAMES)), np.float32)
        arkit[:, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = clip.eyelids
    return replace(clip, arkit=arkit, psi=psi, theta=theta, eyelids=None, basis=LIKENESS, warnings=(*warnings, *note))


def _head_on_neck(root: np.ndarray, neck: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Compose root and neck rotations `[T, 3]`, relative to the first frame where the head never faces the camera."""
    rotation = rotation_matrix(root.astype(np.float64))
    note: tuple[str, ...] = ()
    if len(root) and np.median(np.linalg.norm(root, axis=1)) > _WIDEST_TURN:
        rotation = rotation[0].T @ rotation
        note = ("The head does not face the camera in this clip; its turns are taken relative to the first frame.",)
    return axis_angle_from_matrix(rotation @ rotation_matrix(neck.astype(np.float64))), note


def _mapped(matrix: np.ndarray, psi: np.ndarray, jaw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size = len(matrix) - 3
    if psi.shape[1] > size:
        raise InputError(f"The clip has {psi.shape[1]} expression components, more than the {size} of the model.")
    padded = np.zeros((len(psi), len(matrix)), np.float32)
    padded[:, : psi.shape[1]] = psi
    padded[:, size:] = jaw
    mapped = padded @ matrix.astype(np.float32)
    return mapped[:, :-3], mapped[:, -3:]
