"""Teeth: ivory that is warmer at the gums, greyer at the edges and darker towards the back of the mouth.

The chart of a row of teeth is its view from the front: u along the row, v upwards.
"""

import numpy as np

from ..rendering.shading import linear_to_srgb

SIZE = 128
IVORY = np.array([0.78, 0.72, 0.60], np.float32)
NECK = np.array([0.60, 0.46, 0.31], np.float32)
EDGE = np.array([0.68, 0.66, 0.62], np.float32)
CROWN = 0.34
"""Height of the longest crown in the chart; the rest are roots, which the gums hide."""


def teeth_textures() -> dict[str, np.ndarray]:
    """Colours of the upper and the lower teeth by part: `[SIZE, SIZE, 3]` sRGB 0..1, row 0 at v = 1."""
    row, column = (np.mgrid[:SIZE, :SIZE] + 0.5) / SIZE
    back = np.clip((np.abs(column - 0.5) - 0.12) / 0.3, 0, 1)[..., None]

    def texture(height: np.ndarray) -> np.ndarray:
        neck = np.clip((height / CROWN - 0.45) / 0.55, 0, 1)[..., None]
        edge = np.clip(1 - height / (0.25 * CROWN), 0, 1)[..., None]
        color = IVORY + neck * (NECK - IVORY) + 0.7 * edge * (EDGE - IVORY)
        return linear_to_srgb(color * (1 - 0.55 * back))

    return {"teeth_upper": texture(1 - row), "teeth_lower": texture(row)}
