"""Synthetic portraits: the head model with a random face, skin, hair, light, clothes and camera, and the truth of it.

A deferred renderer in numpy: one raster of the body, one of the hair, vertices lit, pixels coloured.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ...capture.eyes import eye_profile, eye_texture
from ...parametric.dense_points import DensePoints
from ...parametric.head import HeadModel
from ...rendering.atlas import texel_coordinates
from ...rendering.camera import Camera
from ...rendering.lookup import lookup
from ...rendering.rasterise import Raster, interpolate, rasterise
from ...rendering.shading import srgb_to_linear, vertex_normals
from .body import Body
from .film import develop
from .hairdos import Hairdo, Hairdresser, Strands, random_tone
from .light import Lighting, as_harmonics
from .scenery import Backdrops, clothing, hold_before, wear_glasses
from .sitters import Sitters
from .sittings import SIZE, Sitting, random_sitting
from .skins import Skins

FINER = 2
"""Pixels are drawn that many times finer, and averaged."""
NEAR = 0.008
"""Metres that a visible point may lie behind what is drawn."""
BALD, GLASSES, HELD = 0.12, 0.25, 0.15
"""How often."""
IRISES = np.array(
    [
        *((0.04, 0.02, 0.012), (0.085, 0.045, 0.025), (0.13, 0.08, 0.035), (0.12, 0.12, 0.06), (0.1, 0.14, 0.18)),
        *((0.16, 0.2, 0.24), (0.2, 0.2, 0.19)),
    ]
)


@dataclass(frozen=True)
class Portrait:
    """A picture and its truth."""

    pixels: np.ndarray
    """[SIZE, SIZE, 3] uint8 sRGB."""
    points: np.ndarray
    """[P, 2] pixels of the dense points."""
    visible: np.ndarray
    """[P] bool: in the picture, facing the camera, behind nothing."""
    beta: np.ndarray
    arkit: np.ndarray
    camera: np.ndarray
    """[15] focal length, centre, rotation row by row, translation; the size is SIZE."""
    light: np.ndarray
    """[9, 3] the second-order light nearest to the one that shone, in the skull's space."""


