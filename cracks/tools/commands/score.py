"""`score`: compare the crack maps of photographs with masks made by hand."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from cracks.images.decoding import RGB, Mask
from cracks.project.errors import CracksError
from cracks.project.outputs import write_csv
from cracks.project.params import load_params
from cracks.runtime.progress import progress
from cracks.tools.commands.destinations import check_destinations, resolved
from cracks.tools.photographs import find_photographs, open_photograph
from cracks.tools.walls.cells import CellClassifier, load_cell_classifier
from cracks.tools.walls.crack_map import PATCH
from cracks.tools.walls.inspection import inspect
from cracks.tools.walls.scoring import LEAST_IMAGES, Counts, compare, scores

_BRIGHT = 128  # of 255, from which a pixel is crack in masks of more than two values


def run(
    photographs: Path,
    masks: Path,
    backbone: str | None,
    patch: int | None,
    out: Path | None,
    head: str | None = None,
) -> int:
    """Print the scores of each backbone; the result is the exit code."""
    params = load_params()
    pairs = _pairs(photographs, masks)
    if out:
        check_destinations([out], [*pairs, *pairs.values()])
    rows, tables = [], []
    for name in params.backbones(backbone):
        classifier = load_cell_classifier(name, params, head)
        found = dict(_compared(pairs, classifier, patch or PATCH))
        tables += [
            {"backbone": name, "photograph": str(path), **counts._asdict()}
            for path, counts in found.items()
        ]
        rows += [
            {"backbone": name, "measure": measure, **score._asdict()}
            for measure, score in scores(list(found.values())).items()
        ]
    if out:
        write_csv(out, pd.DataFrame(tables), digits=None)
    intervals = "95 % intervals over photographs"
    if len(pairs) < LEAST_IMAGES:
        intervals = f"no intervals, for which {LEAST_IMAGES} photographs are needed"
    print(f"photographs with masks: {len(pairs):,}; {intervals}\n")
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format="{:.3f}".format))
    if table["value"].isna().any():
        print("\nNaN: there is no crack to measure by, in the masks, in the maps or in both.")
    return 0


def _pairs(photographs: Path, masks: Path) -> dict[Path, Path]:
    """The mask of each photograph: of the same path below the folder, whatever its ending."""
    if resolved(photographs) == resolved(masks):
        raise CracksError(f"Expected photographs and masks in two folders, found {masks} twice.")
    by_name = _by_name(masks, find_photographs([str(masks)], own=True))
    files = _by_name(photographs, find_photographs([str(photographs)]))
    if missing := [paths[0] for name, paths in files.items() if name not in by_name]:
        raise CracksError(
            f"Expected a mask of each photograph in {masks}, found none of {len(missing):,}, the "
            f"first {missing[0]}; a mask has the same path below its folder, with any ending."
        )
    for name in files:
        for alike in (files[name], by_name[name]):
            if len(alike) > 1:
                raise CracksError(
                    f"Expected names that differ in more than their ending, found {alike[0]} and "
                    f"{alike[1]}; rename one."
                )
    return {paths[0]: by_name[name][0] for name, paths in files.items()}


def _by_name(folder: Path, paths: list[Path]) -> dict[Path, list[Path]]:
    """Files by their path below a folder, without the ending."""
    found: dict[Path, list[Path]] = {}
    for path in paths:
        name = path.relative_to(folder) if folder.is_dir() else Path(path.name)
        found.setdefault(name.with_suffix(""), []).append(path)
    return found


def _compared(
    pairs: dict[Path, Path], classifier: CellClassifier, patch: int
) -> Iterator[tuple[Path, Counts]]:
    for path, mask_path in progress(pairs.items(), desc=classifier.backbone, unit="photograph"):
        rgb, true = _opened(path), read_mask(mask_path)
        if true.shape != rgb.shape[:2]:
            raise CracksError(
                f"Expected a mask of {rgb.shape[1]} x {rgb.shape[0]} pixels, the size of {path}, "
                f"at {mask_path}, found {true.shape[1]} x {true.shape[0]}."
            )
        yield path, compare(inspect(rgb, path.name, classifier, patch).cracks.mask, true)


def read_mask(path: Path) -> Mask:
    """The crack pixels of a mask, `[height, width]`: the bright or coloured ones.

    Raises:
        CracksError: if it cannot be read, most of its pixels are bright, or it is unclear which
            are crack.
    """
    values = _opened(path).max(axis=2)  # a colour counts as much as white
    levels = np.unique(values)
    mask = values > levels[0] if len(levels) == 2 else values >= _BRIGHT
    if len(levels) > 2 and not mask.any():
        raise CracksError(
            f"Expected a mask with cracks of {_BRIGHT} to 255 at {path}, found values up to "
            f"{levels[-1]}; save it in black and white."
        )
    if mask.mean() > 1 / 2:
        raise CracksError(
            f"Expected a mask with bright cracks on a dark ground at {path}, found mostly bright "
            "or transparent pixels; invert it, and save it without transparency."
        )
    return np.asarray(mask)


def _opened(path: Path) -> RGB:
    try:
        return open_photograph(path)
    except CracksError as reason:
        raise CracksError(f"Could not read {path}: {reason}") from None
