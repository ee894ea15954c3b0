"""Training of heads on frozen features, bit-identical from run to run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cracks.heads.head import Features, probabilities
from cracks.pipeline.errors import CracksError
from cracks.pipeline.keras_import import import_keras
from cracks.pipeline.labels import CLASSES, TRAIN, VALID
from cracks.pipeline.row_file import FEATURES, PROBABILITY, create_rows, open_rows

Labels = NDArray[np.int64]
Examples = tuple[Features, Labels]
"""Features `[n, channels]` and class indices `[n]`."""

_ROWS_AT_ONCE = 4096
_LEAST_VARIANCE = 1e-4  # of a channel, as a share of the mean over channels


@dataclass(frozen=True)
class Recipe:
    """How a head is trained."""

    epochs: int
    batch_size: int
    learning_rate: float


class SplitFeatures:
    """The features of the images of a split, left on the disk until a part is asked for."""

    def __init__(self, features: Path, split: pd.DataFrame) -> None:
        """Open `features` for the rows of `split`, whose columns are `id`, `label`, `part`.

        Raises:
            CracksError: if an image of the split has no features.
        """
        ids, self._features = open_rows(features, FEATURES)
        place = {name: index for index, name in enumerate(ids)}
        missing = [name for name in split["id"] if name not in place]
        if missing:
            raise CracksError(
                f"Expected features of all images of the split in {features}, found none of "
                f"{missing[0]!r} and {len(missing) - 1} more; run `dvc repro`."
            )
        self._rows = np.array([place[name] for name in split["id"]])
        self._parts = split["part"].to_numpy()
        self._labels = np.array([CLASSES.index(label) for label in split["label"]])

    def examples(self, part: str) -> Examples:
        """The examples of a part: all views of train, the images themselves elsewhere."""
        chosen = self._parts == part
        features = self._features[self._rows[chosen]]
        views = features.shape[1] if part == TRAIN else 1
        flat = np.ascontiguousarray(features[:, :views]).reshape(-1, features.shape[2])
        return flat, np.repeat(self._labels[chosen], views)

    def score(self, head: Any) -> Features:
        """P(crack) of every image of the split, in its order."""
        starts = range(0, len(self._rows), _ROWS_AT_ONCE)
        chunks = (self._rows[start : start + _ROWS_AT_ONCE] for start in starts)
        return np.concatenate([probabilities(head, self._features[rows, 0]) for rows in chunks])


def train_head(
    recipe: Recipe, seed: int, train: Examples, valid: Examples
) -> tuple[Any, pd.DataFrame]:
    """Train one head with Adam on categorical cross-entropy.

    Args:
        recipe: epochs, batch size and learning rate.
        seed: of the initial weights and the order of the batches.
        train: what it learns from.
        valid: what the epoch is chosen by.

    Returns:
        The Keras model with the weights of the epoch of lowest validation loss, and its history:
        one row an epoch and part, columns `epoch` (from 1), `part`, `loss`, `accuracy`.
    """
    keras = import_keras()
    import tensorflow as tf

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    model = _build(train[0])
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    keep_best = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=recipe.epochs, restore_best_weights=True
    )
    history = model.fit(
        train[0],
        keras.utils.to_categorical(train[1], len(CLASSES)),
        validation_data=(valid[0], keras.utils.to_categorical(valid[1], len(CLASSES))),
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        callbacks=[keep_best],
        verbose=0,
    )
    return model, _history_table(history.history)


def _build(features: Features) -> Any:
    """Standardisation adapted to the training features, then the softmax layer.

    A channel that hardly moves on the training images counts as if it moved a hundredth of what
    channels do: divided by next to nothing, its first stir on a new photograph would decide alone.
    """
    keras = import_keras()
    layers = keras.layers

    standardise = layers.Normalization(name="standardise")
    standardise.adapt(features)
    variance = np.asarray(standardise.adapt_variance)
    standardise.adapt_variance.assign(np.maximum(variance, _LEAST_VARIANCE * variance.mean()))
    standardise.finalize_state()
    softmax = layers.Dense(len(CLASSES), activation="softmax", name="softmax")
    inputs = layers.Input((features.shape[1],), name="features")
    return keras.Sequential([inputs, standardise, softmax], name="head")


def _history_table(history: dict[str, list[float]]) -> pd.DataFrame:
    """One row an epoch and part."""
    parts = ((TRAIN, ""), (VALID, "val_"))
    tables = [
        pd.DataFrame(
            {
                "epoch": range(1, len(history["loss"]) + 1),
                "part": part,
                "loss": history[f"{prefix}loss"],
                "accuracy": history[f"{prefix}accuracy"],
            }
        )
        for part, prefix in parts
    ]
    return pd.concat(tables, ignore_index=True)


def write_scores(path: Path, ids: list[str], scores: Features) -> None:
    """Write P(crack) `[images, seeds]` in the form of `cracks.pipeline.row_file`."""
    rows = create_rows(path, ids, PROBABILITY, (scores.shape[1],))
    rows[PROBABILITY] = scores
    rows.flush()
