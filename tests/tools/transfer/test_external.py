from pathlib import Path

import numpy as np
import pytest

from cracks.classifier.classifier import Trained
from cracks.dataset.audit import audit_archive
from cracks.heads.head import LinearHead
from cracks.heads.statistics import Statistics
from cracks.images.archive import write_archive
from cracks.project.errors import CracksError
from cracks.project.outputs import write_csv
from cracks.project.params import AuditLimits, load_params
from cracks.project.paths import ARCHIVE, IMAGES
from cracks.tools.transfer import external
from tests.support.heads import ORIGIN
from tests.support.images import jpeg, pixels
from tests.support.project import ROOT
from tests.support.walls_apart import BRIGHT, DARK, write_grey_levels, write_source

LIMITS = AuditLimits(max_rejected=0, max_megapixels=1, max_file_mb=1)


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
    kept, left_out = external.unseen(archive, images, LIMITS)
    return list(kept["id"]), left_out


def test_copies_of_the_pipelines_own_images_are_left_out() -> None:
    assert unseen(
        {
            "negative/identical.jpg": jpeg(pixels(0)),
            "negative/new.jpg": jpeg(pixels(10)),
            "negative/recompressed.jpg": jpeg(pixels(2), quality=60),
            "positive/mirrored.jpg": jpeg(pixels(3)[:, ::-1]),
            "positive/new-and-its-copy.jpg": jpeg(pixels(11)),
            "positive/new-and-its-copy-2.jpg": jpeg(pixels(11), quality=60),
        }
    ) == (
        ["negative/new.jpg", "positive/new-and-its-copy-2.jpg", "positive/new-and-its-copy.jpg"],
        3,
    )


def test_identical_images_are_left_out_where_the_archive_is_missing() -> None:
    members = {"negative/a.jpg": jpeg(pixels(0)), "positive/b.jpg": jpeg(pixels(3), quality=60)}
    ARCHIVE.unlink()
    assert unseen(members) == (["positive/b.jpg"], 1)


def test_only_copies_are_one_sentence() -> None:
    members = {
        "negative/a.jpg": jpeg(pixels(0), 80),
        "positive/b.jpg": jpeg(pixels(3), quality=60),
    }
    with pytest.raises(CracksError, match="found only its own"):
        unseen(members)


def test_images_of_another_wall_are_standardised(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head of the dark wall goes by the darkest place, which is brighter on the bright wall."""
    head = LinearHead(np.array([0.0, -1.0]), DARK - 35.0)
    training = Statistics(np.array([DARK, DARK - 35.0]), np.array([8.0, 25.0]))
    monkeypatch.setattr(external, "load_trained", lambda _: Trained(head, ORIGIN, 0.5))
    monkeypatch.setattr(external, "training_statistics", lambda _: training)
    monkeypatch.setattr(external, "extract_features", write_grey_levels)
    params = load_params(ROOT / "params.yaml")
    write_source(Path("bright.zip"), 200, BRIGHT)
    for standardise, recall in ((False, 0), (True, 1)):
        found = external.score_images(
            Path("bright.zip"), "positive", params, standardise=standardise
        )
        assert found.metrics["vgg16.images"] == 200
        assert found.metrics["vgg16.recall"] == pytest.approx(recall, abs=0.05)
    write_source(Path("few.zip"), 150, BRIGHT, seed=1)
    with pytest.raises(CracksError, match="Expected at least 200 images .* found 150"):
        external.score_images(Path("few.zip"), "positive", params, standardise=True)
