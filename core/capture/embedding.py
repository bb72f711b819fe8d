"""Where the landmarks lie on the head: the learned correspondence between the detector's points and our surface."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import EngineError
from ..parametric.head import HeadModel
from ..tensors import load_tensors
from ..weights import weights_path
from .landmarks import COUNT, IRISES
from .observation import STUDIO, Observation, focal_at, upright_frame
from .points import PointModel


def fingerprint(model: HeadModel) -> str:
    """SHA-256 of the model's mean head: an embedding is of use on the one it was learned on only."""
    return hashlib.sha256(np.ascontiguousarray(model.v_template, np.float32).tobytes()).hexdigest()


@dataclass(frozen=True)
class LandmarkEmbedding:
    """Surface points of the 478 landmarks, of the tracks along which the outline slides, and how far to trust them."""

    model: HeadModel
    vertices: np.ndarray
    """[478, 3] int32 head model vertices round each landmark."""
    barycentric: np.ndarray
    """[478, 3] float32."""
    offset: np.ndarray
    """[478, 3] float32 metres: what the detector means, away from the surface point."""
    precision: np.ndarray
    """[478, 2, 2] float32: square root of each landmark's inverse covariance, in units of the inter-ocular distance
    and the axes of the upright face; zero where a landmark is not used."""
    outline: np.ndarray
    """[C] int32 landmarks that lie on the outline."""
    track_vertices: np.ndarray
    """[C, K, 3] int32: from each outline landmark towards the nose."""
    track_barycentric: np.ndarray
    """[C, K, 3] float32."""

    @classmethod
    def load(cls, model: HeadModel, path: Path | None = None) -> "LandmarkEmbedding":
        """Read the embedding that was learned on `model`, by default the one in the weights folder.

        Raises EngineError when it is missing, damaged or of another model.
        """
        path = path or weights_path("landmarks")
        tensors, metadata = load_tensors(path)
        if metadata.get("head") != fingerprint(model):
            raise EngineError(f"{path.name} belongs to another head model; reinstall Likeness.")
        try:
            return cls(model, **tensors)
        except TypeError as error:
            raise EngineError(f"{path.name} is not of this version; reinstall Likeness.") from error

    @cached_property
    def points(self) -> PointModel:
        """The landmarks, then the points of all tracks in row order: `[478 + C K]`."""
        track_offset = np.repeat(self.offset[self.outline], self.track_vertices.shape[1], axis=0)
        return PointModel.of(
            self.model,
            np.concatenate([self.vertices, self.track_vertices.reshape(-1, 3)]),
            np.concatenate([self.barycentric, self.track_barycentric.reshape(-1, 3)]),
            np.concatenate([self.offset, track_offset]),
        )

    def observe(self, landmarks: np.ndarray, size: tuple[int, int], focal: float | None = None) -> Observation:
        """What `landmarks` `[478, 2]` in a photo of `size` (width, height) pixels show; `focal` in pixels if known."""
        landmarks = landmarks.astype(np.float64)
        frame = upright_frame(*landmarks[list(IRISES)])
        focal = focal or focal_at(STUDIO, frame)
        return Observation(landmarks, self.precision, frame, size, focal, self.points, self.visible)

    def visible(self, projected: np.ndarray) -> np.ndarray:
        """`[478]` indices into `points` of the landmarks as seen, given all points' `projected` `[478 + C K, 2]`.

        An outline landmark is the point of its track that lies furthest out in the image: itself on a face seen from
        the front, one nearer to the nose where the head turns away.
        """
        index = np.arange(COUNT)
        center = projected[:COUNT].mean(0)
        outward = projected[self.outline] - center
        outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
        tracks = projected[COUNT:].reshape(*self.track_vertices.shape[:2], 2)
        tracks = np.concatenate([projected[self.outline][:, None], tracks], 1)
        furthest = np.einsum("ckx,cx->ck", tracks, outward).argmax(1)
        on_track = COUNT + np.arange(len(self.outline)) * (tracks.shape[1] - 1) + furthest - 1
        index[self.outline] = np.where(furthest == 0, self.outline, on_track)
        return index
