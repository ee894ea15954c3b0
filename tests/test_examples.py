"""The examples in docstrings give what they say."""

import doctest
from importlib import import_module

import pytest

MODULES = {
    "cracks.backbones.catalogue": 1,
    "cracks.dataset.photographs": 1,
    "cracks.evaluation.metrics": 2,
    "cracks.evaluation.statistics": 1,
    "cracks.heads.head": 1,
    "cracks.heads.training": 1,
    "cracks.images.decoding": 1,
    "cracks.project.params": 1,
    "cracks.tables.labels": 1,
}
"""Modules, and how many of their functions have examples."""


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name: str) -> None:
    module = import_module(name)
    found = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert len(found) == MODULES[name]
    assert doctest.testmod(module).failed == 0
