import os
from pathlib import Path

import pytest

from cracks.project.errors import CracksError
from cracks.tools.photographs import find_photographs, open_photograph, output_names


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["wall.jpg"], ["wall"]),
        (["a/b/wall.jpg"], ["wall"]),
        (["a/1.jpg", "b/1.jpg"], ["a/1", "b/1"]),
        (["x/a/1.jpg", "x/b/1.jpg", "x/2.jpg"], ["a/1", "b/1", "2"]),
        (["wall.jpg", "wall.png"], ["wall.jpg", "wall.png"]),
        (["wall.jpg", "wall.png", "wall.jpg.png"], ["wall.jpg", "wall.png", "wall.jpg.png"]),
        (["wall.v1.jpg", "wall.v2.jpg"], ["wall.v1", "wall.v2"]),
        (["/a/x/1.jpg", "/b/x/1.jpg"], ["a/x/1", "b/x/1"]),
        (["../1.jpg", "../2/1.jpg"], ["1", "2/1"]),
        (["wall", "wall.jpg"], ["wall", "wall.jpg"]),
    ],
)
def test_output_names_keep_folders_and_differ(paths: list[str], names: list[str]) -> None:
    assert output_names([Path(path) for path in paths]) == dict(
        zip(map(Path, paths), names, strict=True)
    )


def test_output_names_begin_at_a_folder() -> None:
    names = output_names([Path("walls/a/b/1.jpg")], Path("walls"))
    assert names == {Path("walls/a/b/1.jpg"): "a/b/1"}


def test_output_names_differ_where_upper_and_lower_case_are_alike() -> None:
    names = output_names([Path("walls/1.JPG"), Path("walls/a.jpg"), Path("walls/A.png")])
    assert set(names.values()) == {"1.JPG", "a.jpg", "A.png"}


def test_a_file_named_twice_has_one_name() -> None:
    twice = [Path("a/1.jpg"), Path("a/1.jpg").absolute()]
    assert set(output_names(twice).values()) == {"1"}


def test_only_images_in_folders_are_found(tmp_path: Path) -> None:
    for name in ("b/2.JPG", "1.png", "notes.txt", ".hidden.jpg", "page.eps"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert find_photographs([str(tmp_path)]) == [tmp_path / "1.png", tmp_path / "b/2.JPG"]


def test_a_pipe_is_skipped_in_a_folder_and_refused_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "1.jpg").write_bytes(b"x")
    assert find_photographs([str(tmp_path)]) == [tmp_path / "1.jpg"]
    with pytest.raises(CracksError, match="not a regular file"):
        open_photograph(tmp_path / "pipe.jpg")
    with pytest.raises(CracksError, match="not a regular file"):
        open_photograph(Path("/dev/zero"))


@pytest.mark.parametrize("name", [b"a\rb.jpg", b"a\nb.jpg", b"\xe4.jpg"])
def test_a_name_that_cannot_be_shown_is_refused(name: bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(b"x")
    for argument in (path, tmp_path):
        with pytest.raises(CracksError, match="without control characters") as error:
            find_photographs([str(argument)])
        assert str(error.value).isprintable()
