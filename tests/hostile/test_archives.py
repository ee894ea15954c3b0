"""Bad archives: each ends in one sentence that names it, and stays where it is.

To add a case, add a line to `CASES`: a name, the archive's bytes, and words of the sentence.
"""

import io
import lzma
import os
import re
import struct
import subprocess
import sys
import tarfile
import zlib
from bz2 import compress as bzip2
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cracks.dataset.audit import audit_archive
from cracks.images.archive import open_archive
from cracks.project.errors import CracksError
from cracks.project.params import Archive, AuditLimits
from cracks.runtime import fetch as fetching
from cracks.runtime.cache_folder import cache_folder
from cracks.sources.archive import archive_images
from cracks.sources.zip_files import archive_members
from tests.support.http_server import FileServer, reply
from tests.support.project import ROOT
from tests.support.zips import End, Member, deflated, zip_of

pytestmark = pytest.mark.timeout(60)  # a hang is a failure

PATH = "some archive.zip"
PAIR = [Member(b"negative/1.jpg", b"no" * 90), Member(b"positive/1.jpg", b"yes" * 90)]
WHOLE = zip_of(PAIR)
TEXT = b"concrete, cracked and sound " * 200
LZMA = [{"id": lzma.FILTER_LZMA1}]


def beside(*members: Member, end: End | None = None) -> bytes:
    """An archive of two good members and some others."""
    return zip_of([*PAIR, *members], end)


def named(name: bytes | str) -> bytes:
    """An archive with one more member of a bad name."""
    if isinstance(name, bytes):
        return beside(Member(name))
    return beside(Member(name.encode(), flags=0x800))  # the name is UTF-8


def tar_file() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("positive/1.jpg"))
    return buffer.getvalue()


DISKS = b"PK\x06\x06" + bytes(52) + b"PK\x06\x07" + struct.pack("<IQI", 1, 0, 9)
ACCENTS = [Member(f"positive/{a}.jpg".encode(), flags=0x800) for a in ("ä", "a\u0308")]
ENORMOUS = b"\1\0\x08\0" + b"\xff" * 8  # a size of zip64
BAD = b"positive/2.jpg"
OVERLAPPING = [deflated(BAD, TEXT, size=10**8, same_data_as_before=n > 0) for n in range(20)]
NO_ZIP = f"Expected a zip archive at .*{PATH}, found something else or a part of one"
DAMAGED = f"Could not read 'positive/2.jpg' from .*{PATH} .* damaged or changed while it was read"
EITHER = f"{NO_ZIP}|{DAMAGED}"
ENCRYPTED = f"'positive/2.jpg' from .*{PATH}: it is encrypted; pack the archive again without"
METHOD = f"'positive/2.jpg' from .*{PATH}: it is compressed by method"
LARGE = "bytes are more than the 1,000,000,000 allowed"
UNPACKED = f"{PATH}, found one whose members would have .* over 100 times its own size"
NAME = f"without control characters in .*{PATH}, found"
OUTSIDE = "which points out of it"
CLASSES = f"Expected images in two class folders .* in .*{PATH}, found"
TWICE = f"Expected one file of each name in .*{PATH}, found two of"

