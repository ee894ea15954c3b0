"""Review a change by its metrics: print as Markdown what it did to the classifiers.

worked example:
  python -m cracks.review                 the working tree against main
  python -m cracks.review HEAD            against the last commit
  python -m cracks.review --fail-if 'resnet50.recall < -0.01' --fail-if 'vgg16.missed > 2'

A condition speaks of the change (now minus base); the exit code is 1 if one of them holds.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from cracks.changes import (
    LEAK,
    Change,
    Flips,
    Side,
    backbones_of,
    changed_params,
    compare_metrics,
    failed_conditions,
    find_flips,
    why_not_comparable,
)
from cracks.errors import CracksError, one_sentence
from cracks.verdict import SIGNIFICANT, title

METRICS = "metrics/evaluate.json"
PREDICTIONS = "metrics/predictions.csv"

_LISTED = 15  # names of flipped images of one kind


def main() -> int:
    """Run the command; the result is the exit code."""
    arguments = _parser().parse_args()
    revision, commit = resolve(arguments.base)
    base, now = read_commit(revision, commit), read_tree()
    stale = stale_stages()
    if now is None:
        raise CracksError(f"Expected {METRICS} in the working tree, found none; run `dvc repro`.")
    if base is None:
        print(f"{revision} ({commit[:7]}) has no {METRICS}: nothing to compare with.\n")
        print(_numbers(now.metrics))
        return 0
    reason = why_not_comparable(base, now)
    failed = failed_conditions(arguments.fail_if, base.metrics, now.metrics)
    if reason and arguments.fail_if:
        failed = [f"the sides cannot be compared: {reason}"]
    print(_json(base, now, stale, reason) if arguments.json else review(base, now, stale, reason))
    for condition in failed:
        print(f"Failed: {condition}", file=sys.stderr)
    return int(bool(failed))


# --- the two sides ----------------------------------------------------------------------


def resolve(base: str) -> tuple[str, str]:
    """The revision of that name, or of the same name at origin, and its commit.

    Raises:
        CracksError: if there is none.
    """
    for name in (base, f"origin/{base}"):
        found = _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if found.returncode == 0:
            return name, found.stdout.strip()
    if _git("rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        raise CracksError(
            f"Expected the commit {base}, found a shallow clone without it; "
            f"run `git fetch --unshallow origin` and `git fetch origin {base}`."
        )
    raise CracksError(f"Expected a branch, tag or commit, found no {base!r}; see `git branch -a`.")


def _git(*arguments: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise CracksError("Expected git to be installed, found none.") from None


def read_commit(name: str, commit: str) -> Side | None:
    """The results of a commit; None if it has none."""
    from dvc.api import DVCFileSystem

    files = DVCFileSystem(".", rev=commit)
    if not (files.exists(METRICS) and files.exists(PREDICTIONS)):
        return None
    lock = files.read_text("dvc.lock") if files.exists("dvc.lock") else ""
    with files.open(PREDICTIONS) as predictions:
        return Side(
            name=f"{name} ({commit[:7]})",
            metrics=json.loads(files.read_text(METRICS)),
            predictions=pd.read_csv(predictions, dtype={"id": str, "group": str}),
            params=yaml.safe_load(files.read_text("params.yaml")),
            images=_images(lock),
        )


def read_tree() -> Side | None:
    """The results in the working tree; None if there are none."""
    if not (Path(METRICS).exists() and Path(PREDICTIONS).exists()):
        return None
    lock = Path("dvc.lock")
    return Side(
        name="the working tree",
        metrics=json.loads(Path(METRICS).read_text(encoding="utf-8")),
        predictions=pd.read_csv(PREDICTIONS, dtype={"id": str, "group": str}),
        params=yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8")),
        images=_images(lock.read_text(encoding="utf-8") if lock.exists() else ""),
    )


def _images(lock: str) -> str | None:
    """What a dvc.lock says the archive's content is."""
    stages = (yaml.safe_load(lock) or {}).get("stages", {})
    outs = stages.get("download", {}).get("outs", [])
    return next((out["md5"] for out in outs if out["path"] == "data/images.zip"), None)


def stale_stages() -> dict[str, list[str]]:
    """Stages whose code, parameters or command are not those of dvc.lock, and what changed.

    An output that is merely not here (a fresh clone) is not stale.
    """
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CracksError(f"`dvc status` failed: {' '.join(done.stderr.split())}")
    stale: dict[str, list[str]] = {}
    for stage, findings in json.loads(done.stdout or "{}").items():
        for finding in findings:
            if finding == "changed command":
                stale.setdefault(stage, []).append("its command")
                continue
            for path, what in finding.get("changed deps", {}).items():
                if what == "deleted" or (path.startswith(("data/", "models/")) and what == "new"):
                    continue
                names = list(what) if isinstance(what, dict) else [path]
                stale.setdefault(stage, []).extend(names)
    return stale


# --- what is said of them ---------------------------------------------------------------


def review(base: Side, now: Side, stale: dict[str, list[str]], reason: str | None) -> str:
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


def _numbers(metrics: dict[str, float]) -> str:
    lines = [
        f"| {change.metric} | {_number(change.now)} |"
        for change in compare_metrics(metrics, metrics)
    ]
    return "\n".join(["| metric | now |", "|---|--:|", *lines])


def _number(value: float) -> str:
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


def _signed(value: float) -> str:
    return f"{value:+.0f}" if float(value).is_integer() and abs(value) >= 1 else f"{value:+.4f}"


def _json(base: Side, now: Side, stale: dict[str, list[str]], reason: str | None) -> str:
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


def _parser() -> argparse.ArgumentParser:
    description, _, epilog = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m cracks.review",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", nargs="?", default="main", help="branch, tag or commit (main)")
    parser.add_argument("--fail-if", action="append", default=[], metavar="'METRIC < NUMBER'")
    parser.add_argument("--json", action="store_true", help="for machines")
    return parser


if __name__ == "__main__":
    with one_sentence():
        sys.exit(main())
