"""Whether results belong to the code and the parameters in the same tree.

`dvc status` needs the data, which a clone without the cache does not have, and counts a comment as
a change. Here dvc.lock is compared with itself, dvc.yaml, params.yaml, the code and the metrics,
all of which are in Git.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cracks.project.params import flatten
from cracks.project.paths import EVALUATION, LOCK, PARAMS, PHOTOS, PIPELINE, PREDICTIONS, PRETRAINED
from cracks.runtime.cache_folder import syntax
from cracks.tools.review.pipeline import LockedStage, Stage, read_lock, read_params, read_pipeline
from cracks.tools.review.snapshots import Commit, Snapshot, last_versions


def find_stale(snapshot: Snapshot, *tips: str) -> dict[str, list[str]]:
    """What changed since the results were computed, by the stage that has to run again.

    Compares dvc.lock with everything that it refers to, in one snapshot.

    Args:
        snapshot: the files.
        tips: commits in whose history the code with the hashes of dvc.lock is looked up.

    Raises:
        CracksError: if one of the files is damaged or has conflict markers.
    """
    stages, lock, params = read_pipeline(snapshot), read_lock(snapshot), read_params(snapshot)
    outs = {out.path: out.md5 for stage in lock.values() for out in stage.outs}
    outs |= _folders_of_outs(stages.values(), outs)
    stale = {}
    for name, stage in stages.items():
        changes = (
            [
                *([] if stage.cmd == lock[name].cmd else ["its command"]),
                *_changed_params(stage, lock[name], params),
                *_changed_deps(stage, lock[name], outs, snapshot, tips),
                *_changed_results(stage, outs, snapshot),
            ]
            if name in lock
            else [NEVER_RAN]
        )
        if changes:
            stale[name] = changes
    stale |= {name: [REMOVED] for name in lock if name not in stages}
    written = {path for stage in stages.values() for path in stage.outputs}
    lost = [str(path) for path in (EVALUATION, PREDICTIONS) if path.as_posix() not in written]
    if lost:
        stale[PIPELINE.name] = [f"no stage writes {path}" for path in lost]
    return stale


def _folders_of_outs(stages: Collection[Stage], outs: Mapping[str, str]) -> dict[str, str]:
    """The hashes of the dependencies that are folders of other stages' cached outputs."""
    outputs = (output for stage in stages for output in stage.outputs.items())
    cached = [path for path, in_git in outputs if path in outs and not in_git]
    folders = {}
    for dep in {dep for stage in stages for dep in stage.dependencies}:
        if below := [out for out in cached if out.startswith(f"{dep}/")]:
            folders[dep] = _folder_md5({out.removeprefix(f"{dep}/"): outs[out] for out in below})
    return folders


NEVER_RAN = "it never ran"
REMOVED = "it is not in dvc.yaml any more; delete its entry from dvc.lock"


def _changed_params(stage: Stage, ran: LockedStage, params: Mapping[str, Any]) -> list[str]:
    """The keys whose values differ from those that the stage ran with."""
    before = flatten(ran.params.get(PARAMS.name, {}))
    now: dict[str, Any] = {}
    for key in stage.params:
        whole = isinstance(key, dict)  # the whole file
        now |= {k: v for k, v in params.items() if whole or k == key or k.startswith(f"{key}.")}
    return [key for key in {**before, **now} if before.get(key) != now.get(key)]


def _changed_deps(
    stage: Stage, ran: LockedStage, outs: Mapping[str, str], snapshot: Snapshot, tips: Sequence[str]
) -> Iterator[str]:
    before = {dep.path: dep.md5 for dep in ran.deps}
    yield from sorted(set(before) ^ set(stage.dependencies))  # added to or removed from the list
    for dep in sorted(set(before) & set(stage.dependencies)):
        if dep in outs:
            if outs[dep] != before[dep]:
                yield dep
        elif Path(dep) in (PHOTOS, PRETRAINED):
            yield from _changed_inputs(Path(dep), snapshot, tips)
        else:
            yield from _changed_code(Path(dep), before[dep], snapshot, tips)


def _changed_inputs(folder: Path, snapshot: Snapshot, tips: Sequence[str]) -> list[str]:
    """The `.dvc` files in a folder of people's files that changed since dvc.lock was written."""
    lock = snapshot.read(LOCK)
    ran = next((c for c in last_versions(LOCK, *tips) if c.read(LOCK) == lock), None)
    if ran is None:  # dvc.lock is not committed yet
        return []
    tracked = {file for side in (ran, snapshot) for file in side.files(folder)}
    return [
        str(file)
        for file in sorted(tracked)
        if file.suffix == ".dvc" and ran.read(file) != snapshot.read(file)
    ]


def _changed_code(path: Path, before: str, snapshot: Snapshot, tips: Sequence[str]) -> list[str]:
    """The files of a code dependency that changed, comments and layout apart."""
    if dvc_md5(snapshot, path) == before:
        return []
    old = next((c for c in last_versions(path, *tips) if dvc_md5(c, path) == before), None)
    if old is None:
        return [str(path)]
    files = sorted({path, *old.files(path), *snapshot.files(path)})
    differing = (file for file in files if old.read(file) != snapshot.read(file))
    return [str(file) for file in differing if not same_syntax(file, old, snapshot)]


def same_syntax(file: Path, old: Commit, snapshot: Snapshot) -> bool:
    """Whether a Python file differs in nothing but comments, docstrings and layout."""
    before, after = old.read(file), snapshot.read(file)
    if file.suffix != ".py" or before is None or after is None:
        return False
    try:
        return syntax(before.decode()) == syntax(after.decode())
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # nested too deeply
        return False


def _changed_results(stage: Stage, outs: Mapping[str, str], snapshot: Snapshot) -> Iterator[str]:
    """The results in Git that differ from what the stage wrote."""
    for path, in_git in stage.outputs.items():
        if in_git and path in outs and dvc_md5(snapshot, Path(path)) != outs[path]:
            yield f"{path}, edited after it was written"


def dvc_md5(snapshot: Snapshot, path: Path) -> str:
    """The hash of a file or a folder, by the rules of dvc.lock."""
    content = snapshot.read(path)
    if content is not None:
        return _md5(content)
    files = {f.relative_to(path).as_posix(): snapshot.read(f) or b"" for f in snapshot.files(path)}
    return _folder_md5({name: _md5(content) for name, content in files.items()})


def _folder_md5(hashes: Mapping[str, str]) -> str:
    """The hash of a folder by those of its files."""
    listing = [{"md5": hashes[name], "relpath": name} for name in sorted(hashes)]
    return _md5(json.dumps(listing, sort_keys=True).encode()) + ".dir"


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
