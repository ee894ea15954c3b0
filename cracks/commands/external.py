"""`external`: the classifiers on labelled images from elsewhere.

The results go to external/<name>/, never to metrics/, so that they do not mix with those of the
test part.
"""

from pathlib import Path

from cracks.commands.caveats import load_familiar, warn_of_drawings
from cracks.evaluation.metrics import METRICS, Metrics
from cracks.evaluation.verdict import title
from cracks.inference.external import score_images
from cracks.inference.novelty import USUAL_SHARE
from cracks.pipeline.outputs import write_csv, write_json
from cracks.pipeline.params import load_params
from cracks.sources.elsewhere import source_name


def run(source: Path, positive_class: str | None, name: str | None, standardise: bool) -> int:
    """Write external/<name>/metrics.json and predictions.csv, and print the metrics."""
    params = load_params()
    backbones = list(params.weights)
    warn_of_drawings(backbones)
    result = score_images(
        source,
        positive_class or params.positive_class,
        params,
        load_familiar(backbones),
        standardise=standardise,
    )
    default = f"{source_name(source)}-standardised" if standardise else source_name(source)
    output = Path("external") / (name or default)
    write_json(output / "metrics.json", result.metrics)
    write_csv(output / "predictions.csv", result.predictions, digits=6)
    _print(result.metrics, backbones, output)
    return 0


def _print(metrics: Metrics, backbones: list[str], output: Path) -> None:
    print(f"{'':22}" + "".join(f"{title(backbone):>26}" for backbone in backbones))
    for name, metric in METRICS.items():
        if metric.headline or name == "images":
            cells = [_cell(metrics, f"{backbone}.{name}") for backbone in backbones]
            print(f"{metric.title:22}" + "".join(f"{cell:>26}" for cell in cells))
    _print_unlike(metrics, backbones)
    if metrics["seen_by_the_pipeline"]:
        seen = metrics["seen_by_the_pipeline"]
        print(f"Left out: {seen:,} images of the pipeline's dataset, or copies of them.")
    print(f"Written to {output}/. Results on one source do not transfer to another.")


def _print_unlike(metrics: Metrics, backbones: list[str]) -> None:
    keys = [f"{backbone}.unlike_training" for backbone in backbones]
    if any(key in metrics for key in keys):
        cells = [_cell(metrics, key) if key in metrics else "" for key in keys]
        print(f"{'unlike training':22}" + "".join(f"{cell:>26}" for cell in cells))
        print(
            "Unlike training: the share of images further from the training images than 95 % of "
            f"valid; {USUAL_SHARE:.4f} would be usual."
        )


def _cell(metrics: Metrics, key: str) -> str:
    value = metrics[key]
    if f"{key}_low" in metrics:
        low, high = metrics[f"{key}_low"], metrics[f"{key}_high"]
        return f"{value:.4f} [{low:.4f}, {high:.4f}]"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
