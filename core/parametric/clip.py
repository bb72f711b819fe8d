"""The animation of a head, whatever file it came from."""

from dataclasses import dataclass, replace

import numpy as np

FLAME, LIKENESS = "flame", "likeness"


def neighbours(frames: int, fps: float, wanted: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each frame at the `wanted` rate: the frames before and after it at `fps`, and its way between them, 0..1."""
    count = max(round((frames - 1) / fps * wanted) + 1, 1)
    times = np.minimum(np.arange(count) * (fps / wanted), frames - 1)
    low = times.astype(int)
    return low, np.minimum(low + 1, frames - 1), times - low


@dataclass(frozen=True)
class Clip:
    """T frames of facial motion. Channels add up; None is a channel that the source does not have."""

    fps: float
    arkit: np.ndarray | None = None
    """[T, 52] float32 weights, 0..1, in the order of `arkit.ARKIT_NAMES`."""
    psi: np.ndarray | None = None
    """[T, K] float32 expression components of `basis`; K is 50 when the basis is Likeness' own."""
    theta: np.ndarray | None = None
    """[T, 5, 3] float32 axis-angle radians of `head.JOINTS`: root, neck, jaw, left eye, right eye."""
    eyelids: np.ndarray | None = None
    """[T, 2] float32 left and right eyelid, 0 open to 1 closed (SMIRK, metrical-tracker)."""
    basis: str = LIKENESS
    """Whose expression basis `psi` is in: 'likeness', or 'flame' before `retarget`."""
    source: str = ""
    """Where it came from: a file's name."""
    warnings: tuple[str, ...] = ()
    """One sentence each, for the user."""

    def __len__(self) -> int:
        """Number of frames."""
        return next((len(c) for c in (self.arkit, self.psi, self.theta, self.eyelids) if c is not None), 0)

    @property
    def seconds(self) -> float:
        return max(len(self) - 1, 0) / self.fps

    def resampled(self, fps: float) -> "Clip":
        """The same motion at another frame rate, linear between frames."""
        if len(self) == 0:
            return replace(self, fps=fps)
        low, high, share = neighbours(len(self), self.fps, fps)

        def channel(values: np.ndarray | None) -> np.ndarray | None:
            if values is None:
                return values
            part = share.reshape(-1, *[1] * (values.ndim - 1))
            return (values[low] * (1 - part) + values[high] * part).astype(np.float32)

        return replace(
            self,
            fps=fps,
            arkit=channel(self.arkit),
            psi=channel(self.psi),
            theta=channel(self.theta),
            eyelids=channel(self.eyelids),
        )
