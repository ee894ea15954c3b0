from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from cracks.images import files
from cracks.images.decoding import FORMATS, MAX_PIXELS, decode
from cracks.images.files import (
    check_name,
    check_no_raw,
    encoded,
    is_image_name,
    is_junk,
    named_as_images,
    read_file,
)
from cracks.project.errors import CracksError
from cracks.project.params import AuditLimits


@pytest.mark.parametrize(
    "name",
    [
        "__MACOSX/a/._1.jpg",
        "a/.DS_Store",
        "a/._1.jpg",
        "Thumbs.db",
        "x/__MACOSX/y.jpg",
        "a/Icon\r",
        "positive/.ipynb_checkpoints/1-checkpoint.jpg",
        ".ipynb_checkpoints/1.jpg",
        ".git/1.jpg",
        ".Trash-1000/files/1.jpg",
        "positive/@eaDir/1.jpg/SYNOFILE_THUMB_M.jpg",
        "#recycle/positive/1.jpg",
        "a/@Recycle/1.jpg",
        "$RECYCLE.BIN/S-1-5/1.jpg",
        "System Volume Information/1.jpg",
        "a/lost+found/1.jpg",
        "a/FOUND.001/1.jpg",
        "Network Trash Folder/1.jpg",
        "a/@__thumb/1.jpg",
        "a/THUMBS.DB",
        "a/Desktop.ini",
        "a/Picasa.ini",
        "a/.picasa.ini",
        "a/ehthumbs.db",
        "a/ehthumbs_vista.db",
        "./a/.1.jpg",
    ],
)
def test_junk_is_no_image(name: str) -> None:
    assert is_junk(name)


@pytest.mark.parametrize(
    "name", ["a/1.jpg", "./a/1.jpg", "../a/1.jpg", "a/1.thumbs.db.jpg", "a//1.jpg"]
)
def test_files_of_the_user_are_no_junk(name: str) -> None:
    assert not is_junk(name)


@pytest.mark.parametrize("name", ["1.dng", "a/1.NEF", "1.arw", "1.Cr2", "1.raf", "a.b/c.orf"])
def test_names_of_raw_files_are_refused(name: str) -> None:
    with pytest.raises(CracksError, match="a raw file of a camera; develop it"):
        check_no_raw(name)
    check_no_raw(f"{name}.jpg")


def test_names_without_any_suffix_are_images_where_there_are_no_others() -> None:
    assert named_as_images(["a/1", "b/2", "b/notes.txt"]) == ["a/1", "b/2"]
    assert named_as_images(["a/1", "b/2.jpg"]) == ["b/2.jpg"]


@pytest.mark.parametrize("suffixes", FORMATS.values(), ids=list(FORMATS))
def test_the_suffixes_of_each_format_count_in_either_case(suffixes: tuple[str, ...]) -> None:
    for suffix in suffixes:
        assert is_image_name(f"a/1{suffix}")
        assert is_image_name(f"a/1{suffix.upper()}")


@pytest.mark.parametrize("name", ["1.eps", "1.ps", "1.pdf", "1.psd", "1.jpg.txt", ".jpg", "jpg"])
def test_other_names_do_not_count(name: str) -> None:
    assert not is_image_name(name)


@pytest.mark.parametrize("name", ["a/1.jpg", "Straße 7/ä (2).png", "裂缝/😀\u200d.jpg", "a\u00adb"])
def test_names_of_any_language_are_accepted(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "a\rb", "a\nb", "a\tb", "a\0b", "\x7f", "\x85", "\u2028", "\u202egpj.exe", "\udce4"],
)
def test_names_that_break_a_table_or_mislead_are_refused(name: str) -> None:
    with pytest.raises(CracksError, match="without control characters in x.zip, found") as error:
        check_name(name, "x.zip")
    assert str(error.value).isprintable()


def test_a_large_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"12345")
    assert read_file(path) == b"12345"
    monkeypatch.setattr(files, "MAX_BYTES", 4)
    with pytest.raises(CracksError, match="5 bytes are more than the 4 allowed"):
        read_file(path)


def test_parameters_lower_the_limits_and_cannot_raise_them() -> None:
    largest = {"max_rejected": 0.0, "max_megapixels": 200, "max_file_mb": 1000}
    limits = AuditLimits.model_validate(largest)
    assert limits.max_megapixels * 1_000_000 == MAX_PIXELS
    assert limits.max_file_mb * 1_000_000 == files.MAX_BYTES
    for key in ("max_megapixels", "max_file_mb"):
        with pytest.raises(ValidationError, match="less than or equal"):
            AuditLimits.model_validate(largest | {key: largest[key] + 1})


def test_an_image_is_encoded_in_that_format_and_quality() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    np.testing.assert_array_equal(decode(encoded(rgb, "PNG")), rgb)
    jpeg = encoded(rgb, "JPEG", quality=60)
    assert jpeg.startswith(b"\xff\xd8")
    assert len(jpeg) < len(encoded(rgb, "JPEG", quality=95))
