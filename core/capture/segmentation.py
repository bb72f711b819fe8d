"""What each pixel around the face is: skin, hair, clothes, background, and the face's features.

No network is trained for this. MediaPipe's selfie segmentation tells person from background; landmarks say where a
face, its neck and its hair are likely to be; and the person's own colours decide the rest: one colour histogram per
class, re-estimated by expectation-maximisation as in Rother et al., "GrabCut: Interactive foreground extraction using
iterated graph cuts", 2004, with edge-aware smoothing (Min et al., "Fast global image smoothing based on weighted least
squares", 2014) in place of the cut, so that borders stay soft along hair.
"""

from dataclasses import dataclass

import cv2
import mediapipe
import numpy as np
from scipy import ndimage

from .cover import Cover, cloth_mask, lens_band
from .face_crop import (
    BROWS,
    CHEEKS,
    CHIN,
    EYES,
    FACE_CENTER,
    FACE_WIDTH,
    FOREHEAD,
    LIPS,
    MOUTH,
    NOSE,
    OVAL,
    UNDER_EYES,
    corner_aligned,
    cropped,
    face_coordinates,
    face_transform,
    polygon,
    ramp,
)
from .face_features import BEARDED, beard_mask, brow_mask, glasses_mask

BACKGROUND, SKIN, HAIR, CLOTHES = range(4)
BINS = 24


@dataclass(frozen=True)
class Masks:
    """Soft memberships, float32 [640, 512] in 0..1, in an upright crop around the face.

    `background`, `skin`, `hair`, `clothes`, `beard`, `brows`, `eyes`, `lips` and `mouth_interior` share each pixel out
    among them; `person` is all but the background, and `glasses` lies on top of any of them.
    """

    transform: np.ndarray
    """[2, 3] affine map from photo pixels to crop pixels (centres at +0.5 in both)."""
    person: np.ndarray
    background: np.ndarray
    skin: np.ndarray
    """Bare skin that is really seen: face, ears and neck, without brows, eyes, mouth or beard."""
    hair: np.ndarray
    """Hair of the head, the fringe over the forehead included (and a hat or a scarf that takes its place)."""
    clothes: np.ndarray
    """What covers the mouth included."""
    beard: np.ndarray
    brows: np.ndarray
    eyes: np.ndarray
    lips: np.ndarray
    mouth_interior: np.ndarray
    """The open mouth: teeth, tongue and the dark between the lips."""
    glasses: np.ndarray
    """Rims, and lenses that hide the eyes."""

    def sample(self, name: str, points: np.ndarray) -> np.ndarray:
        """Membership `[N]` of the mask `name` at photo pixels `points` `[N, 2]`; 0 outside the crop."""
        crop = points @ self.transform[:, :2].T + self.transform[:, 2] - 0.5
        return ndimage.map_coordinates(getattr(self, name), crop.T[::-1], order=1, cval=0.0).astype(np.float32)

    def warped(self, name: str, size: tuple[int, int]) -> np.ndarray:
        """The mask `name` over the whole photo of `size` (width, height): float32 [H, W]."""
        return cv2.warpAffine(
            getattr(self, name), corner_aligned(self.transform), size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )

    def crop(self, pixels: np.ndarray) -> np.ndarray:
        """The photo `[H, W, 3]` resampled into the crop."""
        return cropped(pixels, self.transform)


def segment(pixels: np.ndarray, landmarks: np.ndarray) -> Masks:
    """Parse the photo `pixels` uint8 [H, W, 3] (sRGB, upright) around the face with `landmarks` [478, 2] in pixels."""
    transform = face_transform(landmarks)
    points = landmarks @ transform[:, :2].T + transform[:, 2]
    image = cropped(pixels, transform)
    inside = cropped(np.ones(pixels.shape[:2], np.float32), transform)
    person = _person(image) * inside

    prior = _location_prior(points, person)
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    cover = Cover.of(image, points)
    share, strange = _classify(image, lab, prior, _bare(points, cover), polygon(points[CHIN]))
    cloth = cloth_mask(points, strange) if cover.mouth else np.zeros_like(strange)
    share *= 1 - cloth
    share[CLOTHES] += cloth
    lenses = lens_band(points) * strange if cover.eyes else np.zeros_like(strange)
    share *= 1 - lenses
    share[SKIN] += lenses

    features = {
        "eyes": np.sum([polygon(points[ring]) for ring in EYES], axis=0),
        "mouth_interior": polygon(points[MOUTH]),
        "brows": brow_mask(points, strange),
    }
    features["lips"] = np.clip(polygon(points[LIPS]) - features["mouth_interior"], 0, 1)
    features = {name: mask * (1 - cloth) for name, mask in features.items()}
    bare = share[SKIN] * (1 - np.clip(sum(features.values()), 0, 1))
    features["beard"] = beard_mask(points, strange) * (bare + share[CLOTHES] + share[HAIR]) * (1 - cloth)
    rest = 1 - np.clip(sum(features.values()), 0, 1)
    return Masks(
        transform=transform,
        person=1 - share[BACKGROUND],
        background=share[BACKGROUND] * rest,
        skin=share[SKIN] * rest,
        hair=share[HAIR] * rest,
        clothes=share[CLOTHES] * rest,
        glasses=lenses if cover.eyes else glasses_mask(lab[..., 0], points),
        **features,
    )


