"""Pack what was trained into the file that the project ships."""

from pathlib import Path

from cracks.backbones.packed import write_packed
from cracks.backbones.weights import SHIPPED
from cracks.project.outputs import replacing
from pretraining.train import Training, layer_weights


def pack(backbone: str, training: Training) -> Path:
    """Write the weights of a trained backbone, and beside them the losses on the way; return it."""
    path = SHIPPED / f"{backbone}.npz"
    write_packed(path, layer_weights(training))
    with replacing(path.with_suffix(".csv")) as unfinished:
        lines = ["batch,cells,crops", *(",".join(map(str, r.values())) for r in training.history)]
        unfinished.write_text("\n".join(lines) + "\n")
    return path
