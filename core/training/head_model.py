"""Recipe `head-model`: the open head in FLAME's format, learned from the ICT-FaceKit light model.

Topology, parts and rig are own (`head_topology`, `head_parts`, below); the bases are learned from heads and expressions
that the teacher draws (`head_bases`); a fit of held-out ones measures them (`evaluation.head_model`).
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
from rich.progress import Progress
from scipy.spatial import cKDTree

from ..parametric.arkit import ARKIT_NAMES, INDEX
from ..parametric.head import SHAPES
from ..weights import FOLDER
from .head_bases import (
    JAW,
    Rig,
    arkit_shapes,
    expression_basis,
    gaze_theta,
    identity_basis,
    jaw_weights,
    pose_correctives,
    rigid_motion,
)
from .head_levels import level_tensors
from .head_parts import EYE_RADIUS, LID_EDGE, Piece, build_pieces, eye_centre
from .head_regions import build_masks, landmark_vertices
from .head_topology import Skin, build_skin
from .ict import VERTICES, IctModel, load_ict
from .publish import publish

PARENTS = (-1, 0, 1, 1, 1)
TONGUE_REACH, TONGUE_LIFT = 0.040, 0.011
"""Metres that the tip of the tongue travels forward in tongueOut and that its back rises to clear the lower lip."""
TONGUE_JAW = 0.4
"""Share of jawOpen that lets the tongue out."""


@dataclass(frozen=True)
class Assembled:
    """Skin and pieces in one numbering."""

    rest: np.ndarray
    """[V, 3] the symmetric mean head."""
    source: sparse.csr_matrix
    """[V, V_teacher]."""
    mirror: np.ndarray
    vertex_part: np.ndarray
    parts: tuple[str, ...]

    def part(self, name: str) -> np.ndarray:
        """[V] bool."""
        return self.vertex_part == self.parts.index(name)

    def displacement(self, teacher: np.ndarray) -> np.ndarray:
        """A teacher displacement field [..., V_teacher, 3] on our vertices, [..., V, 3]."""
        moved = np.moveaxis(teacher, -2, 0).reshape(teacher.shape[-2], -1)
        ours = np.asarray(self.source @ moved)
        return np.moveaxis(ours.reshape(-1, *teacher.shape[:-2], 3), 0, -2)


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
        _line_sockets(head.rest, skin, eye_centre(ict))
        step("Identity")
        rng = np.random.default_rng(seed)
        identity = identity_basis(head.displacement(ict.identity), head.mirror, rng)
        step("Expression and rig")
        shapes = arkit_shapes(ict.expression_names, head.displacement(ict.expression), head.mirror)
        shapes["tongueOut"] = _tongue_out(head)
        _close_lids(shapes, head, skin.eye_rings)
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
                "J_regressor": _joint_regressor(head, rig).astype(np.float32),
                "lbs_weights": rig.weights.astype(np.float32),
                "kintree_table": np.array([PARENTS, range(5)], np.int64),
                "face_part": _face_part(skin, pieces),
                "vertex_part": head.vertex_part.astype(np.int32),
                "mirror": head.mirror.astype(np.int32),
                "head_share": _head_share(head.rest).astype(np.float32),
                "arkit_psi": arkit_psi.astype(np.float32),
                "arkit_theta": arkit_theta.astype(np.float32),
                "landmarks68": landmark_vertices(ict, skin).astype(np.int32),
                **{f"mask_{k}": np.round(255 * m).astype(np.uint8) for k, m in build_masks(ict, skin, pieces).items()},
            },
            _card(),
            {"names": json.dumps({"parts": head.parts, "arkit": ARKIT_NAMES})},
        )
        step("Done")


def assemble(ict: IctModel, skin: Skin, pieces: list[Piece]) -> Assembled:
    """One numbering over all parts; the rest shape is averaged with its mirror image."""
    rest = np.concatenate([skin.source @ ict.neutral, *(piece.positions for piece in pieces)])
    source = sparse.vstack([skin.source, *(piece.source for piece in pieces)]).tocsr()
    parts = ("skin", *(piece.name for piece in pieces))
    sizes = [len(skin.mirror), *(len(piece.positions) for piece in pieces)]
    vertex_part = np.repeat(np.arange(len(parts)), sizes)
    mirror = np.concatenate([skin.mirror, np.zeros(len(rest) - len(skin.mirror), int)])
    for name in parts[1:]:
        other = name.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")
        mine, theirs = (np.flatnonzero(vertex_part == parts.index(n)) for n in (name, other))
        mirror[mine] = theirs[cKDTree(rest[theirs]).query(rest[mine] * [-1, 1, 1])[1]]
    rest = (rest + rest[mirror] * [-1, 1, 1]) / 2
    return Assembled(rest, source, mirror, vertex_part, parts)


def build_rig(ict: IctModel, head: Assembled, jaw_open: np.ndarray) -> Rig:
    """Joints and skinning weights. The jaw's axis and angle are those of the teacher's lower teeth."""
    teeth = slice(*VERTICES["lower_teeth"])
    before = ict.neutral[teeth]
    rotation, shift = rigid_motion(before, before + ict.expression[ict.expression_index("jawOpen")][teeth])
    angle = np.arctan2(rotation[2, 1], rotation[1, 1])
    jaw = np.zeros(3)
    jaw[1:] = np.linalg.solve((np.eye(3) - rotation)[1:, 1:], shift[1:])
    eyes = [head.rest[head.part(f"{side}_eye")] for side in ("left", "right")]
    # The front pole comes first and the back pole last: their mean is the eyeball's centre.
    centres = [(eye[1:41].mean(0) * [1, 1, 0]) + [0, 0, eye[-1, 2] + np.ptp(eye[:, 0]) / 2] for eye in eyes]
    joints = np.array([[0, -0.17, -0.03], [0, -0.125, -0.035], jaw, *centres])
    weights = np.zeros((len(head.rest), 5))
    neck = _ramp(_tilted_height(head.rest), -0.175, -0.115)
    share = jaw_weights(head.rest, jaw_open, jaw, rotation)
    for name, fixed in {"teeth_lower": 1, "gums_lower": 1, "teeth_upper": 0, "lashes": 0}.items():
        share[head.part(name)] = fixed
    for joint, side in ((3, "left"), (4, "right")):
        for piece in ("eye", "cornea"):
            mine = head.part(f"{side}_{piece}")
            weights[mine, joint] = 1
            share[mine] = 0
    weights[:, JAW] = (share + share[head.mirror]) / 2 * neck
    weights[:, 1] = neck * (1 - weights[:, 2:].sum(1))
    weights[:, 0] = 1 - weights[:, 1:].sum(1)
    return Rig(joints, PARENTS, weights, np.array([angle, 0, 0]))


def _tilted_height(points: np.ndarray) -> np.ndarray:
    """Height along a neck that leans forward: chin and nape of one height move alike."""
    return points[:, 1] + 0.45 * points[:, 2]


def _ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _head_share(rest: np.ndarray) -> np.ndarray:
    """Which part of the neck joint's weight rides on the skull."""
    return _ramp(_tilted_height(rest), -0.10, -0.05)


