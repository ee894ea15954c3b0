import json
from pathlib import Path

import pytest

from cracks.project.errors import CracksError
from cracks.project.outputs import sha256_of
from cracks.tools.transfer import adapted_heads


def test_heads_of_a_name_are_replaced_all_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with adapted_heads.replaced_heads("bridge") as folder:
        (folder / "vgg16.keras").write_text("first")
        (folder / "resnet50.keras").write_text("first")
    with pytest.raises(OSError, match="full"), adapted_heads.replaced_heads("bridge") as folder:
        (folder / "vgg16.keras").write_text("second")
        raise OSError("full")
    there = Path("models/adapted/bridge")
    assert [(there / f"{b}.keras").read_text() for b in ("vgg16", "resnet50")] == ["first"] * 2
    with adapted_heads.replaced_heads("bridge") as folder:
        (folder / "vgg16.keras").write_text("third")
    assert [(there / f"{b}.keras").read_text() for b in ("vgg16", "resnet50")] == ["third", "first"]
    assert list(Path("models/adapted").iterdir()) == [there]


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """A head and its threshold."""
    path = tmp_path / "vgg16.keras"
    path.write_bytes(b"a head")
    how = {"sha256": sha256_of(path), "threshold": 0.25}
    path.with_suffix(".json").write_text(json.dumps(how))
    return path


def test_a_head_has_its_own_threshold(head: Path) -> None:
    assert adapted_heads._threshold(head) == 0.25
    head.write_bytes(b"a later one, whose threshold could not be written")
    with pytest.raises(CracksError, match="Expected a threshold .* for .*vgg16.keras .* run"):
        adapted_heads._threshold(head)


@pytest.mark.parametrize(
    "change", [{"threshold": 1.5}, {"threshold": None}, {"threshold": "0.5"}, {"sha256": 5}]
)
def test_what_is_no_threshold_is_one_sentence(change: dict[str, object], head: Path) -> None:
    how = json.loads(head.with_suffix(".json").read_text())
    head.with_suffix(".json").write_text(json.dumps(how | change))
    with pytest.raises(CracksError, match="Expected a threshold"):
        adapted_heads._threshold(head)


@pytest.mark.parametrize("data", [b"", b"5", b"null", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_description_is_one_sentence(data: bytes, head: Path) -> None:
    head.with_suffix(".json").write_bytes(data)
    with pytest.raises(CracksError, match="Expected a threshold"):
        adapted_heads._threshold(head)
