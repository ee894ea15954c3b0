import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cracks.heads.head import load_head, read_origin, save_head
from cracks.pipeline.errors import CracksError
from cracks.pipeline.keras_import import import_keras
from cracks.pipeline.paths import head_path
from tests.support.heads import ORIGIN


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    keras = import_keras()
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,), name="features")
    head = keras.Model(inputs, keras.layers.Dense(2, activation="softmax", name="softmax")(inputs))
    path = tmp_path / "head.keras"
    save_head(head, ORIGIN, path)
    return path


def test_the_file_bears_no_date(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b'"date_saved": "1980-01-01@00:00:00"' in archive.read("metadata.json")


def test_saving_twice_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    save_head(load_head(saved), ORIGIN, tmp_path / "again.keras")
    assert (tmp_path / "again.keras").read_bytes() == saved.read_bytes()


def test_keras_reads_it(saved: Path) -> None:
    keras = import_keras()
    output = keras.saving.load_model(saved)(np.zeros((1, 4), np.float32))
    np.testing.assert_allclose(np.asarray(output).sum(), 1, rtol=1e-6)


def test_no_head_says_which_command_makes_one(tmp_path: Path) -> None:
    with pytest.raises(CracksError, match="run `dvc repro`"):
        load_head(tmp_path / head_path("vgg16"))


def test_a_damaged_head_is_one_sentence(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:200])
    with pytest.raises(CracksError, match="Expected a Keras model"):
        load_head(saved)


def test_a_head_says_what_it_was_trained_on(saved: Path) -> None:
    assert read_origin(saved) == ORIGIN


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda values: values.pop("image_size"), "Expected a Keras model .*unknown keys"),
        (lambda values: values.update(classes=["no", "yes"]), "Expected a head of the classes neg"),
    ],
)
def test_a_head_of_other_kind_is_one_sentence(
    change: Callable[[dict[str, Any]], object], sentence: str, saved: Path
) -> None:
    with zipfile.ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    values = json.loads(members["origin.json"])
    change(values)
    with zipfile.ZipFile(saved, "w") as archive:
        for name, data in (members | {"origin.json": json.dumps(values).encode()}).items():
            archive.writestr(name, data)
    with pytest.raises(CracksError, match=sentence):
        read_origin(saved)


def test_a_head_without_its_origin_is_one_sentence(saved: Path) -> None:
    keras = import_keras()
    keras.saving.load_model(saved).save(saved)
    with pytest.raises(CracksError, match="Expected a Keras model .*origin.json.*run `dvc"):
        read_origin(saved)
