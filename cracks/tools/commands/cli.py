"""All commands and their options in one place; each imports what it needs when it runs."""

import math
import os
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cracks.tools.review.conditions import Condition


def _backbone(name: str) -> str:
    """A name in the catalogue of backbones, which is imported only if a name is given."""
    from cracks.backbones.catalogue import BACKBONES

    if name not in BACKBONES:
        raise click.BadParameter(f"{name!r} is not one of {', '.join(BACKBONES)}.")
    return name


def _picture(path: str) -> Path:
    """The path of a PNG file."""
    if Path(path).suffix.lower() != ".png":
        raise click.BadParameter(f"expected a name that ends in .png, found {path!r}.")
    return Path(path)


def _condition(text: str) -> "Condition":
    """A condition of `review`."""
    from cracks.tools.review.conditions import parse_condition

    try:
        return parse_condition(text)
    except ValueError:
        raise click.BadParameter(
            "expected 'METRIC < NUMBER' (or <=, >, >=), with or without 'significantly' at the "
            f"end, found {text!r}."
        ) from None


def _requirement(text: str) -> "Condition":
    """A condition of what a metric is, of which there is no significance."""
    condition = _condition(text)
    if condition.significantly:
        raise click.BadParameter(
            f"'significantly' is said of changes, in --fail-if, found {text!r}."
        )
    return condition


def _and_of_environment(
    ctx: click.Context, param: click.Parameter, given: "tuple[Condition, ...]"
) -> "tuple[Condition, ...]":
    """The conditions of an option and of its variable, one a line."""
    lines = os.environ.get(f"REVIEW_{str(param.name).upper()}", "").splitlines()
    return (*given, *(param.type.convert(line, param, ctx) for line in lines if line.strip()))


def _rule(text: str) -> str:
    """How photographs are read from names: what `photos.group` in params.yaml may be."""
    from pydantic import TypeAdapter, ValidationError

    from cracks.project.params import Pattern

    try:
        return TypeAdapter[str](Pattern).validate_python(text)
    except ValidationError as error:
        raise click.BadParameter(f"{error.errors()[0]['msg']}, found {text[:80]!r}.") from None


class _Number(click.FloatRange):
    """A number in a range; not-a-number is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"expected a number, found {value!r}.", param, ctx)
        return number


_MILLIMETRES = _Number(1e-6, 1e6)
_SHARE = _Number(0.001, 0.999)

_PATH = click.Path(path_type=Path)
_PATCH = click.IntRange(min=32)
_POSITIVE = click.IntRange(min=1)

_BACKBONE = click.option(
    "--backbone",
    type=_backbone,
    metavar="NAME",
    help="resnet50, vgg16, …; all of params.yaml if not given.",
)

_HEAD = click.option("--head", metavar="NAME", help="An adapted head, as `adapt` named it.")

_POSITIVE_CLASS = click.option("--positive-class", help="Class folder of the cracks.")

_STANDARDISE = click.option(
    "--standardise",
    is_flag=True,
    help="Shift and scale features from the mean and deviation of the images, at least 200, to "
    "those of the training. Helps with images of another camera or wall if the share of cracks is "
    "like that of the training; hurts if it is very different.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Use and evaluate the crack classifiers that `dvc repro` trained."""


def _command(described: Callable[[], None]) -> click.Command:
    """A command with the options and the text of a function, run by the module of its name.

    The module is imported when the command runs, as some need seconds for that.
    """

    @wraps(described)
    def run(**options: Any) -> int:
        module = import_module(f"cracks.tools.commands.{described.__name__}")
        return int(module.run(**options))

    return cli.command()(run)


@cli.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@_BACKBONE
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]))
@click.option("--out", type=_PATH, help="Write to this file instead of printing.")
@click.option("--explain", type=_PATH, help="Folder for activation maps.")
@click.option("--map", "maps", type=_PATH, help="Folder for crack maps.")
@click.option(
    "--patch",
    type=_PATCH,
    help="Pixels of a photograph that are scaled to 224; 112 enlarges hairlines twice.",
)
@click.option("--mm-per-pixel", type=_MILLIMETRES, help="Give lengths and widths in millimetres.")
@click.option(
    "--full-resolution", is_flag=True, help="Write maps at the resolution of the photographs."
)
@_HEAD
@_STANDARDISE
def predict(paths: tuple[str, ...], backbone: str | None, **options: Any) -> int:
    """Classify photographs, or map the cracks of a whole wall.

    PATH is a file, a folder or a pattern such as 'walls/*.jpg'.

    \b
      python -m cracks predict photos/ --backbone vgg16 --format csv --out cracks.csv
      python -m cracks predict walls/ --map maps          where walls are cracked, how long and wide
      python -m cracks predict patch.jpg --explain why    the evidence for a crack, by place

    The exit code is 1 if a file could not be read; its row gives the reason.
    """
    from cracks.tools.commands.predict import Options, run

    given = Options(**options)
    if given.standardise and (given.maps or given.explain):
        raise click.UsageError("--standardise goes with neither --map nor --explain.")
    if given.maps and (given.explain or given.out or given.form):
        raise click.UsageError("--map goes with none of --explain, --format and --out.")
    if not given.maps and (given.patch or given.mm_per_pixel or given.full_resolution):
        raise click.UsageError("--patch, --mm-per-pixel and --full-resolution need --map.")
    return run(paths, backbone, given)


