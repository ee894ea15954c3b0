import errno
import math
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import psutil
import pytest

from cracks.project.errors import CracksError
from cracks.project.outputs import (
    copy_together,
    new_folder,
    replacing,
    sha256_of,
    write_csv,
    write_json,
    write_text,
)


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.json"
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.suffix == ".json"
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(IsADirectoryError), replacing(path) as temporary:
        temporary.write_text("new")
        tmp_path.read_text()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, sys
from pathlib import Path
from cracks.project.outputs import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(os.name == "nt", reason="kills a process by a signal")
def test_leftovers_of_killed_runs_are_removed_and_files_of_live_ones_kept(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.weights.h5"
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    (left,) = tmp_path.iterdir()
    parent = str(os.getppid())  # a process that lives
    other = left.with_name(left.name.replace(left.name.split("-")[1].split(".")[0], parent))
    other.write_text("half of another process")
    with replacing(path) as temporary:
        assert temporary not in (left, other)
        assert temporary.name.endswith(".weights.h5")
        temporary.write_text("new")
    assert set(tmp_path.iterdir()) == {path, other}


def test_leftovers_of_a_killed_run_are_removed_when_its_pid_is_reused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.txt"
    with replacing(path) as temporary:
        temporary.write_text("whole")
    temporary.write_text("half")
    before_this_process = psutil.Process().create_time() - 3600
    os.utime(temporary, (before_this_process, before_this_process))
    with replacing(path) as again:
        assert not temporary.exists()
        again.write_text("new")
    assert [file.name for file in tmp_path.iterdir()] == ["x.txt"]


@pytest.mark.skipif(os.name == "nt", reason="kills a process by a signal")
def test_leftovers_of_a_zombie_process_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    killed = subprocess.Popen([sys.executable, "-c", KILLED, str(path)])
    while psutil.Process(killed.pid).status() != psutil.STATUS_ZOMBIE:
        os.sched_yield()
    (left,) = tmp_path.iterdir()
    with replacing(path) as temporary:
        assert not left.exists()
        temporary.write_text("new")
    killed.wait()


def test_a_folder_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.txt").mkdir()
    with pytest.raises(CracksError, match=r"x\.txt to be a file, found a folder"):
        write_text(tmp_path / "x.txt", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    for path, named in (("file/x.txt", "file"), ("x" * 300, "x" * 300)):
        with pytest.raises(OSError, match=named) as caught:
            write_text(tmp_path / path, "new")
        assert caught.value.filename == str(tmp_path / named)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_name_as_long_as_a_name_may_be(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".txt")
    write_text(path, "new")
    assert path.read_text() == "new"


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "there" / "x.txt", tmp_path / "x.txt"
    target.parent.mkdir()
    target.write_text("old")
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    write_text(pipe, "new")
    assert reader.communicate()[0] == "new"
    assert pipe.is_fifo()


def test_metrics_are_flat_rounded_and_in_order(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"b": 1 / 3, "a": 7})
    assert (tmp_path / "x.json").read_text() == '{\n  "b": 0.3333,\n  "a": 7\n}\n'


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_metrics_hold_no_nan(value: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"a": value})
    assert not (tmp_path / "x.json").exists()


def test_tables_have_unix_line_ends_and_fixed_digits(tmp_path: Path) -> None:
    write_csv(tmp_path / "x.csv", pd.DataFrame({"id": ["a"], "p": [0.1]}), digits=6)
    assert (tmp_path / "x.csv").read_bytes() == b"id,p\na,0.100000\n"


def test_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_of(tmp_path / "x").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_a_folder_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "results"
    with new_folder(path) as temporary:
        (temporary / "x.txt").write_text("x")
        assert not path.exists()
    assert (path / "x.txt").read_text() == "x"
    assert list(path.parent.iterdir()) == [path]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    with new_folder(tmp_path / "results") as temporary:
        (temporary / "x.txt").write_text("x")
    assert [path.name for path in tmp_path.rglob("*")] == ["results", "x.txt"]


def test_an_error_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "results") as temporary:
        (temporary / "x.txt").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_leftover_folders_of_killed_runs_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with new_folder(tmp_path / "results") as temporary:
        name = temporary.name
    (tmp_path / "results").rmdir()
    left = tmp_path / name.replace(f"-{os.getpid()}", f"-{ended.pid}")
    left.mkdir()
    (left / "half.txt").write_text("half")
    with new_folder(tmp_path / "results"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["results"]


def test_results_are_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "mine.txt").write_text("mine")
    for path in (tmp_path / "results", tmp_path / "results" / "mine.txt", tmp_path):
        with pytest.raises(CracksError, match="new or empty folder"), new_folder(path):
            raise AssertionError
    with pytest.raises(CracksError, match="found a file"):
        with new_folder(tmp_path / "results" / "mine.txt" / "below"):
            raise AssertionError
    assert (tmp_path / "results" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["patch.jpg", None])
def test_what_cannot_be_written_into_a_new_folder_names_the_folder(
    name: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "new"
    with pytest.raises(OSError, match="full") as found, new_folder(path) as folder:
        raise OSError(errno.ENOSPC, "full", name and str(folder / name))
    assert found.value.filename == str(path)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_read_meanwhile_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(PermissionError) as found, new_folder(tmp_path / "new"):
        raise PermissionError(errno.EACCES, "denied", "photograph.jpg")
    assert found.value.filename == "photograph.jpg"


@pytest.mark.parametrize("failing", ["a", "b"])
def test_files_are_copied_together_or_not_at_all(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        (tmp_path / name).write_text("new")
        (tmp_path / f"{name}.copy").write_text("old")
    copies = {tmp_path / name: tmp_path / f"{name}.copy" for name in "ab"}
    (tmp_path / failing).rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        copy_together(copies)
    assert [place.read_text() for place in copies.values()] == ["old", "old"]
    (tmp_path / "elsewhere").rename(tmp_path / failing)
    copy_together(copies)
    assert [place.read_text() for place in copies.values()] == ["new", "new"]
    assert len(list(tmp_path.iterdir())) == 4
