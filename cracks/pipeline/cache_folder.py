"""The cache folder, safe to delete: outside the project and outside DVC."""

import ast
import hashlib
import os
from pathlib import Path
from types import ModuleType

import platformdirs


def cache_folder(name: str) -> Path:
    """The folder for one kind of cache, created if missing.

    It is below the environment variable `CRACKS_CACHE` if that is set, else below the user's cache
    folder of the operating system.
    """
    root = os.environ.get("CRACKS_CACHE")
    folder = (Path(root) if root else platformdirs.user_cache_path("cracks")) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def code_version(*modules: ModuleType) -> str:
    """A hash of the code of modules, without comments, docstrings and layout.

    As part of a cache key it invalidates what other code has computed.
    """
    digest = hashlib.sha256()
    for module in modules:
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(body := getattr(node, "body", None), list):
                node.body = [statement for statement in body if not _is_text(statement)]  # type: ignore[attr-defined]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