class Studio:
    """Makes portraits."""

    def __init__(self, data: Path, cache: Path, *, held_out: bool = False) -> None:
        """With the skins and lights of the portraits of one split. Raises InputError when `data` lacks something."""
        self.model = model = HeadModel.load()
        self.points = DensePoints.of(model)
        self._sitters = Sitters.load(data, cache, held_out=held_out)
        self._skins, self._hairdresser = Skins(model, self._sitters), Hairdresser(model, data)
        self._strands, self._backdrops = Strands(), Backdrops()
        self._hair_tones = self._sitters.hair[np.isfinite(self._sitters.hair[:, 0])]
        profile = eye_profile(model, "left_eye")
        eyes = (eye_texture(color.astype(np.float32), profile) for color in IRISES)
        self._eyes = [srgb_to_linear(cv2.resize(eye, (192, 192), interpolation=cv2.INTER_AREA)) for eye in eyes]
        self._body = Body.of(model)

    def portrait(self, rng: np.random.Generator) -> Portrait:
        """A random portrait."""
        sitting = random_sitting(rng, self.model, self.points)
        camera = _finer(sitting)
        hairdo = None if rng.random() < BALD else self._hairdresser.dress(rng, sitting.vertices)
        tone = random_tone(rng, self._hair_tones)
        lighting = Lighting.random(rng, self._sitters.light)
        vertices = self._body.posed(sitting.vertices)
        normals = vertex_normals(vertices, self._body.triangles)
        occluders = (sitting.vertices, self._body.caster)
        if hairdo:
            joined = np.concatenate([self._body.caster, hairdo.triangles + len(sitting.vertices)])
            occluders = (np.concatenate([sitting.vertices, hairdo.vertices]), joined)
        irradiance = lighting.irradiance(vertices, normals, occluders) * self._body.shelter[:, None]
        raster = rasterise(camera.project(vertices).astype(np.float32), self._body.drawn, camera.size)
        skin = self._skins.random(rng, tone if hairdo or rng.random() < 0.4 else None)
        linear = self._backdrops.random(rng, camera.size[0]).astype(np.float32)
        linear *= irradiance[self._body.face].mean() * rng.uniform(0.3, 1.5)
        views = _towards(vertices, camera)
        gloss = lighting.gloss(normals, views, rng.uniform(8, 40))
        linear[raster.covered] = self._color(rng, raster, skin, irradiance, gloss, lighting, normals, views)
        over = np.zeros(raster.depth.shape, bool)
        if hairdo:
            over = self._comb(rng, linear, raster.depth, hairdo, tone, lighting, camera)
        hidden = self._clutter(rng, linear, sitting, camera, skin, irradiance)
        visible = self._visible(sitting, normals, views, camera, raster.depth) & ~_at(
            over | hidden, sitting, self.points
        )
        small = cv2.resize(linear, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        shown = cv2.resize(np.isfinite(raster.depth).astype(np.uint8), (SIZE, SIZE), interpolation=cv2.INTER_AREA) > 0
        face = self._body.face
        return Portrait(
            develop(rng, small, shown),
            sitting.camera.project(sitting.vertices[self.points.vertices])[:, :2].astype(np.float32),
            visible,
            sitting.beta.astype(np.float32),
            sitting.arkit.astype(np.float32),
            _flat(sitting.camera),
            as_harmonics(normals[face], irradiance[face]).astype(np.float32),
        )

    def _color(
        self,
        rng: np.random.Generator,
        raster: Raster,
        skin: np.ndarray,
        irradiance: np.ndarray,
        gloss: np.ndarray,
        lighting: Lighting,
        normals: np.ndarray,
        views: np.ndarray,
    ) -> np.ndarray:
        """Linear colours `[covered, 3]` of the body's pixels."""
        body, covered = self._body, raster.covered
        triangle, barycentric = raster.triangle[covered], raster.barycentric[covered]
        corners = body.drawn[triangle]
        data = interpolate(np.concatenate([irradiance, gloss, body.rest], 1).astype(np.float32), corners, barycentric)
        light, shine, rest = np.split(data, 3, axis=1)
        uv = interpolate(self.model.uv.astype(np.float32), body.drawn_uv[triangle], barycentric)
        part = body.part[triangle]
        albedo = body.matter[part]
        is_skin, is_eye = part == 0, (part == 1) | (part == 2)
        albedo[is_skin] = lookup(skin, texel_coordinates(uv[is_skin], len(skin)))
        eye = self._eyes[rng.integers(len(self._eyes))]
        albedo[is_eye] = lookup(eye, texel_coordinates(uv[is_eye], len(eye)))
        cloth, cloth_color = clothing(rng)(rest)
        cloth &= is_skin | (part == len(self.model.parts))
        albedo[cloth] = cloth_color[cloth]
        strength = np.where(is_skin & ~cloth, rng.uniform(0, 0.08) * rng.random(), 0.0)[:, None]
        color = albedo * light + strength * shine
        sharp = lighting.gloss(normals, views, 120.0).astype(np.float32)
        wet = ~is_skin & (part < len(self.model.parts))
        color[wet] += rng.uniform(0, 0.5) * interpolate(sharp, corners[wet], barycentric[wet])
        return color

    def _comb(
        self,
        rng: np.random.Generator,
        linear: np.ndarray,
        depth: np.ndarray,
        hairdo: Hairdo,
        tone: np.ndarray,
        lighting: Lighting,
        camera: Camera,
    ) -> np.ndarray:
        """Draw hair over `linear` [H, W, 3], in place; returns where it hides what is behind, [H, W] bool."""
        points = camera.project(hairdo.vertices).astype(np.float32)
        raster = rasterise(points, hairdo.triangles, camera.size)
        seen = raster.covered & (raster.depth < depth)
        triangle, barycentric = raster.triangle[seen], raster.barycentric[seen]
        rest = interpolate(hairdo.rest, hairdo.triangles[triangle], barycentric)
        bulge = hairdo.vertices - hairdo.vertices.mean(0)
        normals = bulge / np.linalg.norm(bulge, axis=1, keepdims=True)
        flat = vertex_normals(hairdo.vertices, hairdo.triangles)
        normals = normals + 0.5 * flat * np.sign((flat * normals).sum(1, keepdims=True))
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        nothing = (hairdo.vertices, hairdo.triangles[:0])
        light = Lighting(lighting.ambient, ()).irradiance(hairdo.vertices, normals, nothing)
        for lamp in lighting.lamps:
            light = light + np.clip(normals @ lamp.direction + 0.2, 0, 1)[:, None] * lamp.color
        shine = lighting.gloss(normals, _towards(hairdo.vertices, camera), 12.0)
        data = np.concatenate([light, shine], 1).astype(np.float32)
        light, shine = np.split(interpolate(data, hairdo.triangles[triangle], barycentric), 2, axis=1)
        noise = self._strands(rest, rng.uniform(0, 1) ** 2, rng.uniform(0, 500))[:, None]
        depth_in = rng.uniform(0.2, 0.6)
        color = tone * light * np.exp(depth_in * noise) + rng.uniform(0, 0.06) * shine * np.exp(0.8 * noise)
        density = rng.uniform(0.5, 2.5)
        alpha = np.zeros(depth.shape, np.float32)
        alpha[seen] = np.clip(density + 0.8 * noise[:, 0], 0, 1)
        alpha = cv2.GaussianBlur(alpha, (0, 0), 0.8)
        paint = linear.copy()
        paint[seen] = color
        linear += alpha[..., None] * (paint - linear)
        return alpha > 0.5

    def _clutter(
        self,
        rng: np.random.Generator,
        linear: np.ndarray,
        sitting: Sitting,
        camera: Camera,
        skin: np.ndarray,
        irradiance: np.ndarray,
    ) -> np.ndarray:
        """Glasses and things before the face, drawn in place; returns what hides the face, [H, W] bool."""
        hidden = np.zeros(linear.shape[:2], bool)
        if rng.random() < GLASSES:
            eyes = np.stack([sitting.vertices[index].mean(0) for index in self._body.eyeballs])
            hidden |= wear_glasses(rng, linear, lambda p: camera.project(p)[:, :2], eyes)
        if rng.random() < HELD:
            hidden |= hold_before(rng, linear, np.median(skin.reshape(-1, 3), 0) * irradiance[self._body.face].mean(0))
        return hidden

    def _visible(
        self, sitting: Sitting, normals: np.ndarray, views: np.ndarray, camera: Camera, depth: np.ndarray
    ) -> np.ndarray:
        chosen = self.points.vertices
        points = camera.project(sitting.vertices[chosen])
        column, row = np.floor(points[:, :2].T).astype(int)
        inside = (column >= 0) & (row >= 0) & (column < depth.shape[1]) & (row < depth.shape[0])
        near = points[:, 2] < depth[np.clip(row, 0, len(depth) - 1), np.clip(column, 0, len(depth) - 1)] + NEAR
        return inside & near & ((normals[chosen] * views[chosen]).sum(1) > 0)


def _finer(sitting: Sitting) -> Camera:
    camera = sitting.camera
    center = (camera.center[0] * FINER, camera.center[1] * FINER)
    return replace(camera, focal=camera.focal * FINER, center=center, size=(SIZE * FINER, SIZE * FINER))


def _towards(vertices: np.ndarray, camera: Camera) -> np.ndarray:
    views = -camera.rotation.T @ camera.translation - vertices
    return views / np.linalg.norm(views, axis=1, keepdims=True)


def _at(mask: np.ndarray, sitting: Sitting, points: DensePoints) -> np.ndarray:
    """[P] whether the finer `mask` holds at the dense points."""
    place = sitting.camera.project(sitting.vertices[points.vertices])[:, :2] * FINER
    column, row = np.clip(np.floor(place), 0, len(mask) - 1).astype(int).T
    return mask[row, column]


def _flat(camera: Camera) -> np.ndarray:
    return np.concatenate([[camera.focal], camera.center, camera.rotation.ravel(), camera.translation]).astype(
        np.float32
    )
