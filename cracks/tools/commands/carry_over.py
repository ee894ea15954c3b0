"""`carry-over`: how well heads that were trained on one source work on others.

The results go to carry-over/, never to metrics/, so that they do not mix with those of the test
part.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cracks.backbones.catalogue import title
from cracks.project.outputs import write_csv
from cracks.project.params import load_params
from cracks.tools.cluster.features import use_cluster
from cracks.tools.commands.destinations import check_destinations
from cracks.tools.transfer.carry_over import TOGETHER, Options, carry_over

OUTPUT = Path("carry-over/results.csv")

Row = Mapping[Hashable, Any]
"""Of the results: `cracks.tools.transfer.carry_over.COLUMNS`."""

_SOURCES_A_TABLE = 3  # with more, a table would not fit in 100 columns
_NAME, _METRIC, _CELL = 18, 8, 19  # characters of a column


def run(
    sources: Sequence[str],
    backbone: str | None,
    positive_class: str | None,
    limit: int | None,
    standardise: bool,
) -> int:
    """Write carry-over/results.csv and print its tables in Markdown."""
    use_cluster()
    params = load_params()
    check_destinations([OUTPUT], map(Path, sources))
    backbones = params.backbones(backbone)
    options = Options(positive_class or params.positive_class, limit, standardise)
    results = carry_over(sources, backbones, params, options)
    write_csv(OUTPUT, results)
    for name in backbones:
        print(f"### {title(name)}\n")
        for table in _tables(results[results["backbone"] == name].to_dict("records")):
            print(f"{table}\n")
    print("Rows: trained on. Columns: tested on; a source's own test part where it was trained on.")
    print("Accuracy and recall of cracks in %, with 95 % intervals by groups of copies.")
    print(f"Written to {OUTPUT}. Next:")
    if not standardise:
        print("  --standardise                   the same by the tested images' own statistics")
    print("  dvc exp run -S dataset=photos   train on your own wall (data/photos/README.md)")
    return 0


def _tables(results: Sequence[Row]) -> Iterator[str]:
    """Tables of one backbone in Markdown, each with a few of the tested sources."""
    tested = list(dict.fromkeys(row["tested_on"] for row in results))
    for start in range(0, len(tested), _SOURCES_A_TABLE):
        some = tested[start : start + _SOURCES_A_TABLE]
        rule = ["-" * _NAME, "-" * _METRIC, *[f"{'-' * (_CELL - 1)}:"] * len(some)]
        rows = [row for row in results if row["tested_on"] in some]
        lines = [["trained on", "", *some], rule, *_lines(rows)]
        yield "\n".join(map(_line, lines))


def _lines(results: Sequence[Row]) -> Iterator[list[str]]:
    """The cells of each head: images, ROC AUC, accuracy and recall on each source."""
    heads = dict.fromkeys((row["trained_on"], row["standardised"]) for row in results)
    for head in heads:
        tests = [row for row in results if (row["trained_on"], row["standardised"]) == head]
        trained_on, standardised = head
        yield [trained_on, "images", *map(_images, tests)]
        second = "standardised" if standardised else ""
        yield [second, "ROC AUC", *(f"{row['roc_auc']:.3f}" for row in tests)]
        yield ["", "accuracy", *(_share(row, "accuracy") for row in tests)]
        yield ["", "recall", *(_share(row, "recall") for row in tests)]


def _images(row: Row) -> str:
    own = row["trained_on"] in (row["tested_on"], TOGETHER)
    return f"{'test part, ' if own else ''}{row['images']:,}"


def _share(row: Row, name: str) -> str:
    value, low, high = (100 * row[f"{name}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def _line(cells: Sequence[str]) -> str:
    name, metric, *others = cells
    shown = [f"{_short(name, _NAME):{_NAME}}", f"{metric:{_METRIC}}"]
    shown += [f"{_short(cell, _CELL):>{_CELL}}" for cell in others]
    return f"| {' | '.join(shown)} |"


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
