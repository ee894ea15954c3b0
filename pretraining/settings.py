"""The settings of the pre-training, in pretraining/params.yaml."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from cracks.project.errors import CracksError
from cracks.project.params import Section
from cracks.project.yaml_file import read_yaml

SETTINGS = Path(__file__).with_name("params.yaml")


class Recipe(Section):
    """How one backbone is trained; `batches` and `fall` are of each cycle."""

    start: str
    frozen: list[str]
    batches: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    fall: Annotated[float, Field(ge=0, le=1)]


class Settings(Section):
    """All of them."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    walls: Annotated[int, Field(ge=1)]
    crop: Annotated[int, Field(ge=32, multiple_of=16)]
    batch_size: Annotated[int, Field(ge=1)]
    backbones: dict[str, Recipe]


def read_settings(path: Path = SETTINGS) -> Settings:
    """Read and check the settings.

    Raises:
        CracksError: if a key is missing, unknown or out of its range.
    """
    try:
        return Settings.model_validate(read_yaml(path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise CracksError(
            f"Expected other settings in {path}, found {key}: {first['msg']}; correct it."
        ) from None
