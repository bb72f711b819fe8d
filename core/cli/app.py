"""The commands, their options, and how they end.

Exit codes: 0 done; 2 wrong usage; 3 input that cannot be used; 4 the engine failed; each but 0 with one sentence on the
standard error.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from ..errors import LikenessError, UsageError
from ..version import VERSION
from ..weights import FOLDER

app = typer.Typer(add_completion=False, help="A photo becomes a detailed, animatable head, a seed a body.")
FORMATS = ("glb", "fbx", "blend", "npz")

Data = Annotated[Path, typer.Option(help="Folder of the data.", exists=True, file_okay=False)]
Name = Annotated[str, typer.Argument(help="Its name; a wrong one lists them.", show_default=False)]


class Device(StrEnum):
    """What torch computes on; auto takes CUDA where there is one."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Topology(StrEnum):
    """The mesh of a head: quads is the template made for animation, implicit the surface as it is extracted."""

    quads = "quads"
    implicit = "implicit"


class Maps(StrEnum):
    """Texels along a side of the skin's maps."""

    one = "1k"
    two = "2k"
    four = "4k"

    @property
    def texels(self) -> int:
        return 1024 * int(self.value[0])


class ImplicitModel(StrEnum):
    """The implicit heads; auto takes the one that measures best, and for quads of a photo none."""

    auto = "auto"
    npm = "npm"
    nphm = "nphm"
    triplane = "triplane"


class JointNames(StrEnum):
    """The names of a body's bones."""

    smpl = "smpl"
    mixamo = "mixamo"
    unreal = "unreal"
    vrm = "vrm"


@app.command()
def head(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Photos of one person.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for what is made.")],
    face: Annotated[int | None, typer.Option(min=1, help="Which face in each photo, 1 the largest.")] = None,
    topology: Annotated[Topology, typer.Option(help="The mesh of the head.")] = Topology.quads,
    model: Annotated[
        ImplicitModel, typer.Option(help="Implicit head to go through; with quads, auto goes through none.")
    ] = ImplicitModel.auto,
    resolution: Annotated[int, typer.Option(help="Cells along the longest side of an implicit head's box.")] = 256,
    formats: Annotated[str, typer.Option(help="What to write, of glb, fbx, blend and npz.")] = "glb,fbx,blend",
    animate: Annotated[str | None, typer.Option(metavar="CLIP|demo", help="Clip to play on the head, or demo.")] = None,
    levels: Annotated[bool, typer.Option("--levels", help="Write levels of detail too: head_lod1, head_lod2.")] = False,
    maps: Annotated[Maps, typer.Option(help="How large the skin's maps are.")] = Maps.two,
    fast: Annotated[bool, typer.Option("--fast", help="Wrinkles and folds by a network, at once.")] = False,
    device: Annotated[Device, typer.Option(help="What to compute on.")] = Device.auto,
) -> None:
    """Make an animatable head of a photo, or of several of one person."""
    from .avatar import make_avatar

    if levels and topology is Topology.implicit:
        raise UsageError("Levels of detail are made of quads; leave out --levels, or use --topology quads.")
    params: dict[str, Any] = {"photos": [str(photo.absolute()) for photo in photos], "face": face}
    params |= {"model": model.value, "topology": topology.value, "resolution": resolution, "device": device.value}
    params |= {"refine": not fast, "texture_size": maps.texels}
    make_avatar("head", "head", params, out, formats=_formats(formats), animate=animate, levels=levels)


