import hashlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from cracks.backbones.model import build_backbone
from cracks.backbones.weights import write_weights
from cracks.project.errors import CracksError
from cracks.project.outputs import sha256_of

Weights = Callable[[str], Path]


def first_kernel(path: Path, backbone: str) -> np.ndarray:
    model = build_backbone(backbone)
    model.load_weights(path)
    return next(weight.numpy() for weight in model.weights)


@pytest.mark.parametrize("backbone", ["resnet50", "vgg16"])
def test_random_is_the_same_file_for_the_same_seed(
    backbone: str, random_weights: Weights, tmp_path: Path
) -> None:
    again, other = tmp_path / "again.weights.h5", tmp_path / "other.weights.h5"
    write_weights(backbone, "random", 0, again)
    write_weights(backbone, "random", 1, other)
    assert sha256_of(again) == sha256_of(random_weights(backbone)) != sha256_of(other)


def test_edges_are_the_convolutions_of_the_package(tmp_path: Path) -> None:
    from cracks.backbones.weights import _edges_file

    path = tmp_path / "vgg16.weights.h5"
    write_weights("vgg16", "edges", 0, path)
    other_seed = tmp_path / "other.weights.h5"
    write_weights("vgg16", "edges", 5, other_seed)
    assert sha256_of(path) == sha256_of(other_seed), "no layer kept its initial values"

    model = build_backbone("vgg16")
    model.load_weights(path)
    with h5py.File(_edges_file()) as file:
        for name, group in {
            "block1_conv1": "block1/layers/conv2d",
            "block3_conv3": "block3/layers/conv2d_2",
            "block5_conv2": "block5/layers/conv2d_1",
        }.items():
            kernel, bias = model.get_layer(name).get_weights()
            np.testing.assert_array_equal(kernel, file[f"{group}/vars/0"])
            np.testing.assert_array_equal(bias, file[f"{group}/vars/1"])


def test_edges_are_refused_for_other_backbones(tmp_path: Path) -> None:
    with pytest.raises(CracksError, match=r"weights\.resnet50.*imagenet, random or a path"):
        write_weights("resnet50", "edges", 0, tmp_path / "x.weights.h5")


@pytest.mark.parametrize("classic", [True, False])
def test_a_file_of_ones_own_in_either_form(
    classic: bool, random_weights: Weights, tmp_path: Path
) -> None:
    if classic:
        source = tmp_path / "vgg16_weights_notop.h5"
        model = build_backbone("vgg16")
        model.load_weights(random_weights("vgg16"))
        from keras.src.legacy.saving import legacy_h5_format

        with h5py.File(source, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
    else:
        source = random_weights("vgg16")
    path = tmp_path / "out.weights.h5"
    write_weights("vgg16", str(source), 3, path)
    assert sha256_of(path) == sha256_of(random_weights("vgg16"))


def test_a_file_that_does_not_fit_leaves_nothing(random_weights: Weights, tmp_path: Path) -> None:
    path = tmp_path / "out" / "vgg16.weights.h5"
    text = tmp_path / "text.h5"
    text.write_text("no weights")
    for source in (str(random_weights("resnet50")), str(text), str(tmp_path / "absent.h5")):
        with pytest.raises(CracksError, match="Expected"):
            write_weights("vgg16", source, 0, path)
        assert not path.exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(
    value: float, random_weights: Weights, tmp_path: Path
) -> None:
    source = tmp_path / "broken.weights.h5"
    source.write_bytes(random_weights("vgg16").read_bytes())
    with h5py.File(source, "r+") as file:
        file["layers/conv2d_3/vars/0"][0, 0, 0, 0] = value
    path = tmp_path / "vgg16.weights.h5"
    with pytest.raises(CracksError, match=r"found NaN or infinity in .* of .*broken"):
        write_weights("vgg16", str(source), 0, path)
    assert not path.exists()


def test_imagenet_is_taken_from_keras_own_cache_and_verified(
    random_weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from cracks.backbones import catalogue

    data = random_weights("vgg16").read_bytes()
    name = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    cached = tmp_path / "keras" / "models" / name
    cached.parent.mkdir(parents=True)
    cached.write_bytes(data)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    entry = replace(
        catalogue.BACKBONES["vgg16"],
        imagenet_url=f"http://127.0.0.1:9/{name}",
        imagenet_md5=hashlib.md5(data).hexdigest(),
    )
    monkeypatch.setitem(catalogue.BACKBONES, "vgg16", entry)
    path = tmp_path / "vgg16.weights.h5"
    write_weights("vgg16", "imagenet", 0, path)
    assert sha256_of(path) == sha256_of(random_weights("vgg16"))
