"""Training learns, and a killed one goes on as if nothing had happened."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cracks.backbones.packed import read_packed
from cracks.drawing.walls import SIDE
from pretraining import train as module
from pretraining.drawings import PATCH
from pretraining.pack import pack
from pretraining.settings import Recipe, Settings
from pretraining.train import Training, _share, layer_weights, train

pytestmark = pytest.mark.slow


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Bare grey walls, and walls with a black bar."""
    monkeypatch.setenv("CRACKS_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "_CHECKPOINT", 2)
    random = np.random.default_rng(0)
    patches = np.zeros(8, PATCH)
    patches["rgb"] = random.integers(150, 200, patches["rgb"].shape)
    for patch in patches[1::2]:
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[:, 90:130] = 1
        patch["rgb"][mask == 1] = 10
        patch["mask"] = np.packbits(mask, axis=-1)
    np.save(tmp_path / "walls.npy", patches)
    return [tmp_path / "walls.npy"]


def settings(*batches: int) -> Settings:
    recipe = Recipe(
        start="random",
        frozen=["block2"],
        batches=list(batches),
        learning_rate=1e-3,
        weight_decay=0.01,
        fall=0.0,
    )
    return Settings(seed=1, walls=4, crop=32, batch_size=4, backbones={"vgg16": recipe})


def test_a_killed_training_goes_on_with_the_same_weights(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train("vgg16", settings(4), files)
    monkeypatch.setenv("CRACKS_CACHE", str(tmp_path / "other"))
    train("vgg16", settings(3), files)  # its last checkpoint is that of two batches
    resumed = train("vgg16", settings(4), files)

    assert [row["batch"] for row in resumed.history] == [2, 4]
    assert resumed.history == whole.history
    for name, weights in layer_weights(whole).items():
        for a, b in zip(weights, layer_weights(resumed)[name], strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)


def test_a_cycle_begins_with_the_weights_that_the_one_before_shipped(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pretraining.pack.SHIPPED", tmp_path / "weights")
    shipped = read_packed(pack("vgg16", train("vgg16", settings(2), files)))
    seen: list[tuple[int, dict[str, list[np.ndarray]]]] = []

    def begun(*arguments: Any) -> tuple[Training, int, Path]:
        training, done, checkpoint = original(*arguments)
        seen.append((done, layer_weights(training)))
        return training, done, checkpoint

    original = module._begun
    monkeypatch.setattr(module, "_begun", begun)
    whole = train("vgg16", settings(2, 4), files)
    assert [done for done, _ in seen] == [2, 0]
    for name, weights in shipped.items():
        for a, b in zip(weights, seen[1][1][name], strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)
    assert [row["batch"] for row in whole.history] == [2, 4, 6]

    resumed = train("vgg16", settings(2, 4), files)
    assert [done for done, _ in seen[2:]] == [2, 4]
    assert resumed.history == whole.history


def test_what_is_frozen_does_not_learn_and_all_else_does(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = layer_weights(train("vgg16", settings(2), files))
    after = layer_weights(train("vgg16", settings(6), files))
    for name, weights in before.items():
        for a, b in zip(weights, after[name], strict=True):
            assert (a == b).all() == name.startswith("block2"), name

    monkeypatch.setattr("pretraining.pack.SHIPPED", tmp_path / "weights")
    path = pack("vgg16", train("vgg16", settings(6), files))
    assert path.stat().st_size < 10e6
    assert path.with_suffix(".csv").read_text().startswith("batch,cells,crops\n2,")


def test_the_learning_rate_rises_stays_and_falls() -> None:
    shares = [_share(number, 1000, 0.3) for number in range(1000)]
    assert shares[0] == 0.01
    assert shares[99] == shares[700] == 1.0
    assert shares[850] == pytest.approx(0.5)
    assert min(shares) == shares[-1] == 0.01
