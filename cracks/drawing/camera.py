"""What a camera makes of a surface: light, lens, sensor and what its software does to them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from cracks.drawing.field import Field, Random, Shape, Surface, fractal_noise, moved
from cracks.images.decoding import RGB

Colours = NDArray[np.float64]
"""`[height, width, 3]`."""


def photograph(random: Random, surface: Surface, sharp: bool = False) -> RGB:
    """The photograph of a surface, uint8 `[height, width, 3]`.

    Args:
        random: generates the random numbers.
        surface: what is seen.
        sharp: whether the smallest things are visible, as on photographs of hairline cracks.
    """
    shape = surface.shape
    light = _light(random, shape) * _shading(random, surface.relief)
    seen = surface.colour * light[..., np.newaxis]
    seen *= _exposure(random, seen) * _white_balance(random)
    tint = 0.015 * random.random() * fractal_noise(random, shape, 1.6, fine=4)
    seen[..., 0] *= 1 + tint
    seen[..., 2] *= 1 - tint
    seen = _through_lens(random, seen, sharp)
    if random.random() < 0.35:
        seen += random.uniform(0.2, 1.0) * (seen - _blurred(seen, 1.2))  # sharpened by software
    seen += _sensor_noise(random, shape)
    if random.random() < 0.06:
        seen[:] = seen.mean(axis=2, keepdims=True)
    rgb = np.asarray(np.clip(np.rint(seen), 0, 255), dtype=np.uint8)
    return rgb if sharp or random.random() < 0.75 else _resampled(random, rgb)


def _light(random: Random, shape: Shape) -> Field:
    """Light that falls off to one side and to the corners."""
    rows = np.linspace(-1, 1, shape[0])[:, np.newaxis]
    columns = np.linspace(-1, 1, shape[1])[np.newaxis]
    angle = random.uniform(0, 2 * np.pi)
    slope = random.uniform(0, 0.2) ** 1.5 * 2.2
    light = 1 + slope * (np.cos(angle) * columns + np.sin(angle) * rows)
    return np.asarray(light - random.uniform(0, 0.06) * (rows**2 + columns**2))


def _shading(random: Random, relief: Field) -> Field:
    """How bright each slope of the relief is in light from one side."""
    angle = random.uniform(0, 2 * np.pi)
    down, across = np.gradient(relief)
    slope = np.cos(angle) * across + np.sin(angle) * down
    return np.asarray(np.clip(1 - random.uniform(0.15, 1.3) * slope, 0.35, 1.7))


def _exposure(random: Random, seen: Colours) -> float:
    """The factor that an automatic exposure would apply."""
    some = seen[::4, ::4, 1]
    wanted = random.uniform(*((140, 210), (75, 170))[random.choice(2, p=[0.65, 0.35])])
    return float(min(wanted / (some.mean() + 0.02), 250 / np.quantile(some, 0.93)))


def _white_balance(random: Random) -> Colours:
    warm, green = random.normal(0.01, 0.035), random.normal(0, 0.015)
    return np.array([1 + warm, 1 + green, 1 - warm])


def _blurred(seen: Colours, sigma: float) -> Colours:
    return np.asarray(gaussian_filter(seen, (sigma, sigma, 0), mode="nearest", truncate=3.0))


def _through_lens(random: Random, seen: Colours, sharp: bool) -> Colours:
    """Slightly out of focus, sometimes a lot, or blurred by motion."""
    kind = 0 if sharp else random.choice(3, p=[0.72, 0.22, 0.06])
    if kind == 2:
        axis = int(random.integers(2))
        return np.asarray(gaussian_filter1d(seen, random.uniform(1, 3), axis=axis, mode="nearest"))
    return _blurred(seen, random.uniform(*((0.35, 1.2), (1.2, 3.2))[kind]))


def _sensor_noise(random: Random, shape: Shape) -> Colours:
    """Noise of brightness and, in coarser grains, of colour."""
    grain = random.random(shape)
    if random.random() < 0.5:
        grain += moved(grain, 0, 1) + moved(grain, 1, 0)
        grain /= 3**0.5
    coarse = random.uniform(0, 0.8) * random.random(((shape[0] + 1) // 2, (shape[1] + 1) // 2, 3))
    noise = coarse.repeat(2, axis=0).repeat(2, axis=1)[: shape[0], : shape[1]]
    noise += grain[..., np.newaxis]
    noise -= noise.mean()
    noise *= random.uniform(0.3, 2.2) * 12**0.5
    return np.asarray(noise)


def _resampled(random: Random, rgb: RGB) -> RGB:
    """Enlarged from fewer pixels, as after digital zoom."""
    image = Image.fromarray(rgb)
    share = random.uniform(0.4, 0.8)
    size = (round(share * image.width), round(share * image.height))
    small = image.resize(size, Image.Resampling.BOX)
    return np.asarray(small.resize(image.size, Image.Resampling.BICUBIC))
