"""Contracts between dvc.yaml and the code: what a stage uses is what it lists, no more, no less."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo
from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

from cracks.backbones.catalogue import BACKBONES as CATALOGUE
from cracks.project.paths import (
    cell_head_path,
    features_path,
    head_path,
    history_path,
    scores_path,
    weights_path,
)
from tests.support.imports import cover_of, modules_of, needed_by, syntax_of
from tests.support.project import PIPELINE, ROOT, STAGE_NAMES, STAGES

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
    weights, precompute, train_head, train_cells = (
        [f"{stage}@{backbone}" for backbone in BACKBONES]
        for stage in ("weights", "precompute", "train-head", "train-cells")
    )
    before, after = ["audit", "split"], ["evaluate", "report"]
    cells = ["draw", *train_cells]
    assert ["download", *weights, *before, *precompute, *train_head, *cells, *after] == STAGE_NAMES
    assert all(stage["desc"] for stage in STAGES.values())


def test_dvc_finds_the_stages_that_these_tests_and_the_review_find() -> None:
    found = [stage.addressing for stage in Repo(ROOT).index.stages]
    assert [name for name in found if not name.startswith("pretraining/")] == STAGE_NAMES


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_is_wired_through_the_pipeline(backbone: str) -> None:
    weights, features, head, scores, history = (
        path(backbone).as_posix()
        for path in (weights_path, features_path, head_path, scores_path, history_path)
    )
    assert STAGES[f"weights@{backbone}"]["outs"] == [weights]
    assert STAGES[f"precompute@{backbone}"]["outs"] == [features]
    assert STAGES[f"train-head@{backbone}"]["outs"] == [head, scores, history]
    assert {weights} <= set(STAGES[f"precompute@{backbone}"]["deps"])
    assert {weights, features} <= set(STAGES[f"train-head@{backbone}"]["deps"])
    assert STAGES[f"train-cells@{backbone}"]["outs"] == [cell_head_path(backbone).as_posix()]
    assert weights in STAGES[f"train-cells@{backbone}"]["deps"]
    assert PIPELINE["artifacts"][backbone]["path"] == head


def test_what_all_backbones_have_is_a_dependency_as_a_folder() -> None:
    folders = [path("any").parent.as_posix() for path in (scores_path, history_path)]
    assert set(folders) <= set(STAGES["evaluate"]["deps"])
    folders = [path("any").parent.as_posix() for path in (weights_path, head_path)]
    assert set(folders) <= set(STAGES["report"]["deps"])


def test_every_backbone_of_the_catalogue_has_weights() -> None:
    assert list(BACKBONES) == list(CATALOGUE)


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_the_code_deps_of_a_stage_are_what_it_imports(stage: str) -> None:
    module = module_of(stage)
    imports = [module.as_posix(), *cover_of(needed_by(module))]
    assert [dep.as_posix() for dep in code_deps(stage)] == imports, "\n".join(imports)


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_params_that_a_stage_reads_are_the_params_that_it_lists(stage: str) -> None:
    listed = STAGES[stage].get("params", [])
    if listed == [{"params.yaml": None}]:  # a stage that shows all of them
        return
    own = f"weights.{stage.partition('@')[2]}"  # of one backbone, read as `params.weights[name]`
    assert {"weights" if key == own else key for key in listed} == params_read(stage)


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


def stages_on(file: str) -> list[str]:
    """The stages with this file among their dependencies, of all backbones as one."""
    found = [
        module_of(stage).stem
        for stage in STAGE_NAMES
        if any(covers(dep, Path(file)) for dep in code_deps(stage))
    ]
    return list(dict.fromkeys(found))


STALE = {
    "cracks/tools/walls/overlay.py": [],
    "cracks/tools/cluster/work.py": [],
    "cracks/drawing/cracks.py": ["download", "draw"],
    "cracks/backbones/engines/openvino.py": ["precompute", "train_cells", "report"],
    "cracks/heads/training.py": ["train_head"],
    "cracks/evaluation/plots.py": ["evaluate"],
}
"""Modules, and the stages that an edit makes stale. With `dataset: photos`, an edit of the drawing
ends there: `download` packs the same archive again."""


@pytest.mark.parametrize("edited", STALE)
def test_an_edit_makes_stale_what_imports_it(edited: str) -> None:
    assert stages_on(edited) == STALE[edited]


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("cracks/backbones/engines/calibration.webp", ["precompute", "train_cells", "report"]),
        ("cracks/report/templates/report.html.jinja", ["report"]),
    ],
)
def test_files_that_are_no_code_are_dependencies_too(file: str, stages: list[str]) -> None:
    assert (ROOT / file).is_file()
    assert stages_on(file) == stages


def test_dvc_yaml_has_the_form_that_dvc_writes() -> None:
    """So that `dvc freeze` and `dvc unfreeze` change a line and no layout."""
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert dumps_yaml(parse_yaml_for_update(text, "dvc.yaml")) == text


def test_dvc_shows_the_metrics_that_people_decide_by_and_no_others() -> None:
    listed = [
        path for stage in STAGES.values() for entry in stage.get("metrics", []) for path in entry
    ]
    assert listed == ["metrics/evaluate.json"]


def test_metrics_and_plots_keep_the_run_cache() -> None:
    """Tables are in Git, pictures in DVC's cache, where its run cache still restores them."""
    for stage in STAGES.values():
        for kind in ("metrics", "plots"):
            for entry in stage.get(kind, []):
                if isinstance(entry, str):
                    assert Path(entry).suffix == ".jpg"
                else:
                    (options,) = entry.values()
                    assert options["cache"] is False
        for out in stage.get("outs", []):
            assert isinstance(out, str), "a plain out with cache: false or persist loses it"
