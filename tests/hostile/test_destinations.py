"""Outputs that would go over something: one sentence before the work, and nothing is touched.

The other half: outputs beside photographs, which the next run must not take for photographs.
"""

import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cracks.project.errors import CracksError, explained
from cracks.tools.commands.cli import cli
from cracks.tools.commands.destinations import check_destinations
from cracks.tools.writable import check_writable
from tests.support.project import IDENTITY, ROOT
from tests.support.results import git
from tests.support.small_disk import make_read_only, small_disk
from tests.support.trained import use_made_classifiers
from tests.support.walls import wall

LOCKED = """\
schema: '2.0'
stages:
  download:
    cmd: python -m stages download
    deps:
    - path: cracks/sources
      md5: 00000000000000000000000000000000.dir
    outs:
    - path: kept/images.zip
      md5: 00000000000000000000000000000000
    - path: "kept/with a space.csv"
"""
PREDICT = "predict w --backbone vgg16"
MAP = f"{PREDICT} --patch 64 --map"

PROJECT = "which belongs to the project"
READ = "which is read"
FOLDER = "to be a file, found a folder"
IMAGE = "an image that no command wrote as it is"
ITSELF = "found a link to itself"
BELOW_A_FILE = "Expected a folder at .*, found a file"

CASES: list[tuple[str, str]] = [
    (f"{PREDICT} --out w/wall.jpg", READ),
    (f"{PREDICT} --out w/../w/WALL.JPG", READ),
    (f"{PREDICT} --out w/below/link.png", READ),
    (f"{PREDICT} --out linked/wall.jpg", READ),
    ("predict w/wall.jpg --backbone vgg16 --out w/wall.jpg", READ),
    ("predict w/*.jpg --backbone vgg16 --out w/wall.jpg", READ),
    (f"{PREDICT} --out params.yaml", PROJECT),
    (f"{PREDICT} --out PARAMS.yaml", PROJECT),
    (f"{PREDICT} --out ./kept/../params.yaml", PROJECT),
    (f"{PREDICT} --out to-params", PROJECT),
    (f"{PREDICT} --out README.md", PROJECT),
    (f"{PREDICT} --out notes/week.csv", PROJECT),
    (f"{PREDICT} --out dvc.yaml", PROJECT),
    (f"{PREDICT} --out dvc.lock", PROJECT),
    (f"{PREDICT} --out .git/config", PROJECT),
    (f"{PREDICT} --out .dvc/config", PROJECT),
    (f"{PREDICT} --out data/found.csv", PROJECT),
    (f"{PREDICT} --out metrics/found.csv", PROJECT),
    (f"{PREDICT} --out models/new/found.csv", PROJECT),
    (f"{PREDICT} --out kept/images.zip", PROJECT),
    (f"{PREDICT} --out 'kept/with a space.csv'", PROJECT),
    (f"{PREDICT} --out cracks/sources/found.csv", PROJECT),
    (f"{PREDICT} --out other/tracked.csv", PROJECT),
    (f"{PREDICT} --out w", FOLDER),
    (f"{PREDICT} --out w/wall.jpg/found.csv", BELOW_A_FILE),
    (f"{PREDICT} --out labelled/positive/1.png", IMAGE),
    (f"{PREDICT} --out /", FOLDER),
    (f"{PREDICT} --out itself", ITSELF),
    (f"{PREDICT} --explain itself", ITSELF),
    (f"{MAP} itself", ITSELF),
    ("cut w itself", ITSELF),
    ("predict '' --backbone vgg16", "found an empty name"),
    (f"{PREDICT} --explain data", PROJECT),
    (f"{PREDICT} --explain metrics/why", PROJECT),
    (f"{PREDICT} --explain w/wall.jpg", BELOW_A_FILE),
    (f"{PREDICT} --explain w", READ),
    (f"{PREDICT} --explain linked", READ),
    (f"{MAP} w", READ),
    (f"{MAP} linked", READ),
    (f"{MAP} models", PROJECT),
    (f"{MAP} data/photos", PROJECT),
    (f"{MAP} .", "found summary.csv, which belongs to the project"),
    (f"{MAP} taken", "taken/summary.csv to be a file, found a folder"),
    (f"{MAP} w/wall.jpg", BELOW_A_FILE),
    (f"{MAP} params.yaml", PROJECT),
    ("cut w data", PROJECT),
    ("cut w metrics", PROJECT),
    ("cut w models/patches", PROJECT),
    ("cut w notes", "Expected a new or empty folder|" + PROJECT),
    ("cut w README.md", PROJECT),
    ("cut w cracks/sources/patches", PROJECT),
    ("external labelled --name ..", "Expected a name for a folder below external"),
    ("external labelled --name ../models", "Expected a name for a folder below external"),
    ("external labelled --name .", "Expected a name for a folder below external"),
    ("external labelled --name /tmp", "Expected a name for a folder below external"),
    ("external labelled --name a/../..", "Expected a name for a folder below external"),
    ("external labelled --name taken", "external/taken/metrics.json to be a file, found a folder"),
    ("external labelled --name file", BELOW_A_FILE),
    ("external labelled --name tracked", PROJECT),
    ("carry-over sample labelled", "carry-over/results.csv to be a file, found a folder"),
    ("export --backbone vgg16 --to keras models/vgg16.keras", PROJECT),
    ("export --backbone vgg16 --to keras models/new.keras", PROJECT),
    ("export --backbone vgg16 --to onnx data/new.onnx", PROJECT),
    ("export --backbone vgg16 --to openvino tracked.xml", PROJECT),
    ("export --backbone vgg16 --to openvino other/free.xml", FOLDER),
    ("export --backbone vgg16 --to onnx w/wall.jpg/new.onnx", BELOW_A_FILE),
]


