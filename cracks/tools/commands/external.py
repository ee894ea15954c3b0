"""`external`: the classifiers on labelled images from elsewhere.

The results go to external/<name>/, never to metrics/, so that they do not mix with those of the
test part.
"""

from pathlib import Path

from cracks.backbones.catalogue import title
from cracks.evaluation.metrics import METRICS, Metrics, number_text
from cracks.project.errors import CracksError
from cracks.project.outputs import write_csv, write_json
from cracks.project.params import load_params
from cracks.tools.cluster.features import use_cluster
from cracks.tools.commands.caveats import warn_of_drawings
from cracks.tools.commands.destinations import check_destinations, resolved
from cracks.tools.transfer.elsewhere import source_name
from cracks.tools.transfer.external import score_images, seen_sentence

FOLDER = Path("external")
METRICS_FILE = "metrics.json"
PREDICTIONS_FILE = "predictions.csv"


def run(source: Path, positive_class: str | None, name: str | None, standardise: bool) -> int:
    """Write external/<name>/metrics.json and predictions.csv, and print the metrics."""
    use_cluster()
    params = load_params()
    output = _folder(source, name, standardise=standardise)
    check_destinations([output / METRICS_FILE, output / PREDICTIONS_FILE], [source])
    place, images = resolved(output), resolved(source)
    if place.is_relative_to(images) or images.is_relative_to(place):
        raise CracksError(
            f"Expected images apart from the results in {output}, found {source}; move them, or "
            "give another --name."
        )
    backbones = params.backbones()
    warn_of_drawings(backbones, params.weights)
    chosen = positive_class or params.positive_class
    result = score_images(source, chosen, params, standardise=standardise)
    write_json(output / METRICS_FILE, result.metrics)
    write_csv(output / PREDICTIONS_FILE, result.predictions, digits=6)
    _print(result.metrics, backbones, output)
    return 0


def _folder(source: Path, name: str | None, *, standardise: bool) -> Path:
    name = name or f"{source_name(source)}{'-standardised' if standardise else ''}"
    if FOLDER.resolve() not in (FOLDER / name).resolve().parents:
        raise CracksError(
            f"Expected a name for a folder below {FOLDER}, found {name!r}; "
            "give another one as --name."
        )
    return FOLDER / name


def _print(metrics: Metrics, backbones: list[str], output: Path) -> None:
    print(f"{'':22}" + "".join(f"{title(backbone):>26}" for backbone in backbones))
    for name, metric in METRICS.items():
        if metric.headline or name == "images":
            cells = [_cell(metrics, f"{backbone}.{name}") for backbone in backbones]
            print(f"{metric.title:22}" + "".join(f"{cell:>26}" for cell in cells))
    if metrics["seen_by_the_pipeline"]:
        print(seen_sentence(int(metrics["seen_by_the_pipeline"])))
    print(f"Written to {output}/. Results on one source do not transfer to another.")


def _cell(metrics: Metrics, key: str) -> str:
    value = metrics[key]
    if f"{key}_low" in metrics:
        low, high = metrics[f"{key}_low"], metrics[f"{key}_high"]
        return f"{value:.4f} [{low:.4f}, {high:.4f}]"
    return number_text(value)
