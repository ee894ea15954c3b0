"""Contracts between dvc.yaml and the code: what a stage uses is what it lists, no more, no less."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cracks.backbones.catalogue import BACKBONES as CATALOGUE
from cracks.pipeline.paths import (
    features_path,
    head_path,
    history_path,
    scores_path,
    weights_path,
)
from tests.support.imports import modules_of, needed_by, syntax_of
from tests.support.project import PIPELINE, ROOT, STAGE_NAMES

STAGES = PIPELINE["stages"]
KEYS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
BACKBONES = KEYS["weights"]


def module_of(stage: str) -> Path:
    words = STAGES[stage]["cmd"].split()
    assert words[:3] == ["python", "-m", "stages"]
    return Path("stages", f"{words[3]}.py")


def code_deps(stage: str) -> list[Path]:
    return [Path(dep) for dep in STAGES[stage]["deps"] if dep.startswith(("cracks", "stages"))]


def covers(dep: Path, module: Path) -> bool:
    return dep == module or dep in module.parents


def chains(module: Path) -> Iterator[list[str]]:
    """The attributes of each longest `params.a.b` in a module, as `["a", "b"]`."""

    def visit(node: ast.AST) -> Iterator[list[str]]:
        chain: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            chain.insert(0, inner.attr)
            inner = inner.value
        if chain and isinstance(inner, ast.Name) and inner.id == "params":
            yield chain
            return
        for child in ast.iter_child_nodes(node):
            yield from visit(child)

    yield from visit(syntax_of(module))


def key_of(chain: list[str]) -> str:
    """The key of params.yaml that a chain of attributes reads; what follows it is no key."""
    key: list[str] = []
    inner: Any = KEYS
    for name in chain:
        if not isinstance(inner, dict) or name not in inner:
            break
        key.append(name)
        inner = inner[name]
    return ".".join(key)


def params_read(stage: str) -> set[str]:
    """The keys that a stage's module and everything below it read of the parameters."""
    found = {key_of(chain) for module in needed_by(module_of(stage)) for chain in chains(module)}
    found -= {""}
    return {key for key in found if not any(key.startswith(f"{other}.") for other in found)}


def test_the_stages_are_those_of_the_design() -> None:
    precompute = [f"precompute-{backbone}" for backbone in BACKBONES]
    train_head = [f"train-head-{backbone}" for backbone in BACKBONES]
    before, after = ["download", "weights", "audit", "split"], ["evaluate", "report"]
    assert [*before, *precompute, *train_head, *after] == STAGE_NAMES
    assert all(stage["desc"] for stage in STAGES.values())


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_is_wired_through_the_pipeline(backbone: str) -> None:
    assert STAGES[f"precompute-{backbone}"]["cmd"].split()[3:] == ["precompute", backbone]
    assert STAGES[f"train-head-{backbone}"]["cmd"].split()[3:] == ["train_head", backbone]
    weights, features, head, scores, history = (
        path(backbone).as_posix()
        for path in (weights_path, features_path, head_path, scores_path, history_path)
    )
    assert weights in STAGES["weights"]["outs"]
    assert STAGES[f"precompute-{backbone}"]["outs"] == [features]
    assert STAGES[f"train-head-{backbone}"]["outs"] == [head, scores, history]
    assert {weights} <= set(STAGES[f"precompute-{backbone}"]["deps"])
    assert {weights, features} <= set(STAGES[f"train-head-{backbone}"]["deps"])
    assert {scores, history} <= set(STAGES["evaluate"]["deps"])
    assert {weights, head} <= set(STAGES["report"]["deps"])
    assert PIPELINE["artifacts"][backbone]["path"] == head


def test_every_backbone_of_the_catalogue_has_weights() -> None:
    assert list(BACKBONES) == list(CATALOGUE)


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_every_import_of_a_stage_lies_below_a_listed_path(stage: str) -> None:
    for module in needed_by(module_of(stage)):
        assert any(covers(dep, module) for dep in code_deps(stage)), module


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_every_listed_path_holds_an_import_of_the_stage(stage: str) -> None:
    for dep in code_deps(stage):
        assert any(covers(dep, module) for module in needed_by(module_of(stage))), dep


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_params_that_a_stage_reads_are_the_params_that_it_lists(stage: str) -> None:
    listed = STAGES[stage].get("params", [])
    if listed == [{"params.yaml": None}]:  # a stage that shows all of them
        return
    assert set(listed) == params_read(stage)


def test_parameters_are_always_called_params() -> None:
    """Else the check of the keys that a stage reads would not see them."""
    for module in modules_of("cracks", "stages"):
        for node in ast.walk(syntax_of(module)):
            if isinstance(node, ast.arg) and isinstance(node.annotation, ast.Name):
                assert node.annotation.id != "Params" or node.arg == "params", module


def test_every_parameter_is_read_by_some_stage() -> None:
    keys = [key for stage in STAGES.values() for key in stage.get("params", [])]
    listed = {key for key in keys if isinstance(key, str)}
    for key, value in KEYS.items():
        inner = {f"{key}.{name}" for name in value} if isinstance(value, dict) else set()
        assert key in listed or (inner and inner <= listed), key


@pytest.mark.parametrize("stage", [name for name in STAGE_NAMES if "train" in name])
def test_no_edit_of_an_engine_retrains_a_head(stage: str) -> None:
    engines = modules_of("cracks/backbones/engines")
    assert not any(covers(dep, module) for dep in code_deps(stage) for module in engines)


@pytest.mark.parametrize("folder", ["commands", "review", "export"])
def test_what_only_people_call_makes_nothing_stale(folder: str) -> None:
    for stage in STAGE_NAMES:
        for dep in code_deps(stage):
            assert not any(covers(dep, module) for module in modules_of(f"cracks/{folder}"))


def test_metrics_and_plots_keep_the_run_cache() -> None:
    """They are in Git, and listed where DVC's run cache still restores them."""
    for stage in STAGES.values():
        for kind in ("metrics", "plots"):
            for entry in stage.get(kind, []):
                (options,) = entry.values()
                assert options["cache"] is False
        for out in stage.get("outs", []):
            assert isinstance(out, str), "a plain out with cache: false or persist loses it"
