from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from cracks.heads.head import LinearHead
from cracks.heads.statistics import Statistics
from cracks.project.errors import CracksError
from cracks.tools.transfer.adaptation import (
    LEAST_PHOTOGRAPHS,
    Labelled,
    _calibration,
    _folds,
    _moved,
    _rows,
    adapt_head,
    adapt_threshold,
)

CHANNELS = 40
STATISTICS = Statistics(np.full(CHANNELS, 2.0), np.full(CHANNELS, 3.0))

RIGHT = np.zeros(CHANNELS)
RIGHT[:4] = 1.0  # what tells cracks on the planted wall, on standardised features


def wall(count: int, seed: int, shift: float = 0.0, photographs: int = 10) -> Labelled:
    """Patches that at best 94.5 % can be told by; `shift` moves those of both classes alike."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    standardised = random.standard_normal((count, CHANNELS))
    standardised += np.outer(2.0 * labels - 1 + shift, 0.8 * RIGHT)
    features = standardised * STATISTICS.deviation + STATISTICS.mean
    names = np.array([f"photograph {place // 2 % photographs}" for place in range(count)])
    return Labelled(features, labels, names)


def one_photograph_of_cracks(count: int) -> Labelled:
    patches = wall(count, 9)
    return patches._replace(
        photographs=np.where(patches.labels == 1, "cracked", patches.photographs)
    )


def some(labelled: Labelled, rows: np.ndarray) -> Labelled:
    features, labels, photographs = labelled
    return Labelled(features[rows], labels[rows], photographs[rows])


def head(direction: np.ndarray) -> LinearHead:
    """A trained head of these weights on standardised features, with a bias of 0 there."""
    weights = direction / STATISTICS.deviation
    return LinearHead(weights, float(-STATISTICS.mean @ weights))


def accuracy(head: LinearHead, threshold: float, of: Labelled) -> float:
    called = expit(head.logit(of.features)) >= threshold
    return float((called == (of.labels == 1)).mean())


def roc_auc(head: LinearHead, of: Labelled) -> float:
    logits = head.logit(of.features)
    cracked, sound = logits[of.labels == 1], logits[of.labels == 0]
    return float((cracked[:, np.newaxis] > sound).mean())


def test_a_threshold_that_did_not_carry_over_is_mended() -> None:
    trained, test = head(RIGHT), wall(4000, 1, shift=-2.0)
    assert accuracy(trained, 0.5, test) < 0.75
    adapted = adapt_head(trained, STATISTICS, wall(40, 2, shift=-2.0), precision=0.93)
    assert accuracy(adapted.head, adapted.threshold, test) > 0.9


def test_the_order_of_a_right_head_is_left_as_it_is() -> None:
    trained, test = head(RIGHT), wall(2000, 1)
    adapted = adapt_head(trained, STATISTICS, wall(40, 2))
    assert roc_auc(adapted.head, test) > roc_auc(trained, test) - 0.005


def test_labels_mend_the_weights_of_a_head_that_is_half_wrong() -> None:
    wrong = RIGHT.copy()
    wrong[2:12] = -0.6
    trained, test = head(wrong), wall(2000, 1)
    few, many = (adapt_head(trained, STATISTICS, wall(n, 2)) for n in (40, 200))
    assert many.penalty < np.inf
    assert roc_auc(trained, test) < roc_auc(few.head, test) < roc_auc(many.head, test)


def test_the_prior_is_the_trained_head_not_zero() -> None:
    """The reference is scikit-learn's penalty towards 0 on what the trained head leaves."""
    labelled = wall(60, 3)
    standardised = (labelled.features - STATISTICS.mean) / STATISTICS.deviation
    moved, bias = _moved(_rows(standardised), np.zeros(60), labelled.labels, 50.0)
    reference = LogisticRegression(C=1 / 50, tol=1e-10, max_iter=10_000)
    reference.fit(standardised, labelled.labels)
    np.testing.assert_allclose(moved, reference.coef_[0], atol=1e-5)
    np.testing.assert_allclose(bias, reference.intercept_[0], atol=1e-5)
    prior = standardised @ moved + bias
    moved, bias = _moved(_rows(standardised), prior, labelled.labels, 1e6)
    np.testing.assert_allclose(moved, 0, atol=1e-3)


def test_held_out_patches_share_no_photograph_with_the_training() -> None:
    labelled = wall(40, 4, photographs=6)
    for train, test in _folds(labelled.labels, labelled.photographs):
        assert not set(labelled.photographs[train]) & set(labelled.photographs[test])
        assert len(train) + len(test) == 40


def test_all_cracks_in_one_photograph_leave_both_classes_in_training() -> None:
    patches = one_photograph_of_cracks(40)
    for train, _ in _folds(patches.labels, patches.photographs):
        assert set(patches.labels[train]) == {0, 1}
    trained, test = head(RIGHT), wall(2000, 1)
    adapted = adapt_head(trained, STATISTICS, patches)
    assert roc_auc(adapted.head, test) > roc_auc(trained, test) - 0.02


def test_calibration_undoes_a_scale_and_a_shift() -> None:
    random = np.random.default_rng(0)
    truth = random.standard_normal(5000) * 2
    labels = (random.random(5000) < expit(truth)).astype(int)
    scale, shift = _calibration(4 * truth + 3, labels)
    assert scale == pytest.approx(1 / 4, rel=0.05)
    assert shift == pytest.approx(-3 / 4, abs=0.1)


