"""Suite `coarse-net`: heads from single pictures, by optimisation, by networks at once, and by both.

The solver fits the detector's sparse landmarks or CoarseNet's dense points; CoarseNet tells a shape in one pass, for
which the solver finds pose and expression; the encoder, where it has been trained, codes all of it, and the solver can
start from that code. On held-out synthetic portraits, whose people's skins and lights no training
has seen, every shape is known. Real portraits have none: there the heads are asked to explain landmarks and shades.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track

from ..capture.camera_fit import yaw_of
from ..capture.coarse_net import SIDE, CoarseNet
from ..capture.dense_landmarks import DenseDetector, dense_landmarks
from ..capture.embedding import LandmarkEmbedding
from ..capture.encoded_photo import PhotoEncoder
from ..capture.face_surface import FaceSurface
from ..capture.landmark_fit import Evidence, LandmarkFit, as_fit, fit_landmarks
from ..capture.landmarks import detect_landmarks
from ..capture.observation import Observation
from ..capture.photo import Photo, load_photo
from ..capture.photometric import explain, photo_shades, sample
from ..capture.segmentation import segment
from ..capture.skin_tone import SkinTone
from ..errors import InputError
from ..parametric.head import SHAPES, HeadModel
from ..training.implicit.trainer import cache_folder
from ..training.photo.shards import PortraitSet
from ..training.portraits import HELD_OUT, portrait_paths
from ..weights import FOLDER, weights_path
from .synthetic import shape_error_mm

PORTRAITS = 200
PASSES = 50
FRONTAL = np.radians(25)
"""Yaw up to which a face counts as seen from the front."""
ENLARGED = 3
"""Times that pictures are enlarged, since the sparse detector wants larger faces."""

Method = Callable[[Photo, np.ndarray], LandmarkFit]
"""From a photo and the sparse landmarks [478, 2] in it to a head."""


def evaluate_coarse_net(data: Path) -> dict[str, Any]:
    """Tables by method. Raises InputError when `data` lacks something, EngineError without CoarseNet's weights."""
    model = HeadModel.load(weights_path("head"))
    embedding = LandmarkEmbedding.load(model)
    detector = DenseDetector.load(model)
    tested = methods(embedding, detector)
    if (FOLDER / "encoder.safetensors").is_file():
        tested |= encoder_methods(embedding, detector, PhotoEncoder.load(model))
    portraits = PortraitSet.load(data, cache_folder() / "photo", "test", PORTRAITS)
    return {
        "seconds a pass of CoarseNet": pass_seconds(detector.net),
        "synthetic portraits": synthetic_table(model, portraits, tested),
        "real portraits": real_table(portrait_paths(data)[::HELD_OUT], embedding, tested),
    }


@torch.no_grad()
def pass_seconds(net: CoarseNet) -> float:
    """Median of many passes over one picture."""
    pixels, seconds = torch.rand(1, 3, SIDE, SIDE, device=net.mean.device), []
    for _ in range(PASSES):
        start = time.perf_counter()
        net(pixels).points.cpu()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def methods(embedding: LandmarkEmbedding, detector: DenseDetector) -> dict[str, Method]:
    """What makes a head of a photo and its sparse landmarks, by name."""

    def told(photo: Photo, marks: np.ndarray) -> LandmarkFit:
        shape = Evidence.known(dense_landmarks(detector.net, detector.dense, photo.pixels, marks).beta)
        return fit_landmarks([_sparse(embedding, photo, marks)], evidence=[shape])[0]

    return {
        "FaceMesh + solver": lambda photo, marks: fit_landmarks([_sparse(embedding, photo, marks)])[0],
        "CoarseNet's points + solver": lambda photo, marks: fit_landmarks([_dense(detector, photo, marks)])[0],
        "CoarseNet's shape": told,
    }


def encoder_methods(embedding: LandmarkEmbedding, detector: DenseDetector, encoder: PhotoEncoder) -> dict[str, Method]:
    """Those that need the encoder."""

    def coded(photo: Photo, marks: np.ndarray, seen: Observation) -> LandmarkFit:
        return encoder.start(encoder.encode(photo.pixels, marks), seen)

    def both(photo: Photo, marks: np.ndarray) -> LandmarkFit:
        seen = _dense(detector, photo, marks)
        return fit_landmarks([seen], starts=[coded(photo, marks, seen)])[0]

    return {
        "encoder": lambda photo, marks: coded(photo, marks, _sparse(embedding, photo, marks)),
        "encoder + CoarseNet's points + solver": both,
    }


