"""Nested settings as one table of dotted keys."""

from collections.abc import Mapping
from typing import Any


def dotted(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """`{"split": {"seed": 0}}` as `{"split.seed": 0}`; lists are values."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= dotted(value, f"{above}{key}.")
        else:
            flat[f"{above}{key}"] = value
    return flat
