"""Compare what heads on int8 features answer with what heads on float32 features answer.

worked example:
  python -m benchmarks.precision ozgenel.zip sdnet2018-walls.zip sample
  python -m benchmarks.precision walls/ --positive-class cracked --seeds 10

Needs the weights of `dvc repro`. The features of each source are extracted twice, through the
feature cache. For each seed, the sources are split by it, and a head is trained on each source in
each precision; both heads are tested on the test part of their own source, and on all images of the
others.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.arguments import benchmark_parser, run_benchmark
from cracks.backbones.catalogue import BACKBONES, title
from cracks.evaluation.metrics import Scored, evaluate_part
from cracks.evaluation.statistics import exact_mcnemar
from cracks.project.params import SAMPLE, Params, load_params
from cracks.project.temporary import temporary_folder
from cracks.tables.labels import CLASSES
from cracks.tools.transfer.carry_over import (
    Domain,
    Options,
    Source,
    audit_source,
    choose_tested,
    extract_domain,
    score,
    train_head,
)

PRECISIONS = ("float32", "int8")

Domains = Mapping[str, Sequence[Domain]]
"""The same sources in each precision."""

Row = dict[str, Any]


def main() -> None:
    """Print one table a backbone."""
    parser = benchmark_parser("precision", __doc__)
    parser.add_argument("sources", nargs="*", default=[SAMPLE], help="archives, folders, sample")
    parser.add_argument("--seeds", type=int, default=5, help="splits and heads of a source")
    parser.add_argument("--positive-class", default=CLASSES[1], help="of the photographs")
    arguments = parser.parse_args()
    options = Options(arguments.positive_class)
    given = load_params()
    rows: list[Row] = []
    for seed in range(arguments.seeds):
        split = given.split.model_copy(update={"seed": seed})
        params = given.model_copy(update={"split": split, "seed": seed})
        with temporary_folder() as folder:
            sources = [audit_source(x, params, options, folder) for x in arguments.sources]
            for backbone in BACKBONES:
                domains = _domains(sources, backbone, params)
                known = {"backbone": backbone, "cosines": _cosines(domains)}
                rows += [row | known for row in compare(domains, params)]
    for name, results in pd.DataFrame(rows).groupby("backbone", sort=False):
        cosines = results["cosines"].iloc[0]
        print(f"\n{title(str(name))}, mean-centred cosine of both precisions: {cosines}.")
        _print_table(results)


def _domains(sources: Sequence[Source], backbone: str, params: Params) -> Domains:
    return {
        precision: [
            extract_domain(source, backbone, params.model_copy(update={"precision": precision}))
            for source in sources
        ]
        for precision in PRECISIONS
    }


def _cosines(domains: Domains) -> str:
    return ", ".join(
        f"{one.name} {centred_cosine(one.features, other.features):.3f}"
        for one, other in zip(*domains.values(), strict=True)
    )


def centred_cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The mean over images `[n, channels]` of the cosine, each set less its own mean."""
    a, b = (x - x.mean(axis=0) for x in (one, other))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(np.mean((a * b).sum(axis=1) / lengths))


def compare(domains: Domains, params: Params) -> Iterator[Row]:
    """A row for each source that heads are trained on and each that they are tested on."""
    for own in zip(*domains.values(), strict=True):
        heads = [train_head([domain], params) for domain in own]
        for target in zip(*domains.values(), strict=True):
            sides = [
                score(head, domain, choose_tested(domain, [source])[0])
                for head, domain, source in zip(heads, target, own, strict=True)
            ]
            names = {"trained_on": own[0].name, "tested_on": target[0].name}
            yield names | _differences(*sides)


def _differences(one: Scored, other: Scored) -> Row:
    """Of two heads on the same images."""
    row: Row = {
        "images": len(one.labels),
        "differ": int((one.right != other.right).sum()),
        "p": exact_mcnemar(one.right, other.right, one.groups),
    }
    for precision, scored in zip(PRECISIONS, (one, other), strict=True):
        metrics = evaluate_part(scored)
        row |= {f"{name} {precision}": metrics[name] for name in ("accuracy", "roc_auc")}
    return row


def _print_table(results: pd.DataFrame) -> None:
    """Means over the seeds, and the p-value of each."""
    print(
        "\n| trained on | tested on | images | answers that differ | p of each seed "
        "| accuracy, % | int8 | ROC AUC | int8 |\n|---|---|--:|--:|---|--:|--:|--:|--:|"
    )
    for (trained_on, tested_on), rows in results.groupby(["trained_on", "tested_on"], sort=False):
        mean = rows.mean(numeric_only=True)
        values = ", ".join(f"{p:.2f}" for p in rows["p"])
        print(
            f"| {trained_on} | {tested_on} | {mean['images']:,.0f} | {mean['differ']:.1f} "
            f"| {values} | {mean['accuracy float32']:.2%} | {mean['accuracy int8']:.2%} "
            f"| {mean['roc_auc float32']:.4f} | {mean['roc_auc int8']:.4f} |".replace("%", "")
        )


if __name__ == "__main__":
    run_benchmark(main)
