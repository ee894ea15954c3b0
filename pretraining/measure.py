"""What pre-training brings: linear heads on frozen features of walls that were never trained on."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from cracks.backbones.catalogue import title as backbone_title
from cracks.backbones.model import CELL, pixel_model
from cracks.backbones.weights import SHIPPED, write_weights
from cracks.cells.head import Cells, joined, labelled_cells
from cracks.drawing.walls import SIDE
from cracks.project.outputs import Number, replacing, rounded, write_text
from cracks.project.temporary import temporary_folder
from cracks.runtime.progress import progress
from pretraining.crops import Walls
from pretraining.drawings import CHUNK, draw_walls
from pretraining.settings import Settings

METRICS = Path(__file__).with_name("metrics.json")
CURVES = METRICS.with_name("curves.png")

_WALLS = CHUNK  # half of them for the heads, half to test them
_PENALTY = 0.01  # scikit-learn's C
_CELLS = 40_000  # that the heads for cells are fitted on
_BATCH = 16


def measure(settings: Settings) -> None:
    """Write metrics.json, what heads reach on backbones before and after, and curves.png."""
    walls = Walls(draw_walls(_WALLS, settings.seed + 1))
    metrics = {
        backbone: {
            source: _probe(backbone, source, walls, settings.seed)
            for source in dict.fromkeys([recipe.start, "cracks"])
        }
        for backbone, recipe in settings.backbones.items()
    }
    text = json.dumps(metrics, indent=2)
    write_text(METRICS, f"{text}\n")
    _draw_curves(list(settings.backbones))
    print(text)


def _draw_curves(backbones: Sequence[str]) -> None:
    """Write pretraining/curves.png: the losses on the way, of cells and of crops."""
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    panels = figure.subplots(1, 2, sharey=False)
    for axes, name in zip(panels, ("cells", "crops"), strict=True):
        for backbone in backbones:
            losses = pd.read_csv(SHIPPED / f"{backbone}.csv")
            axes.plot(losses["batch"], losses[name], label=backbone_title(backbone))
        axes.set(title=f"Loss of {name}", xlabel="batches of 64 crops", ylim=(0, None))
        axes.grid(alpha=0.2)
    panels[0].legend(frameon=False)
    with replacing(CURVES) as unfinished:
        figure.savefig(unfinished, dpi=110, metadata={"Software": None})


def _probe(backbone: str, source: str, walls: Walls, seed: int) -> dict[str, Number]:
    """Accuracy and ROC AUC for patches, ROC AUC for cells, on the second half of the walls."""
    images, cells = _features(backbone, source, walls, seed)
    half, cracked = len(walls) // 2, np.arange(len(walls)) % 2 == 1
    head = _head().fit(images[:half], cracked[:half])
    scores = head.decision_function(images[half:])
    train, test = joined(cells[:half]), joined(cells[half:])
    taught = np.random.default_rng(seed).permutation(len(train.cracked))[:_CELLS]
    cell_head = _head().fit(train.features[taught], train.cracked[taught])
    cell_scores = cell_head.decision_function(test.features)
    return rounded(
        {
            "patch_accuracy": float(((scores > 0) == cracked[half:]).mean()),
            "patch_roc_auc": float(roc_auc_score(cracked[half:], scores)),
            "cell_roc_auc": float(roc_auc_score(test.cracked, cell_scores)),
        }
    )


def _features(
    backbone: str, source: str, walls: Walls, seed: int
) -> tuple[NDArray[np.float32], list[Cells]]:
    """The features of patches, and those of the whole cells of each."""
    side = SIDE // CELL * CELL
    with temporary_folder() as folder:
        weights = folder / f"{backbone}.weights.h5"
        write_weights(backbone, source, seed, weights)
        model = pixel_model(backbone, weights, side)
    images, cells = [], list[Cells]()
    batches = range(0, len(walls), _BATCH)
    for first in progress(batches, desc=f"features of {backbone}, {source}", unit="batch"):
        patches = [walls[number] for number in range(first, min(first + _BATCH, len(walls)))]
        rgb, masks = (np.stack(some)[:, :side, :side] for some in zip(*patches, strict=True))
        found = model(rgb, training=False)
        images.append(found["features"].numpy())
        cells += map(labelled_cells, found["map"].numpy(), masks == 1)
    return np.concatenate(images), cells


def _head() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=_PENALTY, max_iter=300))
