"""Zip archives written field by field, so that each field may be wrong."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """One file; what is not said is as it should be."""

    name: bytes
    data: bytes = b"x"  # as it is in the archive: compressed, if there is a method
    method: int = 0
    flags: int = 0
    version: int = 20
    size: int | None = None  # uncompressed
    packed: int | None = None
    checksum: int | None = None
    offset: int | None = None
    extra: bytes = b""
    magic: bytes = b"PK\x01\x02"
    local_magic: bytes = b"PK\x03\x04"
    local_name: bytes | None = None
    same_data_as_before: bool = False  # the local header is that of the member before


@dataclass(frozen=True)
class End:
    """The record at the end of the archive."""

    magic: bytes = b"PK\x05\x06"
    disk: int = 0
    count: int | None = None
    size: int | None = None
    offset: int | None = None
    comment: int = 0  # length as stated
    before: bytes = b""  # zip64 records, for instance


def deflated(name: bytes, content: bytes, **wrong: object) -> Member:
    """A member that is compressed; any field may still be replaced."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    fields = {
        "data": packer.compress(content) + packer.flush(),
        "method": 8,
        "size": len(content),
        "checksum": zlib.crc32(content),
    }
    return Member(name, **(fields | wrong))  # type: ignore[arg-type]


def zip_of(members: Sequence[Member], end: End | None = None) -> bytes:
    """The bytes of an archive."""
    end = end or End()
    body, directory, offset = b"", b"", 0
    for member in members:
        fields = struct.pack(
            "<HHHHIII",
            member.flags,
            member.method,
            0,
            33,
            zlib.crc32(member.data) if member.checksum is None else member.checksum,
            len(member.data) if member.packed is None else member.packed,
            len(member.data) if member.size is None else member.size,
        )
        local_name = member.name if member.local_name is None else member.local_name
        if not member.same_data_as_before:
            offset = len(body)
            body += member.local_magic + struct.pack("<H", member.version) + fields
            body += struct.pack("<HH", len(local_name), 0) + local_name + member.data
        directory += member.magic + struct.pack("<HH", 20, member.version) + fields
        directory += struct.pack("<HHHHHI", len(member.name), len(member.extra), 0, 0, 0, 0)
        directory += struct.pack("<I", offset if member.offset is None else member.offset)
        directory += member.name + member.extra
    count = len(members) if end.count is None else end.count
    size = len(directory) if end.size is None else end.size
    start = len(body) if end.offset is None else end.offset
    tail = struct.pack("<HHHHIIH", end.disk, end.disk, count, count, size, start, end.comment)
    return body + directory + end.before + end.magic + tail
