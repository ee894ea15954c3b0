"""Packed weights come back within half a step of their 8 bits, and the file is always the same."""

from pathlib import Path

import numpy as np
import pytest

from cracks.backbones import weights
from cracks.backbones.catalogue import BACKBONES
from cracks.backbones.model import build_backbone
from cracks.backbones.packed import read_packed, write_packed
from cracks.backbones.weights import write_weights
from cracks.project.errors import CracksError
from cracks.project.outputs import sha256_of

LAYERS: dict[str, list[np.ndarray]] = {
    "conv": [
        np.random.default_rng(0).normal(size=(3, 3, 4, 8)).astype(np.float32),
        np.arange(8, dtype=np.float32) / 7,
    ],
    "bn": [np.full(8, value, np.float32) for value in (1.5, -0.25, 1e-3, 2e3)],
}


def test_kernels_come_back_within_half_a_step(tmp_path: Path) -> None:
    write_packed(tmp_path / "a.npz", LAYERS)
    layers = read_packed(tmp_path / "a.npz")

    kernel, back = LAYERS["conv"][0], layers["conv"][0]
    step = np.abs(kernel).max(axis=(0, 1, 2)) / 127
    assert (np.abs(back - kernel) <= 0.5001 * step).all()
    assert np.abs(back - kernel).max() > 0.2 * step.min(), "8 bits, not more"


def test_all_else_comes_back_as_it_was(tmp_path: Path) -> None:
    write_packed(tmp_path / "a.npz", LAYERS)
    layers = read_packed(tmp_path / "a.npz")

    assert list(layers) == ["conv", "bn"]
    np.testing.assert_array_equal(layers["conv"][1], LAYERS["conv"][1])
    for back, array in zip(layers["bn"], LAYERS["bn"], strict=True):
        np.testing.assert_array_equal(back, array)


def test_packing_again_changes_nothing(tmp_path: Path) -> None:
    write_packed(tmp_path / "a.npz", LAYERS)
    write_packed(tmp_path / "b.npz", read_packed(tmp_path / "a.npz"))
    assert sha256_of(tmp_path / "a.npz") == sha256_of(tmp_path / "b.npz")


def test_a_channel_of_zeros_stays_one(tmp_path: Path) -> None:
    write_packed(tmp_path / "a.npz", {"conv": [np.zeros((1, 1, 2, 3), np.float32)]})
    assert not read_packed(tmp_path / "a.npz")["conv"][0].any()


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["resnet50", "vgg16"])
def test_our_own_weights_fill_what_the_pipeline_uses(backbone: str, tmp_path: Path) -> None:
    path, other_seed = tmp_path / "a.weights.h5", tmp_path / "b.weights.h5"
    write_weights(backbone, "cracks", 0, path)
    write_weights(backbone, "cracks", 1, other_seed)
    assert sha256_of(path) == sha256_of(other_seed), "no layer kept its initial values"

    model = build_backbone(backbone)
    model.load_weights(path)
    layers = [layer for layer in model.layers if layer.weights]
    names = [layer.name for layer in layers]
    last = max(
        place for place, layer in enumerate(model.layers) if layer.name == BACKBONES[backbone].layer
    )
    for layer in layers:
        used = model.layers.index(layer) <= last
        assert layer.get_weights()[0].any() == used, (layer.name, names)


def test_damaged_own_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_packed(tmp_path / "vgg16.npz", LAYERS)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    with pytest.raises(CracksError, match="git restore pretraining/weights"):
        write_weights("vgg16", "cracks", 0, tmp_path / "x.weights.h5")
    assert not (tmp_path / "x.weights.h5").exists()
