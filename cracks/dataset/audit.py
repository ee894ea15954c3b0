"""The audit of an archive: usable images, unusable files, and groups of copies."""

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from cracks.dataset.duplicates import Copies, Fingerprint, Turn, find_copies, fingerprint, groups_of
from cracks.images.archive import member_names, open_archive, read_member
from cracks.images.decoding import decode
from cracks.images.files import check_no_raw, points_outside
from cracks.project.errors import CracksError
from cracks.project.params import AuditLimits
from cracks.runtime.progress import progress
from cracks.runtime.workers import in_processes
from cracks.tables.labels import CLASSES, check_classes, label_of, part_and_class

COLUMNS = ["id", "label", "given", "width", "height", "sha256", "group"]

_CHUNK = 32  # members a worker takes at a time


class Member(NamedTuple):
    """One member of the archive; `reason` says why it cannot be used, "" if it can."""

    id: str
    reason: str = ""
    given: str = ""
    folder: str = ""  # of its class
    width: int = 0
    height: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Audit:
    """The usable images, the others with their reasons, and counts of everything."""

    images: pd.DataFrame  # COLUMNS, sorted by id
    rejected: pd.DataFrame  # name, reason
    counts: dict[str, int]


def audit_archive(
    path: Path, positive_class: str, limits: AuditLimits, called: str | None = None
) -> Audit:
    """Decode every member once; reject what cannot be used and group copies.

    Args:
        path: zip archive whose members are `[train|valid|test/]<class folder>/<name>`.
        positive_class: the class folder of the cracks; case does not matter.
        limits: the greatest share of unusable files, and the greatest size of an image.
        called: the name of the archive in errors; by default, its path.

    Raises:
        CracksError: if more files are unusable or have contradictory labels, or the usable images
            are not of two classes, one of them `positive_class`.
    """
    place = called or str(path)
    with open_archive(path) as archive:
        names = member_names(archive)
    if not names:
        raise CracksError(f"Expected images in {place}, found none; add some and run again.")
    members, fingerprints = _examine(path, names, limits)
    table = pd.DataFrame([one for one in members if not one.reason], columns=Member._fields)
    rejected = [(one.id, one.reason) for one in members if one.reason]
    _check_rejected(place, rejected, len(names), limits.max_rejected)
    _check_classes(place, table, positive_class)

    table["label"] = [label_of(folder, positive_class) for folder in table["folder"]]
    copies = find_copies(*fingerprints)
    same_bytes = table.index.to_series().groupby(table["sha256"], sort=False)
    with_first = np.column_stack([same_bytes.transform("min"), table.index])
    table["group"] = groups_of(len(table), with_first, copies.pairs)
    conflicts = _conflicts(table)
    rejected += conflicts
    _check_rejected(place, rejected, len(names), limits.max_rejected)
    kept = table[~table["id"].isin({name for name, _ in conflicts})]
    _check_classes(place, kept, positive_class)

    counts = _counts(kept, copies)
    counts |= {"rejected": len(rejected) - len(conflicts), "conflicts": len(conflicts)}
    images = kept.assign(group=kept["group"].map(table["id"]))[COLUMNS]
    return Audit(images, pd.DataFrame(sorted(rejected), columns=["name", "reason"]), counts)


def fingerprint_members(path: Path, names: Sequence[str], limits: AuditLimits) -> Fingerprint:
    """The fingerprints of members of an archive, in the order of `names`, stacked in two arrays.

    Raises:
        CracksError: if one of them is not a usable image.
    """
    members, fingerprints = _examine(path, names, limits)
    for member in members:
        if member.reason:
            raise CracksError(
                f"Expected usable images in {path}, found {member.id!r}: {member.reason}; run "
                "`dvc repro`."
            )
    return fingerprints


def _examine(
    path: Path, names: Sequence[str], limits: AuditLimits
) -> tuple[list[Member], Fingerprint]:
    """Members in the order of `names`, and the fingerprints of the usable ones, stacked."""
    examined = in_processes(
        partial(_examine_member, path, limits),
        names,
        chunk=_CHUNK,
        advice="free memory, lower audit.max_megapixels",
    )
    members, usable = list[Member](), 0
    hashes, thumbnails = Fingerprint.empty(len(names))
    for member, found in progress(examined, total=len(names), desc="audit", unit="img"):
        members.append(member)
        if found:
            hashes[usable], thumbnails[usable] = found
            usable += 1
    return members, Fingerprint(hashes[:usable], thumbnails[:usable])


def _examine_member(
    path: Path, limits: AuditLimits, name: str
) -> tuple[Member, Fingerprint | None]:
    archive = _opened(path)
    try:
        given, folder = _checked_name(name)
        data = read_member(archive, name, limits.max_file_mb * 1_000_000)
        rgb = decode(data, max_pixels=limits.max_megapixels * 1_000_000)
    except CracksError as error:
        return Member(name, reason=str(error).rstrip(".")), None
    height, width = rgb.shape[:2]
    digest = hashlib.sha256(data).hexdigest()
    return Member(name, "", given, folder, width, height, digest), fingerprint(rgb)


@lru_cache(maxsize=1)
def _opened(path: Path) -> zipfile.ZipFile:
    """The archive, opened once by each worker: a long directory takes seconds to read."""
    return open_archive(path)


def _checked_name(name: str) -> tuple[str, str]:
    """The part and the class folder in a name."""
    if points_outside(name) or "\\" in name:
        raise CracksError("the name points out of the archive")
    given, folder = part_and_class(name)
    if not folder:
        raise CracksError("not in a class folder")
    check_no_raw(name)
    return given, folder


def _check_rejected(
    place: str, rejected: Sequence[tuple[str, str]], files: int, max_rejected: float
) -> None:
    if len(rejected) > max_rejected * files:
        name, reason = rejected[0]
        raise CracksError(
            f"Expected at most {100 * max_rejected:g} % unusable files in {place} "
            f"(audit.max_rejected), found {len(rejected):,} of {files:,}, the first {name!r}: "
            f"{reason}; remove or repair them, or raise audit.max_rejected."
        )


def _check_classes(place: str, usable: pd.DataFrame, positive_class: str) -> None:
    folders = set(usable["folder"])
    check_classes(folders, positive_class, f"{place} after unusable files were left out")


def _conflicts(table: pd.DataFrame) -> list[tuple[str, str]]:
    """All images of groups with both labels: which label is right is unknown."""
    mixed = table[table.groupby("group")["label"].transform("nunique") > 1]
    conflicts = []
    for _, group in mixed.groupby("group"):
        for label in CLASSES:
            other = group[group["label"] != label]["id"].iloc[0]
            reason = f"the same image as {other}, which has the other label"
            conflicts += [(name, reason) for name in group[group["label"] == label]["id"]]
    return conflicts


def _counts(images: pd.DataFrame, copies: Copies) -> dict[str, int]:
    sizes = images["group"].value_counts()
    left = np.isin(copies.pairs, images.index).all(axis=1)
    turned = (copies.turns != Turn.NONE) & left
    return {
        "images": len(images),
        **{label: int((images["label"] == label).sum()) for label in CLASSES},
        "groups": len(sizes),
        "images_with_a_copy": int(sizes[sizes > 1].sum()),
        "largest_group": int(sizes.max()),
        "byte_identical_copies": int(images["sha256"].duplicated().sum()),
        "pairs_of_copies": int(left.sum()),
        "pairs_mirrored_or_turned": int(turned.sum()),
    }
