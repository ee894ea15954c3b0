"""The branches of the pull requests that teams make, on the small project."""

import os
from collections.abc import Callable
from pathlib import Path

from tests.support.project import Project

Change = Callable[[Project], list[str]]
"""Makes a change with its results, and returns the stages that ran."""


def experiment(*settings: str) -> Change:
    """`dvc exp run` with other parameters."""
    options = [word for setting in settings for word in ("-S", setting)]

    def change(author: Project) -> list[str]:
        return author.stages_run("dvc", "exp", "run", *options)

    return change


def _fewer_points(author: Project) -> list[str]:
    """An edit of code that `evaluate` depends on, and its results."""
    path = author.folder / "cracks/evaluation/plots.py"
    text = path.read_text()
    assert "POINTS = 100" in text
    path.write_text(text.replace("POINTS = 100", "POINTS = 50"))
    return author.stages_run("dvc", "repro")


BRANCHES: dict[str, Change] = {
    "epochs": experiment("epochs=1"),
    "threshold": experiment("threshold=0.3"),
    "images": experiment("sample.images_per_class=42"),
    "code": _fewer_points,
    "more-epochs": experiment("epochs=4"),
}
"""By name; the last one conflicts with the first."""

MESSAGES = {
    "epochs": "One epoch",
    "threshold": "Call more of them cracked",
    "images": "Two more images of each class",
    "code": "Fewer points on the curves",
    "more-epochs": "Four epochs",
}


def clone_of(origin: Path, folder: Path, **environment: str) -> Project:
    """A clone without any data."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    Project(folder.parent).run("git", "clone", "--quiet", os.fspath(origin), os.fspath(folder))
    return Project(folder, environment)


def with_cache_of(project: Project, clone: Project) -> Project:
    """A clone on the machine of someone who has the data."""
    clone.run("dvc", "cache", "dir", "--local", str(project.folder / ".dvc/cache"))
    clone.run("dvc", "checkout", "--quiet")
    return clone


def push_branch(author: Project, name: str) -> list[str]:
    """Make one of `BRANCHES` from main, with its results, and push it to the origin.

    Returns:
        The stages that ran.
    """
    author.run("git", "checkout", "--quiet", "-b", name, "main")
    author.run("dvc", "checkout", "--quiet")
    ran = BRANCHES[name](author)
    author.run("git", "commit", "--quiet", "--all", "--message", MESSAGES[name])
    author.run("git", "push", "--quiet", "origin", name)
    return ran
