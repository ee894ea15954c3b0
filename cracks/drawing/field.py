"""What drawings are made of: noise, and a surface with its colour and its relief.

All fields are float64, so that the last bits in which processors differ never reach a pixel of
8 bits.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy import fft
from scipy.ndimage import shift

Field = NDArray[np.float64]
"""One value per pixel, `[height, width]`."""

Shape = tuple[int, int]
Random = np.random.Generator

_SMOOTH = 0.85  # slope from which noise has no features of a pixel or two
_FINEST = 2.0  # pixels of the smallest feature that there can be


class Courses(NamedTuple):
    """Where the joints of a running bond are: bricks, blocks or slabs."""

    length: float  # pixels from one joint to the next within a course
    height: float  # pixels of a course with its joint
    angle: float  # radians by which the courses are turned
    joint: float  # pixels
    origin: tuple[float, float] = (0.0, 0.0)  # row and column where they begin

    def seen_from(self, row: int, column: int) -> "Courses":
        """The same courses on a part of the surface that begins at this pixel."""
        return self._replace(origin=(self.origin[0] - row, self.origin[1] - column))

    def along(self, rows: ArrayLike, columns: ArrayLike) -> tuple[Field, Field]:
        """How far pixels are down and to the right, measured along the courses."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        down, right = np.asarray(rows) - self.origin[0], np.asarray(columns) - self.origin[1]
        return down * cos - right * sin, down * sin + right * cos

    def pixels(self, down: Field, right: Field) -> NDArray[np.float64]:
        """The reverse: row and column of places along the courses, `[n, 2]`."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.stack([down * cos + right * sin, right * cos - down * sin], axis=1) + self.origin


class Surface(NamedTuple):
    """A surface before light and camera."""

    colour: NDArray[np.float64]  # reflectance [height, width, 3], 1 is white
    relief: Field  # pixels towards the camera
    courses: Courses | None = None

    @property
    def shape(self) -> Shape:
        """Height and width."""
        return self.relief.shape[0], self.relief.shape[1]

    def cut(self, place: tuple[slice, slice]) -> "Surface":
        """A rectangle of the surface."""
        # joints stay where they are on the whole surface
        row, column = (part.indices(side)[0] for part, side in zip(place, self.shape, strict=True))
        courses = self.courses and self.courses.seen_from(row, column)
        return Surface(self.colour[place], self.relief[place], courses)

    def darkened(self, share: Field) -> "Surface":
        """The surface that reflects less by this share of each pixel, or more if negative."""
        return self._replace(colour=self.colour * (1 - share)[..., np.newaxis])

    def covered(self, share: Field, colour: ArrayLike) -> "Surface":
        """The surface under something of another colour that hides this share of each pixel."""
        mixed = np.asarray(colour) - self.colour
        mixed *= share[..., np.newaxis]
        mixed += self.colour
        return self._replace(colour=mixed)

    def raised(self, pixels: Field) -> "Surface":
        """The surface with its relief changed."""
        return self._replace(relief=self.relief + pixels)


def fractal_noise(
    random: Random,
    shape: Shape,
    slope: float,
    coarse: float = 1e9,
    fine: float = 0.0,
    stretch: float = 1.0,
) -> Field:
    """Noise of mean 0 and deviation 1 whose amplitude falls as frequency to the power `-slope`.

    Args:
        random: generates the random numbers.
        shape: height and width.
        slope: 0 for white noise, 1 for a rough surface, 2 for clouds.
        coarse: pixels of the largest feature; what is larger is left out.
        fine: pixels of the smallest feature; what is smaller is left out.
        stretch: how much longer features are from top to bottom than across.
    """
    if slope >= _SMOOTH or fine >= 2 * _FINEST:  # half the pixels show as much
        half = ((shape[0] + 3) // 2, (shape[1] + 3) // 2)
        noise = _periodic_noise(random, half, slope, coarse / 2, fine / 2, stretch)
        image = Image.fromarray(noise.astype(np.float32))
        size = (2 * half[1], 2 * half[0])
        enlarged = np.asarray(image.resize(size, Image.Resampling.BICUBIC), dtype=np.float64)
        noise = enlarged[: shape[0], : shape[1]]
    else:
        noise = _periodic_noise(random, shape, slope, coarse, fine, stretch)
    noise = noise - noise.mean()
    return np.asarray(noise / (noise.std() + 1e-12))


def _periodic_noise(
    random: Random, shape: Shape, slope: float, coarse: float, fine: float, stretch: float
) -> Field:
    height, width = (fft.next_fast_len(side, real=True) for side in shape)
    log_frequency = _log_frequency(height, width, stretch)
    gain = np.exp(-slope * log_frequency)
    gain[log_frequency < -np.log(coarse)] = 0
    if fine:
        gain[log_frequency > -np.log(fine)] = 0
    gain[0, 0] = 0
    parts = random.random((*gain.shape, 2)) - 0.5  # many of them add up to a normal distribution
    parts *= gain[..., np.newaxis]
    spectrum = parts.view(np.complex128)[..., 0]
    noise = fft.irfft2(spectrum, s=(height, width), overwrite_x=True)
    return np.asarray(noise[: shape[0], : shape[1]])


@lru_cache(maxsize=16)
def _log_frequency(height: int, width: int, stretch: float) -> Field:
    vertical = fft.fftfreq(height)[:, np.newaxis] * stretch
    frequency = np.hypot(vertical, fft.rfftfreq(width)[np.newaxis])
    frequency[0, 0] = 1.0
    return np.asarray(np.log(frequency))


def wander(random: Random, n: int, slope: float) -> NDArray[np.float64]:
    """Noise along a line, `[n]`, with mean 0 and deviation 1; `slope` as for `fractal_noise`."""
    size = fft.next_fast_len(n + n // 2, real=True)  # the ends need not meet
    frequency = fft.rfftfreq(size)
    frequency[0] = np.inf
    spectrum = random.standard_normal((len(frequency), 2)).view(np.complex128)[:, 0]
    noise = fft.irfft(spectrum * frequency**-slope, n=size)[:n]
    return np.asarray((noise - noise.mean()) / (noise.std() + 1e-12))


def smoothstep(values: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def moved(field: Field, rows: int, columns: int) -> Field:
    """The field moved down and to the right by whole pixels, its border repeated."""
    return np.asarray(shift(field, (rows, columns), order=0, mode="nearest"))


def grey(random: Random, low: float, high: float, tint: float = 0.03) -> NDArray[np.float64]:
    """A nearly grey colour, `[3]`: warm or cold, a little green or violet."""
    warm, green = random.normal(0.3, 1.0) * tint, random.normal(0, 0.4) * tint
    return np.asarray(random.uniform(low, high) * np.array([1 + warm, 1 + green, 1 - warm]))
