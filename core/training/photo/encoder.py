"""Recipe `encoder`: the code of a face, learned on synthetic portraits with their truth and on real ones without.

DECA's coarse stage (Feng et al., SIGGRAPH 2021, section 4.1) on features of a trunk that is not trained any more, and
so are computed once: of two views of each synthetic portrait, and of six of each real one.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ...capture.coarse_net import CoarseNet, load_coarse_net
from ...capture.embedding import LandmarkEmbedding
from ...capture.encoder import Encoder, EncoderConfig, encoder_metadata, encoder_tensors
from ...capture.face_code import FaceCode, anchor_of, mirror_map
from ...parametric.albedo_basis import AlbedoBasis
from ...parametric.head import HeadModel
from ...weights import FOLDER, weights_path
from ..implicit.trainer import Losses, Outcome, Schedule, cache_folder, train
from ..publish import publish
from .coarse_net import DATA, LICENCE, PORTRAITS, TESTED, as_input
from .coded_points import CodedLandmarks, CodedSkin
from .coded_portraits import CodedPortraits, dense_coded_points
from .encoder_losses import (
    LIDS,
    LIPS,
    WEIGHTS,
    angles,
    camera_loss,
    expression_loss,
    gap_loss,
    grey_loss,
    identity_loss,
    landmark_loss,
    light_loss,
    photometric_loss,
    points_loss,
    prior_loss,
    shape_loss,
    symmetry_loss,
    turn_loss,
)
from .identity import aligned_gram
from .portrait_views import VIEWS, PortraitViews
from .shards import PortraitSet

SYNTHETIC, REAL = 96, 8
"""Views, and portraits of two views each, in a step."""
SCHEDULE = Schedule(2000, 1e-3, muon=2.0, warmup=100, weight_decay=0.05, average=0.99)


@dataclass(frozen=True)
class HeldOut:
    """How an encoder does on synthetic portraits of others, and the mean head in its place."""

    shape_mm: float
    """Root mean square distance of the neutral faces' vertices, aligned."""
    shape_mm_mean_head: float
    turn_deg: float
    """Median of the geodesic distance."""


def train_encoder(data: Path, out: Path = FOLDER, seed: int = 0) -> None:
    """Learn the encoder on `data`, for the trunk in the weights folder; write `encoder.safetensors` and its card to
    `out`.

    Raises InputError when `data` lacks something, EngineError without the weights of CoarseNet.
    """
    run, model = Fabric(accelerator="auto", devices=1, precision="32-true"), HeadModel.load()
    trunk, cache = load_coarse_net(model, str(run.device)), cache_folder() / "photo"
    views = PortraitViews.load(data, cache)
    torch.manual_seed(seed)
    teacher, encoder = Teacher(model, AlbedoBasis.load()), Encoder(EncoderConfig(trunk.config.points)).to(run.device)
    rng, mirror = np.random.default_rng(seed), teacher.get_buffer("mirror").double().numpy()
    portraits = PortraitSet.load(data, cache, "train", PORTRAITS)
    lessons = CodedPortraits.of(portraits, trunk, encoder, model, mirror, rng)
    standardise(encoder, lessons, model)
    outcome = fit(encoder, teacher.to(run.device), lessons, RealLessons.of(views, trunk, encoder), run, seed)
    test = CodedPortraits.of(PortraitSet.load(data, cache, "test", TESTED), trunk, encoder, model, mirror)
    card = {
        "recipe": "likeness train encoder",
        "data": f"{PORTRAITS} {DATA}; {len(views)} official portraits (public domain)",
        "licence": LICENCE,
        "training": asdict(outcome),
        "held_out": {k: round(v, 3) for k, v in asdict(held_out(encoder, teacher, test)).items()},
    }
    metadata = encoder_metadata(encoder, model, weights_path("coarse_net"))
    publish("encoder", out, encoder_tensors(encoder), card, metadata)


@dataclass(frozen=True)
class RealLessons:
    """Views of real portraits and what the trunk sees in them."""

    views: PortraitViews
    inputs: Tensor
    """[S, K, D]."""

    @classmethod
    @torch.no_grad()
    def of(cls, views: PortraitViews, trunk: CoarseNet, encoder: Encoder) -> "RealLessons":
        """With features by `trunk`."""
        device = trunk.mean.device
        return cls(views, torch.stack([encoder.inputs(trunk, as_input(p, device)).cpu() for p in views.pixels]))


