from pathlib import Path

import numpy as np
import pytest

from cracks.evaluation.predictions import load_heads
from cracks.project.errors import CracksError
from cracks.project.outputs import write_csv
from cracks.project.paths import SPLIT, scores_path
from cracks.tables.row_file import PROBABILITY, create_rows
from tests.support.features import made_features, write_features


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The images of a split, with scores by two backbones."""
    monkeypatch.chdir(tmp_path)
    split = write_features(Path("features.npy"), {"test": made_features(4, 3, 0)})
    write_csv(SPLIT, split)
    for backbone in ("resnet50", "vgg16"):
        write_scores(backbone, list(split["id"]))
    return list(split["id"])


def write_scores(backbone: str, ids: list[str]) -> None:
    path = scores_path(backbone)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = create_rows(path, ids, PROBABILITY, (2,))
    rows[PROBABILITY] = 0.25
    rows.flush()


def test_scores_are_read_by_backbone(images: list[str]) -> None:
    heads = load_heads(["resnet50", "vgg16"])
    assert list(heads) == ["resnet50", "vgg16"]
    np.testing.assert_array_equal(heads["vgg16"].scores, np.full((len(images), 2), 0.25))


def test_scores_of_other_images_are_refused(images: list[str]) -> None:
    write_scores("vgg16", images[::-1])
    with pytest.raises(CracksError, match="Expected scores of the images of data/split.csv in"):
        load_heads(["resnet50", "vgg16"])


def test_scores_of_a_removed_backbone_are_refused(images: list[str]) -> None:
    with pytest.raises(CracksError, match="found those of vgg16, .*remove data/scores/vgg16.npy"):
        load_heads(["resnet50"])
