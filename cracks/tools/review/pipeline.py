"""dvc.yaml, dvc.lock and params.yaml of a snapshot, checked; templates of stages are expanded."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ValidationError

from cracks.project.errors import CracksError
from cracks.project.params import flatten
from cracks.project.paths import LOCK, PARAMS, PIPELINE
from cracks.project.yaml_file import parse_yaml
from cracks.tools.review.snapshots import Snapshot

MAX_CHARACTERS = 2**21
"""A hundred times this project's dvc.lock, which has a few lines for each dependency."""

MAX_MEMBERS = 1000
"""Stages of one matrix."""

Model = TypeVar("Model", bound=BaseModel)


def _printable(path: str) -> str:
    if not path.isprintable():
        raise ValueError("expected a path that can be printed")
    return path


ListedPath = Annotated[str, AfterValidator(_printable)]

Listed = ListedPath | dict[ListedPath, Any]
"""An entry of `deps`, `outs`, `metrics` or `plots`: a path, with or without options."""


class Stage(BaseModel):
    """A stage of dvc.yaml."""

    cmd: str | list[str]
    deps: list[Listed] = []
    params: list[str | dict[str, Any]] = []
    outs: list[Listed] = []
    metrics: list[Listed] = []
    plots: list[Listed] = []

    @property
    def dependencies(self) -> list[str]:
        """The paths of `deps`."""
        return [path for path, _ in _entries(self.deps)]

    @property
    def outputs(self) -> dict[str, bool]:
        """The path of every output, and whether it is kept in Git rather than in DVC's cache."""
        entries = _entries([*self.outs, *self.metrics, *self.plots])
        return {path: options.get("cache") is False for path, options in entries}


class LockedFile(BaseModel):
    """A dependency or an output in dvc.lock."""

    path: ListedPath
    md5: str = ""


class LockedStage(BaseModel):
    """A stage in dvc.lock: what it last ran with."""

    cmd: str | list[str]
    deps: list[LockedFile] = []
    params: dict[str, dict[str, Any]] = {}
    outs: list[LockedFile] = []


class _Pipeline(BaseModel):
    stages: dict[ListedPath, Stage]


class _Lock(BaseModel):
    stages: dict[ListedPath, LockedStage] = {}


def read_pipeline(snapshot: Snapshot) -> dict[str, Stage]:
    """The stages of dvc.yaml; those of a `matrix` or `foreach` one by one, as DVC names them.

    Raises:
        CracksError: if it is missing, damaged or without stages.
    """
    values = _yaml(snapshot, PIPELINE)
    if isinstance(stages := values.get("stages"), dict):
        values["stages"] = stages_of(stages, _yaml(snapshot, PARAMS))
    found = _checked(_Pipeline, values, PIPELINE).stages
    if not found:
        raise CracksError(f"Expected stages in {PIPELINE}, found none; {_restore(PIPELINE)}.")
    return found


def read_lock(snapshot: Snapshot) -> dict[str, LockedStage]:
    """The stages of dvc.lock, none if there is no such file.

    Raises:
        CracksError: if it is damaged.
    """
    if snapshot.read(LOCK) is None:
        return {}
    return _checked(_Lock, _yaml(snapshot, LOCK), LOCK).stages


def read_params(snapshot: Snapshot) -> dict[str, Any]:
    """The values of params.yaml by flat names.

    Raises:
        CracksError: if it is missing or damaged, or has values that are none of JSON: dates, bytes,
            numbers of thousands of digits.
    """
    values = _yaml(snapshot, PARAMS)
    try:
        json.dumps(values)
    except (TypeError, ValueError) as error:
        raise CracksError(
            f"{PARAMS}: expected texts, numbers and lists of them, found others ({error}); "
            f"{_restore(PARAMS)}."
        ) from None
    return flatten(values)


def _entries(listed: Sequence[str | dict[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for entry in listed:
        options = entry if isinstance(entry, dict) else {entry: None}
        yield from ((path, x if isinstance(x, dict) else {}) for path, x in options.items())


def _yaml(snapshot: Snapshot, path: Path) -> dict[str, Any]:
    content = snapshot.read(path)
    if content is None:
        raise CracksError(f"Expected {path}, found none; {_restore(path)}.")
    text = content.decode("utf-8", errors="replace")
    if len(text) > MAX_CHARACTERS:
        raise CracksError(f"{path}: expected at most {MAX_CHARACTERS:,} characters, found more.")
    return parse_yaml(text, path)


def _checked(model: type[Model], values: dict[str, Any], path: Path) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])).encode("unicode_escape").decode()
        raise CracksError(
            f"{path} is damaged at {place} ({first['msg']}); {_restore(path)}."
        ) from None


def _restore(path: Path) -> str:
    again = ", or run `dvc repro`" if path == LOCK else ""
    return f"take the committed one with `git checkout -- {path}`{again}"


def stages_of(stages: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The stages as DVC runs them; each member of a `matrix` or `foreach` is `<name>@<member>`.

    Args:
        stages: as dvc.yaml has them.
        params: the content of params.yaml, to which `${references}` refer.

    Raises:
        CracksError: if what a stage is to be made for is not there.
    """
    found = {}
    for name, stage in stages.items():
        if not isinstance(stage, dict) or not {"matrix", "foreach"} & set(stage):
            found[name] = _filled(stage, params)
            continue
        of = stage.get("matrix", stage.get("foreach"))
        template = stage.get("do", {k: v for k, v in stage.items() if k != "matrix"})
        for member, values in _members(name, _filled(of, params)):
            found[f"{name}@{member}"] = _filled(template, {**params, **values})
    return found


def _members(name: str, of: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name of each member, and what its template calls `item` and `key`."""
    if not isinstance(of, dict | list):
        raise CracksError(
            f"{PIPELINE}: expected stages {name!r} for each key of a section of {PARAMS}, found no "
            f"such section ({of}); run `dvc stage list`, which says more."
        )
    if isinstance(of, dict) and all(isinstance(choices, list) for choices in of.values()):
        if prod(map(len, of.values())) > MAX_MEMBERS:
            raise CracksError(
                f"{PIPELINE}: expected at most {MAX_MEMBERS:,} stages {name!r}, found a matrix of "
                f"{prod(map(len, of.values())):,}."
            )
        for choice in product(*of.values()):
            yield "-".join(map(str, choice)), {"item": dict(zip(of, choice, strict=True))}
    elif isinstance(of, dict):
        yield from ((str(key), {"key": key, "item": item}) for key, item in of.items())
    else:
        yield from ((str(item), {"item": item}) for item in of)


_REFERENCE = re.compile(r"\$\{\s*([\w.-]+)\s*\}")


def _filled(value: Any, names: Mapping[str, Any]) -> Any:
    """A value with its `${references}` replaced; one that is unknown stays as it is."""
    if isinstance(value, dict):
        return {_filled(key, names): _filled(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, names) for inner in value]
    if not isinstance(value, str):
        return value
    if whole := _REFERENCE.fullmatch(value):
        return _looked_up(whole, names)
    return _REFERENCE.sub(lambda found: str(_looked_up(found, names)), value)


def _looked_up(reference: re.Match[str], names: Mapping[str, Any]) -> Any:
    value: Any = names
    for name in reference[1].split("."):
        if not isinstance(value, Mapping) or name not in value:
            return reference[0]
        value = value[name]
    return value
