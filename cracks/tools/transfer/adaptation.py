"""A trained head adapted to other walls by a few labelled patches of them.

The order of a trained head's answers carries over to other walls better than its threshold does.
Twenty to two hundred labels are too few to train a head, and enough to correct one: the adapted
weights minimise the cross-entropy of the labels plus a penalty on their distance from the trained
weights, a Gaussian prior about the trained head (Chelba and Acero 2006, "Adaptation of maximum
entropy capitalizer", eq. 5). Cross-validation that keeps photographs together chooses the penalty.
Its held-out answers calibrate the probabilities (Platt 1999) and choose the threshold, and they
tell what to expect.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import bootstrap, mannwhitneyu

from cracks.evaluation.metrics import is_crack
from cracks.evaluation.statistics import (
    BOOTSTRAP_SAMPLES,
    CONFIDENCE,
    Interval,
    effective_size,
    wilson_interval,
)
from cracks.heads.head import LinearHead
from cracks.heads.statistics import Statistics
from cracks.project.errors import CracksError
from cracks.project.outputs import DIGITS

Numbers = NDArray[np.float64]
Labels = NDArray[np.int64]
Names = NDArray[np.str_]
Places = NDArray[np.int64]

LEAST_OF_A_CLASS = 5
"""Labelled patches of each class without which there is nothing to learn from."""

LEAST_PROMISED = 10
"""Labelled patches of each class without which nothing is expected."""

LEAST_PHOTOGRAPHS = 5
"""Photographs without which nothing is expected of others."""

PENALTIES = (np.inf, 3000.0, 1000.0, 300.0, 100.0)
"""Penalties on the distance from the trained weights; an infinite one leaves them as they are."""

_FOLDS = 5
_REPEATS = 4  # of the cross-validation, each with other folds
_CHANCE = 0.01  # p-value above which nothing was learnt from the labels
_LEAST_SCALE = 1e-3  # of probabilities by evidence, below which evidence says nothing


class Labelled(NamedTuple):
    """Labelled patches by their features, or by log-odds that were not fitted to them."""

    features: NDArray[np.floating]  # [n, channels], or log-odds [n]
    labels: Labels  # [n], 1 for a crack
    photographs: Names  # [n], each patch's own name if none is known


class Expected(NamedTuple):
    """What held-out patches say of further ones, with 95 % intervals over photographs."""

    recall: float
    recall_interval: Interval
    precision: float
    precision_interval: Interval


@dataclass(frozen=True)
class Adapted:
    """A head that was adapted, and how."""

    head: LinearHead
    threshold: float
    penalty: float
    expected: Expected | None
    reason: str  # why nothing is expected, or empty


@dataclass(frozen=True)
class AdaptedThreshold:
    """The log-odds from which something counts as cracked on other walls."""

    logit: float
    expected: Expected | None
    reason: str  # why nothing is expected, or empty


class _Choice(NamedTuple):
    """A threshold for calibrated probabilities."""

    shift: float  # of the calibration, for the share of cracks where the head will be used
    threshold: float
    expected: Expected | None
    reason: str  # why nothing is expected, or empty


def adapt_head(
    trained: LinearHead,
    statistics: Statistics,
    labelled: Labelled,
    cracked_share: float | None = None,
    precision: float = 0.7,
    *,
    photographs_known: bool = True,
) -> Adapted:
    """Adapt a head to the walls that labelled patches show.

    Args:
        trained: the head to start from.
        statistics: of the features that it was trained on; distances are measured on features
            standardised by them, as in training.
        labelled: the patches.
        cracked_share: the share of cracked patches where the head will be used; that of the labels
            if None.
        precision: the threshold is the lowest at which this share of the patches that are called
            cracked is expected to be so, or that of the best F1 if none reaches it.
        photographs_known: whether `labelled.photographs` are photographs; nothing is expected of
            others if not.

    Raises:
        CracksError: if there are fewer than `LEAST_OF_A_CLASS` patches of a class.
    """
    labels = labelled.labels
    _check_enough(labels)
    standardised = (labelled.features - statistics.mean) / statistics.deviation
    prior = trained.logit(labelled.features)
    penalty, held_out = _cross_validated(standardised, prior, labels, labelled.photographs)
    evidence = labelled._replace(features=held_out)
    scale, shift = _calibration(held_out, labels)
    choice = _chosen(evidence, scale, shift, (cracked_share, precision), known=photographs_known)
    moved, bias = _moved(_rows(standardised), prior, labels, penalty)
    change = moved / statistics.deviation
    head = LinearHead(
        scale * (trained.weights + change),
        float(scale * (trained.bias + bias - statistics.mean @ change) + choice.shift),
    )
    return Adapted(head, choice.threshold, penalty, choice.expected, choice.reason)


def adapt_threshold(
    logits: Numbers,
    labels: Labels,
    photographs: Names,
    cracked_share: float | None = None,
    precision: float = 0.7,
    *,
    photographs_known: bool = True,
) -> AdaptedThreshold:
    """Adapt a threshold alone to the walls that labelled patches show.

    Args:
        logits: the evidence of each patch, `[n]`; 0 is the threshold where nothing can be learnt.
        labels: of the patches, `[n]`.
        photographs: that they are from, `[n]`.
        cracked_share: as for `adapt_head`.
        precision: as for `adapt_head`.
        photographs_known: as for `adapt_head`.

    Raises:
        CracksError: if there are fewer than `LEAST_OF_A_CLASS` patches of a class.
    """
    _check_enough(labels)
    scale, shift = _calibration(logits, labels)
    if scale < _LEAST_SCALE:  # no threshold is better than another
        return AdaptedThreshold(0.0, None, "evidence is no stronger in patches with a crack")
    evidence = Labelled(logits, labels, photographs)
    choice = _chosen(evidence, scale, shift, (cracked_share, precision), known=photographs_known)
    moved = float((logit(choice.threshold) - choice.shift) / scale)
    return AdaptedThreshold(moved, choice.expected, choice.reason)


def _chosen(
    evidence: Labelled, scale: float, shift: float, aim: tuple[float | None, float], *, known: bool
) -> _Choice:
    """The threshold by calibrated evidence, and what to expect of it.

    Args:
        evidence: of all patches.
        scale: as `_calibration` gives it.
        shift: likewise.
        aim: the share of cracked patches and the precision, as `adapt_head` takes them.
        known: whether the photographs are.
    """
    logits, labels, _ = evidence
    cracked_share, precision = aim
    weights, odds = _reweighted(labels, cracked_share)
    shift += odds
    threshold = _threshold(expit(scale * logits + shift), weights, precision)
    reason = _why_nothing_is_expected(evidence, known=known)
    expected = None if reason else _expected(evidence, weights, odds, precision)
    return _Choice(shift, threshold, expected, reason)


def _check_enough(labels: Labels) -> None:
    sound, cracked = np.bincount(labels, minlength=2)
    if min(sound, cracked) < LEAST_OF_A_CLASS:
        raise CracksError(
            f"Expected at least {LEAST_OF_A_CLASS} labelled patches of each class to adapt a head, "
            f"found {cracked} with and {sound} without a crack; label more."
        )


def _why_nothing_is_expected(evidence: Labelled, *, known: bool) -> str:
    logits, labels, photographs = evidence
    fewest, distinct = int(np.bincount(labels, minlength=2).min()), len(np.unique(photographs))
    if fewest < LEAST_PROMISED:
        return f"fewer than {LEAST_PROMISED} labels of one class ({fewest})"
    if not known:
        return "which photographs the patches are from is not known (--photograph)"
    if distinct < LEAST_PHOTOGRAPHS:
        return f"labels from fewer than {LEAST_PHOTOGRAPHS} photographs ({distinct})"
    if _photographs_of_a_class(labels, photographs) == 1:
        return "all labels of one class are from one photograph"
    stronger = mannwhitneyu(logits[labels == 1], logits[labels == 0], alternative="greater")
    if stronger.pvalue > _CHANCE:
        return "answers about labelled patches are no better than chance"
    return ""


# --- the fit ------------------------------------------------------------------------------


class _Rows(NamedTuple):
    """Standardised features as `along @ directions`.

    The weights that minimise the loss are combinations of the rows, so they are sought among
    those: with features U S Vᵀ, along the columns of V.
    """

    along: Numbers  # [n, n], U S
    directions: Numbers  # [n, channels], Vᵀ


def _rows(features: Numbers) -> _Rows:
    left, lengths, right = np.linalg.svd(features, full_matrices=False)
    return _Rows(left * lengths, right)


def _moved(rows: _Rows, prior: Numbers, labels: Labels, penalty: float) -> tuple[Numbers, float]:
    """What is added to the trained weights on standardised features, and to the bias."""
    along, directions = rows
    if np.isinf(penalty):
        along, directions = along[:, :0], directions[:0]
    design = np.column_stack([along, np.ones(len(along))])
    penalties = np.append(np.full(along.shape[1], penalty), 0.0)
    best = _least_loss(design, prior, labels, penalties, np.zeros(design.shape[1]))
    return np.asarray(best[:-1] @ directions), float(best[-1])


def _least_loss(
    design: Numbers, offset: Numbers, labels: Labels, penalties: Numbers, centre: Numbers
) -> Numbers:
    """The x of least Σ cross-entropy(offset + design x) + ½ Σ penalties (x - centre)²."""
    signs = 2.0 * labels - 1

    def loss(x: Numbers) -> tuple[float, Numbers]:
        logits = signs * (offset + design @ x)
        gradient = -design.T @ (signs * expit(-logits)) + penalties * (x - centre)
        return float(np.logaddexp(0, -logits).sum() + penalties @ (x - centre) ** 2 / 2), gradient

    def hessian(x: Numbers) -> Numbers:
        p = expit(offset + design @ x)
        return np.asarray((design.T * (p * (1 - p))) @ design + np.diag(penalties + 1e-9))

    return np.asarray(minimize(loss, centre, jac=True, hess=hessian, method="trust-exact").x)


def _cross_validated(
    features: Numbers, prior: Numbers, labels: Labels, photographs: Names
) -> tuple[float, Numbers]:
    """A penalty and the held-out logits with it, means over repeats.

    It is the strongest penalty whose held-out loss is within a standard error of the least (the
    one-standard-error rule of Breiman et al. 1984, section 3.4.3).
    """
    folds = [(*fold, _rows(features[fold[0]])) for fold in _folds(labels, photographs)]
    losses, logits = [], []
    for penalty in PENALTIES:
        held_out = np.zeros(len(labels))
        for train, test, rows in folds:
            moved, bias = _moved(rows, prior[train], labels[train], penalty)
            held_out[test] += (prior[test] + features[test] @ moved + bias) / _REPEATS
        scale, shift = _calibration(held_out, labels)
        losses.append(np.logaddexp(0, (1 - 2.0 * labels) * (scale * held_out + shift)))
        logits.append(held_out)
    least = min(losses, key=np.mean)
    chosen = next(n for n, each in enumerate(losses) if _about_as_good(each - least))
    return PENALTIES[chosen], logits[chosen]


def _about_as_good(more: Numbers) -> bool:
    """Whether the mean of what losses are larger by is within its standard error of 0."""
    return bool(more.mean() <= more.std() / np.sqrt(len(more)))


def _folds(labels: Labels, photographs: Names) -> Iterator[tuple[Places, Places]]:
    """Train and held-out patches, both classes in each train part.

    No photograph is in both, unless those of a class are too few.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    fewest, distinct = int(np.bincount(labels).min()), _photographs_of_a_class(labels, photographs)
    for repeat in range(_REPEATS):
        options: dict[str, Any] = {"shuffle": True, "random_state": repeat}
        folds = []
        if distinct > 1:
            apart = StratifiedGroupKFold(min(_FOLDS, fewest, distinct), **options)
            folds = list(apart.split(labels, labels, photographs))
        if not folds or any(len(np.unique(labels[train])) == 1 for train, _ in folds):
            folds = list(StratifiedKFold(min(_FOLDS, fewest), **options).split(labels, labels))
        yield from folds


