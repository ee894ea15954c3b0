"""Where what may be deleted at any time is kept, outside the project and outside DVC."""

import ast
import hashlib
import os
from pathlib import Path
from types import ModuleType

import platformdirs


def cache_folder(name: str) -> Path:
    """The folder for one kind of cache, made if need be.

    It is below the environment variable `CRACKS_CACHE` if that is set, else below the user's cache
    folder of the operating system.
    """
    root = os.environ.get("CRACKS_CACHE")
    folder = (Path(root) if root else platformdirs.user_cache_path("cracks")) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def code_version(*modules: ModuleType) -> str:
    """A hash of what modules do: of their code without comments, docstrings and layout.

    As a part of a key it keeps what older code computed from being taken for what this computes.
    """
    digest = hashlib.sha256()
    for module in modules:
        digest.update(syntax(Path(str(module.__file__)).read_text(encoding="utf-8")).encode())
    return digest.hexdigest()


def syntax(code: str) -> str:
    """Python code without comments, docstrings and layout, as its syntax tree.

    Raises:
        SyntaxError: if it is not Python.
    """
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [one for one in body if not _is_text(one)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
