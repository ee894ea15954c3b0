import hashlib
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path
from subprocess import PIPE

import pytest

from cracks.project.errors import CracksError
from cracks.runtime import fetch as fetching
from cracks.runtime.cache_folder import cache_folder
from cracks.runtime.fetch import fetch, mismatch
from tests.support.http_server import Answer, FileServer, reply

BODY = hashlib.shake_256(b"an archive").digest(300_000)
SHA256 = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
MD5 = f"md5:{hashlib.md5(BODY).hexdigest()}"
HALF = 1 << 17  # whole chunks, so that all that was sent is kept


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "RETRIES", fetching.RETRIES.new(backoff_factor=0))
    monkeypatch.setattr(fetching, "TIMEOUT", (5, 0.5))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "concrete.zip"


def get(
    urls: Sequence[str], path: Path, size: int | None = len(BODY), checksum: str | None = SHA256
) -> Path:
    return fetch(urls, path, what="the images", size=size, checksum=checksum, hint="do this")


def cut(length: int, etag: str = '"one"') -> Answer:
    """The connection breaks after `length` bytes."""
    return reply(200, f"Content-Length: {len(BODY)}", f"ETag: {etag}", body=BODY[:length])


def leftovers() -> list[str]:
    return [path.name for path in cache_folder("downloads").iterdir() if path.suffix != ".lock"]


@pytest.mark.parametrize("size", [len(BODY), None])
@pytest.mark.parametrize("checksum", [SHA256, "sha256:" + SHA256[7:].upper(), MD5, None])
def test_only_the_file_is_left(destination: Path, size: int | None, checksum: str | None) -> None:
    with FileServer(BODY) as server:
        assert get([server.url], destination, size, checksum) == destination
    assert destination.read_bytes() == BODY
    assert list(destination.parent.iterdir()) == [destination]
    assert leftovers() == []


def test_a_file_that_matches_needs_no_network(destination: Path) -> None:
    destination.parent.mkdir()
    destination.write_bytes(BODY)
    assert get(["nowhere"], destination) == destination


def test_a_file_that_does_not_match_is_replaced(destination: Path) -> None:
    destination.parent.mkdir()
    destination.write_bytes(BODY[:-1] + b"?")
    with FileServer(BODY) as server:
        get([server.url], destination)
    assert destination.read_bytes() == BODY


def test_the_difference_names_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(BODY)
    assert mismatch(path, len(BODY), MD5) is None
    assert mismatch(path, 7, None) == "expected 7 bytes, found 300,000"
    assert mismatch(path, None, "md5:0") == f"expected md5 0, found {MD5[4:]}"


def test_retries_back_off(monkeypatch: pytest.MonkeyPatch, destination: Path) -> None:
    waits: list[float] = []
    monkeypatch.setattr(fetching, "RETRIES", fetching.RETRIES.new(backoff_factor=1))
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waits.append)
    with FileServer(BODY, [reply(500), reply(503), reply(429), reply(502)]) as server:
        get([server.url], destination)
    assert destination.read_bytes() == BODY
    assert waits == [2, 4, 8], "after a first attempt without a pause"


def test_retries_end_and_the_next_mirror_is_tried(destination: Path) -> None:
    with FileServer(b"", repeat(reply(500))) as broken, FileServer(BODY) as good:
        get([broken.url, good.url], destination)
        assert len(broken.served) == 6
    assert destination.read_bytes() == BODY


def test_every_mirror_is_named_when_all_fail(destination: Path) -> None:
    with FileServer(b"", [reply(404)]) as first, FileServer(b"", [reply(403)]) as second:
        with pytest.raises(CracksError) as error:
            get([first.url, second.url, "nowhere"], destination)
        assert len(first.served) == len(second.served) == 1, "what retries cannot mend"
    assert str(error.value) == (
        "Could not fetch the images: 127.0.0.1 answered 404 Not Found; 127.0.0.1 answered 403 "
        "Forbidden; 'nowhere' is not a valid URL; do this."
    )


