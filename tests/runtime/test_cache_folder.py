import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from cracks.project.errors import CracksError
from cracks.runtime.cache_folder import cache_folder, code_version


def module(folder: Path, text: str) -> ModuleType:
    path = folder / "some.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("some", path)
    assert spec
    return importlib.util.module_from_spec(spec)


def test_the_folder_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRACKS_CACHE", str(tmp_path))
    assert cache_folder("features") == tmp_path / "features"
    assert (tmp_path / "features").is_dir()


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(*_: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("CRACKS_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_path", homeless)
    with pytest.raises(CracksError, match="found none of this user; set CRACKS_CACHE"):
        cache_folder("features")


def test_comments_docstrings_and_layout_change_no_version(tmp_path: Path) -> None:
    one = code_version(module(tmp_path, 'def f(x):\n    """Old."""\n    return x + 1\n'))
    other = '"""A module."""\n\n\ndef f(x):\n    """New."""\n    # why\n    return (x + 1)\n'
    assert code_version(module(tmp_path, other)) == one


def test_a_package_stands_for_all_modules_below_it(tmp_path: Path) -> None:
    package = module(tmp_path, "")
    package.__path__ = [str(tmp_path)]
    one = code_version(package)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "other.py").write_text("x = 1\n")
    assert code_version(package) != one


@pytest.mark.parametrize("text", ["def f(x):\n    return x + 2\n", "def f(y):\n    return y + 1\n"])
def test_code_changes_the_version(text: str, tmp_path: Path) -> None:
    one = code_version(module(tmp_path, "def f(x):\n    return x + 1\n"))
    assert code_version(module(tmp_path, text)) != one
