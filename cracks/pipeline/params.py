"""The model of params.yaml: every key, its type and its range, checked in this one place.

There are no defaults here: params.yaml holds every value, so that DVC sees every change.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_origin

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from cracks.pipeline.conflicts import refuse_conflict
from cracks.pipeline.errors import CracksError
from cracks.pipeline.paths import PARAMS

Entry = TypeVar("Entry")

Probability = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]
# folders are called 0 and 1 as well, which YAML reads as numbers
FolderName = Annotated[
    str, Field(min_length=1), BeforeValidator(lambda v: str(v) if type(v) is int else v)
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Sample(_Section):
    """The drawn dataset."""

    images_per_class: Annotated[int, Field(ge=1, le=99_999)]
    seed: Seed


class Concrete(_Section):
    """Where the course's archive of the Özgenel dataset is and how to know it."""

    file: str | None
    urls: Annotated[list[str], Field(min_length=1)]
    size: Annotated[int, Field(gt=0)] | None
    sha256: Sha256 | None


class Photos(_Section):
    """The user's own photographs."""

    limit: Annotated[int, Field(ge=1)] | None
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
            raise ValueError(
                f"valid + test below 1, so that some is left for train, found "
                f"{self.valid} + {self.test}"
            )
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

    dataset: str  # in the table of sources
    positive_class: FolderName
    sample: Sample
    concrete: Concrete
    photos: Photos
    audit: Audit
    split: Split
    weights: Annotated[dict[str, str], Field(min_length=1)]
    weights_seed: Seed
    image_size: Annotated[int, Field(ge=32, le=1024)]
    engine: str  # in the table of engines
    precision: Literal["float32", "bfloat16"]
    augmentation: Augmentation
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    seed: Seed
    seeds: Annotated[int, Field(ge=1, le=100)]
    threshold: Probability | Literal["auto"]
    target_recall: Annotated[float, Field(gt=0, le=1)]


def load_params(path: Path = PARAMS) -> Params:
    """Read and check the parameters.

    Raises:
        CracksError: one sentence that names the first bad key, what was expected and found.
    """
    try:
        values = yaml.safe_load(refuse_conflict(path, path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise CracksError(
            f"Expected {path} in {Path.cwd()}, found none; run from the project's folder."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise CracksError(f"Expected YAML in {path}, found a mistake: {reason}.") from None
    if not isinstance(values, dict):
        raise CracksError(f"Expected keys and values in {path}, found {values!r}.")
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise CracksError(_sentence(path, error)) from None


def _sentence(path: Path, error: ValidationError) -> str:
    """The most telling of pydantic's findings: an unknown key explains a missing one."""
    findings = error.errors()
    finding = next((f for f in findings if f["type"] == "extra_forbidden"), findings[0])
    key, known = _key_of(finding["loc"])
    if finding["type"] == "extra_forbidden":
        return f"{path}: unknown key {key!r}; {_likely_keys(key, known)}"
    if finding["type"] == "missing":
        return f"{path}: key {key!r} is missing; expected a value for it."
    if finding["type"] == "value_error":
        return f"{path}: {key!r}: expected {finding['ctx']['error']}."
    same_key = [f for f in findings if _key_of(f["loc"])[0] == key]
    expected = " or ".join(_expected(f) for f in same_key)  # a union reports each of its branches
    return f"{path}: {key!r}: expected {expected}, found {_found(finding['input'])}."


def _key_of(location: tuple[int | str, ...]) -> tuple[str, list[str]]:
    """The dotted key that a finding is about, and the keys that are known in its section.

    Pydantic's location goes on below the key: into a list, or into the branches of a union.
    """
    keys: list[str] = []
    known: dict[str, FieldInfo] = Params.model_fields
    for part in location:
        keys.append(str(part))
        annotation: Any = known[str(part)].annotation if str(part) in known else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            known = annotation.model_fields
        elif get_origin(annotation) is dict:  # any key is known
            known = {}
        else:
            break
    return ".".join(keys), list(known)


def _expected(finding: ErrorDetails) -> str:
    """What pydantic's message means, in the words of someone who edits YAML."""
    words = _EXPECTED.get(finding["type"])
    if words is None:
        return finding["msg"].removeprefix("Input should be ")
    return words.format(**finding.get("ctx", {}))


_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "string_pattern_mismatch": "64 hexadecimal digits",
    "list_type": "a list",
    "too_short": "at least {min_length} entry",
    "dict_type": "a section with keys of its own",
    "model_type": "a section with keys of its own",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "a number below {lt:.10g}",
    "less_than_equal": "at most {le:g}",
}


def _found(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list) and value:
        return "a section" if isinstance(value, dict) else "a list"
    if isinstance(value, str) and _is_number(value):
        return f"the text {value!r} (write a plain decimal, without quotes or exponent)"
    return repr(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _likely_keys(key: str, known: list[str]) -> str:
    *sections, name = key.split(".")
    close = get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {'.'.join([*sections, close[0]])!r}?"
    return f"expected one of {', '.join(sorted(known))}."


def chosen(table: Mapping[str, Entry], key: str, name: str) -> Entry:
    """The entry of a table (of sources, backbones, engines) that a parameter names.

    Raises:
        CracksError: if there is none of that name.
    """
    if name not in table:
        known = " or ".join(table)
        close = get_close_matches(name, table, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else "."
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
