"""The training loop: what it minimises, that it resumes, and what the objectives add up to."""

from pathlib import Path

import pytest
import torch
from torch import nn

from likeness.core.implicit.mlp import CodeLinear, ExactLinear
from likeness.core.training.implicit import trainer
from likeness.core.training.implicit.discriminator import Discriminator
from likeness.core.training.implicit.normal_maps import SIZE
from likeness.core.training.implicit.trainer import Schedule, fabric, train

SCHEDULE = Schedule(steps=60, lr=1e-2, muon=1.0, warmup=5, average=0.9)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIKENESS_CACHE", str(tmp_path))
    monkeypatch.setattr(trainer, "_EVERY", 20)
    return tmp_path


def module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(CodeLinear(3, 16), nn.SiLU(), nn.Linear(16, 16), nn.SiLU(), ExactLinear(16, 1))


def losses_of(network: nn.Module, stop_at: int = 1 << 30):
    def losses(step: int) -> dict[str, torch.Tensor]:
        if step == stop_at:
            raise KeyboardInterrupt
        points = torch.rand(256, 3, generator=torch.Generator().manual_seed(step))
        return {"error": (network(points)[:, 0] - points.sum(1)).square().mean()}

    return losses


def test_training_lowers_the_loss_and_says_so(cache: Path) -> None:
    network = module()
    before = losses_of(network)(0)["error"].item()
    outcome = train("sum", network, losses_of(network), SCHEDULE, fabric())
    assert losses_of(network)(0)["error"].item() < 0.1 * before
    assert outcome.steps == 60
    assert outcome.losses["error"] < before
    assert not list(cache.rglob("*.pt"))


def test_a_broken_run_goes_on_to_the_same_weights() -> None:
    whole = module()
    train("whole", whole, losses_of(whole), SCHEDULE, fabric())
    broken = module()
    with pytest.raises(KeyboardInterrupt):
        train("broken", broken, losses_of(broken, stop_at=47), SCHEDULE, fabric())
    again = module()
    train("broken", again, losses_of(again), SCHEDULE, fabric())
    for first, second in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.allclose(first, second, atol=1e-6)


def test_the_discriminator_judges_every_map() -> None:
    maps = torch.randn(3, 3, SIZE, SIZE, requires_grad=True)
    verdict = Discriminator(48, channels=4)(maps)
    assert verdict.shape == (3,)
    (slope,) = torch.autograd.grad(verdict.sum(), maps)
    assert (slope.flatten(1).norm(dim=1) > 0).all()
