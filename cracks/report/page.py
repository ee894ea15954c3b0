"""The report: one self-contained page of metrics, charts and pictures.

No number is computed here; all are read from files that earlier stages wrote.
"""

import re
import zipfile
from itertools import combinations
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from cracks.backbones.catalogue import title
from cracks.evaluation.details import by_name, read_details
from cracks.evaluation.metrics import METRICS, comparison_name, number_text
from cracks.evaluation.verdict import Values, verdicts, whole_of
from cracks.heads.head import read_origin
from cracks.images.archive import open_archive
from cracks.project.outputs import replacing, write_text
from cracks.project.params import SAMPLE, Params, flatten, name_of_source
from cracks.project.paths import (
    ARCHIVE,
    AUDIT_COUNTS,
    EVALUATION,
    PARAMS,
    PLOTS,
    SPLIT_COUNTS,
    head_path,
)
from cracks.project.yaml_file import read_yaml
from cracks.report import charts
from cracks.report import thumbnails as pictures
from cracks.report.mistakes import mistakes_sheet, worst_mistakes
from cracks.report.plain import plain_words
from cracks.runtime.stage import package_versions
from cracks.tables.inputs import (
    read_counts,
    read_history,
    read_images,
    read_numbers,
    read_predictions,
    read_split,
    read_table,
)
from cracks.tables.labels import CLASS_NAMES, CLASSES, PARTS, POSITIVE, TRAIN

TEMPLATE = "report.html.jinja"

SAMPLES = 6
"""Pictures of each class."""

DISAGREEMENTS = 8
"""Pictures of images on which two backbones disagree."""

Table = pd.DataFrame


def render_report(params: Params, output: Path, sheet: Path) -> None:
    """Write the page for the results in the project's folder, and a sheet of the worst mistakes.

    Args:
        params: those of the project.
        output: the page.
        sheet: a JPEG file.
    """
    audit, split = read_counts(AUDIT_COUNTS), read_counts(SPLIT_COUNTS)
    metrics = {**read_numbers(EVALUATION), **by_name(read_details())}
    backbones = list(params.weights)
    predictions = read_predictions()
    with open_archive(ARCHIVE) as archive:
        mistakes = {b: worst_mistakes(archive, predictions, b, params) for b in backbones}
        context = {
            "params": params,
            "audit": audit,
            "split": split,
            "metrics": metrics,
            "table": METRICS,
            "backbones": backbones,
            "parts": PARTS,
            "classes": CLASSES,
            "verdicts": verdicts(metrics, split, params.weights, whole_of(params.dataset)),
            "plain": plain_words(metrics, split, params),
            "things": "drawings" if params.dataset == SAMPLE else "images",
            "comparisons": [(comparison_name(*p), *p) for p in combinations(backbones, 2)],
            "charts": _charts(metrics, backbones),
            "samples": _samples(archive),
            "mistakes": mistakes,
            "disagreements": _disagreements(archive, predictions, backbones),
            "views": _views(archive, params),
            "settings": _settings(params),
            "versions": package_versions(),
        }
    write_text(output, _environment().get_template(TEMPLATE).render(context))
    with replacing(sheet) as temporary:
        mistakes_sheet(mistakes).save(temporary, "JPEG", quality=pictures.QUALITY, optimize=True)


def _settings(params: Params) -> dict[str, Any]:
    """All parameters; weights by the names and hashes of their files, wherever those lie."""
    weights = {
        f"weights.{backbone}": f"{name_of_source(source)}, sha256 "
        f"{read_origin(head_path(backbone)).weights_sha256[:16]}…"
        for backbone, source in params.weights.items()
    }
    return flatten(read_yaml(PARAMS)) | weights


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cracks.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "title_of": title,
        "number": number_text,
        "percent": _percent,
        "class_of": CLASS_NAMES.__getitem__,
        "dimensions": _dimensions,
        "breakable": _breakable,
    }
    return environment


def _dimensions(uri: str) -> Markup:
    """The attributes by which a browser reserves the space of an image."""
    return Markup('width="{}" height="{}"').format(*pictures.dimensions(uri))


def _breakable(name: str) -> Markup:
    """A parameter's name, which may break after a dot or an underscore."""
    return Markup("").join(
        part + Markup("<wbr>") if part in "._" else part for part in re.split(r"([._])", name)
    )


def _percent(value: float) -> str:
    return f"{100 * value:.2f}\N{NO-BREAK SPACE}%"


def _charts(metrics: Values, backbones: list[str]) -> dict[str, Any]:
    """Charts by name; the histories in a list."""
    history = read_history(PLOTS / "history.csv", "backbone")
    axes = {
        "roc": (("fpr", "images without a crack called cracked"), ("tpr", "cracks found (recall)")),
        "precision-recall": (("recall", "recall"), ("precision", "precision")),
        "calibration": (
            ("predicted", "predicted probability"),
            ("observed", "observed share of cracks"),
        ),
    }
    curves = {}
    for name, (x, y) in axes.items():
        table = read_table(PLOTS / f"{name}.csv", {"backbone": str, x[0]: float, y[0]: float})
        curves[name] = charts.curve(name, table, x, y)
    histories = [charts.history(history, b, number) for number, b in enumerate(backbones)]
    return {"intervals": charts.intervals(metrics, backbones), **curves, "histories": histories}


def _training_images() -> Table:
    """Training images, in an order independent of their names."""
    images, split = read_images(), read_split()
    train = set(split[split["part"] == TRAIN]["id"])
    return images[images["id"].isin(train)].sort_values("sha256")


def _samples(archive: zipfile.ZipFile) -> dict[str, list[dict[str, str]]]:
    """Training images of each class, no two of one group, in the order of their hashes."""
    images = _training_images().drop_duplicates("group")
    return {
        label: [
            {"name": name, "picture": pictures.picture(archive, name)}
            for name in images[images["label"] == label]["id"].head(SAMPLES)
        ]
        for label in CLASSES
    }


def _disagreements(
    archive: zipfile.ZipFile, predictions: Table, backbones: list[str]
) -> list[dict[str, Any]]:
    """Images that only some backbones get right, the largest difference in probability first."""
    probability = predictions.pivot_table("probability", "id", "backbone")
    correct = predictions.pivot_table("correct", "id", "backbone", "first").astype(bool)
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
        for name in apart.sort_values(ascending=False, kind="stable").index[:DISAGREEMENTS]
    ]


def _views(archive: zipfile.ZipFile, params: Params) -> list[str]:
    """A training image of a crack and its augmented views."""
    if not params.augmentation.views:
        return []
    images = _training_images()
    return pictures.views(archive, images[images["label"] == POSITIVE].iloc[0], params)
