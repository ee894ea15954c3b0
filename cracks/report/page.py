"""The report: one self-contained page of metrics, charts and pictures.

No number is computed here; all are read from files that earlier stages wrote.
"""

import platform
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from cracks.evaluation.details import by_name, read_details
from cracks.evaluation.metrics import METRICS, comparison_name
from cracks.evaluation.verdict import Values, title, verdicts
from cracks.heads.head import read_origin
from cracks.images.archive import open_archive
from cracks.pipeline.inputs import (
    read_history,
    read_images,
    read_numbers,
    read_predictions,
    read_split,
    read_table,
)
from cracks.pipeline.labels import CLASSES, PARTS, POSITIVE, TRAIN
from cracks.pipeline.outputs import write_text
from cracks.pipeline.params import Params, flatten, name_of_source
from cracks.pipeline.paths import (
    ARCHIVE,
    AUDIT_METRICS,
    EVALUATION,
    PARAMS,
    PLOTS,
    SPLIT_METRICS,
    head_path,
)
from cracks.pipeline.stage import PACKAGES
from cracks.pipeline.yaml_file import parse_yaml, read_text
from cracks.report import charts
from cracks.report import thumbnails as pictures

TEMPLATE = "report.html.jinja"

SAMPLES = 6
"""Pictures of each class."""

MISTAKES = 8
"""Pictures of each backbone's worst mistakes, and of images on which two disagree."""

Table = pd.DataFrame


def render_report(params: Params, output: Path) -> None:
    """Write the page for the results in the project's folder."""
    audit, split = read_numbers(AUDIT_METRICS), read_numbers(SPLIT_METRICS)
    metrics = {**read_numbers(EVALUATION), **by_name(read_details())}
    backbones = list(params.weights)
    predictions = read_predictions()
    with open_archive(ARCHIVE) as archive:
        context = {
            "params": params,
            "audit": audit,
            "split": split,
            "metrics": metrics,
            "table": METRICS,
            "backbones": backbones,
            "parts": PARTS,
            "classes": CLASSES,
            "verdicts": verdicts(metrics, split, params.weights),
            "comparisons": _comparison_names(backbones),
            "charts": _charts(metrics, backbones),
            "samples": _samples(archive),
            "mistakes": {b: _mistakes(archive, predictions, b, params) for b in backbones},
            "disagreements": _disagreements(archive, predictions, backbones),
            "views": _views(archive, params),
            "settings": _settings(params),
            "versions": {"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
        }
    page = _environment().get_template(TEMPLATE).render(context)
    write_text(output, page)


def _settings(params: Params) -> dict[str, Any]:
    """All parameters; weights by the names and hashes of their files, wherever those lie."""
    weights = {
        f"weights.{backbone}": f"{name_of_source(source)}, sha256 "
        f"{read_origin(head_path(backbone)).weights_sha256[:16]}…"
        for backbone, source in params.weights.items()
    }
    return flatten(parse_yaml(read_text(PARAMS), PARAMS)) | weights


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cracks.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"title_of": title, "number": _number, "percent": _percent}
    return environment


def _number(value: float) -> str:
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


def _percent(value: float) -> str:
    return f"{100 * value:.2f}\N{NO-BREAK SPACE}%"


def _comparison_names(backbones: list[str]) -> list[tuple[str, str, str]]:
    """Each pair of backbones and the prefix of its metrics."""
    return [
        (comparison_name(first, second), first, second)
        for place, first in enumerate(backbones)
        for second in backbones[place + 1 :]
    ]


def _charts(metrics: Values, backbones: list[str]) -> dict[str, Any]:
    """Charts by name; the histories in a list."""
    history = read_history(PLOTS / "history.csv", "backbone")
    axes = {
        "roc": (("fpr", "false positive rate"), ("tpr", "true positive rate (recall)")),
        "precision-recall": (("recall", "recall"), ("precision", "precision")),
        "calibration": (
            ("predicted", "predicted probability"),
            ("observed", "observed share of cracks"),
        ),
    }
    curves = {
        name: charts.curve(name, _curve(name, x[0], y[0]), x, y) for name, (x, y) in axes.items()
    }
    histories = [charts.history(history, b, number) for number, b in enumerate(backbones)]
    return {"intervals": charts.intervals(metrics, backbones), **curves, "histories": histories}


def _curve(name: str, x: str, y: str) -> Table:
    return read_table(PLOTS / f"{name}.csv", {"backbone": str, x: float, y: float})


def _training_images() -> Table:
    """Training images, in an order independent of their names."""
    images, split = read_images(), read_split()
    train = set(split[split["part"] == TRAIN]["id"])
    return images[images["id"].isin(train)].sort_values("sha256")


def _samples(archive: zipfile.ZipFile) -> dict[str, list[dict[str, str]]]:
    """Training images of each class, no two of one group, drawn by their hash."""
    images = _training_images().drop_duplicates("group")
    return {
        label: [
            {"name": name, "picture": pictures.picture(archive, name)}
            for name in images[images["label"] == label]["id"].head(SAMPLES)
        ]
        for label in CLASSES
    }


def _mistakes(
    archive: zipfile.ZipFile, predictions: Table, backbone: str, params: Params
) -> list[dict[str, Any]]:
    """The most confident mistakes, each with its activation map."""
    wrong = predictions[(predictions["backbone"] == backbone) & ~predictions["correct"]]
    confidence = (wrong["probability"] - (wrong["label"] == POSITIVE)).abs()
    worst = wrong.loc[confidence.sort_values(ascending=False, kind="stable").index[:MISTAKES]]
    maps = pictures.explained(archive, list(worst["id"]), backbone, params)
    return [
        {
            "name": row["id"],
            "label": row["label"],
            "probability": row["probability"],
            "picture": pictures.picture(archive, row["id"]),
            "map": maps[row["id"]],
        }
        for _, row in worst.iterrows()
    ]


def _disagreements(
    archive: zipfile.ZipFile, predictions: Table, backbones: list[str]
) -> list[dict[str, Any]]:
    """Images that only some backbones get right, the largest difference in probability first."""
    probability = predictions.pivot_table(index="id", columns="backbone", values="probability")
    correct = predictions.pivot_table(
        index="id", columns="backbone", values="correct", aggfunc="first"
    ).astype(bool)
    differ = correct.any(axis=1) & ~correct.all(axis=1)
    apart = (probability.max(axis=1) - probability.min(axis=1))[differ]
    labels = predictions.drop_duplicates("id").set_index("id")["label"]
    return [
        {
            "name": name,
            "label": labels[name],
            "picture": pictures.picture(archive, str(name)),
            "answers": [
                (title(b), probability.loc[name, b], bool(correct.loc[name, b])) for b in backbones
            ],
        }
        for name in apart.sort_values(ascending=False, kind="stable").index[:MISTAKES]
    ]


def _views(archive: zipfile.ZipFile, params: Params) -> list[str]:
    """A training image of a crack and its augmented views."""
    if not params.augmentation.views:
        return []
    images = _training_images()
    return pictures.views(archive, images[images["label"] == POSITIVE].iloc[0], params)
