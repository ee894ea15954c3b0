import json
import sys
from pathlib import Path

import pytest

from cracks.project.errors import CracksError
from cracks.project.paths import PROVENANCE
from cracks.runtime.stage import run


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["stages/train_head.py", "vgg16"])


def test_time_host_and_versions_go_to_provenance() -> None:
    run(lambda: None)
    facts = json.loads((PROVENANCE / "train-head-vgg16.json").read_text())
    assert facts["stage"] == "train-head-vgg16"
    assert facts["seconds"] >= 0
    assert {"keras", "openvino", "tensorflow"} <= set(facts["packages"])


def test_what_a_stage_returns_goes_to_provenance() -> None:
    run(lambda: {"source": "mine.h5", "sha256": "ab"})
    facts = json.loads((PROVENANCE / "train-head-vgg16.json").read_text())
    assert facts["source"] == "mine.h5"


def test_a_failed_stage_leaves_no_provenance() -> None:
    def fail() -> None:
        raise CracksError("Expected a, found b.")

    with pytest.raises(CracksError, match="Expected a, found b"):
        run(fail)
    assert not PROVENANCE.exists()
