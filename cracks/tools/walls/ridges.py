"""The crack itself, pixel by pixel: the dark lines where a crack map has evidence.

A crack is darker than the surface beside it. Its pixels have at least a share of the darkness of
the darkest one near them. Evidence and darkness are compared with two thresholds each (hysteresis,
Canny 1986): a weak stretch of a line belongs to the crack where a strong one is connected to it.
Blots are told from cracks by their skeleton.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, label, maximum_filter
from skimage.filters.rank import median
from skimage.morphology import footprint_rectangle, skeletonize

from cracks.images.decoding import RGB, Mask
from cracks.tools.walls.crack_map import CrackMap, levels
from cracks.tools.walls.gaps import closed_gaps

_FAINT, _CLEAR = 0.05, 0.1
"""Least darkness (share of the brightness around it) of a crack, and that it has somewhere."""

_FAINT_DEVIATIONS, _CLEAR_DEVIATIONS = 2.0, 3.0
"""The same in standard deviations of the surface."""

_BLUR = 0.7  # pixels: less noise, and a hairline not much wider
_AROUND = 1 / 2  # of a patch's side: width of the window of the median, twice the widest crack
_SHORTEST = 1 / 14  # of a patch's side: length of the shortest crack, a cell
_SLENDER = 2.0  # least length of a crack in its own widths
_EDGE = 0.4  # share of a crack's darkness that its edge has
_WITHIN = 1 / 14  # of a patch's side: how far from the edge of a crack that darkness is found
_REDUCED = 4  # factor by which the photograph is scaled down for the median
_STRIP = 512  # rows that are worked on at a time
_MARGIN = 4  # rows beside them that the blur needs
_MEDIAN_OF_HALF_NORMAL = 0.6745  # in standard deviations

EIGHT = np.ones((3, 3))
"""Neighbours for `scipy.ndimage.label`: what touches by a corner is connected."""


class Cracks(NamedTuple):
    """The pixels of cracks, and their skeleton of one pixel's width; both `[height, width]`."""

    mask: Mask
    skeleton: Mask


def find_cracks(rgb: RGB, crackmap: CrackMap, threshold: float) -> Cracks:
    """The dark lines where the evidence reaches that threshold.

    Takes at most eight bytes a pixel: whole arrays are reused, the rest is done in strips.
    """
    mask = _filled(_lines(rgb, crackmap, threshold), crackmap.patch)
    cracks = _slender(Cracks(mask, np.asarray(skeletonize(mask))), crackmap.patch)
    return Cracks(*closed_gaps(cracks.mask, cracks.skeleton, crackmap))


def _lines(rgb: RGB, crackmap: CrackMap, threshold: float) -> Mask:
    """What is dark and connected to what is clearly dark, where the evidence is."""
    dark = darkness(rgb, crackmap.patch)
    faint, clear = _thresholds(dark)
    edges = np.rint(_EDGE * np.arange(256)).astype(np.uint8)
    highest = maximum_filter(dark, _window(_WITHIN * crackmap.patch))
    for top in range(0, len(dark), _STRIP):
        strip = dark[top : top + _STRIP]
        strip[strip < edges[highest[top : top + _STRIP]]] = 0
    del highest
    strong = _seeds(dark, clear, crackmap, threshold)
    weak = dark >= faint
    del dark
    return _hysteresis(weak, strong)


def _seeds(dark: NDArray[np.uint8], clear: float, crackmap: CrackMap, threshold: float) -> Mask:
    """Where darkness is clear and evidence strong; `dark` is set to 0 where it is not even weak."""
    weak, reached = levels(threshold)
    seeds = np.empty(dark.shape, bool)
    for top in range(0, len(dark), _STRIP):
        strip = dark[top : top + _STRIP]
        evidence = crackmap.strip(top, top + len(strip))
        strip[evidence < weak] = 0
        seeds[top : top + _STRIP] = (strip >= clear) & (evidence >= reached)
    return seeds


