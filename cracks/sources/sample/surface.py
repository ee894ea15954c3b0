"""Concrete drawn from nothing: grain, aggregate, pores, stains, formwork, light, the camera.

Everything is float64 brightness around 1 on `[height, width]`, so that the last bits in which
processors differ never reach a pixel of 8 bits.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter

from cracks.images.decoding import RGB

Field = NDArray[np.float64]
"""Brightness or height, `[height, width]`."""

Shape = tuple[int, int]
Random = np.random.Generator


def fractal_noise(
    random: Random, shape: Shape, slope: float, coarse: float = 1e9, stretch: float = 1.0
) -> Field:
    """Noise of mean 0 and deviation 1 whose amplitude falls as frequency to the power `-slope`.

    Args:
        random: the source of chance.
        shape: height and width.
        slope: 0 for white noise, 1 for a rough surface, 2 for clouds.
        coarse: pixels of the largest feature; what is larger is left out.
        stretch: how much longer features are from top to bottom than across.
    """
    height, width = (fft.next_fast_len(side + side // 4, real=True) for side in shape)
    vertical = fft.fftfreq(height)[:, np.newaxis] * stretch
    frequency = np.hypot(vertical, fft.rfftfreq(width)[np.newaxis])
    frequency[0, 0] = 1.0
    gain = frequency**-slope
    gain[frequency < 1 / coarse] = 0
    gain[0, 0] = 0
    spectrum = fft.rfft2(random.standard_normal((height, width)))
    noise = fft.irfft2(spectrum * gain, s=(height, width))[: shape[0], : shape[1]]
    return np.asarray((noise - noise.mean()) / (noise.std() + 1e-12))


def smoothstep(values: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def draw_surface(random: Random, shape: Shape) -> Field:
    """Bare concrete, brightness around 1, before light and camera."""
    roughness = random.uniform(0.3, 1.6)
    angle = random.uniform(0, 2 * np.pi)
    height = fractal_noise(random, shape, random.uniform(1.0, 1.9), coarse=40)
    surface = 1 + 0.03 * random.uniform(0.4, 1.6) * fractal_noise(random, shape, 1.9)
    surface += 0.02 * random.uniform(0.3, 1.4) * fractal_noise(random, shape, 1.1, coarse=60)
    surface += 0.03 * roughness * _relief(height, angle)
    surface += 0.016 * roughness * gaussian_filter(random.standard_normal(shape), 0.7) * 2
    if random.random() < 0.5:
        surface *= _aggregate(random, shape)
    if random.random() < 0.35:
        surface *= _formwork(random, shape)
    surface *= _pores(random, shape, angle)
    if random.random() < 0.4:
        surface *= _blotches(random, shape)
    return surface


def _relief(height: Field, angle: float) -> Field:
    """How a surface of this height looks in light from the side."""
    down, across = np.gradient(height)
    shade = np.cos(angle) * across + np.sin(angle) * down
    return np.asarray(shade / (shade.std() + 1e-12))


def _aggregate(random: Random, shape: Shape) -> Field:
    """Sand and stones that show through the paste, some darker, some lighter."""
    size = random.uniform(2.0, 6.0)
    grains = fractal_noise(random, shape, 0.6, coarse=size * 6)
    grains = gaussian_filter(grains, size / 3)
    grains /= grains.std()
    contrast = random.uniform(0.02, 0.09)
    dark, light = smoothstep(grains, 1.1, 1.5), smoothstep(-grains, 1.3, 1.7)
    return 1 - contrast * dark + 0.7 * contrast * light


def _formwork(random: Random, shape: Shape) -> Field:
    """The grain of the boards that the concrete was cast against."""
    streaks = fractal_noise(random, (max(shape), max(shape)), 1.1, coarse=50, stretch=12)
    if random.random() < 0.5:
        streaks = streaks.T
    return 1 + random.uniform(0.008, 0.03) * streaks[: shape[0], : shape[1]]


def _pores(random: Random, shape: Shape, angle: float) -> Field:
    """Air bubbles: dark hollows with a lit rim on the side away from the light."""
    density = random.choice([0.0, 2.0, 8.0, 20.0], p=[0.25, 0.35, 0.3, 0.1]) / 227**2
    factor = np.ones(shape)
    for _ in range(random.poisson(density * shape[0] * shape[1])):
        radius = min(random.lognormal(0.3, 0.6), 7.0)
        row, column = random.uniform(0, shape[0]), random.uniform(0, shape[1])
        reach = int(3 * radius) + 3
        top, left = max(int(row) - reach, 0), max(int(column) - reach, 0)
        window = factor[top : int(row) + reach, left : int(column) + reach]
        rows, columns = np.ogrid[top : top + window.shape[0], left : left + window.shape[1]]
        down, across = (rows - row) / random.uniform(0.7, 1.0), (columns - column)
        distance = np.hypot(down, across) / radius
        lit = (np.cos(angle) * across + np.sin(angle) * down) / (radius * (distance + 0.3))
        hollow = 1 - smoothstep(distance, 0.6, 1.2)
        rim = np.exp(-((distance - 1.15) ** 2) / 0.08) * np.clip(lit, 0, None)
        window *= 1 - random.uniform(0.15, 0.5) * hollow * (1 - 0.4 * lit * hollow) + 0.05 * rim
    return factor


def _blotches(random: Random, shape: Shape) -> Field:
    """Where water or oil has dried: large patches with a soft border."""
    field = fractal_noise(random, shape, random.uniform(1.6, 2.4))
    border = random.uniform(0.1, 0.8)
    return 1 - random.uniform(0.03, 0.16) * smoothstep(field, border, border + 0.5)


def photograph(random: Random, surface: Field) -> RGB:
    """What a camera makes of a surface: uneven light, colour, blur, noise; uint8 `[h, w, 3]`."""
    shape = surface.shape
    rows = np.linspace(-1, 1, shape[0])[:, np.newaxis]
    columns = np.linspace(-1, 1, shape[1])[np.newaxis]
    angle = random.uniform(0, 2 * np.pi)
    light = 1 + random.uniform(0, 0.12) * (np.cos(angle) * columns + np.sin(angle) * rows)
    light -= random.uniform(0, 0.05) * (rows**2 + columns**2)
    lit = gaussian_filter(surface * light, random.uniform(0.35, 1.0), mode="nearest")

    warmth = np.clip(random.normal(0.035, 0.03), -0.015, 0.1)
    colour = random.uniform(105, 205) * np.array(
        [1 + warmth, 1 + random.normal(0, 0.01), 1 - warmth]
    )
    tint = 0.012 * random.random() * fractal_noise(random, (shape[0], shape[1]), 1.7)
    rgb = lit[..., np.newaxis] * colour
    rgb[..., 0] *= 1 + tint
    rgb[..., 2] *= 1 - tint
    noise = random.standard_normal((*shape, 1)) + 0.6 * random.standard_normal((*shape, 3))
    rgb += random.uniform(0.6, 3.2) * noise
    return np.asarray(np.clip(np.rint(rgb), 0, 255), dtype=np.uint8)