@app.command()
def scan(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Point cloud or mesh: .ply, .obj, .stl, .glb.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for what is made.")],
    topology: Annotated[Topology, typer.Option(help="The mesh of the head.")] = Topology.quads,
    model: Annotated[ImplicitModel, typer.Option(help="Implicit head to fit.")] = ImplicitModel.auto,
    resolution: Annotated[int, typer.Option(help="Cells along the longest side of the implicit head's box.")] = 256,
    formats: Annotated[str, typer.Option(help="What to write, of glb, fbx, blend and npz.")] = "glb,fbx,blend",
    animate: Annotated[str | None, typer.Option(metavar="CLIP|demo", help="Clip to play on the head, or demo.")] = None,
    device: Annotated[Device, typer.Option(help="What to compute on.")] = Device.auto,
) -> None:
    """Make an animatable head of a scan, in any pose and unit."""
    from .avatar import make_avatar

    params: dict[str, Any] = {"file": str(file.absolute()), "model": model.value, "topology": topology.value}
    params |= {"resolution": resolution, "device": device.value}
    make_avatar("head", "scan", params, out, formats=_formats(formats), animate=animate)


@app.command()
def body(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for what is made.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of who it is.")] = 0,
    beta: Annotated[
        str | None, typer.Option(metavar="B,B,...", help="Shape in place of the seed's: up to 16 numbers about 0.")
    ] = None,
    sex: Annotated[
        float | None, typer.Option(help="0 a woman's, 1 a man's; else the seed's, as all that follow.")
    ] = None,
    age: Annotated[float | None, typer.Option(help="Years, 8 to 90.")] = None,
    weight: Annotated[float | None, typer.Option(help="0 thin, 0.5 the mean, 1 heavy.")] = None,
    muscle: Annotated[float | None, typer.Option(help="0 slack, 0.5 the mean, 1 muscular.")] = None,
    height: Annotated[float | None, typer.Option(help="Metres.")] = None,
    motion: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Motion to play on the body: .bvh, or .npz of AMASS or SMPL.")
    ] = None,
    head: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Head to put on it: a photo, or the .npz of `likeness head`.")
    ] = None,
    joint_names: Annotated[JointNames, typer.Option(help="What the bones are called.")] = JointNames.smpl,
    clothes: Annotated[bool, typer.Option(help="Whether it is dressed.")] = True,
    resolution: Annotated[int, typer.Option(help="Cells of the clothes' fields along a body's height.")] = 256,
    formats: Annotated[str, typer.Option(help="What to write, of glb, fbx, blend and npz.")] = "glb,fbx,blend",
    device: Annotated[Device, typer.Option(help="What to compute a photo's head on.")] = Device.auto,
) -> None:
    """Make an animatable body of a seed, or of a shape."""
    from ..bodies.shape import read_beta
    from .avatar import make_avatar

    params: dict[str, Any] = {
        "seed": seed,
        "beta": read_beta(beta) if beta else None,
        "joint_names": joint_names.value,
        "clothes": clothes,
        "resolution": resolution,
        "sex": sex,
        "age": age,
        "weight": weight,
        "muscle": muscle,
        "height": height,
        "head": str(head.absolute()) if head else None,
        "device": device.value,
    }
    make_avatar("body", "body", params, out, formats=_formats(formats), animate=str(motion) if motion else None)


@app.command()
def mesh(
    model: Annotated[str, typer.Argument(help="The implicit head: npm, nphm or triplane.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The .ply, .obj or .glb file to write.")],
    latent: Annotated[Path | None, typer.Option(metavar="FILE", help="Latent code: .npy, .npz, .json.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of a random head; 0 where no latent is given.")] = None,
    resolution: Annotated[int, typer.Option(help="Cells along the longest side.")] = 256,
    device: Annotated[Device, typer.Option(help="What to compute on.")] = Device.auto,
) -> None:
    """Write the surface of an implicit head as a mesh."""
    from .mesh import write_mesh

    if latent and seed is not None:
        raise UsageError("A latent and a seed are two heads; give one of them.")
    for warning in write_mesh(model, out, latent=latent, seed=seed or 0, resolution=resolution, device=device.value):
        typer.echo(f"likeness: {warning}", err=True)
    typer.echo(out)


