"""A review as Markdown for people, and as JSON for machines."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from cracks.evaluation.verdict import SIGNIFICANT, title
from cracks.pipeline.labels import POSITIVE
from cracks.pipeline.paths import EVALUATION
from cracks.review.comparison import LEAK, Change, Flips, Review
from cracks.review.evidence import NOT_RECOMPUTED
from cracks.review.sides import Side
from cracks.review.staleness import Staleness

_LISTED = 15  # names of one kind


def as_markdown(review: Review) -> str:
    """The whole review in Markdown, reasons to doubt the numbers first."""
    doubts = doubtful(review.mismatches, review.stale)
    parts = [*doubts, *_doubtful_base(review)]
    if _is_unchanged(review) and not parts:
        return f"No change against {_name(review.base)}: the same parameters, the same metrics."
    heading = f"## {review.now.name.capitalize()} against {_name(review.base)}"
    # what cannot be believed at all comes before the heading
    parts.insert(1 if review.mismatches else 0, heading)
    if review.not_comparable:
        reason = review.not_comparable
        parts.append(f"**The numbers of the two sides cannot be compared:** {reason}.")
        parts.append(_table(review, ()))
    else:
        flips = review.flips
        parts.append("\n".join(f"- {_headline(b, review, flips[b])}" for b in flips))
        parts.append(_table(review, list(flips)))
        parts += [_flipped(b, flips[b]) for b in flips if flips[b].count]
    parts.append(_values("parameter", review.params) or "No parameter changed.")
    parts.append(_values("package", review.packages))
    parts.append(_comments(review.stale))
    parts.append(f"Not recomputed from the predictions: {NOT_RECOMPUTED}.")
    return "\n\n".join(part for part in parts if part)


def doubtful(mismatches: Sequence[str], stale: Staleness) -> list[str]:
    """Reasons to doubt the numbers of the working tree."""
    reasons = []
    if mismatches:
        reasons.append(
            "**These metrics are not those of the predictions.** Run `dvc repro` and commit what "
            f"it writes.\n\n{_bullets(mismatches)}"
        )
    if stale:
        reasons.append(
            "**These results are stale:** dvc.lock does not fit the tree. Run `dvc repro` and "
            f"commit what it writes.\n\n{_stages(stale)}"
        )
    return reasons


def _doubtful_base(review: Review) -> list[str]:
    reasons = []
    if review.mismatches_base:
        reasons.append(
            f"**The metrics of {_name(review.base)} are not those of its predictions:**\n\n"
            f"{_bullets(review.mismatches_base)}"
        )
    if review.stale_base:
        reasons.append(
            f"The results of {_name(review.base)} are stale themselves "
            f"({', '.join(review.stale_base.stages)})."
        )
    return reasons


def _is_unchanged(review: Review) -> bool:
    return (
        review.base.metrics == review.now.metrics
        and not review.params
        and not review.packages
        and not review.not_comparable
        and not any(flips.count for flips in review.flips.values())
    )


def _stages(stale: Staleness) -> str:
    return "\n".join(
        f"- {stage}: {_joined([code(change) for change in dict.fromkeys(changes)])}"
        for stage, changes in stale.stages.items()
    )


def _comments(stale: Staleness) -> str:
    files = _joined([code(file) for file in sorted(stale.comments)])
    return f"Changed in comments, docstrings or layout only: {files}." if files else ""


def _bullets(sentences: Sequence[str]) -> str:
    more = [f"{len(sentences) - _LISTED:,} more"] if len(sentences) > _LISTED else []
    return "\n".join(f"- {plain(sentence)}" for sentence in [*sentences[:_LISTED], *more])


def _joined(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _name(side: Side) -> str:
    return plain(side.name)


def _headline(backbone: str, review: Review, flips: Flips) -> str:
    accuracy = next(c for c in review.changes if c.metric == f"{backbone}.accuracy")
    name = f"**{title(backbone)}**"
    points = f"{100 * accuracy.difference:+.1f} percentage points of accuracy"
    p = f"exact McNemar {_p(flips.p)}"
    if not flips.count:
        return f"{name}: every test image is classified as before."
    if accuracy.is_noise:
        seeds = f"t-test over seeds {_p(accuracy.seeds_p or 0)}"
        return f"{name}: {points}, within the variation over seeds ({seeds}; {p})."
    unknown = "" if accuracy.seeds_p is not None else f" {_ONE_SEED}"
    if flips.p < SIGNIFICANT:
        word = "better" if accuracy.gain > 0 else "WORSE"
        beyond = "" if unknown else ", beyond the variation over seeds"
        return f"{name} is **{word}**: {points} ({p}){beyond}.{unknown}"
    return f"{name}: {points}, not significant on these test images ({p}).{unknown}"


_ONE_SEED = "One side has a single seed, so the variation over seeds is unknown."


def _p(value: float) -> str:
    return f"p {value:.4f}" if value >= 0.0001 else "p below 0.0001"


def _table(review: Review, backbones: Iterable[str]) -> str:
    lines = ["| metric | base | now | change | |", "|---|--:|--:|--:|---|"]
    comparable = set(backbones)
    for change in review.changes:
        verdict = ""
        if comparable and (change.metric == LEAK or change.metric.split(".")[0] in comparable):
            verdict = _verdict(change, review.now)
        lines.append(
            f"| {change.metric} | {_number(change.base)} | {_number(change.now)} "
            f"| {_signed(change.difference)} | {verdict} |"
        )
    return "\n".join(lines)


def _verdict(change: Change, now: Side) -> str:
    if not change.difference:
        return "="
    arrow = "▲ better" if change.gain > 0 else "▼ worse"
    words = [arrow, *_in_images(change, now)]
    if change.is_noise:
        words.append("within noise")
    if change.metric == LEAK:
        words.append("share of test images with a copy in train")
    return ", ".join(words)


def _in_images(change: Change, now: Side) -> list[str]:
    """A change of recall or accuracy as a number of images."""
    backbone, _, name = change.metric.rpartition(".")
    labels = now.predictions[now.predictions["backbone"] == backbone]["label"]
    if name == "recall":
        cracks = int((labels == POSITIVE).sum())
        count = round(change.difference * cracks)
        return [f"{abs(count)} {'fewer' if count > 0 else 'more'} missed of {cracks:,} cracks"]
    if name == "accuracy":
        count = round(change.difference * len(labels))
        return [f"{abs(count)} {'fewer' if count > 0 else 'more'} wrong of {len(labels):,} images"]
    return []


def _flipped(backbone: str, flips: Flips) -> str:
    kinds = {
        "Newly missed cracks": flips.newly_missed,
        "Newly found cracks": flips.newly_found,
        "New false alarms": flips.new_alarms,
        "No longer false alarms": flips.quieted,
    }
    lines = [f"### {title(backbone)}: {flips.count:,} images changed their class"]
    for kind, names in kinds.items():
        if names:
            lines.append(f"- {kind} ({len(names):,}): {_joined([code(name) for name in names])}")
    return "\n".join(lines)


def _values(what: str, changed: list[tuple[str, Any, Any]]) -> str:
    if not changed:
        return ""
    lines = ["| " + " | ".join(code(x, cell=True) for x in row) + " |" for row in changed]
    return "\n".join([f"| {what} | base | now |", "|---|---|---|", *lines])


def code(value: object, *, cell: bool = False) -> str:
    """Any value as a code span; in a cell of a table, bars are escaped."""
    text = " ".join(str(value).split("\n"))
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text else ""
    if cell:
        text = text.replace("|", "\\|")
    return f"{fence}{space}{text}{space}{fence}" if text else ""


def plain(text: str) -> str:
    """Text escaped for Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text)


