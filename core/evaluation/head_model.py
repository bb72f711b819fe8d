"""Suite `head-model`: how well the open head reproduces its teacher's heads and faces that it was not trained on."""

from pathlib import Path
from typing import Any

import igl
import numpy as np
import scipy.sparse as sparse
from rich.progress import track

from ..parametric.arkit import ARKIT_NAMES, flame_from_arkit
from ..parametric.head import SHAPES, HeadModel
from ..training.ict import VERTICES, IctModel, load_ict, triangles
from ..weights import weights_path

HELD_OUT_SEED = 2**31
"""Recipes draw from small seeds: nothing drawn from this one was trained on."""
HEADS, FACES = 50, 50


def evaluate_head_model(data: Path) -> dict[str, Any]:
    """Distances in mm from the teacher's face vertices to our surface; the mean or neutral head is the baseline."""
    model, ict = HeadModel.load(weights_path("head")), load_ict(data)
    rng = np.random.default_rng(HELD_OUT_SEED)
    surface = _Surface(model)
    figures: dict[str, Any] = {"skin_vertices": int((model.vertex_part == 0).sum())}
    figures |= _identities(model, ict, surface, rng)
    figures |= _expressions(model, ict, surface, rng)
    return figures | _jaw(model, ict, surface)


class _Surface:
    """Our skin as triangles, and distances to it."""

    def __init__(self, model: HeadModel) -> None:
        self.faces = triangles(model.faces[model.face_part == 0].astype(np.int64))

    def distance_mm(self, vertices: np.ndarray, points: np.ndarray) -> np.ndarray:
        squared, *_ = igl.point_mesh_squared_distance(
            points.astype(np.float64), vertices.astype(np.float64), self.faces
        )
        return 1e3 * np.sqrt(squared)


def _summary(name: str, distances: list[np.ndarray]) -> dict[str, float]:
    every = np.concatenate(distances)
    return {f"{name}_median_mm": float(np.median(every)), f"{name}_p95_mm": float(np.percentile(every, 95))}


def _identities(model: HeadModel, ict: IctModel, surface: _Surface, rng: np.random.Generator) -> dict[str, float]:
    """Held-out heads: beta by least squares on corresponding points, then surface distance on the face."""
    chosen = np.flatnonzero((model.vertex_part == 0) & (model.masks["mouth_socket"] + model.masks["eye_sockets"] == 0))
    teacher = _correspondence(model, ict, chosen)
    basis = model.shapedirs[chosen, :, :SHAPES].reshape(-1, SHAPES).astype(np.float64)
    solve = np.linalg.inv(basis.T @ basis) @ basis.T
    face = slice(*VERTICES["face"])
    ours, mean = [], []
    for _ in track(range(HEADS), "Held-out heads"):
        head = ict.neutral + np.tensordot(rng.standard_normal(len(ict.identity)), ict.identity, 1)
        beta = solve @ (teacher @ head - model.v_template[chosen]).ravel()
        ours.append(surface.distance_mm(model.shaped(beta.astype(np.float32)), head[face]))
        mean.append(surface.distance_mm(model.v_template, head[face]))
    return _summary("identity_face", ours) | _summary("identity_face_mean_head", mean)


def _correspondence(model: HeadModel, ict: IctModel, chosen: np.ndarray) -> sparse.csr_matrix:
    """Rows over teacher vertices: where on the teacher's mean skin our mean vertices lie."""
    faces = triangles(ict.quads[:14034])
    points = model.v_template[chosen].astype(np.float64)
    _, face, closest = igl.point_mesh_squared_distance(points, ict.neutral, faces)
    corners = faces[np.asarray(face).ravel()]
    weights = igl.barycentric_coordinates(closest, *(ict.neutral[corners[:, i]].copy() for i in range(3)))
    index = np.repeat(np.arange(len(points)), 3)
    return sparse.csr_matrix((weights.ravel(), (index, corners.ravel())), shape=(len(points), len(ict.neutral)))


def _expressions(model: HeadModel, ict: IctModel, surface: _Surface, rng: np.random.Generator) -> dict[str, float]:
    """Held-out mixtures of ARKit weights through psi, jaw and eyes, against the teacher's linear blend."""
    shapes = _teacher_arkit(ict)
    face = slice(*VERTICES["face"])
    ours, neutral = [], []
    for _ in track(range(FACES), "Held-out faces"):
        weights = rng.random(len(ARKIT_NAMES)) * (rng.random(len(ARKIT_NAMES)) < 0.2)
        weights[ARKIT_NAMES.index("tongueOut")] = 0
        target = ict.neutral + np.tensordot(weights, shapes, 1)
        psi, theta = flame_from_arkit(model, weights)
        beta = np.zeros(SHAPES, np.float32)
        ours.append(surface.distance_mm(model.vertices(beta, psi, theta), target[face]))
        neutral.append(surface.distance_mm(model.v_template, target[face]))
    return _summary("expression_face", ours) | _summary("expression_face_neutral", neutral)


def _teacher_arkit(ict: IctModel) -> np.ndarray:
    """[52, V, 3]: the teacher's shapes under ARKit's names, zero for tongueOut."""
    shapes = np.zeros((len(ARKIT_NAMES), *ict.neutral.shape), np.float32)
    for name, delta in zip(ict.expression_names, ict.expression, strict=True):
        full = name.replace("_L", "Left").replace("_R", "Right")
        shapes[ARKIT_NAMES.index(full if full in ARKIT_NAMES else name[:-2])] += delta
    return shapes


def _jaw(model: HeadModel, ict: IctModel, surface: _Surface) -> dict[str, float]:
    """jawOpen by the jaw's bone: skinning alone and with pose correctives."""
    theta = model.arkit_theta[ARKIT_NAMES.index("jawOpen")]
    target = (ict.neutral + ict.expression[ict.expression_index("jawOpen")])[slice(*VERTICES["face"])]
    shape = np.zeros(SHAPES, np.float32)
    full = model.vertices(shape, np.zeros(model.arkit_psi.shape[1], np.float32), theta)
    bone = model.skinned(shape, theta)

    def rms(vertices: np.ndarray) -> float:
        return float(np.sqrt((surface.distance_mm(vertices, target) ** 2).mean()))

    return {
        "jaw_open_degrees": float(np.degrees(np.linalg.norm(theta))),
        "jaw_open_rms_mm": rms(full),
        "jaw_open_bone_alone_rms_mm": rms(bone),
        "jaw_open_neutral_rms_mm": rms(model.v_template),
    }
