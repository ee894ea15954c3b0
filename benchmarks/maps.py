"""Measure crack maps on drawn walls, whose cracks are known to the pixel; print Markdown tables.

worked example:
  python -m benchmarks.maps                       needs trained heads, takes about 15 minutes
  python -m benchmarks.maps --backbone resnet50   one of them
  python -m benchmarks.maps --megapixels 100      time and peak memory of one large photograph

An eighth of the walls have no crack. What is near is within half a cell of an activation map of a
crack. *Found* is the share of the cracks' length, *false* the share of the area that is called
cracked and is not near a crack, *chessboard's* what that of the chessboard is at the threshold at
which it finds as much. *Share* is the area called cracked, divided by that of the cracks. F1 is
that of the pixels, 2 pixels of tolerance; *width* the median error of the mean width. Ways that end
in *dark lines* are what `predict --map` makes of a map.
"""

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt, zoom
from scipy.special import expit
from skimage.morphology import skeletonize
from sklearn.metrics import roc_auc_score

from benchmarks.arguments import benchmark_parser
from benchmarks.bench import peak_memory
from cracks.backbones.model import CELL, pixel_model
from cracks.evaluation.metrics import is_crack
from cracks.evaluation.verdict import title
from cracks.images.decoding import RGB
from cracks.inference.classifier import LocalClassifier, load_local_classifier
from cracks.inference.crack_map import (
    CELLS,
    USUAL_PATCH,
    Corners,
    CrackMap,
    blended,
    patch_corners,
    patch_maps,
)
from cracks.inference.inspection import evidence_beside_cracks, inspect
from cracks.inference.localisation import NEAR
from cracks.inference.overlay import SHOWN, crack_picture
from cracks.inference.regions import measure_regions
from cracks.inference.ridges import Cracks, Mask, find_cracks
from cracks.pipeline.errors import exit_on_error
from cracks.pipeline.lifetime import end_on_interrupt
from cracks.pipeline.params import load_params
from cracks.pipeline.paths import weights_path
from cracks.sources.sample.dataset import Drawing, draw_photograph

WALLS = 40
SIDES = (561, 679)
"""Pixels of the walls' sides, in turn."""

_SMALL_PATCH_WALLS = 6  # of the smaller walls; four times as many patches are too slow for more

NO_MAP = "no map, all is evidence"
CHESSBOARD = "chessboard"
DARK_LINES = ", dark lines"
_TOLERANCE = 2  # pixels, as in benchmarks of crack segmentation
_SEED = 70_000
_EVERY = 4  # pixels between those at which maps are compared


class Row(NamedTuple):
    """What one way finds on one wall."""

    auc: float  # NaN if there is no crack
    on_cracks: NDArray[np.float64]  # P(crack) along the cracks
    elsewhere: NDArray[np.float64]  # P(crack) where none is near
    places: int  # at which maps are compared
    cracked: float  # share of the area
    f1: float  # of the pixels; NaN if there are none to compare
    width: float  # found by true mean width; NaN likewise


class Wall(NamedTuple):
    """A drawn wall and what is known of it."""

    drawing: Drawing
    distance: NDArray[np.float64]  # of each pixel from a crack
    skeleton: Mask
    width: float  # mean width of the cracks, pixels; NaN if there is none


