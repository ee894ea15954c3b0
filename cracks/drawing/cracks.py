"""Cracks: hairlines to gaps as wide as a hand, single, branched, in nets and along joints."""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import Voronoi

from cracks.drawing.field import (
    Courses,
    Field,
    Random,
    Shape,
    Surface,
    fractal_noise,
    grey,
    moved,
    smoothstep,
    wander,
)
from cracks.drawing.lines import (
    Line,
    Points,
    beside,
    coverage,
    footprint,
    ribbon,
    straight,
    swayed,
    through,
)


class Crack(NamedTuple):
    """A surface with a crack."""

    surface: Surface
    footprint: Field  # share of each pixel that lies within the crack
    width: float  # pixels, of its main line


class Kind(NamedTuple):
    """Cracks of about one width."""

    share: float  # of all cracks
    thinnest: float  # pixels of width
    widest: float
    palest: float  # share of the light that is lost within
    darkest: float


class Style(NamedTuple):
    """Which cracks are drawn, and how hard they are to see.

    The defaults are those of the sample.
    """

    kinds: tuple[Kind, ...] = (
        Kind(0.10, 0.7, 1.3, 0.5, 0.85),
        Kind(0.22, 1.3, 3.0, 0.55, 0.9),
        Kind(0.36, 3.0, 8.0, 0.6, 0.95),
        Kind(0.27, 8.0, 26.0, 0.7, 0.97),
        Kind(0.05, 26.0, 55.0, 0.8, 0.97),
    )
    lost: float = 18.0  # pixels of width, by texture, below which a crack is lost in the grain
    fading: float = 0.35  # most that a thin crack pales by on its way


STYLE = Style()

_MIN_POINTS = 40  # of a crack along joints, a step of two pixels from each to the next


def add_crack(random: Random, surface: Surface, scale: float = 1.0, style: Style = STYLE) -> Crack:
    """Draw a crack into a surface.

    Args:
        random: generates the random numbers.
        surface: what cracks.
        scale: 1 for a patch; larger draws wider cracks.
        style: of the crack.
    """
    shape = surface.shape
    kind = style.kinds[random.choice(len(style.kinds), p=[kind.share for kind in style.kinds])]
    width = scale * float(np.exp(random.uniform(*np.log([kind.thinnest, kind.widest]))))
    width = max(width, style.lost * _texture(surface))
    lines = _lines(random, surface, width, style.fading)
    ink = coverage(lines, shape)
    inside = ink if all((line.strength == 1).all() for line in lines) else footprint(lines, shape)
    if width > 2 and random.random() < 0.4:
        surface = _stepped(random, surface, lines[0], width)
    if random.random() < (0.4 if width > 6 else 0.12):
        surface = _spalled(random, surface, inside)
    if random.random() < 0.15:
        surface = _stained(random, surface, inside)
    surface = _opened(random, surface, ink, width, random.uniform(kind.palest, kind.darkest))
    return Crack(surface, inside, width)


def _texture(surface: Surface) -> float:
    """How much brightness differs from pixel to pixel, colour and relief together."""
    brightness = surface.colour[..., 1]
    steps = np.abs(np.diff(brightness, axis=1)).mean() / brightness.mean()
    return float(steps + 0.5 * np.abs(np.diff(surface.relief, n=2, axis=1)).mean())


# --- where cracks run -------------------------------------------------------------------


def _lines(random: Random, surface: Surface, width: float, fading: float) -> list[Line]:
    if surface.courses and random.random() < 0.65:
        path = _steps(random, surface.shape, surface.courses)
        if _inside(path, surface.shape).sum() > _MIN_POINTS:
            return [_cracked(random, path, width, fading)]
    if width < 8 and random.random() < 0.08:
        return _net(random, surface.shape, width, fading)
    return _branched(random, surface.shape, width, fading)


