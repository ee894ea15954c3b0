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


def needed_by(module: Path) -> frozenset[Path]:
    """A module and all that it imports, directly or not."""
    found = {module}
    waiting = [module]
    while waiting:
        new = imported(waiting.pop()) - found
        found |= new
        waiting += new
    return frozenset(found)
