"""The tri-plane fields: their levels, and their gradients."""

import torch

from likeness.core.implicit.latents import HAIR, IDENTITY
from likeness.core.implicit.triplane import TriPlane, TriPlaneConfig, TriPlaneHair

BOUNDS = torch.tensor([[-0.2, -0.2, -0.2], [0.2, 0.2, 0.2]])
FACE = torch.tensor([[-0.05, -0.05, 0.0], [0.05, 0.05, 0.1]])
CONFIG = TriPlaneConfig(8, 3, 8, 2, width=16, hair_size=8, hair_channels=2, hair_width=16, octaves=2)
SIZE = IDENTITY + HAIR


def triplane() -> TriPlane:
    torch.manual_seed(0)
    made = TriPlane(CONFIG, BOUNDS, FACE)
    torch.nn.init.normal_(made.decoder.last.weight, std=0.1)
    return made


def test_an_untrained_tri_plane_warps_nothing() -> None:
    made = TriPlane(CONFIG, BOUNDS, FACE)
    assert not made(torch.rand(2, 10, 3), torch.randn(2, SIZE)).any()


def test_face_planes_end_softly_at_their_box() -> None:
    made = triplane()
    line = torch.stack([torch.linspace(0.03, 0.06, 600), torch.zeros(600), torch.full((600,), 0.05)], 1)[None]
    features = made.face(line, torch.randn(1, IDENTITY))
    assert not features[0, line[0, :, 0] > 0.0501].any()
    assert features.diff(dim=1).abs().max() < 0.05 * features.abs().max()


def test_gradient_to_the_code_agrees_with_differences() -> None:
    made = triplane().double()
    points = 0.1 * (torch.rand(1, 50, 3, dtype=torch.float64) - 0.5)
    z_id = torch.randn(1, IDENTITY, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: made(points, z), (z_id,), atol=1e-6)


def test_each_head_of_a_batch_has_planes_of_its_own() -> None:
    made = triplane()
    points, z_id = 0.1 * torch.rand(2, 20, 3), torch.randn(2, SIZE)
    both = made(points, z_id)
    alone = torch.cat([made(points[k : k + 1], z_id[k : k + 1]) for k in range(2)])
    assert torch.allclose(both, alone, atol=1e-6)


def test_hair_has_planes_of_its_own_code() -> None:
    torch.manual_seed(0)
    hair = TriPlaneHair(CONFIG, BOUNDS)
    torch.nn.init.normal_(hair.decoder.last.weight)
    points, codes = 0.1 * torch.rand(2, 20, 3), torch.randn(2, HAIR)
    both = hair(points, codes)
    assert both.shape == (2, 20)
    assert torch.allclose(both[1:], hair(points[1:], codes[1:]), atol=1e-6)
    assert not torch.allclose(both[1:], hair(points[1:], codes[:1]), atol=1e-4)
