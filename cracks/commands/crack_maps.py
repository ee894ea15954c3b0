"""`predict --map`: find, draw and measure the cracks of photographs of walls."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from cracks.inference.classifier import load_local_classifier
from cracks.inference.crack_map import training_side
from cracks.inference.inspection import Inspection, inspect, write_inspection
from cracks.inference.overlay import SHOWN, crack_picture
from cracks.inference.photographs import open_photograph, output_names
from cracks.pipeline.errors import CracksError
from cracks.pipeline.outputs import write_csv
from cracks.pipeline.params import Params

SUMMARY = "summary.csv"


class MapOptions(NamedTuple):
    """How photographs are mapped and drawn; None stands for the default."""

    patch: int | None = None  # pixels
    stride: int | None = None  # pixels
    full_resolution: bool = False
    mm_per_pixel: float | None = None


def run(
    paths: Sequence[Path],
    backbones: Sequence[str],
    params: Params,
    folder: Path,
    options: MapOptions,
) -> int:
    """Write the files of each photograph and a summary; the result is 1 if one was left out."""
    options = options._replace(patch=options.patch or training_side())
    names = output_names(paths)
    rows, failed = [], False
    for backbone in backbones:
        for path, inspection in _inspections(paths, backbone, params, options):
            if isinstance(inspection, CracksError):
                if len(paths) == 1:
                    raise CracksError(f"{path}: {inspection}")
                print(f"{path}: {inspection}", file=sys.stderr)
                failed = True
                continue
            picture = _write(path, names[path], inspection, folder, options)
            rows.append({"path": str(path), "backbone": backbone, **inspection.summary()})
            print(
                f"{path}: {100 * inspection.cracked_share:.2f} % of the area cracked by {backbone} "
                f"({len(inspection.regions)} regions); {picture}",
                flush=True,
            )
    if rows:
        _write_summary(pd.DataFrame(rows), folder / SUMMARY, shown=len(paths) > 1)
    return int(failed)


def _inspections(
    paths: Sequence[Path], backbone: str, params: Params, options: MapOptions
) -> Iterator[tuple[Path, Inspection | CracksError]]:
    """The inspection of each photograph, on a Ray cluster if `RAY_ADDRESS` is set."""
    patch = options.patch or training_side()
    settings = (patch, options.stride or patch, options.mm_per_pixel)
    if os.environ.get("RAY_ADDRESS"):
        from cracks.inference.cluster import inspections_on_cluster

        yield from inspections_on_cluster(backbone, params, paths, *settings)
        return
    classifier = load_local_classifier(backbone, params)
    for path in paths:
        try:
            yield path, inspect(open_photograph(path), classifier, *settings)
        except CracksError as error:
            yield path, error


def _write(
    path: Path, name: str, inspection: Inspection, folder: Path, options: MapOptions
) -> Path:
    longest = None if options.full_resolution else SHOWN
    picture = crack_picture(open_photograph(path), inspection, path.name, longest)
    return write_inspection(inspection, picture, name, folder)


def _write_summary(table: pd.DataFrame, path: Path, *, shown: bool) -> None:
    """The photographs and their damage, the most damaged first."""
    table = table.sort_values(
        ["cracked_share", "path", "backbone"], ascending=[False, True, True], ignore_index=True
    )
    write_csv(path, table, digits=None)
    if shown:
        print(table.to_string(index=False))
