"""`predict --map`: find, draw and measure the cracks of photographs of walls."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from cracks.commands.caveats import load_familiar
from cracks.images.decoding import RGB
from cracks.inference.classifier import load_local_classifier
from cracks.inference.crack_map import training_side
from cracks.inference.inspection import Inspection, inspect, write_inspection
from cracks.inference.novelty import Familiar
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
    patch = options.patch or training_side()
    names = output_names(paths)
    rows, failed = [], False
    familiar = {} if os.environ.get("RAY_ADDRESS") else load_familiar(backbones)
    for backbone in backbones:
        for path, mapped in _inspections(
            paths, backbone, params, patch, options, familiar.get(backbone)
        ):
            if isinstance(mapped, CracksError):
                if len(paths) == 1:
                    raise CracksError(f"{path}: {mapped}")
                print(f"{path}: {mapped}", file=sys.stderr)
                failed = True
                continue
            rgb, inspection = mapped
            picture = crack_picture(
                rgb, inspection, path.name, None if options.full_resolution else SHOWN
            )
            shown = write_inspection(inspection, picture, names[path], folder)
            rows.append({"path": str(path), "backbone": backbone, **inspection.summary()})
            count = len(inspection.regions)
            print(
                f"{path}: {100 * inspection.cracked_share:.2f} % of the area cracked by {backbone} "
                f"({count} {'region' if count == 1 else 'regions'}); {shown}",
                flush=True,
            )
    if rows:
        _write_summary(pd.DataFrame(rows), folder / SUMMARY, shown=len(paths) > 1)
    return int(failed)


def _inspections(
    paths: Sequence[Path],
    backbone: str,
    params: Params,
    patch: int,
    options: MapOptions,
    familiar: Familiar | None,
) -> Iterator[tuple[Path, tuple[RGB, Inspection] | CracksError]]:
    """Each photograph and its inspection, on a Ray cluster if `RAY_ADDRESS` is set.

    The training features stay here: on a cluster, patches are not compared with them.
    """
    settings = (patch, options.stride or patch, options.mm_per_pixel)
    if os.environ.get("RAY_ADDRESS"):
        from cracks.inference.cluster import inspections_on_cluster

        for path, found in inspections_on_cluster(backbone, params, paths, *settings):
            yield path, found if isinstance(found, CracksError) else (open_photograph(path), found)
        return
    classifier = load_local_classifier(backbone, params)
    for path in paths:
        try:
            rgb = open_photograph(path)
            yield path, (rgb, inspect(rgb, classifier, *settings, familiar))
        except CracksError as error:
            yield path, error


def _write_summary(table: pd.DataFrame, path: Path, *, shown: bool) -> None:
    """The photographs and their damage, the most damaged first."""
    table = table.sort_values(
        ["cracked_share", "path", "backbone"], ascending=[False, True, True], ignore_index=True
    )
    write_csv(path, table, digits=None)
    if shown:
        print(table.to_string(index=False))
