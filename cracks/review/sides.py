"""The two sides of a review: the results of a commit and those of the working tree."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cracks.pipeline.errors import CracksError
from cracks.pipeline.inputs import (
    PREDICTION_COLUMNS,
    parse_numbers,
    parse_table,
    read_numbers,
    read_predictions,
    read_text,
)
from cracks.pipeline.paths import EVALUATION, LOCK, PARAMS, PREDICTIONS
from cracks.pipeline.yaml_file import parse_yaml


@dataclass(frozen=True)
class Side:
    """The results of one commit, or of the working tree."""

    name: str
    metrics: dict[str, float]
    predictions: pd.DataFrame
    params: dict[str, Any]
    images: str | None  # what dvc.lock calls the archive's content


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
    if not (files.exists(str(EVALUATION)) and files.exists(str(PREDICTIONS))):
        return None
    lock = files.read_text("dvc.lock") if files.exists("dvc.lock") else ""
    of = f"of {name}"
    return Side(
        name=f"{name} ({commit[:7]})",
        metrics=parse_numbers(files.read_text(str(EVALUATION)), f"{EVALUATION} {of}"),
        predictions=parse_table(
            files.read_text(str(PREDICTIONS)), f"{PREDICTIONS} {of}", PREDICTION_COLUMNS
        ),
        params=parse_yaml(files.read_text(str(PARAMS)), Path(f"{PARAMS} {of}")),
        images=_images(lock, f"dvc.lock {of}"),
    )


def read_tree() -> Side | None:
    """The results in the working tree; None if there are none."""
    if not (EVALUATION.exists() and PREDICTIONS.exists()):
        return None
    return Side(
        name="the working tree",
        metrics=read_numbers(EVALUATION),
        predictions=read_predictions(),
        params=parse_yaml(read_text(PARAMS), PARAMS),
        images=_images(read_text(LOCK) if LOCK.exists() else "", str(LOCK)),
    )


def _images(lock: str, source: str) -> str | None:
    """What a dvc.lock says the archive's content is."""
    if not lock:
        return None
    try:
        stages = parse_yaml(lock, Path(source)).get("stages", {})
        outs = stages.get("download", {}).get("outs", [])
        return next((out["md5"] for out in outs if out["path"] == "data/images.zip"), None)
    except (AttributeError, KeyError, TypeError):
        raise CracksError(
            f"Expected {source} as DVC wrote it, found something else; "
            "run `git checkout dvc.lock` and `dvc repro`."
        ) from None


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
