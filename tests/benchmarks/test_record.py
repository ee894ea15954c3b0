from pathlib import Path

import pytest

from benchmarks.record import _shown


def test_files_elsewhere_are_recorded_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here/data").mkdir(parents=True)
    for name in ("elsewhere.zip", "here/data/images.zip"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path / "here")
    words = ["../elsewhere.zip", "data/images.zip", "sample", "--rounds"]
    assert [_shown(word) for word in words] == ["elsewhere.zip", *words[1:]]
