"""The coded head as points that gradients pass through: detector's landmarks, dense points, and the face's skin."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...capture.embedding import LandmarkEmbedding
from ...capture.face_code import FaceCode
from ...parametric.albedo_basis import AlbedoBasis
from ...parametric.head import SHAPES, HeadModel
from ...parametric.lbs import pose_feature, skin
from ...rendering.atlas import texel_coordinates
from ...rendering.lookup import lookup
from ...rendering.rasterise import triangulate
from ...rendering.shading import sh_basis

MESH = 468
"""The detector's landmarks but the irises."""
DARKEST = 0.05
"""Share of the ambient light below which shades do not fall: an expansion to second order can reach below nought."""


class CodedPoints(nn.Module):
    """N points that move with the head's surface."""

    def __init__(
        self, model: HeadModel, vertices: np.ndarray, barycentric: np.ndarray, offset: np.ndarray | float = 0.0
    ) -> None:
        """At `barycentric` `[N, K]` of `vertices` `[N, K]`, plus `offset` `[N, 3]` metres."""
        super().__init__()
        self.parents = model.parents
        blend = lambda values: np.einsum("nk,nk...->n...", barycentric, values[vertices])  # noqa: E731
        correctives = model.posedirs.reshape(len(model.posedirs), -1, 3).swapaxes(0, 1)
        arrays = {
            "template": blend(model.v_template) + offset,
            "dirs": blend(model.shapedirs).reshape(-1, model.shapedirs.shape[-1]).T,
            "correctives": blend(correctives).swapaxes(0, 1).reshape(len(model.posedirs), -1),
            "weights": blend(model.lbs_weights),
            "joints": model.J_regressor @ model.v_template,
            "joint_dirs": np.einsum("jv,vck->kjc", model.J_regressor, model.shapedirs[..., :SHAPES]),
        }
        for name, value in arrays.items():
            self.register_buffer(name, torch.tensor(np.ascontiguousarray(value), dtype=torch.float32))

    def forward(self, code: FaceCode) -> Tensor:
        """Positions `[B, N, 3]` metres in head space."""
        get = self.get_buffer
        theta = code.theta
        flat = torch.cat([code.beta, code.psi], -1) @ get("dirs") + pose_feature(theta) @ get("correctives")
        unposed = get("template") + flat.unflatten(-1, (-1, 3))
        joints = get("joints") + torch.einsum("bk,kjc->bjc", code.beta, get("joint_dirs"))
        return skin(unposed, joints, self.parents, get("weights"), theta)


class CodedLandmarks(nn.Module):
    """The detector's 478 landmarks; those of the outline slide along their tracks."""

    def __init__(self, embedding: LandmarkEmbedding) -> None:
        super().__init__()
        steps = embedding.track_vertices.shape[1]
        offset = np.concatenate([embedding.offset, np.repeat(embedding.offset[embedding.outline], steps, 0)])
        corners = np.concatenate([embedding.vertices, embedding.track_vertices.reshape(-1, 3)])
        barycentric = np.concatenate([embedding.barycentric, embedding.track_barycentric.reshape(-1, 3)])
        self.points = CodedPoints(embedding.model, corners, barycentric, offset)
        self.register_buffer("outline", torch.tensor(embedding.outline.astype(np.int64)))
        used = np.linalg.norm(embedding.precision, axis=(1, 2)).astype(np.float32)
        used[MESH:] = 0  # the gaze is no part of the code
        self.register_buffer("trust", torch.tensor(np.minimum(used / np.median(used[used > 0]), 1)))
        """[478] 0..1."""

    def forward(self, code: FaceCode, anchor: Tensor) -> Tensor:
        """Pixels of the view `[B, 478, 2]`: of an outline's track, the point furthest out (see LandmarkEmbedding)."""
        everything = code.project(self.points(code), anchor)
        marks, outline = everything[:, : len(self.get_buffer("trust"))], self.get_buffer("outline")
        tracks = everything[:, marks.shape[1] :].unflatten(1, (len(outline), -1))
        tracks = torch.cat([marks[:, outline, None], tracks], 2)
        outward = (marks[:, outline] - marks.mean(1, keepdim=True)).detach()
        furthest = torch.einsum("bckx,bcx->bck", tracks.detach(), outward).argmax(2)
        slid = tracks.gather(2, furthest[..., None, None].expand(-1, -1, 1, 2))[:, :, 0]
        return marks.index_copy(1, outline, slid)


@dataclass(frozen=True)
class Skin:
    """The skin of B faces at N points."""

    points: Tensor
    """[B, N, 3] metres."""
    normals: Tensor
    """[B, N, 3]."""
    color: Tensor
    """[B, N, 3] logarithms of linear RGB under the code's light."""


class CodedSkin(nn.Module):
    """The face of the first coarser level of detail, with the albedo basis at its vertices."""

    def __init__(self, model: HeadModel, basis: AlbedoBasis) -> None:
        super().__init__()
        detail = model.details[0]
        face = detail.carry(model.masks["narrow_face"]) > 0.5
        for hidden in ("mouth_socket", "eye_sockets"):
            face &= detail.carry(model.masks[hidden]) < 0.5
        chosen = (detail.face_part == model.parts.index("skin")) & face[detail.faces].all(1)
        index, triangles = np.unique(triangulate(detail.faces[chosen])[0], return_inverse=True)
        uv = np.zeros((len(face), 2), np.float32)
        uv[detail.faces[chosen]] = detail.uv[detail.faces_uv[chosen]]
        places = texel_coordinates(uv[index], basis.size)
        modes = np.stack([lookup(mode, places) for mode in basis.modes * basis.step[:, None, None, None]])
        self.points = CodedPoints(model, detail.source[index], detail.weights[index])
        self.register_buffer("triangles", torch.tensor(triangles.reshape(-1, 3)))
        self.register_buffer("albedo_mean", torch.tensor(lookup(basis.mean, places)))
        self.register_buffer("albedo_modes", torch.tensor(modes).flatten(1))

    def forward(self, code: FaceCode) -> Skin:
        """The skin of B codes."""
        points = self.points(code)
        normals = self.normals(points)
        albedo = self.get_buffer("albedo_mean") + (code.alpha @ self.get_buffer("albedo_modes")).unflatten(-1, (-1, 3))
        return Skin(points, normals, albedo + log_shade(normals, code.harmonics))

    def normals(self, points: Tensor) -> Tensor:
        """Unit normals `[B, N, 3]`."""
        triangles = self.get_buffer("triangles")
        a, b, c = (points[:, corner] for corner in triangles.T)
        around = torch.linalg.cross(b - a, c - a).repeat(1, 3, 1)
        summed = torch.zeros_like(points).index_add(1, triangles.T.flatten(), around)
        return nn.functional.normalize(summed, dim=-1, eps=1e-12)


def log_shade(normals: Tensor, light: Tensor) -> Tensor:
    """Logarithm of the irradiance `[B, N, 3]` at `normals` `[B, N, 3]` or `[N, 3]` in `light` `[B, 9, 3]`."""
    shade = sh_basis(normals) @ light
    least = DARKEST * 0.282095 * light[:, :1].abs() + 1e-4
    return torch.log(torch.maximum(shade, least))
