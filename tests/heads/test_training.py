import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cracks.heads.head import load_head, read_head, save_head
from cracks.heads.training import Recipe, SplitFeatures, train_heads, write_scores
from cracks.project.errors import CracksError
from cracks.tables.labels import CLASSES, TEST, TRAIN, VALID
from cracks.tables.row_file import FEATURES, PROBABILITY, create_rows, open_rows
from tests.support.heads import ORIGIN

CHANNELS = 8
RECIPE = Recipe(epochs=6, batch_size=16, learning_rate=1.0, l2=1.0)


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
    heads, history = train_heads(RECIPE, [0], features.examples(TRAIN), features.examples(VALID))
    scores = features.score([head.linear() for head in heads])[:, 0]
    cracked = (split[1]["label"] == "positive").to_numpy()
    test = (split[1]["part"] == TEST).to_numpy()
    assert scores[test & cracked].min() > 0.5 > scores[test & ~cracked].max()
    assert list(history.columns) == ["epoch", "part", "loss", "accuracy"]
    assert list(history["epoch"]) == [1, 2, 3, 4, 5, 6] * 2
    assert list(history["part"]) == [TRAIN] * 6 + [VALID] * 6


def test_two_epochs_come_close_to_the_minimum_of_the_penalised_loss() -> None:
    """Correlated features, on which plain gradient descent would need thousands of steps."""
    generator = np.random.default_rng(0)
    causes = generator.standard_normal((600, 12)) * np.logspace(0, -2, 12)
    labels = (causes[:, 3] / 0.3 + generator.standard_normal(600) > 0).astype(np.int64)
    x = (causes @ generator.standard_normal((12, 40))).astype(np.float32)
    examples = (x[:400], labels[:400]), (x[400:], labels[400:])
    _, short = train_heads(replace(RECIPE, epochs=2), [0], *examples)
    _, long = train_heads(replace(RECIPE, epochs=40), [0], *examples)
    reached, possible = (h[h["part"] == TRAIN]["loss"].iloc[-1] for h in (short, long))
    assert reached - possible < 0.1 * (np.log(2) - possible)


def test_training_is_bit_identical_and_depends_on_the_seed(
    split: tuple[Path, pd.DataFrame], tmp_path: Path
) -> None:
    features = SplitFeatures(*split)
    train, valid = features.examples(TRAIN), features.examples(VALID)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        (head,), _ = train_heads(RECIPE, [seed], train, valid)
        save_head(head, ORIGIN, tmp_path / f"{name}.keras")
    a, b, c = ((tmp_path / f"{name}.keras").read_bytes() for name in "abc")
    assert a == b != c


def test_a_head_does_not_depend_on_the_heads_trained_beside_it(
    split: tuple[Path, pd.DataFrame], tmp_path: Path
) -> None:
    features = SplitFeatures(*split)
    train, valid = features.examples(TRAIN), features.examples(VALID)
    alone, history = train_heads(RECIPE, [1], train, valid)
    for seeds in ([1, 2], [1, 0, 3, 4, 5]):
        heads, its_history = train_heads(RECIPE, seeds, train, valid)
        save_head(heads[0], ORIGIN, tmp_path / "beside.keras")
        save_head(alone[0], ORIGIN, tmp_path / "alone.keras")
        assert (tmp_path / "beside.keras").read_bytes() == (tmp_path / "alone.keras").read_bytes()
        pd.testing.assert_frame_equal(history, its_history, check_exact=True)


