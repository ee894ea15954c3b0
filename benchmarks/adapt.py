"""Measure what a few labels of other walls are worth; print a Markdown table for each backbone.

worked example:
  python -m benchmarks.adapt sdnet2018-walls-1k.zip
  python -m benchmarks.adapt walls/ --photograph parent --positive-class cracked --draws 3

Needs trained heads. In each draw, half of the photographs are labelled and the others tested on.
The labels are drawn from the patches of the first half, with their share of cracks; 0 of them are
the trained head with its threshold, more are `python -m cracks adapt`. Features are computed once,
through the feature cache, so that a draw takes seconds. Beside what the threshold makes of them is
what the order of the answers allows: the recall at the best threshold for the patches tested.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, precision_score, recall_score, roc_auc_score

from benchmarks.arguments import benchmark_parser, run_benchmark
from cracks.backbones.catalogue import title
from cracks.classifier.classifier import Trained, load_trained
from cracks.dataset.audit import audit_archive
from cracks.dataset.photographs import photographs_of
from cracks.evaluation.metrics import is_crack
from cracks.heads.head import training_statistics
from cracks.heads.statistics import Statistics
from cracks.images.archive import write_archive
from cracks.project.errors import CracksError
from cracks.project.params import load_params
from cracks.project.paths import head_path
from cracks.project.temporary import temporary_folder
from cracks.runtime.progress import progress
from cracks.tables.labels import CLASSES, class_indices
from cracks.tools.transfer.adaptation import LEAST_OF_A_CLASS, Adapted, Labelled, adapt_head
from cracks.tools.transfer.elsewhere import labelled_images
from cracks.tools.transfer.external import features_as_trained

PHOTOGRAPH = r"([^/]+)-\d+\.[^.]+$"
"""The photograph in the names of SDNET2018's patches."""

PRECISION = 0.7
"""That `adapt` chooses thresholds for."""

Rows = NDArray[np.intp]


class Result(NamedTuple):
    """How a head does on the patches of the photographs without labels."""

    labels: int
    recall: float
    precision: float  # NaN if nothing is called cracked
    best_recall: float  # of all thresholds with a precision of at least `PRECISION`
    roc_auc: float


def main() -> None:
    """Measure and print."""
    parser = benchmark_parser("adapt", __doc__)
    parser.add_argument("source", type=Path, help="zip archive or folder of labelled patches")
    parser.add_argument("--backbone", help="one of them; all of params.yaml")
    parser.add_argument("--positive-class", default=CLASSES[1], help="of the patches")
    parser.add_argument(
        "--photograph", default=PHOTOGRAPH, help="as for `adapt`; by default, SDNET2018's names"
    )
    parser.add_argument(
        "--labels", nargs="+", type=int, default=(0, 20, 50, 100, 200), metavar="N", help="numbers"
    )
    parser.add_argument("--draws", type=int, default=10, help="of photographs and of labels")
    arguments = parser.parse_args()
    params = load_params()
    trained = {name: load_trained(name) for name in params.backbones(arguments.backbone)}
    with temporary_folder() as folder:
        archive = folder / "images.zip"
        chosen = arguments.positive_class
        write_archive(archive, labelled_images(arguments.source, chosen))
        images = audit_archive(archive, chosen, params.audit).images
        photographs = photographs_of(images["id"], arguments.photograph).to_numpy().astype(str)
        for backbone, one in trained.items():
            features = features_as_trained(backbone, one.origin, params, archive, images, folder)
            labelled = Labelled(features, class_indices(images["label"]), photographs)
            statistics = training_statistics(head_path(backbone))
            results = measure(one, statistics, labelled, arguments.labels, arguments.draws)
            print(f"\n{title(backbone)}, {_described(labelled)}, {arguments.draws} draws:\n")
            print_table(pd.DataFrame(results))


def measure(
    trained: Trained, statistics: Statistics, patches: Labelled, numbers: Sequence[int], draws: int
) -> list[Result]:
    """A result for each draw and each number of labels, but for those that cannot be drawn."""
    results = []
    for draw in progress(range(draws), desc=trained.origin.backbone, unit="draw"):
        random = np.random.default_rng(draw)
        known, tested = halves(patches, random)
        for number in numbers:
            used: Trained | Adapted = trained
            if number:
                rows = draw_labels(known, patches.labels, number, random)
                if rows is None:
                    continue
                few = _some(patches, rows)
                used = adapt_head(trained.head, statistics, few, precision=PRECISION)
            results.append(_tested(used, _some(patches, tested), number))
    return results


def halves(patches: Labelled, random: np.random.Generator) -> tuple[Rows, Rows]:
    """The patches of half of the photographs, and of the others; both classes are in either.

    Raises:
        CracksError: if no such halves were found.
    """
    distinct = np.unique(patches.photographs)
    for _ in range(1000):
        chosen = random.choice(distinct, len(distinct) // 2, replace=False)
        first = np.isin(patches.photographs, chosen)
        if all(len(np.unique(patches.labels[half])) == len(CLASSES) for half in (first, ~first)):
            return np.flatnonzero(first), np.flatnonzero(~first)
    raise CracksError(
        f"Expected photographs that can be halved so that either half has patches with and without "
        f"a crack, found {len(distinct)}; give more, or another --photograph."
    )


def draw_labels(
    rows: Rows, labels: NDArray[np.int64], number: int, random: np.random.Generator
) -> Rows | None:
    """So many of the patches, with their share of cracks; None if there are too few."""
    cracked, sound = rows[labels[rows] == 1], rows[labels[rows] == 0]
    share = round(number * len(cracked) / len(rows))
    count = int(np.clip(share, LEAST_OF_A_CLASS, number - LEAST_OF_A_CLASS))
    if count > len(cracked) or number - count > len(sound):
        return None
    drawn = random.choice(cracked, count, replace=False)
    return np.union1d(drawn, random.choice(sound, number - count, replace=False))


def _some(patches: Labelled, rows: Rows) -> Labelled:
    features, labels, photographs = patches
    return Labelled(features[rows], labels[rows], photographs[rows])


def _tested(used: Trained | Adapted, patches: Labelled, number: int) -> Result:
    labels, logits = patches.labels, used.head.logit(patches.features)
    called = is_crack(used.head.probability(patches.features), used.threshold)
    precision, recall, _ = precision_recall_curve(labels, logits)
    return Result(
        number,
        float(recall_score(labels, called)),
        float(precision_score(labels, called, zero_division=np.nan)),
        float(recall[precision >= PRECISION].max()),
        float(roc_auc_score(labels, logits)),
    )


def _described(patches: Labelled) -> str:
    count, photographs = len(patches.labels), len(np.unique(patches.photographs))
    return f"{count:,} patches of {photographs:,} photographs, {patches.labels.mean():.0%} cracked"


def print_table(results: pd.DataFrame) -> None:
    """A row for each number of labels: mean ± standard deviation over the draws."""
    best = f"best recall at {PRECISION:.0%}"
    print(f"| labels | recall | precision | {best} | ROC AUC |\n|--:|--:|--:|--:|--:|")
    for number, some in results.groupby("labels"):
        print(f"| {number} | {' | '.join(_cells(some))} |")


def _cells(results: pd.DataFrame) -> Iterator[str]:
    for name in ("recall", "precision", "best_recall"):
        values = 100 * results[name]
        yield f"{values.mean():.1f} ± {values.std():.1f} %" if values.count() else "nothing called"
    yield f"{results['roc_auc'].mean():.3f} ± {results['roc_auc'].std():.3f}"


if __name__ == "__main__":
    run_benchmark(main)
