"""Measure crack maps on drawn walls, whose cracks are known to the pixel; print Markdown tables.

worked example:
  python -m benchmarks.maps                       needs trained heads, takes about 5 minutes
  python -m benchmarks.maps --backbone resnet50   one of them
  python -m benchmarks.maps --megapixels 100      time and peak memory of one large photograph

*ROC AUC* is that of the cells of 16 pixels, those with a few crack pixels left out. *Found* is the
share of the cracks' length within 2 pixels of a found one, *false* the share of the walls' area
that is called cracked and is further away than that from a crack. *Width* is the median error of a
wall's mean width; the other columns are those of `python -m cracks score`.
"""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from skimage.morphology import skeletonize
from sklearn.metrics import roc_auc_score

from benchmarks.arguments import benchmark_parser, run_benchmark
from benchmarks.machine import peak_memory
from cracks.backbones.catalogue import title
from cracks.backbones.model import CELL
from cracks.cells.head import joined, labelled_cells
from cracks.drawing.surface import Materials
from cracks.drawing.walls import Drawing, Mix, draw_photograph
from cracks.project.params import load_params
from cracks.tools.walls.cells import CellClassifier, load_cell_classifier
from cracks.tools.walls.crack_map import PATCH, THRESHOLD, CrackMap, map_cracks
from cracks.tools.walls.inspection import inspect
from cracks.tools.walls.overlay import SHOWN, crack_picture
from cracks.tools.walls.regions import measure_regions
from cracks.tools.walls.ridges import Cracks, find_cracks
from cracks.tools.walls.scoring import TOLERANCE, Counts, compare, pixels_near, scores

WALLS = 24
"""Walls of each kind."""

_SEED = 70_000
_MEASURES = ("F1, 2 px", "F1, 0 px", "IoU", "clIoU, 4 px")  # of those of `scores`


class Kind(NamedTuple):
    """Walls of one kind."""

    sides: Sequence[tuple[int, int]]  # width and height in pixels, in turn
    mix: Mix
    cracks: Sequence[int]  # in turn


_SQUARE = ((561, 561), (679, 679))
_NONE, _SOME = (1.0, 0.0, 0.0, 0.0), (0.0, 0.5, 0.35, 0.15)

KINDS = {
    "as the sample": Kind(_SQUARE, Mix(), (1, 2, 3, 1, 2, 3, 0, 2)),
    "without look-alikes": Kind(_SQUARE, Mix(look_alikes=_NONE), (1, 2, 3)),
    "one to three look-alikes": Kind(_SQUARE, Mix(look_alikes=_SOME), (1, 2, 3)),
    "look-alikes, no crack": Kind(_SQUARE, Mix(look_alikes=_SOME), (0,)),
    "asphalt": Kind(((480, 320),), Mix(Materials(0, 0, 1, 0)), (1,)),
    "masonry": Kind(((224, 224),), Mix(Materials(0, 0, 0, 1)), (1,)),
}


class Found(NamedTuple):
    """What is found on a wall."""

    drawing: Drawing
    crackmap: CrackMap
    cracks: Cracks


def main() -> None:
    """Measure and print."""
    parser = benchmark_parser("maps", __doc__)
    parser.add_argument("--backbone", help="one of them; all of params.yaml")
    parser.add_argument("--walls", type=int, default=WALLS, help="of each kind")
    parser.add_argument("--megapixels", type=int, help="measure one photograph of that size")
    arguments = parser.parse_args()
    params = load_params()
    for backbone in params.backbones(arguments.backbone):
        classifier = load_cell_classifier(backbone, params)
        if arguments.megapixels:
            _print_large(classifier, arguments.megapixels)
        else:
            _print_table(classifier, arguments.walls)


def draw_wall(kind: Kind, number: int) -> Drawing:
    """A wall of that kind."""
    width, height = kind.sides[number % len(kind.sides)]
    cracks = kind.cracks[number % len(kind.cracks)]
    return draw_photograph(width, height, _SEED + number, cracks, kind.mix)