@_command
@click.argument("photographs", type=_PATH)
@click.argument("masks", type=_PATH)
@_BACKBONE
@click.option("--patch", type=_PATCH, help="As for predict --map.")
@_HEAD
@click.option("--out", type=_PATH, help="Write the pixels of each photograph.")
def score() -> None:
    """Compare crack maps with masks made by hand.

    PHOTOGRAPHS and MASKS are folders; a mask has the path of its photograph below them, with any
    ending, and bright or coloured cracks on a dark ground.

    \b
      python -m cracks score walls/ masks/ --backbone resnet50

    Precision, recall and F1 are those of the crack's pixels, of which those within 2 pixels of the
    other mask are right, or none but those that fall on it (0 px). clIoU compares centrelines, with
    a tolerance of 4 pixels.
    """


@_command
@_BACKBONE
@_HEAD
@click.option("--port", type=click.IntRange(1, 65535), default=8050, show_default=True)
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser.")
def app() -> None:
    """Serve a local page on which photographs of walls are dropped.

    It is for this machine alone; nothing leaves it. `make app` installs what it needs.
    """


@_command
@click.argument("folder", type=_PATH)
@click.argument("out", type=_PATH)
@_BACKBONE
@click.option("--patch", type=_PATCH, help="Patch size in pixels (default: as in training).")
@click.option("--stride", type=_POSITIVE, help="Patch spacing in pixels (default: the patch size).")
def cut() -> None:
    """Cut photographs of walls into patches, to be labelled for training.

    \b
      python -m cracks cut walls/ patches/
      python -m cracks cut walls/ patches/ --patch 256 --backbone vgg16

    OUT is a new folder. It gets <photograph>-<row>-<column>.jpg for each patch, and patches.csv,
    which lists the patches that the trained classifiers are least certain about first. Sort the
    patches into two class folders below data/photos/; photos.group in params.yaml keeps
    photographs apart.

    The exit code is 1 if a photograph could not be cut; a line gives the reason.
    """


@_command
@click.argument("source", type=_PATH)
@_POSITIVE_CLASS
@click.option(
    "--name", help="Folder of the results below external/; by default, the name of SOURCE."
)
@_STANDARDISE
def external() -> None:
    """Score the classifiers on labelled images of another camera or another wall.

    SOURCE is a zip archive or a folder with two class folders.

    \b
      python -m cracks external sdnet2018-walls.zip
      python -m cracks external bridge/ --positive-class cracked
      python -m cracks external bridge/ --standardise     to external/bridge-standardised/
    """


@_command
@click.argument("source", type=_PATH, metavar="FOLDER")
@_BACKBONE
@click.option("--name", help="Name of the adapted heads; by default, that of FOLDER.")
@_POSITIVE_CLASS
@click.option(
    "--photograph",
    type=_rule,
    metavar="RULE",
    help="Photograph of a patch, as photos.group in params.yaml: a regular expression on its "
    "path, or `parent`. By default that, else the names that `cut` gives.",
)
@click.option(
    "--cracked-share",
    type=_SHARE,
    help="Share of cracked patches where the head will be used; by default, that of FOLDER.",
)
@click.option(
    "--precision",
    type=_SHARE,
    default=0.7,
    show_default=True,
    help="Share of what is called cracked that should be so; it decides the threshold.",
)
def adapt() -> None:
    """Correct the trained heads by 20 to 200 labelled patches of other walls.

    FOLDER, or a zip archive, has two class folders. Patches from five photographs or more, ten of
    each class or more, also tell what to expect.

    \b
      python -m cracks cut walls/ patches/        then sort some fifty patches into two folders
      python -m cracks adapt bridge/ --positive-class cracked
      python -m cracks predict photos/ --head bridge
      python -m cracks predict walls/ --map maps --head bridge
      python -m cracks app --head bridge

    Writes models/adapted/<name>/. Of maps it adapts the threshold alone: labels of patches do not
    say which cell is cracked.
    """


