import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cracks.images.archive import write_archive
from cracks.project.errors import CracksError
from cracks.project.params import Archive
from cracks.runtime import fetch as fetching
from cracks.runtime.cache_folder import cache_folder
from cracks.sources.archive import archive_images
from tests.support.http_server import Answer, FileServer, reply


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "RETRIES", fetching.RETRIES.new(total=1, backoff_factor=0))
    monkeypatch.setattr(fetching, "TIMEOUT", (5, 0.3))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


COURSE = zipped(
    {
        "concrete_data_week4/": b"",
        **{
            f"concrete_data_week4/{part}/{label}/{number:05}.jpg": f"{part}{label}{number}".encode()
            for part in ("train", "valid", "test")
            for label in ("negative", "positive")
            for number in (1, 2)
        },
        "concrete_data_week4/train/negative/.DS_Store": b"junk",
        "concrete_data_week4/valid/stray.txt": b"a stray file",
        "__MACOSX/concrete_data_week4/train/negative/._00001.jpg": b"AppleDouble",
    }
)


def section(**values: Any) -> Archive:
    known = {"file": None, "urls": ["http://127.0.0.1:9/none.zip"], "size": None, "sha256": None}
    return Archive.model_validate(known | values)


def test_the_course_s_archive_keeps_its_split_and_loses_its_junk(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with FileServer(COURSE) as server:
        members = dict(archive_images(section(urls=[server.url], size=len(COURSE)), "positive"))
        again = dict(archive_images(section(urls=[server.url], size=len(COURSE)), "Positive"))
        assert len(server.served) == 1, "what was fetched is kept"
    assert members == again
    assert list(members) == sorted(members)
    images = {name for name in members if name.endswith(".jpg")}
    assert len(images) == 12
    assert members["test/positive/00002.jpg"] == b"testpositive2"
    assert set(members) - images == {"valid/stray.txt"}, "what is no image, the audit lists"
    assert "sha256: " in capsys.readouterr().out, "what is not known yet is shown, to be pinned"


@pytest.mark.parametrize(
    "layout",
    [
        "{label}/{n}.jpg",
        "deep/er/{label}/{n}.jpg",
        "a/Test/{label}/{n}.jpg",
        "x/val/{label}/{n}.jpg",
    ],
)
def test_folders_above_the_classes_are_dropped(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.zip"
    names = [layout.format(label=label, n=n) for label in ("no", "yes") for n in (1, 2)]
    write_archive(path, [(name, b"x") for name in names])
    members = dict(archive_images(section(file=str(path)), "yes"))
    assert {name.removeprefix("test/").removeprefix("val/") for name in members} == {
        "no/1.jpg",
        "no/2.jpg",
        "yes/1.jpg",
        "yes/2.jpg",
    }


@pytest.mark.parametrize(
    ("place", "watched"),
    [
        ("data/photos/mine.zip", True),
        ("data/photos/more/mine.zip", True),
        ("mine.zip", False),
        ("data/photos/../mine.zip", False),
    ],
)
def test_an_archive_that_dvc_does_not_watch_is_said_to_be(
    place: str,
    watched: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/photos/more").mkdir(parents=True)
    write_archive(Path(place), [("no/1.jpg", b"x"), ("yes/1.jpg", b"x")])
    assert len(dict(archive_images(section(file=place), "yes"))) == 2
    assert ("run `dvc repro --force download`" in capsys.readouterr().out) != watched


def test_addresses_are_tried_in_order() -> None:
    with FileServer(b"", [reply(404)]) as gone, FileServer(COURSE) as server:
        members = dict(archive_images(section(urls=[gone.url, server.url]), "positive"))
    assert len(members) == 13


def test_without_network_the_alternatives_are_named() -> None:
    with pytest.raises(CracksError) as error:
        list(archive_images(section(), "positive"))
    said = str(error.value)
    assert said.startswith("Could not fetch the archive of images: 127.0.0.1 cannot be reached")
    for way in ("try again later", "archive.file: PATH", "dataset: sample"):
        assert way in said


@pytest.mark.parametrize(
    ("answers", "changes", "sentence"),
    [
        ([reply(404)] * 9, {}, "answered 404"),
        ([reply(200, "Content-Length: 9")] * 9, {}, "sent an incomplete or malformed response"),
        ([reply(200, "Content-Length: 9", then="stall")] * 9, {}, "sent nothing for"),
        ([], {"size": 7}, "expected 7 bytes"),
        ([], {"sha256": "0" * 64}, "expected sha256 0000"),
        ([reply(body=b"an error page")], {}, "Expected a zip archive"),
        ([reply(body=COURSE[: len(COURSE) // 2])], {}, "a part of one"),
    ],
    ids=["404", "too little", "stall", "size", "another file", "no zip", "cut archive"],
)
def test_a_failing_server_is_one_sentence_and_keeps_nothing(
    answers: list[Answer], changes: dict[str, Any], sentence: str
) -> None:
    with FileServer(COURSE, answers) as server:
        with pytest.raises(CracksError, match=sentence) as error:
            list(archive_images(section(urls=[server.url], **changes), "positive"))
    assert "\n" not in str(error.value)
    kept = [path for path in cache_folder("downloads").iterdir() if path.suffix == ".zip"]
    assert kept == []


@pytest.mark.parametrize(
    ("content", "changes", "sentence"),
    [
        (None, {}, "Expected an archive at"),
        (COURSE, {"size": 5}, "is not the archive that params.yaml describes: expected 5 bytes"),
        (COURSE, {"sha256": "1" * 64}, "expected sha256 1111"),
        (b"Rar!\x1a\x07\x01\x00", {}, "found a RAR archive"),
        (zipped({"a/../../b/x.jpg": b"x"}), {}, "points out of it"),
        (zipped({"positive/x.jpg": b"x"}), {}, "two class folders"),
    ],
)
def test_a_given_archive_is_checked_the_same_way(
    content: bytes | None, changes: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CracksError, match=sentence):
        list(archive_images(section(file=str(path), **changes), "positive"))
    assert content is None or path.exists(), "the user's file is left alone"


# --- photographs ------------------------------------------------------------------------