def _person(image: np.ndarray) -> np.ndarray:
    """Soft person mask [H, W] of the crop."""
    with mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as network:
        return np.asarray(network.process(image).segmentation_mask, np.float32)


def _location_prior(points: np.ndarray, person: np.ndarray) -> np.ndarray:
    """How likely each class is at each place before any colour is seen: [4, H, W], sums to 1."""
    x, y = face_coordinates()
    side = np.abs(x)
    oval = polygon(points[OVAL], 3.0)
    brow_line = (min(points[ring, 1].min() for ring in BROWS) - FACE_CENTER[1]) / FACE_WIDTH
    chin = (points[152, 1] - FACE_CENTER[1]) / FACE_WIDTH

    beyond = np.sqrt((x / 0.62) ** 2 + ((y + 0.2) / 0.92) ** 2) - 1  # 0 on the outline of a bald head
    hair = np.exp(-np.clip(beyond - 0.1, 0, None) / 0.35)
    beside = np.exp(-np.clip(side - 0.8, 0, None) / 0.25) * np.exp(-np.clip(y - chin - 0.2, 0, None) / 0.8)
    hair = np.where(y > 0.2, 0.8 * beside * ramp(side, 0.3, 0.5), hair)
    fringe = 0.5 * ramp(-y, -brow_line - 0.03, -brow_line + 0.3)
    hair = hair * (1 - oval) + fringe * oval

    head = np.exp(-np.clip(beyond + 0.05, 0, None) / 0.05) * 0.6
    ears = 1.5 * _ears()
    neck = ramp(-side, -0.55, -0.3) * ramp(y, chin - 0.3, chin) * ramp(-y, -chin - 0.6, -chin - 0.25)
    skin = np.maximum(np.maximum(head * (y < 0.4), ears), 0.8 * neck) * (1 - oval) + 0.9 * oval + 0.02

    shoulders = chin + 0.35 - 0.25 * np.clip(side - 0.35, 0, 0.6)
    clothes = ramp(y, shoulders - 0.2, shoulders + 0.25) * (1 - oval)

    inside = np.stack([skin, hair + 0.002, clothes + 0.002 + 0.03 * ramp(y, chin - 0.25, chin) * (1 - oval)])
    inside = inside / inside.sum(0)
    person = np.clip(person, 0.02, 0.98)
    return np.concatenate([(1 - person)[None], inside * person])


def _ears() -> np.ndarray:
    """Where ears are, if no hair covers them: [H, W] 0..1."""
    x, y = face_coordinates()
    return np.exp(-(((np.abs(x) - 0.55) / 0.1) ** 2) - ((y - 0.05) / 0.25) ** 2)


def _bare(points: np.ndarray, cover: Cover) -> np.ndarray:
    """Where a face is skin whatever its hair, beard and fringe: nose, cheeks and the strip over the brows; the latter
    only if a fringe cannot outweigh what else is seen of a face."""
    mask = sum(polygon(points[ring]) for ring in CHEEKS) + polygon(points[NOSE])
    if cover.mouth:
        mask += sum(polygon(points[ring]) for ring in UNDER_EYES)
    elif not cover.eyes:
        mask += 0.5 * polygon(points[FOREHEAD])
    return np.clip(mask, 0, 1) * cover.open


