"""Where the skin lies in the unit square of its texture."""

import numpy as np


def layout_uv(planes, bounds, quads, middle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """UVs of both halves: the outer chart above, mouth and eye sockets as islands in a strip below.

    Scaled by the sheets' `bounds` [2, 2], not by the nodes: every level of detail shares one layout.
    """
    uv: list[np.ndarray] = []
    faces_uv: list[np.ndarray] = []
    mirrored: list[np.ndarray] = []
    scale = 0.98 / (2 * bounds[0][1, 0])
    top = 0.99 - scale * bounds[0][1, 1]
    count = 0
    for region, (plane, faces) in enumerate(zip(planes, quads, strict=True)):
        ids = np.array(list(plane))
        flat = np.array(list(plane.values()))
        index = np.full(len(middle), -1)
        index[ids] = count + np.arange(len(ids))
        if region == 0:
            left = np.stack([0.5 + scale * flat[:, 0], top + scale * flat[:, 1]], 1)
            shared = middle[ids] & (flat[:, 0] < 1e-6)
            right = left * [-1, 1] + [1, 0]
        else:
            # Half a mouth lies beside its mirror image; an eye socket has a place of its own on either side.
            low, high = bounds[region]
            unit = (flat - low) / (high - low).max()
            left = unit * 0.095 + ([0.52, 0.008] if region == 1 else [0.70, 0.008])
            shared = np.zeros(len(ids), bool)
            right = left * [-1, 1] + [1, 0]
        uv.append(left)
        faces_uv.append(index[faces])
        count += len(ids)
        twin = index.copy()
        moved = ids[~shared]
        twin[moved] = count + np.arange(len(moved))
        uv.append(right[~shared])
        mirrored.append(twin[faces][:, ::-1])
        count += len(moved)
    return np.concatenate(uv), np.concatenate([*faces_uv, *mirrored])