@pytest.mark.slow
def test_the_number_of_threads_changes_no_bit() -> None:
    program = """
import numpy as np
from cracks.heads.training import Recipe, train_heads
x = np.random.default_rng(0).standard_normal((700, 1500)).astype(np.float32)
y = (x[:, 0] + x[:, 1] > 0).astype(np.int64)
recipe = Recipe(epochs=2, batch_size=512, learning_rate=1.0, l2=1.0)
heads, history = train_heads(recipe, [0, 1], (x[:500], y[:500]), (x[500:], y[500:]))
print(hash(b"".join(w.tobytes() for head in heads for w in head)))
print(history.to_csv())
"""
    outputs = []
    for threads in ("1", "3"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
        environment = os.environ | dict.fromkeys(names, threads) | {"PYTHONHASHSEED": "0"}
        command = [sys.executable, "-c", program]
        outputs.append(subprocess.check_output(command, env=environment, text=True))
    assert outputs[0] == outputs[1]


def test_the_epoch_of_lowest_validation_loss_is_kept(split: tuple[Path, pd.DataFrame]) -> None:
    """With labels turned round in valid, learning only makes it worse: epoch 1 is the best."""
    features = SplitFeatures(*split)
    train, (x, y) = features.examples(TRAIN), features.examples(VALID)
    once, _ = train_heads(replace(RECIPE, epochs=1), [0], train, (x, 1 - y))
    long, history = train_heads(RECIPE, [0], train, (x, 1 - y))
    losses = history[history["part"] == VALID]["loss"]
    assert losses.idxmin() == losses.index[0]
    np.testing.assert_array_equal(long[0].linear().weights, once[0].linear().weights)


def test_the_kept_weights_are_those_that_the_history_is_about(
    split: tuple[Path, pd.DataFrame],
) -> None:
    features = SplitFeatures(*split)
    x, y = features.examples(VALID)
    (head,), history = train_heads(RECIPE, [0], features.examples(TRAIN), (x, y))
    probability = np.asarray(head.keras_model()(x))[np.arange(len(y)), y]
    least = history[history["part"] == VALID]["loss"].min()
    np.testing.assert_allclose(-np.log(probability).mean(), least, rtol=1e-3)


def test_the_callback_runs_after_every_epoch(split: tuple[Path, pd.DataFrame]) -> None:
    features = SplitFeatures(*split)
    told: list[int] = []
    train, valid = features.examples(TRAIN), features.examples(VALID)
    train_heads(RECIPE, [0, 1], train, valid, after_epoch=lambda: told.append(1))
    assert len(told) == RECIPE.epochs


def test_a_batch_has_at_most_all_rows(split: tuple[Path, pd.DataFrame]) -> None:
    features = SplitFeatures(*split)
    train, valid = features.examples(TRAIN), features.examples(VALID)
    _, whole = train_heads(replace(RECIPE, batch_size=len(train[1])), [0], train, valid)
    _, more = train_heads(replace(RECIPE, batch_size=2**31), [0], train, valid)
    pd.testing.assert_frame_equal(whole, more, check_exact=True)
    assert whole["loss"].iloc[-1] < np.log(2)


def test_a_diverging_training_is_one_sentence(split: tuple[Path, pd.DataFrame]) -> None:
    features = SplitFeatures(*split)
    recipe = replace(RECIPE, epochs=40, learning_rate=10.0, l2=1000.0)
    with pytest.raises(CracksError, match="training diverges; lower `learning_rate`"):
        train_heads(recipe, [0], features.examples(TRAIN), features.examples(VALID))


def test_standardisation_is_fitted_on_train_and_inside_the_head(
    split: tuple[Path, pd.DataFrame],
) -> None:
    features = SplitFeatures(*split)
    train = features.examples(TRAIN)
    (head,), _ = train_heads(RECIPE, [0], train, features.examples(VALID))
    np.testing.assert_allclose(head.mean, train[0].mean(axis=0), rtol=1e-4, atol=1e-4)
    layer = head.keras_model().get_layer("standardise")
    np.testing.assert_array_equal(np.ravel(layer.mean), head.mean)


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
        heads += train_heads(RECIPE, [0], features.examples(TRAIN), features.examples(VALID))[0]
    np.testing.assert_array_equal(heads[0].linear().weights, heads[1].linear().weights)


def test_an_image_without_features_is_named(split: tuple[Path, pd.DataFrame]) -> None:
    path, table = split
    more = pd.concat([table, table.head(1).assign(id="positive/new.jpg")])
    with pytest.raises(CracksError, match="positive/new.jpg"):
        SplitFeatures(path, more)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite_are_one_sentence(
    split: tuple[Path, pd.DataFrame], tmp_path: Path, bad: float
) -> None:
    path, table = split
    broken = tmp_path / "x.npy"
    broken.write_bytes(path.read_bytes())
    rows = np.load(broken, mmap_mode="r+")
    rows[FEATURES][list(open_rows(path, FEATURES)[0]).index("negative/004.jpg"), 0, 1] = bad
    rows.flush()
    features = SplitFeatures(broken, table)
    part = table.set_index("id")["part"]["negative/004.jpg"]
    for read in (lambda: features.examples(part), lambda: features.score([])):
        with pytest.raises(CracksError, match="in the row of 'negative/004.jpg'"):
            read()


def test_scores_are_written_with_their_ids(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).random((2, 5))
    write_scores(tmp_path / "x.npy", ["a/1.jpg", "ü/2.jpg"], scores)
    ids, rows = open_rows(tmp_path / "x.npy", PROBABILITY)
    assert ids == ["a/1.jpg", "ü/2.jpg"]
    np.testing.assert_array_equal(rows, scores)


def test_a_saved_head_gives_the_same_scores(
    split: tuple[Path, pd.DataFrame], tmp_path: Path
) -> None:
    features = SplitFeatures(*split)
    heads, _ = train_heads(RECIPE, [0, 1], features.examples(TRAIN), features.examples(VALID))
    scores = features.score([head.linear() for head in heads])
    for number, head in enumerate(heads):
        save_head(head, ORIGIN, tmp_path / "x.keras")
        again = features.score([read_head(tmp_path / "x.keras").linear()])
        np.testing.assert_array_equal(again[:, 0], scores[:, number])
    x, _ = features.examples(TEST)
    keras_says = np.asarray(load_head(tmp_path / "x.keras")(x))[:, 1]
    test = (split[1]["part"] == TEST).to_numpy()
    np.testing.assert_allclose(scores[test, 1], keras_says, atol=1e-5)
