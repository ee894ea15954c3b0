import errno
import os
import subprocess
import sys

import pytest

from cracks.project.errors import CracksError, exit_on_error
from tests.support.project import ROOT


def status_of(error: BaseException) -> object:
    with pytest.raises(SystemExit) as ending, exit_on_error():
        raise error
    return ending.value.code


def test_user_errors_are_a_sentence_and_status_1() -> None:
    assert status_of(CracksError("Expected a, found b.")) == "Error: Expected a, found b."


def test_a_full_disk_is_a_sentence() -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "data/x.npy")
    assert "no space left on the disk while writing data/x.npy" in str(status_of(error))


def test_no_permission_is_a_sentence() -> None:
    assert "no permission for x" in str(status_of(PermissionError(errno.EACCES, "", "x")))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (IsADirectoryError(errno.EISDIR, "Is a directory", "x"), "Error: x: Is a directory."),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x"), "Error: x: File name too long."),
        (OSError(errno.EFBIG, "", "x"), "Error: x would be larger than files may be here"),
        (OSError(errno.EROFS, "", "x"), "Error: x is on a read-only file system"),
        (OSError("no number at all"), "Error: no number at all."),
    ],
)
def test_system_errors_name_the_path_and_the_reason(error: OSError, sentence: str) -> None:
    assert str(status_of(error)).startswith(sentence)


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), exit_on_error():
        raise ZeroDivisionError


def test_a_module_of_ours_that_is_missing_is_a_bug() -> None:
    with pytest.raises(ModuleNotFoundError), exit_on_error():
        raise ModuleNotFoundError(name="cracks.gone")


@pytest.mark.parametrize("program", ["cracks summary", "stages audit", "pretraining measure"])
def test_without_the_packages_a_sentence_says_what_to_do(program: str) -> None:
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    python = [sys.executable, "-S", "-m", *program.split()]  # -S: without installed packages
    done = subprocess.run(
        python, cwd=ROOT, env=outside, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Expected the packages of requirements.txt, found no ")
    assert done.stderr.endswith("run `make .venv/ready`, then `source .venv/bin/activate`.\n")
    assert done.stderr.count("\n") == 1