CASES: list[tuple[str, bytes, str]] = [
    # no zip archive
    ("empty", b"", NO_ZIP),
    ("text", b"no archive at all", NO_ZIP),
    ("NULs", bytes(5000), NO_ZIP),
    ("a web page", b"<!doctype html><title>404</title>" * 9, NO_ZIP),
    ("gzip", b"\x1f\x8b\x08" + bytes(40), NO_ZIP),
    ("7z", b"7z\xbc\xaf\x27\x1c" + bytes(40), NO_ZIP),
    ("RAR", b"Rar!\x1a\x07\x01\x00" + bytes(40), NO_ZIP),
    ("tar", tar_file(), NO_ZIP),
    ("only the mark of a member", b"PK\x03\x04", NO_ZIP),
    ("only the mark of the end", b"PK\x05\x06", NO_ZIP),
    # cut short
    *((f"cut after {n} %", WHOLE[: len(WHOLE) * n // 100], NO_ZIP) for n in (1, 10, 50, 90)),
    ("cut by a byte", WHOLE[:-1], NO_ZIP),
    ("without its beginning", WHOLE[60:], f"{NO_ZIP}|Could not read 'negative/1.jpg'"),
    # a damaged directory
    ("a directory of another mark", beside(Member(BAD, magic=b"PK\0\0")), NO_ZIP),
    ("a directory that is too long", beside(end=End(size=5000)), NO_ZIP),
    ("a directory of 4 GB", beside(end=End(size=2**32 - 2)), NO_ZIP),
    ("a directory that is cut", beside(end=End(size=60)), f"{CLASSES} positive"),
    (
        "a directory beyond the end",
        beside(end=End(offset=2**31)),
        "Could not read 'negative/1.jpg'",
    ),
    ("a version of the future", beside(Member(BAD, version=99)), NO_ZIP),
    ("a name that is not UTF-8", beside(Member(b"positive/\xe4.jpg", flags=0x800)), NO_ZIP),
    ("an extra field that is cut", beside(Member(BAD, extra=b"\1\0\xff\0x")), NO_ZIP),
    ("a zip64 field that is cut", beside(Member(BAD, size=2**32 - 1, extra=b"\1\0\2\0xx")), NO_ZIP),
    ("a zip64 field that is void", beside(Member(BAD, size=2**32 - 1, extra=b"\1\0\0\0")), NO_ZIP),
    ("a zip64 end of nothing", beside(end=End(before=b"PK\x06\x07" + bytes(16))), EITHER),
    ("an archive of several disks", beside(end=End(before=DISKS)), NO_ZIP),
    # damaged members
    ("a member of another mark", beside(Member(BAD, local_magic=b"PK\0\0")), DAMAGED),
    ("a member of another name", beside(Member(BAD, local_name=b"positive/3.jpg")), DAMAGED),
    ("a member beyond the end", beside(Member(BAD, offset=2**31)), DAMAGED),
    ("a member at the very end", beside(Member(BAD, offset=650)), DAMAGED),
    ("a wrong checksum", beside(Member(BAD, checksum=1)), DAMAGED),
    ("more than there is", beside(Member(BAD, size=5000, packed=5000)), DAMAGED),
    ("less than there is", beside(Member(BAD, b"xyz", size=2)), DAMAGED),
    ("longer than stored", beside(Member(BAD, b"xyz", size=9)), DAMAGED),
    ("another deflate stream", beside(deflated(BAD, TEXT, data=b"\xff" * 60)), DAMAGED),
    ("NULs for a deflate stream", beside(deflated(BAD, TEXT, data=bytes(60))), DAMAGED),
    ("no deflate stream", beside(deflated(BAD, TEXT, data=b"")), DAMAGED),
    ("a deflate stream that is cut", beside(deflated(BAD, TEXT, packed=20)), DAMAGED),
    ("less than the stream has", beside(deflated(BAD, TEXT, size=100)), DAMAGED),
    ("more than the stream has", beside(deflated(BAD, TEXT, size=len(TEXT) + 1)), DAMAGED),
    ("a deflated member of a wrong checksum", beside(deflated(BAD, TEXT, checksum=1)), DAMAGED),
    ("a patch", beside(Member(BAD, flags=0x20)), DAMAGED),
    # encrypted, or compressed in a rare way
    ("encrypted", beside(Member(BAD, b"x" * 30, flags=1)), ENCRYPTED),
    ("strongly encrypted", beside(Member(BAD, flags=0x41)), ENCRYPTED),
    ("AES", beside(Member(BAD, flags=1, method=99, version=51)), ENCRYPTED),
    ("a wrong AES", beside(Member(BAD, method=99)), f"{METHOD} 99"),
    ("shrunk", beside(Member(BAD, method=1)), f"{METHOD} 1; pack the archive again"),
    ("imploded", beside(Member(BAD, method=6)), f"{METHOD} 6"),
    ("Deflate64", beside(Member(BAD, method=9)), f"{METHOD} 9"),
    ("bzip2", beside(Member(BAD, bzip2(TEXT), 12, size=len(TEXT))), f"{METHOD} 12"),
    ("damaged bzip2", beside(Member(BAD, b"xxxxxxxx", 12)), f"{METHOD} 12"),
    ("damaged LZMA", beside(Member(BAD, b"\t\4\5\0" + bytes(30), 14)), f"{METHOD} 14"),
    ("zstd", beside(Member(BAD, method=93)), f"{METHOD} 93"),
    ("XZ", beside(Member(BAD, lzma.compress(TEXT), 95)), f"{METHOD} 95"),
    ("PPMd", beside(Member(BAD, method=98)), f"{METHOD} 98"),
    ("a method of nobody", beside(Member(BAD, method=65_000)), f"{METHOD} 65000"),
    # too large
    ("a member of 900 MB", beside(deflated(BAD, TEXT, size=900_000_000)), DAMAGED),
    ("a member of 3 GB", beside(deflated(BAD, TEXT, size=3_000_000_000)), UNPACKED),
    ("a zip64 member", beside(Member(BAD, size=2**32 - 1, extra=ENORMOUS)), UNPACKED),
    ("many members of the same data", beside(*OVERLAPPING), UNPACKED),
    # names
    (
        "a carriage return",
        named("positive/2\r.jpg"),
        f"{NAME} 'positive/2\\\\r.jpg'; rename the file",
    ),
    ("a line feed", named("positive/2\n.jpg"), NAME),
    ("a tab", named("positive/\t2.jpg"), NAME),
    ("a NUL", named("positive/2.jpg\0.exe"), NAME),
    ("a bell", named(b"positive/\x072.jpg"), NAME),
    ("an escape sequence", named("positive/\x1b[2J.jpg"), NAME),
    ("a delete", named("positive/\x7f.jpg"), NAME),
    ("a next line", named("positive/\x85.jpg"), NAME),
    ("a line separator", named("positive/\u2028.jpg"), NAME),
    ("a name from right to left", named("positive/\u202egpj.exe.jpg"), NAME),
    ("a control character in a folder", named("pos\nitive/2.jpg"), NAME),
    ("no name", named(""), NAME),
    ("a NUL for a name", named("\0"), NAME),
    ("an absolute name", named("/etc/passwd.jpg"), OUTSIDE),
    ("a name above", named("../2.jpg"), OUTSIDE),
    ("a name above, within", named("positive/../../2.jpg"), OUTSIDE),
    ("a name above, for Windows", named("positive\\..\\..\\2.jpg"), OUTSIDE),
    ("a drive", named("C:/2.jpg"), OUTSIDE),
    ("a share", named("\\\\server\\share\\2.jpg"), OUTSIDE),
    ("a name twice", beside(Member(BAD), Member(BAD)), f"{TWICE} 'positive/2.jpg'"),
    ("accents in two ways", beside(*ACCENTS), "Expected one file of the name"),
    (
        "slashes in two ways",
        beside(Member(BAD), Member(b"positive\\2.jpg")),
        "Expected one file of the name",
    ),
    # classes
    ("no member", zip_of([]), f"{CLASSES} none"),
    ("only folders", zip_of([Member(b"a/"), Member(b"b\\")]), f"{CLASSES} none"),
    (
        "only junk",
        zip_of([Member(b"__MACOSX/a/._1.jpg"), Member(b"b/.DS_Store")]),
        f"{CLASSES} none",
    ),
    ("only text", zip_of([Member(b"a/1.txt"), Member(b"b/1.txt")]), f"{CLASSES} none"),
    ("only PostScript", zip_of([Member(b"a/1.eps"), Member(b"b/1.ps")]), f"{CLASSES} none"),
    ("no folder", zip_of([Member(b"1.jpg"), Member(b"2.jpg")]), f"{CLASSES} none"),
    ("one class", zip_of([Member(b"a/1.jpg")]), f"{CLASSES} a"),
    ("three classes", zip_of([*PAIR, Member(b"c/1.jpg")]), f"{CLASSES} c, negative, positive"),
    (
        "another class",
        zip_of([Member(b"a/1.jpg"), Member(b"b/1.jpg")]),
        "which are a, b, found 'positive'",
    ),
]


def one(error: BaseException) -> str:
    said = str(error)
    assert said.endswith(".")
    assert said.isprintable(), "one line, without control characters"
    return said


def write(folder: Path, data: bytes) -> Path:
    path = folder / PATH
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("data", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_it_is_one_sentence(data: bytes, words: str, tmp_path: Path) -> None:
    path = write(tmp_path, data)
    with pytest.raises(CracksError, match=words) as error:
        list(archive_members(path, "positive"))
    one(error.value)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == data


def test_names_of_cases_differ() -> None:
    assert len({name for name, _, _ in CASES}) == len(CASES)


def test_the_good_pair_is_read(tmp_path: Path) -> None:
    extra = [deflated(BAD, TEXT), Member(b"positive/Icon\r"), Member(b"empty/"), Member(b"b\\")]
    path = write(tmp_path, beside(*extra))
    members = dict(archive_members(path, "positive"))
    assert members["positive/2.jpg"] == TEXT
    assert list(members) == ["negative/1.jpg", "positive/1.jpg", "positive/2.jpg"]


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (Member(BAD, b"x" * 30, flags=1), ENCRYPTED),
        (Member(BAD, method=9), f"{METHOD} 9"),
        (deflated(BAD, TEXT, data=b"\xff" * 60), DAMAGED),
        (Member(BAD, b"x" * 1_000_001), "1,000,001 bytes are more than the 1,000,000 allowed"),
    ],
)
def test_the_audit_lists_a_member_that_cannot_be_read(
    member: Member, words: str, tmp_path: Path
) -> None:
    images = [Member(f"{label}/1.png".encode(), picture(label)) for label in ("no", "positive")]
    path = write(tmp_path, zip_of([*images, member]))
    found = audit_archive(
        path, "positive", AuditLimits(max_rejected=0.5, max_megapixels=1, max_file_mb=1)
    )
    assert found.rejected["name"].tolist() == ["positive/2.jpg"]
    (reason,) = found.rejected["reason"]
    assert re.search(words, reason)
    assert reason.isprintable()


def picture(seed: str) -> bytes:
    pixels = np.random.default_rng(list(seed.encode())).integers(0, 256, (40, 40, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


PLACES: list[tuple[str, Callable[[Path], object], str]] = [
    ("nothing", Path.absolute, "found none"),
    ("a folder", Path.mkdir, NO_ZIP),
    ("a pipe", os.mkfifo, NO_ZIP),
    ("a device", lambda path: path.symlink_to("/dev/zero"), NO_ZIP),
    ("a broken link", lambda path: path.symlink_to("nowhere"), "found none"),
    ("a link to itself", lambda path: path.symlink_to(path.name), NO_ZIP),
]


@pytest.mark.parametrize(("make", "words"), [p[1:] for p in PLACES], ids=[p[0] for p in PLACES])
def test_what_is_no_file_is_one_sentence(
    make: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    make(tmp_path / PATH)
    with pytest.raises(CracksError, match=words) as error:
        open_archive(tmp_path / PATH)
    one(error.value)


def test_a_name_that_no_system_takes_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CracksError, match="found something else"):
        open_archive(tmp_path / ("x" * 5000))


# --- a download that is damaged ---------------------------------------------------------

WRONG_DOWNLOADS = [
    "another deflate stream",
    "encrypted",
    "AES",
    "Deflate64",
    "zstd",
    "damaged LZMA",
    "a name that is not UTF-8",
    "a version of the future",
    "a wrong checksum",
    "a member of 3 GB",
]


@pytest.mark.parametrize("name", WRONG_DOWNLOADS)
def test_a_damaged_download_is_fetched_again(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fetching, "RETRIES", fetching.RETRIES.new(total=1, backoff_factor=0))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    data, words = next(case[1:] for case in CASES if case[0] == name)
    with FileServer(WHOLE, [reply(body=data)]) as server:
        section = Archive(file=None, urls=[server.url], size=None, sha256=None)
        with pytest.raises(CracksError) as error:
            list(archive_images(section, "positive"))
        assert "concrete.zip" in one(error.value)
        assert not list(cache_folder("downloads").glob("*.zip")), "it is not used again"
        assert len(list(archive_images(section, "positive"))) == 2, "the next run fetches it again"
    own = Archive(file=str(write(tmp_path, data)), urls=["x"], size=None, sha256=None)
    with pytest.raises(CracksError, match=words):
        list(archive_images(own, "positive"))
    assert (tmp_path / PATH).read_bytes() == data, "one's own file is never deleted"


# --- memory -----------------------------------------------------------------------------

_LIMITED = """
import resource, sys
from pathlib import Path
from cracks.project.errors import CracksError
from cracks.sources.zip_files import archive_members
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 150_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    print(sum(len(data) for _, data in archive_members(Path(sys.argv[1]), "positive")))
except CracksError as error:
    print(error)
"""


@cache
def zeros() -> bytes:
    """400 MB, deflated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = bytes(10_000_000)
    return b"".join(packer.compress(part) for _ in range(40)) + packer.flush()


BOMBS: list[tuple[str, Callable[[], Member], str]] = [
    ("beyond its size", lambda: Member(BAD, zeros(), 8, size=100), "damaged"),
    ("large", lambda: Member(BAD, zeros(), 8, size=400_000_000), "more memory than there is"),
    ("larger", lambda: Member(BAD, zeros(), 8, size=2_000_000_000), "times its own size"),
    ("bzip2", lambda: Member(BAD, bzip2(bytes(300_000_000)), 12, size=100), "method 12"),
    ("not there", lambda: Member(BAD, size=900_000_000, packed=900_000_000), "Could not read"),
]


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.parametrize(("member", "words"), [b[1:] for b in BOMBS], ids=[b[0] for b in BOMBS])
def test_memory_is_bounded(member: Callable[[], Member], words: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(write(tmp_path, beside(member())))],
        cwd=ROOT,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert words in done.stdout.splitlines()[-1]
