"""Points of a posed head, traced back to the canonical pose, as differentiable functions of z_ex.

Root search and implicit differentiation as in Chen et al., "SNARF", ICCV 2021. As the deformation is linear in z_ex,
root, Jacobian and displacements can be kept for some steps of a fit: near them,

    x = root - J^-1 (root + E(root) (z_ex + rest) - posed)

whose value is that of a Newton step and whose derivative by z_ex is that of the implicit function theorem.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from ..implicit.expression import KEYS
from ..implicit.field import HeadField
from ..implicit.root_search import Residual, correspondence, jacobian, search

_CHUNK = 2500
_CONVERGED = 1e-4
"""Metres: far below what a scan can tell."""


@dataclass(frozen=True)
class CanonicalPoints:
    """P points, each with a root and what holds near it."""

    posed: Tensor
    """[P, 3] metres."""
    normals: Tensor | None
    """[P, 3] outward, in the posed space."""
    root: Tensor
    """[P, 3] in the canonical space."""
    matrix: Tensor
    """[P, 3, 3] J, the derivative of the deformation there (row: component of the posed point)."""
    inverse: Tensor
    """[P, 3, 3] J^-1."""
    basis: Tensor
    """[P, 52, 3] E, the displacements there."""
    found: Tensor
    """[P] bool: whether the root is one."""

    @classmethod
    def of(cls, posed: Tensor, normals: Tensor | None, root: Tensor) -> "CanonicalPoints":
        """Points `[P, 3]` that come from about `root` [P, 3]; untraced, they are in the canonical pose already."""
        unit = torch.eye(3, device=posed.device).expand(len(posed), 3, 3)
        still = posed.new_zeros(len(posed), KEYS, 3)
        return cls(posed, normals, root, unit, unit, still, torch.ones_like(posed[:, 0], dtype=torch.bool))

    def __getitem__(self, rows: Tensor | slice) -> "CanonicalPoints":
        """Some of the points."""
        return replace(self, **{name: value[rows] for name, value in vars(self).items() if value is not None})

    def traced(self, field: HeadField, z_id: Tensor, z_ex: Tensor) -> "CanonicalPoints":
        """The same points with the roots of one head's z_id [D] and z_ex [52], searched from where they are now."""
        parts = []
        for rows in torch.arange(len(self.posed), device=self.posed.device).split(_CHUNK):
            parts.append(self[rows]._traced(field, z_id.detach(), z_ex.detach()))
        joined = {name: torch.cat([getattr(part, name) for part in parts]) for name in _TRACED}
        return replace(self, **joined)

    def _traced(self, field: HeadField, z_id: Tensor, z_ex: Tensor) -> "CanonicalPoints":
        residual = self._residual(field, z_id, z_ex)
        roots = search(residual, self.root[:, None], self.inverse[:, None], converged=_CONVERGED)
        root = roots.points[:, 0]
        rows = torch.arange(len(root), device=root.device)
        matrix = jacobian(residual, root, rows)
        regular = torch.linalg.det(matrix) > 0.05  # where the surface folds over, no inverse is worth having
        matrix = torch.where(regular[:, None, None], matrix, torch.eye(3, device=root.device))
        with torch.no_grad():
            basis = field.expression.basis(field.template_points(root[None], z_id[None]), z_id[None])[0]
        found = roots.converged[:, 0] & regular
        return replace(self, root=root, matrix=matrix, inverse=torch.linalg.inv(matrix), basis=basis, found=found)

    def _residual(self, field: HeadField, z_id: Tensor, z_ex: Tensor) -> Residual:
        return correspondence(lambda x, _: field.deform(x[None], z_ex[None], z_id[None])[0], self.posed)

    def canonical(self, weights: Tensor) -> Tensor:
        """[P, 3] in the canonical space, for `weights` = z_ex + rest [52]."""
        offset = self.root + torch.einsum("nkc,k->nc", self.basis, weights) - self.posed
        return self.root - (self.inverse @ offset[..., None])[..., 0]

    def canonical_normals(self) -> Tensor:
        """[P, 3] the normals carried back to the canonical space, J^T n."""
        assert self.normals is not None
        return functional.normalize((self.matrix.transpose(1, 2) @ self.normals[..., None])[..., 0], dim=1)


_TRACED = ("root", "matrix", "inverse", "basis", "found")
