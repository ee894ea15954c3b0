"""Measure the ranges of the activations of shipped weights, for the backbones in int8."""

from pathlib import Path

from cracks.backbones.engines.openvino import backbone_model
from cracks.backbones.engines.quantisation import activation_ranges, quantised
from cracks.backbones.engines.ranges import write_ranges
from cracks.backbones.weights import write_weights
from cracks.project.params import load_params
from cracks.project.temporary import temporary_folder


def measure_ranges(backbone: str) -> Path:
    """Write the ranges of a backbone at the image size of params.yaml; return the file."""
    image_size = load_params().image_size
    with temporary_folder() as folder:
        weights = folder / f"{backbone}.weights.h5"
        write_weights(backbone, "cracks", 0, weights)
        model = backbone_model(backbone, weights, image_size, "float32", ("features", "map"))
        ranges = activation_ranges(quantised(model, image_size))
        return write_ranges(backbone, weights, image_size, ranges)
