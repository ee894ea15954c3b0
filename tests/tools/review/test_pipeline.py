from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from cracks.project.errors import CracksError
from cracks.project.paths import PARAMS, PIPELINE
from cracks.tools.review.pipeline import Stage, read_params, read_pipeline


@dataclass
class Texts:
    """A snapshot of files that are given as texts."""

    texts: dict[Path, str]

    def read(self, path: Path) -> bytes | None:
        text = self.texts.get(path)
        return None if text is None else text.encode()

    def files(self, folder: Path) -> list[Path]:
        return [path for path in self.texts if folder in path.parents]


def pipeline(stages: dict[str, object], **params: object) -> dict[str, Stage]:
    texts = {
        PIPELINE: yaml.safe_dump({"stages": stages}),
        PARAMS: yaml.safe_dump(params or {"a": 1}),
    }
    return read_pipeline(Texts(texts))


def test_outputs_say_whether_they_are_in_git() -> None:
    stage = {
        "cmd": "x",
        "deps": ["a", {"b": {"repo": "elsewhere"}}],
        "outs": ["models", {"data": {"persist": True}}],
        "metrics": [{"m.json": {"cache": False}}],
        "plots": ["p.png"],
    }
    found = pipeline({"one": stage})["one"]
    assert found.dependencies == ["a", "b"]
    assert found.outputs == {"models": False, "data": False, "m.json": True, "p.png": False}


def test_a_matrix_without_bound_is_one_sentence() -> None:
    choices = {name: list(range(40)) for name in "abcdef"}
    with pytest.raises(CracksError, match="at most 1,000 stages 'each', found a matrix of 4,096,"):
        pipeline({"each": {"matrix": choices, "cmd": "x"}})


@pytest.mark.parametrize(
    "value", ["2020-01-01", "!!binary aGVsbG8=", "!!set {a}", "0x" + "f" * 5000, "&e {x: *e}"]
)
def test_values_that_are_none_of_json_are_one_sentence(value: str) -> None:
    with pytest.raises(CracksError, match=r"^params\.yaml: expected"):
        read_params(Texts({PARAMS: f"epochs: {value}\n"}))


@pytest.mark.parametrize("params", [{}, {"weights": None}, {"weights": "random"}])
def test_a_section_that_is_none_is_one_sentence(params: dict[str, object]) -> None:
    each: dict[str, object] = {"each": {"foreach": "${weights}", "do": {"cmd": "run ${key}"}}}
    with pytest.raises(CracksError, match="expected stages 'each' for each key of a section"):
        pipeline(each, **params)


@pytest.mark.parametrize(
    ("template", "names", "commands"),
    [
        (
            {"matrix": {"b": ["x", "y"], "n": [1, 2]}, "cmd": "run ${item.b} ${item.n}"},
            ["s@x-1", "s@x-2", "s@y-1", "s@y-2"],
            ["run x 1", "run x 2", "run y 1", "run y 2"],
        ),
        ({"foreach": ["x", "y"], "do": {"cmd": "run ${item}"}}, ["s@x", "s@y"], ["run x", "run y"]),
        (
            {"foreach": {"x": {"n": 1}}, "do": {"cmd": "run ${key} ${ item.n } ${epochs}"}},
            ["s@x"],
            ["run x 1 5"],
        ),
        ({"foreach": "${names}", "do": {"cmd": "run ${item}"}}, ["s@x"], ["run x"]),
        ({"cmd": "run ${epochs} ${unknown.name}"}, ["s"], ["run 5 ${unknown.name}"]),
    ],
)
def test_templates_are_expanded_as_dvc_names_their_stages(
    template: dict[str, object], names: list[str], commands: list[str]
) -> None:
    found = pipeline({"s": template}, epochs=5, names=["x"])
    assert list(found) == names
    assert [stage.cmd for stage in found.values()] == commands
