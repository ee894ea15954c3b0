"""Kills of commands that write: afterwards they write what they write undisturbed, no more."""

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from cracks.drawing.walls import draw_photograph
from cracks.sources.sample import iter_sample
from tests.support.processes import below, start, until
from tests.support.project import Project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="kills by signals"),
]

COMMANDS = {
    "predict photos --backbone vgg16 --format csv --out out/found.csv": "out",
    "predict photos --backbone vgg16 --map out": "out",
    "predict photos --backbone vgg16 --explain out": "out",
    "cut photos out --patch 64 --backbone vgg16": "out",
    "export --backbone vgg16 --to keras out/model.keras": "out",
    "export --backbone vgg16 --to openvino out/model.xml": "out",
    "external labelled --name killed": "external/killed",
    "carry-over sample --limit 20 --backbone vgg16": "carry-over",
    "adapt labelled --name killed --photograph ([0-9]+)": "models/adapted/killed",
    "score photos masks --backbone vgg16 --out out/scores.csv": "out",
    "show positive/00001.jpg --out out/shown.png": "out",
}
"""The folder that each writes to."""

KILLS = 2


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of walls with masks, and labelled patches."""
    folder = tmp_path_factory.mktemp("inputs")
    for name in ("photos", "masks"):
        (folder / name).mkdir()
    for seed in range(3):
        wall = draw_photograph(300, 260, seed=seed)
        Image.fromarray(wall.rgb).save(folder / f"photos/{seed}.png")
        Image.fromarray(wall.mask).save(folder / f"masks/{seed}.png")
    for name, data in iter_sample(12, seed=5):
        path = folder / "labelled" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.fixture
def ready(project: Project, inputs: Path) -> Iterator[Project]:
    """The small project with these inputs in its folder, and afterwards without any of it."""
    given = ("photos", "masks", "labelled")
    for name in given:
        shutil.copytree(inputs / name, project.folder / name, dirs_exist_ok=True)
    yield project
    for name in {*given, *COMMANDS.values()}:
        shutil.rmtree(project.folder / name, ignore_errors=True)


def written(project: Project, folder: str) -> dict[str, bytes]:
    """Every file in a folder, hidden ones too, and temporary ones anywhere."""
    return project.files(f"{folder}/**/*", f"{folder}/**/.*", "**/.*.tmp*")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_gives_the_same_files_after_kills(command: str, ready: Project) -> None:
    words, folder = ["python", "-m", "cracks", *command.split()], COMMANDS[command]
    shutil.rmtree(ready.folder / folder, ignore_errors=True)
    ready.run(*words)  # what is imported and cached from now on
    shutil.rmtree(ready.folder / folder)
    begun = time.monotonic()
    ready.run(*words)
    lasts, killed = time.monotonic() - begun, 0
    undisturbed = written(ready, folder)
    assert undisturbed
    shutil.rmtree(ready.folder / folder)
    moments = random.Random(command)
    for _ in range(KILLS):
        process = start(ready, *words)
        with suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0.2, 0.7) * lasts)
        process.kill()
        process.communicate()
        assert process.returncode in (0, -signal.SIGKILL)
        killed += process.returncode != 0
        assert until(lambda: not below(ready.folder)), below(ready.folder)
        if process.returncode == 0 or written(ready, folder) == undisturbed:
            shutil.rmtree(ready.folder / folder)
        elif command.startswith("cut"):
            assert not (ready.folder / folder).exists(), "all patches or none"
    assert killed, "the moments are too late"
    ready.run(*words)
    after = written(ready, folder)
    assert after.keys() == undisturbed.keys()
    assert [name for name in after if after[name] != undisturbed[name]] == []
