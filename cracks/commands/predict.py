"""`predict`: classify photographs, or map the cracks of whole walls."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cracks.inference.activation_map import cam_overlay
from cracks.inference.classifier import activation_maps, label_of, load_classifier, load_trained
from cracks.inference.crack_map import map_cracks, training_side, write_crackmap
from cracks.inference.photographs import (
    find_photographs,
    open_photograph,
    output_names,
    read_inputs,
)
from cracks.pipeline.errors import CracksError
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
    stride: int | None,
    patch: int | None,
) -> int:
    """Classify, explain or map; the result is the exit code, 1 if a file could not be read."""
    params = load_params()
    backbones = [backbone] if backbone else list(params.weights)
    files = find_photographs(paths)
    if maps:
        return _write_maps(files, backbones, params, maps, patch, stride)
    table = pd.concat([_classified(files, b, params) for b in backbones], ignore_index=True)
    if explain:
        for name in backbones:
            _write_explanations(files, name, params, explain)
    _write_table(table, form, out)
    return int((table["error"] != "").any())


def _classified(paths: list[Path], backbone: str, params: Params) -> pd.DataFrame:
    """One row a file."""
    unreadable: dict[Path, str] = {}
    if os.environ.get("RAY_ADDRESS"):
        from cracks.inference.cluster import probabilities_on_cluster

        threshold = load_trained(backbone).threshold
        probabilities = probabilities_on_cluster(backbone, params, paths, unreadable)
    else:
        classifier = load_classifier(backbone, params)
        threshold = classifier.threshold
        inputs = read_inputs(paths, classifier.image_size, unreadable)
        probabilities = classifier.probabilities(inputs)
    found = dict(progress(probabilities, total=len(paths), desc=backbone, unit="img"))
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
    inputs = read_inputs(paths, load_trained(backbone).origin.image_size, {})
    for path, cam in activation_maps(backbone, params, inputs):
        picture = folder / f"{names[path]}-{backbone}-cam.png"
        with replacing(picture) as temporary:
            Image.fromarray(cam_overlay(open_photograph(path), cam)).save(temporary)
        print(f"{picture}: red speaks for a crack, blue against", file=sys.stderr)


def _write_maps(
    paths: list[Path],
    backbones: list[str],
    params: Params,
    folder: Path,
    patch: int | None,
    stride: int | None,
) -> int:
    patch = patch or training_side()
    stride = stride or patch // 2
    names = output_names(paths)
    status = 0
    for backbone in backbones:
        classifier = load_classifier(backbone, params)
        for path in paths:
            try:
                rgb = open_photograph(path)
                crackmap = map_cracks(rgb, classifier, patch, stride)
            except CracksError as error:
                if len(paths) == 1:
                    raise CracksError(f"{path}: {error}") from None
                print(f"{path}: {error}", file=sys.stderr)
                status = 1
                continue
            share, picture = write_crackmap(crackmap, rgb, classifier, names[path], folder)
            print(f"{path}: {100 * share:.1f} % of the area cracked by {backbone}; {picture}")
    return status
