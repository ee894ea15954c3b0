import hashlib
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from cracks import fetch as fetching
from cracks.fetch import ATTEMPTS, fetch, mismatch
from cracks.pipeline.cache_folder import cache_folder
from cracks.pipeline.errors import CracksError
from tests.support.http_server import Answer, FileServer

BODY = hashlib.shake_256(b"an archive").digest(300_000)
SHA256 = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
HALF = 2 * 65536  # whole chunks, so that what was sent is what is kept


@pytest.fixture(autouse=True)
def pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for; none is made."""
    asked: list[float] = []
    monkeypatch.setattr(fetching, "sleep", asked.append)
    monkeypatch.setattr(fetching, "READ_TIMEOUT", 0.3)
    monkeypatch.setenv("CRACKS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return asked


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "concrete.zip"


def get(
    urls: Sequence[str], path: Path, size: int | None = len(BODY), checksum: str | None = SHA256
) -> Path:
    return fetch(urls, path, what="the images", size=size, checksum=checksum, hint="do this")


def nothing_is_left(destination: Path) -> bool:
    return not destination.exists() and not list(cache_folder("downloads").glob("*.part"))


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_file_is_fetched_whole_and_only_the_file_is_left(destination: Path) -> None:
    with FileServer(BODY) as server:
        assert get([server.url], destination) == destination
    assert destination.read_bytes() == BODY
    assert [path.name for path in destination.parent.iterdir()] == [destination.name]
    assert list(cache_folder("downloads").iterdir()) == []


def test_a_file_that_fits_is_used_without_network(destination: Path) -> None:
    destination.parent.mkdir()
    destination.write_bytes(BODY)
    assert get([f"http://127.0.0.1:{closed_port()}/a"], destination) == destination


def test_a_file_that_does_not_fit_is_replaced(destination: Path) -> None:
    destination.parent.mkdir()
    destination.write_bytes(BODY[:-1] + b"?")
    with FileServer(BODY) as server:
        get([server.url], destination)
    assert destination.read_bytes() == BODY


@pytest.mark.parametrize("checksum", [SHA256, SHA256.upper().replace("SHA256", "sha256"), None])
def test_checksums_are_optional_and_of_either_case(destination: Path, checksum: str | None) -> None:
    with FileServer(BODY) as server:
        get([server.url], destination, size=None, checksum=checksum)
    assert destination.read_bytes() == BODY


def test_md5_is_checked_as_well(destination: Path) -> None:
    right = f"md5:{hashlib.md5(BODY).hexdigest()}"
    with FileServer(BODY) as server:
        get([server.url], destination, checksum=right)
    assert mismatch(destination, None, right) is None
    assert "expected md5 0" in str(mismatch(destination, None, "md5:" + "0" * 32))


def test_errors_of_the_server_are_retried_with_growing_pauses(
    destination: Path, pauses: list[float]
) -> None:
    with FileServer(BODY, [Answer(500), Answer(503), Answer(429)]) as server:
        get([server.url], destination)
    assert destination.read_bytes() == BODY
    assert pauses == [1, 2, 4]


def test_retries_come_to_an_end(destination: Path) -> None:
    with FileServer(BODY, [Answer(500)] * 20) as server:
        with pytest.raises(CracksError, match="127.0.0.1 answered 500 .*; do this"):
            get([server.url], destination)
        assert len(server.served) == ATTEMPTS


def test_a_missing_file_is_not_asked_for_again_but_elsewhere(destination: Path) -> None:
    with FileServer(b"", [Answer(404)] * 9) as first, FileServer(BODY) as second:
        get([first.url, second.url], destination)
        assert len(first.served) == 1
    assert destination.read_bytes() == BODY


def test_all_addresses_are_named_when_none_has_the_file(destination: Path) -> None:
    with FileServer(b"", [Answer(404)]) as first, FileServer(b"", [Answer(403)]) as second:
        with pytest.raises(CracksError, match=r"answered 404 .*; 127.0.0.1 answered 403 .*do this"):
            get([first.url, second.url], destination)
    assert nothing_is_left(destination)


def test_a_dropped_connection_is_resumed(destination: Path) -> None:
    with FileServer(BODY, [Answer(stop_after=HALF)]) as server:
        get([server.url], destination)
        assert [served.status for served in server.served] == [200, 206]
        assert server.served[1].range == f"bytes={HALF}-"
        assert server.served[1].if_range == '"one"'
        assert server.sent == len(BODY)
    assert destination.read_bytes() == BODY


def test_another_run_goes_on_where_the_last_one_ended(destination: Path) -> None:
    drop = Answer(stop_after=HALF)
    with FileServer(BODY, [drop, *[Answer(500)] * ATTEMPTS]) as server:
        with pytest.raises(CracksError, match="answered 500"):
            get([server.url], destination)
        assert not destination.exists()
        get([server.url], destination)
        assert server.sent == len(BODY)
    assert destination.read_bytes() == BODY


def test_progress_resets_the_count_of_attempts(destination: Path, pauses: list[float]) -> None:
    with FileServer(BODY, [Answer(stop_after=40_000)] * (ATTEMPTS + 2)) as server:
        get([server.url], destination)
    assert destination.read_bytes() == BODY
    assert set(pauses) == {1}


def test_a_server_that_ignores_ranges_starts_over(destination: Path) -> None:
    with FileServer(BODY, [Answer(stop_after=HALF)], honours_range=False) as server:
        get([server.url], destination)
        assert server.sent == HALF + len(BODY)
    assert destination.read_bytes() == BODY


def test_a_file_that_changed_in_between_is_not_mixed(destination: Path) -> None:
    changed = bytes(reversed(BODY))
    drop = Answer(stop_after=HALF)
    with FileServer(BODY, [drop, *[Answer(500)] * ATTEMPTS]) as server:
        with pytest.raises(CracksError):
            get([server.url], destination, checksum=None)
        server.body, server.etag = changed, '"two"'
        get([server.url], destination, checksum=None)
    assert destination.read_bytes() == changed


def test_without_validator_and_checksum_nothing_is_resumed(destination: Path) -> None:
    drop = Answer(stop_after=HALF)
    with FileServer(BODY, [drop, *[Answer(500)] * ATTEMPTS], etag=None) as server:
        with pytest.raises(CracksError):
            get([server.url], destination, checksum=None)
        get([server.url], destination, checksum=None)
        assert server.served[-1].range is None
    assert destination.read_bytes() == BODY


def test_a_part_that_is_longer_than_the_file_is_dropped(destination: Path) -> None:
    with FileServer(BODY) as server:
        fetching._part_of(server.url).write_bytes(BODY + b"more")
        get([server.url], destination)
        assert [served.status for served in server.served] == [416, 200]
    assert destination.read_bytes() == BODY


def test_a_stall_ends(destination: Path) -> None:
    with FileServer(BODY, [Answer(stall_after=HALF)]) as server:
        get([server.url], destination)
        assert server.sent == len(BODY)
    assert destination.read_bytes() == BODY


def test_a_server_that_stalls_for_ever_is_given_up(destination: Path) -> None:
    with FileServer(BODY, [Answer(stall_after=0)] * ATTEMPTS) as server:
        with pytest.raises(CracksError, match="sent nothing for"):
            get([server.url], destination)
        assert len(server.served) == ATTEMPTS


def test_too_little_each_time_is_given_up(destination: Path) -> None:
    with FileServer(BODY, [Answer(stop_after=0)] * ATTEMPTS) as server:
        with pytest.raises(CracksError, match="closed the connection too early"):
            get([server.url], destination)


def test_too_little_is_seen_without_an_announced_length(destination: Path) -> None:
    short = Answer(body=BODY[:1000], announces_length=False)
    with FileServer(BODY, [short] * 9, honours_range=False) as server:
        with pytest.raises(CracksError, match="sent 1,000 of 300,000 bytes"):
            get([server.url], destination)


def test_another_size_is_refused_before_it_is_fetched(destination: Path) -> None:
    with FileServer(BODY, [Answer(body=BODY[:-1])]) as server:
        with pytest.raises(CracksError, match="expected 300,000 bytes, found 299,999"):
            get([server.url], destination)
    assert nothing_is_left(destination)


def test_an_endless_answer_is_cut(destination: Path) -> None:
    with FileServer(BODY, [Answer(body=BODY + BODY, announces_length=False)]) as server:
        with pytest.raises(CracksError, match="more than the expected 300,000 bytes"):
            get([server.url], destination)
    assert not destination.exists()


def test_other_bytes_end_the_run_and_nothing_is_kept(destination: Path) -> None:
    with FileServer(BODY, [Answer(body=bytes(len(BODY)))]) as server:
        with pytest.raises(CracksError, match="sent another file .expected sha256 .*, found"):
            get([server.url], destination)
    assert nothing_is_left(destination)


def test_other_bytes_at_one_address_are_fetched_from_the_next(destination: Path) -> None:
    with FileServer(bytes(len(BODY))) as wrong, FileServer(BODY) as right:
        get([wrong.url, right.url], destination)
    assert destination.read_bytes() == BODY


def test_no_network_is_one_sentence(destination: Path) -> None:
    url = f"http://127.0.0.1:{closed_port()}/a"
    with pytest.raises(CracksError) as caught:
        get([url], destination)
    message = "No network to fetch the images: could not reach 127.0.0.1; do this."
    assert str(caught.value) == message


def test_what_is_no_address_is_said(destination: Path) -> None:
    with pytest.raises(CracksError, match="nowhere is no address to fetch from"):
        get(["nowhere"], destination)
