"""What `make run` ends with: both classifiers side by side, and what to do next."""

from cracks.evaluation.verdict import title, verdicts
from cracks.pipeline.inputs import read_numbers
from cracks.pipeline.params import load_params
from cracks.pipeline.paths import EVALUATION

ROWS = {
    "recall": "recall of cracks",
    "missed": "missed cracks",
    "accuracy": "accuracy",
    "accuracy_low": "  95 % from",
    "accuracy_high": "  95 % to",
    "precision": "precision",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "loss": "loss",
    "images": "test images",
}
NEXT = """\
Look:  open report.html
Try:   dvc exp run -S epochs=2             only heads, evaluate and report run
       dvc exp run -S threshold=0.3        only evaluate and report run
       dvc exp show --only-changed         what was tried, side by side
       python -m cracks predict PHOTOGRAPH --map maps"""


def run() -> int:
    """Print the metrics of `metrics/evaluate.json` as a table, the verdict and the next steps."""
    metrics = read_numbers(EVALUATION)
    sources = load_params().weights
    print()
    print(f"{'':20}" + "".join(f"{title(backbone):>12}" for backbone in sources))
    for key, heading in ROWS.items():
        values = (metrics.get(f"{backbone}.{key}", "") for backbone in sources)
        print(f"{heading:20}" + "".join(f"{_text(value):>12}" for value in values))
    print()
    print("\n".join(verdicts(metrics, sources)))
    print(f"\n{NEXT}")
    return 0


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
