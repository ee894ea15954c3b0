"""A review as Markdown, for people: what failed, the verdicts, then what changed and why."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cracks.backbones.catalogue import BACKBONES
from cracks.evaluation.metrics import METRICS, number_text
from cracks.evaluation.verdict import p_text
from cracks.project.paths import LOCK
from cracks.tools.review.comparison import (
    FLIP_KINDS,
    LEAK,
    Change,
    Classifier,
    Comparison,
    Duel,
    Verdict,
    changed_values,
)
from cracks.tools.review.data_change import DataChange
from cracks.tools.review.evidence import NOT_RECOMPUTED
from cracks.tools.review.file_change import FileChange
from cracks.tools.review.review import Review
from cracks.tools.review.sides import Side

_JOINER = "\N{ZERO WIDTH JOINER}"  # within emoji
_LISTED = 10  # names of one kind
_FEW = 4  # of which there are several lines
_UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
_ROWS = 20  # of a table


def as_markdown(review: Review) -> str:
    """The whole review in Markdown, reasons to worry first."""
    base = review.base
    alarms = [
        _failed(review),
        _alarm("**These metrics are not those of the predictions.**", _bullets(review.mismatches)),
        _alarm(f"**These results are stale:** {LOCK} does not fit the tree.", _stale(review.stale)),
    ]
    facts = [
        _data(review.data, review),
        _values("parameter", changed_values(base.params, review.now.params) if base else []),
        _values("package", changed_values(base.packages, review.now.packages) if base else []),
        _files(review.files),
    ]
    comments = _comments(review.files)
    if not any([*alarms, *facts, *review.base_doubts]) and _is_unchanged(review):
        same = "the same parameters, the same metrics"
        return _joined_parts([f"No change against {plain(review.base_name)}: {same}.", comments])
    heading = f"## {review.now.name.capitalize()} against {plain(review.base_name)}"
    doubts = _bullets(review.base_doubts)
    return _joined_parts(
        [*alarms, heading, doubts, *_results(review), *facts, comments, _last_line(review)]
    )


def _joined_parts(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part)


def _failed(review: Review) -> str:
    lines = [f"**Failed:** {code(sentence)}" for sentence in review.failed]
    if review.unjudged:
        lines.append("**Not judged:** `--fail-if`, because too few test images are on both sides.")
    return "\n".join(f"- {line}" for line in lines)


def _alarm(what: str, found: str) -> str:
    return f"{what} Run `dvc repro` and commit what it writes.\n\n{found}" if found else ""


def _stale(stale: Mapping[str, Sequence[str]]) -> str:
    return "\n".join(
        f"- {code(stage)}: {_joined([code(change) for change in dict.fromkeys(changes)], _FEW)}"
        for stage, changes in stale.items()
    )


def _is_unchanged(review: Review) -> bool:
    comparison, base = review.comparison, review.base
    return (
        base is not None
        and comparison.is_whole
        and base.metrics == review.now.metrics
        and all(one.verdict is Verdict.UNCHANGED for one in comparison.classifiers)
    )


def _results(review: Review) -> list[str]:
    """The verdicts, the table and the images behind them."""
    comparison, base = review.comparison, review.base
    if base is None:
        reason = f"{plain(str(comparison.impossible))}: nothing to compare with."
        return [reason[0].upper() + reason[1:], _plain_table([review.now])]
    if comparison.impossible:
        reason = plain(comparison.impossible)
        return [
            f"**The numbers of the two sides cannot be compared:** {reason}.",
            _plain_table([base, review.now]),
        ]
    verdicts = [*map(_verdict, comparison.classifiers), *map(_duel, comparison.duels)]
    return [
        _scope(comparison, review.base_name),
        "\n".join(f"- {line}" for line in verdicts),
        _table(comparison),
        *(_flipped(one, comparison.images) for one in comparison.classifiers if one.flipped),
    ]


def _scope(comparison: Comparison, base: str) -> str:
    if comparison.is_whole:
        return ""
    few = "" if comparison.can_judge else " **That is too few to judge the change by.**"
    return (
        f"The test images differ. What follows is about the {comparison.images:,} that both sides "
        f"have, of {comparison.base_images:,} of {plain(base)} and {comparison.now_images:,} "
        f"here.{few}"
    )


def _verdict(one: Classifier) -> str:
    name, accuracy = f"**{title(one.backbone)}", one.changes["accuracy"]
    if one.verdict is Verdict.UNCHANGED:
        return f"{name}: unchanged.** Every test image is classified as before."
    counts = f"{_images(one.newly_wrong)} newly wrong, {one.newly_right:,} newly right"
    chance = f"exact McNemar {p_text(accuracy.mcnemar_p or 0)}"
    seeds = "one side has a single seed, so the variation over seeds is unknown"
    if accuracy.seeds_p is not None:
        seeds = f"t-test over seeds {p_text(accuracy.seeds_p)}"
    if one.verdict is Verdict.UNCLEAR:
        return f"{name}: no clear difference.** {counts} ({chance}; {seeds})."
    word = "better" if one.verdict is Verdict.BETTER else "WORSE"
    points = f"{100 * accuracy.difference:+.1f} percentage points of accuracy"
    return f"{name} is {word}:** {points}, {counts} ({chance}; {seeds})."


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"


def _duel(duel: Duel) -> str:
    names = f"{title(duel.first)} or {title(duel.second)}"
    before, now = (
        f"{_answer(x)} ({p_text(p)})" for x, p in zip(duel.winners, duel.ps, strict=True)
    )
    if duel.winners[0] != duel.winners[1]:
        return f"**{names}: the answer changed.** Before: {before}; now: {now}."
    return f"**{names}:** {now}, as before ({p_text(duel.ps[0])})."


def _answer(winner: str | None) -> str:
    return f"{title(winner)} is better" if winner else "no clear difference"


def title(backbone: str) -> str:
    """The display name of a backbone, also of one that the code does not know any more."""
    return BACKBONES[backbone].constructor if backbone in BACKBONES else plain(backbone)


def _table(comparison: Comparison) -> str:
    classifiers = comparison.classifiers
    heads = [f"{comparison.images:,} test images, {comparison.cracks:,} cracks"]
    heads += [title(one.backbone) for one in classifiers]
    rows = []
    for name, metric in METRICS.items():
        changes = [one.changes[name] for one in classifiers if metric.headline]
        if (changes and metric.better) or any(change.difference for change in changes):
            rows.append([metric.title, *map(_cell, changes)])
    return table(heads, ["---", *["--:"] * len(classifiers)], rows)


def table(heads: Sequence[str], rule: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown; `rule` says how each column is aligned: `---` or `--:`."""
    first, *others = (f"| {' | '.join(row)} |" for row in (heads, *rows))
    return "\n".join([first, f"|{'|'.join(rule)}|", *others])


