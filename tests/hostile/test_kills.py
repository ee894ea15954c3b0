"""Kills of a stage, of DVC, of both and of a pool's worker, at random moments of every stage.

After them the stage gives the bytes that it gives undisturbed, and no process and no file is left.
"""

import random
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from tests.support.processes import below, stage_of, start, until
from tests.support.project import STAGES, Project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="kills by signals"),
]

KILLS = {
    "download": ["stage", "dvc", "dvc", "both", "worker", "worker"],
    "weights@resnet50": ["stage"],
    "weights@vgg16": ["dvc"],
    "audit": ["stage", "stage", "dvc", "dvc", "both", "both", "worker", "worker"],
    "split": ["stage", "stage", "dvc", "dvc", "both", "both"],
    "precompute@resnet50": ["dvc"],
    "precompute@vgg16": ["stage", "dvc", "both"],
    "train-head@resnet50": ["stage"],
    "train-head@vgg16": ["dvc", "both"],
    "draw": ["stage", "worker"],
    "train-cells@resnet50": ["stage"],
    "train-cells@vgg16": ["both"],
    "evaluate": ["stage", "stage", "dvc", "dvc", "both", "both"],
    "report": ["stage", "dvc", "dvc", "both", "both"],
}
"""What is killed while a stage runs; kills of DVC alone are what used to leave orphans."""

SHELLS = ("/bin/bash", "/bin/sh")  # bash becomes the command that it runs, some others stay


@pytest.fixture(autouse=True)
def nothing_survives_a_failed_test(project: Project) -> Iterator[None]:
    yield
    for process in below(project.folder):
        with suppress(psutil.Error):
            process.kill()


def seconds_of(project: Project, stage: str) -> float:
    """How long a stage takes here and now."""
    begun = time.monotonic()
    project.run(*STAGES[stage]["cmd"].split())
    return time.monotonic() - begun


def kill(kind: str, dvc: int, stage: psutil.Process) -> None:
    """Kill what a kind says, if it still runs."""
    with suppress(psutil.NoSuchProcess):
        if kind == "worker":
            for worker in stage.children()[:1]:
                worker.kill()
        if kind in ("stage", "both"):
            stage.kill()
        if kind in ("dvc", "both"):
            psutil.Process(dvc).kill()


def test_there_are_forty_kills_and_each_stage_has_some() -> None:
    assert sum(map(len, KILLS.values())) >= 40
    assert list(KILLS) == list(STAGES)


@pytest.mark.parametrize("name", KILLS)
def test_a_stage_gives_the_same_bytes_after_kills(name: str, project: Project) -> None:
    before = project.results()
    moments = random.Random(name)
    lasts = seconds_of(project, name)
    for number, kind in enumerate(KILLS[name]):
        shell = SHELLS[number % len(SHELLS)]
        dvc = start(project, "dvc", "repro", "--force", "--single-item", name, SHELL=shell)
        stage = stage_of(dvc)
        assert stage, dvc.communicate()[0]
        with suppress(psutil.TimeoutExpired):
            stage.wait(moments.uniform(0, lasts))
        kill(kind, dvc.pid, stage)
        assert until(lambda: not below(project.folder)), (kind, below(project.folder))
        dvc.communicate()
        project.mend_lock()
    project.run("dvc", "repro", "--force", "--single-item", name)
    after = project.results()
    assert after.keys() == before.keys()
    assert [path for path in after if after[path] != before[path]] == []


def test_a_stage_run_by_hand_outlives_the_shell_that_started_it(project: Project) -> None:
    shell = start(project, "sh", "-c", "(python -m stages split; echo whole) > said 2>&1 &")
    shell.communicate()
    said = project.folder / "said"
    assert until(lambda: "whole" in said.read_text())
    assert "train" in said.read_text()
    said.unlink()
