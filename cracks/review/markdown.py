"""A review as Markdown for people, and as JSON for machines."""

import json
from collections.abc import Sequence
from typing import Any

from cracks.evaluation.verdict import SIGNIFICANT, title
from cracks.review.comparison import (
    LEAK,
    Change,
    Flips,
    backbones_of,
    changed_params,
    compare_metrics,
    find_flips,
)
from cracks.review.sides import Side

_LISTED = 15  # names of flipped images of one kind


def as_markdown(base: Side, now: Side, stale: dict[str, list[str]], reason: str | None) -> str:
    """The whole review in Markdown."""
    params = changed_params(base.params, now.params)
    if base.metrics == now.metrics and not params and not stale and not reason:
        return f"No change against {base.name}: the same parameters, the same metrics."
    changes = compare_metrics(base.metrics, now.metrics)
    parts = [f"## {now.name.capitalize()} against {base.name}"]
    if stale:
        parts.append(_stale(stale))
    if reason:
        parts.append(f"**The numbers of the two sides cannot be compared:** {reason}.")
        parts.append(_table(changes, {}, comparable=False))
    else:
        backbones = [b for b in backbones_of(now.metrics) if f"{b}.accuracy" in base.metrics]
        flips = {b: find_flips(base.predictions, now.predictions, b) for b in backbones}
        parts.append("\n".join(f"- {_headline(b, changes, flips[b])}" for b in backbones))
        parts.append(_table(changes, now.metrics, comparable=True))
        parts += [_flipped(b, flips[b]) for b in backbones if flips[b].count]
    parts.append(_params(params))
    return "\n\n".join(parts)


def _stale(stale: dict[str, list[str]]) -> str:
    lines = [f"- {stage}: {', '.join(sorted(set(what)))}" for stage, what in stale.items()]
    return (
        "**These results are stale:** dvc.lock does not fit the tree. Run `dvc repro` and commit "
        "what it writes.\n\n" + "\n".join(lines)
    )


def _headline(backbone: str, changes: Sequence[Change], flips: Flips) -> str:
    accuracy = next(change for change in changes if change.metric == f"{backbone}.accuracy")
    name = f"**{title(backbone)}**"
    points = f"{100 * accuracy.difference:+.1f} percentage points of accuracy"
    p = f"exact McNemar p {flips.p:.4f}" if flips.p >= 0.0001 else "exact McNemar p below 0.0001"
    if not flips.count:
        return f"{name}: every test image is classified as before."
    if flips.p < SIGNIFICANT and not accuracy.is_noise:
        word = "better" if accuracy.gain > 0 else "WORSE"
        return f"{name} is **{word}**: {points} ({p}), more than seeds and luck can make."
    if accuracy.is_noise:
        return (
            f"{name}: {points}, inside the noise band of ±{100 * (accuracy.band or 0):.1f} ({p})."
        )
    return f"{name}: {points}, which these test images cannot tell from luck ({p})."


def _table(changes: Sequence[Change], metrics: dict[str, float], *, comparable: bool) -> str:
    lines = ["| metric | base | now | change | |", "|---|--:|--:|--:|---|"]
    for change in changes:
        said = _verdict(change, metrics) if comparable else ""
        lines.append(
            f"| {change.metric} | {_number(change.base)} | {_number(change.now)} "
            f"| {_signed(change.difference)} | {said} |"
        )
    return "\n".join(lines)


def _verdict(change: Change, metrics: dict[str, float]) -> str:
    if not change.difference:
        return "="
    arrow = "▲ better" if change.gain > 0 else "▼ worse"
    words = [arrow, *_in_images(change, metrics)]
    if change.is_noise:
        words.append("within noise")
    if change.metric == LEAK:
        words.append("share of test images with a copy in train")
    return ", ".join(words)


def _in_images(change: Change, metrics: dict[str, float]) -> list[str]:
    """The change in images, where it is one of a count."""
    backbone, _, name = change.metric.rpartition(".")
    if name == "recall":
        cracks = int(metrics[f"{backbone}.tp"] + metrics[f"{backbone}.fn"])
        count = round(change.difference * cracks)
        return [f"{abs(count)} {'fewer' if count > 0 else 'more'} missed of {cracks:,} cracks"]
    if name == "accuracy":
        images = int(metrics[f"{backbone}.images"])
        count = round(change.difference * images)
        return [f"{abs(count)} {'fewer' if count > 0 else 'more'} wrong of {images:,} images"]
    return []


def _flipped(backbone: str, flips: Flips) -> str:
    kinds = {
        "Newly missed cracks": flips.newly_missed,
        "Newly found cracks": flips.newly_found,
        "New false alarms": flips.new_alarms,
        "False alarms no more": flips.quieted,
    }
    lines = [f"### {title(backbone)}: {flips.count:,} images changed sides"]
    for kind, names in kinds.items():
        if names:
            more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
            listed = ", ".join(f"`{name}`" for name in names[:_LISTED])
            lines.append(f"- {kind} ({len(names):,}): {listed}{more}")
    return "\n".join(lines)


def _params(params: list[tuple[str, Any, Any]]) -> str:
    if not params:
        return "No parameter changed."
    lines = [f"| `{key}` | `{before}` | `{after}` |" for key, before, after in params]
    return "\n".join(["| parameter | base | now |", "|---|---|---|", *lines])


def metrics_table(metrics: dict[str, float]) -> str:
    """The metrics of one side as a Markdown table."""
    lines = [
        f"| {change.metric} | {_number(change.now)} |"
        for change in compare_metrics(metrics, metrics)
    ]
    return "\n".join(["| metric | now |", "|---|--:|", *lines])


def _number(value: float) -> str:
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


def _signed(value: float) -> str:
    return f"{value:+.0f}" if float(value).is_integer() and abs(value) >= 1 else f"{value:+.4f}"


def as_json(base: Side, now: Side, stale: dict[str, list[str]], reason: str | None) -> str:
    """The review for machines."""
    flips = (
        {}
        if reason
        else {
            b: vars(find_flips(base.predictions, now.predictions, b))
            for b in backbones_of(now.metrics)
            if f"{b}.accuracy" in base.metrics
        }
    )
    changes = [
        {
            "metric": change.metric,
            "base": change.base,
            "now": change.now,
            "difference": change.difference,
            "better": None if not change.difference else change.gain > 0,
            "noise": change.is_noise,
        }
        for change in compare_metrics(base.metrics, now.metrics)
    ]
    params = [
        {"key": key, "base": before, "now": after}
        for key, before, after in changed_params(base.params, now.params)
    ]
    found = {
        "base": base.name,
        "stale": stale,
        "not_comparable": reason,
        "metrics": changes,
        "flips": flips,
        "params": params,
    }
    return json.dumps(found, indent=2)