def metrics_table(side: Side) -> str:
    """The metrics of one side as a Markdown table."""
    lines = [
        f"| {change.metric} | {_number(change.now)} |"
        for change in Review(base=side, now=side).changes
    ]
    return "\n".join(["| metric | now |", "|---|--:|", *lines])


def _number(value: float) -> str:
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


def _signed(value: float) -> str:
    return f"{value:+.0f}" if float(value).is_integer() and abs(value) >= 1 else f"{value:+.4f}"


def as_json(review: Review) -> str:
    """The review for machines."""
    changes = [
        {
            "metric": change.metric,
            "base": change.base,
            "now": change.now,
            "difference": change.difference,
            "better": None if not change.difference else change.gain > 0,
            "noise": change.is_noise,
            "seeds_p": change.seeds_p,
        }
        for change in review.changes
    ]
    values = {
        "base": review.base.name,
        "mismatches": list(review.mismatches),
        "stale": review.stale.stages,
        "comments_only": sorted(review.stale.comments),
        "not_comparable": review.not_comparable,
        "metrics": changes,
        "flips": {backbone: vars(flips) for backbone, flips in review.flips.items()},
        "params": _records(review.params),
        "packages": _records(review.packages),
    }
    return json.dumps(values, indent=2)


def as_json_alone(base: str, mismatches: Sequence[str], stale: Staleness) -> str:
    """As `as_json`, if the base has no results to compare with."""
    values = {
        "base": base,
        "mismatches": list(mismatches),
        "stale": stale.stages,
        "comments_only": sorted(stale.comments),
        "not_comparable": f"{base} has no {EVALUATION}",
        "metrics": [],
        "flips": {},
        "params": [],
        "packages": [],
    }
    return json.dumps(values, indent=2)


def _records(changed: list[tuple[str, Any, Any]]) -> list[dict[str, Any]]:
    return [{"key": key, "base": before, "now": after} for key, before, after in changed]
