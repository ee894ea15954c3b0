import zipfile
from pathlib import Path

import numpy as np
import pytest

from cracks.heads.head import load_head, save_head
from cracks.pipeline.errors import CracksError
from cracks.pipeline.paths import head_path


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    import keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,), name="features")
    head = keras.Model(inputs, keras.layers.Dense(2, activation="softmax", name="softmax")(inputs))
    path = tmp_path / "head.keras"
    save_head(head, path)
    return path


def test_the_file_bears_no_date(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b'"date_saved": "1980-01-01@00:00:00"' in archive.read("metadata.json")


def test_saving_twice_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    save_head(load_head(saved), tmp_path / "again.keras")
    assert (tmp_path / "again.keras").read_bytes() == saved.read_bytes()


def test_keras_reads_it(saved: Path) -> None:
    import keras

    output = keras.saving.load_model(saved)(np.zeros((1, 4), np.float32))
    np.testing.assert_allclose(np.asarray(output).sum(), 1, rtol=1e-6)


def test_no_head_says_which_command_makes_one(tmp_path: Path) -> None:
    with pytest.raises(CracksError, match="run `dvc repro`"):
        load_head(tmp_path / head_path("vgg16"))


def test_a_damaged_head_is_one_sentence(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:200])
    with pytest.raises(CracksError, match="Expected a Keras model"):
        load_head(saved)
