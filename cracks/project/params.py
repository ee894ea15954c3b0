"""The model of params.yaml: every key, its type and its range, checked in this one place.

There are no defaults here: params.yaml holds every value, so that DVC sees every change. The file
is parsed as DVC parses it, so that a stage trains with the value that DVC records.
"""

import re
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from cracks.project.errors import CracksError
from cracks.project.outputs import DIGITS
from cracks.project.paths import PARAMS
from cracks.project.yaml_file import read_yaml, shorten

Entry = TypeVar("Entry")

SAMPLE = "sample"
"""The value of `dataset` for the images that this project draws."""

PARENT = "parent"
"""The value of `photos.group` that stands for the folder that an image lies in."""


def _single_line(text: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError("expected text without line breaks and control characters")
    return text


def _threshold(value: Any) -> Any:
    """Accept only what metrics files print in full: the printed threshold is the one applied."""
    if value == "auto":
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value <= 1 and round(value, DIGITS) == value:
        return value
    raise ValueError(f"expected auto or a number from 0 to 1 with at most {DIGITS} decimals")


def _regular_expression(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of what later versions of Python may read differently
            re.compile(text)
    except (re.error, OverflowError, Warning) as error:
        raise ValueError(f"expected {PARENT} or a regular expression: {error}") from None
    return text


_RENAMED = {"concrete": "archive"}  # former names of a key and of a value of `dataset`

Count = Annotated[int, Field(ge=1, lt=2**31)]
ImageSize = Annotated[int, Field(ge=32, le=1024)]  # pixels of a side
Precision = Literal["float32", "bfloat16", "int8"]
Probability = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]
Text = Annotated[str, Field(min_length=1), AfterValidator(_single_line)]
Pattern = Annotated[
    str,
    Field(min_length=1, max_length=200),
    AfterValidator(_single_line),
    AfterValidator(_regular_expression),
]
# folders may be called 0 and 1, which YAML reads as numbers
FolderName = Annotated[Text, BeforeValidator(lambda v: str(v) if type(v) is int else v)]
Threshold = Annotated[float | Literal["auto"], BeforeValidator(_threshold)]


class Section(BaseModel):
    """Keys with values: no others, and of the declared types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Sample(Section):
    """The drawn dataset."""

    images_per_class: Annotated[int, Field(ge=1, le=99_999)]
    seed: Seed


class Archive(Section):
    """Where an archive of images is, and how to verify it."""

    file: Text | None
    urls: Annotated[list[Text], Field(min_length=1)]
    size: Annotated[int, Field(gt=0, lt=2**63)] | None
    sha256: Sha256 | None


class Photos(Section):
    """The user's own photographs."""

    limit: Count | None
    seed: Seed
    group: Pattern | None


class AuditLimits(Section):
    """What the audit tolerates."""

    max_rejected: Probability
    max_megapixels: Annotated[int, Field(ge=1, le=200)]
    max_file_mb: Annotated[int, Field(ge=1, le=1000)]


class Split(Section):
    """How images are assigned to train, valid and test."""

    strategy: Literal["grouped", "random", "given"]
    valid: Annotated[float, Field(gt=0, lt=1)]
    test: Annotated[float, Field(gt=0, lt=1)]
    seed: Seed

    @model_validator(mode="after")
    def _leaves_train(self) -> "Split":
        if self.valid + self.test >= 1:
            raise ValueError("expected valid + test below 1, so that images are left for train")
        return self


class Augmentation(Section):
    """Extra views of each image, and the ranges of their random changes."""

    views: Annotated[int, Field(ge=0, le=100)]
    flip: Literal["none", "horizontal", "vertical", "horizontal_and_vertical"]
    rotation: Annotated[float, Field(ge=0, le=0.5)]
    translation: Annotated[float, Field(ge=0, lt=1)]
    zoom: Annotated[float, Field(ge=0, lt=1)]
    brightness: Annotated[float, Field(ge=0, le=1)]
    contrast: Annotated[float, Field(ge=0, lt=1)]


class CellExamples(Section):
    """What heads for cells are trained on."""

    drawings: Annotated[int, Field(ge=20, le=2000)]


class Params(Section):
    """All of params.yaml."""

    dataset: str  # in the table of sources
    positive_class: FolderName
    sample: Sample
    archive: Archive
    photos: Photos
    audit: AuditLimits
    split: Split
    weights: Annotated[dict[Text, Text], Field(min_length=1)]
    weights_seed: Seed
    image_size: ImageSize
    engine: str  # in the table of engines
    precision: Precision
    augmentation: Augmentation
    epochs: Count
    batch_size: Count
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    l2: Annotated[float, Field(gt=0, le=1e6)]
    seed: Seed
    seeds: Annotated[int, Field(ge=1, le=100)]
    cells: CellExamples
    threshold: Threshold
    target_recall: Annotated[float, Field(gt=0, le=1)]

    def backbones(self, only: str | None = None) -> list[str]:
        """The names below `weights`, or `only` the one that a command is given."""
        return [only] if only else list(self.weights)


def load_params(path: Path = PARAMS) -> Params:
    """Read and check the parameters.

    Raises:
        CracksError: in one sentence: the first invalid key, what was expected and what was found.

    Example:
        >>> load_params().split.strategy
        'grouped'
    """
    try:
        return Params.model_validate(read_yaml(path))
    except ValidationError as error:
        raise CracksError(f"{path}: {_describe(error)}") from None


def _describe(error: ValidationError) -> str:
    """The most informative of pydantic's findings: an unknown key explains a missing one."""
    findings = error.errors(include_url=False)
    finding = next((f for f in findings if f["type"] == "extra_forbidden"), findings[0])
    key = shorten(".".join(map(str, finding["loc"])))
    match finding["type"]:
        case "extra_forbidden":
            return f"unknown key {key}; {_suggest(finding['loc'])}"
        case "missing":
            return f"key {key} is missing; add it with a value."
        case "model_type" | "dict_type":
            problem = "expected a section with keys of its own"
        case "value_error":
            problem = str(finding["ctx"]["error"])
        case _:
            problem = finding["msg"].replace("Input should be", "expected")
    return f"{key}: {problem}, found {shorten(finding['input'])}."


def _suggest(location: tuple[int | str, ...]) -> str:
    *sections, name = map(str, location)
    model: Any = Params
    for section in sections:
        model = model.model_fields[section].annotation
    if name in _RENAMED and not sections:
        return f"it is called {_RENAMED[name]!r} now."
    if close := get_close_matches(name, model.model_fields, n=1):
        return f"did you mean {'.'.join([*sections, close[0]])!r}?"
    return f"expected one of {', '.join(sorted(model.model_fields))}."


def lookup(table: Mapping[str, Entry], key: str, name: str) -> Entry:
    """The entry of a table (of sources, backbones, engines) that a parameter names.

    Raises:
        CracksError: if there is none of that name.
    """
    if name not in table:
        known = " or ".join(table)
        close = get_close_matches(name, table, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else "."
        if name in _RENAMED:
            hint = f", which is called {_RENAMED[name]!r} now."
        raise CracksError(f"params.yaml: {key!r}: expected {known}, found {name!r}{hint}")
    return table[name]


def flatten(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """`{"split": {"seed": 0}}` as `{"split.seed": 0}`; lists are values."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{above}{key}.")
        else:
            flat[f"{above}{key}"] = value
    return flat


def name_of_source(source: str) -> str:
    """The name of a source of weights in results: of a path, the file's name alone."""
    return Path(source).name
