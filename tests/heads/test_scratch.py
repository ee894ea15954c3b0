import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cracks.heads.scratch import on_disk
from cracks.heads.whitening import fit_whitening
from tests.support.small_disk import fill, make_read_only, small_disk


def parts() -> Iterator[np.ndarray]:
    random = np.random.default_rng(0)
    for rows in (3, 1, 2):
        yield random.standard_normal((rows, 2, 5)).astype(np.float32)


def test_the_parts_come_one_after_another() -> None:
    np.testing.assert_array_equal(on_disk(parts()), np.concatenate(list(parts())))


def test_nothing_is_left_in_the_cache_folder(own_caches: Path) -> None:
    array = on_disk(parts())
    assert array.shape == (6, 2, 5)
    assert not [path for path in own_caches.rglob("*") if path.is_file()]


def test_a_full_disk_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_disk(tmp_path / "small", "1m") as disk:
        monkeypatch.setenv("CRACKS_CACHE", str(disk))
        (disk / "scratch").mkdir()
        fill(disk, 65536)
        with pytest.raises(OSError, match="No space left") as caught:
            on_disk([np.ones((1000, 100), np.float32)])
    assert caught.value.filename == str(disk / "scratch")


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "small", "1m") as disk:
        monkeypatch.setenv("CRACKS_CACHE", str(disk))
        (disk / "scratch").mkdir()
        make_read_only(disk)
        with pytest.raises(OSError, match="Read-only") as caught:
            on_disk(parts())
    assert caught.value.filename == str(disk / "scratch")


def test_whitening_holds_a_part_of_the_rows_in_memory() -> None:
    one = np.random.default_rng(0).standard_normal((2048, 64)).astype(np.float32)
    features = on_disk([one] * 200)
    tracemalloc.start()
    whitened = fit_whitening(features, shrinkage=0.01)(features)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert whitened.shape == features.shape
    assert peak < features.nbytes / 5
