"""The project's files, as a commit has them or as they are in the working tree."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from cracks.pipeline.errors import CracksError


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
    listed = git("ls-tree", "-r", "-z", commit, "--", path.as_posix()).stdout.decode()
    entries = (line.split("\t", maxsplit=1) for line in listed.split("\0") if line)
    return {Path(name): facts.split()[2] for facts, name in entries}


@cache
def _content(blob: str) -> bytes:
    return git("cat-file", "blob", blob).stdout


def last_versions(path: Path, *tips: str) -> Iterator[Commit]:
    """The commits that changed a path, newest first, as far back as `_DEPTH`."""
    listed = git("log", f"--max-count={_DEPTH}", "--format=%H", *tips, "--", path.as_posix())
    return map(Commit, listed.stdout.decode().split())


_DEPTH = 50


def resolve(base: str) -> tuple[str, Commit]:
    """The display name and the commit of a revision, looked up locally, then at origin.

    Raises:
        CracksError: if there is none.
    """
    for name in (base, f"origin/{base}"):
        parsed = git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if parsed.returncode == 0:
            sha = parsed.stdout.decode().strip()
            return sha[:7] if sha.startswith(name) else f"{name} ({sha[:7]})", Commit(sha)
    if git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        raise CracksError(
            f"Expected the commit {base}, found a shallow clone without it; "
            f"run `git fetch --unshallow origin` and `git fetch origin {base}`."
        )
    raise CracksError(f"Expected a branch, tag or commit, found no {base!r}; see `git branch -a`.")


def git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run git in the project's folder, whether it succeeds or not.

    Raises:
        CracksError: if git is not installed.
    """
    try:
        return subprocess.run(["git", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise CracksError("Expected git to be installed, found none.") from None