def _found(classifier: CellClassifier, wall: Drawing) -> Found:
    crackmap = map_cracks(wall.rgb, classifier)
    return Found(wall, crackmap, find_cracks(wall.rgb, crackmap, THRESHOLD))


def _print_table(classifier: CellClassifier, number: int) -> None:
    print(f"\n{title(classifier.backbone)}, {number} walls of each kind:\n")
    print("| walls | ROC AUC | found | false | F1 | F1, 0 px | IoU | clIoU, 4 px | width |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, kind in KINDS.items():
        found = [_found(classifier, draw_wall(kind, place)) for place in range(number)]
        print(line(name, found), flush=True)


def line(name: str, rows: Sequence[Found]) -> str:
    """The row of the table for these walls."""
    counts = [compare(row.cracks.mask, row.drawing.mask) for row in rows]
    false = np.mean([false_share(*pair) for pair in zip(rows, counts, strict=True)])
    if not any(count.true for count in counts):
        return f"| {name} | | | {100 * false:.3f} % | | | | | |"
    measured = scores(counts)
    widths = [width_ratio(row) for row in rows]
    numbers = [
        f"{cell_auc(rows):.4f}",
        f"{100 * found_length(rows):.1f} %",
        f"{100 * false:.3f} %",
        *("{:.3f} [{:.3f}, {:.3f}]".format(*measured[measure]) for measure in _MEASURES),
        f"{100 * np.nanmedian(np.abs(np.array(widths) - 1)):.0f} %",
    ]
    return f"| {name} | {' | '.join(numbers)} |"


def cell_auc(rows: Sequence[Found]) -> float:
    """ROC AUC of the cells of all walls."""
    cells = []
    for row in rows:
        mask = np.pad(row.drawing.mask, [(0, -side % CELL) for side in row.drawing.mask.shape])
        cells.append(labelled_cells(row.crackmap.logits.astype(np.float32), mask))
    logits, cracked = joined(cells)
    return float(roc_auc_score(cracked, logits))


def found_length(rows: Sequence[Found]) -> float:
    """The share of the centrelines of cracks that is near a found crack."""
    near = length = 0
    for row in rows:
        centreline = skeletonize(row.drawing.mask)
        near += pixels_near(centreline, row.cracks.mask, TOLERANCE)
        length += int(centreline.sum())
    return near / length


def false_share(row: Found, counts: Counts) -> float:
    """The share of a wall's area that is called cracked and is not near a crack."""
    return (counts.found - counts.found_near) / row.cracks.mask.size


def width_ratio(row: Found) -> float:
    """The found mean width of a wall's cracks by the true one; NaN if either has no crack."""
    truth = Cracks(row.drawing.mask, np.asarray(skeletonize(row.drawing.mask)))
    return mean_width(row.cracks, row.crackmap) / mean_width(truth, row.crackmap)


def mean_width(cracks: Cracks, crackmap: CrackMap) -> float:
    """Area by length of all cracks, in pixels; NaN if there is none."""
    regions = measure_regions(cracks, crackmap)
    area = (regions["mean_width"] * regions["length"]).sum()
    return float(area / regions["length"].sum()) if len(regions) else math.nan


def _print_large(classifier: CellClassifier, megapixels: int) -> None:
    """A drawn wall, repeated to that size."""
    tile = draw_photograph(2000, 1500, _SEED).rgb
    times = math.ceil(math.sqrt(megapixels * 1e6 / (tile.shape[0] * tile.shape[1])))
    rgb = np.tile(tile, (times, times, 1))
    before, started = peak_memory(), time.perf_counter()
    inspection = inspect(rgb, "wall", classifier, PATCH)
    crack_picture(rgb, inspection, SHOWN)
    print(
        f"{title(classifier.backbone)}, {rgb.shape[1]:,} x {rgb.shape[0]:,} pixels: "
        f"{time.perf_counter() - started:.0f} s, peak memory {peak_memory():.0f} MB, "
        f"{before:.0f} MB of it before (photograph, engine)"
    )


if __name__ == "__main__":
    run_benchmark(main)
