"""FineNet: its outputs, its weights, what it is shown of a head, and what becomes of the heights that it tells."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from likeness.core.capture import fine_net
from likeness.core.capture.albedo import skin_triangles
from likeness.core.capture.embedding import fingerprint
from likeness.core.capture.fine_chart import SIZE, WINDOW, ChartFrame, onto_mesh
from likeness.core.capture.fine_net import BOUND, CHANNELS, FineNet, FineNetConfig, fine_net_tensors, load_fine_net
from likeness.core.capture.skin_photo import ReliefBy
from likeness.core.capture.skin_views import SkinView
from likeness.core.capture.texture import Relief, SkinOptions, skin_textures
from likeness.core.errors import EngineError
from likeness.core.evaluation.fine_heads import FineHead, fine_head, relief_height
from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.atlas import Atlas, build_atlas
from likeness.core.rendering.shading import vertex_normals

TINY = FineNetConfig(widths=(8, 8), groups=2)
LIGHT = np.array([2.0, 0.8, 1.0, 0.3, 0, 0, 0, 0, 0], np.float32)


@pytest.fixture(scope="module")
def net() -> FineNet:
    torch.manual_seed(0)
    net = FineNet(TINY).eval()
    torch.nn.init.normal_(net.out.weight, std=3.0)
    return net


@pytest.fixture(scope="module")
def atlas(model: HeadModel) -> Atlas:
    return build_atlas(model, "skin", SIZE)


@pytest.fixture(scope="module")
def frame(model: HeadModel, atlas: Atlas) -> ChartFrame:
    return ChartFrame.of(atlas, model.v_template, vertex_normals(model.v_template, skin_triangles(model)), LIGHT)


@pytest.fixture(scope="module")
def shown(model: HeadModel) -> FineHead:
    return fine_head(model, 0, "glasses")


def write(path: Path, net: FineNet, head: str) -> Path:
    save_file(fine_net_tensors(net), path, {"config": json.dumps(dataclasses.asdict(net.config)), "head": head})
    return path


def found(model: HeadModel, head: FineHead) -> Relief | None:
    view = SkinView(head.vertices, head.camera, head.pixels, head.masks)
    return skin_textures(model, head.vertices, [view], SkinOptions(SIZE, ReliefBy.NETWORK)).relief


def test_heights_are_bounded_and_only_where_skin_is_seen(net: FineNet) -> None:
    seen = torch.randn(2, CHANNELS, 32, 48)
    seen[:, -1] = 1
    seen[:, :, :10] = 0
    heights = net(seen)
    assert heights.shape == (2, 32, 48)
    assert heights.abs().max() <= BOUND
    assert (heights[:, :10] == 0).all()
    assert heights[:, 10:].abs().max() > 0.1


def test_weights_come_back_in_half_precision(net: FineNet, model: HeadModel, tmp_path: Path) -> None:
    loaded = load_fine_net(model, path=write(tmp_path / "net.safetensors", net, fingerprint(model)))
    seen = torch.randn(1, CHANNELS, 16, 16)
    assert torch.allclose(loaded(seen), net(seen), atol=0.02)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_weights_of_another_head_or_version_are_refused(net: FineNet, model: HeadModel, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="another head model"):
        load_fine_net(model, path=write(tmp_path / "net.safetensors", net, "another"))
    save_file(fine_net_tensors(net), tmp_path / "old.safetensors", {"config": "{}", "head": fingerprint(model)})
    with pytest.raises(EngineError, match="not of this version"):
        load_fine_net(model, path=tmp_path / "old.safetensors")


def test_a_heights_gradient_is_the_surfaces(model: HeadModel, atlas: Atlas, frame: ChartFrame) -> None:
    """That of a coordinate is its axis, as far as it lies in the surface."""
    height = atlas.image(atlas.gather(1000 * model.v_template[:, 0]))[WINDOW]
    face = frame.solid & (atlas.image(atlas.gather(model.masks["narrow_face"]))[WINDOW] > 0.99)
    axis = np.array([1.0, 0, 0]) - frame.normals * frame.normals[..., :1]
    off = np.linalg.norm(frame.gradient(height) - axis, axis=-1)[face]
    assert np.median(off) < 0.04
    assert np.quantile(off, 0.9) < 0.2  # the vertices' normals are not the triangles'


def test_light_from_a_side_lightens_what_turns_there(model: HeadModel, atlas: Atlas) -> None:
    side = np.array([2.0, 0, 0, 1.0, 0, 0, 0, 0, 0], np.float32)
    normals = vertex_normals(model.v_template, skin_triangles(model))
    frame = ChartFrame.of(atlas, model.v_template, normals, side)
    facing = frame.solid & (frame.normals[..., 2] > 0.9)
    turned = frame.shade(np.broadcast_to([-0.1, 0.0, 0.0], frame.normals.shape))
    assert (turned[facing] > 0).all()


def test_the_response_is_the_shade_of_a_step(frame: ChartFrame) -> None:
    inner = frame.solid[:-1, :-1]
    columns_and_rows = 0.1 * np.mgrid[: frame.solid.shape[0], : frame.solid.shape[1]][::-1]
    for response, height in zip(frame.response(), columns_and_rows, strict=True):
        made = frame.shade(frame.gradient(height))
        assert np.allclose(0.1 * response[:-1, :-1][inner], made[:-1, :-1][inner], atol=1e-3)


def test_what_is_even_on_the_chart_is_even_on_the_mesh(model: HeadModel, atlas: Atlas) -> None:
    means = onto_mesh(atlas, np.full((len(atlas.texels), 2), 3.0, np.float32))
    assert np.allclose(means[np.unique(atlas.corners)], 3, atol=0.01)
    assert (means[model.vertex_part != model.parts.index("skin")] == 0).all()


def test_heights_are_shared_between_mesh_and_chart(
    model: HeadModel, net: FineNet, shown: FineHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    class Kept(FineNet):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            told.append(super().forward(x))
            return told[-1]

    kept = Kept(TINY).eval()
    kept.load_state_dict(net.state_dict())
    monkeypatch.setattr(fine_net, "load_fine_net", lambda *_: kept.requires_grad_(False))
    relief = found(model, shown)
    assert relief is not None
    atlas = build_atlas(model, "skin", SIZE)
    total = atlas.image(atlas.gather(relief.folds.height) + relief.wrinkles.height)[WINDOW]
    clear = atlas.image(relief.wrinkles.sight)[WINDOW] == 1
    assert np.allclose(1000 * total[clear], told[0][0].numpy()[clear], atol=1e-3)
    still = model.masks["lips"] + model.masks["eyelids"] + model.masks["ears"] + model.masks["eye_sockets"] > 0.99
    assert np.abs(relief.offset[still]).max() == 0
    assert np.abs(relief.folds.height).max() <= BOUND / 1000


def test_the_shipped_network_finds_relief_on_bare_skin_alone(model: HeadModel, shown: FineHead) -> None:
    relief = found(model, shown)
    assert relief is not None
    seen = relief.folds.sight > 0.7
    correlation = np.corrcoef(relief.folds.height[seen], relief_height(shown.vertices, shown.marks)[seen])[0, 1]
    print(f"correlation with the truth {correlation:.2f}")
    assert correlation > 0.15
    glasses = shown.masks.sample("glasses", shown.camera.project(shown.vertices)[:, :2]) > 0.5
    assert np.abs(relief.folds.height[glasses]).max() < 1e-9


@pytest.mark.parametrize("kind", ["noise", "bars"])
def test_bad_photos_make_no_spikes(model: HeadModel, shown: FineHead, kind: str) -> None:
    bad = {
        "noise": np.random.default_rng(0).integers(0, 256, shown.pixels.shape).astype(np.uint8),
        "bars": shown.pixels * (np.arange(shown.pixels.shape[1]) // 20 % 2)[None, :, None].astype(np.uint8),
    }[kind]
    relief = found(model, dataclasses.replace(shown, pixels=bad))
    if relief:
        assert np.isfinite(relief.offset).all()
        assert np.abs(relief.offset).max() <= 2 * BOUND / 1000
