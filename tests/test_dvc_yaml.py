"""Contracts between dvc.yaml and the code: what a stage uses is what it lists, no more, no less."""

import ast
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]
STAGE_NAMES = [
    "download",
    "weights",
    "audit",
    "split",
    "precompute-resnet50",
    "precompute-vgg16",
    "train-head-resnet50",
    "train-head-vgg16",
    "evaluate",
    "report",
]


def module_of(stage: str) -> Path:
    words = STAGES[stage]["cmd"].split()
    assert words[:2] == ["python", "-m"]
    return Path(words[2].replace(".", "/") + ".py")


@cache
def imported(module: Path) -> frozenset[Path]:
    """The project's own modules that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            path = Path(name.replace(".", "/") + ".py")
            if name.startswith("cracks.") and (ROOT / path).is_file():
                found.add(path)
    return frozenset(found)


def modules_used(stage: str) -> set[str]:
    used = {module_of(stage)}
    waiting = list(used)
    while waiting:
        new = imported(waiting.pop()) - used
        used |= new
        waiting += new
    return {path.as_posix() for path in used} | {"cracks/__init__.py", "stages/__init__.py"}


def params_read(stage: str) -> set[str]:
    """Each longest chain `params.a.b` in the stage's module, as the key `a.b`."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        chain: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            chain.insert(0, inner.attr)
            inner = inner.value
        if chain and isinstance(inner, ast.Name) and inner.id == "params":
            keys = yaml.safe_load((ROOT / "params.yaml").read_text())
            key: list[str] = []
            for name in chain:
                if not isinstance(keys, dict) or name not in keys:
                    break
                key.append(name)
                keys = keys[name]
            found.add(".".join(key))
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse((ROOT / module_of(stage)).read_text()))
    return {key for key in found if not any(key.startswith(f"{other}.") for other in found)}


def test_the_stages_are_those_of_the_design() -> None:
    assert list(STAGES) == STAGE_NAMES
    assert all(stage["desc"] for stage in STAGES.values())


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_modules_that_a_stage_imports_are_the_deps_that_it_lists(stage: str) -> None:
    listed = {dep for dep in STAGES[stage]["deps"] if dep.endswith(".py")}
    assert listed == modules_used(stage)


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_params_that_a_stage_reads_are_the_params_that_it_lists(stage: str) -> None:
    if "params.yaml" in STAGES[stage]["deps"]:  # a stage that shows all of them
        assert "params" not in STAGES[stage]
        return
    assert set(STAGES[stage].get("params", [])) == params_read(stage)


def test_every_parameter_is_read_by_some_stage() -> None:
    listed = {key for stage in STAGES.values() for key in stage.get("params", [])}
    for key, value in yaml.safe_load((ROOT / "params.yaml").read_text()).items():
        inner = {f"{key}.{name}" for name in value} if isinstance(value, dict) else set()
        assert key in listed or (inner and inner <= listed), key


def test_metrics_and_plots_keep_the_run_cache() -> None:
    """They are in Git, and listed where DVC's run cache still restores them."""
    for stage in STAGES.values():
        for kind in ("metrics", "plots"):
            for entry in stage.get(kind, []):
                (options,) = entry.values()
                assert options["cache"] is False
        for out in stage.get("outs", []):
            assert isinstance(out, str), "a plain out with cache: false or persist loses it"
