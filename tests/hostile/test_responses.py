"""Servers that fail, lie or break the protocol: a new case is a line in a table.

Whatever a server sends, the right file comes from the next mirror. Without a mirror there is one
sentence that names the host, and what was at the destination before is there after.
"""

import datetime as dt
import gzip
import hashlib
import ipaddress
import re
import ssl
import zlib
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cracks.project.errors import CracksError
from cracks.runtime import fetch as fetching
from cracks.runtime.cache_folder import cache_folder
from cracks.runtime.fetch import fetch
from tests.support.http_server import Answer, FileServer, reply

pytestmark = pytest.mark.timeout(60)  # a hang is a failure

BODY = hashlib.shake_256(b"an archive").digest(100_000)
SHA256 = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
HALF = 1 << 15
BEFORE = b"what was there before"
CLOSED = "http://127.0.0.1:9/"  # nothing listens at the port of the discard service

ANNOUNCED = f"Content-Length: {len(BODY)}"
CHUNKED = "Transfer-Encoding: chunked"
ETAG = 'ETag: "one"'
HTML = b"<html>Please log in</html>"
REST = f"Content-Range: bytes {HALF}-{len(BODY) - 1}/{len(BODY)}"
MALFORMED = "sent an incomplete or malformed response"
OTHER_FILE = "sent another file .expected sha256 .*, found"


def redirect(location: str, status: int = 302, repeat: bytes = b"") -> Answer:
    return reply(status, f"Location: {location}", repeat=repeat)


def raw(data: bytes, repeat: bytes = b"") -> Answer:
    return Answer(data, repeat)


