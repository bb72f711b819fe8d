"""What figures wear: MakeHuman's suits, shoes and hair (CC0), drawn to go together, each in a size and cut."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..makehuman import Clothing, load_clothing

SUITS = {
    "female": ("casualsuit01", "casualsuit02", "elegantsuit01", "sportsuit01"),
    "male": (
        *("casualsuit01", "casualsuit02", "casualsuit03", "casualsuit04", "casualsuit05", "casualsuit06"),
        *("elegantsuit01", "worksuit01"),
    ),
}
SHOES = ("shoes01", "shoes02", "shoes03", "shoes04", "shoes05", "shoes06")
HAIR = {
    "female": ("afro01", "bob01", "bob02", "braid01", "long01", "ponytail01", "short01", "short03"),
    "male": ("afro01", "short01", "short02", "short03", "short04", "bob02"),
}
BALD, BAREFOOT, SHORT_SLEEVES, SHORT_LEGS = 0.08, 0.1, 0.3, 0.25
"""How often."""


@dataclass(frozen=True)
class Outfit:
    """Names of what is worn ("" for nothing), and how it differs from what is in the files."""

    suit: str
    shoes: str
    hair: str
    size: float
    """Factor on how far the suit stands off the body."""
    looseness: float
    """Metres that the suit stands further out."""
    puff: float
    """Metres that the hair stands further out."""
    sleeve: float
    """Where sleeves end: 0 at the elbow, 1 at the wrist; 2 leaves them as they are."""
    leg: float
    """Where trousers and skirts end: 0 at the knee, 1 at the ankle; 2 leaves them as they are."""


@dataclass(frozen=True)
class Wardrobe:
    """The clothes below the folder `data`, each read when it is first asked for."""

    data: Path

    @cached_property
    def _read(self) -> dict[str, Clothing]:
        return {}

    def __getitem__(self, name: str) -> Clothing:
        """Raises InputError when it is not there."""
        if name not in self._read:
            folder = "hair" if any(name in styles for styles in HAIR.values()) else "clothes"
            self._read[name] = load_clothing(self.data / "makehuman" / folder / name / f"{name}.mhclo")
        return self._read[name]


def random_outfit(gender: float, rng: np.random.Generator) -> Outfit:
    """Clothes for a body whose slider of gender is 0 for a man, 1 for a woman."""
    sex = "female" if rng.random() < gender else "male"
    return Outfit(
        suit=f"{sex}_{rng.choice(SUITS[sex])}",
        shoes="" if rng.random() < BAREFOOT else str(rng.choice(SHOES)),
        hair="" if rng.random() < BALD else str(rng.choice(HAIR[sex])),
        size=float(rng.uniform(0.9, 1.25)),
        looseness=float(0.02 * rng.beta(1, 2.5)),
        puff=float(0.012 * rng.beta(1, 2)),
        sleeve=float(rng.uniform(-0.3, 0.9)) if rng.random() < SHORT_SLEEVES else 2.0,
        leg=float(rng.uniform(-0.15, 0.9)) if rng.random() < SHORT_LEGS else 2.0,
    )
