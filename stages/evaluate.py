"""evaluate: both classifiers on the test part, compared; needs neither images nor TensorFlow."""

from cracks.evaluation.details import comparisons, detail_table, headline
from cracks.evaluation.metrics import Scored
from cracks.evaluation.plots import calibration, concatenated, confusion, precision_recall, roc
from cracks.evaluation.predictions import load_heads, prediction_table
from cracks.evaluation.verdict import leaked_share, verdicts, whole_of
from cracks.project.outputs import FINE_DIGITS, rounded, write_csv, write_json
from cracks.project.params import load_params
from cracks.project.paths import DETAILS, EVALUATION, PLOTS, PREDICTIONS, SPLIT_COUNTS, history_path
from cracks.tables.inputs import read_counts, read_history
from cracks.tables.labels import TEST


def main() -> None:
    """Write metrics/evaluate.json, details.csv, predictions.csv and the tables of plots/."""
    params = load_params()
    heads = load_heads(params.weights)
    details = detail_table(heads, params.threshold, params.target_recall)
    metrics = headline(details)
    thresholds = {backbone: metrics[f"{backbone}.threshold"] for backbone in heads}
    scored = {backbone: one.scored(TEST, thresholds[backbone]) for backbone, one in heads.items()}
    split = read_counts(SPLIT_COUNTS)
    metrics |= comparisons(scored) | {"test.leaked_share": leaked_share(split)}

    write_json(EVALUATION, metrics)
    write_csv(DETAILS, details)
    write_csv(PREDICTIONS, prediction_table(heads, thresholds), FINE_DIGITS)
    _write_plots(scored)
    print(*verdicts(rounded(metrics), split, params.weights, whole_of(params.dataset)), sep="\n")


def _write_plots(scored: dict[str, Scored]) -> None:
    tables = {
        "roc": {name: roc(one) for name, one in scored.items()},
        "precision-recall": {name: precision_recall(one) for name, one in scored.items()},
        "calibration": {name: calibration(one) for name, one in scored.items()},
        "confusion": {name: confusion(one) for name, one in scored.items()},
        "history": {name: read_history(history_path(name)) for name in scored},
    }
    for name, table in tables.items():
        write_csv(PLOTS / f"{name}.csv", concatenated(table))