def _cell(change: Change) -> str:
    difference = change.difference
    if not difference:
        return number_text(change.now)
    signed = f"{difference:+,}" if isinstance(difference, int) else f"{difference:+.4f}"
    return f"{number_text(change.base)} → {number_text(change.now)} ({signed})"


def _plain_table(sides: Sequence[Side]) -> str:
    """The metrics of sides that cannot be compared, each about its own test images."""
    now = sides[-1]
    names = [f"{backbone}.{metric}" for backbone in now.backbones for metric in METRICS]
    rows = [
        [plain(name), *(number_text(s.metrics[name]) if name in s.metrics else "" for s in sides)]
        for name in names
        if name in now.metrics
    ]
    heads = ["metric", *["base", "now"][-len(sides) :]]
    return table(heads, ["---", *["--:"] * len(sides)], rows)


def _flipped(one: Classifier, images: int) -> str:
    lines = [f"### {title(one.backbone)}: {one.flipped:,} of {images:,} changed their class"]
    for kind, flips in one.flips.items():
        if flips:
            named = _joined([f"{code(f.id)} {f.before:.2f} → {f.now:.2f}" for f in flips])
            lines.append(f"- {FLIP_KINDS[kind]} ({len(flips):,}): {named}")
    return "\n".join(lines)


