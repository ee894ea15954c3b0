"""`summary`: both classifiers side by side, the verdict, and what to do next."""

import sys

from cracks.backbones.catalogue import title
from cracks.evaluation.details import number_name
from cracks.evaluation.metrics import METRICS, number_text
from cracks.evaluation.verdict import tested, verdicts, whole_of
from cracks.project.params import SAMPLE, load_params
from cracks.project.paths import EVALUATION, SPLIT_COUNTS
from cracks.tables.inputs import read_counts, read_numbers
from cracks.tools.commands.caveats import drawn_sentence
from cracks.tools.review.reproduction import compared_with_commit
from cracks.tools.review.snapshots import WorkingTree
from cracks.tools.review.staleness import find_stale

COLUMNS = {"low": "  95 % interval from", "high": "  to", "std": "  std over seeds"}
"""Headings of the numbers that belong to the metric above them."""

NEXT = """\
Look:  open report.html
Try:   dvc exp run -S epochs=2             only heads, evaluate and report run
       dvc exp run -S threshold=0.3        only evaluate and report run
       python -m cracks experiments        what was tried, side by side
       python -m cracks predict PHOTOGRAPH --map maps
       make app                            the same on a page, onto which you drop photographs
Back:  git restore params.yaml dvc.lock metrics && dvc repro"""


def run() -> int:
    """Print the metrics of `metrics/evaluate.json` as a table, the verdict and the next steps.

    A warning on standard error says first if they are out of date; the last line says whether the
    results are those of the commit.
    """
    params = load_params()
    sources = params.weights
    metrics, split = read_numbers(EVALUATION), read_counts(SPLIT_COUNTS)
    if stale := find_stale(WorkingTree(), "HEAD"):
        print(
            f"These metrics are out of date; stages to run: {', '.join(stale)}. Run `dvc repro`.",
            file=sys.stderr,
        )
    print(f"\n{'':24}" + "".join(f"{title(backbone):>12}" for backbone in sources))
    for name, metric in METRICS.items():
        for column in metric.headline:
            keys = [f"{backbone}.{number_name(name, column)}" for backbone in sources]
            shown = [number_text(metrics[key]) if key in metrics else "" for key in keys]
            cells = "".join(f"{text:>12}" for text in shown)
            print(f"{COLUMNS.get(column, metric.title):24}{cells}")
    print(f"{'test images':24}" + f"{tested(split):>12,}" * len(sources) + "\n")
    print(*verdicts(metrics, split, sources, whole_of(params.dataset)), sep="\n")
    if params.dataset == SAMPLE:
        print(drawn_sentence(list(sources)))
    print(f"\n{NEXT}")
    if line := compared_with_commit():
        print(f"\n{line}")
    return 0