def synthetic_table(model: HeadModel, portraits: PortraitSet, tested: dict[str, Method]) -> dict[str, dict[str, float]]:
    """Shape errors in millimetres over the pictures in which the sparse detector finds a face, and of the mean head."""
    errors: dict[str, list[float]] = {"mean head": [], **{name: [] for name in tested}}
    seconds: dict[str, list[float]] = {name: [] for name in tested}
    yaw = []
    for index in track(range(len(portraits)), "Synthetic portraits"):
        truth, camera = portraits.portraits.beta[index], portraits.portraits.camera[index]
        pixels = np.kron(portraits.portraits.pixels[index], np.ones((ENLARGED, ENLARGED, 1), np.uint8))
        photo = Photo(pixels, "portrait", focal=float(camera[0]) * ENLARGED)
        try:
            landmarks = detect_landmarks(photo)
        except InputError:
            continue
        for name, method in tested.items():
            start = time.perf_counter()
            fit = method(photo, landmarks)
            seconds[name].append(time.perf_counter() - start)
            errors[name].append(shape_error_mm(model, fit.beta, truth))
        errors["mean head"].append(shape_error_mm(model, np.zeros(SHAPES), truth))
        yaw.append(abs(np.arcsin(np.clip(camera[3:12].reshape(3, 3)[2, 0], -1, 1))))
    frontal = np.array(yaw) < FRONTAL
    return {
        name: {
            "pictures": len(frontal),
            "mean_mm": float(np.mean(values)),
            "p90_mm": float(np.percentile(values, 90)),
            "frontal_mm": float(np.array(values)[frontal].mean()),
            "turned_mm": float(np.array(values)[~frontal].mean()),
            **({"seconds_s": float(np.median(seconds[name]))} if name in seconds else {}),
        }
        for name, values in errors.items()
    }


def real_table(
    paths: list[Path], embedding: LandmarkEmbedding, tested: dict[str, Method]
) -> dict[str, dict[str, float]]:
    """How well each method's heads explain the sparse landmarks and the shades of the portraits at `paths`, how alike
    they are, and the seconds that they take. What explains the landmarks best was fitted to them."""
    surface, tone = FaceSurface.of(embedding.model), SkinTone.load(embedding.model)
    fits: dict[str, list[LandmarkFit]] = {name: [] for name in tested}
    shades_error: dict[str, list[float]] = {name: [] for name in tested}
    seconds: dict[str, list[float]] = {name: [] for name in tested}
    for path in track(paths, "Held-out portraits"):
        photo = load_photo(path)
        try:
            landmarks = detect_landmarks(photo)
        except InputError:
            continue
        shades, seen = photo_shades(photo, segment(photo.pixels, landmarks)), _sparse(embedding, photo, landmarks)
        for name, method in tested.items():
            start = time.perf_counter()
            fit = method(photo, landmarks)
            seconds[name].append(time.perf_counter() - start)
            fits[name].append(as_fit(fit.beta, fit.arkit, fit.camera, seen))
            shades_error[name].append(explain(sample(surface, shades, fit), tone, surface.bare.sum()).error)
    return {
        name: {
            "photos": len(found),
            "landmarks_iod_median": float(np.median([fit.error for fit in found])),
            "log_luminance_rms": float(np.median(shades_error[name])),
            "seconds_s": float(np.median(seconds[name])),
            **_variety(found),
        }
        for name, found in fits.items()
    }


def _variety(fits: list[LandmarkFit]) -> dict[str, float]:
    beta = np.array([fit.beta for fit in fits])
    norm = float(np.linalg.norm(beta, axis=1).mean())
    return {
        "beta_norm": norm,
        "mean_beta_share": float(np.linalg.norm(beta.mean(0)) / norm),
        "yaw_deg": float(np.degrees(np.mean([abs(yaw_of(fit.camera)) for fit in fits]))),
    }


def _sparse(embedding: LandmarkEmbedding, photo: Photo, landmarks: np.ndarray) -> Observation:
    height, width = photo.pixels.shape[:2]
    return embedding.observe(landmarks, (width, height), photo.focal)


def _dense(detector: DenseDetector, photo: Photo, marks: np.ndarray) -> Observation:
    return detector.observe(photo.pixels, marks, photo.focal)
