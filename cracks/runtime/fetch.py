"""Download a file over HTTP: retried, resumed, verified, moved into place when it is complete.

A partial download stays in the cache folder. It is resumed only if the server names the version of
the file by a strong ETag, so that the parts of two versions are never mixed.
"""

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Sequence
from http.client import responses as status_phrases
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from filelock import FileLock
from requests import exceptions
from urllib3.exceptions import HTTPError, LocationValueError, MaxRetryError, ReadTimeoutError
from urllib3.util import Retry

from cracks.project.errors import CracksError
from cracks.project.outputs import replacing
from cracks.runtime.cache_folder import cache_folder
from cracks.runtime.progress import progress

TIMEOUT = (10.0, 30.0)  # seconds: to connect, without a byte
RETRIES = Retry(total=5, backoff_factor=1, status_forcelist=[408, 425, 429, 500, 502, 503, 504])
MAX_SIZE = 1 << 33  # bytes, of a file whose size neither the caller nor the server states


class _MirrorError(Exception):
    """This URL does not serve the file; another one may."""


class _WrongFileError(_MirrorError):
    """This URL serves another file."""


class _TransientError(_MirrorError):
    """The same request may succeed later."""


def fetch(
    urls: Sequence[str],
    destination: Path,
    *,
    what: str,
    size: int | None = None,
    checksum: str | None = None,
    hint: str = "run again when the network is back",
) -> Path:
    """Download a file from the first of `urls` that serves the right one.

    A file at `destination` that matches is used without network. Processes that fetch the same
    destination wait for each other.

    Args:
        urls: mirrors of the same file, tried in order.
        destination: path of the file; it is written only after verification.
        what: what the file is, for the progress bar and for errors.
        size: in bytes, if known.
        checksum: `sha256:…` or `md5:…` in hexadecimal, if known.
        hint: what the user can do if all mirrors fail, for the error.

    Returns:
        `destination`.

    Raises:
        CracksError: if no mirror serves a file of this size and checksum.
    """
    key = hashlib.sha256(os.fsencode(destination.absolute())).hexdigest()[:16]
    part = cache_folder("downloads") / f"{key}.part"
    failures: list[str] = []
    with FileLock(part.with_suffix(".lock")):
        if destination.is_file() and not mismatch(destination, size, checksum):
            return destination
        for url in urls:
            try:
                _download(url, part, what, size)
                if difference := mismatch(part, size, checksum):
                    raise _WrongFileError(f"sent another file ({difference})")
            except _MirrorError as error:
                failures.append(f"{_host(url) or repr(url)} {error}")
                if isinstance(error, _WrongFileError):
                    _discard(part)
            else:
                with replacing(destination) as temporary:
                    shutil.move(part, temporary)
                _discard(part)
                return destination
    raise CracksError(f"Could not fetch {what}: {'; '.join(failures)}; {hint}.")


def mismatch(path: Path, size: int | None, checksum: str | None) -> str | None:
    """How a file differs from what is expected, as `expected …, found …`; None if it matches.

    Args:
        path: the file.
        size: in bytes, or None to accept any.
        checksum: `sha256:…` or `md5:…` in hexadecimal, or None to accept any.
    """
    found_size = path.stat().st_size
    if size is not None and found_size != size:
        return f"expected {size:,} bytes, found {found_size:,}"
    if checksum is None:
        return None
    algorithm, _, expected = checksum.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    return None if found == expected.lower() else f"expected {algorithm} {expected}, found {found}"


def _download(url: str, part: Path, what: str, size: int | None) -> None:
    """Complete `part` from `url`, over several connections if it takes them."""
    if not _host(url):
        raise _MirrorError("is not a valid URL")
    if not _saved_etag(part, url):
        _discard(part)
    retries = RETRIES
    while size is None or _length(part) != size:
        try:
            return _receive(url, part, what, size)
        except _TransientError as error:
            try:
                retries = retries.increment(error=error)
            except MaxRetryError:
                raise error from None
            print(f"{_host(url)} {error}; trying again.", file=sys.stderr)
            retries.sleep()
    return None