class Teacher(nn.Module):
    """The losses, and what they need of the head."""

    def __init__(self, model: HeadModel, basis: AlbedoBasis) -> None:
        super().__init__()
        self.dense, self.skin = dense_coded_points(model), CodedSkin(model, basis)
        self.landmarks = CodedLandmarks(LandmarkEmbedding.load(model))
        self.register_buffer("gram", torch.tensor(aligned_gram(model), dtype=torch.float32))
        self.register_buffer("mirror", torch.tensor(mirror_map(model, basis), dtype=torch.float32))
        self.register_buffer("normals", self.skin.normals(self.skin.points.get_buffer("template")[None])[0])

    def mirrored(self, code: FaceCode) -> FaceCode:
        """The codes of the mirror images."""
        return FaceCode.split(code.values @ self.get_buffer("mirror"))

    def synthetic(self, code: FaceCode, truth: FaceCode, seen: Tensor, anchor: Tensor) -> Losses:
        """Of portraits with `truth`, whose dense points are `seen` `[B, P, 2]`."""
        return {
            "shape": shape_loss(code, truth, self.get_buffer("gram")),
            "expression": expression_loss(code, truth, self.dense),
            "turn": turn_loss(code, truth),
            "camera": camera_loss(code, truth),
            "points": points_loss(code.project(self.dense(code), anchor), seen),
            "light": light_loss(code, truth, self.get_buffer("normals")),
            "identity": identity_loss(code.beta, truth.beta),
        }

    def real(
        self, plain: FaceCode, flipped: FaceCode, seen: Tensor, pixels: Tensor, bare: Tensor, anchor: Tensor
    ) -> Losses:
        """Of B portraits, each in a `plain` view and in one of its mirror image; `seen` `[2 B, 478, 2]`, `pixels`
        `[2 B, 3, SIDE, SIDE]` and `bare` `[2 B, 1, SIDE, SIDE]` are those of both, the plain ones first.

        Both views' heads are explained twice: by their own shape, and by each other's (DECA's shape consistency).
        """
        own, back = _joined(plain, flipped), self.mirrored(flipped)
        swapped = own._replace(beta=torch.cat([back.beta, self.mirrored(plain).beta]))
        code = _joined(own, swapped)
        seen, pixels, bare = (torch.cat([value, value]) for value in (seen, pixels, bare))
        marks, skin = self.landmarks(code, anchor), self.skin(code)
        return {
            "landmarks": landmark_loss(marks, seen, self.landmarks.get_buffer("trust")),
            "lids": gap_loss(marks, seen, LIDS),
            "lips": gap_loss(marks, seen, LIPS),
            "photometric": photometric_loss(skin, code, code.project(skin.points, anchor), pixels, bare),
            "identity": identity_loss(plain.beta, back.beta),
            "symmetry": symmetry_loss(plain, back),
            "prior": prior_loss(own),
            "grey": grey_loss(own),
        }


def _joined(first: FaceCode, second: FaceCode) -> FaceCode:
    return FaceCode(*(torch.cat(pair) for pair in zip(first, second, strict=True)))


def standardise(encoder: Encoder, lessons: CodedPortraits, model: HeadModel) -> None:
    """Let the encoder start from the mean code, and see its inputs and say its outputs in deviations."""
    deviation, unknown = lessons.truth.std(0), lessons.truth.std(0) == 0
    encoder.mean.copy_(lessons.truth.mean(0))
    encoder.deviation.copy_(torch.where(unknown, 1.0, deviation.clamp(min=0.02)))
    encoder.get_buffer("input_mean").copy_(lessons.inputs.mean(0))
    encoder.get_buffer("input_deviation").copy_(lessons.inputs.std(0).clamp(min=0.02))
    encoder.anchor.copy_(torch.tensor(anchor_of(model)))


def fit(
    encoder: Encoder,
    teacher: Teacher,
    lessons: CodedPortraits,
    real: RealLessons,
    run: Fabric,
    seed: int,
    schedule: Schedule = SCHEDULE,
) -> Outcome:
    """Train `encoder` in place."""
    device = run.device

    def losses(step: int) -> Losses:
        rng = np.random.default_rng([seed, step])
        chosen = rng.integers(len(lessons.inputs), size=SYNTHETIC)
        truth = FaceCode.split(lessons.truth[chosen].to(device))
        told = teacher.synthetic(
            encoder(lessons.inputs[chosen].to(device)), truth, lessons.seen[chosen].to(device), encoder.anchor
        )
        who = np.tile(rng.integers(len(real.views), size=REAL), 2)
        which = 2 * rng.integers(VIEWS // 2, size=2 * REAL) + np.repeat([0, 1], REAL)
        pixels = as_input(real.views.pixels[who, which], device)
        bare = torch.tensor(real.views.skin[who, which]).to(device)[:, None].float() / 255
        seen = torch.tensor(real.views.landmarks[who, which], dtype=torch.float32).to(device)
        code = encoder(real.inputs[who, which].to(device))
        plain, flipped = (FaceCode(*(value[half] for value in code)) for half in (slice(REAL), slice(REAL, None)))
        found = teacher.real(plain, flipped, seen, pixels, bare, encoder.anchor)
        found["identity"] = found["identity"] + told.pop("identity")
        return {name: WEIGHTS[name] * value for name, value in {**told, **found}.items()}

    outcome = train("encoder", encoder, losses, schedule, run)
    encoder.eval()
    return outcome


@torch.no_grad()
def held_out(encoder: Encoder, teacher: Teacher, test: CodedPortraits) -> HeldOut:
    """Measure on `test`."""
    device = encoder.mean.device
    code, truth = encoder(test.inputs.to(device)), FaceCode.split(test.truth.to(device))
    mean = truth._replace(beta=torch.zeros_like(truth.beta))
    gram = teacher.get_buffer("gram")
    return HeldOut(
        float(shape_loss(code, truth, gram).sqrt()),
        float(shape_loss(mean, truth, gram).sqrt()),
        float(torch.rad2deg(angles(code.rotation, truth.rotation).median())),
    )