# name: what the server answers to every request, what the sentence says
NEVER: dict[str, tuple[Answer, str]] = {
    "400": (reply(400), "answered 400 Bad Request"),
    "401": (reply(401, 'WWW-Authenticate: Basic realm="x"'), "answered 401 Unauthorized"),
    "403": (reply(403, body=HTML), "answered 403 Forbidden"),
    "404": (reply(404), "answered 404 Not Found"),
    "407": (reply(407), "answered 407"),
    "410": (reply(410), "answered 410 Gone"),
    "416 without a range": (reply(416), "answered 416"),
    "429 for a year": (reply(429, "Retry-After: 31536000"), "answered 429"),
    "451": (reply(451), "answered 451"),
    "500": (reply(500), "answered 500"),
    "500, endless": (reply(500, length=False, repeat=b"x" * 65536), "answered 500"),
    "503, malformed Retry-After": (reply(503, "Retry-After: soon"), "answered 503"),
    "999": (reply(999), "answered 999;"),
    "204": (reply(204), "answered 204 No Content"),
    "304": (reply(304), "answered 304 Not Modified"),
    "300 without Location": (reply(300), "answered 300"),
    "302 without Location": (reply(302), "answered 302 Found"),
    "101": (reply(101), "answered 101"),
    "status 99": (raw(b"HTTP/1.1 99 x\r\n\r\n"), MALFORMED),
    "status in words": (raw(b"HTTP/1.1 OK fine\r\n\r\n"), MALFORMED),
    "terminal codes as reason": (raw(b"HTTP/1.1 404 \x1b[31mred\r\n\r\n"), "404 Not Found"),
    "nothing": (raw(b""), MALFORMED),
    "reset": (Answer(b"", then="reset"), MALFORMED),
    "reset in the headers": (Answer(b"HTTP/1.1 200 OK\r\nETa", then="reset"), MALFORMED),
    "noise": (raw(bytes(range(256)) * 9), MALFORMED),
    "another protocol": (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), MALFORMED),
    "status line without end": (raw(b"HTTP/1.1 200 " + b"x" * 70_000), MALFORMED),
    "header without end": (raw(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000), MALFORMED),
    "endless headers": (raw(b"HTTP/1.1 200 OK\r\n", repeat=b"A: b\r\n"), MALFORMED),
    "headers without colon": (raw(b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\nx"), "sent 1 of 100,000"),
    "NUL in a header": (reply(200, "ETag: \0", body=b"x"), "found 1"),
    "stall before the headers": (Answer(b"", then="stall"), "sent nothing for"),
    "stall in the headers": (Answer(b"HTTP/1.1 200 OK\r\n", then="stall"), "sent nothing for"),
    "stall before the body": (reply(200, ANNOUNCED, then="stall"), "sent nothing for"),
    "stall in the body": (reply(200, ANNOUNCED, body=b"x", then="stall"), "sent nothing for"),
    "error page": (reply(200, "Content-Type: text/html", body=HTML), "sent a web page"),
    "error page, upper case": (reply(200, "Content-Type: TEXT/HTML;a", body=HTML), "a web page"),
    "error page, untyped": (reply(200, body=HTML), "expected 100,000 bytes, found 26"),
    "error page of the same size": (reply(200, body=HTML.ljust(len(BODY))), OTHER_FILE),
    "empty": (reply(200), "expected 100,000 bytes, found 0"),
    "one byte less": (reply(200, body=BODY[:-1]), "expected 100,000 bytes, found 99,999"),
    "one byte more": (reply(200, body=BODY + b"x"), "expected 100,000 bytes, found 100,001"),
    "one bit wrong": (reply(200, body=BODY[:-1] + bytes([BODY[-1] ^ 1])), OTHER_FILE),
    "body breaks off": (reply(200, ANNOUNCED, body=BODY[:HALF]), MALFORMED),
    "short body of unknown length": (reply(200, body=BODY[:9], length=False), "sent 9 of 100,000"),
    "body longer than announced": (reply(200, "Content-Length: 9", body=BODY), "found 9"),
    "endless body": (reply(200, length=False, repeat=BODY), "sent more than 100,000 bytes"),
    "endless chunks": (
        reply(200, CHUNKED, length=False, repeat=b"9\r\n123456789\r\n"),
        "sent more than 100,000 bytes",
    ),
    "chunk of negative size": (reply(200, CHUNKED, length=False, body=b"-9\r\nx"), MALFORMED),
    "chunk size in words": (reply(200, CHUNKED, length=False, body=b"many\r\nx\r\n"), MALFORMED),
    "chunk breaks off": (reply(200, CHUNKED, length=False, body=b"ffff\r\nx"), MALFORMED),
    "chunked in name only": (reply(200, CHUNKED, length=False, body=BODY), MALFORMED),
    "two lengths": (reply(200, ANNOUNCED, "Content-Length: 7", body=BODY), MALFORMED),
    "negative length": (reply(200, "Content-Length: -1", body=b"x"), "sent 1 of 100,000"),
    "length in words": (reply(200, "Content-Length: many", body=b"x"), "sent 1 of 100,000"),
    "length in superscript": (reply(200, "Content-Length: \xb2", body=b"x"), "sent 1 of 100,000"),
    "length of 5,000 digits": (reply(200, f"Content-Length: {'9' * 5000}"), "sent 0 of 100,000"),
    "gzip": (reply(200, "Content-Encoding: gzip", body=gzip.compress(BODY)), "a compressed file"),
    "gzip in name only": (reply(200, "Content-Encoding: gzip", body=BODY), "a compressed file"),
    "deflate bomb": (
        reply(200, "Content-Encoding: deflate", body=zlib.compress(bytes(1 << 24))),
        "a compressed file",
    ),
    "unknown encoding": (reply(200, "Content-Encoding: x", body=BODY), "a compressed file"),
    "gzip of the transfer": (
        reply(200, "Transfer-Encoding: gzip", body=gzip.compress(BODY)),
        "has another file",
    ),
    "part that was not asked for": (reply(206, REST, body=BODY[HALF:]), "answered 206 with"),
    "part without a range": (reply(206, body=BODY), "answered 206 with another range"),
    "redirect loop": (redirect("/concrete.zip"), "redirects too many times"),
    "redirect, endless body": (redirect("/", repeat=b"x" * 65536), "redirects too many times"),
    "redirect to a closed port": (redirect(CLOSED, 301), "cannot be reached"),
    "redirect to a file": (redirect("file:///etc/passwd"), "leads to an invalid URL"),
    "redirect to FTP": (redirect("ftp://127.0.0.1/a", 307), "leads to an invalid URL"),
    "redirect to data": (redirect("data:,x", 303), "leads to an invalid URL"),
    "redirect to no host": (redirect("http://", 308), "redirects too many times"),
    "redirect to half an address": (redirect("http://[::1/a"), MALFORMED),
    "redirect to a bad port": (redirect("http://127.0.0.1:99999/"), "leads to an invalid URL"),
    "redirect to a bad label": (redirect(f"http://{'a' * 64}.de/"), "leads to an invalid URL"),
    "redirect to bytes": (redirect("http://\xff\xfe/"), MALFORMED),
}

# name: what the server answers before it behaves well; each time the file must come out right
RECOVERS: dict[str, Sequence[Answer]] = {
    "500": [reply(500)],
    "429": [reply(429, "Retry-After: 31536000")],
    "408, then nothing": [reply(408), raw(b"")],
    "a reset": [Answer(b"", then="reset")],
    "a reset in the body": [reply(200, ANNOUNCED, ETAG, body=BODY[:9], then="reset")],
    "a stall": [reply(200, ANNOUNCED, ETAG, body=BODY[:HALF], then="stall")],
    "redirects": [redirect("/a b/\xc3\xbc", status) for status in (301, 302, 303, 307, 308)],
    "redirect with an endless body": [redirect("/", repeat=b"x")],
    "redirect with chunks": [reply(302, "Location: /", CHUNKED, length=False, body=b"many\r\n")],
    "a length that is none": [reply(200, "Content-Length: x", body=BODY)],
    "no length": [reply(200, ETAG, body=BODY, length=False)],
    "no length, never closed": [reply(200, ETAG, body=BODY, length=False, then="stall")],
    "chunks": [
        reply(200, CHUNKED, length=False, body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))
    ],
    "identity as an encoding": [reply(200, "Content-Encoding: Identity", body=BODY)],
    "HTTP/1.0": [raw(b"HTTP/1.0 200 OK\r\n\r\n" + BODY)],
    "bare line feeds": [raw(b"HTTP/1.1 200 OK\nX: y\n\n" + BODY)],
    "100 Continue": [raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + BODY)],
}