def _classify(
    image: np.ndarray, lab: np.ndarray, prior: np.ndarray, bare: np.ndarray, chin: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Share of each class [4, H, W] and strangeness [H, W] (see `_strangeness`), by expectation-maximisation.

    `bare` [H, W] is where the face is sure to be skin: the skin's colours are learnt there and stay fixed, or else the
    hair's would creep in. `chin` [H, W] is where a beard shows.
    """
    smooth = cv2.bilateralFilter(lab, 5, 20, 3).astype(np.int32) * BINS // 256
    index = (smooth[..., 0] * BINS + smooth[..., 1]) * BINS + smooth[..., 2]
    _, y = face_coordinates()
    texture = _texture(lab[..., 0])
    skin = _colour_likelihood(index, bare, 2.0)
    skin *= _texture_likelihood(texture, bare)
    strange = _strangeness(skin, texture, bare)
    bearded = ramp(np.average(strange, weights=chin + 1e-9), *BEARDED)
    prior = prior.copy()
    prior[HAIR] *= 1 - bearded * ramp(y, 0.15, 0.3)  # a full beard leads from the hair to a dark coat
    share = prior.copy()
    share[HAIR] *= y < 0.2  # beside the neck hair and clothes look alike at first: learn hair from the head alone
    for _ in range(5):
        samples = share * (share > 0.5)
        samples[HAIR] *= strange * (1 - _ears())  # or a bald crown and red ears would pass for hair
        likelihood = np.stack([_colour_likelihood(index, w, 1.2) * _texture_likelihood(texture, w) for w in samples])
        likelihood[SKIN] = skin
        share = prior * likelihood
        share[HAIR] *= _hanging(share, y)
        share /= share.sum(0)
        share = np.stack([_edge_aware(image, weight) for weight in share]).clip(1e-4)
        share /= share.sum(0)
    share[HAIR] *= 1 - bearded * ramp(y, 0.2, 0.3)
    _drop_slivers(share)
    _fill_highlights(share, bare, y)
    return share / share.sum(0), strange


def _drop_slivers(share: np.ndarray) -> None:
    """Take from the hair, in place, the thin lines along borders where two other classes' colours mix."""
    hair = (share[HAIR] > 0.4).astype(np.uint8)
    solid = cv2.dilate(cv2.morphologyEx(hair, cv2.MORPH_OPEN, np.ones((6, 6), np.uint8)), np.ones((7, 7), np.uint8))
    share[HAIR] *= cv2.GaussianBlur(solid.astype(np.float32), (0, 0), 1.0)


def _fill_highlights(share: np.ndarray, bare: np.ndarray, y: np.ndarray) -> None:
    """Give to the hair, in place, what looks like skin above the eyes but is cut off from the face: shining strands."""
    _, labels = cv2.connectedComponents((share[SKIN] > 0.5).astype(np.uint8))
    face = np.bincount(labels.ravel(), bare.ravel()) > 0
    high = np.bincount(labels.ravel(), (y > -0.3).ravel()) == 0
    island = cv2.dilate((high & ~face)[labels].astype(np.float32), np.ones((5, 5)))
    share[HAIR] += island * share[SKIN]
    share[SKIN] *= 1 - island


def _colour_likelihood(index: np.ndarray, weight: np.ndarray, spread: float) -> np.ndarray:
    """Density [H, W] of each pixel's colour under the histogram of the pixels weighted by `weight`.

    `spread` is the histogram's blur along lightness, in bins.
    """
    histogram = np.bincount(index.ravel(), weight.ravel(), BINS**3).reshape(BINS, BINS, BINS)
    histogram = ndimage.gaussian_filter(histogram, (spread, 0.6, 0.6))
    histogram = histogram / (histogram.sum() + 100.0) + 1e-5
    return histogram.ravel()[index]


def _texture(lightness: np.ndarray) -> np.ndarray:
    """How busy the image is around each pixel, in 16 logarithmic steps: hair is, a bald crown is not."""
    gray = lightness.astype(np.float32)
    detail = gray - cv2.GaussianBlur(gray, (0, 0), 2.0)
    energy = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 3.0))
    return np.clip(np.log2(energy + 0.25) * 2 + 4, 0, 15).astype(np.int32)


def _texture_likelihood(texture: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Density [H, W] of each pixel's texture under the histogram of the pixels weighted by `weight`."""
    histogram = ndimage.gaussian_filter1d(np.bincount(texture.ravel(), weight.ravel(), 16), 1.0)
    return np.sqrt(histogram / (histogram.sum() + 100.0) + 0.02)[texture]  # the root: it repeats what colour says


def _strangeness(skin: np.ndarray, texture: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """0 where colour and texture are the skin's usual ones, 1 where they are not: [H, W]."""
    colour = 1 - np.clip(skin / (0.1 * np.average(skin, weights=bare)), 0, 1)
    busy = np.clip(texture - np.average(texture, weights=bare) - 1.5, 0, None)
    return cv2.GaussianBlur(np.clip(colour + 0.12 * busy, 0, 1).astype(np.float32), (0, 0), 1.0)


def _hanging(share: np.ndarray, y: np.ndarray) -> np.ndarray:
    """1 where hair is on the head or hangs together with hair on it, nearly 0 for look-alikes on the shoulders."""
    hair = (share[HAIR] > share.sum(0) / 2).astype(np.uint8)
    hair = cv2.morphologyEx(hair, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    _, labels = cv2.connectedComponents(hair)
    on_head = np.isin(labels, np.unique(labels[(y < 0.1) & (hair > 0)]))
    reach = cv2.dilate((on_head & (hair > 0)).astype(np.float32), np.ones((9, 9)))
    return np.where(y < 0.2, 1, np.maximum(reach, 0.001))


def _edge_aware(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return cv2.ximgproc.fastGlobalSmootherFilter(image, weight.astype(np.float32), 8.0, 10.0)