def _joint_regressor(head: Assembled, rig: Rig) -> np.ndarray:
    """[5, V]: each joint an affine combination of vertices around it, the one of least norm."""
    rest, skin = head.rest, head.part("skin")
    jaw = rig.joints[JAW]
    near_jaw = skin & (np.abs(rest[:, 0]) > 0.05) & (np.linalg.norm((rest - jaw)[:, 1:], axis=1) < 0.03)
    height = _tilted_height(rest)
    around = [skin & (height < -0.165), skin & (np.abs(height + 0.14) < 0.02), near_jaw]
    around += [head.part("left_eye"), head.part("right_eye")]
    regressor = np.zeros((5, len(rest)))
    for row, joint, chosen in zip(regressor, rig.joints, around, strict=True):
        index = np.flatnonzero(chosen)
        system = np.concatenate([rest[index].T, np.ones((1, len(index)))])
        mean = np.full(len(index), 1 / len(index))
        row[index] = mean + np.linalg.lstsq(system, np.append(joint, 1) - system @ mean, rcond=None)[0]
    return regressor


def _tongue_out(head: Assembled) -> np.ndarray:
    """The tongue slides forward, its root stays: ARKit's shape that the teacher does not have."""
    tongue = head.part("tongue")
    depth = head.rest[tongue, 2]
    along = _ramp(depth, depth.min() + 0.25 * np.ptp(depth), depth.max())
    shape = np.zeros_like(head.rest)
    shape[tongue, 1] = TONGUE_LIFT * np.sin(np.pi * along / 1.25)
    shape[tongue, 2] = TONGUE_REACH * along
    return shape


def _line_sockets(rest: np.ndarray, skin: Skin, centre: np.ndarray) -> None:
    """Pull the sockets onto the eyeballs, in place: without it the inner corner of the eye is a black hole."""
    rims = rest[skin.eye_rings[0]]
    for region, side in ((2, 1), (3, -1)):
        mine = np.unique(skin.faces[skin.face_region == region])
        inside = rest[mine] * [side, 1, 1] - centre
        distance = np.linalg.norm(inside, axis=1)
        behind_rim = cKDTree(rims).query(inside + centre)[0]
        lined = np.minimum(distance, EYE_RADIUS + 2.5e-4)
        share = _ramp(behind_rim, 0, 2.5e-3)
        pulled = inside * (1 + share * (lined / distance - 1))[:, None] + centre
        rest[mine] = pulled * [side, 1, 1]


def _close_lids(shapes: dict[str, np.ndarray], head: Assembled, rings: np.ndarray) -> None:
    """Make the lids of eyeBlink meet, in place: the teacher's stop a millimetre or two short of one another.

    The gap between the lids' front edges is closed, four fifths by the upper lid; the rings outwards follow less,
    the lashes follow the edges.
    """
    shape = shapes["eyeBlinkLeft"]
    before = shape[rings[LID_EDGE]]
    closed = head.rest + shape
    half = rings.shape[1] // 2
    upper, lower = rings[:, 1:half], rings[:, :half:-1]
    for k, follow in enumerate((1, 1, 1, 1, 0.55, 0.25, 0.08)):
        edge = min(k, LID_EDGE) if k > 1 else 2
        above, below = closed[upper[edge]], closed[lower[edge]]
        order = np.argsort(below[:, 0])
        gap = above[:, 1] - np.interp(above[:, 0], below[order, 0], below[order, 1])
        fade = np.sin(np.pi * (np.arange(half - 1) + 1) / half) ** 0.5
        shape[upper[k], 1] -= 0.8 * follow * fade * gap
        shape[lower[k], 1] += 0.2 * follow * fade * np.interp(below[:, 0], above[:, 0], gap)
    lashes = np.flatnonzero(head.part("lashes") & (head.rest[:, 0] > 0))
    root = cKDTree(head.rest[rings[LID_EDGE]]).query(head.rest[lashes])[1]
    shape[lashes] += (shape[rings[LID_EDGE]] - before)[root]
    moved = np.concatenate([rings.ravel(), lashes])
    shapes["eyeBlinkRight"][head.mirror[moved]] = shape[moved] * [-1, 1, 1]


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
