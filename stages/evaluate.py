"""evaluate: both classifiers on the test part, compared; needs neither images nor TensorFlow."""

from cracks.evaluation.details import comparisons, detail_table, headline
from cracks.evaluation.metrics import Scored
from cracks.evaluation.plots import calibration, confusion, precision_recall, roc, together
from cracks.evaluation.predictions import load_heads, prediction_table
from cracks.evaluation.verdict import leaked_share, verdicts
from cracks.pipeline.inputs import read_history, read_numbers
from cracks.pipeline.labels import TEST
from cracks.pipeline.outputs import rounded, write_csv, write_json
from cracks.pipeline.params import load_params
from cracks.pipeline.paths import (
    DETAILS,
    EVALUATION,
    PLOTS,
    PREDICTIONS,
    SPLIT_METRICS,
    history_path,
)
from cracks.pipeline.stage import run


def main() -> None:
    """Write metrics/evaluate.json, details.csv, predictions.csv and the tables of plots/."""
    params = load_params()
    heads = {backbone: load_heads(backbone) for backbone in params.weights}
    details = detail_table(heads, params.threshold, params.target_recall)
    metrics = headline(details)
    thresholds = {backbone: metrics[f"{backbone}.threshold"] for backbone in heads}
    scored = {backbone: one.scored(TEST, thresholds[backbone]) for backbone, one in heads.items()}
    split = read_numbers(SPLIT_METRICS)
    metrics |= comparisons(scored) | {"test.leaked_share": leaked_share(split)}

    write_json(EVALUATION, metrics)
    write_csv(DETAILS, details)
    write_csv(PREDICTIONS, prediction_table(heads, thresholds), digits=None)
    _write_plots(scored)
    print("\n".join(verdicts(rounded(metrics), split, params.weights)))


def _write_plots(scored: dict[str, Scored]) -> None:
    tables = {
        "roc": {name: roc(one) for name, one in scored.items()},
        "precision-recall": {name: precision_recall(one) for name, one in scored.items()},
        "calibration": {name: calibration(one) for name, one in scored.items()},
        "confusion": {name: confusion(one) for name, one in scored.items()},
        "history": {name: read_history(history_path(name)) for name in scored},
    }
    for name, table in tables.items():
        write_csv(PLOTS / f"{name}.csv", together(table))


if __name__ == "__main__":
    run(main)
