"""The rows of the tables: what makes a surface of a point cloud."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from ..capture.inversion import Inversion, invert
from ..capture.linear_fit import CANONICAL, HeadSurface, LinearFit, fit_linear
from ..errors import EngineError
from ..geometry.isosurface import Surface, extract, largest_component
from ..geometry.surface_metrics import TriangleMesh
from ..implicit.chunks import in_chunks
from ..implicit.heads import DEFAULT_MODEL, load_head_field
from ..implicit.imavatar import load_imavatar
from ..implicit.template import Template
from ..parametric.arkit import flame_from_arkit
from ..parametric.head import SHAPES, HeadModel
from ..training.implicit.ablation import ablation_folder
from ..weights import weights_path
from .heads_protocol import PointCloud


@dataclass(frozen=True)
class Cost:
    """What a surface took."""

    fitting_seconds: float
    extraction_seconds: float = 0.0
    evaluated_share: float = 0.0
    """Evaluations of the field against those of the dense grid."""


class Method(ABC):
    """One row. The points are in the head's frame; their head is canonical, or in an expression that is not known."""

    identity_parameters: int
    expression_parameters: int
    megabytes: float
    """Of the weights as they are shipped."""

    @abstractmethod
    def fit(self, cloud: PointCloud, resolution: int) -> tuple[TriangleMesh, Cost]:
        """The head that explains the points; the surface of a field has `resolution` cells along its longest side."""


class MeanHead(Method):
    """The template, whatever the points are: what any fit must beat."""

    def __init__(self) -> None:
        template = Template.load(weights_path("head_template"))
        self.identity_parameters = self.expression_parameters = 0
        self.megabytes = 0.0
        self._surface = TriangleMesh(template.vertices, template.triangles)

    def fit(self, cloud: PointCloud, resolution: int) -> tuple[TriangleMesh, Cost]:  # noqa: ARG002
        return self._surface, Cost(0.0)


class LinearModel(Method):
    """The parametric head: 100 shapes and ARKit's 52 expressions, fitted by robust ICP."""

    def __init__(self) -> None:
        model, _ = _linear_model()
        dirs = model.shapedirs
        self.identity_parameters = model.v_template.size + dirs[:, :, :SHAPES].size
        self.expression_parameters = dirs[:, :, SHAPES:].size + model.posedirs.size + model.lbs_weights.size
        self.megabytes = _megabytes(weights_path("head"))

    def fit(self, cloud: PointCloud, resolution: int) -> tuple[TriangleMesh, Cost]:  # noqa: ARG002
        _, skin = _linear_model()
        linear, seconds = _linear_fit(cloud)
        return TriangleMesh(skin.points(linear.beta, linear.arkit), skin.triangles), Cost(seconds)


class ImplicitModel(Method):
    """A field, inverted from where the linear model's fit ends."""

    def __init__(self, name: str, path: Path | None = None) -> None:
        """The shipped field `name`, or the one in the weights file `path`."""
        self.field = load_head_field(name, path=path)
        self.identity_parameters = parameter_count(self.field.backbone) + parameter_count(self.field.hair)
        self.expression_parameters = parameter_count(self.field.expression)
        self.megabytes = _megabytes(path or weights_path(name))
        self.canonical = lru_cache(maxsize=1)(self._canonical)
        """The codes found for a cloud, their surface in the canonical pose, and the cost."""

    def fit(self, cloud: PointCloud, resolution: int) -> tuple[TriangleMesh, Cost]:
        found, surface, cost = self.canonical(cloud, resolution)
        vertices = surface.vertices
        if not cloud.canonical:
            z_ex, z_id = found.z_ex[None], found.z_id[None]
            with torch.no_grad():
                vertices = in_chunks(lambda part: self.field.deform(part[None], z_ex, z_id)[0], vertices)
        return TriangleMesh(vertices.numpy(), surface.triangles.numpy()), cost

    def _canonical(self, cloud: PointCloud, resolution: int) -> tuple[Inversion, Surface, Cost]:
        linear, linear_seconds = _linear_fit(cloud)
        started = time.perf_counter()
        found = self._inverted(cloud, linear)
        inverted = time.perf_counter()
        surface = extract(lambda part: self.field.sdf(part[None], found.z_id[None])[0], self.field.bounds, resolution)
        seconds = time.perf_counter() - inverted
        cost = Cost(linear_seconds + inverted - started, seconds, surface.evaluations / surface.nodes)
        return found, largest_component(surface), cost

    def _inverted(self, cloud: PointCloud, linear: LinearFit) -> Inversion:
        points, normals = torch.from_numpy(cloud.points), torch.from_numpy(cloud.normals)
        beta = torch.from_numpy(linear.beta)
        if cloud.canonical:
            return invert(self.field, points, normals, beta=beta)
        canonical = torch.from_numpy(_linear_model()[1].canonical(linear, cloud.points))
        z_ex = torch.from_numpy(linear.arkit)
        return invert(self.field, points, normals, beta=beta, z_ex=z_ex, canonical=canonical)


