import zipfile
from pathlib import Path

import pytest

from cracks.images.archive import member_names, open_archive, read_member, write_archive
from cracks.project.errors import CracksError

MEMBERS = [("b/2.jpg", b"two"), ("a/1.jpg", b"one" * 1000)]


def test_the_bytes_depend_on_names_and_data_alone(tmp_path: Path) -> None:
    assert write_archive(tmp_path / "x.zip", MEMBERS) == 2
    write_archive(tmp_path / "y" / "z.zip", iter(MEMBERS))
    assert (tmp_path / "x.zip").read_bytes() == (tmp_path / "y" / "z.zip").read_bytes()


def test_members_are_stored_and_have_no_date(tmp_path: Path) -> None:
    write_archive(tmp_path / "x.zip", MEMBERS)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        for member in archive.infolist():
            assert member.compress_type == zipfile.ZIP_STORED
            assert member.date_time == (1980, 1, 1, 0, 0, 0)


def test_members_are_read_by_name(tmp_path: Path) -> None:
    write_archive(tmp_path / "x.zip", MEMBERS)
    with open_archive(tmp_path / "x.zip") as archive:
        assert {name: read_member(archive, name) for name, _ in MEMBERS} == dict(MEMBERS)


def test_names_are_sorted_without_folders_and_junk(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("b/2.jpg", "a/", "a/1.jpg", "__MACOSX/a/._1.jpg"):
            archive.writestr(name, b"")
    with open_archive(tmp_path / "x.zip") as archive:
        assert member_names(archive) == ["a/1.jpg", "b/2.jpg"]


def test_a_cut_archive_is_one_sentence(tmp_path: Path) -> None:
    write_archive(tmp_path / "x.zip", MEMBERS)
    whole = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CracksError, match="a part of one"):
        open_archive(tmp_path / "x.zip")


@pytest.mark.parametrize("content", [None, b"", b"text"])
def test_what_is_no_archive_is_one_sentence(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(CracksError, match="Expected"):
        open_archive(tmp_path / "x.zip")


def test_damage_within_a_member_is_seen(tmp_path: Path) -> None:
    write_archive(tmp_path / "x.zip", MEMBERS)
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[data.index(b"oneone") + 7] ^= 1
    (tmp_path / "x.zip").write_bytes(data)
    with open_archive(tmp_path / "x.zip") as archive:
        with pytest.raises(CracksError, match="'a/1.jpg'"):
            read_member(archive, "a/1.jpg")


def test_a_missing_member_is_named(tmp_path: Path) -> None:
    write_archive(tmp_path / "x.zip", MEMBERS)
    with open_archive(tmp_path / "x.zip") as archive:
        with pytest.raises(CracksError, match="'c.jpg'"):
            read_member(archive, "c.jpg")
