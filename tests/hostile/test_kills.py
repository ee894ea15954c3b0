"""Kills of a stage, of DVC, of both and of a pool's worker, at random moments of every stage.

After them the stage gives the bytes that it gives undisturbed, and no process and no file is left.
"""

import random
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.processes import below, stage_of, start, until
from tests.support.project import PIPELINE, Project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="kills by signals"),
]

# 40 kills: those of DVC alone are the ones that left orphans
KILLS = {
    "download": ["stage", "dvc", "dvc", "both", "worker", "worker"],
    "weights": ["stage", "dvc", "dvc", "both"],
    "audit": ["stage", "dvc", "dvc", "both", "worker", "worker"],
    "split": ["stage", "dvc", "both"],
    "precompute-resnet50": ["stage", "dvc", "both"],
    "precompute-vgg16": ["stage", "dvc", "dvc", "both"],
    "train-head-resnet50": ["stage", "dvc", "both"],
    "train-head-vgg16": ["dvc", "dvc", "both"],
    "evaluate": ["stage", "dvc", "both", "both"],
    "report": ["stage", "dvc", "dvc", "both"],
}
SHELLS = ("/bin/bash", "/bin/sh")  # bash becomes the command that it runs, some others stay


def results(project: Project) -> dict[str, bytes]:
    """All outputs, and with them every temporary file that is left."""
    patterns = ("data/**/*", "data/**/.*.tmp.*", "models/**/*", "metrics/**/*", "*.html", ".*.tmp*")
    found = project.files(*patterns)
    return {name: data for name, data in found.items() if "provenance" not in name}


def seconds_of(project: Project, stage: str) -> float:
    """How long a stage takes here and now."""
    process = start(project, *PIPELINE["stages"][stage]["cmd"].split())
    begun = psutil.Process(process.pid).create_time()
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return float(psutil.time.time() - begun)


def kill(kind: str, dvc: int, stage: psutil.Process) -> None:
    """Kill what a kind says, if it is still there."""
    workers = stage.children() if kind == "worker" else []
    if workers:
        workers[0].kill()
    if kind in ("stage", "both"):
        stage.kill()
    if kind in ("dvc", "both"):
        psutil.Process(dvc).kill()


def test_there_are_forty_of_every_kind() -> None:
    kinds = [kind for kinds in KILLS.values() for kind in kinds]
    assert len(kinds) == 40
    assert set(kinds) == {"stage", "dvc", "both", "worker"}
    assert list(KILLS) == list(PIPELINE["stages"])


@pytest.mark.parametrize("stage", KILLS)
def test_a_killed_stage_is_run_again_as_if_nothing_was(stage: str, project: Project) -> None:
    before = results(project)
    moments = random.Random(stage)
    lasts = seconds_of(project, stage)
    for number, kind in enumerate(KILLS[stage]):
        dvc = start(
            project, "dvc", "repro", "--force", "--single-item", stage,
            SHELL=SHELLS[number % len(SHELLS)],
        )  # fmt: skip
        running = stage_of(dvc)
        assert running, dvc.communicate()[0]
        until(lambda: not running.is_running(), moments.uniform(0, lasts))
        try:
            kill(kind, dvc.pid, running)
        except psutil.NoSuchProcess:  # it was faster this time
            pass
        dvc.communicate()
        assert until(lambda: not below(project.folder)), (kind, below(project.folder))
    said = project.run("dvc", "repro", "--force", "--single-item", stage)
    assert "Traceback" not in said
    after = results(project)
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == []
    assert "up to date" in project.run("dvc", "status")


def test_a_stage_that_is_run_by_hand_does_not_watch_who_started_it(project: Project) -> None:
    """`nohup python -m stages …` outlives its shell."""
    process = start(
        project, "sh", "-c", "(python -m stages split; echo whole) > said & exit", DVC_STAGE=""
    )
    process.wait()
    said = project.folder / "said"
    assert until(lambda: "whole" in said.read_text())
    assert "train" in said.read_text()
    said.unlink()


@pytest.fixture(autouse=True)
def nothing_is_left(project: Project) -> object:
    yield
    for process in below(project.folder):
        process.kill()
    assert not list(Path(project.folder).rglob(".*.tmp.*"))
