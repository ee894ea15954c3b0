from pathlib import Path

import pytest

from cracks.pipeline.conflicts import check_conflict
from cracks.pipeline.errors import CracksError
from cracks.pipeline.params import load_params


def test_text_without_markers_is_handed_on() -> None:
    for text in ("", "a: 1\n", "x = 1 << 7\n=======\n", "quoted: <<<<<<< no\n"):
        check_conflict(text, "x")


def test_the_sentence_says_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("<<<<<<< HEAD\nepochs: 2\n=======\nepochs: 3\n>>>>>>> main\n")
    with pytest.raises(CracksError, match="git checkout --ours .*dvc repro.*features come from"):
        load_params(path)
