"""Fetch a file over HTTP: resumed, retried, verified, and in its place only when it is right.

What arrives is kept in the cache until it is whole, one partial file an address, so that a dropped
connection or a killed run goes on where it was. It is resumed only where the server's validator
(ETag, Last-Modified) or a checksum makes sure that both halves are of the same file.
"""

import hashlib
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from time import sleep
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import MaxRetryError, ReadTimeoutError

from cracks.pipeline.cache_folder import cache_folder
from cracks.pipeline.errors import CracksError
from cracks.pipeline.outputs import replacing
from cracks.pipeline.progress import progress

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 30.0  # seconds without a byte after which a connection counts as dead
ATTEMPTS = 4  # at one address, in a row, without a new byte
BACK_OFF = 1.0  # seconds before the second attempt; doubled before each further one

_CHUNK = 1 << 14  # bytes: what a dropped connection may lose
_WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}


class _AddressError(Exception):
    """This address does not give the file; another may."""

    unreachable = False


class _PassingError(_AddressError):
    """It did not give it now, but may when asked again."""


class _UnreachableError(_PassingError):
    unreachable = True


def fetch(
    urls: Sequence[str],
    destination: Path,
    *,
    what: str,
    size: int | None = None,
    checksum: str | None = None,
    hint: str = "run again when the network is back",
) -> Path:
    """Fetch a file from the first of `urls` that gives the right one.

    A file that is at `destination` already and fits is used without network.

    Args:
        urls: addresses of the same file, tried in order.
        destination: where the file is in the end; nothing is there before it is verified.
        what: what the file is, for the progress bar and for errors.
        size: bytes, if known.
        checksum: `sha256:…` or `md5:…` in hexadecimal, if known.
        hint: what the user can do if no address gives the file, for the error.

    Returns:
        `destination`.

    Raises:
        CracksError: if no address gives a file of this size and checksum.
    """
    if destination.is_file() and not mismatch(destination, size, checksum):
        return destination
    failures: list[tuple[str, _AddressError]] = []
    for url in urls:
        part = _part_of(url)
        try:
            _download(url, part, what, size, may_resume_blindly=checksum is not None)
            _verify(part, size, checksum)
        except _AddressError as error:
            failures.append((_host(url), error))
            continue
        with replacing(destination) as temporary:
            shutil.move(part, temporary)
        for tried in urls:
            _forget(_part_of(tried))
        return destination
    raise CracksError(_explained(what, failures, hint))


def mismatch(path: Path, size: int | None, checksum: str | None) -> str | None:
    """What is wrong with a file, as `expected …, found …`; None if it fits.

    Args:
        path: the file.
        size: bytes, or None to take any.
        checksum: `sha256:…` or `md5:…` in hexadecimal, or None to take any.
    """
    found_size = path.stat().st_size
    if size is not None and found_size != size:
        return f"expected {size:,} bytes, found {found_size:,}"
    if checksum is None:
        return None
    algorithm, _, expected = checksum.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found == expected.lower():
        return None
    return f"expected {algorithm} {expected}, found {found}"


def _part_of(url: str) -> Path:
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    return cache_folder("downloads") / f"{name}.part"


def _validator_of(part: Path) -> Path:
    return part.with_suffix(".validator")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _validator_of(part).unlink(missing_ok=True)


def _verify(part: Path, size: int | None, checksum: str | None) -> None:
    wrong = mismatch(part, size, checksum)
    if wrong:
        _forget(part)
        raise _AddressError(f"sent another file ({wrong})")


def _download(
    url: str, part: Path, what: str, size: int | None, *, may_resume_blindly: bool
) -> None:
    """Bring the file at `url` into `part`, over as many connections as it takes.

    Raises:
        _AddressError: if it cannot be had, or `ATTEMPTS` in a row brought nothing new.
    """
    if not _validator_of(part).exists() and not may_resume_blindly:
        _forget(part)
    furthest = _length(part)
    attempts = 0
    while size is None or _length(part) != size:
        try:
            return _receive(url, part, what, size)
        except _PassingError as error:
            attempts = 1 if _length(part) > furthest else attempts + 1
            furthest = max(furthest, _length(part))
            if attempts >= ATTEMPTS:
                raise
            pause = BACK_OFF * 2 ** (attempts - 1)
            print(f"{_host(url)} {error}; trying again in {pause:.0f} s", file=sys.stderr)
            sleep(pause)
    return None


