"""Recipe `head-model`: the open head in FLAME's format, learned from the ICT-FaceKit light model.

Topology, parts and rig are own (`head_topology`, `head_parts`, below); the bases are learned from heads and expressions
that the teacher draws (`head_bases`); a fit of held-out ones measures them (`evaluation.head_model`).
"""

import json
from pathlib import Path

import numpy as np
from rich.progress import Progress

from ..geometry.smoothstep import smoothstep
from ..parametric.arkit import ARKIT_NAMES, INDEX
from ..parametric.head import SHAPES
from ..weights import FOLDER
from .head_assembly import Assembled, assemble
from .head_bases import arkit_shapes, expression_basis, gaze_theta, identity_basis, pose_correctives
from .head_levels import level_tensors
from .head_lids import close_lids, line_sockets
from .head_parts import Piece, build_pieces, eye_centre
from .head_regions import build_masks, landmark_vertices
from .head_rig import JAW, PARENTS, Rig, build_rig, head_share, joint_regressor, rigid_motion
from .head_topology import Skin, build_skin
from .ict import VERTICES, IctModel, load_ict
from .publish import publish

TONGUE_REACH, TONGUE_LIFT = 0.040, 0.011
"""Metres that the tip of the tongue travels forward in tongueOut and that its back rises to clear the lower lip."""
TONGUE_JAW = 0.4
"""Share of jawOpen that lets the tongue out."""


def train_head_model(data: Path, out: Path = FOLDER, seed: int = 0) -> None:
    """Learn the head model from `data`/ict_facekit and write `head.safetensors` and its card to `out`.

    About two minutes on a laptop's CPU. Raises InputError when the data are not there.
    """
    with Progress() as progress:
        task = progress.add_task("Head model", total=5)

        def step(name: str) -> None:
            progress.update(task, advance=1, description=name)

        ict = load_ict(data)
        step("Topology")
        skin = build_skin(ict)
        pieces = build_pieces(ict, skin)
        head = assemble(ict, skin, pieces)
        line_sockets(head.rest, skin, eye_centre(ict))
        step("Identity")
        rng = np.random.default_rng(seed)
        identity = identity_basis(head.displacement(ict.identity), head.mirror, rng)
        step("Expression and rig")
        shapes = arkit_shapes(ict.expression_names, head.displacement(ict.expression), head.mirror)
        shapes["tongueOut"] = _tongue_out(head)
        close_lids(shapes, head, skin.eye_rings)
        rig = build_rig(ict, head, shapes["jawOpen"])
        correctives = pose_correctives(rig, head.rest, shapes)
        expression, arkit_psi, arkit_theta = _expressions(ict, head, rig, shapes, rng)
        step("Levels of detail")
        publish(
            "head",
            out,
            {
                **_geometry(skin, pieces),
                **level_tensors(ict, head.rest, skin, pieces),
                "v_template": head.rest.astype(np.float32),
                "shapedirs": np.concatenate([identity, expression], 2).astype(np.float16),
                "posedirs": correctives.astype(np.float16),
                "J_regressor": joint_regressor(head, rig).astype(np.float32),
                "lbs_weights": rig.weights.astype(np.float32),
                "kintree_table": np.array([PARENTS, range(5)], np.int64),
                "face_part": _face_part(skin, pieces),
                "vertex_part": head.vertex_part.astype(np.int32),
                "mirror": head.mirror.astype(np.int32),
                "head_share": head_share(head.rest).astype(np.float32),
                "arkit_psi": arkit_psi.astype(np.float32),
                "arkit_theta": arkit_theta.astype(np.float32),
                "landmarks68": landmark_vertices(ict, skin).astype(np.int32),
                **{f"mask_{k}": np.round(255 * m).astype(np.uint8) for k, m in build_masks(ict, skin, pieces).items()},
            },
            _card(),
            {"names": json.dumps({"parts": head.parts, "arkit": ARKIT_NAMES})},
        )
        step("Done")


def _tongue_out(head: Assembled) -> np.ndarray:
    """The tongue slides forward, its root stays: ARKit's shape that the teacher does not have."""
    tongue = head.part("tongue")
    depth = head.rest[tongue, 2]
    along = smoothstep(depth, depth.min() + 0.25 * np.ptp(depth), depth.max())
    shape = np.zeros_like(head.rest)
    shape[tongue, 1] = TONGUE_LIFT * np.sin(np.pi * along / 1.25)
    shape[tongue, 2] = TONGUE_REACH * along
    return shape


