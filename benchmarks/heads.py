"""Compare ways to train a head on the workspace's features and print a Markdown table.

worked example:
  python -m benchmarks.heads            after `dvc repro`, takes about a minute

Each way is run as it would be used, for 2, 5 and 10 epochs; the epoch of lowest validation loss is
kept. Every number is the mean over five seeds on test. The ways that are not in the pipeline are
trained by NumPy; they share everything but what their name says with the way that is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cracks.backbones.catalogue import BACKBONES
from cracks.heads.training import Examples, Recipe, SplitFeatures, cross_entropy, train_heads
from cracks.heads.whitening import fit_whitening
from cracks.project.errors import exit_on_error
from cracks.project.params import load_params
from cracks.project.paths import features_path
from cracks.tables.inputs import read_split
from cracks.tables.labels import TEST, TRAIN, VALID

EPOCHS = (2, 5, 10)
SEEDS = range(5)
SHRINKAGES = np.logspace(-3, 1, 9)
STRENGTHS = np.logspace(-6, 2, 17)  # scikit-learn's C

Numbers = NDArray[np.float64]
Parts = dict[str, Examples]


@dataclass(frozen=True)
class Way:
    """How gradient descent is done: on what, from where, by which optimizer."""

    learning_rate: float
    batch_size: int = 64
    adam: bool = False
    cosine: bool = False
    whitened: bool = False
    closed_form_start: bool = False


WAYS = {
    "Adam 0.001, batch 64": Way(0.001, adam=True),
    "Adam 0.003, batch 16": Way(0.003, batch_size=16, adam=True),
    "Adam 0.01, batch 16, cosine decay": Way(0.01, batch_size=16, adam=True, cosine=True),
    "SGD 0.01": Way(0.01),
    "whitened, SGD 1.0, cosine decay": Way(1.0, whitened=True, cosine=True),
    "the same from the closed form": Way(1.0, whitened=True, cosine=True, closed_form_start=True),
}


def main() -> None:
    """Print one table a backbone."""
    split = read_split()
    for backbone in BACKBONES:
        features = SplitFeatures(features_path(backbone), split)
        parts = {part: features.examples(part) for part in (TRAIN, VALID, TEST)}
        print(f"{backbone}, {len(parts[TRAIN][1])} training rows:\n")
        print("| way | accuracy after 2 / 5 / 10 epochs, % | loss |\n|---|--:|--:|")
        for name, results in _rows(parts):
            accuracies = " / ".join(f"{100 * accuracy:.1f}" for accuracy, _ in results)
            losses = " / ".join(f"{loss:.3f}" for _, loss in results)
            print(f"| {name} | {accuracies} | {losses} |", flush=True)
        print()


def _rows(parts: Parts) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    penalty = load_params().l2 / len(parts[TRAIN][1])
    for name, way in WAYS.items():
        yield name, [_mean(_descend(way, penalty, parts, epochs), parts) for epochs in EPOCHS]
    yield "**the pipeline's**", [_mean(_pipeline(parts, epochs), parts) for epochs in EPOCHS]
    yield "LDA, shrinkage by validation, no epoch", [_mean([_discriminant(parts)], parts)]
    yield "LogisticRegression, C by validation", [_mean([_regression(parts)], parts)]


def _mean(logits: list[Numbers], parts: Parts) -> tuple[float, float]:
    """Accuracy and loss on test, mean over the seeds."""
    accurate = [((x > 0) == parts[TEST][1]).mean() for x in logits]
    return float(np.mean(accurate)), float(np.mean([_loss(x, parts[TEST][1]) for x in logits]))


def _loss(logits: Numbers, labels: NDArray[np.int64]) -> float:
    return float(cross_entropy(logits, labels).mean())


def _pipeline(parts: Parts, epochs: int) -> list[Numbers]:
    recipe = replace(Recipe.by_params(load_params()), epochs=epochs)
    heads, _ = train_heads(recipe, SEEDS, parts[TRAIN], parts[VALID])
    return [head.linear().logit(parts[TEST][0]) for head in heads]


def _standardised(parts: Parts) -> dict[str, Numbers]:
    mean, deviation = parts[TRAIN][0].mean(axis=0), parts[TRAIN][0].std(axis=0)
    floor = 0.01 * np.sqrt((deviation**2).mean())
    return {part: (x - mean) / np.maximum(deviation, floor) for part, (x, _) in parts.items()}


def _descend(way: Way, penalty: float, parts: Parts, epochs: int) -> list[Numbers]:
    """Logits on test of one weight vector a seed; with two classes softmax needs no more."""
    if way.whitened:
        whitening = fit_whitening(parts[TRAIN][0], 2 * penalty)
        inputs = {part: whitening(x) for part, (x, _) in parts.items()}
        decay = penalty * whitening.penalty
    else:
        inputs = _standardised(parts)
        decay = np.zeros(inputs[TRAIN].shape[1])
    return [_descend_once(way, decay, inputs, parts, epochs, seed) for seed in SEEDS]


def _descend_once(
    way: Way,
    decay: Numbers,
    inputs: dict[str, Numbers],
    parts: Parts,
    epochs: int,
    seed: int,
) -> Numbers:
    generator = np.random.default_rng(seed)
    x, y = inputs[TRAIN], parts[TRAIN][1]
    weights = np.zeros(x.shape[1] + 1)  # the last is the bias
    if not way.whitened:  # Keras's initial weights, as the difference of the two classes
        limit = np.sqrt(6 / (x.shape[1] + 2))
        weights[:-1] = generator.uniform(-limit, limit, (2, x.shape[1])).T @ [-1, 1]
    if way.closed_form_start:
        weights[:-1] = x[y == 1].mean(axis=0) - x[y == 0].mean(axis=0)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    best, least, step = weights, np.inf, 0
    steps = epochs * -(-len(x) // way.batch_size)
    for _ in range(epochs):
        order = generator.permutation(len(x))
        for start in range(0, len(x), way.batch_size):
            rows = order[start : start + way.batch_size]
            # each class's logit has this slope, with opposite signs
            slope = (expit(x[rows] @ weights[:-1] + weights[-1]) - y[rows]) / len(rows)
            gradient = np.append(slope @ x[rows] + decay * weights[:-1] / 2, slope.sum())
            rate = 2 * way.learning_rate  # the difference of two weights moves twice as fast
            if way.cosine:
                rate *= (1 + np.cos(np.pi * step / steps)) / 2
            step += 1
            if way.adam:
                first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
                unbiased = np.sqrt(second / (1 - 0.999**step)) + 1e-7
                weights = weights - rate * first / (1 - 0.9**step) / unbiased
            else:
                weights = weights - rate * gradient
        loss = _loss(inputs[VALID] @ weights[:-1] + weights[-1], parts[VALID][1])
        if loss < least:
            best, least = weights, loss
    return np.asarray(inputs[TEST] @ best[:-1] + best[-1])


def _discriminant(parts: Parts) -> Numbers:
    """Logits on test of linear discriminant analysis, the shrinkage chosen by validation."""
    x, y = _standardised(parts), parts[TRAIN][1]
    means = [x[TRAIN][y == label].mean(axis=0) for label in (0, 1)]
    centred = x[TRAIN] - np.stack(means)[y]
    variances, directions = np.linalg.eigh(centred.T @ centred / len(y))
    found = []
    for shrinkage in SHRINKAGES:
        weights = directions @ (directions.T @ (means[1] - means[0]) / (variances + shrinkage))
        bias = np.log(y.mean() / (1 - y.mean())) - weights @ (means[0] + means[1]) / 2
        loss = _loss(x[VALID] @ weights + bias, parts[VALID][1])
        found.append((loss, shrinkage, x[TEST] @ weights + bias))
    return np.asarray(min(found, key=lambda one: one[:2])[2])


def _regression(parts: Parts) -> Numbers:
    """Logits on test of scikit-learn's logistic regression, C chosen by validation."""
    from sklearn.linear_model import LogisticRegression

    x = _standardised(parts)
    found = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=3000).fit(x[TRAIN], parts[TRAIN][1])
        loss = _loss(model.decision_function(x[VALID]), parts[VALID][1])
        found.append((loss, strength, model.decision_function(x[TEST])))
    return np.asarray(min(found, key=lambda one: one[:2])[2])


if __name__ == "__main__":
    with exit_on_error():
        main()