PICTURES = [
    *("w/wall.jpg", "w/wall-vgg16.png", "w/wall-vgg16-cam.png", "w/below/photograph.png"),
    *("labelled/positive/1.png", "labelled/negative/1.png"),
]
FOLDERS = [
    *("data", "metrics", "models", "taken/summary.csv", "external/taken/metrics.json"),
    *("carry-over/results.csv", "other/free.bin"),
]
FILES = [
    *("README.md", "notes/week.csv", "summary.csv", "tracked.bin", "other/tracked.csv"),
    *("external/file", "external/tracked/metrics.json", "models/vgg16.keras"),
]


def picture(path: str, grey: int = 200) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (80, 80), (grey, grey, grey)).save(path)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a project in Git with photographs, and things in the way."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    use_made_classifiers(monkeypatch)
    for path in (
        "w/wall.jpg",
        "w/wall-vgg16.png",
        "w/wall-vgg16-cam.png",
        "w/below/photograph.png",
    ):
        picture(path)
    for path in ("labelled/positive/1.png", "labelled/negative/1.png"):
        picture(path)
    for path in FOLDERS:
        Path(path).mkdir(parents=True)
    for path in FILES:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("what was there before")
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    Path("dvc.lock").write_text(LOCKED)
    Path("linked").symlink_to("w")
    Path("to-params").symlink_to("params.yaml")
    Path("itself").symlink_to("itself")
    Path("w/below/link.png").symlink_to("photograph.png")
    git("init", "--quiet", at=Path("other"))
    git("add", "tracked.csv", at=Path("other"))
    git("init", "--quiet")
    git("add", "README.md", "notes", "params.yaml", "summary.csv", "tracked.bin",
        "external/tracked/metrics.json")  # fmt: skip
    return tmp_path / "project"


def state(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if ".git/" not in path.as_posix()
    }


def run(command: str) -> int:
    import shlex

    return int(cli.main(shlex.split(command), standalone_mode=False))


@pytest.mark.parametrize(("command", "words"), CASES)
def test_what_is_there_stays_as_it_is(command: str, words: str, place: Path) -> None:
    before = state(place)
    with pytest.raises(CracksError, match=words) as error:
        run(command)
    assert str(error.value).isprintable()
    assert state(place) == before