# name: what the server answers to the request for the second half, before it behaves well
RESUMES: dict[str, Answer] = {
    "the whole file for a range": reply(200, ETAG, body=BODY),
    "416": reply(416, "Content-Range: bytes */7"),
    "416 with a page": reply(416, "Content-Type: text/html", "Content-Encoding: gzip", body=HTML),
    "416 with the headers of a 206": reply(416, REST, ETAG, body=bytes(len(BODY) - HALF)),
    "another ETag": reply(206, REST, 'ETag: "two"', body=bytes(len(BODY) - HALF)),
    "a weak ETag": reply(206, REST, 'ETag: W/"one"', body=bytes(len(BODY) - HALF)),
    "no ETag": reply(206, REST, body=bytes(len(BODY) - HALF)),
    "no Content-Range": reply(206, ETAG, body=BODY[HALF:]),
    "a range of nonsense": reply(206, ETAG, "Content-Range: bytes x-y/z", body=BODY[HALF:]),
    "another unit": reply(206, ETAG, REST.replace("bytes", "lines"), body=BODY[HALF:]),
    "a range from the start": reply(206, ETAG, "Content-Range: bytes 0-99999/100000", body=BODY),
    "a range of another file": reply(
        206, ETAG, REST.replace("/100000", "/100001"), body=BODY[HALF:]
    ),
    "a range without its end": reply(
        206, ETAG, f"Content-Range: bytes {HALF}-{HALF + 8}/100000", body=BODY[HALF:][:9]
    ),
    "a range of unknown total": reply(206, ETAG, REST.replace("/100000", "/*"), body=BODY[HALF:]),
    "several ranges": reply(
        206, ETAG, "Content-Type: multipart/byteranges; boundary=x", body=b"--x\r\n"
    ),
    "a range that breaks off": reply(
        206, ETAG, REST, f"Content-Length: {len(BODY) - HALF}", body=BODY[HALF:][:HALF]
    ),
}

# what is no URL of a server
URLS = [
    "",
    " ",
    "nowhere",
    "/etc/passwd",
    "file:///etc/passwd",
    "ftp://127.0.0.1/concrete.zip",
    "mailto:somebody",
    "http://",
    "http:///concrete.zip",
    "http://[::1/concrete.zip",
    "http://127.0.0.1:port/",
    "http://127.0.0.1:99999/",
    "http://.example/",
    "http://*.example/",
    "http://a b/",
    "http://\0/",
    "http://\udcff/",
]

# what an earlier run or another program may have left in place of the partial file and its ETag
LEFT: dict[str, tuple[bytes, str]] = {
    "part without ETag": (BODY[:HALF], ""),
    "part of another file": (bytes(HALF), '{url}\n"two"'),
    "part of another mirror": (bytes(HALF), 'http://elsewhere/\n"one"'),
    "whole, without ETag": (bytes(len(BODY)), ""),
    "longer than the file": (BODY + b"more", '{url}\n"one"'),
    "empty": (b"", '{url}\n"one"'),
    "weak ETag": (bytes(HALF), '{url}\nW/"one"'),
    "two lines": (bytes(HALF), '{url}\n"one"\n"two"'),
    "ETag with control characters": (bytes(HALF), '{url}\n"\r\n\0"'),
    "ETag that is not UTF-8": (bytes(HALF), '{url}\n"\udcff"'),
}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "RETRIES", fetching.RETRIES.new(total=2, backoff_factor=0))
    monkeypatch.setattr(fetching, "TIMEOUT", (5, 0.2))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "concrete.zip"
    path.parent.mkdir()
    path.write_bytes(BEFORE)
    return path


