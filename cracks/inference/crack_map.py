"""Where a photograph of a wall is cracked: the classifier slid over it patch by patch."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from cracks.evaluation.metrics import is_crack
from cracks.evaluation.verdict import title
from cracks.images.decoding import RGB, to_input
from cracks.inference.classifier import Classifier
from cracks.pipeline.errors import CracksError
from cracks.pipeline.inputs import read_images
from cracks.pipeline.outputs import replacing
from cracks.pipeline.paths import IMAGES
from cracks.pipeline.progress import progress

USUAL_PATCH = 227
"""Pixels of a patch's side where nothing says how large the training images were."""

_SHOWN = 1600  # pixels of the longer side of the picture
_COLOURS = "magma"


@dataclass(frozen=True)
class CrackMap:
    """Probabilities of the patches of one photograph."""

    width: int  # pixels of the photograph
    height: int
    patch: int  # pixels of a side
    corners: list[tuple[int, int]]  # left and top of each patch
    probability: NDArray[np.float64]  # of a crack, [patches]


def training_side() -> int:
    """Pixels of a side of the images that the heads were trained on, for patches of that scale."""
    if not IMAGES.exists():
        return USUAL_PATCH
    return int(read_images()[["width", "height"]].min(axis=1).median())


def patch_corners(width: int, height: int, patch: int, stride: int) -> list[tuple[int, int]]:
    """Left and top of patches `stride` apart; the last ones lie flush with the edges.

    Raises:
        CracksError: if the photograph is smaller than a patch or the stride leaves gaps.
    """
    if min(width, height) < patch:
        raise CracksError(
            f"Expected a photograph of at least {patch} x {patch} pixels, the size of a patch, "
            f"found {width} x {height}; classify it without --map."
        )
    if not 1 <= stride <= patch:
        raise CracksError(
            f"Expected a --stride from 1 to the size of a patch, {patch} pixels, found {stride}."
        )
    return [(x, y) for y in _starts(height, patch, stride) for x in _starts(width, patch, stride)]


def _starts(length: int, patch: int, stride: int) -> list[int]:
    last = length - patch
    starts = list(range(0, last + 1, stride))
    return starts if starts[-1] == last else [*starts, last]


def map_cracks(rgb: RGB, classifier: Classifier, patch: int, stride: int) -> CrackMap:
    """Classify every patch; only a batch of them is cut out at a time."""
    height, width = rgb.shape[:2]
    corners = patch_corners(width, height, patch, stride)

    def patches() -> Iterator[tuple[int, RGB]]:
        for number, (x, y) in enumerate(corners):
            yield number, to_input(rgb[y : y + patch, x : x + patch], classifier.image_size)

    probability = np.empty(len(corners))
    with progress(total=len(corners), desc=classifier.backbone, unit="patch") as bar:
        for number, value in classifier.probabilities(patches()):
            probability[number] = value
            bar.update()
    return CrackMap(width, height, patch, corners, probability)


def heat(crackmap: CrackMap, longest: int = _SHOWN) -> NDArray[np.float64]:
    """The mean probability of the patches over each place, scaled down to at most `longest`."""
    scale = min(1.0, longest / max(crackmap.width, crackmap.height))
    shape = (max(round(crackmap.height * scale), 1), max(round(crackmap.width * scale), 1))
    total, count = np.zeros(shape), np.zeros(shape)
    for (x, y), value in zip(crackmap.corners, crackmap.probability, strict=True):
        rows = slice(round(y * scale), max(round((y + crackmap.patch) * scale), 1))
        columns = slice(round(x * scale), max(round((x + crackmap.patch) * scale), 1))
        total[rows, columns] += value
        count[rows, columns] += 1
    return np.asarray(total / count)


def write_crackmap(
    crackmap: CrackMap, rgb: RGB, classifier: Classifier, name: str, folder: Path
) -> tuple[float, Path]:
    """Write `<name>-<backbone>.png`, the heat over the photograph, and the patches as `.json`.

    Returns:
        The share of the area that is cracked, and the path of the picture.
    """
    warmth = heat(crackmap)
    share = float(is_crack(warmth, classifier.threshold).mean())
    stem = f"{name}-{classifier.backbone}"
    summary = {
        "photograph": name,
        "width": crackmap.width,
        "height": crackmap.height,
        "backbone": classifier.backbone,
        "threshold": classifier.threshold,
        "cracked_share": round(share, 4),
        "patches": [
            {
                "x": x,
                "y": y,
                "width": crackmap.patch,
                "height": crackmap.patch,
                "probability": round(float(value), 6),
            }
            for (x, y), value in zip(crackmap.corners, crackmap.probability, strict=True)
        ],
    }
    with replacing(folder / f"{stem}.json") as temporary:
        temporary.write_text(json.dumps(summary, indent=1) + "\n")
    picture = folder / f"{stem}.png"
    with replacing(picture) as temporary:
        _draw(rgb, warmth, classifier, name, share).savefig(temporary)
    return share, picture


def _draw(
    rgb: RGB, warmth: NDArray[np.float64], classifier: Classifier, name: str, share: float
) -> Figure:
    height, width = warmth.shape
    small = Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS)
    figure = Figure(figsize=((width + 260) / 100, (height + 110) / 100), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.imshow(small)
    axes.imshow(warmth, cmap=_COLOURS, vmin=0, vmax=1, alpha=0.1 + 0.4 * warmth)
    if 0 < share < 1:
        axes.contour(warmth, levels=[classifier.threshold], colors="cyan", linewidths=1.5)
    axes.set_axis_off()
    axes.set_title(
        f"{name}: {100 * share:.1f} % of the area cracked\n"
        f"{title(classifier.backbone)}, threshold {classifier.threshold:.2f} (line)"
    )
    scale = ScalarMappable(Normalize(0, 1), _COLOURS)
    figure.colorbar(scale, ax=axes, shrink=0.8, label="P(crack), mean of the patches there")
    return figure
