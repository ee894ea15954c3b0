"""`predict --map`: find, draw and measure the cracks of photographs of walls."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from pathlib import Path

from cracks.images.decoding import RGB
from cracks.project.errors import CracksError, attempt
from cracks.project.outputs import write_csv
from cracks.project.params import Params
from cracks.tools.cluster.address import cluster_address
from cracks.tools.commands.caveats import backbones_trained
from cracks.tools.commands.destinations import check_destinations
from cracks.tools.drawn import TRAINED_ON_DRAWINGS
from cracks.tools.photographs import open_photograph, output_names
from cracks.tools.walls.cells import load_cell_classifier, load_trained_cells
from cracks.tools.walls.crack_map import PATCH
from cracks.tools.walls.georeference import read_georeference
from cracks.tools.walls.inspection import (
    SUMMARY,
    Inspection,
    inspect,
    inspection_files,
    summary_table,
    write_inspection,
)
from cracks.tools.walls.overlay import SHOWN, crack_picture

CAVEAT = f"Heads for maps: {TRAINED_ON_DRAWINGS} (`python -m cracks score PHOTOGRAPHS MASKS`)."


@dataclass(frozen=True)
class MapOptions:
    """How photographs are mapped and drawn; None stands for the default."""

    patch: int | None = None  # pixels
    full_resolution: bool = False
    mm_per_pixel: float | None = None
    head: str | None = None  # name of an adapted one


def run(
    paths: list[Path], backbones: list[str], params: Params, folder: Path, options: MapOptions
) -> int:
    """Write the files of each photograph and a summary; the result is 1 if one was left out."""
    names = output_names(paths, reserved=SUMMARY)
    files = [inspection_files(*of, folder).values() for of in product(names.values(), backbones)]
    check_destinations([folder / SUMMARY, *chain.from_iterable(files)], paths)
    found: list[tuple[str, Inspection]] = []
    print(CAVEAT, backbones_trained(backbones, params.weights), file=sys.stderr)
    for backbone in backbones:
        for path, mapped in _inspections(paths, backbone, params, options):
            if isinstance(mapped, CracksError):
                if len(paths) == 1:
                    raise CracksError(f"{path}: {mapped}")
                print(f"{path}: {mapped}", file=sys.stderr)
                continue
            rgb, inspection = mapped
            place = read_georeference(path, rgb.shape[1], rgb.shape[0])
            inspection = replace(inspection, georeference=place)
            picture = crack_picture(rgb, inspection, None if options.full_resolution else SHOWN)
            shown = write_inspection(inspection, picture, names[path], folder)
            found.append((str(path), inspection))
            count = len(inspection.regions)
            print(
                f"{path}: {100 * inspection.cracked_share:.2f} % of the area cracked by {backbone} "
                f"({count} {'crack' if count == 1 else 'cracks'}); {shown}",
                flush=True,
            )
    if found:
        table = summary_table(found)
        write_csv(folder / SUMMARY, table, digits=None)
        if len(paths) > 1:
            print(table.to_string(index=False))
    return int(len(found) < len(paths) * len(backbones))


def _inspections(
    paths: Sequence[Path], backbone: str, params: Params, options: MapOptions
) -> Iterator[tuple[Path, tuple[RGB, Inspection] | CracksError]]:
    """Each photograph and its inspection, on a Ray cluster if there is an address of one."""
    settings = (options.patch or PATCH, options.mm_per_pixel)
    if cluster_address():
        from cracks.tools.cluster.photographs import inspections_on_cluster

        cells = load_trained_cells(backbone, options.head)
        for path, found in inspections_on_cluster(cells, params, paths, *settings):
            yield path, found if isinstance(found, CracksError) else (open_photograph(path), found)
        return
    classifier = load_cell_classifier(backbone, params, options.head)

    def inspected(path: Path) -> tuple[RGB, Inspection]:
        rgb = open_photograph(path)
        return rgb, inspect(rgb, path.name, classifier, *settings)

    for path in paths:
        yield path, attempt(inspected, path)