@app.command()
def export_flame(out: Annotated[Path, typer.Option(metavar="FILE", help="The .npz or .pkl file to write.")]) -> None:
    """Write the open head model in FLAME's file format."""
    from ..parametric.flame_export import export_flame as export
    from ..parametric.head import HeadModel

    for path in export(HeadModel.load(), out):
        typer.echo(path)


@app.command()
def export_smpl(out: Annotated[Path, typer.Option(metavar="FILE", help="The .npz or .pkl file to write.")]) -> None:
    """Write the open body model in SMPL's file format."""
    from ..parametric.body import BodyModel
    from ..parametric.smpl_files import export_smpl as export

    typer.echo(export(BodyModel.load(), out))


@app.command()
def train(
    recipe: Name,
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder of the weights and their card.")] = FOLDER,
    seed: Annotated[int, typer.Option(help="Seed of all that is random.")] = 0,
) -> None:
    """Train one of the models on its data."""
    from ..training import recipes

    recipes.recipe(recipe)(data, out, seed)


@app.command()
def evaluate(suite: Name, data: Data) -> None:
    """Measure how good the models are."""
    from ..evaluation import suites

    _print_figures(suites.evaluation(suite)(data))


@app.command()
def benchmark(
    suite: Name,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="A picture (.png) of the figures to write.")] = None,
) -> None:
    """Measure how fast the code is, as ratios against a plain reference."""
    from ..evaluation import suites

    _print_figures(suites.benchmark(suite)(plot))


@app.command()
def engine(
    test: Annotated[bool, typer.Option("--test", help="Start an engine and have it compute a little.")] = False,
    device: Annotated[Device, typer.Option(help="What the test computes on.")] = Device.auto,
) -> None:
    """Serve as the engine on standard input and output (JSON-RPC 2.0 lines), or test one."""
    if not test:
        from ..engine.methods import METHODS
        from ..engine.worker import serve

        serve(METHODS)
    else:
        from ..engine.client import Engine

        with Engine.start(sys.executable) as process:
            _print_figures(process.call("test", {"device": device.value}))


@app.callback(invoke_without_command=True)
def likeness(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """A photo becomes a detailed, animatable head."""
    if version:
        typer.echo(f"likeness {VERSION}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line; whatever ends it early is one sentence and an exit code."""
    try:
        sys.exit(app(standalone_mode=False))
    except (LikenessError, TyperException) as error:
        sentence = error.format_message() if isinstance(error, TyperException) else str(error)
        typer.echo(f"likeness: {sentence}", err=True)
        sys.exit(error.exit_code)


def _formats(names: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(name.strip().lower() for name in names.split(",")))
    if unknown := [name for name in chosen if name not in FORMATS]:
        raise UsageError(f"There is no format {unknown[0]!r}; choose of {', '.join(FORMATS)}.")
    return chosen


def _print_figures(figures: dict[str, Any]) -> None:
    """As Markdown, such as the documentation holds: figures by name, then tables by title (their rows by name)."""
    tables = {title: rows for title, rows in figures.items() if isinstance(rows, dict)}
    single = {name: {"value": value} for name, value in figures.items() if name not in tables}
    if single or not tables:
        _print_table("figure", single, ["value"])
    for title, rows in tables.items():
        typer.echo(f"\n**{title}**\n")
        _print_table("", rows, list(next(iter(rows.values()))))


def _print_table(corner: str, rows: dict[str, dict[str, Any]], columns: list[str]) -> None:
    width = max(map(len, rows), default=0)
    typer.echo(f"| {corner:<{width}} | {' | '.join(columns)} |")
    typer.echo("|-" + "-|-".join("-" * len(name) for name in (" " * width, *columns)) + "-|")
    for name, row in rows.items():
        cells = (f"{value:.4g}" if isinstance(value, float) else str(value) for value in map(row.get, columns))
        typer.echo(f"| {name:<{width}} | {' | '.join(cells)} |")
