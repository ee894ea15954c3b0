"""Whether results are those of the code and the parameters beside them.

`dvc status` answers that for the files in the workspace, which a clone without the cache does not
have, and takes a comment for a change. Here dvc.lock is compared with itself, with dvc.yaml, with
params.yaml, with the code and with the metrics, all of which are in Git.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cracks.pipeline.cache_folder import syntax
from cracks.pipeline.conflicts import check_conflict
from cracks.pipeline.errors import CracksError
from cracks.pipeline.params import flatten
from cracks.pipeline.paths import LOCK, PARAMS, PHOTOS, PIPELINE
from cracks.review.snapshots import Commit, Snapshot, last_versions

Stage = Mapping[str, Any]


@dataclass
class Staleness:
    """What is not as it was when the results were computed."""

    stages: dict[str, list[str]] = field(default_factory=dict)  # what changed, by stage
    comments: set[str] = field(default_factory=set)  # code whose comments alone changed

    def __bool__(self) -> bool:
        """Whether any stage has to run again."""
        return bool(self.stages)


def find_stale(snapshot: Snapshot, *tips: str) -> Staleness:
    """Compare dvc.lock with all that it speaks of, in one snapshot.

    Args:
        snapshot: the files.
        tips: commits from which the code that dvc.lock knows by hash is looked for.

    Raises:
        CracksError: if one of the files has conflict markers.
    """
    stages: dict[str, Stage] = _yaml(snapshot, PIPELINE).get("stages", {})
    lock: dict[str, Stage] = _yaml(snapshot, LOCK).get("stages", {})
    params = _yaml(snapshot, PARAMS)
    outs = {out["path"]: _md5_of(out) for stage in lock.values() for out in stage.get("outs", [])}
    found = Staleness()
    for name, stage in stages.items():
        ran = lock.get(name)
        changes = (
            ["it never ran"]
            if ran is None
            else [
                *_changed_command(stage, ran),
                *_changed_params(stage, ran, params),
                *_changed_deps(stage, ran, outs, snapshot, tips, found.comments),
                *_changed_results(stage, outs, snapshot),
            ]
        )
        if changes:
            found.stages[name] = changes
    return found


def _yaml(snapshot: Snapshot, path: Path) -> dict[str, Any]:
    text = (snapshot.read(path) or b"").decode("utf-8", errors="replace")
    check_conflict(text, path)
    try:
        values = yaml.load(text, _LOADER) or {}  # noqa: S506
    except yaml.YAMLError as error:
        raise CracksError(f"{path}: {' '.join(str(error).split())}; run `dvc repro`.") from None
    if not isinstance(values, dict):
        raise CracksError(f"Expected keys and values in {path}, found something else.")
    return values


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # dvc.lock is long


def _changed_command(stage: Stage, ran: Stage) -> list[str]:
    return [] if stage["cmd"] == ran["cmd"] else ["its command"]


def _changed_params(stage: Stage, ran: Stage, params: Mapping[str, Any]) -> list[str]:
    """The keys whose values are others than those that the stage ran with."""
    before = flatten(ran.get("params", {}).get(PARAMS.name, {}))
    now: dict[str, Any] = {}
    flat = flatten(params)
    for key in stage.get("params", []):
        if isinstance(key, dict):  # the whole file
            now |= flat
        else:
            now |= {k: v for k, v in flat.items() if k == key or k.startswith(f"{key}.")}
    return [key for key in {**before, **now} if before.get(key) != now.get(key)]


def _changed_deps(
    stage: Stage,
    ran: Stage,
    outs: Mapping[str, str],
    snapshot: Snapshot,
    tips: Sequence[str],
    comments: set[str],
) -> Iterator[str]:
    before = {dep["path"]: _md5_of(dep) for dep in ran.get("deps", [])}
    yield from sorted(set(before) ^ set(stage["deps"]))  # listed since, or no more
    for dep in sorted(set(before) & set(stage["deps"])):
        if dep in outs:
            if outs[dep] != before[dep]:
                yield dep
        elif dep == PHOTOS.as_posix():
            yield from _changed_photographs(snapshot, tips)
        else:
            yield from _changed_code(Path(dep), before[dep], snapshot, tips, comments)


def _changed_photographs(snapshot: Snapshot, tips: Sequence[str]) -> list[str]:
    """What `dvc add` knows of the photographs, which may not be here, and `download` does not."""
    lock = snapshot.read(LOCK)
    ran = next((c for c in last_versions(LOCK, *tips) if c.read(LOCK) == lock), None)
    if ran is None:  # dvc.lock is not committed yet
        return []
    tracked = {file for one in (ran, snapshot) for file in one.files(PHOTOS)}
    return [
        str(file)
        for file in sorted(tracked)
        if file.suffix == ".dvc" and ran.read(file) != snapshot.read(file)
    ]


def _changed_code(
    path: Path, before: str, snapshot: Snapshot, tips: Sequence[str], comments: set[str]
) -> list[str]:
    """The files of a code dependency that do something else than when the stage ran."""
    if dvc_md5(snapshot, path) == before:
        return []
    old = next((c for c in last_versions(path, *tips) if dvc_md5(c, path) == before), None)
    if old is None:
        return [str(path)]
    differing = [f for f in _all_files(path, old, snapshot) if old.read(f) != snapshot.read(f)]
    changed = [f for f in differing if not _same_syntax(f, old, snapshot)]
    comments |= {str(f) for f in differing if f not in changed}
    return list(map(str, changed))


def _all_files(path: Path, *snapshots: Snapshot) -> list[Path]:
    return sorted({path, *(file for one in snapshots for file in one.files(path))})


def _same_syntax(file: Path, old: Commit, snapshot: Snapshot) -> bool:
    codes = [one.read(file) for one in (old, snapshot)]
    if file.suffix != ".py" or None in codes:
        return False
    try:
        one, other = (syntax((code or b"").decode()) for code in codes)
    except (SyntaxError, ValueError):
        return False
    return one == other


def _changed_results(stage: Stage, outs: Mapping[str, str], snapshot: Snapshot) -> Iterator[str]:
    """The metrics and plots, which are in Git, that are not as the stage wrote them."""
    for entry in [*stage.get("metrics", []), *stage.get("plots", [])]:
        (path,) = entry if isinstance(entry, dict) else (entry,)
        if path in outs and dvc_md5(snapshot, Path(path)) != outs[path]:
            yield f"{path}, which is not as it was written"


def _md5_of(entry: Mapping[str, Any]) -> str:
    return str(entry.get("md5", ""))


def dvc_md5(snapshot: Snapshot, path: Path) -> str:
    """The hash that dvc.lock has of a file, or of a folder by the hashes of its files."""
    content = snapshot.read(path)
    if content is not None:
        return _md5(content)
    files = {f.relative_to(path).as_posix(): snapshot.read(f) or b"" for f in snapshot.files(path)}
    listing = [{"md5": _md5(files[name]), "relpath": name} for name in sorted(files)]
    return _md5(json.dumps(listing, sort_keys=True).encode()) + ".dir"


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
