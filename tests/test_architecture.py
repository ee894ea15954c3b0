"""The order of the folders of cracks/, which docs/architecture.md draws: imports point up only."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.imports import imported, modules_of, syntax_of
from tests.support.project import ROOT

ORDER = [
    "pipeline",
    "fetch.py",
    "images",
    "sources",
    "dataset",
    "backbones",
    "features",
    "heads",
    "evaluation",
    "inference",
    "export",
    "report",
    "review",
    "app",
    "commands",
]


def group_of(module: Path) -> str:
    return module.parts[1]


def test_every_module_is_in_a_group() -> None:
    groups = {group_of(module) for module in modules_of("cracks")}
    assert groups == {*ORDER, "__init__.py", "__main__.py"}


@pytest.mark.parametrize(
    "module", [m for m in modules_of("cracks") if group_of(m) in ORDER], ids=Path.as_posix
)
def test_imports_point_up(module: Path) -> None:
    place = ORDER.index(group_of(module))
    for other in imported(module):
        if other.parts[0] == "cracks":
            assert ORDER.index(group_of(other)) <= place, f"{module} imports {other}"
        else:
            pytest.fail(f"{module} imports {other}, which is not in cracks/")


def test_there_is_no_import_cycle() -> None:
    done: set[Path] = set()

    def visit(module: Path, above: tuple[Path, ...]) -> None:
        assert module not in above, f"{' -> '.join(map(str, above))} -> {module}"
        if module not in done:
            for other in imported(module):
                visit(other, (*above, module))
            done.add(module)

    for module in modules_of("cracks", "stages", "benchmarks"):
        visit(module, ())


@pytest.mark.parametrize(
    "module",
    [m for m in modules_of("cracks", "stages", "benchmarks") if m.name == "__init__.py"],
    ids=Path.as_posix,
)
def test_init_files_hold_a_docstring_only(module: Path) -> None:
    (node,) = syntax_of(module).body
    assert isinstance(node, ast.Expr)
    assert isinstance(node.value, ast.Constant)


def test_no_test_imports_another() -> None:
    for module in modules_of("tests"):
        wrong = [path for path in imported(module) if path.name.startswith(("test_", "conftest"))]
        assert not wrong, module


@pytest.mark.parametrize(
    "module", [m for m in modules_of("tests") if m.name.startswith("test_")], ids=Path.as_posix
)
def test_tests_mirror_the_folders(module: Path) -> None:
    folders = module.parts[1:-1]
    if folders and folders[0] != "hostile":
        assert (ROOT / "cracks").joinpath(*folders).is_dir() or (ROOT / folders[0]).is_dir(), module


def test_the_command_line_starts_without_heavy_imports() -> None:
    code = (
        "import sys; from cracks.commands import cli; "
        "print([m for m in ('tensorflow', 'keras', 'pandas', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_picture_shows_the_imports() -> None:
    arrows = {
        (group_of(module), group_of(other))
        for module in modules_of("cracks")
        if group_of(module) in ORDER
        for other in imported(module)
        if group_of(other) != group_of(module)
    }

    def follows(start: str, end: str) -> bool:
        """Whether `end` is reached from `start` by two arrows or more."""
        waiting = [b for a, b in arrows if a == start and b != end]
        while waiting:
            here = waiting.pop()
            if (here, end) in arrows:
                return True
            waiting += [b for a, b in arrows if a == here]
        return False

    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    block = text.split("```mermaid\n")[1].split("```")[0]
    drawn = [tuple(line.split(" --> ")) for line in block.splitlines() if "-->" in line]
    assert {(a.strip(), b) for a, b in drawn} == {
        (start, end) for start, end in arrows if not follows(start, end)
    }