def _receive(url: str, part: Path, what: str, size: int | None) -> None:
    """One request, for what `part` lacks."""
    try:
        with requests.get(
            url,
            headers=_headers(part),
            stream=True,
            timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
        ) as response:
            _check_status(response, part)
            start = _start(response, part)
            total = _total(response, start)
            if size is not None and total not in (None, size):
                _forget(part)
                raise _AddressError(f"has another file (expected {size:,} bytes, found {total:,})")
            _append(response, part, start, total or size, what)
    except requests.RequestException as error:
        raise _translated(error) from None
    if size is not None and _length(part) < size:
        raise _PassingError(f"sent {_length(part):,} of {size:,} bytes")


def _headers(part: Path) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity"}  # ranges and sizes count the bytes of the file
    if _length(part):
        headers["Range"] = f"bytes={_length(part)}-"
        validator = _validator_of(part)
        if validator.exists():
            headers["If-Range"] = validator.read_text(encoding="latin-1")
    return headers


def _check_status(response: requests.Response, part: Path) -> None:
    status = response.status_code
    if status == 416:  # the file there is shorter than what we have: not the same one
        _forget(part)
        raise _PassingError("has a shorter file than before")
    if not response.ok:
        kind = _PassingError if status in _WORTH_RETRYING else _AddressError
        raise kind(f"answered {status} {response.reason}")


def _start(response: requests.Response, part: Path) -> int:
    """The offset in `part` at which the body belongs; 0 if the server sends all of it again."""
    if response.status_code != 206:
        return 0
    given = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if not given or int(given[1]) != _length(part):
        _forget(part)
        raise _PassingError("sent another range than asked for")
    return int(given[1])


def _total(response: requests.Response, start: int) -> int | None:
    """Bytes of the whole file as the server says, or None if it does not say."""
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() else None


def _append(
    response: requests.Response, part: Path, start: int, total: int | None, what: str
) -> None:
    if not start:
        _keep_validator(response, part)
    with (
        part.open("ab" if start else "wb") as file,
        progress(total=total, initial=start, desc=what, unit="B", unit_scale=True) as bar,
    ):
        for chunk in response.iter_content(_CHUNK):
            file.write(chunk)
            bar.update(len(chunk))
            if total is not None and file.tell() > total:  # an endless answer
                file.truncate(0)
                raise _AddressError(f"sent more than the expected {total:,} bytes")


def _keep_validator(response: requests.Response, part: Path) -> None:
    """Note what the server calls this version of the file; a weak ETag is no proof of bytes."""
    etag = response.headers.get("ETag", "W/")
    validator = response.headers.get("Last-Modified") if etag.startswith("W/") else etag
    _forget(part)
    if validator:
        _validator_of(part).write_text(validator, encoding="latin-1")


def _translated(error: requests.RequestException) -> _AddressError:
    """The error of the HTTP library in words for people."""
    cause = error.args[0] if error.args else None
    if isinstance(error, requests.Timeout) or isinstance(cause, ReadTimeoutError):
        if isinstance(error, requests.ConnectTimeout):
            return _UnreachableError(f"did not answer within {CONNECT_TIMEOUT:.0f} s")
        return _PassingError(f"sent nothing for {READ_TIMEOUT:.0f} s")
    if isinstance(cause, MaxRetryError):
        return _UnreachableError("cannot be reached")
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        return _PassingError("closed the connection too early")
    return _AddressError(f"is no address to fetch from ({error})")


def _explained(what: str, failures: list[tuple[str, _AddressError]], hint: str) -> str:
    if all(error.unreachable for _, error in failures):
        hosts = " nor ".join(host for host, _ in failures)
        return f"No network to fetch {what}: could not reach {hosts}; {hint}."
    reasons = "; ".join(f"{host} {error}" for host, error in failures)
    return f"Could not fetch {what}: {reasons}; {hint}."


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
