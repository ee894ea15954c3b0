from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cracks.heads.head import load_head, probabilities, save_head
from cracks.heads.training import Recipe, SplitFeatures, train_head, write_scores
from cracks.pipeline.errors import CracksError
from cracks.pipeline.labels import CLASSES, TEST, TRAIN, VALID
from cracks.pipeline.row_file import FEATURES, PROBABILITY, create_rows, open_rows

CHANNELS = 8
RECIPE = Recipe(epochs=6, batch_size=16, learning_rate=0.05)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """60 images; channel 2 is high (and far from zero) where there is a crack."""
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 2
    path = tmp_path_factory.mktemp("features") / "x.npy"
    ids = [f"{CLASSES[label]}/{number:03}.jpg" for number, label in enumerate(labels)]
    rows = create_rows(path, ids, FEATURES, (3, CHANNELS))
    rows[FEATURES] = generator.standard_normal((60, 3, CHANNELS))
    rows[FEATURES][:, :, 2] = 1000 + 5 * labels[:, np.newaxis] + generator.random((60, 3))
    rows[FEATURES][:, :, 3] = 7  # a dead channel: its variance is zero
    rows.flush()
    parts = [TRAIN, TRAIN, VALID, VALID, TEST, TEST] * 10
    table = pd.DataFrame({"id": ids, "label": [CLASSES[i] for i in labels], "part": parts})
    return path, table.sort_values("id")


def test_a_head_learns_what_is_planted_and_column_1_is_the_crack(
    split: tuple[Path, pd.DataFrame],
) -> None:
    features = SplitFeatures(*split)
    head, history = train_head(RECIPE, 0, features.examples(TRAIN), features.examples(VALID))
    scores = features.score(head)
    cracked = (split[1]["label"] == "positive").to_numpy()
    test = (split[1]["part"] == TEST).to_numpy()
    assert scores[test & cracked].min() > 0.5 > scores[test & ~cracked].max()
    assert list(history.columns) == ["epoch", "part", "loss", "accuracy"]
    assert list(history["epoch"].unique()) == [1, 2, 3, 4, 5, 6]


def test_training_is_bit_identical_and_depends_on_the_seed(
    split: tuple[Path, pd.DataFrame], tmp_path: Path
) -> None:
    features = SplitFeatures(*split)
    train, valid = features.examples(TRAIN), features.examples(VALID)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        head, _ = train_head(RECIPE, seed, train, valid)
        save_head(head, tmp_path / f"{name}.keras")
    a, b, c = ((tmp_path / f"{name}.keras").read_bytes() for name in "abc")
    assert a == b != c


def test_the_epoch_of_lowest_validation_loss_is_kept(split: tuple[Path, pd.DataFrame]) -> None:
    """With labels turned round in valid, learning only makes it worse: epoch 1 is the best."""
    features = SplitFeatures(*split)
    train, (x, y) = features.examples(TRAIN), features.examples(VALID)
    once, _ = train_head(Recipe(1, 16, 0.05), 0, train, (x, 1 - y))
    long, history = train_head(RECIPE, 0, train, (x, 1 - y))
    losses = history[history["part"] == VALID]["loss"]
    assert losses.idxmin() == losses.index[0]
    np.testing.assert_array_equal(probabilities(long, x), probabilities(once, x))


def test_standardisation_is_fitted_on_train_and_inside_the_head(
    split: tuple[Path, pd.DataFrame],
) -> None:
    features = SplitFeatures(*split)
    train = features.examples(TRAIN)
    head, _ = train_head(RECIPE, 0, train, features.examples(VALID))
    layer = head.get_layer("standardise")
    np.testing.assert_allclose(np.ravel(layer.mean), train[0].mean(axis=0), rtol=1e-4, atol=1e-4)


def test_train_has_all_views_and_the_others_the_image_itself(
    split: tuple[Path, pd.DataFrame],
) -> None:
    path, table = split
    features = SplitFeatures(path, table)
    x, y = features.examples(TRAIN)
    assert x.shape == (20 * 3, CHANNELS)
    assert features.examples(TEST)[0].shape == (20, CHANNELS)
    ids, rows = open_rows(path, FEATURES)
    first = table[table["part"] == TRAIN].iloc[0]
    np.testing.assert_array_equal(x[:3], rows[ids.index(first["id"])])
    assert list(y[:3]) == [CLASSES.index(first["label"])] * 3


def test_test_images_cannot_change_the_head(split: tuple[Path, pd.DataFrame]) -> None:
    path, table = split
    without = table[table["part"] != TEST]
    heads = []
    for some in (table, without):
        features = SplitFeatures(path, some)
        heads.append(train_head(RECIPE, 0, features.examples(TRAIN), features.examples(VALID))[0])
    for one, other in zip(heads[0].get_weights(), heads[1].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_image_without_features_is_named(split: tuple[Path, pd.DataFrame]) -> None:
    path, table = split
    more = pd.concat([table, table.head(1).assign(id="positive/new.jpg")])
    with pytest.raises(CracksError, match="positive/new.jpg"):
        SplitFeatures(path, more)


def test_scores_are_written_with_their_ids(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).random((2, 5)).astype(np.float32)
    write_scores(tmp_path / "x.npy", ["a/1.jpg", "ü/2.jpg"], scores)
    ids, rows = open_rows(tmp_path / "x.npy", PROBABILITY)
    assert ids == ["a/1.jpg", "ü/2.jpg"]
    np.testing.assert_array_equal(rows, scores)


def test_a_saved_head_gives_the_same_probabilities(
    split: tuple[Path, pd.DataFrame], tmp_path: Path
) -> None:
    features = SplitFeatures(*split)
    head, _ = train_head(RECIPE, 0, features.examples(TRAIN), features.examples(VALID))
    save_head(head, tmp_path / "x.keras")
    x, _ = features.examples(TEST)
    np.testing.assert_array_equal(
        probabilities(load_head(tmp_path / "x.keras"), x), probabilities(head, x)
    )