def main() -> None:
    """Measure and print."""
    arguments = _parser().parse_args()
    params = load_params()
    for backbone in [arguments.backbone] if arguments.backbone else list(params.weights):
        classifier = load_local_classifier(backbone, params)
        if arguments.megapixels:
            _print_large(classifier, arguments.megapixels)
            continue
        walls = [draw_wall(number) for number in range(arguments.walls)]
        _print_table(classifier, walls, USUAL_PATCH)
        smaller = walls[:: len(SIDES)][:_SMALL_PATCH_WALLS]
        _print_table(classifier, smaller, USUAL_PATCH // 2)


def draw_wall(number: int) -> Wall:
    """One to three cracks, in each eighth wall none."""
    side, cracks = SIDES[number % len(SIDES)], 0 if number % 8 == 6 else 1 + number % 3
    drawing = draw_photograph(side, side, _SEED + number, cracks)
    if not cracks:
        nothing = np.full((side, side), np.inf)
        return Wall(drawing, nothing, np.zeros((side, side), bool), math.nan)
    skeleton = np.asarray(skeletonize(drawing.mask))
    width = mean_width(Cracks(drawing.mask, skeleton))
    return Wall(drawing, distance_transform_edt(~drawing.mask), skeleton, width)


def mean_width(cracks: Cracks) -> float:
    """Area by length of all cracks, in pixels; NaN if there is none."""
    everywhere = np.ones([math.ceil(side / CELLS) for side in cracks.mask.shape])
    whole = CrackMap(cracks.mask.shape[1], cracks.mask.shape[0], CELLS**2, everywhere)
    regions = measure_regions(cracks, whole, 0.5)
    area = (regions["mean_width"] * regions["length"]).sum()
    return float(area / regions["length"].sum()) if len(regions) else math.nan


# --- the ways ---------------------------------------------------------------------------


def chessboard(cams: NDArray[np.float64], corners: Corners, patch: int) -> NDArray[np.float64]:
    """The mean probability of the patches over each cell."""
    places = np.rint(np.array(corners) * (CELLS / patch)).astype(int)
    shape = places[-1, ::-1] + CELLS
    total, count = np.zeros(shape), np.zeros(shape)
    for (column, row), probability in zip(places, expit(cams.mean(axis=(1, 2))), strict=True):
        cells = np.s_[row : row + CELLS, column : column + CELLS]
        total[cells] += probability
        count[cells] += 1
    return np.asarray(total / count)


class Convolutional:
    """The backbone over a whole wall, scaled as patches are: nothing is padded but its edges."""

    def __init__(self, classifier: LocalClassifier) -> None:
        self.classifier = classifier
        self.models: dict[int, object] = {}

    def heat(self, rgb: RGB, patch: int) -> NDArray[np.float64]:
        """P(crack) in each cell."""
        scale = self.classifier.image_size / patch
        side = round(len(rgb) * scale / CELL) * CELL
        pixels = Image.fromarray(rgb).resize((side, side), Image.Resampling.BILINEAR)
        backbone = self.classifier.backbone
        if side not in self.models:
            self.models = {side: pixel_model(backbone, weights_path(backbone), side)}
        found = self.models[side](np.asarray(pixels)[np.newaxis], training=False)  # type: ignore[operator]
        cam = self.classifier.head.logit(found["map"].numpy()[0])
        cells = round(len(rgb) * CELLS / patch)
        fine = zoom(cam, cells / len(cam), order=1, mode="nearest", grid_mode=True)
        return np.asarray(expit(fine))


def _ways(
    wall: Wall, classifier: LocalClassifier, patch: int, convolutional: Convolutional
) -> Iterator[tuple[str, CrackMap]]:
    """The maps of a wall by name."""
    rgb = wall.drawing.rgb
    height, width = rgb.shape[:2]
    yield NO_MAP, CrackMap(width, height, patch, np.ones([round(len(rgb) * CELLS / patch)] * 2))
    for stride, name in ((patch // 2, "half a patch"), (patch, "a patch")):
        corners = patch_corners(width, height, patch, stride)
        cams = patch_maps(rgb, classifier, corners, patch)
        if name == "half a patch":
            yield CHESSBOARD, CrackMap(width, height, patch, chessboard(cams, corners, patch))
        yield (
            f"fine map, stride {name}",
            CrackMap(width, height, patch, blended(cams, corners, patch)),
        )
    yield "convolutional", CrackMap(width, height, patch, convolutional.heat(rgb, patch))


# --- the measures -------------------------------------------------------------------------


def measure(
    wall: Wall, crackmap: CrackMap, near: float, threshold: float, cracks: Cracks | None
) -> Row:
    """What a map, or the cracks that were found by it, say of a wall.

    Args:
        wall: the wall.
        crackmap: its map.
        near: pixels from a crack within which evidence is right.
        threshold: of the classifier.
        cracks: what was found within the map, None to measure the map alone.
    """
    height, width = wall.skeleton.shape
    heat = evidence_beside_cracks(crackmap, cracks.mask) if cracks else crackmap.heat
    rows, columns = crackmap.rows(np.arange(height)), crackmap.columns(np.arange(width))
    compared = heat[rows[::_EVERY]][:, columns[::_EVERY]]
    right = wall.distance[::_EVERY, ::_EVERY] <= near
    auc = roc_auc_score(right.ravel(), compared.ravel()) if right.any() else math.nan
    ys, xs = np.nonzero(wall.skeleton)
    f1 = found_width = math.nan
    if cracks and right.any():
        f1 = tolerant_f1(cracks.mask, wall)
        found_width = mean_width(cracks) / wall.width
    cracked = cracks.mask.mean() if cracks else is_crack(compared, threshold).mean()
    return Row(
        float(auc),
        heat[rows[ys], columns[xs]],
        compared[~right],
        compared.size,
        float(cracked),
        f1,
        found_width,
    )


def tolerant_f1(found: Mask, wall: Wall) -> float:
    """F1 of the pixels; one within `_TOLERANCE` of the other mask is right."""
    if not found.any():
        return 0.0
    precision = (wall.distance[found] <= _TOLERANCE).mean()
    recall = (distance_transform_edt(~found)[wall.drawing.mask] <= _TOLERANCE).mean()
    return float(2 * precision * recall / max(precision + recall, 1e-9))


def _print_table(classifier: LocalClassifier, walls: Sequence[Wall], patch: int) -> None:
    rows: dict[str, list[Row]] = {}
    convolutional = Convolutional(classifier)
    near = NEAR * patch / USUAL_PATCH
    for wall in walls:
        for name, crackmap in _ways(wall, classifier, patch, convolutional):
            found = measure(wall, crackmap, near, classifier.threshold, None)
            rows.setdefault(name, []).append(found)
            cracks = find_cracks(wall.drawing.rgb, crackmap, classifier.threshold)
            found = measure(wall, crackmap, near, classifier.threshold, cracks)
            rows.setdefault(name + DARK_LINES, []).append(found)
    truth = float(np.mean([wall.drawing.mask.mean() for wall in walls]))
    print(
        f"\n{title(classifier.backbone)}, patches of {patch} pixels, {len(walls)} walls, "
        f"{100 * truth:.2f} % of their area cracked:\n"
    )
    print("| way | ROC AUC | found | false | chessboard's | share | F1 | width |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, some in rows.items():
        print(_line(name, some, classifier.threshold, rows[CHESSBOARD], truth), flush=True)


def _line(
    name: str, rows: Sequence[Row], threshold: float, board: Sequence[Row], truth: float
) -> str:
    on_cracks = np.concatenate([row.on_cracks for row in rows])
    found = float(is_crack(on_cracks, threshold).mean())
    equal = float(np.quantile(np.concatenate([row.on_cracks for row in board]), 1 - found))
    numbers = [
        f"{np.nanmean([row.auc for row in rows]):.3f}",
        f"{100 * found:.1f} %",
        f"{100 * _false_area(rows, threshold):.2f} %",
        f"{100 * _false_area(board, equal):.2f} %",
        f"{np.mean([row.cracked for row in rows]) / truth:.2f}",
    ]
    if name.endswith(DARK_LINES):
        f1, width = (np.array([getattr(row, key) for row in rows]) for key in ("f1", "width"))
        numbers += [f"{np.nanmean(f1):.3f}", f"{100 * np.nanmedian(np.abs(width - 1)):.0f} %"]
    else:
        numbers += ["", ""]
    return f"| {name} | {' | '.join(numbers)} |"


def _false_area(rows: Sequence[Row], threshold: float) -> float:
    elsewhere = np.concatenate([row.elsewhere for row in rows])
    return float(is_crack(elsewhere, threshold).sum() / sum(row.places for row in rows))


def _print_large(classifier: LocalClassifier, megapixels: int) -> None:
    """A drawn wall, repeated to that size."""
    tile = draw_photograph(2000, 1500, _SEED).rgb
    times = math.ceil(math.sqrt(megapixels * 1e6 / (tile.shape[0] * tile.shape[1])))
    rgb = np.tile(tile, (times, times, 1))
    before, started = peak_memory(), time.perf_counter()
    inspection = inspect(rgb, classifier, USUAL_PATCH, USUAL_PATCH, None)
    crack_picture(rgb, inspection, "wall", SHOWN)
    print(
        f"{title(classifier.backbone)}, {rgb.shape[1]:,} x {rgb.shape[0]:,} pixels: "
        f"{time.perf_counter() - started:.0f} s, peak memory {peak_memory():.0f} MB, "
        f"{before:.0f} MB of it before (photograph, engine)"
    )


def _parser() -> argparse.ArgumentParser:
    parser = benchmark_parser("maps", __doc__)
    parser.add_argument("--backbone", help="one of them; all of params.yaml")
    parser.add_argument("--walls", type=int, default=WALLS)
    parser.add_argument("--megapixels", type=int, help="measure one photograph of that size")
    return parser


if __name__ == "__main__":
    end_on_interrupt("Interrupted.")
    with exit_on_error():
        main()