def _hysteresis(weak: Mask, strong: Mask) -> Mask:
    """The connected weak pixels where one of them is strong; `weak` is changed to them.

    As `apply_hysteresis_threshold` of scikit-image, which takes eight bytes a pixel.
    """
    labels, count = label(weak, EIGHT, output=np.int32)
    kept = np.zeros(count + 1, bool)
    kept[labels[strong]] = True
    return _of_labels(kept, labels, weak)


def _of_labels(values: Mask, labels: NDArray[np.int32], out: Mask) -> Mask:
    """`values[labels]`, False where there is no label, written to `out`.

    Of the whole, NumPy would take eight bytes a pixel.
    """
    values[0] = False
    for top in range(0, len(labels), _STRIP):
        out[top : top + _STRIP] = values[labels[top : top + _STRIP]]
    return out


def _filled(mask: Mask, patch: int) -> Mask:
    """With what is not quite as dark within a crack, and no larger than its edge is wide."""
    beside = ~mask
    labels, count = label(beside, output=np.int32)
    sizes = np.zeros(count + 1, np.int64)
    for top in range(0, len(mask), _STRIP):  # bincount makes eight bytes of each label
        sizes += np.bincount(labels[top : top + _STRIP].ravel(), minlength=count + 1)
    _of_labels(sizes <= (_WITHIN * patch) ** 2, labels, beside)
    beside |= mask
    return beside


def _slender(cracks: Cracks, patch: int) -> Cracks:
    """Leave out what is too short or too round for a crack; the arrays are changed."""
    labels, count = label(cracks.mask, EIGHT, output=np.int32)
    lengths = np.bincount(labels[cracks.skeleton], minlength=count + 1)
    areas = np.bincount(labels[cracks.mask], minlength=count + 1)
    kept = (lengths >= _SHORTEST * patch) & (lengths**2 >= _SLENDER * areas)
    _of_labels(kept, labels, cracks.mask)
    return Cracks(cracks.mask, np.logical_and(cracks.skeleton, cracks.mask, out=cracks.skeleton))


def darkness(rgb: RGB, patch: int) -> NDArray[np.uint8]:
    """How much darker each pixel is than the median around it, in 1/255 of that, `[h, w]`."""
    grey = Image.fromarray(rgb).convert("L")
    side = _window(_AROUND * patch / _REDUCED)
    reduced = np.array(grey.reduce(_REDUCED))
    around = Image.fromarray(median(reduced, footprint_rectangle((side, side))))
    dark = np.empty(rgb.shape[:2], np.uint8)
    for top in range(0, grey.height, _STRIP):
        first, last = max(top - _MARGIN, 0), min(top + _STRIP + _MARGIN, grey.height)
        values = np.asarray(grey.crop((0, first, grey.width, last)), np.float32)
        beside = _enlarged(around, grey.width, first, last)
        share = gaussian_filter(1 - values / np.maximum(beside, 1), _BLUR)
        wanted = share[top - first : top - first + _STRIP]
        dark[top : top + _STRIP] = np.rint(255 * np.clip(wanted, 0, 1))
    return dark


def _window(pixels: float) -> int:
    """The odd number of pixels that is nearest."""
    return 2 * round((pixels - 1) / 2) + 1


def _enlarged(around: Image.Image, width: int, first: int, last: int) -> NDArray[np.float32]:
    """The rows from `first` to `last` of the reduced image at full size."""
    box = (0, first / _REDUCED, width / _REDUCED, last / _REDUCED)
    size = (width, last - first)
    return np.asarray(around.convert("F").resize(size, Image.Resampling.BILINEAR, box))


def _thresholds(dark: NDArray[np.uint8]) -> tuple[float, float]:
    """The least darkness of a crack and that which it has somewhere, in units of `dark`."""
    counts = np.bincount(dark.ravel()[:: max(dark.size // 4_000_000, 1)], minlength=256)
    counts[0] = 0  # brighter than around
    middle = np.searchsorted(counts.cumsum(), counts.sum() / 2)
    deviation = middle / _MEDIAN_OF_HALF_NORMAL
    faint = max(255 * _FAINT, _FAINT_DEVIATIONS * deviation)
    return faint, max(255 * _CLEAR, _CLEAR_DEVIATIONS * deviation)