@pytest.mark.parametrize("name", ["params.yaml", "dvc.yaml", "dvc.lock", "data/x", ".git/x"])
def test_without_git_the_pipeline_is_known(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ("", os.fspath(Path(os.defpath.split(os.pathsep)[0]))):
        monkeypatch.setenv("PATH", path)  # with Git, which says that this is none of its; without
        check_destinations([Path("found.csv"), Path("new/found.csv"), Path("/dev/stdout")])
        with pytest.raises(CracksError, match=PROJECT):
            check_destinations([Path(name)])


def test_what_git_tracks_is_kept_where_git_is_told_of_another_repository(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(place / "other/.git"))
    with pytest.raises(CracksError, match=PROJECT):
        check_destinations([Path("README.md")])


def test_what_is_there_is_kept_where_git_cannot_read_its_repository(place: Path) -> None:
    (place / ".git/HEAD").write_text("nonsense")
    with pytest.raises(CracksError, match="README.md, of which Git cannot tell whether it tracks"):
        check_destinations([Path("README.md")])
    check_destinations([Path("new.csv")])


def test_results_may_be_replaced_without_git(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("cracks.csv").write_text("of an earlier run")
    monkeypatch.setenv("PATH", "")
    check_destinations([Path("cracks.csv")])


def test_no_program_of_a_repository_is_run(place: Path) -> None:
    hook = place / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {place}/ran\n")
    hook.chmod(0o755)
    git("config", "core.fsmonitor", str(hook))
    check_destinations([Path("new.csv")])
    assert not (place / "ran").exists()


WRITING = [
    f"{PREDICT} --out found.csv",
    f"{MAP} maps",
    "cut w patches",
    "external labelled",
    "carry-over labelled other",
    "adapt labelled",
]


@pytest.mark.parametrize("command", WRITING)
def test_a_folder_of_another_user_is_found_before_the_work(
    command: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree("carry-over")
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    before = state(place)
    with pytest.raises(PermissionError) as error:
        run(command)
    assert explained(error.value).startswith("no permission for /")
    assert capsys.readouterr().out == ""
    assert state(place) == before


def test_a_file_system_that_is_read_only_is_found_before_the_work(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        check_writable(disk / "new/folder")
        make_read_only(disk)
        with pytest.raises(OSError, match="Read-only file system") as error:
            check_destinations([disk / "new/found.csv"])
    assert explained(error.value) == f"{disk} is on a read-only file system; write elsewhere."


@pytest.mark.parametrize("maps", ["w/maps", "w/below", "w"])
def test_a_second_run_finds_the_photographs_of_the_first(maps: str, place: Path) -> None:
    for name in ("wall-vgg16.png", "wall-vgg16-cam.png"):
        (place / "w" / name).rename(place / "w" / f"photograph-of-{name}")
    first = "predict w --backbone vgg16"
    for _ in range(2):
        assert run(f"{first} --patch 64 --map {maps}") == 0
        assert run(f"{first} --explain {maps}") == 0
        assert run(f"{first} --format csv --out found.csv") == 0
        assert len(pd.read_csv("found.csv")) == 5
        assert len(pd.read_csv(f"{maps}/summary.csv")) == 5
    assert run("cut w patches --patch 40") == 0
    assert pd.read_csv("patches/patches.csv")["photograph"].nunique() == 5


def test_a_folder_of_maps_alone_holds_no_photographs(place: Path) -> None:
    run("predict w/wall.jpg --backbone vgg16 --patch 64 --map maps")
    with pytest.raises(CracksError, match="Expected images in the folder maps, found none"):
        run("predict maps --backbone vgg16")
    assert run("predict maps/wall-vgg16.png --backbone vgg16 --out found.csv") == 0


NAMES = {
    "case": ["a.jpg", "a.JPG", "A.jpg"],
    "case of folders": ["a/1.jpg", "A/1.jpg"],
    "case and suffix": ["a.jpg", "A.png"],
    "composed and decomposed": [
        unicodedata.normalize(form, "stra\N{LATIN SMALL LETTER U WITH DIAERESIS}.png")
        for form in ("NFC", "NFD")
    ],
    "sharp s": ["stra\N{LATIN SMALL LETTER SHARP S}e.png", "strasse.png"],
    "249 bytes": ["n" * 245 + ".png", "wall.png"],
    "255 bytes": ["n" * 251 + ".png", "n" * 250 + "m.png"],
    "255 bytes of umlauts": ["\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 125 + ".png"],
    "255 bytes with dots": ["1." * 125 + "x.png", "1." * 125 + "y.png"],
    "255 bytes of emoji": ["\N{BRICK}" * 62 + ".png"],
    "a folder called as the summary": ["summary.csv/1.jpg", "1.jpg"],
    "a folder called as the table": ["patches.csv/1.jpg", "1.jpg"],
    "in capitals": ["Summary.csv/1.jpg", "PATCHES.CSV/2.jpg"],
    "only below": ["summary.csv/1.jpg", "summary.csv/2.jpg"],
    "called as an output of another": ["a.jpg", "a-vgg16.jpg", "a-vgg16-mask.jpg"],
    "with dots": ["a.1.jpg", "a.2.jpg", "a.jpg"],
    "looks like an option": ["--out.jpg", "-.jpg"],
    "looks like a pattern": ["[a].jpg", "a.jpg", "*.jpg"],
    "percent and braces": ["{name}.jpg", "%s.jpg"],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_no_two_photographs_share_an_output(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    use_made_classifiers(monkeypatch)
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    for name in names:
        picture(f"walls/{name}")
    count = len([path for path in Path("walls").rglob("*") if path.is_file()])
    assert run("predict walls --backbone vgg16 --patch 64 --map maps") == 0
    assert run("predict walls --backbone vgg16 --explain why --out found.csv") == 0
    assert run("cut walls out --patch 40") == 0
    assert len(pd.read_csv("maps/summary.csv")) == count
    for pattern in ("maps/**/*-mask.png", "maps/**/*.json", "why/**/*-cam.png"):
        assert len({p.as_posix().casefold() for p in Path().glob(pattern)}) == count, pattern
    patches = pd.read_csv("out/patches.csv")["patch"]
    assert len(patches) == len(set(patches.str.casefold())) == 4 * count
    assert all((Path("out") / name).is_file() for name in patches)


def test_the_marks_of_our_pictures_do_not_change_pixels(place: Path) -> None:
    Image.fromarray(wall()).save("w/wall.jpg")
    run("predict w/wall.jpg --backbone vgg16 --patch 64 --map maps")
    with Image.open("maps/wall-vgg16-mask.png") as mask:
        assert mask.mode == "1"
        assert 0.005 < np.asarray(mask).mean() < 0.02


def test_a_folder_that_looks_hidden_is_left_out_as_a_hidden_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    use_made_classifiers(monkeypatch)
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    for name in ("..a.jpg/x.jpg", "x.jpg"):
        picture(f"walls/{name}")
    assert run("predict walls --backbone vgg16 --patch 64 --map maps") == 0
    assert list(pd.read_csv("maps/summary.csv")["path"]) == ["walls/x.jpg"]
