"""Heads from latent codes alone: drawn at random, given by sliders, between two others."""

import time
from typing import Any

import torch
from torch import Tensor

from ..avatar import Avatar
from ..implicit.latents import HAIR, IDENTITY, LatentSpace
from ..parametric.head import HeadModel
from ..weights import weights_path
from .appearance import plain_materials
from .implicit_avatar import AUTO, RESOLUTION, Code, ImplicitHead, Progress, implicit_avatar


def coded_head(
    code: Code,
    *,
    name: str,
    model: str = AUTO,
    topology: str = "quads",
    resolution: int = RESOLUTION,
    device: str = "cpu",
    progress: Progress = lambda *_: None,
) -> tuple[Avatar, dict[str, Any]]:
    """The head of a code, and the report: `seconds`, `parameters` and `warnings`. Raises as `ImplicitHead.load`."""
    start = time.perf_counter()
    progress("Loading the model", 0.0)
    head = ImplicitHead.load(model, code, topology, resolution, device)
    parametric = HeadModel.load(weights_path("head"))
    avatar = implicit_avatar(
        head,
        parametric,
        name=name,
        materials=plain_materials(parametric),
        progress=lambda stage, share: progress(stage, 0.1 + 0.9 * share),
    )
    seconds = {"head": round(time.perf_counter() - start, 3)}
    return avatar, {"seconds": seconds, "parameters": avatar.parameters, "warnings": []}


def random_code(seed: int, hair: bool) -> Code:
    """The same head for the same seed."""
    return lambda latents: latents.sample(torch.Generator().manual_seed(seed), hair)[0]


def given_code(values: list[float]) -> Code:
    """A code as it is kept: a whole z_id; identity and hair alone, `[132]`; or a `beta` `[100]`, which is bald."""

    def code(latents: LatentSpace) -> Tensor:
        given = torch.tensor(values, dtype=torch.float32, device=latents.bald.device)
        if given.shape == (IDENTITY,):
            return latents.of_beta(given[None])[0]
        if given.shape == (IDENTITY + HAIR,):
            return latents.extended(given[None])[0]
        return latents.checked(given)[0]

    return code


def mixed_code(first: list[float], second: list[float], factor: float) -> Code:
    """`first` at factor 0, `second` at 1 (see `given_code`), and what lies between (see `LatentSpace.mixed`)."""
    share = min(max(float(factor), 0.0), 1.0)

    def code(latents: LatentSpace) -> Tensor:
        one, other = (given_code(values)(latents)[None] for values in (first, second))
        return latents.mixed(one, other, share)[0]

    return code
