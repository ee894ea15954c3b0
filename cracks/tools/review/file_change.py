"""The files of a change: those that stages depend on, and those that `dvc repro` writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cracks.project.errors import CracksError
from cracks.project.paths import LOCK
from cracks.tools.review.pipeline import Stage, read_pipeline
from cracks.tools.review.snapshots import Commit, WorkingTree, changed_files, commits_since
from cracks.tools.review.staleness import same_syntax


@dataclass(frozen=True)
class FileChange:
    """What changed in the files that the pipeline reads and writes, beside parameters."""

    read: dict[Path, list[str]] = field(default_factory=dict)  # and the stages that depend on it
    comments: list[Path] = field(default_factory=list)  # where only comments or layout changed
    commits: list[tuple[str, str]] = field(default_factory=list)  # that touched those read
    written: dict[Path, int] = field(default_factory=dict)  # in Git, by `dvc repro`; their lines
    added_stages: list[str] = field(default_factory=list)
    removed_stages: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether a result may have changed for it."""
        return bool(self.read or self.added_stages or self.removed_stages)


def find_file_change(base: Commit, tree: WorkingTree) -> FileChange:
    """Compare the files of a commit and of the working tree.

    Raises:
        CracksError: if dvc.yaml of the working tree is damaged.
    """
    before, stages = _stages_of(base), read_pipeline(tree)
    outputs = {
        Path(path): in_git
        for stage in (*before.values(), *stages.values())
        for path, in_git in stage.outputs.items()
    }
    changed = changed_files(base)
    written = {path: n for path, n in changed.items() if outputs.get(path) or path == LOCK}
    read = {
        path: names for path in changed if path not in written and (names := _readers(path, stages))
    }
    comments = [path for path in read if same_syntax(path, base, tree)]
    files = {path: names for path, names in read.items() if path not in comments}
    return FileChange(
        read=files,
        comments=comments,
        commits=commits_since(base, list(files)) if files else [],
        written=written,
        added_stages=[name for name in stages if before and name not in before],
        removed_stages=[name for name in before if name not in stages],
    )


def _stages_of(base: Commit) -> Mapping[str, Stage]:
    try:
        return read_pipeline(base)
    except CracksError:  # a commit before there was a pipeline, or a damaged one
        return {}


def _readers(path: Path, stages: Mapping[str, Stage]) -> list[str]:
    """The stages that depend on a file or on a folder above it."""
    places = {place.as_posix() for place in (path, *path.parents)}
    return [name for name, stage in stages.items() if places & set(stage.dependencies)]