def _data(data: DataChange | None, review: Review) -> str:
    base = review.base
    if not data or base is None:
        return ""
    kinds = {
        "added": data.added,
        "removed": data.removed,
        "relabelled": data.relabelled,
        "moved to another part": data.moved,
        "renamed": data.renamed,
    }
    counts = ", ".join(f"{len(images):,} {kind}" for kind, images in kinds.items() if images)
    what = "test images" if data.test_only else "images"
    lines = [f"### Data: {what} {counts}" if counts else "### Data"]
    for kind, images in kinds.items():
        if images and kind != "renamed":
            named = _joined([f"{code(image.id)} {plain(image.what)}" for image in images])
            lines.append(f"- {kind.capitalize()} ({len(images):,}): {named}")
    leak = changed_values(*({LEAK: side.metrics.get(LEAK)} for side in (base, review.now)))
    return _joined_parts(["\n".join(lines), _values("count", [*data.counts, *leak])])


def _values(what: str, changed: list[tuple[str, Any, Any]]) -> str:
    if not changed:
        return ""
    rows = [[code(x, cell=True) for x in row] for row in changed[:_ROWS]]
    more = [[f"{len(changed) - _ROWS:,} more", "", ""]] if len(changed) > _ROWS else []
    return table([what, "base", "now"], ["---"] * 3, [*rows, *more])


def _files(files: FileChange) -> str:
    if not files:
        return ""
    lines = ["### Code and data that stages depend on"]
    lines += [f"- Stage added: {code(name)}" for name in files.added_stages]
    lines += [f"- Stage removed: {code(name)}" for name in files.removed_stages]
    for path, stages in list(files.read.items())[:_LISTED]:
        lines.append(f"- {code(path)} ({_joined(list(map(plain, stages)), _FEW)})")
    if len(files.read) > _LISTED:
        lines.append(f"- and {len(files.read) - _LISTED:,} more files")
    if files.commits:
        commits = _joined([f"{code(sha)} {plain(subject)}" for sha, subject in files.commits])
        lines.append(f"- Commits: {commits}")
    return "\n".join(lines)


def _comments(files: FileChange) -> str:
    names = _joined([code(path) for path in files.comments])
    return f"Changed in comments, docstrings or layout only: {names}." if names else ""


def _last_line(review: Review) -> str:
    """What was not checked, and what needs no reading."""
    unchecked = f"Not recomputed from the predictions: {NOT_RECOMPUTED}."
    written = review.files.written
    if not written:
        return unchecked
    lines, names = sum(written.values()), _joined(list(map(code, written)))
    return f"{unchecked} Written by `dvc repro`, nothing to read ({lines:,} lines): {names}."


def _bullets(sentences: Sequence[str]) -> str:
    more = [f"{len(sentences) - _LISTED:,} more"] if len(sentences) > _LISTED else []
    return "\n".join(f"- {plain(sentence)}" for sentence in [*sentences[:_LISTED], *more])


def _joined(names: Sequence[str], listed: int = _LISTED) -> str:
    more = f" and {len(names) - listed:,} more" if len(names) > listed else ""
    return ", ".join(names[:listed]) + more


def code(value: object, *, cell: bool = False) -> str:
    """Any value as a code span; in a cell of a table, bars are escaped."""
    text = _printable(str(value))
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text else ""
    if cell:
        text = text.replace("|", "\\|")
    return f"{fence}{space}{text}{space}{fence}" if text else ""


def plain(text: str) -> str:
    """Text escaped for Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", _printable(text))


def _printable(text: str) -> str:
    """Text in one line, without what a terminal or Markdown would act on.

    Those are line breaks of all kinds, control characters, direction overrides, and bytes of file
    names in other encodings.
    """
    sayable = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(
        c if c.isprintable() or c == _JOINER else " " if c.isspace() else _UNPRINTABLE
        for c in sayable
    )
