"""The model of params.yaml: every key, its type and its range, checked in this one place.

There are no defaults here: params.yaml holds every value, so that DVC sees every change.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cracks.errors import CracksError

Probability = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


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
    """What the audit tolerates and how far it looks."""

    max_rejected: Probability
    overlaps: bool


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

    dataset: Literal["sample", "concrete", "photos"]
    positive_class: Annotated[str, Field(min_length=1)]
    sample: Sample
    concrete: Concrete
    photos: Photos
    audit: Audit
    split: Split
    weights: Annotated[dict[str, str], Field(min_length=1)]
    weights_seed: Seed
    image_size: Annotated[int, Field(ge=32, le=1024)]
    engine: Literal["openvino", "tensorflow"]
    precision: Literal["float32", "bfloat16"]
    augmentation: Augmentation
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    seed: Seed
    seeds: Annotated[int, Field(ge=1, le=100)]
    threshold: Probability | Literal["auto"]
    target_recall: Annotated[float, Field(gt=0, le=1)]


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check the parameters.

    Raises:
        CracksError: one sentence that names the first bad key, what was expected and found.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
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
    key = ".".join(str(part) for part in finding["loc"] if part not in _UNION_PARTS)
    if finding["type"] == "extra_forbidden":
        known = ", ".join(_known_keys(key))
        return f"{path}: unknown key {key!r}; expected one of {known}."
    if finding["type"] == "missing":
        return f"{path}: key {key!r} is missing; expected a value for it."
    found = _found(finding["input"])
    expected = finding["msg"].removeprefix("Value error, ")
    alternatives = [f for f in findings if f["loc"][: len(key.split("."))] == finding["loc"][:-1]]
    if len(alternatives) > 1:  # a union reports every branch that did not fit
        expected = " or ".join(f["msg"] for f in alternatives)
    expected = expected.replace("Input should be ", "")
    if finding["type"] == "value_error":
        return f"{path}: {key!r}: expected {expected}."
    return f"{path}: {key!r}: expected {expected}, found {found}."


_UNION_PARTS = {"constrained-float", "literal['auto']", "constrained-int", "constrained-str"}


def _found(value: Any) -> str:
    if isinstance(value, dict):
        return "a section of its own"
    return f"{value!r} ({type(value).__name__})" if value is not None else "nothing"


def _known_keys(key: str) -> list[str]:
    model: Any = Params
    for part in key.split(".")[:-1]:
        model = model.model_fields[part].annotation
    return sorted(model.model_fields)
