"""Processes that a test starts in a project folder, signals and waits for."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psutil

from tests.support.project import Project

PATIENCE = 60  # seconds after which a process counts as left behind


def start(
    project: Project, *command: str, output: int | IO[str] = subprocess.PIPE, **environment: str
) -> "subprocess.Popen[str]":
    """Start a command in the project's folder, in a session of its own, as from a terminal."""
    return subprocess.Popen(
        command,
        cwd=project.folder,
        env=project.variables() | environment,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # a shell without job control starts what is in the background deaf to Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def below(folder: Path) -> list[psutil.Process]:
    """The processes that run in a folder."""
    return list(_below(folder.resolve()))


def _below(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == folder:
                yield process
        except psutil.Error:
            continue


def stage_of(dvc: "subprocess.Popen[str]") -> psutil.Process | None:
    """The process of the stage that a DVC runs, or None if DVC ends before one starts."""
    found: list[psutil.Process] = []

    def look() -> bool:
        try:
            children = psutil.Process(dvc.pid).children(recursive=True)
            found.extend(p for p in children if p.cmdline()[1:3] == ["-m", "stages"])
        except psutil.Error:
            pass
        return bool(found) or dvc.poll() is not None

    until(look)
    return found[0] if found else None


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait for a condition; the result is whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
