"""Skins of synthetic heads: a portrait's detail on the tone of another, on any head."""

import cv2
import numpy as np

from ...parametric.head import HeadModel
from ...rendering.atlas import build_atlas
from .scenery import blobs
from .sitters import SIZE, Sitters

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
MAKE_UP, STUBBLE = 0.25, 0.15
"""How often lips are painted, and how often a jaw is unshaven."""


class Skins:
    """Makes albedo textures."""

    def __init__(self, model: HeadModel, sitters: Sitters) -> None:
        atlas = build_atlas(model, "skin", SIZE)
        self._albedo, self._mirror = sitters.albedo, atlas.mirror_map
        names = ("narrow_face", "lips", "eyelids", "scalp")
        self._masks = {name: atlas.image(atlas.gather(model.masks[name])) for name in names}
        height, front = atlas.image(atlas.gather(model.v_template[:, 1:])).transpose(2, 0, 1)
        self._jaw = np.clip((-0.005 - height) / 0.02, 0, 1) * np.clip((height + 0.11) / 0.02, 0, 1) * (front > 0.02)
        face = self._masks["narrow_face"] > 0.5
        self._tones = np.median(self._albedo[:, face].astype(np.float32), axis=1)
        self._order = np.argsort(self._tones @ _LUMINANCE)

    def random(self, rng: np.random.Generator, hair: np.ndarray | None) -> np.ndarray:
        """Linear reflectance `[SIZE, SIZE, 3]`; on the scalp the `hair`'s colour `[3]` shines through, if any."""
        index = rng.integers(len(self._albedo))
        image = self._albedo[index].astype(np.float32)
        if rng.random() < 0.5:
            image = cv2.remap(image, self._mirror, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        tone = self._tones[index]
        detail = image - tone
        if rng.random() < 0.7:
            tone = self._tone(rng)
        image = tone + rng.normal(0, 0.08) + rng.uniform(0.7, 1.3) * detail
        image = image + rng.uniform(0, 0.06) * blobs(rng, SIZE, rng.uniform(10, 120))[..., None]
        if rng.random() < MAKE_UP:
            image += self._masks["lips"][..., None] * rng.uniform(-1.0, 0.3) * np.array([0.1, 1.0, 0.8], np.float32)
            image += self._masks["eyelids"][..., None] * rng.normal(-0.2, 0.3, 3).astype(np.float32)
        if rng.random() < STUBBLE:
            grain = rng.uniform(0.2, 1.0) * (0.7 + 0.3 * rng.standard_normal((SIZE, SIZE)))
            image -= (self._jaw * grain)[..., None] * np.array([0.9, 0.8, 0.7])
        if hair is not None:
            share = rng.uniform(0.3, 0.95) * self._masks["scalp"][..., None]
            image = image + share * (np.log(hair) - image)
        return np.exp(np.clip(image, -6.0, 0.0)).astype(np.float32)

    def _tone(self, rng: np.random.Generator) -> np.ndarray:
        """The tone of a portrait, dark and light skin equally often."""
        luminance = self._tones[self._order] @ _LUMINANCE
        place = np.searchsorted(luminance, rng.uniform(luminance[0], luminance[-1]))
        near = np.clip(place + rng.integers(-3, 4), 0, len(luminance) - 1)
        return self._tones[self._order[near]]
