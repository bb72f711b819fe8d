"""The coarse fit: from photos of a person to the parameters of the head, and each one's camera and light."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..parametric.head import HeadModel
from ..rendering.camera import Camera
from ..rendering.rasterise import triangulate
from ..rendering.shading import estimate_light, srgb_to_linear, vertex_normals
from .beard import landmark_trust
from .camera_fit import yaw_of
from .embedding import LandmarkEmbedding
from .face_surface import FaceSurface
from .landmark_fit import Evidence, LandmarkFit, fit_landmarks
from .lens import with_lens
from .observation import Observation
from .outline import Outline, outline_vertices, outline_witness, seen_outline
from .photo import Photo
from .photometric import photo_shades, shade_witness
from .points import PointModel
from .refine import refine
from .rest import own_rest
from .shots import Shot
from .skin_tone import SkinTone
from .skull import own_skull

ENOUGH = 400.0
"""Pixels between the eyes beyond which a texture shows no more of a face."""


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


def fit_shots(
    model: HeadModel, embedding: LandmarkEmbedding, tone: SkinTone, shots: Sequence[Shot]
) -> Sequence[LandmarkFit]:
    """Fit one head to the landmarks in photos of one person, then to the shades of the skin and the outline as well."""
    fits = fit_landmarks([observed(embedding, shot) for shot in shots])
    surface, points = FaceSurface.of(model), PointModel.at(model, outline_vertices(model))
    witnesses = [
        (
            shade_witness(surface, tone, photo_shades(shot.photo, shot.masks)),
            outline_witness(points, outline_of(shot, fit)),
        )
        for shot, fit in zip(shots, fits, strict=True)
    ]
    return refine(fits, witnesses)


def outline_of(shot: Shot, fit: LandmarkFit) -> Outline:
    return seen_outline(shot.masks, shot.landmarks, fit.observation.frame)


def own_head(
    model: HeadModel, shots: Sequence[Shot], fits: Sequence[LandmarkFit]
) -> tuple[HeadModel, list[LandmarkFit]]:
    """The `model` with what photos show of one person's skull, ears and resting face beyond its shapes, and the fits of
    that."""
    outlines = [outline_of(*each) for each in zip(shots, fits, strict=True)]
    return own_rest(own_skull(model, outlines, fits), fits)


def fit_known(embedding: LandmarkEmbedding, shot: Shot, beta: np.ndarray) -> LandmarkFit:
    """Fit expression and pose alone to a photo of the head of shape `beta` [100]."""
    return fit_landmarks([observed(embedding, shot)], evidence=[Evidence.known(beta)])[0]


def best_first(shots: Sequence[Shot], fits: Sequence[LandmarkFit]) -> tuple[list[Shot], list[LandmarkFit]]:
    """Both in the order of how well the photos show the face: squared cosine of the yaw, and the square root of the
    pixels between the eyes, up to `ENOUGH`; a face half as large is as good as one that is turned by 33 degrees.
    """

    def merit(k: int) -> float:
        pixels = 1 / float(np.linalg.norm(fits[k].observation.frame[0]))
        return float(np.cos(yaw_of(fits[k].camera)) ** 2 * np.sqrt(min(pixels, ENOUGH)))

    order = sorted(range(len(fits)), key=merit, reverse=True)
    return [shots[k] for k in order], [fits[k] for k in order]


def observed(embedding: LandmarkEmbedding, shot: Shot) -> Observation:
    """The landmarks of a photo as points of the head, through the lens that its file tells or that they tell."""
    height, width = shot.photo.pixels.shape[:2]
    seen = embedding.observe(shot.landmarks, (width, height), shot.photo.focal)
    seen = seen.trusted(landmark_trust(shot.masks, shot.landmarks))
    return seen if shot.photo.focal else with_lens(seen)


def head_fit(model: HeadModel, shot: Shot, fit: LandmarkFit) -> HeadFit:
    """The parameters of the head, and the light in its photo."""
    psi = (fit.arkit @ model.arkit_psi).astype(np.float32)
    theta = np.tensordot(fit.arkit, model.arkit_theta, 1).astype(np.float32)
    beta = fit.beta.astype(np.float32)
    light = estimate_photo_light(model, model.vertices(beta, psi, theta), fit.camera, shot.photo)
    return HeadFit(beta, psi, theta, fit.camera, light, shot.landmarks.astype(np.float32), fit.error)


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
