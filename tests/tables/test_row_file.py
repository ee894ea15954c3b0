import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cracks.project.errors import CracksError
from cracks.tables.row_file import FEATURES, PROBABILITY, create_rows, open_rows

IDS = ["a/1.jpg", "ü/with space 2.jpg"]


def test_names_and_numbers_come_back(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    rows = create_rows(path, IDS, FEATURES, (2, 3))
    rows[FEATURES][1, 0] = [1, 2, 3]
    rows.flush()
    ids, features = open_rows(path, FEATURES)
    assert ids == IDS
    assert features.shape == (2, 2, 3)
    assert features[1, 0].tolist() == [1, 2, 3]
    assert not features[0].any()


def test_numpy_alone_reads_it(tmp_path: Path) -> None:
    create_rows(tmp_path / "x.npy", IDS, PROBABILITY, (5,)).flush()
    rows = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert rows["probability"].shape == (2, 5)
    assert rows["id"][0] == b"a/1.jpg"


@pytest.mark.parametrize("content", [None, b"", b"\x93NUMPY", b"text"])
def test_what_is_no_such_file_is_one_sentence(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CracksError, match="Expected"):
        open_rows(path, FEATURES)


def test_another_field_is_one_sentence(tmp_path: Path) -> None:
    create_rows(tmp_path / "x.npy", IDS, PROBABILITY, (5,)).flush()
    with pytest.raises(CracksError, match="Expected rows of features"):
        open_rows(tmp_path / "x.npy", FEATURES)


def structured(ids: object, features: object) -> np.ndarray:
    ids, features = np.asarray(ids), np.asarray(features, np.float32)
    dtype = [("id", ids.dtype), (FEATURES, "<f4", features.shape[1:])]
    rows = np.zeros(len(ids), dtype)
    rows["id"], rows[FEATURES] = ids, features
    return rows


OTHERS = {
    "no axis of channels": structured([b"a", b"b"], np.zeros((2, 1))),
    "numbers alone": structured([b"a", b"b"], np.zeros(2)),
    "an axis too many": structured([b"a", b"b"], np.zeros((2, 1, 3, 4))),
    "ids that are numbers": structured([1, 2], np.zeros((2, 1, 3))),
    "ids that are no bytes": structured(["a", "b"], np.zeros((2, 1, 3))),
    "a plain array": np.zeros((2, 3), np.float32),
    "one row": structured([b"a"], np.zeros((1, 1, 3)))[0],
    "a table of rows": structured([b"a", b"b"], np.zeros((2, 1, 3))).reshape(1, 2),
    "no ids": np.zeros(2, [(FEATURES, "<f4", (1, 3))]),
    "ids that are not UTF-8": structured([b"\xff", b"b"], np.zeros((2, 1, 3))),
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("save", [np.save, np.savez])
def test_other_arrays_are_one_sentence(
    what: str, save: Callable[..., None], tmp_path: Path
) -> None:
    path = tmp_path / "x.npy"
    with path.open("wb") as file:
        save(file, OTHERS[what])
    with pytest.raises(CracksError, match=r"Expected rows of features in .*run `dvc repro`"):
        open_rows(path, FEATURES)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_what_is_no_file_is_one_sentence_and_no_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.npy")
    with pytest.raises(CracksError, match="not a regular file"):
        open_rows(tmp_path / "x.npy", FEATURES)
    with pytest.raises(CracksError, match="not a regular file"):
        open_rows(tmp_path, FEATURES)
