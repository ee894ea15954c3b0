"""The results in words, the same at the command line and in the report."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from cracks.backbones.catalogue import title
from cracks.evaluation.metrics import comparison_name
from cracks.project.params import SAMPLE

SIGNIFICANT = 0.05
"""p-value below which a difference is called significant."""

Values = Mapping[str, float]


def verdicts(
    metrics: Values, split: Values, sources: Mapping[str, str], whole: str = "photograph"
) -> list[str]:
    """Which classifier is better, what that shows, and how far the test set can be trusted.

    Args:
        metrics: those of metrics/evaluate.json.
        split: those of metrics/split.csv.
        sources: `weights` of params.yaml, for each backbone where its weights come from.
        whole: as `whole_of` names it.
    """
    images = tested(split)
    sentences = [_comparison(*pair, metrics, images) for pair in combinations(sources, 2)]
    return [*sentences, *_caveats(sources), leak_sentence(split), *_photographs(split, whole)]


def whole_of(dataset: str) -> str:
    """What several images of that source may be patches of."""
    return "drawn wall" if dataset == SAMPLE else "photograph"


def tested(split: Values) -> int:
    """The number of test images."""
    return int(split["test.negative"] + split["test.positive"])


def leaked_share(split: Values) -> float:
    """The share of test images that have a copy in train."""
    return split["test.leaked"] / max(tested(split), 1)


def _comparison(first: str, second: str, metrics: Values, images: int) -> str:
    name = comparison_name(first, second)
    p = metrics[f"{name}.mcnemar_p"]
    counts = (
        f"{title(first)} alone is right on {metrics[f'{name}.only_{first}_right']} of "
        f"{images:,} test images, {title(second)} alone on {metrics[f'{name}.only_{second}_right']}"
        f" (exact McNemar {p_text(p)})"
    )
    if p >= SIGNIFICANT:
        either = f"{title(first)} or {title(second)}"
        return f"{either}: no difference that this test set can show. {counts}."
    difference = metrics[f"{name}.accuracy_difference"]
    bounds = [metrics[f"{name}.accuracy_difference_{end}"] for end in ("low", "high")]
    better, worse = (first, second) if difference > 0 else (second, first)
    low, high = sorted(bound if difference > 0 else -bound for bound in bounds)
    return (
        f"{title(better)} is better than {title(worse)} by {100 * abs(difference):.1f} percentage "
        f"points of accuracy (95 % interval {100 * low:.1f} to {100 * high:.1f}). {counts}."
    )


def _caveats(sources: Mapping[str, str]) -> Iterator[str]:
    random = [title(name) for name, source in sources.items() if source == "random"]
    if random:
        has = "has" if len(random) == 1 else "have"
        yield (
            f"{' and '.join(random)} {has} random weights: the comparison shows what pre-training "
            "brings, not which architecture is better."
        )


def leak_sentence(split: Values) -> str:
    """How many test images have a copy in train, as far as the audit detects them."""
    leaked, share = int(split["test.leaked"]), leaked_share(split)
    if not leaked:
        return "No test image has a copy or a mirror image in train that the audit can find."
    cracks = split["test.leaked_positive"] / max(split["test.positive"], 1)
    return (
        f"{leaked:,} test images ({100 * share:.1f} %; {100 * cracks:.1f} % of the cracks) have a "
        "copy or a mirror image in train: expect lower numbers on new photographs."
    )


def _photographs(split: Values, whole: str) -> Iterator[str]:
    """How many test images share a photograph with train, if `photos.group` is set."""
    if "test.photographs" not in split:
        return
    if shared := int(split["test.photograph_in_train"]):
        yield (
            f"{shared:,} test images ({100 * split['test.photograph_in_train_share']:.1f} %) "
            f"share a {whole} with train: expect lower numbers on new {whole}s."
        )
    else:
        number = int(split["test.photographs"])
        wholes = f"1 {whole}" if number == 1 else f"{number:,} {whole}s"
        yield f"The test images are from {wholes}, none of them in train."


def p_text(value: float) -> str:
    """A p-value for people."""
    return f"p {value:.4f}" if value >= 0.0001 else "p below 0.0001"
