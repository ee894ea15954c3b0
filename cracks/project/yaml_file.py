"""YAML files, parsed by the rules of version 1.2 as DVC does, within bounds."""

import reprlib
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent

from cracks.project.errors import CracksError
from cracks.project.text_file import check_conflict, read_text

MAX_CHARACTERS = 2**15
"""Ten times the project's own file; the parser needs a second or two for this much."""

MAX_DEPTH = 20
"""Levels of nesting; params.yaml has two."""

MAX_ALIASES = 20
"""Uses of YAML anchors: with more, nested merge keys (`<<`) could expand without bound."""

# ruamel.yaml lets through what int(), float(), datetime() and its own tables raise
_PARSER_ERRORS = (YAMLError, LookupError, OverflowError, ValueError)


def read_yaml(path: Path) -> dict[Any, Any]:
    """Read and parse a file of the project; raises `CracksError` as `parse_yaml` does."""
    advice = "run from the project's folder, or restore the file from Git"
    return parse_yaml(read_text(path, advice, MAX_CHARACTERS), path)


def parse_yaml(text: str, path: Path) -> dict[Any, Any]:
    """Parse YAML by the rules of version 1.2, as DVC does.

    Args:
        text: of the file.
        path: of the file, for messages.

    Raises:
        CracksError: if the text is not one document with keys and values, is in conflict, or is
            nested or aliased too much to be parsed quickly.
    """
    check_conflict(text, path)
    try:
        _check_bounds(text, path)
        values = YAML(typ="safe").load(text)
    except _PARSER_ERRORS as error:
        raise CracksError(f"{path}: {_describe_yaml_error(error)}.") from None
    if not isinstance(values, dict):
        raise CracksError(f"{path}: expected keys and values, found {shorten(values)}.")
    return values


def _check_bounds(text: str, path: Path) -> None:
    """Refuse what would keep the parser or its users busy: deep nesting, merge keys that multiply,
    and values that contain themselves.
    """
    aliases, at_most = 0, f"{path}: expected at most"
    within: list[str | None] = []  # the anchors of the collections that are open
    for event in YAML(typ="safe").parse(text):
        aliases += isinstance(event, AliasEvent)
        if isinstance(event, CollectionStartEvent):
            within.append(event.anchor)
        elif isinstance(event, CollectionEndEvent):
            within.pop()
        elif isinstance(event, AliasEvent) and event.anchor in within:
            raise CracksError(f"{path}: expected values, found *{event.anchor} within itself.")
        if len(within) > MAX_DEPTH:
            raise CracksError(f"{at_most} {MAX_DEPTH} levels of nesting, found more.")
        if aliases > MAX_ALIASES:
            raise CracksError(f"{at_most} {MAX_ALIASES} aliases (*name), found more.")


def _describe_yaml_error(error: Exception) -> str:
    if isinstance(error, MarkedYAMLError) and error.problem_mark:
        parts = [part for part in (error.context, error.problem) if part]
        message = f"line {error.problem_mark.line + 1}: {', '.join(parts)}"
    else:
        message = f"a value cannot be read: {error}"
    printable = "".join(c if c.isprintable() else " " for c in message[:300])
    return " ".join(printable.split())


def shorten(value: object) -> str:
    """The value as Python prints it, shortened in the middle if it is long."""
    printer = reprlib.Repr()
    printer.maxstring = printer.maxother = 80
    try:
        return "nothing" if value is None else printer.repr(value)
    except ValueError:  # Python refuses to print integers of more than 4,300 digits
        return "a number with thousands of digits"
