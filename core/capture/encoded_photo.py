"""A photo's face in code, and the head that the solver can start from."""

from dataclasses import dataclass

import numpy as np
import torch

from ..parametric.arkit import arkit_from_flame
from ..parametric.head import HeadModel
from ..parametric.lbs import rotation_matrix
from ..rendering.camera import Camera
from .coarse_net import SIDE, CoarseNet, load_coarse_net
from .dense_landmarks import first_view, seen_through
from .encoder import Encoder, load_encoder
from .face_code import UNIT, FaceCode
from .landmark_fit import LandmarkFit, as_fit
from .observation import Observation


@dataclass(frozen=True)
class EncodedPhoto:
    """The code of a photo's face."""

    code: FaceCode
    """Numpy, float32, no leading dimensions."""
    view: np.ndarray
    """[2, 3] from the photo's pixels to the network's."""
    anchor: np.ndarray
    """[3] the point of head space round which the code's camera sees."""

    def camera(self, size: tuple[int, int], focal: float) -> Camera:
        """The pinhole camera of the photo, of `size` (width, height) and `focal` in pixels, that sees the anchor where
        the code's does, and in that size."""
        zoom = np.sqrt(np.linalg.det(self.view[:, :2]))
        level = self.view[:, :2] / zoom
        scale, *shift = self.code.camera.astype(np.float64)
        depth = focal * zoom * UNIT / (np.exp(scale) * SIDE / 2)
        seen = np.linalg.solve(self.view[:, :2], SIDE / 2 * (1 + np.array(shift)) - self.view[:, 2])
        center = (size[0] / 2, size[1] / 2)
        ray = np.array([*(seen - center) / focal, 1.0])
        turned = np.eye(3)
        turned[:2, :2] = level.T
        rotation = _towards(ray) @ turned @ self.code.rotation
        return Camera(focal, center, size, rotation, depth * ray - rotation @ self.anchor)


def _towards(ray: np.ndarray) -> np.ndarray:
    """`[3, 3]` the least rotation that takes the optical axis to `ray` `[3]`: aside, one sees another side."""
    aside = np.array([-ray[1], ray[0], 0.0])
    sine = np.linalg.norm(aside)
    return rotation_matrix(aside * (np.arctan2(sine, ray[2]) / max(sine, 1e-12)))


@dataclass(frozen=True)
class PhotoEncoder:
    """Trunk and encoder, and the head that they code."""

    model: HeadModel
    trunk: CoarseNet
    encoder: Encoder

    @classmethod
    def load(cls, model: HeadModel, device: str = "cpu") -> "PhotoEncoder":
        """With the networks in the weights folder. Raises EngineError when they are missing or not of `model`."""
        return cls(model, load_coarse_net(model, device), load_encoder(model, device))

    @torch.no_grad()
    def encode(self, pixels: np.ndarray, landmarks: np.ndarray) -> EncodedPhoto:
        """The code of a photo uint8 [H, W, 3] around the face of the detector's `landmarks` [478, 2]."""
        view = first_view(landmarks)
        image = torch.from_numpy(seen_through(view, pixels)).to(self.encoder.mean.device).float() / 255
        code = self.encoder(self.encoder.inputs(self.trunk, image.movedim(-1, 0)[None].contiguous()))
        return EncodedPhoto(
            FaceCode(*(value[0].cpu().numpy() for value in code)), view, self.encoder.anchor.cpu().numpy()
        )

    def start(self, encoded: EncodedPhoto, observation: Observation) -> LandmarkFit:
        """The coded head as a fit of an `observation` of the same photo, to begin from. The gaze is straight."""
        code = encoded.code
        arkit = arkit_from_flame(self.model, code.psi[None], code.theta[None])[0].astype(np.float64)
        camera = encoded.camera(observation.size, observation.focal)
        return as_fit(code.beta.astype(np.float64), arkit, camera, observation)
