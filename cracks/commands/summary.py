"""`summary`: both classifiers side by side, the verdict, and what to do next."""

import sys

from cracks.evaluation.details import number_name
from cracks.evaluation.metrics import METRICS
from cracks.evaluation.verdict import tested, title, verdicts
from cracks.pipeline.inputs import read_numbers
from cracks.pipeline.params import load_params
from cracks.pipeline.paths import EVALUATION, SPLIT_METRICS
from cracks.review.snapshots import WorkingTree
from cracks.review.staleness import find_stale

COLUMNS = {"low": "  95 % interval from", "high": "  to", "std": "  std over seeds"}
"""Headings of the numbers that belong to the metric above them."""

NEXT = """\
Look:  open report.html
Try:   dvc exp run -S epochs=2             only heads, evaluate and report run
       dvc exp run -S threshold=0.3        only evaluate and report run
       python -m cracks experiments        what was tried, side by side
       python -m cracks predict PHOTOGRAPH --map maps
Back:  git restore params.yaml dvc.lock metrics && dvc checkout"""


def run() -> int:
    """Print the metrics of `metrics/evaluate.json` as a table, the verdict and the next steps.

    A warning on standard error says first if they are out of date.
    """
    sources = load_params().weights
    metrics, split = read_numbers(EVALUATION), read_numbers(SPLIT_METRICS)
    stale = find_stale(WorkingTree(), "HEAD")
    if stale:
        print(
            "These metrics are out of date; stages to run: "
            f"{', '.join(stale.stages)}. Run `dvc repro`.",
            file=sys.stderr,
        )
    print()
    print(f"{'':24}" + "".join(f"{title(backbone):>12}" for backbone in sources))
    for name, metric in METRICS.items():
        for column in metric.headline:
            keys = [f"{backbone}.{number_name(name, column)}" for backbone in sources]
            cells = "".join(f"{_text(metrics.get(key, '')):>12}" for key in keys)
            print(f"{COLUMNS.get(column, metric.title):24}{cells}")
    print(f"{'test images':24}" + f"{tested(split):>12,}" * len(sources))
    print()
    print("\n".join(verdicts(metrics, split, sources)))
    print(f"\n{NEXT}")
    return 0


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