def test_a_smaller_share_of_cracks_lowers_probabilities_and_calls_fewer() -> None:
    labelled, test = wall(200, 5), wall(2000, 6)
    trained = head(RIGHT)
    balanced = adapt_head(trained, STATISTICS, labelled, precision=0.9)
    rare = adapt_head(trained, STATISTICS, labelled, cracked_share=0.05, precision=0.9)
    difference = balanced.head.logit(test.features) - rare.head.logit(test.features)
    np.testing.assert_allclose(difference, np.log(19), atol=1e-9)

    def called(adapted: LinearHead, threshold: float) -> int:
        return int((expit(adapted.logit(test.features)) >= threshold).sum())

    assert called(rare.head, rare.threshold) < called(balanced.head, balanced.threshold)


def test_what_is_expected_holds_on_further_patches() -> None:
    adapted = adapt_head(head(RIGHT), STATISTICS, wall(200, 7), precision=0.9)
    assert adapted.expected
    test = wall(4000, 8)
    called = expit(adapted.head.logit(test.features)) >= adapted.threshold
    recall = called[test.labels == 1].mean()
    precision = (test.labels[called] == 1).mean()
    assert adapted.expected.recall_interval[0] <= recall <= adapted.expected.recall_interval[1]
    low, high = adapted.expected.precision_interval
    assert low <= precision <= high


@pytest.mark.parametrize(
    ("labelled", "reason"),
    [
        (lambda: wall(18, 9), "labels of one class (9)"),
        (lambda: wall(40, 9, photographs=1), "photographs (1)"),
        (lambda: wall(40, 9, photographs=LEAST_PHOTOGRAPHS - 1), "photographs (4)"),
        (lambda: one_photograph_of_cracks(40), "all labels of one class are from one photograph"),
    ],
)
def test_too_few_labels_or_photographs_promise_nothing(
    labelled: Callable[[], Labelled], reason: str
) -> None:
    adapted = adapt_head(head(RIGHT), STATISTICS, labelled())
    assert adapted.expected is None
    assert reason in adapted.reason


def test_next_to_no_labels_of_a_class_are_refused() -> None:
    labelled = wall(40, 10)
    with pytest.raises(CracksError, match="found 4 with and 20 without a crack; label more"):
        kept = np.flatnonzero((labelled.labels == 0) | (np.arange(40) < 8))
        adapt_head(head(RIGHT), STATISTICS, some(labelled, kept))


def test_the_order_of_the_patches_changes_nothing_that_is_printed() -> None:
    labelled = wall(60, 11)
    turned = some(labelled, np.arange(60)[::-1])
    one, other = (adapt_head(head(RIGHT), STATISTICS, x) for x in (labelled, turned))
    assert abs(one.threshold - other.threshold) < 0.05


def evidence(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log-odds that are right but for a shift of 3, the labels, and ten photographs."""
    random = np.random.default_rng(seed)
    truth = 2 * random.standard_normal(count)
    labels = (random.random(count) < expit(truth)).astype(int)
    return truth + 3, labels, (np.arange(count) % 10).astype(str)


def test_a_threshold_alone_is_moved_to_where_the_precision_is() -> None:
    adapted = adapt_threshold(*evidence(200, 13), precision=0.8)
    assert adapted.expected
    logits, labels, _ = evidence(20_000, 14)
    called = logits >= adapted.logit
    assert labels[called].mean() == pytest.approx(0.8, abs=0.06)
    low, high = adapted.expected.recall_interval
    assert low <= called[labels == 1].mean() <= high
    strict = adapt_threshold(*evidence(200, 13), precision=0.95)
    rare = adapt_threshold(*evidence(200, 13), cracked_share=0.1, precision=0.8)
    assert adapted.logit < min(strict.logit, rare.logit)


def test_a_threshold_stays_where_evidence_says_nothing() -> None:
    logits, labels, photographs = evidence(60, 15)
    adapted = adapt_threshold(-logits, labels, photographs)
    assert (adapted.logit, adapted.expected) == (0, None)
    assert "no stronger in patches with a crack" in adapted.reason


def test_labels_that_are_noise_promise_nothing() -> None:
    labelled = wall(200, 16)
    shuffled = np.random.default_rng(0).permutation(labelled.labels)
    adapted = adapt_head(head(RIGHT), STATISTICS, labelled._replace(labels=shuffled))
    assert adapted.expected is None
    assert "no better than chance" in adapted.reason


def test_intervals_cover_what_further_photographs_show() -> None:
    """Photographs that differ in brightness, of which a few are labelled."""
    covered = []
    for seed in range(20):
        random = np.random.default_rng(seed)

        def drawn(
            count: int, random: np.random.Generator = random
        ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            photographs = np.repeat(np.arange(count), 8)
            labels = (random.random(len(photographs)) < 0.4).astype(int)
            brightness = random.normal(0, 0.5, count)[photographs]
            logits = 2.5 * (2 * labels - 1) + brightness + random.standard_normal(len(labels))
            return logits, labels, photographs.astype(str)

        adapted = adapt_threshold(*drawn(6))
        assert adapted.expected
        logits, labels, _ = drawn(400)
        called = logits >= adapted.logit
        recall, precision = called[labels == 1].mean(), labels[called].mean()
        for value, (low, high) in (
            (recall, adapted.expected.recall_interval),
            (precision, adapted.expected.precision_interval),
        ):
            covered.append(low <= value <= high)
    assert np.mean(covered) >= 0.95


def test_unknown_photographs_promise_nothing() -> None:
    adapted = adapt_head(head(RIGHT), STATISTICS, wall(60, 12), photographs_known=False)
    assert adapted.expected is None
    assert "--photograph" in adapted.reason
