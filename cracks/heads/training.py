"""Training of heads on frozen features, bit-identical from run to run.

The features are whitened with shrinkage (`cracks.heads.whitening`), by the amount that makes the
curvature of the penalised loss equal in all directions. A softmax layer is trained on them by
averaged stochastic gradient descent. The weights of the epoch of lowest validation loss are kept;
whitening and layer are folded into one linear layer on standardised features.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_softmax
from threadpoolctl import threadpool_limits

from cracks.heads.head import LinearHead
from cracks.heads.scratch import on_disk
from cracks.heads.statistics import Features
from cracks.heads.whitening import Whitening, fit_whitening
from cracks.pipeline.errors import CracksError
from cracks.pipeline.keras_import import import_keras
from cracks.pipeline.labels import CLASSES, TRAIN, VALID, class_indices
from cracks.pipeline.row_file import FEATURES, PROBABILITY, create_rows, open_rows

Labels = NDArray[np.int64]
Examples = tuple[Features, Labels]
"""Features `[n, channels]` and class indices `[n]`."""

Weights = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Kernel `[components, classes]` and bias `[classes]` of a softmax layer."""

_ROWS_AT_ONCE = 4096
_AVERAGES_PER_EPOCH = 2  # the moving average of the weights spans half an epoch


@dataclass(frozen=True)
class Recipe:
    """How a head is trained.

    It minimises the cross-entropy summed over the training rows plus `l2 / 2` times the sum of the
    squared weights on the standardised features, so that a penalty that suits few images does not
    hold back many. The C of scikit-learn's `LogisticRegression` is `2 / l2`.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    l2: float


class SplitFeatures:
    """The features of the images of a split, read from disk a part at a time."""

    def __init__(self, features: Path, split: pd.DataFrame) -> None:
        """Open `features` for the rows of `split`, whose columns are `id`, `label`, `part`.

        Raises:
            CracksError: if an image of the split has no features.
        """
        self._path = features
        self._ids, self._features = open_rows(features, FEATURES)
        place = {name: index for index, name in enumerate(self._ids)}
        missing = [name for name in split["id"] if name not in place]
        if missing:
            raise CracksError(
                f"Expected features of all images of the split in {features}, found none of "
                f"{missing[0]!r} and {len(missing) - 1} more; run `dvc repro`."
            )
        self._rows = np.array([place[name] for name in split["id"]])
        self._parts = split["part"].to_numpy()
        self._labels = class_indices(split["label"])

    def examples(self, part: str) -> Examples:
        """The examples of a part: all views of train, the images themselves elsewhere.

        Their features lie on the disk, not in memory.

        Raises:
            CracksError: if a feature is not finite.
        """
        chosen = self._parts == part
        views = None if part == TRAIN else 1
        features = on_disk(rows for _, rows in self._chunks(self._rows[chosen], views))
        labels = np.repeat(self._labels[chosen], features.shape[1])
        return features.reshape(-1, features.shape[2]), labels

    def score(self, heads: Sequence[LinearHead]) -> Features:
        """P(crack) of every image of the split, in its order, by each head: `[images, heads]`.

        Raises:
            CracksError: if a feature is not finite.
        """
        scores = np.empty((len(self._rows), len(heads)), np.float32)
        # the order of summation depends on the number of threads
        with threadpool_limits(1, "blas"):
            for chunk, rows in self._chunks(self._rows, views=1):
                features = rows[:, 0].astype(np.float64)
                for number, head in enumerate(heads):
                    scores[chunk, number] = head.probability(features)
        return scores

    def _chunks(
        self, rows: NDArray[np.int64], views: int | None
    ) -> Iterator[tuple[slice, Features]]:
        """Some rows at a time, as their slice of `rows` and their features `[n, views, channels]`.

        Of the views, the first ones or all of them.
        """
        step = max(1, _ROWS_AT_ONCE // self._features[:, :views].shape[1])
        for start in range(0, len(rows), step):
            chunk = slice(start, start + step)
            features = self._features[rows[chunk], :views]
            finite = np.isfinite(features).all(axis=(1, 2))
            if not finite.all():
                raise CracksError(
                    f"Expected finite numbers in {self._path}, found NaN or infinity in the row "
                    f"of {self._ids[rows[chunk][finite.argmin()]]!r}; check the backbone's "
                    "weights and run `dvc repro`."
                )
            yield chunk, features


class _Progress:
    """Loss and accuracy after every epoch, and the best weights of each head."""

    def __init__(self, train: Examples, valid: Examples) -> None:
        self.best: list[Weights] = []
        self._lowest: list[float] = []
        self._train, self._valid = train, valid
        self._rows: list[tuple[str, float, float]] = []  # of the first head

    def record(self, heads: Sequence[Weights]) -> None:
        """Record an epoch by the weights of all heads after it.

        Raises:
            CracksError: if training diverges.
        """
        results = [_loss_and_accuracy(self._valid, weights) for weights in heads]
        if not np.isfinite(results).all():
            raise CracksError(
                "Expected a finite validation loss, found none: training diverges; lower "
                "`learning_rate` in params.yaml."
            )
        self._rows += [(TRAIN, *_loss_and_accuracy(self._train, heads[0])), (VALID, *results[0])]
        if not self.best:
            self.best, self._lowest = list(heads), [loss for loss, _ in results]
        for number, (loss, _) in enumerate(results):
            if loss < self._lowest[number]:
                self.best[number], self._lowest[number] = heads[number], loss

    def history(self) -> pd.DataFrame:
        """The curves of the first head, a row for each epoch and part."""
        table = pd.DataFrame(self._rows, columns=["part", "loss", "accuracy"])
        table.insert(0, "epoch", table.groupby("part").cumcount() + 1)
        return table.sort_values(["part", "epoch"], ignore_index=True)


def train_heads(
    recipe: Recipe,
    seeds: Sequence[int],
    train: Examples,
    valid: Examples,
    after_epoch: Callable[[], object] = lambda: None,
) -> tuple[list[Any], pd.DataFrame]:
    """Train a head for each seed, all in one Keras model with an axis of seeds.

    The loss is convex, so all heads start from zero weights; a seed determines the order of the
    batches. A head has the same bits whichever others are trained beside it. Sums are computed by
    one thread, because their order would depend on the number of threads.

    Args:
        recipe: how they are trained.
        seeds: one for each head.
        train: the training examples.
        valid: the examples that choose the epoch.
        after_epoch: called after each epoch.

    Returns:
        The Keras models, each from features to probabilities with the weights of its epoch of
        lowest validation loss; and the history of the first: a row for each epoch and part, columns
        `epoch` (from 1), `part`, `loss`, `accuracy`.

    Raises:
        CracksError: if the features of all training images are equal, or training diverges.
    """
    keras = import_keras()
    import tensorflow as tf

    with suppress(RuntimeError):  # TensorFlow is in use already and keeps its threads
        tf.config.threading.set_intra_op_parallelism_threads(1)
    keras.backend.clear_session()
    tf.config.experimental.enable_op_determinism()
    recipe = replace(recipe, batch_size=min(recipe.batch_size, len(train[0])))
    with threadpool_limits(1, "blas"):
        whitening = fit_whitening(train[0], shrinkage=2 * recipe.l2 / len(train[0]))
        train, valid = (whitening(train[0]), train[1]), (whitening(valid[0]), valid[1])
        progress = _Progress(train, valid)

        def end_epoch(heads: list[Weights]) -> None:
            progress.record(heads)
            after_epoch()

        _fit(recipe, seeds, train, whitening.penalty, end_epoch)
    return [_head(whitening, *weights) for weights in progress.best], progress.history()


def _fit(
    recipe: Recipe,
    seeds: Sequence[int],
    train: Examples,
    penalty: Features,
    end_epoch: Callable[[list[Weights]], None],
) -> None:
    """Train softmax layers on whitened features and hand over their weights after each epoch.

    The mean loss's second derivative along each component of variance v is (v / 2 + l2 / rows)
    times its penalty 1 / (v + shrinkage) at the start: with a shrinkage of 2 * l2 / rows it is 1/2
    for all, and gradient descent advances equally fast everywhere.
    """
    keras = import_keras()

    def cross_entropy(targets: Any, logits: Any) -> Any:
        each = keras.ops.categorical_crossentropy(targets, logits, from_logits=True)
        return keras.ops.sum(each, axis=-1)  # over heads, so that none is scaled by their number

    steps = -(-len(train[0]) // recipe.batch_size)
    inputs = keras.Input((len(seeds), train[0].shape[1]))
    heads = _linear_layers(recipe.l2 / len(train[0]) / 2 * penalty)
    model = keras.Model(inputs, heads(inputs))
    momentum = max(0.0, 1 - _AVERAGES_PER_EPOCH / steps)
    model.compile(
        optimizer=keras.optimizers.SGD(recipe.learning_rate, use_ema=True, ema_momentum=momentum),
        loss=cross_entropy,
        steps_per_execution=steps,
        jit_compile=False,
    )
    averaged = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: end_epoch(list(zip(*heads.get_weights(), strict=True)))
    )
    model.fit(
        _batches(recipe, seeds, train),
        epochs=recipe.epochs,
        steps_per_epoch=steps,
        callbacks=[averaged, watch],
        shuffle=False,
        verbose=0,
    )


def _linear_layers(penalty: Features) -> Any:
    """One Keras layer of several heads, from `[batch, heads, components]` to logits.

    The weights of all are two variables, because the graph that updates a variable takes a while to
    build. Each head is computed separately: sums over all would be in an order that depends on how
    many there are.

    Args:
        penalty: `[components]`; times the square of each weight, it is added to the loss.
    """
    keras = import_keras()

    class LinearLayers(keras.layers.Layer):  # type: ignore[name-defined]
        def build(self, shape: tuple[int | None, int, int]) -> None:
            _, heads, components = shape
            self.kernel = self.add_weight((heads, components, len(CLASSES)), initializer="zeros")
            self.bias = self.add_weight((heads, len(CLASSES)), initializer="zeros")

        def call(self, inputs: Any) -> Any:
            self.add_loss(keras.ops.sum(self.kernel**2 * penalty[:, np.newaxis]))
            unstack = keras.ops.unstack
            each = zip(
                unstack(inputs, axis=1), unstack(self.kernel), unstack(self.bias), strict=True
            )
            logits = [features @ kernel + bias for features, kernel, bias in each]
            return keras.ops.stack(logits, axis=1)  # noqa: PD013

    return LinearLayers()


def _batches(recipe: Recipe, seeds: Sequence[int], train: Examples) -> Any:
    """Of all epochs: components `[batch, heads, components]` and targets `[batch, heads, 2]`.

    Each head has its own order, drawn anew for each epoch. The first rows of that order fill up
    its last batch.
    """
    import tensorflow as tf

    features, targets = train[0], np.eye(len(CLASSES), dtype=np.float32)[train[1]]
    steps = -(-len(features) // recipe.batch_size)
    generators = [np.random.default_rng(seed) for seed in seeds]

    def batches() -> Iterator[tuple[Features, Features]]:
        for _ in range(recipe.epochs):
            orders = [g.permutation(len(features)) for g in generators]
            for step in range(steps):
                first = step * recipe.batch_size
                places = np.arange(first, first + recipe.batch_size) % len(features)
                batch = np.stack([order[places] for order in orders], axis=-1)
                yield features[batch], targets[batch]

    shape = (recipe.batch_size, len(seeds))
    signature = (
        tf.TensorSpec((*shape, features.shape[1]), tf.float32),
        tf.TensorSpec((*shape, len(CLASSES)), tf.float32),
    )
    options = tf.data.Options()
    options.autotune.enabled = False  # it stalls for seconds now and then
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return dataset.prefetch(2).with_options(options)


def _loss_and_accuracy(examples: Examples, weights: Weights) -> tuple[float, float]:
    """Mean cross-entropy and share of right answers of a softmax layer."""
    (features, labels), (kernel, bias) = examples, weights
    logs = log_softmax((features @ kernel + bias).astype(np.float64), axis=1)
    loss = -logs[np.arange(len(labels)), labels].mean()
    return float(loss), float((logs.argmax(axis=1) == labels).mean())


def _head(whitening: Whitening, kernel: Features, bias: Features) -> Any:
    """The Keras model from features to probabilities: standardisation, then a softmax layer."""
    keras = import_keras()
    layers = keras.layers
    channels = len(whitening.mean)
    standardise = layers.Normalization(name="standardise")
    softmax = layers.Dense(len(CLASSES), activation="softmax", name="softmax")
    inputs = layers.Input((channels,), name="features")
    model = keras.Sequential([inputs, standardise, softmax], name="head")
    standardise.adapt_mean.assign(whitening.mean)
    standardise.adapt_variance.assign(whitening.deviation**2)
    standardise.finalize_state()
    softmax.set_weights([whitening.projection @ kernel, bias])
    return model


def write_scores(path: Path, ids: list[str], scores: Features) -> None:
    """Write P(crack) `[images, seeds]` in the form of `cracks.pipeline.row_file`."""
    rows = create_rows(path, ids, PROBABILITY, (scores.shape[1],))
    rows[PROBABILITY] = scores
    rows.flush()
