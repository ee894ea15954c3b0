"""What heads trained on drawings and on photographs are worth on photographs from elsewhere.

worked example:
  python -m benchmarks.carry_over ozgenel.zip sdnet2018-walls.zip

Needs the weights of `dvc repro`. It prints two Markdown tables: the five rows of the README, and a
row for each training and test of `python -m cracks carry-over`. The README's are: drawings, tested
on both archives; the first archive, tested on its own test part and on the second; all together,
tested on the second's test part.
"""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from benchmarks.arguments import benchmark_parser, run_benchmark
from cracks.backbones.catalogue import title
from cracks.project.params import SAMPLE, load_params
from cracks.tables.labels import CLASSES
from cracks.tools.transfer.carry_over import TOGETHER, Options, carry_over
from cracks.tools.transfer.elsewhere import source_name

_IN_WORDS = {SAMPLE: "drawings", TOGETHER: "all three"}


def main() -> None:
    """Print both tables."""
    parser = benchmark_parser("carry_over", __doc__)
    parser.add_argument("first", help="zip archive or folder of labelled photographs")
    parser.add_argument("second", help="the same, from elsewhere")
    parser.add_argument("--positive-class", default=CLASSES[1], help="of the photographs")
    arguments = parser.parse_args()
    params = load_params()
    sources = [SAMPLE, arguments.first, arguments.second]
    options = Options(arguments.positive_class)
    results = carry_over(sources, list(params.weights), params, options)
    drawn, first, second = map(source_name, sources)
    few = [(drawn, first), (drawn, second), (first, first), (first, second), (TOGETHER, second)]
    every = list(dict.fromkeys(zip(results["trained_on"], results["tested_on"], strict=True)))
    for name, pairs in (("The README's rows", few), ("All", every)):
        print(f"\n{name}, accuracy in % with its 95 % interval, ROC AUC:\n")
        print_table(results, pairs)


def print_table(results: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> None:
    """A row for each training and test, a column for each backbone.

    Args:
        results: as `cracks.tools.transfer.carry_over.carry_over` returns them.
        pairs: of its `trained_on` and `tested_on`.
    """
    backbones = list(results["backbone"].unique())
    print(f"| trained on → tested on | {' | '.join(map(title, backbones))} |")
    print(f"|---|{'---|' * len(backbones)}")
    found = {(row.trained_on, row.tested_on, row.backbone): row for row in results.itertuples()}
    for trained_on, tested_on in pairs:
        rows: list[Any] = [found[trained_on, tested_on, backbone] for backbone in backbones]
        cells = " | ".join(map(_cell, rows))
        names = " → ".join(_IN_WORDS.get(name, name) for name in (trained_on, tested_on))
        print(f"| {names} ({rows[0].images:,}) | {cells} |")


def _cell(row: Any) -> str:
    percent = [f"{100 * x:.1f}" for x in (row.accuracy, row.accuracy_low, row.accuracy_high)]
    return f"{percent[0]} [{percent[1]}, {percent[2]}], {row.roc_auc:.3f}"


if __name__ == "__main__":
    run_benchmark(main)
