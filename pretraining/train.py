"""Train a backbone on drawn walls; go on from the last checkpoint.

The learning rate rises at first, stays, and falls at the end (Hägele et al. 2024, "Scaling laws and
compute-optimal training beyond fixed training durations"), so that a training may be made longer
after it has begun: the checkpoints before the fall are the same. A training that has ended goes on
in another cycle (warm restarts, Loshchilov and Hutter 2017, "SGDR"), with new outputs and a new
optimiser, from the weights that were shipped.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cracks.backbones.packed import read_packed, write_packed
from cracks.backbones.weights import write_weights
from cracks.project.outputs import replacing
from cracks.project.temporary import temporary_folder
from cracks.runtime.cache_folder import cache_folder
from cracks.runtime.keras_import import import_keras
from cracks.runtime.progress import progress
from pretraining.crops import Walls, batches
from pretraining.network import CROP_LOSS, build_network, losses
from pretraining.settings import Settings

Layers = dict[str, list[NDArray[np.float32]]]
"""The weights of layers by name, as Keras orders them."""

_WARM_UP = 100  # batches
_CHECKPOINT = 50  # batches between two checkpoints, whose mean losses are shown and kept
_GRADIENT_NORM = 1.0  # to which larger gradients are cut
_LAST = 0.01  # of the learning rate that is left at the end


class Training(NamedTuple):
    """What a training is made of."""

    network: Any
    backbone: Any  # the part of the network that is kept
    optimiser: Any
    history: list[dict[str, float]]  # mean losses of each `_CHECKPOINT` batches


def train(backbone: str, settings: Settings, files: list[Path]) -> Training:
    """Train to the end of the last cycle, writing checkpoints into the cache folder."""
    walls = Walls(files)
    training = None
    for cycle in range(len(settings.backbones[backbone].batches)):
        training = _train_cycle(backbone, settings, walls, cycle, training)
    assert training is not None
    return training


def layer_weights(training: Training) -> Layers:
    """The weights of each layer of the backbone that has some."""
    return {layer.name: layer.get_weights() for layer in training.backbone.layers if layer.weights}


def _train_cycle(
    backbone: str, settings: Settings, walls: Walls, cycle: int, before: Training | None
) -> Training:
    import tensorflow as tf

    training, done, checkpoint = _begun(backbone, settings, cycle, before)
    recipe = settings.backbones[backbone]
    first, count = sum(recipe.batches[:cycle]), recipe.batches[cycle]
    end = first + count
    step = _step(training)
    seen: list[list[float]] = []
    coming = batches(walls, settings.batch_size, settings.crop, settings.seed, first + done, end)
    bar = progress(coming, total=count, initial=done, desc=f"training {backbone}", unit="batch")
    for number, batch in enumerate(bar, done):
        rate = recipe.learning_rate * _share(number, count, recipe.fall)
        training.optimiser.learning_rate.assign(rate)
        seen.append([float(loss) for loss in step(*map(tf.constant, batch))])
        if len(seen) == _CHECKPOINT:
            cells, crops = (round(float(loss), 5) for loss in np.mean(seen, axis=0))
            training.history.append({"batch": first + number + 1, "cells": cells, "crops": crops})
            bar.set_postfix_str(f"loss of cells {cells:.4f}, of crops {crops:.4f}")
            seen.clear()
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
            loss = cells + CROP_LOSS * crops
        variables = network.trainable_variables
        optimiser.apply(tape.gradient(loss, variables), variables)
        return cells, crops

    return tf.function(step)


def _begun(
    backbone: str, settings: Settings, cycle: int, before: Training | None
) -> tuple[Training, int, Path]:
    """A cycle as its checkpoint left it, or a new one; the batches done in it; the checkpoint."""
    keras = import_keras()

    recipe = settings.backbones[backbone]
    folder = _folder_of(backbone, settings, cycle)
    start = folder / "start.weights.h5"
    write_weights(backbone, recipe.start, settings.seed, start)
    keras.utils.set_random_seed(settings.seed)
    network, kept = build_network(backbone, settings.crop, start, recipe.frozen)
    if before is not None:
        for name, arrays in _as_shipped(layer_weights(before)).items():
            kept.get_layer(name).set_weights(arrays)
    optimiser = keras.optimizers.AdamW(
        recipe.learning_rate, weight_decay=recipe.weight_decay, global_clipnorm=_GRADIENT_NORM
    )
    optimiser.build(network.trainable_variables)
    training = Training(network, kept, optimiser, [] if before is None else list(before.history))
    checkpoint = folder / "checkpoint.npz"
    return training, _restored(checkpoint, training), checkpoint


def _folder_of(backbone: str, settings: Settings, cycle: int) -> Path:
    """The cache folder of a cycle; another for each setting that its batches follow from."""
    recipe = settings.backbones[backbone]
    fixed = settings.model_dump(exclude={"backbones"})
    fixed |= recipe.model_dump(exclude={"batches", "fall"})
    if cycle:
        fixed |= {"before": recipe.batches[:cycle], "fall": recipe.fall}
    key = hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:12]
    return cache_folder(f"pretraining/{backbone}-{key}")


def _as_shipped(layers: Layers) -> Layers:
    """Weights as they are after packing."""
    with temporary_folder() as folder:
        packed = folder / "packed.npz"
        write_packed(packed, layers)
        return read_packed(packed)


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
        training.history[:] = json.loads(str(arrays["history"]))
        return int(arrays["done"])
