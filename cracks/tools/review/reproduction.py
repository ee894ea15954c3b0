"""Whether the results of the working tree are byte for byte those of the commit."""

import shutil
from pathlib import Path

from cracks.project.paths import LOCK
from cracks.tools.review.pipeline import read_lock
from cracks.tools.review.snapshots import Commit, Snapshot, WorkingTree, run_git
from cracks.tools.review.staleness import dvc_md5


def compared_with_commit() -> str:
    """One line that says so or names the files that differ; empty without a commit to compare with.

    Raises:
        CracksError: if dvc.lock is missing or damaged.
    """
    if not shutil.which("git"):
        return ""
    head = Commit(run_git("rev-parse", "--verify", "--quiet", "HEAD").stdout.decode().strip())
    if not head.sha or head.read(LOCK) is None:
        return ""
    here, there = _hashes(WorkingTree()), _hashes(head)
    here |= {path: dvc_md5(WorkingTree(), Path(path)) for path in here if Path(path).exists()}
    differing = sorted(path for path in here | there if here.get(path) != there.get(path))
    if differing:
        return f"Differ from those of the commit: {', '.join(differing)}"
    all_here = all(Path(path).exists() for path in here)
    results = "All results" if all_here else "The results that are here"
    return f"{results} are byte for byte those of the commit."


def _hashes(snapshot: Snapshot) -> dict[str, str]:
    return {out.path: out.md5 for stage in read_lock(snapshot).values() for out in stage.outs}
