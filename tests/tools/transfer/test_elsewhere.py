from pathlib import Path

import pytest

from cracks.images.archive import write_archive
from cracks.project.errors import CracksError
from cracks.tools.transfer.elsewhere import labelled_images, source_name


@pytest.fixture
def source(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Thirty files of each class, in an archive or in a folder."""
    names = [f"{label}/{n:02}.jpg" for label in ("Cracked", "sound") for n in range(30)]
    if request.param == "archive":
        write_archive(tmp_path / "wall.zip", [(f"wall/{name}", name.encode()) for name in names])
        return tmp_path / "wall.zip"
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize("source", ["archive", "folder"], indirect=True)
def test_archives_and_folders_give_the_same_images(source: Path) -> None:
    members = list(labelled_images(source, "cracked"))
    assert len(members) == 60
    assert all(data.decode() == name for name, data in members)
    some = [name for name, _ in labelled_images(source, "cracked", limit=4, seed=1)]
    assert [name.split("/")[0] for name in some] == ["Cracked"] * 4 + ["sound"] * 4
    assert some == sorted(some)
    assert some != [name for name, _ in labelled_images(source, "cracked", limit=4, seed=2)]


def test_nothing_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CracksError, match="a zip archive or a folder of images at .*, found none"):
        labelled_images(tmp_path / "nowhere.zip", "positive")


def test_results_are_named_after_the_last_part_of_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wall.north").mkdir()
    monkeypatch.chdir(tmp_path / "wall.north")
    names = {"a/walls.2024.ZIP": "walls.2024", "a/walls.2024/": "walls.2024", ".": "wall.north"}
    assert {source: source_name(source) for source in names} == names
    assert source_name("..") == tmp_path.name
