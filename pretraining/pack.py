"""Pack what was trained into the file that the project ships."""

from pathlib import Path

import pandas as pd

from cracks.backbones.packed import write_packed
from cracks.backbones.weights import SHIPPED
from cracks.project.outputs import write_csv
from pretraining.train import Training, layer_weights


def pack(backbone: str, training: Training) -> Path:
    """Write the weights of a trained backbone, and beside them the losses on the way; return it."""
    path = SHIPPED / f"{backbone}.npz"
    write_packed(path, layer_weights(training))
    losses = pd.DataFrame(training.history, columns=["batch", "cells", "crops"])
    write_csv(path.with_suffix(".csv"), losses, digits=None)
    return path
