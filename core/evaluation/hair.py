"""Suite `hair`: whether the hair of captured heads covers what the photo shows of it, and leaves the face free."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from ..avatar import Part
from ..capture.embedding import LandmarkEmbedding
from ..capture.face_crop import SIZE
from ..capture.fit import HeadFit, fit_shots, head_fit, own_head
from ..capture.hair import grow_hair
from ..capture.landmarks import detect_landmarks
from ..capture.photo import load_photo
from ..capture.segmentation import Masks
from ..capture.shots import Shot
from ..capture.skin_tone import SkinTone
from ..errors import InputError
from ..parametric.head import HeadModel
from ..rendering.rasterise import rasterise, triangulate
from ..training.portraits import portrait_paths
from ..weights import weights_path

EVERY = 8
"""Every so many portraits one is measured."""


def evaluate_hair(data: Path) -> dict[str, Any]:
    """Overlap of the drawn hair with the photo's and the share of facial skin it hides, over `data`/portraits."""
    model = HeadModel.load(weights_path("head"))
    embedding, tone = LandmarkEmbedding.load(model), SkinTone.load(model)
    figures, bald = [], 0
    for path in track(portrait_paths(data)[::EVERY], "Hair"):
        photo = load_photo(path)
        try:
            landmarks = detect_landmarks(photo)
        except InputError:
            continue
        shot = Shot(photo, landmarks)
        masks = shot.masks
        own, (landmark_fit,) = own_head(model, [shot], fit_shots(model, embedding, tone, [shot]))
        fit = head_fit(own, shot, landmark_fit)
        grown = grow_hair(own, fit, photo, masks, np.ones(3))
        if grown is None:
            bald += 1
        else:
            part = grown[0]
            figures.append((*hair_overlap(own, fit, masks, part), len(part.faces)))
    overlap, covered, faces = np.array(figures).T
    return {
        "photos": len(figures) + bald,
        "without_hair": bald,
        "silhouette_iou_median": float(np.median(overlap)),
        "silhouette_iou_p10": float(np.percentile(overlap, 10)),
        "skin_covered_mean": float(covered.mean()),
        "skin_covered_p90": float(np.percentile(covered, 90)),
        "triangles_max": int(faces.max()),
    }


def hair_overlap(model: HeadModel, fit: HeadFit, masks: Masks, hair: Part) -> tuple[float, float]:
    """Intersection over union of the hair's mesh, seen by the photo's camera, and the photo's hair down to where the
    head model ends; and the share of the photo's bare skin that the mesh hides.
    """
    assert hair.binding is not None
    assert hair.binding_weights is not None
    posed = model.vertices(fit.beta, fit.psi, fit.theta)
    moved = (posed - model.shaped(fit.beta))[hair.binding]
    vertices = hair.vertices + np.einsum("vk,vkc->vc", hair.binding_weights, moved)
    transform, size = masks.transform, SIZE

    def to_crop(points: np.ndarray) -> np.ndarray:
        projected = fit.camera.project(points)
        return np.concatenate([projected[:, :2] @ transform[:, :2].T + transform[:, 2], projected[:, 2:]], 1)

    bald = to_crop(posed)
    head = rasterise(bald, triangulate(model.faces)[0], size)
    drawn = rasterise(to_crop(vertices), triangulate(hair.faces)[0], size)
    seen = drawn.covered & (drawn.depth < head.depth)
    wanted = (masks.hair > 0.5) & (np.arange(size[1]) < bald[:, 1].max())[:, None]
    skin = masks.skin > 0.5
    return (seen & wanted).sum() / (seen | wanted).sum(), seen[skin].mean()
