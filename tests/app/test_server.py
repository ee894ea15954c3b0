import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests
from PIL import Image

from cracks.app import gallery, server
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
    assert added["backbones"][0]["unfamiliar"] is None


def test_the_threshold_decides_without_a_new_pass(
    address: str, added: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "compared_map", None)  # a new pass would fail
    found = get(address, added, "vgg16?threshold=0.5").json()
    assert found["summary"]["regions"] == len(found["regions"]) == 1
    assert found["regions"][0]["length"] == pytest.approx(195, abs=8)
    strict = get(address, added, "vgg16?threshold=0.9999999").json()
    assert strict["summary"]["cracked_share"] < found["summary"]["cracked_share"]


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


def test_pages_of_other_sites_cannot_ask(address: str) -> None:
    form = requests.post(f"{address}/photographs", files={"file": wall_file()}, timeout=60)
    assert form.status_code == 422
    rebound = requests.get(address, headers={"Host": "example.org"}, timeout=60)
    assert rebound.status_code == 400
    assert (
        "default-src 'none'" in requests.get(address, timeout=60).headers["Content-Security-Policy"]
    )
