"""Recipe `body-model`: an open body in SMPL's format, learned from MakeHuman's bodies as Anny draws them."""

import json
from pathlib import Path

import numpy as np
from rich.progress import Progress

from ...errors import InputError
from ...parametric.smpl_joints import JOINTS, PARENTS
from ...weights import FOLDER
from ..makehuman import SKIN, load_base
from ..publish import publish
from .bases import (
    Correctives,
    joint_regressor,
    mirror_of,
    shape_basis,
    skinning_weights,
    symmetric_correctives,
)
from .poses import random_theta
from .posing import Rig
from .teacher import Teacher, kept_vertices

BODIES, REGRESSED, POSED = 2500, 250, 3000
"""How many bodies teach the shape, how many of them the joints, and in how many poses the correctives are learned."""
SHAPES = 16
PARTS = ("skin", "left_eye", "right_eye")


def train_body_model(data: Path, out: Path = FOLDER, seed: int = 0) -> None:
    """Learn the body model and write `body.safetensors`, `body_helpers.safetensors` and their cards to `out`.

    About four minutes on a laptop's CPU. Raises InputError when the library anny is not installed or MakeHuman's base
    mesh, to which clothes bind, is not in `data` or is another mesh than the library's.
    """
    with Progress() as progress:
        task = progress.add_task("Body model", total=BODIES + POSED)
        rng = np.random.default_rng(seed)
        teacher = Teacher()
        if not np.allclose(load_base(data).vertices, teacher.template, atol=1e-6):
            raise InputError("The base mesh in the data is not the one that the library anny has.")
        shown, helpers = kept_vertices()
        rig = Rig(teacher, np.concatenate([shown, helpers]))
        mirror = mirror_of(teacher.template[shown])
        bodies = teacher.draw(BODIES, rng)
        samples, joints = np.zeros((BODIES, len(rig.vertices), 3), np.float32), np.zeros((BODIES, len(JOINTS), 3))
        for index in range(BODIES):
            body = rig.stand(bodies, index)
            samples[index], joints[index] = body.vertices, body.joints
            progress.advance(task)
        template, shapedirs = shape_basis(samples, SHAPES, len(shown))
        few = samples[:REGRESSED, : len(shown)]
        regressor = joint_regressor(few, joints[:REGRESSED], mirror)
        summed = rig.summed_weights()
        weights = np.concatenate(
            [skinning_weights(summed[: len(shown)], mirror), skinning_weights(summed[len(shown) :], None)]
        )
        correctives = Correctives(rig, weights)
        for number in range(POSED):
            body = rig.stand(bodies, number % BODIES)
            correctives.learn(body, regressor @ body.vertices[: len(shown)], random_theta(rng))
            progress.advance(task)
        posedirs = correctives.solve()
    count = 3 * len(shown)
    table = {"v_template": template, "shapedirs": shapedirs, "lbs_weights": weights}
    ours = {name: values[: len(shown)] for name, values in table.items()}
    theirs = {name: values[len(shown) :] for name, values in table.items()}
    publish(
        "body",
        out,
        {
            **_precise(_symmetric(ours, mirror), symmetric_correctives(posedirs[:, :count], mirror)),
            "J_regressor": regressor.astype(np.float32),
            "kintree_table": np.array([PARENTS, range(len(JOINTS))], np.int64),
            **_faces(teacher, shown),
            "vertex_part": np.repeat([0, 1, 2], [SKIN, 72, 72]).astype(np.int32),
            "mirror": mirror.astype(np.int32),
            "base_index": shown.astype(np.int32),
        },
        _card("the body: skin and eyes"),
        {"parts": json.dumps(PARTS)},
    )
    publish(
        "body_helpers",
        out,
        {**_precise(theirs, posedirs[:, count:]), "base_index": helpers.astype(np.int32)},
        _card("vertices around the body to which clothes and hair bind; for training, not in the extension"),
    )


def _symmetric(table: dict[str, np.ndarray], mirror: np.ndarray) -> dict[str, np.ndarray]:
    """Template and shapes as the mean of themselves and their mirror images."""
    flip = np.array([-1, 1, 1])
    shape = table["shapedirs"]
    return {
        **table,
        "v_template": (table["v_template"] + table["v_template"][mirror] * flip) / 2,
        "shapedirs": (shape + shape[mirror] * flip[:, None]) / 2,
    }


def _precise(table: dict[str, np.ndarray], posedirs: np.ndarray) -> dict[str, np.ndarray]:
    """Each array in the precision that it is shipped in."""
    return {
        "v_template": table["v_template"].astype(np.float32),
        "shapedirs": table["shapedirs"].astype(np.float16),
        "posedirs": posedirs.astype(np.float16),
        "lbs_weights": table["lbs_weights"].astype(np.float32),
    }


def _faces(teacher: Teacher, shown: np.ndarray) -> dict[str, np.ndarray]:
    """Faces of the vertices that are shown, and the part of the chart that they use."""
    place = np.full(len(teacher.template), -1)
    place[shown] = np.arange(len(shown))
    kept = (place[teacher.faces] >= 0).all(1)
    corners, faces_uv = np.unique(teacher.faces_uv[kept], return_inverse=True)
    return {
        "faces": place[teacher.faces[kept]].astype(np.int32),
        "uv": teacher.uv[corners],
        "faces_uv": faces_uv.reshape(-1, 4).astype(np.int32),
    }


def _card(what: str) -> dict:
    return {
        "recipe": "likeness train body-model",
        "what": what,
        "data": "MakeHuman's base mesh, targets and rig (CC0), drawn by anny 0.6.2 (NAVER Corp., Apache-2.0)",
        "licence": "GPL-3.0-or-later",
        "shape_components": SHAPES,
        "method": f"PCA of {BODIES} bodies of all ages and builds in SMPL's T-pose; joints by non-negative least "
        f"squares; the teacher's 104 bones summed onto SMPL's 24 joints, four influences; correctives by ridge "
        f"regression on {POSED} random poses, against the 104 bones blended as dual quaternions",
        "metrics": "likeness evaluate body-model",
    }
