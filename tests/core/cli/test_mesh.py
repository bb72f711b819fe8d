"""`likeness mesh` from outside, on a field whose heads are known: balls of radius 10 cm + 1 cm z_0."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor

from likeness.core import cli
from likeness.core.cli import mesh as command
from likeness.core.errors import UsageError
from likeness.core.implicit.latents import LatentSpace

Run = Callable[..., tuple[int, str]]


class Balls:
    """A field of balls, each with a speck that floats beside it."""

    bounds = torch.tensor([[-0.2, -0.25, -0.2], [0.2, 0.25, 0.2]])
    latents = LatentSpace(torch.zeros(1, 32))
    memory = 1 << 30

    def sdf(self, points: Tensor, z_id: Tensor) -> Tensor:
        if points.shape[1] > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        speck = (points - torch.tensor([0.0, 0.2, 0.0])).norm(dim=-1) - 0.01
        speck = torch.where(z_id[:, :1] < -50, 1.0, speck)
        return torch.minimum(points.norm(dim=-1) - 0.1 - 0.01 * z_id[:, :1], speck)

    def gradient(self, points: Tensor, z_id: Tensor) -> Tensor:
        return 2 * points


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `likeness mesh` with some arguments in an empty folder; returns its exit code and last line."""

    def load(name: str, device: str) -> Balls:
        if name != "npm":
            raise UsageError(f"There is no implicit head {name!r}.")
        return Balls()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "load_head_field", load)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["likeness", "mesh", "--device", "cpu", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return int(end.value.code or 0), (output.out or output.err).strip().rpartition("\n")[2]

    return run


def radius(path: Path) -> float:
    return float(np.linalg.norm(trimesh.load_mesh(path).vertices, axis=1).mean())


@pytest.mark.parametrize(
    ("name", "normals"), [("head.ply", b"float nx"), ("head.obj", b"vn "), ("head.glb", b"NORMAL")]
)
def test_a_closed_mesh_with_normals(run: Run, tmp_path: Path, name: str, normals: bytes) -> None:
    latent = np.zeros(132, np.float32)
    latent[0] = 2
    np.save("latent.npy", latent)
    assert run("npm", "--latent", "latent.npy", "--resolution", "48", "--out", name) == (0, name)
    assert normals in Path(name).read_bytes()
    mesh = trimesh.load_mesh(name)
    mesh.merge_vertices(merge_norm=True, digits_vertex=6)
    assert mesh.is_watertight and mesh.body_count == 1, "the speck is left out"
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.12**3, rel=0.02), "in metres, outside out"


def test_normals_are_those_of_the_field(run: Run) -> None:
    assert run("npm", "--seed", "3", "--resolution", "16", "--out", "head.obj")[0] == 0
    rows = [line.split() for line in Path("head.obj").read_text().splitlines()]
    vertices, normals = (np.array([row[1:] for row in rows if row and row[0] == key], float) for key in ("v", "vn"))
    np.testing.assert_allclose(normals, vertices / np.linalg.norm(vertices, axis=1, keepdims=True), atol=1e-5)


def test_latents_of_every_kind(run: Run) -> None:
    latent = np.zeros(132)
    latent[0] = -1
    np.savez("latent.npz", z_id=latent)
    Path("latent.json").write_text(json.dumps(latent.tolist()))
    Path("report.json").write_text(json.dumps({"parameters": {"z_id": latent.tolist()}}))
    for name in ("latent.npz", "latent.json", "report.json"):
        assert run("npm", "--latent", name, "--resolution", "32", "--out", "head.ply")[0] == 0
        assert radius(Path("head.ply")) == pytest.approx(0.09, abs=1e-3)


def test_a_seed_is_a_head(run: Run) -> None:
    for name, seed in (("a.ply", "7"), ("b.ply", "7"), ("c.ply", "8")):
        assert run("npm", "--seed", seed, "--resolution", "16", "--out", name)[0] == 0
    assert Path("a.ply").read_bytes() == Path("b.ply").read_bytes() != Path("c.ply").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("npm",), 2, "Missing option '--out'"),
        (("npm", "--out", "head.fbx"), 2, "head.fbx is none of .ply, .obj, .glb"),
        (("gan", "--out", "head.ply"), 2, "There is no implicit head 'gan'"),
        (("npm", "--seed", "1", "--latent", "good.json", "--out", "head.ply"), 2, "give one of them"),
        (("npm", "--seed", "-1", "--out", "head.ply"), 2, "--seed"),
        (("npm", "--resolution", "0", "--out", "head.ply"), 3, "The resolution is 0; choose one from 8 to 1024."),
        (("npm", "--resolution", "10000", "--out", "head.ply"), 3, "The resolution is 10000; choose one"),
        (("npm", "--latent", "missing.npy", "--out", "head.ply"), 3, "Cannot read missing.npy (No such file"),
        (("npm", "--latent", "text.json", "--out", "head.ply"), 3, "text.json holds no latent code"),
        (("npm", "--latent", "empty.npy", "--out", "head.ply"), 3, "empty.npy holds no latent code"),
        (("npm", "--latent", "short.json", "--out", "head.ply"), 3, "3 values where this model takes 132"),
        (("npm", "--latent", "nan.json", "--out", "head.ply"), 3, "not finite"),
        (("npm", "--latent", "two.json", "--out", "head.ply"), 3, "2 heads"),
        (("npm", "--latent", "far.json", "--out", "head.ply"), 4, "no surface"),
        (("npm", "--out", "text.json/head.ply"), 3, "text.json"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_nothing_is_written(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    Path("text.json").write_text("a head")
    Path("empty.npy").touch()
    for name, values in {
        "good": [0.0] * 132,
        "short": [0.0] * 3,
        "nan": [float("nan")] * 132,
        "two": [[0.0] * 132] * 2,
        "far": [-100.0] * 132,
    }.items():
        Path(f"{name}.json").write_text(json.dumps(values))
    before = set(tmp_path.iterdir())
    found, line = run(*arguments)
    assert (found, line[:10]) == (code, "likeness: ")
    assert sentence in line
    assert set(tmp_path.iterdir()) == before


def test_little_memory_is_enough_and_none_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Balls, "memory", 3000)
    assert run("npm", "--resolution", "32", "--out", "head.ply")[0] == 0
    monkeypatch.setattr(Balls, "memory", 100)
    code, line = run("npm", "--resolution", "32", "--out", "other.ply")
    assert code == 4 and "memory ran out" in line
    assert not Path("other.ply").exists()
