import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cracks.heads.head import (
    Head,
    LinearHead,
    load_head,
    read_head,
    read_origin,
    rounded_to_largest,
    save_head,
)
from cracks.project.errors import CracksError
from cracks.project.paths import head_path
from cracks.runtime.keras_import import import_keras
from tests.support.heads import ORIGIN

HEAD = Head(
    mean=np.array([1, 2, 3, 4], np.float32),
    variance=np.array([4, 3, 2, 1], np.float32),
    kernel=np.arange(8, dtype=np.float32).reshape(4, 2),
    bias=np.array([-1, 1], np.float32),
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("head") / "head.keras"
    save_head(HEAD, ORIGIN, path)
    return path.read_bytes()


@pytest.fixture
def saved(file: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "head.keras"
    path.write_bytes(file)
    return path


def test_weights_are_rounded_to_16_bits_of_the_largest() -> None:
    step = 2.0**-16
    values = np.array([0.75, -0.5, 0.3, 0.4 * step, 0.6 * step, -1.6 * step])
    np.testing.assert_array_equal(
        rounded_to_largest(values), [0.75, -0.5, round(0.3 / step) * step, 0, step, -2 * step]
    )
    np.testing.assert_array_equal(rounded_to_largest(8 * values), 8 * rounded_to_largest(values))


def test_a_difference_in_the_last_bits_does_not_change_rounded_weights() -> None:
    weights = np.random.default_rng(0).standard_normal(3000)
    other = weights * (1 + 4e-13)
    assert (weights != other).all()
    np.testing.assert_array_equal(rounded_to_largest(weights), rounded_to_largest(other))


def test_probabilities_have_6_decimals_and_are_never_0_or_1() -> None:
    head = LinearHead(np.array([1.0]), 0.0)
    logits = np.array([[-1000.0], [-14.5], [0.1], [14.5], [1000.0]])
    np.testing.assert_array_equal(
        head.probability(logits), [0.000001, 0.000001, 0.524979, 0.999999, 0.999999]
    )


def test_the_file_has_no_date(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b'"date_saved": "1980-01-01@00:00:00"' in archive.read("metadata.json")


def test_saving_twice_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    save_head(HEAD, ORIGIN, tmp_path / "again.keras")
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


def rewrite(path: Path, member: str, data: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (members | {member: data}).items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_size": None}, "image_size"),
        ({"image_size": -5}, "image_size"),
        ({"image_size": 2**70}, "image_size"),
        ({"image_size": 224.5}, "image_size"),
        ({"precision": "float7"}, "precision"),
        ({"backbone": ""}, "backbone"),
        ({"backbone": ["vgg16"]}, "backbone"),
        ({"weights_sha256": "abc"}, "weights_sha256"),
        ({"classes": "negative"}, "classes"),
        ({"classes": ["no", "yes"]}, "one of no, yes"),
        ({"packages": {"keras": 3}}, "packages"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_an_origin_that_cannot_be_is_one_sentence(
    change: dict[str, Any], words: str, saved: Path
) -> None:
    rewrite(saved, "origin.json", json.dumps(asdict(ORIGIN) | change).encode())
    with pytest.raises(CracksError, match=rf"Expected a .*{words}.*run `dvc"):
        read_origin(saved)


@pytest.mark.parametrize(
    "data", [b"", b"5", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"backbone": NaN}']
)
def test_an_origin_that_is_something_else_is_one_sentence(data: bytes, saved: Path) -> None:
    rewrite(saved, "origin.json", data)
    with pytest.raises(CracksError, match=r"Expected a Keras model .*origin.json.*run `dvc"):
        read_origin(saved)


NAN, INFINITE = np.float32(np.nan), np.float32(np.inf)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (HEAD._replace(kernel=HEAD.kernel * NAN), "not finite"),
        (HEAD._replace(bias=np.array([0, INFINITE])), "not finite"),
        (HEAD._replace(mean=np.array([1, 2, 3, -INFINITE])), "not finite"),
        (HEAD._replace(variance=np.array([1, 2, 3, NAN], np.float32)), "not finite"),
        (HEAD._replace(variance=-HEAD.variance), "negative variance"),
        (HEAD._replace(mean=HEAD.mean.astype(np.float64)), "float32"),
        (HEAD._replace(mean=HEAD.mean.astype(np.int32)), "float32"),
        (HEAD._replace(mean=HEAD.mean[:, None]), "shape"),
        (HEAD._replace(variance=HEAD.variance[:3]), "shape"),
        (HEAD._replace(kernel=HEAD.kernel[:, :1]), "shape"),
        (HEAD._replace(bias=np.array(0, np.float32)), "shape"),
        (HEAD._replace(bias=np.array([b"a", b"b"])), "float32"),
    ],
)
def test_numbers_that_are_not_those_of_a_head_are_one_sentence(
    head: Head, words: str, saved: Path
) -> None:
    rewrite(saved, "model.weights.h5", weights_file(head))
    with pytest.raises(CracksError, match=rf"Expected a Keras model .*{words}.*run `dvc"):
        read_head(saved)


def weights_file(head: Head) -> bytes:
    """The weights as Keras names them in its own format."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        names = ("normalization/vars/0", "normalization/vars/1", "dense/vars/0", "dense/vars/1")
        for name, values in zip(names, head, strict=True):
            file[f"layers/{name}"] = values
    return buffer.getvalue()


def test_a_huge_shape_is_one_sentence(saved: Path) -> None:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name in ("normalization/vars/0", "normalization/vars/1", "dense/vars/1"):
            file[f"layers/{name}"] = np.ones(4, np.float32)
        file.create_dataset("layers/dense/vars/0", (10**7, 10**6), np.float32, chunks=(1000, 1000))
    rewrite(saved, "model.weights.h5", buffer.getvalue())
    with pytest.raises(CracksError, match=r"weights of shape \(10000000, 1000000\)"):
        read_head(saved)


def test_groups_in_place_of_numbers_are_one_sentence(saved: Path) -> None:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_group("layers/normalization/vars/0")
    rewrite(saved, "model.weights.h5", buffer.getvalue())
    with pytest.raises(CracksError, match="Expected a Keras model"):
        read_head(saved)


def test_a_head_without_its_origin_is_one_sentence(saved: Path) -> None:
    keras = import_keras()
    keras.saving.load_model(saved).save(saved)
    with pytest.raises(CracksError, match="Expected a Keras model .*origin.json.*run `dvc"):
        read_origin(saved)
