"""Ranges that are known: found by weights and size, and those of the shipped weights."""

import json
from pathlib import Path

import numpy as np
import pytest

from cracks.backbones.catalogue import BACKBONES
from cracks.backbones.engines import ranges
from cracks.backbones.engines.ranges import known_ranges, ranges_file, write_ranges
from cracks.backbones.engines.registry import dependencies
from cracks.backbones.weights import write_weights
from cracks.project.params import load_params
from pretraining.ranges import measure_ranges


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ranges, "FOLDER", tmp_path / "ranges")
    path = tmp_path / "vgg16.weights.h5"
    path.write_bytes(b"weights")
    return path


def test_what_was_written_is_known(weights: Path) -> None:
    write_ranges("vgg16", weights, 224, [(0.0, 2.5), (-0.9921875, 1.0)])
    assert known_ranges("vgg16", weights, 224) == [(0.0, 2.5), (-0.9921875, 1.0)]


def test_other_weights_sizes_and_backbones_have_no_known_ranges(weights: Path) -> None:
    write_ranges("vgg16", weights, 224, [(0.0, 2.5)])
    assert known_ranges("vgg16", weights, 227) is None
    assert known_ranges("resnet50", weights, 224) is None
    weights.write_bytes(b"other weights")
    assert known_ranges("vgg16", weights, 224) is None


def test_the_ranges_of_a_backbone_are_in_its_cache_key_alone(weights: Path) -> None:
    file = write_ranges("vgg16", weights, 224, [(0.0, 2.5)])
    assert file in dependencies("openvino", "vgg16", "int8").files
    assert file not in dependencies("openvino", "vgg16", "float32").files
    assert file not in dependencies("openvino", "resnet50", "int8").files


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_ranges_of_the_shipped_weights_are_known(backbone: str, tmp_path: Path) -> None:
    path = tmp_path / f"{backbone}.weights.h5"
    write_weights(backbone, "cracks", 0, path)
    assert known_ranges(backbone, path, load_params().image_size), "python -m pretraining ranges"


@pytest.mark.slow
def test_the_known_ranges_are_those_that_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for a few that lie on the edge between two rounded numbers on some processor."""
    known = json.loads(ranges_file("resnet50").read_text())
    monkeypatch.setattr(ranges, "FOLDER", tmp_path)
    measured = json.loads(measure_ranges("resnet50").read_text())
    assert measured["weights"] == known["weights"]
    assert measured["image_size"] == known["image_size"] == load_params().image_size
    np.testing.assert_allclose(measured["ranges"], known["ranges"], rtol=2**-6)
    assert np.mean(np.array(measured["ranges"]) != known["ranges"]) < 0.05