def _expressions(ict: IctModel, head: Assembled, rig: Rig, shapes: dict[str, np.ndarray], rng: np.random.Generator):
    """The expression basis [V, 3, 50] and ARKit's shapes in it: psi [52, 50] and theta [52, 5, 3].

    jawOpen is the jaw's rotation, eyeLook... the eyes' (lids follow by pose correctives); the side jaw shapes turn the
    jaw, the rest of them and all others are expression.
    """
    theta = np.zeros((52, 5, 3))
    theta[INDEX["jawOpen"], JAW] = rig.jaw_open
    theta[INDEX["tongueOut"], JAW] = TONGUE_JAW * rig.jaw_open
    learned: dict[str, np.ndarray] = {}
    for name in ARKIT_NAMES:
        if name.startswith("eyeLook"):
            theta[INDEX[name]] = gaze_theta(name)
        elif name in ("jawLeft", "jawRight"):
            theta[INDEX[name], JAW, 1] = _jaw_yaw(ict, name)
            turned = rig.posed(head.rest, theta[INDEX[name]]) - head.rest
            learned[name] = shapes[name] - turned
        elif name != "jawOpen":
            learned[name] = shapes[name]
    # What ARKit joins told apart, and lids without gaze, make faces that ARKit alone cannot: 50 shapes in all.
    deltas = dict(zip(ict.expression_names, head.displacement(ict.expression), strict=True))
    extra = [deltas[f"{name}_L"] - deltas[f"{name}_R"] for name in ("browInnerUp", "cheekPuff")]
    extra = [(delta - delta[head.mirror] * [-1, 1, 1]) / 2 for delta in extra]
    extra += [shapes[f"eyeLook{way}{side}"] for way in ("Up", "Down") for side in ("Left", "Right")]
    extra += [shapes["eyeLookOutLeft"] + shapes["eyeLookOutRight"]]
    basis, coefficients = expression_basis(np.stack([*learned.values(), *extra]), rng)
    psi = np.zeros((52, basis.shape[2]))
    for name, row in zip(learned, coefficients, strict=False):
        psi[INDEX[name]] = row
    return basis, psi, theta


def _jaw_yaw(ict: IctModel, name: str) -> float:
    teeth = slice(*VERTICES["lower_teeth"])
    before = ict.neutral[teeth]
    rotation, _ = rigid_motion(before, before + ict.expression[ict.expression_index(name)][teeth])
    return float(np.arctan2(rotation[0, 2], rotation[2, 2]))


def _geometry(skin: Skin, pieces: list[Piece]) -> dict[str, np.ndarray]:
    faces, faces_uv, uv = [skin.faces], [skin.faces_uv], [skin.uv]
    vertices, corners = len(skin.mirror), len(skin.uv)
    for piece in pieces:
        faces.append(piece.faces + vertices)
        faces_uv.append(piece.faces_uv + corners)
        uv.append(piece.uv)
        vertices, corners = vertices + len(piece.positions), corners + len(piece.uv)
    return {
        "faces": np.concatenate(faces).astype(np.int32),
        "faces_uv": np.concatenate(faces_uv).astype(np.int32),
        "uv": np.concatenate(uv).astype(np.float32),
    }


def _face_part(skin: Skin, pieces: list[Piece]) -> np.ndarray:
    return np.repeat(np.arange(1 + len(pieces)), [len(skin.faces), *(len(p.faces) for p in pieces)]).astype(np.int32)


def _card() -> dict:
    return {
        "recipe": "likeness train head-model",
        "data": "ICT-FaceKit light model, USC Institute for Creative Technologies (Li et al., CVPR 2020), MIT licence",
        "licence": "GPL-3.0-or-later",
        "shape_components": SHAPES,
        "method": "own quad topology on the teacher's surface; PCA of 4000 drawn heads and their mirror images, "
        "PCA of 4000 random expressions; jaw by the rigid motion of the lower teeth",
        "metrics": "likeness evaluate head-model",
    }
