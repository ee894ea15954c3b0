from pathlib import Path

import numpy as np
import pytest

from cracks.pipeline.errors import CracksError
from cracks.pipeline.row_file import FEATURES, PROBABILITY, create_rows, open_rows

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
