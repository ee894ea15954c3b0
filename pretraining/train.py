"""Train a backbone on drawn walls; go on from the last checkpoint.

The learning rate rises at first, stays, and falls at the end (Hägele et al. 2024, "Scaling laws and
compute-optimal training beyond fixed training durations"), so that a training may be made longer
after it has begun: the checkpoints before the fall are the same.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cracks.backbones.weights import write_weights
from cracks.project.outputs import replacing
from cracks.runtime.cache_folder import cache_folder
from cracks.runtime.keras_import import import_keras
from cracks.runtime.progress import progress
from pretraining.crops import Walls, batches
from pretraining.network import build_network, loss_of, losses
from pretraining.settings import Settings

_WARM_UP = 100  # batches
_CHECKPOINT = 25  # batches between two checkpoints
_SHOWN = 50  # batches whose mean loss is shown and kept
_GRADIENT_NORM = 1.0  # to which larger gradients are cut
_LAST = 0.01  # of the learning rate that is left at the end


class Training(NamedTuple):
    """What a training is made of."""

    network: Any
    backbone: Any  # the part of the network that is kept
    optimiser: Any
    history: list[dict[str, float]]  # mean losses of each `_SHOWN` batches


def train(backbone: str, settings: Settings, files: list[Path]) -> Training:
    """Train to the end, writing checkpoints into the cache folder."""
    import tensorflow as tf

    training, done, checkpoint = _begun(backbone, settings)
    recipe = settings.backbones[backbone]
    step = _step(training)
    walls = Walls(files)
    seen: list[tuple[float, float]] = []
    coming = batches(walls, settings.batch_size, settings.crop, settings.seed, done, recipe.batches)
    bar = progress(
        coming, total=recipe.batches, initial=done, desc=f"training {backbone}", unit="batch"
    )
    for number, batch in enumerate(bar, done):
        training.optimiser.learning_rate.assign(
            recipe.learning_rate * _share(number, recipe.batches, recipe.fall)
        )
        shown = step(tf.constant(batch.rgb), tf.constant(batch.cracked))
        seen.append((float(shown[0]), float(shown[1])))
        if len(seen) == _SHOWN:
            cells, crops = np.mean(seen, axis=0)
            row = {"batch": number + 1, "cells": round(cells, 5), "crops": round(crops, 5)}
            training.history.append(row)
            bar.set_postfix_str(f"loss of cells {cells:.4f}, of crops {crops:.4f}")
            seen.clear()
        if (number + 1) % _CHECKPOINT == 0:
            _save(checkpoint, training, number + 1)
    return training


def _share(number: int, count: int, fall: float) -> float:
    """The learning rate of a batch as a share of the largest one."""
    falling = (count - number) / max(round(fall * count), 1)
    return min((number + 1) / _WARM_UP, max(falling, _LAST), 1.0)


def _step(training: Training) -> Any:
    import tensorflow as tf

    network, _, optimiser, _ = training

    def step(rgb: Any, cracked: Any) -> Any:
        with tf.GradientTape() as tape:
            cell_logits, crop_logits = network(tf.cast(rgb, tf.float32), training=True)
            cells, crops = losses(cell_logits, crop_logits, cracked)
            loss = loss_of(cells, crops)
        variables = network.trainable_variables
        optimiser.apply(tape.gradient(loss, variables), variables)
        return cells, crops

    return tf.function(step)


def _begun(backbone: str, settings: Settings) -> tuple[Training, int, Path]:
    """A training as its checkpoint left it, or a new one; the batches done; the checkpoint."""
    keras = import_keras()

    recipe = settings.backbones[backbone]
    fixed = settings.model_dump(exclude={"backbones"}) | recipe.model_dump(
        exclude={"batches", "fall"}
    )
    key = hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:12]
    folder = cache_folder(f"pretraining/{backbone}-{key}")
    start = folder / "start.weights.h5"
    write_weights(backbone, recipe.start, settings.seed, start)
    keras.utils.set_random_seed(settings.seed)
    network, kept = build_network(backbone, settings.crop, start, recipe.frozen)
    optimiser = keras.optimizers.AdamW(
        recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        global_clipnorm=_GRADIENT_NORM,
    )
    optimiser.build(network.trainable_variables)
    training = Training(network, kept, optimiser, [])
    checkpoint = folder / "checkpoint.npz"
    return training, _restored(checkpoint, training), checkpoint


def _variables(training: Training) -> Iterator[Any]:
    yield from training.network.variables
    yield from training.optimiser.variables


def _save(checkpoint: Path, training: Training, done: int) -> None:
    arrays = {str(place): v.numpy() for place, v in enumerate(_variables(training))}
    with replacing(checkpoint) as unfinished, unfinished.open("wb") as file:
        np.savez(file, done=done, history=json.dumps(training.history), **arrays)


def _restored(checkpoint: Path, training: Training) -> int:
    """Set what a checkpoint holds, if there is one; return the batches done."""
    if not checkpoint.exists():
        return 0
    with np.load(checkpoint) as arrays:
        for place, variable in enumerate(_variables(training)):
            variable.assign(arrays[str(place)])
        training.history.extend(json.loads(str(arrays["history"])))
        return int(arrays["done"])
