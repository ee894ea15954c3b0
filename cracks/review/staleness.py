"""Whether results belong to the code and the parameters in the same tree.

`dvc status` needs the data, which a clone without the cache does not have, and counts a comment as
a change. Here dvc.lock is compared with itself, dvc.yaml, params.yaml, the code and the metrics,
all of which are in Git.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from cracks.pipeline.cache_folder import syntax
from cracks.pipeline.conflicts import check_conflict
from cracks.pipeline.errors import CracksError
from cracks.pipeline.params import flatten
from cracks.pipeline.paths import LOCK, PARAMS, PHOTOS, PIPELINE
from cracks.review.snapshots import Commit, Snapshot, last_versions

Stage = Mapping[str, Any]
"""A stage of dvc.yaml."""


class LockedFile(BaseModel):
    """A dependency or an output in dvc.lock."""

    path: str
    md5: str = ""


class LockedStage(BaseModel):
    """A stage in dvc.lock: what it last ran with."""

    cmd: str
    deps: list[LockedFile] = []
    params: dict[str, dict[str, Any]] = {}
    outs: list[LockedFile] = []


class Lock(BaseModel):
    """dvc.lock."""

    stages: dict[str, LockedStage] = {}


@dataclass
class Staleness:
    """What changed since the results were computed."""

    stages: dict[str, list[str]] = field(default_factory=dict)  # what changed, by stage
    comments: set[str] = field(default_factory=set)  # code of which only comments changed

    def __bool__(self) -> bool:
        """Whether any stage has to run again."""
        return bool(self.stages)


def find_stale(snapshot: Snapshot, *tips: str) -> Staleness:
    """Compare dvc.lock with everything that it refers to, in one snapshot.

    Args:
        snapshot: the files.
        tips: commits in whose history the code with the hashes of dvc.lock is looked up.

    Raises:
        CracksError: if one of the files is damaged or has conflict markers.
    """
    stages: dict[str, Stage] = _yaml(snapshot, PIPELINE).get("stages", {})
    lock = _lock(snapshot)
    params = _yaml(snapshot, PARAMS)
    outs = {out.path: out.md5 for stage in lock.values() for out in stage.outs}
    staleness = Staleness()
    for name, stage in stages.items():
        ran = lock.get(name)
        changes = (
            ["it never ran"]
            if ran is None
            else [
                *_changed_command(stage, ran),
                *_changed_params(stage, ran, params),
                *_changed_deps(stage, ran, outs, snapshot, tips, staleness.comments),
                *_changed_results(stage, outs, snapshot),
            ]
        )
        if changes:
            staleness.stages[name] = changes
    return staleness


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


def _lock(snapshot: Snapshot) -> dict[str, LockedStage]:
    try:
        return Lock.model_validate(_yaml(snapshot, LOCK)).stages
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise CracksError(
            f"{LOCK} is damaged at {place} ({first['msg']}); take the committed one with "
            f"`git checkout -- {LOCK}`, or run `dvc repro`."
        ) from None


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # dvc.lock is long


def _changed_command(stage: Stage, ran: LockedStage) -> list[str]:
    return [] if stage["cmd"] == ran.cmd else ["its command"]


def _changed_params(stage: Stage, ran: LockedStage, params: Mapping[str, Any]) -> list[str]:
    """The keys whose values differ from those that the stage ran with."""
    before = flatten(ran.params.get(PARAMS.name, {}))
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
    ran: LockedStage,
    outs: Mapping[str, str],
    snapshot: Snapshot,
    tips: Sequence[str],
    comments: set[str],
) -> Iterator[str]:
    before = {dep.path: dep.md5 for dep in ran.deps}
    yield from sorted(set(before) ^ set(stage["deps"]))  # added to or removed from the list
    for dep in sorted(set(before) & set(stage["deps"])):
        if dep in outs:
            if outs[dep] != before[dep]:
                yield dep
        elif dep == PHOTOS.as_posix():
            yield from _changed_photographs(snapshot, tips)
        else:
            yield from _changed_code(Path(dep), before[dep], snapshot, tips, comments)


def _changed_photographs(snapshot: Snapshot, tips: Sequence[str]) -> list[str]:
    """The `.dvc` files of photographs that changed since `download` ran."""
    lock = snapshot.read(LOCK)
    ran = next((c for c in last_versions(LOCK, *tips) if c.read(LOCK) == lock), None)
    if ran is None:  # dvc.lock is not committed yet
        return []
    tracked = {file for side in (ran, snapshot) for file in side.files(PHOTOS)}
    return [
        str(file)
        for file in sorted(tracked)
        if file.suffix == ".dvc" and ran.read(file) != snapshot.read(file)
    ]


def _changed_code(
    path: Path, before: str, snapshot: Snapshot, tips: Sequence[str], comments: set[str]
) -> list[str]:
    """The files of a code dependency that changed, comments and layout apart."""
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
    return sorted({path, *(file for snapshot in snapshots for file in snapshot.files(path))})


def _same_syntax(file: Path, old: Commit, snapshot: Snapshot) -> bool:
    codes = [side.read(file) for side in (old, snapshot)]
    if file.suffix != ".py" or None in codes:
        return False
    try:
        before, after = (syntax((code or b"").decode()) for code in codes)
    except (SyntaxError, ValueError):
        return False
    return before == after


def _changed_results(stage: Stage, outs: Mapping[str, str], snapshot: Snapshot) -> Iterator[str]:
    """The metrics and plots that differ from what the stage wrote."""
    for entry in [*stage.get("metrics", []), *stage.get("plots", [])]:
        (path,) = entry if isinstance(entry, dict) else (entry,)
        if path in outs and dvc_md5(snapshot, Path(path)) != outs[path]:
            yield f"{path}, edited after it was written"


def dvc_md5(snapshot: Snapshot, path: Path) -> str:
    """The hash of a file or a folder, by the rules of dvc.lock."""
    content = snapshot.read(path)
    if content is not None:
        return _md5(content)
    files = {f.relative_to(path).as_posix(): snapshot.read(f) or b"" for f in snapshot.files(path)}
    listing = [{"md5": _md5(files[name]), "relpath": name} for name in sorted(files)]
    return _md5(json.dumps(listing, sort_keys=True).encode()) + ".dir"


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