def _branched(random: Random, shape: Shape, width: float, fading: float) -> list[Line]:
    """A crack with its branches, each of which begins on the crack and thins out."""
    before, middle, after = through(random, shape)
    if random.random() < 0.15:
        after = middle + random.uniform(0.1, 0.5) * (after - middle)  # the crack ends here
    path = _jagged(random, straight(before, after))
    path += middle - path[np.argmin(np.hypot(*(path - middle).T))]
    ends = np.hypot(*(after - middle)) < 0.5 * min(shape)
    lines = [_cracked(random, path, width, fading, tapers=bool(ends))]
    for _ in range(random.choice(4, p=[0.55, 0.25, 0.13, 0.07])):
        place = int(random.integers(len(path) // 6, 5 * len(path) // 6))
        along = path[min(place + 5, len(path) - 1)] - path[max(place - 5, 0)]
        angle = np.arctan2(along[0], along[1]) + random.choice([-1, 1]) * random.uniform(0.3, 1.3)
        length = random.uniform(0.2, 0.8) * min(shape)
        tip = path[place] + length * np.array([np.sin(angle), np.cos(angle)])
        branch = _jagged(random, straight(path[place], tip))
        thinner = width * random.uniform(0.15, 0.8)
        lines.append(_cracked(random, branch, thinner, fading, tapers=True))
    return lines


def _jagged(random: Random, points: Points) -> Points:
    """The path of a crack: long bends, kinks, and sideways steps around grains."""
    length = float(np.hypot(*(points[-1] - points[0])))
    points = swayed(random, points, random.uniform(0.01, 0.06) * length, random.uniform(1.35, 2.0))
    kinks = random.uniform(0.002, 0.008) * length
    points = swayed(random, points, kinks, random.uniform(0.7, 1.1))
    return swayed(random, points, random.uniform(0, 0.5), 0.1)


def _cracked(
    random: Random, points: Points, width: float, fading: float, *, tapers: bool = False
) -> Line:
    """A crack along a path; its edges do not quite match, and thin ones fade and return."""
    n = len(points)
    profile = np.exp(random.uniform(0.1, 0.5) * wander(random, n, random.uniform(0.8, 1.4)))
    profile = np.minimum(profile, 1.8)
    if tapers:
        profile *= np.linspace(1, 0.1, n) ** random.uniform(0.4, 1.2)
    widths = width * profile
    fading = random.uniform(0, fading) if width < 3 else 0.0
    strength = np.clip(1 - fading + fading * wander(random, n, 0.8), 0.1, 1)
    line = ribbon(points, widths, strength)
    if width < 3:
        return line
    across = line.left - line.right
    across /= np.hypot(*across.T)[:, np.newaxis] + 1e-9
    ragged = random.uniform(0.01, 0.09) * widths + random.uniform(0, 0.4)
    slope = random.uniform(0.5, 1.1)
    left = line.left + (ragged * wander(random, n, slope))[:, np.newaxis] * across
    right = line.right - (ragged * wander(random, n, slope))[:, np.newaxis] * across
    return Line(left, right, line.strength)


def _net(random: Random, shape: Shape, width: float, fading: float) -> list[Line]:
    """Map cracking: cells of about one size, between them cracks that meet at their corners."""
    cell = min(shape) * random.uniform(0.2, 0.6)
    rows, columns = np.mgrid[-1 : shape[0] / cell + 2, -1 : shape[1] / cell + 2]
    seeds = np.stack([rows.ravel(), columns.ravel()], axis=1) * cell
    seeds += random.uniform(-0.45, 0.45, seeds.shape) * cell
    cells = Voronoi(seeds)
    lines = []
    for start, end in cells.ridge_vertices:
        if start >= 0 and random.random() < 0.9:
            edge = straight(cells.vertices[start], cells.vertices[end])
            outside = (edge < -20) | (edge > np.array(shape) + 20)
            if not outside.all():
                path = swayed(random, edge, 1.2, 1.0)
                lines.append(_cracked(random, path, width * random.uniform(0.3, 1.0), fading))
    return lines


def _steps(random: Random, shape: Shape, courses: Courses) -> Points:
    """The way of a crack along the joints of masonry: across a course, along a joint, and so on."""
    down, right = courses.along(*(np.array(shape) * random.uniform(0.3, 0.7, 2)))
    first, half = round(float(down) / courses.height), courses.length / 2
    odd = first % 2 / 2
    joint = (round(float(right) / courses.length + odd) - odd) * courses.length
    reach = int(1.5 * max(shape) / min(courses.height, half)) + 1
    heading = random.choice([-1, 1])
    steps = np.arange(-reach, reach + 1).repeat(2)
    beds = (first + np.arange(-reach, reach + 1))[:, np.newaxis] + np.array([0, 1])
    corners = courses.pixels(beds.ravel() * courses.height, joint + heading * steps * half)
    path = np.concatenate([straight(a, b) for a, b in itertools.pairwise(corners)])
    path = path[_inside(path, shape, margin=30)]
    return swayed(random, path, courses.joint / 5, 0.7) if len(path) > _MIN_POINTS else path


def _inside(points: Points, shape: Shape, margin: float = 0.0) -> NDArray[np.bool_]:
    inside = (points > -margin) & (points < np.array(shape) + margin)
    return np.asarray(inside.all(axis=1))


# --- what they look like ----------------------------------------------------------------


def _opened(random: Random, surface: Surface, ink: Field, width: float, darkness: float) -> Surface:
    """The crack itself: dark within, with rounded edges, and one wall of it in the light."""
    shape = surface.shape
    core = ink
    if width > 3 and random.random() < 0.8:
        angle, depth = random.uniform(0, 2 * np.pi), random.uniform(0.05, 0.6) * width
        row, column = depth * np.sin(angle), depth * np.cos(angle)
        hidden = gaussian_filter(ink, random.uniform(0.5, 1 + 0.2 * width), truncate=2.5)
        core = ink * np.clip(1.4 * moved(hidden, round(row), round(column)), 0, 1)
    rough = fractal_noise(random, shape, 0.9, coarse=30)
    wall = random.uniform(-0.1, 0.65) + random.uniform(0.02, 0.2) * rough
    surface = surface.darkened(np.clip((ink - core) * wall, -0.3, 1))
    deep = np.clip(darkness + 0.06 * rough, 0, 0.97)
    if width > 5 and random.random() < 0.3:
        debris = smoothstep(fractal_noise(random, shape, 1.0, coarse=30), random.uniform(0, 1.2), 2)
        deep *= 1 - random.uniform(0.3, 0.8) * debris
    edge = gaussian_filter(ink, min(0.6 + 0.12 * width, 3.0), truncate=3)
    lip = random.uniform(0, 2.2) * min(width / 4, 1.5)
    surface = surface.raised(-lip * edge)
    return surface.darkened(core * deep * (0.75 + 0.25 * smoothstep(edge, 0.2, 0.9)))


def _stepped(random: Random, surface: Surface, line: Line, width: float) -> Surface:
    """One side of the crack stands higher than the other, or is of another tone."""
    side = beside((line.left + line.right) / 2, surface.shape)
    height = random.uniform(-1, 1) * min(width, 6)
    surface = surface.raised(height * gaussian_filter(side, random.uniform(1, 3)))
    return surface.darkened(random.uniform(-0.12, 0.12) * side)


def _spalled(random: Random, surface: Surface, inside: Field) -> Surface:
    """Chips broken off along the edges: deeper, rougher, fresh or full of dirt."""
    shape = surface.shape
    near = gaussian_filter(inside, random.uniform(3, 10), truncate=2.5)
    chips = smoothstep(near + 0.12 * fractal_noise(random, shape, 1.1, coarse=50), 0.25, 0.3)
    rough = random.uniform(0.02, 0.12) * fractal_noise(random, shape, 0.7, coarse=16)
    surface = surface.raised(-random.uniform(0.3, 2.5) * gaussian_filter(chips, 1.0))
    return surface.darkened(chips * (random.uniform(-0.25, 0.3) + rough))


def _stained(random: Random, surface: Surface, inside: Field) -> Surface:
    """What came out of the crack or ran into it: lime, rust, water, dirt."""
    near = gaussian_filter(inside, random.uniform(3, 16), truncate=2.5)
    near = near / (near.max() + 1e-9)
    broken = fractal_noise(random, surface.shape, 1.3)
    share = random.uniform(0.15, 0.7) * near * np.clip(0.7 + 0.5 * broken, 0, 1)
    return surface.covered(np.clip(share, 0, 1), _stain_colour(random))


def _stain_colour(random: Random) -> NDArray[np.float64]:
    if random.random() < 0.25:
        return random.uniform(0.7, 1.1) * np.array([0.5, 0.32, 0.18])  # rust
    low, high = ((0.8, 1.0), (0.1, 0.35))[random.integers(2)]
    return grey(random, low, high, tint=0.05)
