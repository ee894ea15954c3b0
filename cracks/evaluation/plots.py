"""Curves of classifiers as tables of at most `POINTS` rows, for `dvc plots` and the report."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.calibration import calibration_curve

from cracks.evaluation.metrics import Scored
from cracks.tables.labels import CLASSES

POINTS = 100
"""Rows that a curve is thinned to: a plot shows no more, and Git keeps every version."""

CALIBRATION_POINTS = 8


def roc(scored: Scored) -> pd.DataFrame:
    """Receiver operating characteristic: `fpr`, `tpr`."""
    fpr, tpr, _ = metrics.roc_curve(scored.labels, scored.probability)
    return _thinned(pd.DataFrame({"fpr": fpr, "tpr": tpr}))


def precision_recall(scored: Scored) -> pd.DataFrame:
    """Precision over recall: `recall`, `precision`, recall ascending."""
    precision, recall, _ = metrics.precision_recall_curve(scored.labels, scored.probability)
    return _thinned(pd.DataFrame({"recall": recall[::-1], "precision": precision[::-1]}))


def calibration(scored: Scored) -> pd.DataFrame:
    """Reliability diagram in bins of equally many images: `predicted` mean, `observed` share."""
    observed, predicted = calibration_curve(
        scored.labels, scored.probability, n_bins=CALIBRATION_POINTS, strategy="quantile"
    )
    return pd.DataFrame({"predicted": predicted, "observed": observed})


def confusion(scored: Scored) -> pd.DataFrame:
    """A row for each cell: `actual`, `predicted`, `count`."""
    counts = metrics.confusion_matrix(scored.labels, scored.predicted, labels=[0, 1])
    cells = pd.MultiIndex.from_product([CLASSES, CLASSES], names=["actual", "predicted"])
    return pd.DataFrame({"count": counts.ravel()}, cells).reset_index()


def concatenated(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The tables of several backbones in one, named by a first column `backbone`."""
    named = pd.concat(tables, names=["backbone"]).reset_index(level="backbone")
    return named.reset_index(drop=True)


def _thinned(curve: pd.DataFrame) -> pd.DataFrame:
    if len(curve) <= POINTS:
        return curve
    kept = np.unique(np.linspace(0, len(curve) - 1, POINTS).round().astype(int))
    return curve.iloc[kept]
