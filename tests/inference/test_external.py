from pathlib import Path

import pytest

from cracks.dataset.audit import audit_archive
from cracks.images.archive import write_archive
from cracks.inference import external
from cracks.pipeline.errors import CracksError
from cracks.pipeline.outputs import write_csv
from cracks.pipeline.params import Audit as Limits
from cracks.pipeline.paths import ARCHIVE, IMAGES
from tests.support.images import jpeg, pixels

LIMITS = Limits(max_rejected=0, max_megapixels=1, max_file_mb=1)


@pytest.fixture(autouse=True)
def own_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with four images of its own."""
    monkeypatch.chdir(tmp_path)
    own = {
        f"{label}/{n}.jpg": jpeg(pixels(n)) for n, label in enumerate(["negative", "positive"] * 2)
    }
    write_archive(ARCHIVE, sorted(own.items()))
    write_csv(IMAGES, audit_archive(ARCHIVE, "positive", LIMITS).images)


def unseen(members: dict[str, bytes]) -> tuple[list[str], int]:
    archive = Path("elsewhere.zip")
    write_archive(archive, sorted(members.items()))
    images = audit_archive(archive, "positive", LIMITS).images
    kept, left_out = external._unseen(archive, images, LIMITS)
    return list(kept["id"]), left_out


def test_copies_of_the_pipelines_own_images_are_left_out() -> None:
    assert unseen(
        {
            "negative/identical.jpg": jpeg(pixels(0)),
            "negative/new.jpg": jpeg(pixels(10)),
            "negative/recompressed.jpg": jpeg(pixels(2), quality=60),
            "positive/mirrored.jpg": jpeg(pixels(1)[:, ::-1]),
            "positive/new-and-its-copy.jpg": jpeg(pixels(11)),
            "positive/new-and-its-copy-2.jpg": jpeg(pixels(11), quality=60),
        }
    ) == (
        ["negative/new.jpg", "positive/new-and-its-copy-2.jpg", "positive/new-and-its-copy.jpg"],
        3,
    )


def test_identical_images_are_left_out_where_the_archive_is_missing() -> None:
    members = {"negative/a.jpg": jpeg(pixels(0)), "positive/b.jpg": jpeg(pixels(1), quality=60)}
    ARCHIVE.unlink()
    assert unseen(members) == (["positive/b.jpg"], 1)


def test_only_copies_are_one_sentence() -> None:
    members = {
        "negative/a.jpg": jpeg(pixels(0), 80),
        "positive/b.jpg": jpeg(pixels(1), quality=60),
    }
    with pytest.raises(CracksError, match="found only its own"):
        unseen(members)
