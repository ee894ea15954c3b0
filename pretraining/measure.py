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
from cracks.drawing.walls import SIDE
from cracks.project.outputs import DIGITS, replacing
from cracks.project.temporary import temporary_folder
from cracks.runtime.progress import progress
from pretraining.crops import Walls
from pretraining.drawings import CHUNK, draw_walls
from pretraining.network import CRACKED_CELL
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
    with replacing(METRICS) as unfinished:
        unfinished.write_text(json.dumps(metrics, indent=2) + "\n")
    _draw_curves(list(settings.backbones))
    print(json.dumps(metrics, indent=2))


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


def _probe(backbone: str, source: str, walls: Walls, seed: int) -> dict[str, float]:
    """Accuracy and ROC AUC for patches, ROC AUC for cells, on the second half of the walls."""
    images, cells, cracked = _features(backbone, source, walls, seed)
    half, patches = len(walls) // 2, np.arange(len(walls)) % 2 == 1
    head = _head().fit(images[:half], patches[:half])
    scores = head.decision_function(images[half:])
    clear = (cracked == 0) | (cracked >= CRACKED_CELL)
    taught = np.flatnonzero(clear[:half].ravel())
    taught = np.random.default_rng(seed).permutation(taught)[:_CELLS]
    flat, truth = cells.reshape(-1, cells.shape[-1]), cracked.ravel() >= CRACKED_CELL
    cell_head = _head().fit(flat[taught], truth[taught])
    first = half * cracked[0].size
    tested = first + np.flatnonzero(clear[half:].ravel())
    return {
        "patch_accuracy": round(float(((scores > 0) == patches[half:]).mean()), DIGITS),
        "patch_roc_auc": round(float(roc_auc_score(patches[half:], scores)), DIGITS),
        "cell_roc_auc": round(
            float(roc_auc_score(truth[tested], cell_head.decision_function(flat[tested]))), DIGITS
        ),
    }


def _features(
    backbone: str, source: str, walls: Walls, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
    """Features of patches and of their whole cells, and the crack pixels of each cell."""
    side = SIDE // CELL * CELL
    with temporary_folder() as folder:
        weights = folder / f"{backbone}.weights.h5"
        write_weights(backbone, source, seed, weights)
        model = pixel_model(backbone, weights, side)
    places = side // CELL
    images, cells = [], []
    cracked: list[NDArray[np.float64]] = []
    batches = range(0, len(walls), _BATCH)
    for first in progress(batches, desc=f"features of {backbone}, {source}", unit="batch"):
        numbers = range(first, min(first + _BATCH, len(walls)))
        patches = [walls[number] for number in numbers]
        found = model(np.stack([rgb[:side, :side] for rgb, _ in patches]), training=False)
        images.append(found["features"].numpy())
        cells.append(found["map"].numpy())
        cracked.extend(
            mask[:side, :side].reshape(places, CELL, places, CELL).sum((1, 3), dtype=float)
            for _, mask in patches
        )
    return np.concatenate(images), np.concatenate(cells), np.stack(cracked)


def _head() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=_PENALTY, max_iter=300))
