from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cracks.heads.head import LinearHead
from cracks.inference.classifier import Classifier
from cracks.inference.crack_map import map_cracks
from cracks.inference.novelty import Familiar
from cracks.pipeline.errors import CracksError
from tests.support.features import made_features, write_features
from tests.support.walls import CLASSIFIER, PATCH, wall

SCALES = np.array([1.0, 10.0, 0.01, 5.0])  # of the channels


def planted(rows: int, seed: int) -> np.ndarray:
    """A cluster of features, far from 0."""
    return np.asarray((50 + made_features(rows, len(SCALES), seed)) * SCALES)


@pytest.fixture
def known(tmp_path: Path) -> Familiar:
    """A cluster in train and valid; images of the test part lie elsewhere."""
    parts = {"train": planted(600, 0), "valid": planted(200, 1), "test": planted(200, 2) + 9}
    return familiar(tmp_path / "features.npy", parts)


def familiar(path: Path, parts: dict[str, np.ndarray]) -> Familiar:
    return Familiar(path, write_features(path, parts))


def distances(known: Familiar, features: np.ndarray) -> Sequence[float]:
    return list(map(float, known.distances(features.astype(np.float32))))


def test_a_twentieth_of_valid_is_unlike_and_about_as_much_of_the_same_kind(known: Familiar) -> None:
    assert known.unlike_share(distances(known, planted(200, 1))) == 0.05
    assert 0.01 < known.unlike_share(distances(known, planted(400, 3))) < 0.1


def test_a_faint_channel_counts_as_much_as_the_others(known: Familiar) -> None:
    other = planted(400, 3)
    other[:100, 1] += 150  # fifteen deviations
    other[100:200, 2] += 0.15
    assert 0.5 <= known.unlike_share(distances(known, other)) < 0.6


def test_test_images_are_no_reference(known: Familiar) -> None:
    assert known.unlike_share(distances(known, planted(100, 4) + 9)) == 1


def test_a_channel_that_hardly_varies_in_training_does_not_decide_alone(tmp_path: Path) -> None:
    parts = {part: planted(200, n) for n, part in enumerate(("train", "valid"))}
    for features in parts.values():
        features[:, 0] = 0
    known = familiar(tmp_path / "features.npy", parts)
    other = planted(200, 3)
    other[:, 0] = 1e-4
    assert known.unlike_share(distances(known, other)) < 0.12


def test_large_parts_are_sampled_over_their_whole_length(tmp_path: Path) -> None:
    train = planted(4000, 0)
    train[2000:] += 9 * SCALES  # as the second class
    valid = np.concatenate([planted(1500, 1), planted(1500, 2) + 9 * SCALES])
    known = familiar(tmp_path / "features.npy", {"train": train, "valid": valid})
    for other in (planted(200, 3), planted(200, 4) + 9 * SCALES):
        assert known.unlike_share(distances(known, other)) < 0.12


@pytest.mark.parametrize(
    ("far", "images", "clear"),
    [(0, 100, False), (7, 100, False), (30, 100, True), (2, 4, False), (0, 1, False), (1, 1, True)],
)
def test_more_unlike_images_than_chance_explains(
    far: int, images: int, clear: bool, known: Familiar
) -> None:
    typical = known.distances(planted(200, 1))
    near = np.full(images - far, np.median(typical))
    assert known.clearly_unlike([*near, *np.full(far, 2 * typical.max())]) == clear


def test_a_watched_classifier_says_the_same_and_leaves_the_distances(known: Familiar) -> None:
    rows = planted(40, 5).astype(np.float32)
    head = LinearHead(np.ones(4) * 1e-3, 0.0)
    images = [(n, np.full((8, 8, 3), n, np.uint8)) for n in range(40)]
    bare = Classifier("vgg16", 0.5, 8, lambda batch: rows[batch[:, 0, 0, 0]], head)
    found: list[float] = []
    watched = replace(bare, engine=known.watching(bare.engine, found))
    assert list(watched.probabilities(images)) == list(bare.probabilities(images))
    assert found == pytest.approx(known.distances(rows))


def test_every_patch_of_a_map_is_watched(tmp_path: Path) -> None:
    parts = {part: 60 + made_features(100, 1, n) for n, part in enumerate(("train", "valid"))}
    known = familiar(tmp_path / "features.npy", parts)
    found: list[float] = []
    watched = replace(CLASSIFIER, engine=known.watching(CLASSIFIER.engine, found))
    whole = map_cracks(wall(), watched, PATCH, PATCH)
    np.testing.assert_array_equal(whole.heat, map_cracks(wall(), CLASSIFIER, PATCH, PATCH).heat)
    assert len(found) == 5 * 7


def test_features_of_another_split_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "features.npy"
    split = write_features(path, {"train": planted(20, 0), "valid": planted(20, 1)})
    split.loc[3, "id"] = "another"
    with pytest.raises(CracksError, match=r"images of train in .* those of 19 of 20; run `dvc re"):
        Familiar(path, split)
    with pytest.raises(CracksError, match="images of valid in .* those of 0 of 0"):
        Familiar(path, split[split["part"] == "train"].iloc[:3])
