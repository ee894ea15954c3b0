"""The order of the folders of cracks/, which docs/architecture.md draws: imports point up only."""

import ast
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.imports import imported, modules_of, syntax_of
from tests.support.project import ROOT

CORE = [
    "project",
    "tables",
    "runtime",
    "images",
    "drawing",
    "sources",
    "dataset",
    "backbones",
    "features",
    "heads",
    "cells",
    "evaluation",
    "classifier",
    "report",
]
TOOLS = [
    "drawn.py",
    "photographs.py",
    "writable.py",
    "transfer",
    "walls",
    "labelling",
    "export",
    "review",
    "cluster",
    "app",
    "commands",
]
ORDER = [*CORE, *(f"tools/{name}" for name in TOOLS)]


def group_of(module: Path) -> str:
    """The folder of a module below `cracks/`, below `cracks/tools/` that and its own."""
    parts = module.parts[1:]
    return "/".join(parts[:2]) if parts[0] == "tools" else parts[0]


def test_every_module_is_in_a_group() -> None:
    groups = {group_of(module) for module in modules_of("cracks")}
    assert groups == {*ORDER, "__init__.py", "__main__.py", "tools/__init__.py"}


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


NOT_OF_THE_CORE = ("ray", "starlette", "uvicorn", "skimage", "onnx", "onnxruntime")


def test_the_core_imports_nothing_of_the_tools_or_for_them() -> None:
    """None of its modules, at its top, and none of the packages that it imports there."""
    names = [
        ".".join(module.with_suffix("").parts)
        for module in modules_of(*(f"cracks/{folder}" for folder in CORE), "stages")
        if not module.name.startswith("__")
    ]
    code = (
        f"import sys, importlib\nfor name in {names}: importlib.import_module(name)\n"
        f"wrong = [m for m in {NOT_OF_THE_CORE} if m in sys.modules]\n"
        "print([*wrong, *(m for m in sys.modules if m.startswith('cracks.tools'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_core_names_no_package_of_the_tools() -> None:
    """Not even inside of a function."""
    for module in modules_of(*(f"cracks/{folder}" for folder in CORE), "stages"):
        for node in ast.walk(syntax_of(module)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found = {name.partition(".")[0] for name in names} & set(NOT_OF_THE_CORE)
            assert not found, f"{module} imports {found}"


def test_only_the_cluster_knows_where_it_is() -> None:
    modules = [m for m in modules_of("cracks", "stages") if "RAY_ADDRESS" in (ROOT / m).read_text()]
    assert {m.parent.as_posix() for m in modules} == {"cracks/tools/cluster"}


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
    if folders and folders[0] not in {"hostile", "pipeline"}:
        assert (ROOT / "cracks").joinpath(*folders).is_dir() or (ROOT / folders[0]).is_dir(), module


def test_help_takes_less_than_half_a_second_and_imports_no_heavy_package() -> None:
    heavy = ("tensorflow", "keras", "openvino", "pandas", "scipy", "sklearn", "numpy")
    code = (
        "import sys, runpy, atexit\n"
        f"loaded = lambda: [m for m in {heavy} if m in sys.modules]\n"
        "atexit.register(lambda: print(loaded(), file=sys.stderr))\n"
        "sys.argv[1:] = ['--help']; runpy.run_module('cracks', run_name='__main__')"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "Use and evaluate the crack classifiers" in done.stdout
    assert done.stderr.strip() == "[]"
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 0.5


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
