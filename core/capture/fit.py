"""The coarse fit: from a photo to the parameters of the head, its camera and its light."""

from dataclasses import dataclass

import numpy as np

from ..parametric.head import HeadModel
from ..rendering.camera import Camera
from ..rendering.rasterise import triangulate
from ..rendering.shading import estimate_light, srgb_to_linear, vertex_normals
from .beard import landmark_trust
from .embedding import LandmarkEmbedding
from .face_surface import FaceSurface
from .landmark_fit import fit_landmarks
from .photo import Photo
from .photometric import photo_shades, refine
from .segmentation import Masks
from .skin_tone import SkinTone


@dataclass(frozen=True)
class HeadFit:
    """What the coarse fit found; float32. The head as posed is `model.vertices(beta, psi, theta)`."""

    beta: np.ndarray
    """[100] shape."""
    psi: np.ndarray
    """[50] expression."""
    theta: np.ndarray
    """[5, 3] axis-angle; the root's is zero: the head's pose is the camera's."""
    camera: Camera
    """Head space to the upright photo's pixels."""
    light: np.ndarray
    """[9, 3] second-order SH in head space, linear RGB, with the skin's mean albedo in it."""
    landmarks: np.ndarray
    """[478, 2] pixels, as detected."""
    error: float
    """Mean distance between detected and projected landmarks, over the distance between the irises: 468 of the face,
    those of the outline where the head's outline is, and the two iris centres."""


def fit_head(
    model: HeadModel, embedding: LandmarkEmbedding, tone: SkinTone, photo: Photo, masks: Masks, landmarks: np.ndarray
) -> HeadFit:
    """Fit the head to a photo and the `landmarks` `[478, 2]` detected in it, then to the shades of its skin as well."""
    height, width = photo.pixels.shape[:2]
    embedding = embedding.trusted(landmark_trust(masks, landmarks))
    fit = fit_landmarks(embedding, landmarks, (width, height), photo.focal)
    fit = refine(embedding, FaceSurface.of(model), tone, photo_shades(photo, masks), fit)
    psi = (fit.arkit @ model.arkit_psi).astype(np.float32)
    theta = np.tensordot(fit.arkit, model.arkit_theta, 1).astype(np.float32)
    beta = fit.beta.astype(np.float32)
    light = estimate_photo_light(model, model.vertices(beta, psi, theta), fit.camera, photo)
    return HeadFit(beta, psi, theta, fit.camera, light, landmarks.astype(np.float32), fit.error)


def estimate_photo_light(model: HeadModel, vertices: np.ndarray, camera: Camera, photo: Photo) -> np.ndarray:
    """The light `[9, 3]` on the posed `vertices` of the narrow face, which is taken to have one albedo."""
    skin = model.faces[model.face_part == model.parts.index("skin")]
    normals = vertex_normals(vertices, triangulate(skin)[0])
    eye = -camera.rotation.T @ camera.translation
    towards = eye - vertices
    facing = (normals * towards).sum(1) / np.linalg.norm(towards, axis=1)
    x, y = np.floor(camera.project(vertices)[:, :2].T).astype(int)
    height, width = photo.pixels.shape[:2]
    seen = (facing > 0.2) & (x >= 0) & (y >= 0) & (x < width) & (y < height) & (model.masks["narrow_face"] > 0.5)
    colors = srgb_to_linear(photo.pixels[y[seen], x[seen]] / 255.0)
    return estimate_light(normals[seen], colors, facing[seen])
