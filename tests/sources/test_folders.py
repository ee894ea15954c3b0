import errno
from pathlib import Path

import pytest

from cracks.pipeline.errors import CracksError
from cracks.sources.folders import photos


def folder_of(tmp_path: Path, names: list[str]) -> Path:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_photographs_are_packed_by_class_and_sorted(tmp_path: Path) -> None:
    names = ["Cracked/b.JPG", "Cracked/north side/ä.png", "sound/1.jpg", "README.md"]
    folder = folder_of(tmp_path, [*names, "sound/.hidden.jpg", "sound/Thumbs.db"])
    members = list(photos(folder, "cracked"))
    assert [name for name, _ in members] == sorted(names[:3])
    assert all(data.decode() == name for name, data in members)


def test_a_limit_is_drawn_by_seed_from_each_class(tmp_path: Path) -> None:
    names = [f"{label}/{n}.jpg" for label in ("yes", "no") for n in range(30)]
    folder = folder_of(tmp_path, names)

    def drawn(limit: int, seed: int) -> list[str]:
        return [name for name, _ in photos(folder, "yes", limit, seed)]

    some = drawn(5, 0)
    assert len(some) == 10
    assert sum(name.startswith("yes") for name in some) == 5
    assert some == drawn(5, 0) != drawn(5, 1)
    assert set(some) <= set(drawn(6, 0))
    assert len(drawn(100, 0)) == 60


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["README.md"], "found none; data/photos/README.md shows the layout"),
        (["yes/1.jpg"], "found yes;"),
        (["yes/1.jpg", "no/1.jpg", "maybe/1.jpg"], "found maybe, no, yes;"),
        (["wet/1.jpg", "dry/1.jpg"], "found 'yes'; set positive_class in params.yaml"),
    ],
)
def test_photographs_not_in_two_classes_are_one_sentence(
    names: list[str], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(CracksError, match=sentence):
        list(photos(folder_of(tmp_path, names), "yes"))


def test_a_photograph_without_permission_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path, ["yes/1.jpg", "no/1.jpg"])

    def refused(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)  # root, who may run this, reads everything
    with pytest.raises(CracksError, match=r"1\.jpg"):
        list(photos(folder, "yes"))


def test_a_broken_link_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, ["yes/1.jpg", "no/1.jpg"])
    (folder / "yes/2.jpg").symlink_to("nowhere")
    with pytest.raises(CracksError, match="broken link"):
        list(photos(folder, "yes"))
