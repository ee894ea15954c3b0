import errno
import os
import shutil
import socket
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cracks.project.errors import CracksError
from cracks.sources.folders import photos
from cracks.sources.zip_files import archive_members
from cracks.tables.labels import part_and_class
from tests.support.project import ROOT


def folder_of(tmp_path: Path, names: list[str]) -> Path:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(os.fsencode(name))
    return tmp_path


def test_photographs_are_packed_by_class_and_sorted(tmp_path: Path) -> None:
    names = ["Cracked/b.JPG", "Cracked/north side/ä.png", "sound/1.jpg", "README.md"]
    junk = ["sound/.hidden.jpg", "sound/Thumbs.db", "Cracked/Icon\r"]
    folder = folder_of(tmp_path, [*names, *junk])
    members = list(photos(folder, "cracked"))
    assert [name for name, _ in members] == sorted(names[:3])
    assert all(data.decode() == name for name, data in members)


LEFT_BEHIND = [
    ".ipynb_checkpoints/1.jpg",
    "yes/.ipynb_checkpoints/1.jpg",
    "yes/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg",
    "#recycle/1.jpg",
    "__MACOSX/yes/._1.jpg",
    "$RECYCLE.BIN/1.jpg",
    "yes/Thumbs.db",
    "yes/Desktop.ini",
    "no/Picasa.ini",
    "no/ehthumbs.db",
    ".git/objects/1.jpg",
]


@pytest.mark.parametrize("above", ["", "walls/"])
def test_junk_of_other_programs_is_skipped_in_folders_and_archives(
    above: str, tmp_path: Path
) -> None:
    names = [*LEFT_BEHIND, "yes/1.jpg", "no/1.jpg"]
    folder = folder_of(tmp_path / "walls", names)
    with zipfile.ZipFile(tmp_path / "walls.zip", "w") as archive:
        for name in names:
            archive.writestr(f"{above}{name}", b"")
    for source in (photos(folder, "yes"), archive_members(tmp_path / "walls.zip", "yes")):
        assert [name for name, _ in source] == ["no/1.jpg", "yes/1.jpg"]


def test_photographs_without_a_suffix_are_found(tmp_path: Path) -> None:
    names = ["no/1", "no/2", "yes/1", "yes/2"]
    folder = folder_of(tmp_path / "walls", names)
    with zipfile.ZipFile(tmp_path / "walls.zip", "w") as archive:
        for name in names:
            archive.writestr(f"walls/{name}", b"")
    for source in (photos(folder, "yes"), archive_members(tmp_path / "walls.zip", "yes")):
        assert [name for name, _ in source] == names


@pytest.mark.parametrize("part", ["val", "valid", "Validation"])
def test_valid_has_three_names(part: str, tmp_path: Path) -> None:
    names = [f"{top}/{label}/1.jpg" for top in ("train", part) for label in ("no", "yes")]
    found = [name for name, _ in photos(folder_of(tmp_path, names), "yes")]
    assert {part_and_class(name) for name in found} == {
        (given, label) for given in ("train", "valid") for label in ("no", "yes")
    }


def test_a_limit_samples_each_class_by_seed(tmp_path: Path) -> None:
    names = [f"{label}/{n}.jpg" for label in ("yes", "no") for n in range(30)]
    folder = folder_of(tmp_path, names)

    def drawn(limit: int, seed: int) -> list[str]:
        return [name for name, _ in photos(folder, "yes", limit, seed)]

    some = drawn(5, 0)
    assert len(some) == 10
    assert sum(name.startswith("yes") for name in some) == 5
    assert some == drawn(5, 0) != drawn(5, 1)
    assert set(some) <= set(drawn(6, 0))
    assert len(drawn(100, 0)) == 60


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["README.md"], "found none; data/photos/README.md shows the layout"),
        (["yes/1.jpg"], "found yes;"),
        (["yes/1.jpg", "no/1.jpg", "maybe/1.jpg"], "found maybe, no, yes;"),
        (["wet/1.jpg", "dry/1.jpg"], "found 'yes'; set positive_class in params.yaml"),
    ],
)
def test_photographs_not_in_two_classes_are_one_sentence(
    names: list[str], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(CracksError, match=sentence):
        list(photos(folder_of(tmp_path, names), "yes"))


def test_a_photograph_without_permission_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path, ["yes/1.jpg", "no/1.jpg"])

    def refused(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)  # root, who may run this, reads everything
    with pytest.raises(CracksError, match=r"1\.jpg"):
        list(photos(folder, "yes"))


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to(path.name),
        lambda path: path.symlink_to("/dev/zero"),
        os.mkfifo,
        make_socket,
    ],
    ids=["broken link", "link to itself", "device", "pipe", "socket"],
)
@pytest.mark.timeout(20)  # a read of it would never end
def test_what_is_no_file_is_named_before_anything_is_read(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the address of a socket is short
    folder = folder_of(Path("photos"), ["yes/1.jpg", "no/1.jpg"])
    make(folder / "yes/2.jpg")
    with pytest.raises(CracksError, match="Expected a file at photos/yes/2.jpg, found a broken"):
        next(photos(folder, "yes"))


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
@pytest.mark.parametrize(
    ("make", "status", "words"),
    [
        (Path.touch, 0, ""),
        (os.mkfifo, 2, "found a device or a pipe: data/photos/yes/2.jpg; remove it."),
        (make_socket, 2, "found a device or a pipe: data/photos/yes/2.jpg; remove it."),
        (lambda path: path.symlink_to("/dev/zero"), 2, "data/photos/yes/2.jpg; remove it."),
    ],
    ids=["file", "pipe", "socket", "device"],
)
def test_make_run_refuses_it_before_dvc_waits_for_it(
    make: Callable[[Path], None],
    status: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    make(folder_of(Path("data/photos"), ["yes/1.jpg"]) / "yes/2.jpg")
    command = ["make", "--file", str(ROOT / "Makefile"), "check-given"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert words in done.stderr


@pytest.mark.parametrize(
    "name", [b"2\r.jpg", b"2\n.jpg", b"\t2.jpg", b"\x1b[2J.jpg", b"\xe4.jpg", b"a\rb/2.jpg"]
)
def test_a_name_that_breaks_tables_is_refused(name: bytes, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, ["yes/1.jpg", "no/1.jpg", f"yes/{os.fsdecode(name)}"])
    with pytest.raises(CracksError, match="without control characters in .*; rename") as error:
        next(photos(folder, "yes"))
    assert str(error.value).isprintable()


def test_a_file_that_is_too_large_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, ["no/1.jpg", "yes/1.jpg"])
    with (folder / "yes/1.jpg").open("r+b") as file:
        file.truncate(3_000_000_000)  # no block of the disk is used
    with pytest.raises(CracksError, match=r"Could not use .*yes/1.jpg: 3,000,000,000 bytes are"):
        list(photos(folder, "yes"))
