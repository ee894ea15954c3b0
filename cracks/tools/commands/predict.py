"""`predict`: classify photographs, or map the cracks of whole walls."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from cracks.backbones.catalogue import title
from cracks.classifier.classifier import Trained
from cracks.evaluation.metrics import is_crack
from cracks.heads.head import training_statistics
from cracks.project.outputs import write_text
from cracks.project.params import Params, load_params
from cracks.project.paths import head_path, weights_path
from cracks.runtime.progress import progress
from cracks.tables.labels import CLASS_NAMES, CLASSES
from cracks.tools.cluster.address import cluster_address
from cracks.tools.commands import crack_maps
from cracks.tools.commands.caveats import warn_of_drawings
from cracks.tools.commands.crack_maps import MapOptions
from cracks.tools.commands.destinations import check_destinations
from cracks.tools.photographs import (
    find_photographs,
    open_photograph,
    output_names,
    read_inputs,
    save_picture,
)
from cracks.tools.transfer.adapted_heads import load_named
from cracks.tools.transfer.standardisation import check_enough, standardised_probabilities
from cracks.tools.walls.overlay import explanation

COLUMNS = ["path", "backbone", "label", "probability", "threshold", "error"]


@dataclass(frozen=True)
class Options(MapOptions):
    """Options of the command; those of maps need `maps`."""

    form: str | None = None  # csv or json instead of a table
    out: Path | None = None  # file; printed if None
    explain: Path | None = None  # folder for activation maps
    maps: Path | None = None  # folder for crack maps, instead of a classification
    standardise: bool = False  # as `cracks.tools.transfer.standardisation` does


def run(paths: Sequence[str], backbone: str | None, options: Options) -> int:
    """Classify, explain or map; the result is the exit code, 1 if a file could not be read."""
    params = load_params()
    backbones = params.backbones(backbone)
    files = find_photographs(paths)
    pictures = _explanation_files(files, backbones, options.explain) if options.explain else {}
    check_destinations([*pictures.values(), *([options.out] if options.out else [])], files)
    if options.maps:
        return crack_maps.run(files, backbones, params, options.maps, options)
    warn_of_drawings(backbones, params.weights)
    if options.standardise:
        check_enough(len(files))
    trained = [load_named(b, options.head) for b in backbones]
    tables = [_classified(files, one, params, options) for one in trained]
    table = pd.concat(tables, ignore_index=True)
    if options.explain:
        for one in trained:
            _write_explanations(files, one, params, pictures)
    _write_table(table, options.form, options.out)
    return int((table["error"] != "").any())


def _classified(
    paths: list[Path], trained: Trained, params: Params, options: Options
) -> pd.DataFrame:
    """One row per file, by this process or by a Ray cluster."""
    backbone, threshold = trained.origin.backbone, trained.threshold
    reasons: dict[Path, str] = {}  # why files cannot be read
    if options.standardise or options.head is not None or not cluster_address():
        found = _probabilities(paths, trained, params, reasons, options.standardise)
    else:
        from cracks.tools.cluster.photographs import probabilities_on_cluster

        probabilities = probabilities_on_cluster(trained, params, paths, reasons)
        found = dict(progress(probabilities, total=len(paths), desc=backbone, unit="img"))
    rows = [
        (path, backbone, _label(found[path], threshold), found[path], threshold, "")
        if path in found
        else (path, backbone, "", np.nan, threshold, reasons[path])
        for path in paths
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _probabilities(
    paths: list[Path], trained: Trained, params: Params, reasons: dict[Path, str], standardise: bool
) -> dict[Path, float]:
    """P(crack) of each file; with `standardise`, features are so by those of all files."""
    backbone = trained.origin.backbone
    classifier = trained.classifier(params.engine, weights_path(backbone))
    shown = progress(paths, desc=backbone, unit="img")
    inputs = read_inputs(shown, classifier.image_size, reasons)
    if standardise:
        training = training_statistics(head_path(backbone))
        return standardised_probabilities(classifier, inputs, training)
    return dict(classifier.probabilities(inputs))


def _label(probability: float, threshold: float) -> str:
    """The class in words."""
    return CLASS_NAMES[CLASSES[int(is_crack(np.array(probability), threshold))]]


def _write_table(table: pd.DataFrame, form: str | None, out: Path | None) -> None:
    if form == "csv":
        text = table.to_csv(index=False, float_format="%.6f", lineterminator="\n")
    elif form == "json":
        text = table.to_json(orient="records", indent=1, default_handler=str, double_precision=6)
        text += "\n"
    else:
        forms = {"probability": "{:.4f}".format}
        text = table.to_string(index=False, justify="left", na_rep="", formatters=forms) + "\n"
    if out is None:
        sys.stdout.write(text)
        return
    write_text(out, text)
    print(f"{out}: {len(table):,} rows", file=sys.stderr)


def _explanation_files(
    paths: list[Path], backbones: Sequence[str], folder: Path
) -> dict[tuple[Path, str], Path]:
    """`<name>-<backbone>-cam.png` for each file and backbone, by `output_names`."""
    names = output_names(paths)
    return {(p, b): folder / f"{names[p]}-{b}-cam.png" for p in paths for b in backbones}


def _write_explanations(
    paths: list[Path], trained: Trained, params: Params, pictures: Mapping[tuple[Path, str], Path]
) -> None:
    """Write the activation map of each readable file."""
    backbone = trained.origin.backbone
    classifier = trained.local_classifier(params.engine, weights_path(backbone))
    for path, cam in classifier.activation_maps(read_inputs(paths, classifier.image_size, {})):
        probability = float(expit(cam.mean()))
        lines = [
            f"{path.name}: {_label(probability, classifier.threshold)}, P(crack) {probability:.4f}",
            f"{title(backbone)}, threshold {classifier.threshold:.2f}",
        ]
        picture = pictures[path, backbone]
        save_picture(explanation(open_photograph(path), cam, lines), picture)
        print(f"{picture}: red speaks for a crack, blue against", file=sys.stderr)
