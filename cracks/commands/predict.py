"""`predict`: classify photographs, or map the cracks of whole walls."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from cracks.heads.head import training_statistics
from cracks.heads.standardisation import check_enough
from cracks.inference.classifier import (
    Classifier,
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
from cracks.pipeline.paths import head_path
from cracks.pipeline.progress import progress

COLUMNS = ["path", "backbone", "label", "probability", "threshold", "error"]


def run(
    paths: Sequence[str],
    backbone: str | None,
    form: str | None,
    out: Path | None,
    explain: Path | None,
    maps: Path | None,
    map_options: MapOptions,
    *,
    standardise: bool = False,
) -> int:
    """Classify, explain or map; the result is the exit code, 1 if a file could not be read.

    `standardise` is for the classification alone; see `cracks.heads.standardisation`.
    """
    params = load_params()
    backbones = [backbone] if backbone else list(params.weights)
    files = find_photographs(paths)
    warn_of_drawings(backbones)
    if maps:
        return crack_maps.run(files, backbones, params, maps, map_options)
    if standardise:
        check_enough(len(files))
    familiar = {} if os.environ.get("RAY_ADDRESS") else load_familiar(backbones)
    tables = [
        _classified(files, b, params, familiar.get(b), standardise=standardise) for b in backbones
    ]
    table = pd.concat(tables, ignore_index=True)
    if explain:
        for name in backbones:
            _write_explanations(files, name, params, explain)
    _write_table(table, form, out)
    return int((table["error"] != "").any())


def _classified(
    paths: list[Path],
    backbone: str,
    params: Params,
    familiar: Familiar | None,
    *,
    standardise: bool,
) -> pd.DataFrame:
    """One row a file; and a warning if the images are unlike the training images."""
    unreadable: dict[Path, str] = {}
    if os.environ.get("RAY_ADDRESS") and not standardise:
        threshold, found = _on_cluster(paths, backbone, params, unreadable)
    else:
        threshold, found = _on_this_machine(
            paths, backbone, params, familiar, unreadable, standardise=standardise
        )
    rows = [
        (path, backbone, label_of(found[path], threshold), found[path], threshold, "")
        if path in found
        else (path, backbone, "", np.nan, threshold, unreadable[path])
        for path in paths
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _on_this_machine(
    paths: list[Path],
    backbone: str,
    params: Params,
    familiar: Familiar | None,
    unreadable: dict[Path, str],
    *,
    standardise: bool,
) -> tuple[float, dict[Path, float]]:
    """The threshold, and P(crack) of each file that is not noted in `unreadable`.

    With `standardise`, features are standardised by those of all files together.
    """
    classifier = load_classifier(backbone, params)
    with _compared(classifier, familiar) as watched:
        shown = progress(paths, desc=backbone, unit="img")
        inputs = read_inputs(shown, classifier.image_size, unreadable)
        if standardise:
            training = training_statistics(head_path(backbone))
            found = watched.standardised_probabilities(inputs, training)
        else:
            found = dict(watched.probabilities(inputs))
    return classifier.threshold, found


def _on_cluster(
    paths: list[Path], backbone: str, params: Params, unreadable: dict[Path, str]
) -> tuple[float, dict[Path, float]]:
    """As `_on_this_machine`, on a Ray cluster; nothing is compared with the training there."""
    from cracks.inference.cluster import probabilities_on_cluster

    probabilities = probabilities_on_cluster(backbone, params, paths, unreadable)
    found = dict(progress(probabilities, total=len(paths), desc=backbone, unit="img"))
    return load_trained(backbone).threshold, found


@contextmanager
def _compared(classifier: Classifier, familiar: Familiar | None) -> Iterator[Classifier]:
    """The classifier; after its use, a warning if what it saw is unlike the training images."""
    if familiar is None:
        yield classifier
        return
    distances: list[float] = []
    yield replace(classifier, engine=familiar.watching(classifier.engine, distances))
    warn_of_unlike(classifier.backbone, familiar, distances)


def _write_table(table: pd.DataFrame, form: str | None, out: Path | None) -> None:
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