def _photographs_of_a_class(labels: Labels, photographs: Names) -> int:
    """How many photographs the class has that has fewer."""
    return min(len(np.unique(photographs[labels == one])) for one in (0, 1))


def _calibration(logits: NDArray[np.floating], labels: Labels) -> tuple[float, float]:
    """Scale and shift that make logits those of calibrated probabilities (Platt 1999).

    The scale is at least 0, so that the order of the patches stays.
    """
    design = np.column_stack([logits, np.ones(len(logits))])
    penalties, centre = np.array([1.0, 0.0]), np.array([1.0, 0.0])
    scale, shift = _least_loss(design, np.zeros(len(logits)), labels, penalties, centre)
    return max(float(scale), 0.0), float(shift)


# --- what follows from held-out answers -----------------------------------------------------


def _reweighted(labels: Labels, cracked_share: float | None) -> tuple[Numbers, float]:
    """The weight of each patch and the log-odds to add for another share of cracked patches.

    Labels shift between the wall and its labelled patches, looks do not (Saerens, Latinne and
    Decaestecker 2002, eq. 4).
    """
    share = labels.mean()
    wanted = share if cracked_share is None else cracked_share
    factors = np.array([(1 - wanted) / (1 - share), wanted / share])
    return factors[labels], float(np.log(factors[1] / factors[0]))


