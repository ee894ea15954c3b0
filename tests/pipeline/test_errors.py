import errno
from pathlib import Path

import pytest

from cracks.pipeline.errors import CracksError, exit_on_error


def status_of(error: BaseException) -> object:
    with pytest.raises(SystemExit) as ending, exit_on_error():
        raise error
    return ending.value.code


def test_what_the_user_did_is_a_sentence_and_status_1() -> None:
    assert status_of(CracksError("Expected a, found b.")) == "Error: Expected a, found b."


def test_a_full_disk_is_a_sentence() -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "data/x.npy")
    assert "no space left on the disk while writing data/x.npy" in str(status_of(error))


def test_no_permission_is_a_sentence() -> None:
    assert "no permission for x" in str(status_of(PermissionError(errno.EACCES, "", "x")))


def test_ctrl_c_is_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(KeyboardInterrupt()) == 130
    assert "kept" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exit_on_error():
        raise ZeroDivisionError
