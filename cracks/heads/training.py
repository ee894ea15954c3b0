"""Training of heads on frozen features, bit-identical from run to run and on every processor.

The features are whitened with shrinkage (`cracks.heads.whitening`), by the amount that makes the
curvature of the penalised loss equal in all directions. A softmax layer is trained on them by
averaged stochastic gradient descent. The weights of the epoch of lowest validation loss are kept;
whitening and layer are folded into one linear layer on standardised features.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits

from cracks.heads.head import Head, LinearHead, rounded_to_largest
from cracks.heads.scratch import on_disk
from cracks.heads.statistics import Features, Numbers
from cracks.heads.whitening import Whitening, fit_whitening
from cracks.project.errors import CracksError
from cracks.project.outputs import FINE_DIGITS
from cracks.project.params import Params
from cracks.tables.labels import TRAIN, VALID, class_indices
from cracks.tables.row_file import FEATURES, PROBABILITY, create_rows, open_rows

Labels = NDArray[np.int64]
Examples = tuple[NDArray[np.floating], Labels]
"""Features `[n, channels]` and class indices `[n]`."""

_ROWS_AT_ONCE = 4096
_DIVERGED = 1e6  # validation loss from which training does not recover; zero weights have 0.69
_AVERAGES_PER_EPOCH = 2  # the moving average of the weights spans half an epoch


@dataclass(frozen=True)
class Recipe:
    """How a head is trained.

    It minimises the cross-entropy summed over the training rows plus `l2 / 2` times the sum of the
    squared weights on the standardised features, so that a penalty that suits few images does not
    hold back many. The C of scikit-learn's `LogisticRegression` is `2 / l2`.

    The two columns of a softmax that starts from zero stay opposite, so a head is trained as the
    difference of their logits, w: the penalty is `l2 / 4` times the sum of w^2.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    l2: float

    @classmethod
    def by_params(cls, params: Params) -> Self:
        """The recipe that the parameters describe."""
        return cls(params.epochs, params.batch_size, params.learning_rate, params.l2)

    def decay(self, rows: int) -> float:
        """The gradient of the penalty in the mean loss over the rows, by w."""
        return self.l2 / rows / 2

    def shrinkage(self, rows: int) -> float:
        """The shrinkage of the whitening that makes the mean loss curved alike in all directions.

        At the start, its second derivative along a component of variance v is v / 4 + `decay` on
        the standardised features. Divided by v + shrinkage, as whitening does, it is 1 / 4 for all
        components, and gradient descent advances equally fast everywhere.
        """
        return 2 * self.l2 / rows


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

    def score(self, heads: Sequence[LinearHead]) -> Numbers:
        """P(crack) of every image of the split, in its order, by each head: `[images, heads]`.

        Raises:
            CracksError: if a feature is not finite.
        """
        scores = np.empty((len(self._rows), len(heads)))
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
        """Chunks of rows: the slice of `rows`, and features `[n, views, channels]`.

        Args:
            rows: of the file.
            views: how many of each image, from the first on; all if None.
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
        self.best = np.array(0.0)  # weights of each head, from the first epoch on
        self._lowest = np.array(np.inf)  # loss of each
        self._train, self._valid = train, valid
        self._rows: list[tuple[str, float, float]] = []  # of the first head

    def record(self, heads: Numbers) -> None:
        """Record an epoch by the weights of all heads after it, `[heads, components + 1]`.

        Raises:
            CracksError: if training diverges.
        """
        results = [_loss_and_accuracy(self._valid, weights) for weights in heads]
        losses = np.array([loss for loss, _ in results])
        if not losses.max() < _DIVERGED:
            raise CracksError(
                f"Expected a validation loss near 0, found {losses.max():.3g}: training diverges; "
                "lower `learning_rate` in params.yaml."
            )
        self._rows += [(TRAIN, *_loss_and_accuracy(self._train, heads[0])), (VALID, *results[0])]
        better = losses < self._lowest
        self.best = np.where(better[:, np.newaxis], heads, self.best)
        self._lowest = np.minimum(losses, self._lowest)

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
) -> tuple[list[Head], pd.DataFrame]:
    """Train a head for each seed, all at once.

    The loss is convex, so all heads start from zero weights; a seed determines the order of the
    batches. A head has the same bits whichever others are trained beside it. Sums are computed by
    one thread, because their order would depend on the number of threads. In float64, processors
    differ by so little that rounded weights and losses are the same bits
    (docs/reproducibility.md).

    Args:
        recipe: how they are trained.
        seeds: one for each head.
        train: the training examples.
        valid: the examples that choose the epoch.
        after_epoch: called after each epoch.

    Returns:
        The heads, each with the weights of its epoch of lowest validation loss; and the history of
        the first: a row for each epoch and part, columns `epoch` (from 1), `part`, `loss`,
        `accuracy`.

    Raises:
        CracksError: if the features of all training images are equal, or training diverges.

    Example:
        >>> examples = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
        >>> recipe = Recipe(epochs=2, batch_size=4, learning_rate=1.0, l2=1.0)
        >>> (head,), history = train_heads(recipe, [0], train=examples, valid=examples)
        >>> (head.linear().logit(examples[0]) > 0).tolist()
        [False, True, False, True]
        >>> list(history["part"])
        ['train', 'train', 'valid', 'valid']
    """
    recipe = replace(recipe, batch_size=min(recipe.batch_size, len(train[0])))
    with threadpool_limits(1, "blas"):
        whitening = fit_whitening(train[0], shrinkage=recipe.shrinkage(len(train[0])))
        train, valid = (whitening(train[0]), train[1]), (whitening(valid[0]), valid[1])
        progress = _Progress(train, valid)
        for heads in _epochs(recipe, seeds, train, whitening.penalty):
            progress.record(heads)
            after_epoch()
    return [_head(whitening, weights) for weights in progress.best], progress.history()


def _epochs(
    recipe: Recipe, seeds: Sequence[int], train: Examples, penalty: Numbers
) -> Iterator[Numbers]:
    """Train on whitened features; the averaged weights `[heads, components + 1]` of each epoch.

    The last weight is the bias. A head, the difference of two columns, moves twice as fast as
    either of them.
    """
    features, labels = train
    components = features.shape[1]
    momentum = max(0.0, 1 - _AVERAGES_PER_EPOCH / _steps(recipe, len(features)))
    decay = np.append(recipe.decay(len(features)) * penalty, 0.0)
    weights = np.zeros((len(seeds), components + 1))
    average = np.zeros_like(weights)
    generators = [np.random.default_rng(seed) for seed in seeds]
    gradient = np.empty_like(weights)
    for epoch in range(recipe.epochs):
        for step, places in enumerate(_batches(recipe, generators, len(features))):
            rows = features[places]  # [heads, batch, components]
            logits = np.matvec(rows, weights[:, :-1]) + weights[:, -1:]
            error = (expit(logits) - labels[places]) / recipe.batch_size
            gradient[:, :-1] = np.vecmat(error, rows)
            gradient[:, -1] = error.sum(axis=1)
            weights -= 2 * recipe.learning_rate * (gradient + decay * weights)
            kept = momentum if epoch or step else 0.0
            average += (1 - kept) * (weights - average)
        yield average.copy()


def _steps(recipe: Recipe, rows: int) -> int:
    return -(-rows // recipe.batch_size)


def _batches(
    recipe: Recipe, generators: Sequence[np.random.Generator], rows: int
) -> Iterator[NDArray[np.int64]]:
    """The rows of each batch of an epoch, `[heads, batch]`.

    Each head has its own order, shuffled anew for each epoch; its first rows fill up the last
    batch.
    """
    orders = np.stack([generator.permutation(rows) for generator in generators])
    for step in range(_steps(recipe, rows)):
        first = step * recipe.batch_size
        yield orders[:, np.arange(first, first + recipe.batch_size) % rows]


def _loss_and_accuracy(examples: Examples, weights: Numbers) -> tuple[float, float]:
    """Mean cross-entropy, rounded as it is written, and share of right answers of a head."""
    features, labels = examples
    logits = features @ weights[:-1] + weights[-1]
    loss = (np.logaddexp(0, logits) - labels * logits).mean()  # -log of the label's probability
    return round(float(loss), FINE_DIGITS), float(((logits > 0) == labels).mean())


def _head(whitening: Whitening, weights: Numbers) -> Head:
    """The head on unscaled features, in rounded numbers."""
    kernel = rounded_to_largest(whitening.projection @ weights[:-1] / 2)
    bias = rounded_to_largest(weights[-1:] / 2)
    return Head(
        whitening.mean.astype(np.float32),
        (whitening.deviation**2).astype(np.float32),
        np.stack([-kernel, kernel], axis=1).astype(np.float32),
        np.concatenate([-bias, bias]).astype(np.float32),
    )


def write_scores(path: Path, ids: list[str], scores: Numbers) -> None:
    """Write P(crack) `[images, seeds]` in the form of `cracks.tables.row_file`."""
    rows = create_rows(path, ids, PROBABILITY, (scores.shape[1],), np.float64)
    rows[PROBABILITY] = scores
    rows.flush()
