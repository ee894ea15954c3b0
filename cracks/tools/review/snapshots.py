"""The project's files, as a commit has them or as they are in the working tree."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from cracks.project.errors import CracksError

_SHA = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


class Snapshot(Protocol):
    """The project's files at one time; paths are relative to its folder."""

    def read(self, path: Path) -> bytes | None:
        """The bytes of a file, None if it does not exist."""

    def files(self, folder: Path) -> list[Path]:
        """All files below a folder, as `.dvcignore` lets DVC see them."""


class WorkingTree:
    """The files of the working tree."""

    def read(self, path: Path) -> bytes | None:
        """The bytes of a file, None if it does not exist."""
        return path.read_bytes() if path.is_file() else None

    def files(self, folder: Path) -> list[Path]:
        """All files below a folder, as `.dvcignore` lets DVC see them."""
        return [
            path
            for path in folder.rglob("*")
            if path.is_file()
            and "__pycache__" not in path.parts
            and path.suffix not in (".pyc", ".pyo", ".pyd")
            and not (path.name.startswith(".") and ".tmp" in path.name)
        ]


@dataclass(frozen=True)
class Commit:
    """The files of a commit, read from Git."""

    sha: str

    def read(self, path: Path) -> bytes | None:
        """The bytes of a file, None if it does not exist."""
        blob = _blobs(self.sha, path).get(path)
        return _content(blob) if blob else None

    def files(self, folder: Path) -> list[Path]:
        """All files below a folder."""
        return list(_blobs(self.sha, folder))


@cache
def _blobs(commit: str, path: Path) -> dict[Path, str]:
    """The names of Git's objects by path, of a file or of all below a folder."""
    listed = _names(git("ls-tree", "-r", "-z", commit, "--", path.as_posix()))
    entries = (line.split("\t", maxsplit=1) for line in listed)
    found = {Path(name): facts.split() for facts, name in entries}
    return {name: sha for name, (_, kind, sha) in found.items() if kind == "blob"}


@cache
def _content(blob: str) -> bytes:
    return git("cat-file", "blob", blob)


def last_versions(path: Path, *tips: str) -> Iterator[Commit]:
    """The commits that changed a path, newest first, as far back as `_DEPTH`.

    There are none without Git or before the first commit.
    """
    command = ["log", f"--max-count={_DEPTH}", "--format=%H", *tips, "--", path.as_posix()]
    return map(Commit, run_git(*command).stdout.decode().split())


_DEPTH = 50


def changed_files(base: Commit) -> dict[Path, int]:
    """The files that differ between a commit and the working tree, new ones too, by name.

    Each with the number of lines that are added and removed: 0 in files that Git does not track or
    compare.
    """
    new = _names(git("ls-files", "--others", "--exclude-standard", "-z"))
    lines = dict.fromkeys(map(Path, new), 0)
    differing = _names(git("diff", "--numstat", "--no-renames", "--relative", "-z", base.sha))
    for line in differing:  # what Git tracks no longer is in both lists
        *counts, name = line.split("\t", maxsplit=2)
        lines[Path(name)] = sum(int(number) for number in counts if number.isdecimal())
    return dict(sorted(lines.items()))


def commits_since(base: Commit, paths: Sequence[Path]) -> list[tuple[str, str]]:
    """Short hash and subject of the commits since a base that touch paths, newest first."""
    names = [path.as_posix() for path in paths]
    listed = _names(git("log", "-z", "--format=%h%x09%s", f"{base.sha}..HEAD", "--", *names))
    return [(sha, subject) for sha, _, subject in (line.partition("\t") for line in listed)]


def resolve(base: str) -> tuple[str, Commit]:
    """The display name and the commit of a revision, looked up locally, then at origin.

    Raises:
        CracksError: if there is none, or if Git refuses to look.
    """
    check_repository()
    origin = f"origin/{base}"
    # a branch before a tag of the same name, which Git would take with a warning
    for name, revision in ((base, f"refs/heads/{base}"), (base, base), (origin, origin)):
        parsed = run_git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        sha = parsed.stdout.decode().strip()
        if parsed.returncode == 0 and _SHA.fullmatch(sha):
            return sha[:7] if sha.startswith(name) else f"{name} ({sha[:7]})", Commit(sha)
    if git("rev-parse", "--is-shallow-repository").strip() == b"true":
        raise CracksError(
            f"Expected the commit {base}, found a shallow clone without it; "
            f"run `git fetch --unshallow origin` and `git fetch origin {base}`."
        )
    raise CracksError(f"Expected a branch, tag or commit, found no {base!r}; see `git branch -a`.")


def check_repository() -> None:
    """Check that Git can read the repository of the project's folder.

    Raises:
        CracksError: if it cannot, with Git's own reason: there is none (an unpacked archive of the
            sources), or it belongs to another user (as in many containers).
    """
    git("rev-parse", "--git-dir")


def git(*arguments: str) -> bytes:
    """What git prints in the project's folder.

    Raises:
        CracksError: if it fails, with its own reason.
    """
    done = run_git(*arguments)
    if done.returncode:
        reason = os.fsdecode(done.stderr).strip().splitlines() or ["no reason given"]
        words = reason[0].removeprefix("fatal: ").rstrip(".:")
        advice = next((line.strip() for line in reason if "git config" in line), None)
        is_none = "not a git repository" in words
        other = "clone the project with Git" if is_none else "`git status` may say more"
        end = f"run `{advice}`" if advice else other
        raise CracksError(f"Expected a Git repository that can be read; Git says: {words}; {end}.")
    return done.stdout


def run_git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run git in the project's folder, whether it succeeds or not.

    Raises:
        CracksError: if git is not installed.
    """
    try:
        return subprocess.run(["git", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise CracksError("Expected git to be installed, found none; install it.") from None


def _names(listed: bytes) -> list[str]:
    """What is separated by zero bytes; a name that is not UTF-8 is kept as Python does."""
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]