def _threshold(probability: Numbers, weights: Numbers, precision: float) -> float:
    """The threshold by the expected precision, rounded down to the digits that are printed.

    Each patch counts by its weight. Calibrated probabilities are themselves the expected number of
    cracks, which varies less than counts of a few labels do.
    """
    unit = 10**DIGITS
    floored = np.floor(probability * unit)
    order = np.argsort(-probability, kind="stable")
    probability, weights = probability[order], weights[order]
    found = np.cumsum(probability * weights)
    called = np.cumsum(weights)
    last_of_equals = np.append(np.diff(floored[order]) != 0, True)
    reached = np.flatnonzero(last_of_equals & (found / called >= precision))
    f1 = 2 * found / (called + found[-1]) * last_of_equals
    chosen = reached[-1] if len(reached) else int(f1.argmax())
    return float(max(floored[order][chosen], 1) / unit)


def _expected(evidence: Labelled, weights: Numbers, odds: float, precision: float) -> Expected:
    """Recall and precision of the patches of each fold, by calibration and threshold of the others.

    Args:
        evidence: of all patches.
        weights: of the patches, `[n]`.
        odds: what is added to calibrated log-odds.
        precision: as for `_threshold`.
    """
    logits, labels, photographs = evidence
    called = np.zeros(len(labels))  # in which share of the repeats
    for train, test in _folds(labels, photographs):
        scale, shift = _calibration(logits[train], labels[train])
        probability = expit(scale * logits + shift + odds)
        threshold = _threshold(probability[train], weights[train], precision)
        called[test] += is_crack(probability[test], threshold) / _REPEATS
    recall, recall_interval = _share(called * labels, labels, weights, photographs)
    found, interval = _share(called * labels, called, weights, photographs)
    return Expected(recall, recall_interval, found, interval)


def _share(
    part: Numbers, whole: NDArray[Any], weights: Numbers, photographs: Names
) -> tuple[float, Interval]:
    """Σ weights part / Σ weights whole, and its interval over photographs.

    The bootstrap of whole photographs (Field and Welsh 2007) is too narrow for few of them, and has
    no width where all answers are right: the interval also covers Wilson's with the effective
    number of photographs.
    """
    _, number = np.unique(photographs, return_inverse=True)
    sums = [np.bincount(number, weights * values).astype(np.float64) for values in (part, whole)]
    share = float(sums[0].sum() / max(sums[1].sum(), 1e-12))
    used = whole > 0
    if not used.any():
        return share, (0.0, 1.0)
    low, high = wilson_interval(share, 1, effective_size(photographs[used]))
    others = bootstrap(
        sums,
        lambda part, whole, axis: part.sum(axis=axis) / np.maximum(whole.sum(axis=axis), 1e-12),
        paired=True,
        n_resamples=BOOTSTRAP_SAMPLES,
        batch=1000,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return share, (float(min(low, others.low)), float(max(high, others.high)))
