"""`predict`: classify photographs, or map the cracks of whole walls."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from cracks.commands import crack_maps
from cracks.commands.caveats import load_familiar, warn_of_drawings, warn_of_unlike
from cracks.commands.crack_maps import MapOptions
from cracks.evaluation.metrics import is_crack
from cracks.evaluation.verdict import title
from cracks.inference.classifier import (
    label_of,
    load_classifier,
    load_local_classifier,
    load_trained,
)
from cracks.inference.novelty import Familiar
from cracks.inference.overlay import explanation
from cracks.inference.photographs import (
    find_photographs,
    open_photograph,
    output_names,
    read_inputs,
)
from cracks.pipeline.outputs import replacing, write_text
from cracks.pipeline.params import Params, load_params
from cracks.pipeline.progress import progress

COLUMNS = ["path", "backbone", "label", "probability", "threshold", "error"]


def run(
    paths: Sequence[str],
    backbone: str | None,
    form: str,
    out: Path | None,
    explain: Path | None,
    maps: Path | None,
    map_options: MapOptions,
) -> int:
    """Classify, explain or map; the result is the exit code, 1 if a file could not be read."""
    params = load_params()
    backbones = [backbone] if backbone else list(params.weights)
    files = find_photographs(paths)
    warn_of_drawings(backbones)
    if maps:
        return crack_maps.run(files, backbones, params, maps, map_options)
    familiar = {} if os.environ.get("RAY_ADDRESS") else load_familiar(backbones)
    tables = [_classified(files, b, params, familiar.get(b)) for b in backbones]
    table = pd.concat(tables, ignore_index=True)
    if explain:
        for name in backbones:
            _write_explanations(files, name, params, explain)
    _write_table(table, form, out)
    return int((table["error"] != "").any())


def _classified(
    paths: list[Path], backbone: str, params: Params, familiar: Familiar | None
) -> pd.DataFrame:
    """One row a file; and a warning if the images are unlike the training images.

    The training features stay here: on a cluster, images are not compared with them.
    """
    unreadable: dict[Path, str] = {}
    distances: list[float] = []
    if os.environ.get("RAY_ADDRESS"):
        from cracks.inference.cluster import probabilities_on_cluster

        threshold = load_trained(backbone).threshold
        probabilities = probabilities_on_cluster(backbone, params, paths, unreadable)
    else:
        classifier = load_classifier(backbone, params)
        threshold = classifier.threshold
        if familiar:
            engine = familiar.watching(classifier.engine, distances)
            classifier = replace(classifier, engine=engine)
        inputs = read_inputs(paths, classifier.image_size, unreadable)
        probabilities = classifier.probabilities(inputs)
    found = dict(progress(probabilities, total=len(paths), desc=backbone, unit="img"))
    if familiar:
        warn_of_unlike(backbone, familiar, distances)
    rows = [
        (path, backbone, label_of(found[path], threshold), found[path], threshold, "")
        if path in found
        else (path, backbone, "", np.nan, threshold, unreadable[path])
        for path in paths
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _write_table(table: pd.DataFrame, form: str, out: Path | None) -> None:
    if form == "csv":
        text = table.to_csv(index=False, float_format="%.6f", lineterminator="\n")
    elif form == "json":
        text = table.to_json(orient="records", indent=1, default_handler=str, double_precision=6)
        text += "\n"
    else:
        shown = table.assign(
            probability=table["probability"].map("{:.4f}".format).replace("nan", "")
        )
        text = shown.to_string(index=False, justify="left") + "\n"
    if out is None:
        sys.stdout.write(text)
        return
    write_text(out, text)
    print(f"{out}: {len(table):,} rows", file=sys.stderr)


def _write_explanations(paths: list[Path], backbone: str, params: Params, folder: Path) -> None:
    """Write `<name>-<backbone>-cam.png` for each readable file, by `output_names`."""
    names = output_names(paths)
    classifier = load_local_classifier(backbone, params)
    inputs = read_inputs(paths, classifier.image_size, {})
    for path, cam in classifier.activation_maps(inputs):
        probability = float(expit(cam.mean()))
        cracked = is_crack(np.array(probability), classifier.threshold)
        lines = [
            f"{path.name}: {'crack' if cracked else 'no crack'}, P(crack) {probability:.4f}",
            f"{title(backbone)}, threshold {classifier.threshold:.2f}",
        ]
        picture = folder / f"{names[path]}-{backbone}-cam.png"
        with replacing(picture) as temporary:
            explanation(open_photograph(path), cam, lines).save(temporary)
        print(f"{picture}: red speaks for a crack, blue against", file=sys.stderr)
