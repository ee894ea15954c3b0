"""A full disk at every stage, and disks that cannot be written: one sentence, nothing lost."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cracks.backbones.catalogue import BACKBONES
from tests.support.project import STAGES, Project
from tests.support.small_disk import fill, make_read_only, small_disk

pytestmark = pytest.mark.slow

BEFORE = b"what was there before"
LARGE = {
    "download",
    *(f"{stage}@{backbone}" for stage in ("weights", "precompute") for backbone in BACKBONES),
    "report",
}
"""Stages whose first output has more than 64 kB."""


def outputs_of(stage: str) -> list[str]:
    listed = [STAGES[stage].get(kind, []) for kind in ("outs", "metrics", "plots")]
    return [out if isinstance(out, str) else next(iter(out)) for outs in listed for out in outs]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", "8m") as folder:
        yield folder


def project_on(disk: Path, project: Project, stage: str) -> Project:
    """A project on a disk: links to the code and to all files but a stage's outputs."""
    small = Project(disk / "project", project.environment)
    outputs = outputs_of(stage)
    for name in ("cracks", "stages", "params.yaml", "pretraining/weights"):
        link(small.folder / name, project.folder / name)
    for name in project.results():
        if name not in outputs:
            link(small.folder / name, project.folder / name)
    for name in outputs:
        (small.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (small.folder / name).write_bytes(BEFORE)
    return small


def link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def sentence_of(said: str) -> str:
    """The only line about an error."""
    assert "Traceback" not in said, said
    (sentence,) = (line for line in said.splitlines() if "Error" in line)
    return sentence


def assert_as_before(small: Project, stage: str) -> None:
    for name in outputs_of(stage):
        assert small.read(name) == BEFORE, name
    assert not list(small.folder.rglob(".*.tmp*"))


@pytest.mark.parametrize("leave", [0, 65536])
@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_is_one_sentence(stage: str, leave: int, disk: Path, project: Project) -> None:
    if leave and stage not in LARGE:
        pytest.skip("writes less than is left")
    small = project_on(disk, project, stage)
    fill(disk, leave)
    said = small.run(*STAGES[stage]["cmd"].split(), status=1)
    sentence = sentence_of(said)
    assert sentence.startswith("Error: no space left on the disk while writing ")
    assert any(name in sentence for name in outputs_of(stage)), sentence
    assert_as_before(small, stage)


def test_a_disk_that_is_read_only_is_one_sentence(disk: Path, project: Project) -> None:
    small = project_on(disk, project, "split")
    make_read_only(disk)
    said = small.run("python", "-m", "stages", "split", status=1)
    assert sentence_of(said) == (
        "Error: data/split.csv is on a read-only file system; write elsewhere."
    )
    assert_as_before(small, "split")


@pytest.fixture
def caches(disk: Path, project: Project) -> Project:
    """The same project with a feature cache, empty but in use, on the disk."""
    there = Path(project.environment["CRACKS_CACHE"])
    link(disk / "models", there / "models")
    (disk / "features").mkdir()
    shutil.copyfile(there / "features/rows.sqlite", disk / "features/rows.sqlite")
    return Project(project.folder, {"CRACKS_CACHE": str(disk)})


def test_a_full_disk_only_costs_the_feature_cache(
    disk: Path, caches: Project, project: Project
) -> None:
    rows = disk / "features" / "rows.sqlite"
    database = sqlite3.connect(rows)
    database.execute("DELETE FROM rows")
    database.commit()
    database.execute("VACUUM")
    database.close()
    before, results = rows.read_bytes(), project.results()
    fill(disk, 0)
    said = caches.run("python", "-m", "stages", "precompute", "vgg16")
    assert said.count("The feature cache") == 1
    assert f"The feature cache {rows} is not used (database or disk is full)." in said
    assert " 0 from the cache" in said
    assert project.results() == results
    assert rows.read_bytes() == before


def test_a_cache_that_is_read_only_is_read(disk: Path, caches: Project, project: Project) -> None:
    results = project.results()
    make_read_only(disk)
    said = caches.run("python", "-m", "stages", "precompute", "vgg16")
    assert ": 0 rows computed" in said
    assert "The feature cache" not in said
    assert project.results() == results


def test_a_converted_model_that_finds_no_space_is_one_sentence(
    disk: Path, project: Project
) -> None:
    fill(disk, 65536)
    full = Project(project.folder, {"CRACKS_CACHE": str(disk / "cache")})
    results = project.results()
    said = full.run("python", "-m", "stages", "precompute", "vgg16", status=1)
    assert sentence_of(said).startswith("Error: no space left on the disk while writing ")
    assert str(disk / "cache" / "models") in sentence_of(said)
    left = [path for path in (disk / "cache" / "models").iterdir() if path.is_file()]
    assert {path.suffix for path in left} <= {".lock"}
    assert project.results() == results


@pytest.mark.parametrize(
    "command",
    [
        "predict docs/sample.jpg --backbone vgg16 --format csv --out {}/found.csv",
        "predict docs/sample.jpg --backbone vgg16 --explain {}",
        "predict docs/sample.jpg --backbone vgg16 --map {}",
        "cut docs {}/patches --patch 64 --backbone vgg16",
        "export --backbone vgg16 --to openvino {}/model.xml",
    ],
)
def test_a_command_on_a_full_disk_is_one_sentence(
    command: str, disk: Path, project: Project
) -> None:
    (disk / "found.csv").write_bytes(BEFORE)
    fill(disk, 0)
    said = project.run("python", "-m", "cracks", *command.format(disk).split(), status=1)
    sentence = sentence_of(said)
    assert sentence.startswith(f"Error: no space left on the disk while writing {disk}")
    assert (disk / "found.csv").read_bytes() == BEFORE
    assert {path.name for path in disk.iterdir()} == {"found.csv", "filler"}
