"""Classify photographs with the trained heads, or map the cracks of a whole wall.

worked example:
  python -m cracks.predict data/photos/cracked --backbone vgg16 --format csv --out cracks.csv
  python -m cracks.predict wall.jpg --map maps      where a large photograph is cracked
  python -m cracks.predict patch.jpg --explain why  what speaks for a crack in a close-up

The exit code is 1 if a file could not be read; its line says why, and the others are classified.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cracks.backbones import BACKBONES
from cracks.cam import cam_overlay
from cracks.classifier import activation_maps, load_classifier
from cracks.crackmap import map_cracks, training_side, write_crackmap
from cracks.errors import CracksError, one_sentence
from cracks.files import replacing
from cracks.params import Params, load_params
from cracks.photographs import find_photographs, open_photograph, read_inputs
from cracks.progress import progress

COLUMNS = ["path", "backbone", "label", "probability", "threshold", "error"]


def main() -> int:
    """Run the command; the result is the exit code."""
    arguments = _parser().parse_args()
    params = load_params()
    backbones = list(params.weights) if arguments.backbone == "both" else [arguments.backbone]
    paths = find_photographs(arguments.path)
    if arguments.map:
        return _write_maps(paths, backbones, params, arguments)
    table = pd.concat([_classified(paths, b, params) for b in backbones], ignore_index=True)
    if arguments.explain:
        for backbone in backbones:
            _write_explanations(paths, backbone, params, arguments.explain)
    _write_table(table, arguments.format, arguments.out)
    return int((table["error"] != "").any())


def _classified(paths: list[Path], backbone: str, params: Params) -> pd.DataFrame:
    """One row a file."""
    classifier = load_classifier(backbone, params)
    unreadable: dict[Path, str] = {}
    inputs = read_inputs(paths, params.image_size, unreadable)
    found = dict(
        progress(classifier.probabilities(inputs), total=len(paths), desc=backbone, unit="img")
    )
    rows = [
        (path, backbone, classifier.label(found[path]), found[path], classifier.threshold, "")
        if path in found
        else (path, backbone, "", np.nan, classifier.threshold, unreadable[path])
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
    with replacing(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"{out}: {len(table):,} rows")


def _write_explanations(paths: list[Path], backbone: str, params: Params, folder: Path) -> None:
    """Write `<name>-<backbone>-cam.png` for each readable file."""
    inputs = read_inputs(paths, params.image_size, {})
    for path, cam in activation_maps(backbone, params, inputs):
        picture = folder / f"{path.stem}-{backbone}-cam.png"
        with replacing(picture) as temporary:
            Image.fromarray(cam_overlay(open_photograph(path), cam)).save(temporary)
        print(f"{picture}: red speaks for a crack, blue against", file=sys.stderr)


def _write_maps(
    paths: list[Path], backbones: list[str], params: Params, arguments: argparse.Namespace
) -> int:
    patch = arguments.patch or training_side()
    stride = patch // 2 if arguments.stride is None else arguments.stride
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
            share, picture = write_crackmap(crackmap, rgb, classifier, path.stem, arguments.map)
            print(f"{path}: {100 * share:.1f} % of the area cracked by {backbone}; {picture}")
    return status


def _parser() -> argparse.ArgumentParser:
    description, _, epilog = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m cracks.predict",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", nargs="+", help="files, folders, or patterns such as 'walls/*.jpg'")
    parser.add_argument("--backbone", choices=[*BACKBONES, "both"], default="both")
    parser.add_argument("--format", choices=["table", "csv", "json"], default="table")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write there instead of printing")
    parser.add_argument("--explain", type=Path, metavar="FOLDER", help="write activation maps")
    parser.add_argument(
        "--map", type=Path, metavar="FOLDER", help="write crack maps of photographs"
    )
    parser.add_argument(
        "--stride", type=int, metavar="PIXELS", help="between patches of a map; half a patch"
    )
    parser.add_argument(
        "--patch", type=int, metavar="PIXELS", help="side of a patch; that of the training images"
    )
    return parser


if __name__ == "__main__":
    with one_sentence():
        sys.exit(main())