def _receive(url: str, part: Path, what: str, size: int | None) -> None:
    """Request the rest of `part` once, and append it."""
    etag = _saved_etag(part, url)
    headers = {"Accept-Encoding": "identity"}  # ranges and sizes count the bytes of the file
    if etag and (offset := _length(part)):
        headers |= {"Range": f"bytes={offset}-", "If-Range": etag}
    try:
        with requests.get(
            url, headers=headers, stream=True, timeout=TIMEOUT, hooks={"response": _close_redirect}
        ) as reply:
            _check_headers(reply)
            if reply.status_code == 200:
                _discard(part)
                new_etag = reply.headers.get("ETag", "")
                part.with_suffix(".etag").write_text(f"{url}\n{new_etag}", encoding="utf-8")
            elif not _continues(reply, _length(part), etag):
                _discard(part)
                raise _TransientError(f"answered {reply.status_code} with another range")
            _append(reply, part, what, size)
    except (exceptions.RequestException, HTTPError, ValueError) as error:
        raise _mirror_error(error) from None


def _close_redirect(reply: requests.Response, **_: Any) -> None:
    """Keep requests from reading the body of a redirect, which may be endless."""
    if reply.is_redirect:
        reply.close()


def _check_headers(reply: requests.Response) -> None:
    """Refuse a response that is neither a file nor an answer to a range request."""
    status = reply.status_code
    if status == 416:  # about the range, whatever page comes with it
        return
    if status not in {200, 206}:
        kind = _TransientError if RETRIES.is_retry("GET", status) else _MirrorError
        raise kind(f"answered {status} {status_phrases.get(status, '')}".rstrip())
    if reply.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise _MirrorError("sent a web page instead of the file")
    if reply.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _MirrorError("sent a compressed file, which was not asked for")


def _continues(reply: requests.Response, offset: int, etag: str) -> bool:
    """Whether the body is the rest, from `offset` on, of the version `etag`."""
    total = offset + (reply.raw.length_remaining or 0)
    content_range = f"bytes {offset}-{total - 1}/{total}"
    found = (reply.status_code, reply.headers.get("Content-Range"), reply.headers.get("ETag"))
    return found == (206, content_range, etag)


def _append(reply: requests.Response, part: Path, what: str, size: int | None) -> None:
    start, remaining = _length(part), reply.raw.length_remaining
    total = size if remaining is None else start + remaining
    if size is not None and total != size:
        raise _WrongFileError(f"has another file (expected {size:,} bytes, found {total:,})")
    limit = MAX_SIZE if size is None else size
    with (
        part.open("ab") as file,
        progress(total=total, initial=start, desc=what, unit="B", unit_scale=True) as bar,
    ):
        for chunk in reply.iter_content(1 << 14):
            if file.tell() + len(chunk) > limit:
                raise _WrongFileError(f"sent more than {limit:,} bytes")
            file.write(chunk)
            bar.update(len(chunk))
    if total is not None and _length(part) < total:
        raise _TransientError(f"sent {_length(part):,} of {total:,} bytes")


def _mirror_error(error: Exception) -> _MirrorError:
    """Describe an error of requests or urllib3."""
    cause = error.args[0] if error.args else None
    if isinstance(error, exceptions.SSLError):
        return _MirrorError(f"has no valid TLS connection ({getattr(cause, 'reason', cause)})")
    if isinstance(cause, MaxRetryError):
        through = " through the proxy" if isinstance(error, exceptions.ProxyError) else ""
        return _TransientError(f"cannot be reached{through}")
    if isinstance(cause, ReadTimeoutError):
        return _TransientError(f"sent nothing for {TIMEOUT[1]:.0f} s")
    if isinstance(error, exceptions.TooManyRedirects):
        return _MirrorError("redirects too many times")
    if isinstance(error, (exceptions.InvalidURL, exceptions.InvalidSchema, LocationValueError)):
        return _MirrorError("leads to an invalid URL")
    return _TransientError("sent an incomplete or malformed response")


def _saved_etag(part: Path, url: str) -> str:
    """The strong ETag of the version in `part`; empty if it has none or is not from `url`."""
    note = part.with_suffix(".etag")
    text = note.read_text(encoding="utf-8", errors="replace") if note.is_file() else ""
    match = re.fullmatch(re.escape(url) + r'\n("[!#-~]+")', text)
    return match[1] if match else ""


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    part.with_suffix(".etag").unlink(missing_ok=True)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _host(url: str) -> str | None:
    """The host of an HTTP or HTTPS URL, None if it is not valid."""
    try:
        requests.Session().get_adapter(requests.Request("GET", url).prepare().url or "")
        return urlsplit(url).hostname
    except ValueError:
        return None
