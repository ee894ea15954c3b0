"""Ranges that are known: found by weights and size, and those of the shipped weights."""

import json
from pathlib import Path

import pytest

from cracks.backbones.catalogue import BACKBONES
from cracks.backbones.engines import ranges
from cracks.backbones.engines.openvino import backbone_model
from cracks.backbones.engines.quantisation import activation_ranges, quantised
from cracks.backbones.engines.ranges import known_ranges, write_ranges
from cracks.backbones.engines.registry import dependencies
from cracks.backbones.weights import write_weights
from cracks.project.params import load_params


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


@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_ranges_of_the_shipped_weights_are_those_that_are_measured(
    backbone: str, tmp_path: Path
) -> None:
    """But for one in fifty, that lies on the edge between two rounded numbers on a processor."""
    size, path = load_params().image_size, tmp_path / f"{backbone}.weights.h5"
    write_weights(backbone, "cracks", 0, path)
    known = known_ranges(backbone, path, size)
    assert known, f"run `dvc repro pretraining/dvc.yaml`: {json.dumps(backbone)}"
    model = backbone_model(backbone, path, size, "float32", ("features", "map"))
    measured = activation_ranges(quantised(model, size))
    assert len(measured) == len(known)
    differ = [pair for pair in zip(measured, known, strict=True) if pair[0] != pair[1]]
    assert len(differ) <= len(known) // 25
    for (_, found), (_, expected) in differ:
        assert found == pytest.approx(expected, rel=2**-6)
