from pathlib import Path

import pytest
from pydantic import ValidationError

from cracks.images import files
from cracks.images.decoding import FORMATS, MAX_PIXELS
from cracks.images.files import check_name, is_image_name, is_junk, read_file
from cracks.pipeline.errors import CracksError
from cracks.pipeline.params import Audit as Limits


@pytest.mark.parametrize(
    "name",
    [
        "__MACOSX/a/._1.jpg",
        "a/.DS_Store",
        "a/._1.jpg",
        "Thumbs.db",
        "x/__MACOSX/y.jpg",
        "a/Icon\r",
    ],
)
def test_junk_is_no_image(name: str) -> None:
    assert is_junk(name)
    assert not is_junk("a/1.jpg")


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
    limits = Limits.model_validate(largest)
    assert limits.max_megapixels * 1_000_000 == MAX_PIXELS
    assert limits.max_file_mb * 1_000_000 == files.MAX_BYTES
    for key in ("max_megapixels", "max_file_mb"):
        with pytest.raises(ValidationError, match="less than or equal"):
            Limits.model_validate(largest | {key: largest[key] + 1})
