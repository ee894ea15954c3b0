from pathlib import Path

import pytest

from cracks.project.errors import CracksError
from cracks.project.params import load_params
from cracks.project.text_file import check_conflict


def test_text_without_markers_is_accepted() -> None:
    for text in ("", "a: 1\n", "x = 1 << 7\n=======\n", "quoted: <<<<<<< no\n"):
        check_conflict(text, "x")


def test_the_message_says_how_to_resolve_a_conflict(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("<<<<<<< HEAD\nepochs: 2\n=======\nepochs: 3\n>>>>>>> main\n")
    with pytest.raises(CracksError, match="git checkout --ours .*dvc repro.*features come from"):
        load_params(path)
