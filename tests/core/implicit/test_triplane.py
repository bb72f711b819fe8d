"""The tri-plane backbone: its levels, and its gradients."""

import torch

from likeness.core.implicit.triplane import TriPlane, TriPlaneConfig

BOUNDS = torch.tensor([[-0.2, -0.2, -0.2], [0.2, 0.2, 0.2]])
FACE = torch.tensor([[-0.05, -0.05, 0.0], [0.05, 0.05, 0.1]])
CONFIG = TriPlaneConfig(head_size=8, head_channels=3, face_size=8, face_channels=2, width=16, depth=2, octaves=2)


def triplane() -> TriPlane:
    torch.manual_seed(0)
    made = TriPlane(CONFIG, 5, BOUNDS, FACE)
    torch.nn.init.normal_(made.last.weight, std=0.1)
    return made


def test_an_untrained_tri_plane_warps_nothing() -> None:
    made = TriPlane(CONFIG, 5, BOUNDS, FACE)
    assert not made(torch.rand(2, 10, 3), torch.randn(2, 5)).any()


def test_face_planes_end_softly_at_their_box() -> None:
    made = triplane()
    line = torch.stack([torch.linspace(0.03, 0.06, 600), torch.zeros(600), torch.full((600,), 0.05)], 1)[None]
    features = made.face(line, torch.randn(1, 5))
    assert not features[0, line[0, :, 0] > 0.0501].any()
    assert features.diff(dim=1).abs().max() < 0.05 * features.abs().max()


def test_gradient_to_the_code_agrees_with_differences() -> None:
    made = triplane().double()
    points = 0.1 * (torch.rand(1, 50, 3, dtype=torch.float64) - 0.5)
    z_id = torch.randn(1, 5, dtype=torch.float64, requires_grad=True)
    made.last.forward = lambda features: torch.nn.functional.linear(features, made.last.weight, made.last.bias)
    assert torch.autograd.gradcheck(lambda z: made(points, z), (z_id,), atol=1e-6)


def test_each_head_of_a_batch_has_planes_of_its_own() -> None:
    made = triplane()
    points, z_id = 0.1 * torch.rand(2, 20, 3), torch.randn(2, 5)
    both = made(points, z_id)
    alone = torch.cat([made(points[k : k + 1], z_id[k : k + 1]) for k in range(2)])
    assert torch.allclose(both, alone, atol=1e-6)
