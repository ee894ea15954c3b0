"""Walls are drawn once, and go on where drawing was killed."""

from pathlib import Path

import numpy as np
import pytest

from pretraining import drawings
from pretraining.drawings import draw_walls, mask_of


@pytest.fixture(autouse=True)
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRACKS_CACHE", str(tmp_path))
    monkeypatch.setattr(drawings, "CHUNK", 2)


@pytest.mark.slow
def test_only_missing_files_are_drawn() -> None:
    files = draw_walls(4, 0)
    before = [file.read_bytes() for file in files]
    assert len(files) == 2
    files[1].unlink()
    kept = files[0].stat().st_mtime_ns

    assert draw_walls(4, 0) == files
    assert files[0].stat().st_mtime_ns == kept
    assert [file.read_bytes() for file in files] == before


@pytest.mark.slow
def test_bare_and_cracked_patches_take_turns() -> None:
    (file,) = draw_walls(2, 0)
    patches = np.load(file)
    assert [bool(mask_of(patch["mask"]).any()) for patch in patches] == [False, True] * 2
    (other,) = draw_walls(2, 1)
    assert (np.load(other)["rgb"] != patches["rgb"]).any()
