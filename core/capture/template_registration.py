"""The head model's vertices on an implicit head: the quads that artists animate, on the field's surface.

NPHM registers FLAME to its scans so (Giebenhain et al., CVPR 2023): a parametric fit, then as-rigid-as-possible
deformation. Here neither needs a search: the identity code is the parametric fit, and the field itself says which of
its points corresponds to which vertex.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ..geometry.arap import AsRigidAsPossible
from ..geometry.borders import boundary_edges
from ..geometry.closest import edge_distance
from ..implicit.field import CANONICAL_JAW, HeadField
from ..implicit.latents import IDENTITY
from ..parametric.arkit import INDEX
from ..parametric.head import HeadModel
from .albedo import skin_triangles
from .head_points import counterparts, onto, skin_distance

ON_TEMPLATE = 2e-4
"""Metres: skin of the model farther from the field's template has no counterpart on it, as behind the eyes."""
STIFFNESS = 0.3
"""Of the skin between its targets: enough that the field's ripples under the size of a few quads are smoothed."""
RIM = 0.012
"""Metres from the neck's edge within which the field, which rounds it off, is not believed."""
ROUNDS = 2
"""How often the skin is put back onto the surface that it was drawn to, and smoothed."""
FIRM = (
    ("left_eye", "left_cornea"),
    ("right_eye", "right_cornea"),
    ("teeth_upper", "gums_upper"),
    ("teeth_lower", "gums_lower", "tongue"),
)
"""Parts that keep their shape, and those they keep together with."""


@dataclass(frozen=True)
class Registration:
    """The head model on an implicit head."""

    beta: np.ndarray
    """[100]."""
    offset: np.ndarray
    """[Vm, 3] metres, what the surface has beyond the parametric head of shape `beta`; every part's vertices."""
    canonical: np.ndarray
    """[S, 3] the skin in the canonical pose."""


def register_template(field: HeadField, z_id: Tensor, model: HeadModel) -> Registration:
    """Move the vertices of `model` onto the skin of the head `z_id` `[D]` of the field.

    Eyes, teeth, gums and tongue move as wholes with the skin about them, the lashes with the lids.
    """
    beta = z_id[:IDENTITY].cpu().numpy().astype(np.float32)
    skin = model.vertex_part == 0
    start = canonical_vertices(model, beta)[skin]
    mean = torch.from_numpy(mean_skin(model)).to(z_id)
    closing = closing_skin(model)[skin]
    believed = (field.template(mean).abs() < ON_TEMPLATE).cpu().numpy() & (model.masks["mouth_socket"][skin] < 0.5)
    triangles = skin_triangles(model)
    believed &= edge_distance(start, start, boundary_edges(triangles)) > RIM
    surface = AsRigidAsPossible(start, triangles, believed | (closing >= 0), STIFFNESS)
    distance, corners = skin_distance(field, z_id), torch.from_numpy(triangles)
    with torch.no_grad():
        targets = counterparts(field, z_id, mean, torch.from_numpy(start).to(z_id)).cpu().numpy()
        vertices = surface.towards(_together(start, targets, closing), rounds=6)
        for _ in range(ROUNDS):
            targets = onto(distance, torch.from_numpy(vertices).to(z_id), corners).cpu().numpy()
            vertices = surface.towards(_together(start, targets, closing), vertices)
    vertices = vertices.astype(np.float32)
    return Registration(beta, _every_part(model, beta, vertices - start), vertices)


def canonical_vertices(model: HeadModel, beta: np.ndarray) -> np.ndarray:
    """The model's vertices `[Vm, 3]` of shape `beta` [100] in the canonical pose of the implicit heads."""
    neutral, jaw = model.shaped(beta), INDEX["jawOpen"]
    opened = model.vertices(beta, model.arkit_psi[jaw], model.arkit_theta[jaw])
    return (neutral + CANONICAL_JAW * (opened - neutral)).astype(np.float32)


def mean_skin(model: HeadModel) -> np.ndarray:
    """[S, 3] the skin of the mean head in the canonical pose: where template points lie on the model."""
    return canonical_vertices(model, np.zeros(IDENTITY, np.float32))[model.vertex_part == 0]


def closing_skin(model: HeadModel) -> np.ndarray:
    """[Vm] what must meet its like: 0 lips, 1 left lids, 2 right lids, -1 the rest."""
    left = model.v_template[:, 0] > 0
    groups = np.where(model.masks["eyelids"] > 0.5, np.where(left, 1, 2), -1)
    return np.where(model.masks["lips"] > 0.5, 0, groups)


def _together(start: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The targets [S, 3], but each of the `groups` [S] moved as a whole from its `start` [S, 3].

    Edges of lips and lids are finer than the field's grid, which rounds them off: each by itself, they would not meet.
    """
    targets = targets.copy()
    for group in range(groups.max() + 1):
        members = groups == group
        targets[members] = start[members] + (targets - start)[members].mean(0)
    return targets


def _every_part(model: HeadModel, beta: np.ndarray, skin_offset: np.ndarray) -> np.ndarray:
    """[Vm, 3] the offset of all parts from that of the skin `[S, 3]`."""
    vertices = model.shaped(beta)
    skin = model.vertex_part == 0
    _, nearest = cKDTree(vertices[skin]).query(vertices)
    offset = skin_offset[nearest]
    for group in FIRM:
        members = np.isin(model.vertex_part, [model.parts.index(part) for part in group])
        offset[members] = offset[members].mean(0)
    return offset.astype(np.float32)
