"""Where what may be deleted at any time is kept, outside the project and outside DVC."""

import os
from pathlib import Path

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
