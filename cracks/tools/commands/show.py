"""`show`: images of the archive with the answers of both classifiers."""

import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd

from cracks.backbones.catalogue import title
from cracks.evaluation.metrics import is_crack
from cracks.evaluation.predictions import Heads, load_heads
from cracks.project.errors import CracksError
from cracks.project.params import load_params
from cracks.project.paths import EVALUATION, SPLIT
from cracks.report.contact_sheet import (
    MOST,
    Frame,
    Section,
    contact_sheet,
    overlaid_maps,
    thumbnails,
)
from cracks.tables.inputs import read_numbers
from cracks.tables.labels import NEGATIVE, POSITIVE
from cracks.tools.commands.destinations import check_destinations
from cracks.tools.photographs import save_picture

COLUMNS = ["id", "label", "part", "backbone", "probability", "threshold", "predicted"]


def run(ids: Sequence[str], out: Path) -> int:
    """Print the probabilities of images and write them as one picture.

    Args:
        ids: names of members of data/images.zip.
        out: a PNG file.

    Raises:
        CracksError: if an id is unknown, there are more than fit on a sheet, or nothing is trained.
    """
    params = load_params()
    check_destinations([out])
    ids = list(dict.fromkeys(ids))
    if len(ids) > MOST:
        raise CracksError(f"Expected at most {MOST} images, found {len(ids):,}; name fewer.")
    heads = load_heads(params.weights)
    split = next(iter(heads.values())).split.set_index("id")
    table = _answers(ids, heads, split)
    print(table.to_string(index=False, justify="left", float_format="{:.4f}".format))
    pictures = thumbnails({name: split["sha256"][name] for name in ids})
    maps, reason = overlaid_maps(pictures, dict.fromkeys(heads, ids), params)
    frames = [_frame(rows, list(heads)) for _, rows in table.groupby("id", sort=False)]
    beside = f"; maps by {' and '.join(map(title, heads))}" if maps.pictures else ""
    lines = [f"P(crack) by the trained classifiers{beside}"]
    save_picture(contact_sheet(lines, [Section("", frames)], pictures, maps), out)
    without = f", without maps: {reason}" if reason else ""
    count = "1 image" if len(ids) == 1 else f"{len(ids)} images"
    print(f"{out}: {count}{without}", file=sys.stderr)
    return 0


def _answers(ids: list[str], heads: Mapping[str, Heads], split: pd.DataFrame) -> pd.DataFrame:
    """The columns `COLUMNS`, a row for each image and backbone."""
    metrics = read_numbers(EVALUATION)
    rows = []
    for name in ids:
        if name not in split.index:
            raise _unknown(name, split.index)
        image, place = split.loc[name], split.index.get_loc(name)
        for backbone, one in heads.items():
            threshold = float(metrics[f"{backbone}.threshold"])
            p = float(one.scores[place, 0])
            label = POSITIVE if is_crack(np.array(p), threshold) else NEGATIVE
            rows.append((name, image["label"], image["part"], backbone, p, threshold, label))
    return pd.DataFrame(rows, columns=COLUMNS)


def _unknown(name: str, ids: "pd.Index[str]") -> CracksError:
    close = get_close_matches(name, ids, n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else f"; {SPLIT} lists them."
    return CracksError(f"Expected the name of an image of {SPLIT}, found {name!r}{hint}")


def _frame(rows: pd.DataFrame, backbones: Sequence[str]) -> Frame:
    first = rows.iloc[0]
    captions = [first["id"], f"{first['label']}, {first['part']}"]
    for _, row in rows.iterrows():
        wrong = "" if row["predicted"] == row["label"] else ", wrong"
        captions.append(f"{title(row['backbone'])} {row['probability']:.4f}{wrong}")
    return Frame(first["id"], captions, backbones)
