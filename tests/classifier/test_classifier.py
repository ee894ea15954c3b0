"""From pixels to a probability: the parts of the pipeline are one model, and mean one class."""

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from cracks.backbones.model import pixel_model
from cracks.backbones.weights import write_weights
from cracks.classifier.classifier import load_classifier, load_local_classifier
from cracks.features.computation import Extraction
from cracks.features.extraction import extract_features
from cracks.heads.head import load_head, read_head, read_origin, save_head
from cracks.heads.training import Recipe, train_heads
from cracks.images.decoding import RGB, decode, to_input
from cracks.project.errors import CracksError
from cracks.project.params import Params, load_params
from cracks.tables.labels import CLASSES
from cracks.tables.row_file import FEATURES, open_rows
from tests.support.heads import origin_of
from tests.support.project import ROOT

SIZE = 64
BACKBONE = "vgg16"

pytestmark = pytest.mark.usefixtures("common_models")


class Trained(NamedTuple):
    """A project with a trained head."""

    params: Params
    ids: list[str]
    probabilities: np.ndarray  # of the images, from cached features
    pixels: list[RGB]


@pytest.fixture(scope="module")
def trained_once(
    noise_archive: tuple[Path, pd.DataFrame],
    random_weights: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Trained]:
    """The project's folder, which no test changes."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, _train(*noise_archive, random_weights(BACKBONE))


@pytest.fixture
def trained(
    trained_once: tuple[Path, Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Trained:
    """A copy of the project, in the current folder."""
    folder, trained = trained_once
    shutil.copytree(folder, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return trained


def _train(archive: Path, images: pd.DataFrame, random_file: Path) -> Trained:
    params = load_params(ROOT / "params.yaml").model_copy(
        update={"image_size": 96}
    )  # a head knows its own
    weights = Path(f"data/weights/{BACKBONE}.weights.h5")
    weights.parent.mkdir(parents=True)
    weights.symlink_to(random_file)
    extraction = Extraction(BACKBONE, weights, SIZE, params.engine, "float32", params.augmentation)
    extract_features(extraction, archive, images, Path("features.npy"))
    ids, rows = open_rows(Path("features.npy"), FEATURES)
    features = np.ascontiguousarray(rows[:, 0])
    labels = np.array([CLASSES.index(label) for label in images["label"]])
    recipe = Recipe(epochs=5, batch_size=8, learning_rate=1.0, l2=1.0)
    (head,), _ = train_heads(recipe, [0], (features, labels), (features, labels))
    save_head(head, origin_of(weights, SIZE), Path(f"models/{BACKBONE}.keras"))
    Path("metrics").mkdir()
    Path("metrics/evaluate.json").write_text(json.dumps({f"{BACKBONE}.threshold": 0.25}))
    with zipfile.ZipFile(archive) as members:
        pixels = [to_input(decode(members.read(name)), SIZE) for name in ids]
    return Trained(params, ids, head.linear().probability(features), pixels)


def test_the_whole_keras_model_gives_what_cached_features_give(trained: Trained) -> None:
    _, _, expected, pixels = trained
    whole = pixel_model(BACKBONE, Path(f"data/weights/{BACKBONE}.weights.h5"), SIZE)
    head = load_head(Path(f"models/{BACKBONE}.keras"))
    found = head(whole(np.stack(pixels))["features"]).numpy()[:, 1]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_classifier_gives_what_cached_features_give(trained: Trained) -> None:
    params, ids, expected, pixels = trained
    classifier = load_classifier(BACKBONE, params)
    found = dict(classifier.probabilities(zip(ids, pixels, strict=True)))
    np.testing.assert_allclose([found[name] for name in ids], expected, atol=1e-5)
    assert classifier.threshold == 0.25


def test_positive_means_a_crack_from_the_folder_to_the_answer(trained: Trained) -> None:
    params, ids, expected, pixels = trained
    cracked = np.array([name.startswith("positive/") for name in ids])
    assert expected[cracked].mean() > 0.7
    assert expected[~cracked].mean() < 0.3
    classifier = load_classifier(BACKBONE, params)
    for name, probability in classifier.probabilities(zip(ids, pixels, strict=True)):
        if abs(probability - 0.25) > 0.2:
            assert (probability > classifier.threshold) == name.startswith("positive/")


def test_the_mean_of_an_activation_map_is_the_logit(trained: Trained) -> None:
    params, ids, expected, pixels = trained
    classifier = load_local_classifier(BACKBONE, params)
    maps = dict(classifier.activation_maps(zip(ids, pixels, strict=True)))
    logits = np.array([maps[name].mean() for name in ids])
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), expected, atol=1e-5)


def test_without_a_head_or_a_threshold_it_says_which_command_makes_them(trained: Trained) -> None:
    params, *_ = trained
    Path("metrics/evaluate.json").unlink()
    with pytest.raises(
        CracksError, match=r"Expected metrics/evaluate\.json, found none; run `dvc repro`"
    ):
        load_classifier(BACKBONE, params)
    Path(f"models/{BACKBONE}.keras").unlink()
    with pytest.raises(CracksError, match="trained head .* run `dvc repro`"):
        load_classifier(BACKBONE, params)
    with pytest.raises(CracksError, match="found 'alexnet'"):
        load_classifier("alexnet", params)


def test_other_weights_than_those_of_the_training_are_refused(trained: Trained) -> None:
    params, *_ = trained
    weights = Path(f"data/weights/{BACKBONE}.weights.h5")
    weights.unlink()
    write_weights(BACKBONE, "random", 1, weights)
    with pytest.raises(CracksError, match="that models/vgg16.keras was trained on .* found others"):
        load_classifier(BACKBONE, params)


def test_a_head_on_another_layer_of_the_same_width_is_refused(trained: Trained) -> None:
    params, *_ = trained
    path = Path(f"models/{BACKBONE}.keras")
    save_head(read_head(path), replace(read_origin(path), layer="block5_conv3"), path)
    with pytest.raises(CracksError, match="vgg16's block4_conv3 .* vgg16's block5_conv3; run"):
        load_classifier(BACKBONE, params)


@pytest.mark.parametrize("threshold", [-1, 1.5])
def test_a_threshold_that_is_no_probability_is_refused(threshold: float, trained: Trained) -> None:
    params, *_ = trained
    Path("metrics/evaluate.json").write_text(json.dumps({f"{BACKBONE}.threshold": threshold}))
    with pytest.raises(CracksError, match=rf"from 0 to 1 .* found {threshold}; run `dvc repro`"):
        load_classifier(BACKBONE, params)
