"""The images in a zip archive that was made elsewhere."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from cracks.images.archive import member_names, open_archive, read_member
from cracks.images.files import is_junk, named_as_images, points_outside
from cracks.project.errors import CracksError
from cracks.runtime.progress import progress
from cracks.sources.class_folders import Members, by_id, class_folders, id_of, sampled
from cracks.tables.labels import check_classes, composed, part_and_class


def archive_members(
    path: Path, positive_class: str, limit: int | None = None, seed: int = 0
) -> Members:
    """The files of a zip archive, by names that begin with the split or the class.

    With `limit`, at most that many images of each class, sampled by `seed`.

    Raises:
        CracksError: if it is damaged or does not hold two classes, `positive_class` among them.
    """
    with open_archive(path) as archive:
        members = _member_ids(member_names(archive), path)
        check_classes(class_folders(members), positive_class, str(path))
        for name in progress(sampled(members, limit, seed), desc="packing", unit="file"):
            yield name, read_member(archive, members[name])


def _member_ids(members: Iterable[str], archive: Path) -> dict[str, str]:
    """Map ids to the archive's own member names, without the folders above the classes."""
    paths = {member: _safe_path(member, archive) for member in members}
    paths = {member: path for member, path in paths.items() if not is_junk(str(path))}
    images = named_as_images([str(path) for path in paths.values()])
    above = _common_folder([PurePosixPath(image) for image in images])
    return by_id(
        (id_of(path.relative_to(above) if path.is_relative_to(above) else path), member)
        for member, path in paths.items()
    )


def _safe_path(member: str, archive: Path) -> PurePosixPath:
    name = composed(member).replace("\\", "/")
    if points_outside(name):
        raise CracksError(
            f"Expected names within the archive {archive}, found {member!r}, which points out of "
            "it; take an archive from a source that you trust."
        )
    return PurePosixPath(name)


def _common_folder(images: Sequence[PurePosixPath]) -> PurePosixPath:
    """The folder above the classes, or above the split."""
    folders = [path.parent for path in images if path.parent.name]
    if not folders:
        return PurePosixPath()
    common = PurePosixPath(os.path.commonpath(folders))
    for folder in [common, *common.parents][::-1]:
        if part_and_class(f"{folder.name}/")[0]:
            return folder.parent
    # if all are in one folder, it is the only class
    return common.parent if set(folders) == {common} else common
