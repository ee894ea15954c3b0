"""evaluate: both classifiers on the test part, compared; needs neither images nor TensorFlow."""

from itertools import combinations

from cracks.evaluation.metrics import compare, comparison_name, evaluate_backbone
from cracks.evaluation.plots import calibration, confusion, precision_recall, roc, together
from cracks.evaluation.predictions import Scored, load_scored, prediction_table
from cracks.evaluation.verdict import verdicts
from cracks.pipeline.inputs import read_history, read_numbers
from cracks.pipeline.labels import TEST
from cracks.pipeline.outputs import rounded, write_csv, write_json
from cracks.pipeline.params import load_params
from cracks.pipeline.paths import EVALUATION, PLOTS, PREDICTIONS, SPLIT_METRICS, history_path
from cracks.pipeline.stage import run


def main() -> None:
    """Write metrics/evaluate.json, metrics/predictions.csv and the tables of metrics/plots."""
    params = load_params()
    scored = {backbone: load_scored(backbone) for backbone in params.weights}
    metrics: dict[str, int | float] = {}
    for backbone, one in scored.items():
        found = evaluate_backbone(one.labels, one.scores, params.threshold, params.target_recall)
        metrics |= {f"{backbone}.{name}": value for name, value in found.items()}
    thresholds = {backbone: metrics[f"{backbone}.threshold"] for backbone in scored}

    predictions = prediction_table(scored, thresholds)
    right = {
        backbone: predictions[predictions["backbone"] == backbone]["correct"].to_numpy(dtype=bool)
        for backbone in scored
    }
    for first, second in combinations(scored, 2):
        name = comparison_name(first, second)
        metrics |= {f"{name}.{key}": value for key, value in compare(first, second, right).items()}
    metrics |= _leak()

    write_json(EVALUATION, metrics)
    write_csv(PREDICTIONS, predictions, digits=6)
    _write_plots(scored, thresholds)
    print("\n".join(verdicts(rounded(metrics), params.weights)))


def _leak() -> dict[str, int | float]:
    """The leak counters of the split beside the numbers that they put in doubt."""
    split = read_numbers(SPLIT_METRICS)
    leaks = (".leaked", ".photograph")
    return {f"split.{k}": value for k, value in split.items() if any(word in k for word in leaks)}


def _write_plots(scored: dict[str, Scored], thresholds: dict[str, float]) -> None:
    test = {name: (one.labels[TEST], one.scores[TEST][:, 0]) for name, one in scored.items()}
    tables = {
        "roc": together({name: roc(*pair) for name, pair in test.items()}),
        "precision-recall": together(
            {name: precision_recall(*pair) for name, pair in test.items()}
        ),
        "calibration": together({name: calibration(*pair) for name, pair in test.items()}),
        "confusion": together(
            {name: confusion(*pair, thresholds[name]) for name, pair in test.items()}
        ),
        "history": together({name: read_history(history_path(name)) for name in scored}),
    }
    for name, table in tables.items():
        write_csv(PLOTS / f"{name}.csv", table)


if __name__ == "__main__":
    run(main)