@_command
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@_BACKBONE
@_POSITIVE_CLASS
@click.option("--limit", type=_POSITIVE, help="Images of each class and source, for a quick look.")
@_STANDARDISE
def carry_over() -> None:
    """Train on each source and test on all, to see what carries over.

    SOURCE is `sample` (the drawn images), a zip archive or a folder with two class folders.

    \b
      python -m cracks carry-over sample ozgenel.zip sdnet2018-walls.zip
      python -m cracks carry-over sample bridge/ --positive-class cracked --limit 200
      python -m cracks carry-over sample ozgenel.zip --standardise

    Prints a table for each backbone, by the weights in data/weights, and writes
    carry-over/results.csv. Heads are trained as the pipeline trains them, on the train part of a
    source, and on those of all sources together. They are tested on all images of other sources.
    """


@_command
@click.option(
    "--backbone", required=True, type=_backbone, metavar="NAME", help="resnet50, vgg16, …"
)
@click.option("--to", "form", required=True, type=click.Choice(["keras", "onnx", "openvino"]))
@click.argument("file", type=_PATH)
def export() -> None:
    """Write one self-contained model: pixels of any size in, class probabilities out.

    \b
      python -m cracks export --backbone vgg16 --to onnx cracks-vgg16.onnx
      python -m cracks export --backbone resnet50 --to openvino cracks-resnet50.xml

    FILE ends in .keras, .onnx or .xml; OpenVINO keeps the weights in a .bin file beside it.
    """


@_command
@click.argument("base", default="main")
@click.option(
    "--fail-if",
    type=_condition,
    multiple=True,
    metavar="'METRIC < NUMBER'",
    callback=_and_of_environment,
    help="Fail on such a change, now minus base. Repeatable.",
)
@click.option(
    "--require",
    type=_requirement,
    multiple=True,
    metavar="'METRIC >= NUMBER'",
    callback=_and_of_environment,
    help="Fail unless a metric has such a value now. Repeatable.",
)
@click.option(
    "--sheet",
    type=_picture,
    metavar="PATH",
    help="A PNG file for pictures of the images that changed their class, 24 at most.",
)
@click.option("--json", is_flag=True, help="Print JSON.")
def review() -> None:
    """Print in Markdown how a change affected the classifiers.

    BASE is a branch, tag or commit.

    \b
      python -m cracks review                 the working tree against main
      python -m cracks review HEAD            against the last commit
      python -m cracks review --fail-if 'resnet50.recall < -0.01' --fail-if 'vgg16.missed > 2'
      python -m cracks review --fail-if 'vgg16.recall < 0 significantly'
      python -m cracks review --require 'vgg16.recall >= 0.95'
      python -m cracks review --sheet flips.png

    With `significantly`, a change counts if neither chance nor the variation over seeds explains
    it. The variables REVIEW_FAIL_IF and REVIEW_REQUIRE hold conditions as well, one a line. The
    exit code is

    \b
      0  nothing below
      1  an error, such as an invalid parameter or the conflict markers of a merge
      2  a mistake on the command line
      3  a condition of --fail-if is true, or one of --require is not
      4  --fail-if cannot be judged: less than half of the base's test images are on both sides
      5  the results are stale: `dvc repro` did not run after the last change
      6  the metrics are not those of metrics/predictions.csv

    and the highest of those that apply.
    """


@_command
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option(
    "--out",
    type=_picture,
    metavar="PATH",
    default="shown.png",
    show_default=True,
    help="The picture, PNG.",
)
def show() -> None:
    """Show images of data/images.zip with the answers of both classifiers.

    ID is the name of an image, as in a review or in metrics/predictions.csv.

    \b
      python -m cracks show positive/00012.jpg negative/00040.jpg

    Prints the probabilities, and writes one picture: each image beside its activation maps.
    """


@_command
def summary() -> None:
    """Print the metrics of both classifiers, the verdict and what to do next."""


@_command
@click.option("--sort", metavar="BACKBONE.METRIC", help="Metric by which the best come first.")
@click.option("--md", "form", flag_value="md", help="Print Markdown.")
@click.option("--json", "form", flag_value="json", help="Print JSON.")
def experiments() -> None:
    """List experiments by the parameters that they changed and their headline metrics.

    \b
      python -m cracks experiments --sort vgg16.recall
    """


@_command
def localisation() -> None:
    """Measure how well activation maps find the cracks of the drawn sample."""


@_command
@click.option("--prune", is_flag=True, help="Remove the rows that are unusable here.")
def cache() -> None:
    """Show the feature cache, which all folders of a user share.

    \b
      python -m cracks cache            its contents, and what is usable in this folder
      python -m cracks cache --prune    keep only that

    Rows are usable here if they were computed by the weights in data/weights, this code and the
    installed packages, with any parameters.
    """


def main() -> None:
    """Run the command line and exit with its status."""
    try:
        status = cli.main(prog_name="python -m cracks", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    sys.exit(status)
