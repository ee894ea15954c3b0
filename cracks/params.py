"""The model of params.yaml: every key, its type and its range, checked in this one place.

There are no defaults here: params.yaml holds every value, so that DVC sees every change. The file
is parsed as DVC parses it, so that a stage trains with the value that DVC records.
"""

import re
import reprlib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent

from cracks.errors import CracksError
from cracks.files import DIGITS

MAX_CHARACTERS = 2**15
"""Ten times the project's own file; the parser needs a second or two for this much."""

MAX_DEPTH = 20
"""Levels of nesting; params.yaml has two."""

MAX_ALIASES = 20
"""Uses of YAML anchors: with more, nested merge keys (`<<`) could grow without bound."""


def _single_line(text: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError("expected text without line breaks and control characters")
    return text


def _threshold(value: Any) -> Any:
    """Accept what metrics files can print in full: the printed threshold is the one applied."""
    if value == "auto":
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value <= 1 and round(value, DIGITS) == value:
        return value
    raise ValueError(f"expected auto or a number from 0 to 1 with at most {DIGITS} decimals")


Count = Annotated[int, Field(ge=1, lt=2**31)]
Probability = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]
Text = Annotated[str, Field(min_length=1), AfterValidator(_single_line)]
# folders are called 0 and 1 as well, which YAML reads as numbers
FolderName = Annotated[Text, BeforeValidator(lambda v: str(v) if type(v) is int else v)]
Threshold = Annotated[float | Literal["auto"], BeforeValidator(_threshold)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Sample(_Section):
    """The drawn dataset."""

    images_per_class: Annotated[int, Field(ge=1, le=99_999)]
    seed: Seed


class Concrete(_Section):
    """Where the course's archive of the Özgenel dataset is and how to know it."""

    file: Text | None
    urls: Annotated[list[Text], Field(min_length=1)]
    size: Annotated[int, Field(gt=0, lt=2**63)] | None
    sha256: Sha256 | None


class Photos(_Section):
    """The user's own photographs."""

    limit: Count | None
    seed: Seed


class Audit(_Section):
    """What the audit tolerates."""

    max_rejected: Probability


class Split(_Section):
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


class Augmentation(_Section):
    """Extra views of each image and the ranges they are drawn from."""

    views: Annotated[int, Field(ge=0, le=100)]
    flip: Literal["none", "horizontal", "vertical", "horizontal_and_vertical"]
    rotation: Annotated[float, Field(ge=0, le=0.5)]
    translation: Annotated[float, Field(ge=0, lt=1)]
    zoom: Annotated[float, Field(ge=0, lt=1)]
    brightness: Annotated[float, Field(ge=0, le=1)]
    contrast: Annotated[float, Field(ge=0, lt=1)]


class Params(_Section):
    """All of params.yaml."""

    dataset: Literal["sample", "concrete", "photos"]
    positive_class: FolderName
    sample: Sample
    concrete: Concrete
    photos: Photos
    audit: Audit
    split: Split
    weights: Annotated[dict[Text, Text], Field(min_length=1)]
    weights_seed: Seed
    image_size: Annotated[int, Field(ge=32, le=1024)]
    engine: Literal["openvino", "tensorflow"]
    precision: Literal["float32", "bfloat16"]
    augmentation: Augmentation
    epochs: Count
    batch_size: Count
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    seed: Seed
    seeds: Annotated[int, Field(ge=1, le=100)]
    threshold: Threshold
    target_recall: Annotated[float, Field(gt=0, le=1)]


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check the parameters.

    Raises:
        CracksError: one sentence that names the first bad key, what was expected and found.
    """
    values = parse_yaml(_read_text(path), path)
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise CracksError(f"{path}: {_describe(error)}") from None


def parse_yaml(text: str, path: Path) -> dict[Any, Any]:
    """Parse YAML by the rules of version 1.2, as DVC does.

    Args:
        text: of the file.
        path: of the file, for messages.

    Raises:
        CracksError: if the text is not one document with keys and values, is in conflict, or is
            nested or aliased too much to be parsed quickly.
    """
    conflict = re.search("^(<{7}|={7}|>{7})", text, re.MULTILINE)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        raise CracksError(
            f"{path}, line {line}: a merge conflict is unresolved; keep one of the two sides and "
            "delete the lines with <<<<<<<, ======= and >>>>>>>."
        )
    try:
        _check_bounds(text, path)
        values = YAML(typ="safe").load(text)
    except _PARSER_ERRORS as error:
        raise CracksError(f"{path}: {_describe_yaml_error(error)}.") from None
    if not isinstance(values, dict):
        raise CracksError(f"{path}: expected keys and values, found {_shorten(values)}.")
    return values


def _read_text(path: Path) -> str:
    try:
        if not path.exists():
            raise CracksError(f"Expected {path}, found none; run from the project's folder.")
        if not path.is_file():  # opening a named pipe would wait forever
            raise CracksError(f"Expected {path} to be a file, found a folder or a device.")
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except UnicodeDecodeError:
        raise CracksError(f"{path}: expected text in UTF-8; save it in that encoding.") from None
    except OSError as error:
        raise CracksError(f"{path} cannot be read: {error.strerror}.") from None
    if len(text) > MAX_CHARACTERS:
        raise CracksError(f"{path}: expected at most {MAX_CHARACTERS:,} characters, found more.")
    return text


# ruamel.yaml lets through what int(), float(), datetime() and its own tables raise
_PARSER_ERRORS = (YAMLError, LookupError, OverflowError, ValueError)


def _check_bounds(text: str, path: Path) -> None:
    """Refuse what would keep the parser busy for ever: deep nesting, and merges that multiply."""
    depth = aliases = 0
    for event in YAML(typ="safe").parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        aliases += isinstance(event, AliasEvent)
        if depth > MAX_DEPTH:
            raise CracksError(
                f"{path}: expected at most {MAX_DEPTH} levels of nesting, found more."
            )
        if aliases > MAX_ALIASES:
            raise CracksError(
                f"{path}: expected at most {MAX_ALIASES} aliases (*name), found more."
            )


def _describe_yaml_error(error: Exception) -> str:
    if isinstance(error, MarkedYAMLError) and error.problem_mark:
        parts = [part for part in (error.context, error.problem) if part]
        message = f"line {error.problem_mark.line + 1}: {', '.join(parts)}"
    else:
        message = f"a value cannot be read: {error}"
    printable = "".join(c if c.isprintable() else " " for c in message[:300])
    return " ".join(printable.split())


def _describe(error: ValidationError) -> str:
    """The most telling of pydantic's findings: an unknown key explains a missing one."""
    findings = error.errors(include_url=False)
    finding = next((f for f in findings if f["type"] == "extra_forbidden"), findings[0])
    key = _shorten(".".join(map(str, finding["loc"])))
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
    return f"{key}: {problem}, found {_shorten(finding['input'])}."


def _suggest(location: tuple[int | str, ...]) -> str:
    *sections, name = map(str, location)
    model: Any = Params
    for section in sections:
        model = model.model_fields[section].annotation
    close = get_close_matches(name, model.model_fields, n=1)
    if close:
        return f"did you mean {'.'.join([*sections, close[0]])!r}?"
    return f"expected one of {', '.join(sorted(model.model_fields))}."


def _shorten(value: object) -> str:
    """The value as Python writes it, cut in the middle if it is long."""
    printer = reprlib.Repr()
    printer.maxstring = printer.maxother = 80
    try:
        return "nothing" if value is None else printer.repr(value)
    except ValueError:  # Python refuses to print integers of more than 4,300 digits
        return "a number with thousands of digits"
