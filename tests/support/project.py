"""A project folder of its own, in which tests run the real dvc.yaml."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cracks.tools.review.pipeline import stages_of
from tests.support import warm

ROOT = Path(__file__).parents[2]

REAL = ROOT.parent / "shared" / "data" / "ozgenel-8k.zip"
"""Real photographs, where there are any; tests on them skip elsewhere and say so."""

SDNET = ROOT.parent / "shared" / "data" / "sdnet2018-walls-1k.zip"
"""Patches of six photographs of walls, `<class>/<photograph>-<patch>.jpg`, where they are there."""

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
STAGES = stages_of(
    PIPELINE["stages"], yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
)
STAGE_NAMES = list(STAGES)

SMALL = {
    "sample.images_per_class": 40,
    "image_size": 64,
    "epochs": 3,
    "seeds": 2,
    "cells.drawings": 24,
}
"""Parameters with which the whole pipeline takes a minute."""

IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A Tester"), ("EMAIL", "tester@example.org"))
}


@dataclass
class Project:
    """A copy of this project in a folder, as a clone of one commit has it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """The environment of its commands."""
        scripts = str(Path(sys.executable).parent)
        path = {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
        return os.environ | IDENTITY | path | self.environment

    def run(self, *command: str, status: int = 0) -> str:
        """Run a command in the folder and return what it printed, both streams together."""
        environment = self.variables()
        done = (
            warm.run(command, str(self.folder), environment)
            if warm.can_run(command, environment)
            else subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def stages_run(self, *command: str) -> list[str]:
        """Run a DVC command and return the stages that it ran."""
        lines = self.run(*command).splitlines()
        return [line.split("'")[1] for line in lines if line.startswith("Running stage")]

    def restore(self) -> None:
        """Go back to the last commit and its data, if something that Git tracks has changed."""
        if self.run("git", "status", "--porcelain", "--untracked-files=no"):
            self.run("git", "reset", "--quiet", "--hard")
            self.run("dvc", "checkout", "--quiet", "--force")

    def mend_lock(self) -> None:
        """Remove DVC's own lock file if a kill has cut it: DVC writes it in place, and says so."""
        lock = self.folder / ".dvc/tmp/rwlock"
        try:
            json.loads(lock.read_text())
        except ValueError:
            lock.unlink()

    def read(self, path: str) -> bytes:
        """The bytes of one of its files."""
        return (self.folder / path).read_bytes()

    def files(self, *patterns: str) -> dict[str, bytes]:
        """Files by name, for comparison with those of another project."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for pattern in patterns
            for path in sorted(self.folder.glob(pattern))
            if path.is_file()
        }

    def results(self) -> dict[str, bytes]:
        """What the stages wrote, not what commands did, and every temporary file that is left."""
        outputs = ("data/**/*", "models/**/*", "metrics/**/*", "report.html")
        found = self.files(*outputs, "**/.*.tmp*")
        ignored = ("data/provenance/", "models/adapted/", ".dvc/", ".git/")
        return {name: data for name, data in found.items() if not name.startswith(ignored)}

    def set(self, changes: dict[str, Any]) -> None:
        """Change params.yaml; keys are dotted."""
        path = self.folder / "params.yaml"
        values = yaml.safe_load(path.read_text())
        for dotted, value in changes.items():
            *sections, key = dotted.split(".")
            section = values
            for name in sections:
                section = section[name]
            section[key] = value
        path.write_text(yaml.safe_dump(values, sort_keys=False))


def make_project(folder: Path, params: dict[str, Any] | None = None, **environment: str) -> Project:
    """Copy what Git knows or would add to `folder`, change parameters, commit once."""
    project = Project(folder, environment)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    project.set(params or {})
    project.run("git", "init", "--quiet", "--initial-branch", "main")
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--message", "Start")
    return project
