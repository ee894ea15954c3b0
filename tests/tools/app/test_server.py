import asyncio
import errno
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests
from PIL import Image

from cracks.tools.app import gallery, server
from cracks.tools.drawn import TRAINED_ON_DRAWINGS
from tests.support.walls import wall

BYTES = {"Content-Type": "application/octet-stream"}


def wall_file() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(wall()).save(buffer, "PNG")
    return buffer.getvalue()


def sent(address: str, data: bytes, name: str = "wall.png") -> requests.Response:
    return requests.post(
        f"{address}/photographs", params={"name": name}, data=data, headers=BYTES, timeout=60
    )


@pytest.fixture(scope="module")
def added(address: str) -> dict[str, Any]:
    answer = sent(address, wall_file(), "../walls/north.png")
    assert answer.status_code == 200
    return dict(answer.json())


def get(address: str, added: dict[str, Any], rest: str) -> requests.Response:
    return requests.get(f"{address}/photographs/{added['key']}/{rest}", timeout=60)


def test_a_photograph_is_seen_by_both_backbones(added: dict[str, Any]) -> None:
    assert added["name"] == "north.png"
    assert [one["title"] for one in added["backbones"]] == ["ResNet50", "VGG16"]


def test_the_threshold_decides_without_a_new_pass(
    address: str, added: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "map_cracks", None)  # a new pass would fail
    found = get(address, added, "vgg16?threshold=0.5").json()
    assert found["summary"]["regions"] == len(found["regions"]) == 1
    assert found["regions"][0]["length"] == pytest.approx(195, abs=8)
    strict = get(address, added, "vgg16?threshold=0.9999999").json()
    assert strict["summary"]["cracked_share"] < found["summary"]["cracked_share"]


def test_millimetres_are_those_of_the_photograph(address: str, added: dict[str, Any]) -> None:
    found = get(address, added, "vgg16?threshold=0.5&mm=0.5").json()
    assert found["summary"]["max_width_mm"] == 0.5 * found["summary"]["max_width"]
    kept = requests.get(f"{address}/photographs", timeout=60).json()
    (mine,) = (one for one in kept if one["key"] == added["key"])
    assert mine["mm_per_pixel"] == 0.5
    assert (mine["width"], mine["height"]) == (300, 400)
    get(address, added, "vgg16?threshold=0.5")
    wrong = get(address, added, "vgg16?threshold=0.5&mm=-1")
    assert "millimetres per pixel from 0.000001 to" in wrong.json()["error"]
    for none in ("1e308", "inf", "nan", "1_0", "\u0662", "0", "1e-300"):
        answer = get(address, added, f"vgg16?threshold=0.5&mm={none}")
        assert (answer.status_code, "millimetres" in answer.json()["error"]) == (422, True), none
        for file in ("picture.png", "regions.json"):
            assert get(address, added, f"vgg16/{file}?threshold=0.5").status_code == 200


def test_photographs_of_one_name_are_told_apart(address: str) -> None:
    names = [sent(address, wall_file(), "IMG_0001.png").json()["name"] for _ in range(3)]
    assert names == ["IMG_0001.png", "IMG_0001-2.png", "IMG_0001-3.png"]
    data = requests.get(f"{address}/crack-maps.zip", timeout=60).content
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == len(set(archive.namelist()))
        table = pd.read_csv(io.BytesIO(archive.read("summary.csv")))
    assert {*names} <= {*table["path"]}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("..", "photograph"),
        ("", "photograph"),
        ("..\\..\\evil.png", "evil.png"),
        ("C:drive.png", "drive.png"),
        ("12:30 wall.png", "12-30 wall.png"),
        ("a/b/", "photograph"),
    ],
)
def test_a_name_leads_nowhere(given: str, name: str, address: str) -> None:
    shown = sent(address, wall_file(), given).json()["name"]
    assert shown.startswith(name.removesuffix(".png"))
    data = requests.get(f"{address}/crack-maps.zip", timeout=60).content
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert not [one for one in archive.namelist() if "/" in one or "\\" in one or ":" in one]


@pytest.mark.parametrize("given", ["a\0b.png", "a\nb.png", "a\u202eb.png"])
def test_a_name_that_cannot_be_displayed_is_refused(given: str, address: str) -> None:
    answer = sent(address, wall_file(), given)
    assert answer.status_code == 422
    assert "without control characters" in answer.json()["error"]


def test_what_is_longer_than_a_jpeg_can_be_is_refused(address: str) -> None:
    buffer = io.BytesIO()
    Image.new("L", (66_000, 40)).save(buffer, "PNG")
    answer = sent(address, buffer.getvalue())
    assert answer.status_code == 422
    assert "that the page can show; cut it into tiles" in answer.json()["error"]


def test_the_layer_marks_the_crack_on_the_photograph(address: str, added: dict[str, Any]) -> None:
    shown = requests.get(f"{address}/photographs/{added['key']}.jpg", timeout=60)
    layer = get(address, added, "vgg16/layer.png?threshold=0.5")
    with (
        Image.open(io.BytesIO(shown.content)) as jpeg,
        Image.open(io.BytesIO(layer.content)) as png,
    ):
        assert jpeg.size == png.size == (300, 400)
        alpha = np.asarray(png)[..., 3]
    assert alpha[200, 207] > 100
    assert alpha[200, 203] == alpha[200, 100] == 0


