"""The cache folder, safe to delete: outside the project and outside DVC."""

import ast
import hashlib
import os
from pathlib import Path
from types import ModuleType

import platformdirs

from cracks.project.errors import CracksError


def cache_folder(name: str) -> Path:
    """The folder for one kind of cache, created if missing.

    It is below the environment variable `CRACKS_CACHE` if that is set, else below the user's cache
    folder of the operating system.

    Raises:
        CracksError: if it cannot be created.
    """
    root = os.environ.get("CRACKS_CACHE")
    try:
        folder = (Path(root) if root else platformdirs.user_cache_path("cracks")) / name
        folder.mkdir(parents=True, exist_ok=True)
    except RuntimeError:  # neither HOME nor an entry of the user in the table of users
        raise CracksError(
            "Expected a home folder for caches, found none of this user; set CRACKS_CACHE to a "
            "folder of yours."
        ) from None
    except OSError as error:
        raise CracksError(
            f"Expected a folder for caches at {folder}, found none and could not create it "
            f"({error.strerror}); set CRACKS_CACHE to a folder of yours."
        ) from None
    return folder


def code_version(*modules: ModuleType) -> str:
    """A hash of the code of modules, without comments, docstrings and layout.

    A package stands for all modules below its folder. As part of a cache key it invalidates what
    other code has computed.
    """
    digest = hashlib.sha256()
    for file in (file for module in modules for file in code_files(module)):
        digest.update(syntax(file.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()


def code_files(module: ModuleType) -> list[Path]:
    """The file of a module, or all those below the folder of a package, in a fixed order."""
    file = Path(str(module.__file__))
    return sorted(file.parent.rglob("*.py")) if hasattr(module, "__path__") else [file]


def syntax(code: str) -> str:
    """The syntax tree of Python code without comments, docstrings and layout.

    Raises:
        SyntaxError: if it is not Python.
    """
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [statement for statement in body if not _is_text(statement)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