class ImavatarModel(Method):
    """The default field's head, moved by I M Avatar's fields: by the psi and theta of the expression found."""

    def __init__(self) -> None:
        self._head = _shipped(DEFAULT_MODEL)
        self._avatar = load_imavatar()
        self.identity_parameters = self._head.identity_parameters
        self.expression_parameters = parameter_count(self._avatar)
        self.megabytes = self._head.megabytes + _megabytes(weights_path("imavatar"))

    def fit(self, cloud: PointCloud, resolution: int) -> tuple[TriangleMesh, Cost]:
        found, surface, cost = self._head.canonical(cloud, resolution)
        head, _ = _linear_model()
        pose = (*flame_from_arkit(head, found.z_ex.numpy()), head.joints(found.z_id[:SHAPES].numpy()))
        psi, theta, joints = (torch.from_numpy(value)[None].float() for value in pose)

        def posed(points: Tensor) -> Tensor:
            template_points = self._head.field.template_points(points[None], found.z_id[None])
            return self._avatar.deform(points[None], psi, theta, joints, template_points)[0]

        with torch.no_grad():
            vertices = in_chunks(posed, surface.vertices)
        return TriangleMesh(vertices.numpy(), surface.triangles.numpy()), cost


MEAN, LINEAR, IMAVATAR = "mean head", "linear", "IMavatar"
_MADE: dict[str, Callable[[], Method]] = {MEAN: MeanHead, LINEAR: LinearModel, IMAVATAR: ImavatarModel}
ABLATION = {
    "3D losses": "3d",
    "+ regularisation": "3d-regularised",
    "2D losses + regularisation": "2d-regularised",
    "2D + 3D losses + regularisation": "full",
}
"""Row -> the tri-plane's weights in the cache, which recipe `triplane-ablation` writes."""


@cache
def load_method(name: str) -> Method:
    """The method of a row, loaded once.

    Raises EngineError when its weights are missing, damaged or of another version.
    """
    if name in ABLATION:
        path = ablation_folder() / f"{ABLATION[name]}.safetensors"
        if not path.is_file():
            raise EngineError(f"The ablation's weights {path.name} are missing; run likeness train triplane-ablation.")
        return ImplicitModel("triplane", path)
    return _MADE[name]() if name in _MADE else _shipped(name)


@cache
def _shipped(name: str) -> ImplicitModel:
    return ImplicitModel(name)


def parameter_count(module: nn.Module) -> int:
    """Numbers that the module learned."""
    return sum(parameter.numel() for parameter in module.parameters())


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6


@cache
def _linear_model() -> tuple[HeadModel, HeadSurface]:
    model = HeadModel.load(weights_path("head"))
    return model, HeadSurface.of(model)


@lru_cache(maxsize=1)
def _linear_fit(cloud: PointCloud) -> tuple[LinearFit, float]:
    """The linear model's fit, from which all fields start, and its seconds."""
    started = time.perf_counter()
    known = CANONICAL if cloud.canonical else None
    fit = fit_linear(_linear_model()[1], cloud.points, cloud.normals, arkit=known, posed=False)
    return fit, time.perf_counter() - started
