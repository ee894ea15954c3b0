"""What imports what, read from the code without running it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.project import ROOT


def modules_of(*folders: str) -> list[Path]:
    """The modules below some folders, as paths relative to the project's."""
    return [
        p.relative_to(ROOT) for folder in folders for p in sorted((ROOT / folder).rglob("*.py"))
    ]


@cache
def syntax_of(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


@cache
def imported(module: Path) -> frozenset[Path]:
    """The project's own modules that a module imports, at its top or inside of a function."""
    return frozenset(
        path for name in _imported_names(module) if (path := _path_of(name)) and path != module
    )


def _imported_names(module: Path) -> Iterator[str]:
    for node in ast.walk(syntax_of(module)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _path_of(name: str) -> Path | None:
    path = Path(name.replace(".", "/") + ".py")
    return path if (ROOT / path).is_file() else None


def needed_by(module: Path, *without: Path) -> frozenset[Path]:
    """A module and all that it imports, directly or not; `without` some, and what only they do."""
    found = {module}
    waiting = [module]
    while waiting:
        new = imported(waiting.pop()) - found - set(without)
        found |= new
        waiting += new
    return frozenset(found)


def cover_of(modules: frozenset[Path]) -> list[str]:
    """The fewest paths that cover modules and nothing else: a folder where all of it is needed."""
    return [path.as_posix() for path in _covering(Path("cracks"), modules)]


def _covering(folder: Path, modules: frozenset[Path]) -> Iterator[Path]:
    for path in sorted((ROOT / folder).iterdir()):
        inner = path.relative_to(ROOT)
        if path.is_dir():
            below = {m for m in modules_of(inner.as_posix()) if m.name != "__init__.py"}
            if below and below <= modules:
                yield inner
            elif below & modules:
                yield from _covering(inner, modules)
        elif inner in modules:
            yield inner