def test_a_dropped_connection_is_resumed(destination: Path) -> None:
    with FileServer(BODY, [cut(HALF)]) as server:
        get([server.url], destination)
        assert [served.status for served in server.served] == [200, 206]
        assert server.served[1].range == f"bytes={HALF}-"
        assert server.served[1].if_range == '"one"'
        assert server.sent == len(BODY)
    assert destination.read_bytes() == BODY


def test_the_next_run_resumes_what_the_last_one_left(destination: Path) -> None:
    with FileServer(BODY, [cut(HALF), reply(404)]) as server:
        with pytest.raises(CracksError, match="answered 404"):
            get([server.url], destination)
        assert not destination.exists()
        get([server.url], destination)
        assert server.sent == len(BODY)
    assert destination.read_bytes() == BODY


@pytest.mark.parametrize(("moment", "requests"), [("_mirror_error", 2), ("mismatch", 1)])
def test_an_interrupted_run_is_resumed(
    destination: Path, monkeypatch: pytest.MonkeyPatch, moment: str, requests: int
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with FileServer(BODY, [cut(HALF)] * (requests - 1)) as server:
        with monkeypatch.context() as patch:
            patch.setattr(fetching, moment, interrupt)
            with pytest.raises(KeyboardInterrupt):
                get([server.url], destination)
        assert not destination.exists()
        get([server.url], destination)
        assert server.sent == len(BODY)
        assert len(server.served) == requests
    assert destination.read_bytes() == BODY


@pytest.mark.parametrize("etag", [None, 'W/"one"', "one"])
def test_without_a_strong_etag_the_download_restarts(destination: Path, etag: str | None) -> None:
    with FileServer(BODY[::-1], [cut(HALF, etag or ""), reply(404)], etag=etag) as server:
        with pytest.raises(CracksError):
            get([server.url], destination, checksum=None)
        get([server.url], destination, checksum=None)
        assert server.served[-1].range is None
    assert destination.read_bytes() == BODY[::-1], "no mixture"


def test_a_file_that_changed_meanwhile_is_not_mixed(destination: Path) -> None:
    with FileServer(BODY[::-1], [cut(HALF), reply(404)], etag='"two"') as server:
        with pytest.raises(CracksError):
            get([server.url], destination, checksum=None)
        get([server.url], destination, checksum=None)
    assert destination.read_bytes() == BODY[::-1]


def test_a_part_of_one_mirror_is_not_continued_from_another(destination: Path) -> None:
    with FileServer(b"", [cut(HALF), reply(404)]) as first, FileServer(BODY[::-1]) as second:
        get([first.url, second.url], destination, checksum=None)
        assert second.served[0].range is None
    assert destination.read_bytes() == BODY[::-1]


PROGRAM = """
import sys
from pathlib import Path
from cracks.runtime.fetch import fetch
print("!", flush=True)  # ready
sys.stdin.read()
fetch([sys.argv[1]], Path(sys.argv[2]), what="the images", checksum=sys.argv[3])
"""


def test_processes_that_fetch_the_same_file_share_one_download(destination: Path) -> None:
    with FileServer(BODY, [cut(HALF)]) as server, ExitStack() as stack:
        command = [sys.executable, "-c", PROGRAM, server.url, str(destination), SHA256]
        processes = [
            stack.enter_context(subprocess.Popen(command, stdin=PIPE, stdout=PIPE))
            for _ in range(3)
        ]
        for process in processes:
            assert process.stdout
            assert process.stdout.read(1) == b"!"
        for process in processes:
            assert process.stdin
            process.stdin.close()  # all begin at once
        assert [process.wait() for process in processes] == [0, 0, 0]
        assert server.sent == len(BODY)
    assert destination.read_bytes() == BODY
    assert leftovers() == []