def get(destination: Path, *urls: str, checksum: str | None = SHA256) -> None:
    fetch(urls, destination, what="images", size=len(BODY), checksum=checksum, hint="do this")


def sentence(destination: Path, *urls: str) -> str:
    """The one sentence of a download that fails and changes nothing."""
    with pytest.raises(CracksError) as error:
        get(destination, *urls)
    text = str(error.value)
    assert text.startswith("Could not fetch images: ")
    assert text.endswith("; do this.")
    assert text.isprintable()
    assert destination.read_bytes() == BEFORE
    assert list(destination.parent.iterdir()) == [destination]
    return text


@pytest.mark.parametrize("name", NEVER)
def test_a_server_without_the_file_is_one_sentence(name: str, destination: Path) -> None:
    answer, expected = NEVER[name]
    with FileServer(BODY, repeat(answer)) as server:
        text = sentence(destination, server.url)
    assert re.fullmatch(f"Could not fetch images: 127.0.0.1 .*{expected}.*", text)


@pytest.mark.parametrize("name", NEVER)
def test_the_next_mirror_gives_the_file(name: str, destination: Path) -> None:
    with FileServer(BODY, repeat(NEVER[name][0])) as bad, FileServer(BODY) as good:
        get(destination, bad.url, good.url)
    assert destination.read_bytes() == BODY
    assert leftovers() == []


@pytest.mark.parametrize("name", RECOVERS)
def test_a_server_that_recovers_gives_the_file(name: str, destination: Path) -> None:
    with FileServer(BODY, RECOVERS[name]) as server:
        get(destination, server.url, checksum=None)
    assert destination.read_bytes() == BODY
    assert leftovers() == []


@pytest.mark.parametrize("name", RESUMES)
def test_a_resumed_file_is_never_a_mixture(name: str, destination: Path) -> None:
    first = reply(200, ANNOUNCED, ETAG, body=BODY[:HALF])
    with FileServer(BODY, [first, RESUMES[name]]) as server:
        get(destination, server.url, checksum=None)
        assert server.served[1].range == f"bytes={HALF}-"
    assert destination.read_bytes() == BODY
    assert leftovers() == []


@pytest.mark.parametrize("url", URLS)
def test_an_invalid_url_is_named_and_the_next_mirror_used(url: str, destination: Path) -> None:
    assert f"{url!r} is not a valid URL" in sentence(destination, url)
    with FileServer(BODY) as good:
        get(destination, url, good.url)
    assert destination.read_bytes() == BODY


@pytest.mark.parametrize("name", LEFT)
def test_a_stale_partial_file_is_not_continued(name: str, destination: Path) -> None:
    with FileServer(BODY, [reply(200, ANNOUNCED, ETAG, body=BODY[:HALF]), reply(404)]) as server:
        with pytest.raises(CracksError):
            get(destination, server.url)
        content, etag = LEFT[name]
        (part,) = cache_folder("downloads").glob("*.part")
        part.write_bytes(content)
        note = etag.format(url=server.url).encode("utf-8", "surrogateescape")
        part.with_suffix(".etag").write_bytes(note)
        get(destination, server.url, checksum=None)
    assert destination.read_bytes() == BODY
    assert leftovers() == []


def test_a_file_of_unknown_size_is_bounded(
    destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MAX_SIZE", 1 << 20)
    with FileServer(BODY, [reply(200, length=False, repeat=BODY)]) as server:
        with pytest.raises(CracksError, match="sent more than 1,048,576 bytes"):
            fetch([server.url], destination.with_name("other"), what="images")
    assert list(destination.parent.iterdir()) == [destination]
    assert leftovers() == []


def test_tls_errors_are_called_tls(destination: Path, tmp_path: Path) -> None:
    with FileServer(BODY, tls=self_signed(tmp_path)) as unknown, FileServer(BODY) as plain:
        assert "127.0.0.1 has no valid TLS connection (" in sentence(destination, unknown.url)
        no_tls = plain.url.replace("http:", "https:")
        assert "127.0.0.1 has no valid TLS connection (" in sentence(destination, no_tls)
        get(destination, unknown.url, no_tls, plain.url)
    assert destination.read_bytes() == BODY


def test_a_proxy_that_cannot_be_reached_is_named(
    destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("http_proxy", CLOSED)
    url = "http://host.invalid/concrete.zip"
    assert "host.invalid cannot be reached through the proxy" in sentence(destination, url)


def leftovers() -> list[str]:
    return [path.name for path in cache_folder("downloads").iterdir() if path.suffix != ".lock"]


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate for 127.0.0.1 that no authority signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
