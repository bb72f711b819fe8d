"""The ICT-FaceKit light model (Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020; MIT)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError

# Index ranges of polygons and vertices, end excluded, from the data's README.
POLYGONS = {
    "outer": (0, 11144),
    "mouth_socket": (11144, 13226),
    "left_eye_socket": (13226, 13630),
    "right_eye_socket": (13630, 14034),
    "gums": (14034, 17006),
    "teeth": (17006, 21496),
    "left_eye": (21496, 23094),
    "right_eye": (23094, 24692),
    "lashes": (25304, 26384),
}
VERTICES = {
    "skin": (0, 14062),
    "narrow_face": (0, 6706),
    "face": (0, 9409),
    "gums": (14062, 17039),
    "teeth": (17039, 21451),
    "upper_teeth": (17039, 19247),
    "lower_teeth": (19247, 21451),
    "left_eye": (21451, 23021),
    "right_eye": (23021, 24591),
    "left_iris": (22221, 23021),
    "lashes": (25351, 26719),
}
# The 68 points of the Multi-PIE markup.
LANDMARKS = [
    *(1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443),
    *(268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360),
    *(1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732),
    *(5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841),
    *(5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966),
]


@dataclass(frozen=True)
class IctModel:
    """The model's arrays in metres, its skin exactly symmetric."""

    neutral: np.ndarray
    """[V, 3]."""
    identity: np.ndarray
    """[100, V, 3], displacement of one standard deviation each."""
    expression: np.ndarray
    """[53, V, 3], displacement at weight 1."""
    expression_names: tuple[str, ...]
    quads: np.ndarray
    """[F, 4]; triangles repeat their last index."""

    def polygons(self, part: str) -> np.ndarray:
        return self.quads[slice(*POLYGONS[part])]

    def expression_index(self, name: str) -> int:
        return self.expression_names.index(name)


def load_ict(data: Path) -> IctModel:
    """Read `ict_facekit/model.npz` below the data folder. Raises InputError when it is not there."""
    path = data / "ict_facekit" / "model.npz"
    if not path.is_file():
        raise InputError(f"{path} is not there; give the folder that holds ict_facekit/ with --data.")
    with np.load(path) as file:
        return IctModel(
            neutral=file["neutral"].astype(np.float64) * 0.01,
            identity=file["identity_modes"].astype(np.float32) * 0.01,
            expression=file["expression_deltas"].astype(np.float32) * 0.01,
            expression_names=tuple(str(name) for name in file["expression_names"]),
            quads=file["quads"].astype(np.int64),
        )


def triangles(quads: np.ndarray) -> np.ndarray:
    """[F, 4] quads (triangles repeat their last index) to [T, 3]."""
    split = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return split[(split[:, 0] != split[:, 1]) & (split[:, 1] != split[:, 2]) & (split[:, 0] != split[:, 2])]