def test_everything_is_in_one_archive(address: str, added: dict[str, Any]) -> None:
    get(address, added, "vgg16?threshold=0.5")
    data = requests.get(f"{address}/crack-maps.zip", timeout=60).content
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        table = pd.read_csv(io.BytesIO(archive.read("summary.csv")))
    assert {
        "north-resnet50.png",
        "north-vgg16-mask.png",
        "north-vgg16.csv",
        "north-vgg16.json",
    } <= {name.replace("north.png", "north") for name in names}
    assert {"path", "backbone", "max_width"} <= set(table.columns)
    alone = requests.get(f"{address}/summary.csv", timeout=60)
    assert pd.read_csv(io.BytesIO(alone.content)).equals(table)


def test_files_are_those_of_the_command_line(address: str, added: dict[str, Any]) -> None:
    mask = get(address, added, "vgg16/mask.png?threshold=0.5")
    assert mask.headers["content-type"] == "image/png"
    assert "north-vgg16-mask.png" in mask.headers["content-disposition"]
    with Image.open(io.BytesIO(mask.content)) as image:
        assert np.asarray(image, dtype=bool)[200, 203]
    table = pd.read_csv(io.BytesIO(get(address, added, "vgg16/regions.csv?threshold=0.5").content))
    document = json.loads(get(address, added, "vgg16/regions.json?threshold=0.5").content)
    assert [feature["properties"] for feature in document["features"]] == table.to_dict("records")


@pytest.mark.parametrize(
    ("rest", "status", "sentence"),
    [
        ("vgg16", 422, "a threshold between 0 and 1"),
        ("vgg16?threshold=nan", 422, "a threshold between 0 and 1"),
        ("vgg19?threshold=0.5", 422, "no trained vgg19"),
        ("vgg16/notes.txt?threshold=0.5", 404, "no such file"),
    ],
)
def test_a_wrong_request_is_one_sentence(
    rest: str, status: int, sentence: str, address: str, added: dict[str, Any]
) -> None:
    answer = get(address, added, rest)
    assert answer.status_code == status
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [(b"", "the file is empty"), (b"no image", "not an image"), (wall_file()[:2000], "damaged")],
)
def test_a_bad_file_is_one_sentence(data: bytes, sentence: str, address: str) -> None:
    answer = sent(address, data)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]


def test_what_is_too_large_is_refused_while_it_is_sent(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_UPLOAD", 1000)
    assert "more than the 1,000 bytes" in sent(address, bytes(5000)).json()["error"]
    monkeypatch.setattr(server, "MAX_UPLOAD", 1_000_000)
    monkeypatch.setattr(gallery, "MAX_PIXELS", 1000)
    assert "pixels is more than the 1,000" in sent(address, wall_file()).json()["error"]


def test_a_full_disk_is_one_sentence(
    address: str, added: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/photograph.png")

    monkeypatch.setattr(gallery, "write_inspection", write)
    answer = get(address, added, "vgg16/mask.png?threshold=0.5")
    assert answer.status_code == 507
    assert "no space left on the disk while writing /tmp/photograph.png" in answer.json()["error"]


def test_two_people_at_once_get_their_own_photographs(address: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: sent(address, wall_file(), f"{n}.png").json(), range(4)))
    assert [answer["name"] for answer in answers] == [f"{n}.png" for n in range(4)]
    assert len({answer["key"] for answer in answers}) == 4


def test_the_oldest_photographs_are_dropped(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "_KEPT_PIXELS", 2 * 400 * 300)
    keys = [sent(address, wall_file()).json() for _ in range(3)]
    gone = get(address, keys[0], "vgg16?threshold=0.5")
    assert "no longer kept" in gone.json()["error"]
    assert get(address, keys[2], "vgg16?threshold=0.5").status_code == 200


def test_the_page_says_what_it_was_trained_on(address: str) -> None:
    assert TRAINED_ON_DRAWINGS in requests.get(address, timeout=60).text


def test_who_leaves_during_an_upload_needs_no_answer() -> None:
    """By ASGI's own messages, so that an error of the application is one of this test."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"half of a photograph", "more_body": True},
        {"type": "http.disconnect"},
    ]
    parts = iter(messages)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return next(parts)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/photographs",
        "query_string": b"name=wall.png",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/octet-stream")],
    }
    asyncio.run(server.create_app(gallery.Gallery([]), {})(scope, receive, send))
    assert sent[0]["status"] == 400


def test_pages_of_other_sites_cannot_ask(address: str) -> None:
    form = requests.post(f"{address}/photographs", files={"file": wall_file()}, timeout=60)
    assert form.status_code == 422
    rebound = requests.get(address, headers={"Host": "example.org"}, timeout=60)
    assert rebound.status_code == 400
    assert (
        "default-src 'none'" in requests.get(address, timeout=60).headers["Content-Security-Policy"]
    )
