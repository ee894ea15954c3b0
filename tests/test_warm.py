"""Commands that tests run in forks of a warm process behave as in processes of their own."""

from pathlib import Path

import pytest

from tests.support import warm
from tests.support.project import Project

PROGRAM = """
import os, signal, sys
print(os.getcwd(), sys.argv[1:], os.environ.get("CRACKS_SAID"), "pandas" in sys.modules)
if "--killed" in sys.argv:
    os.kill(os.getpid(), signal.SIGKILL)
print("to the end", file=sys.stderr)
sys.exit(3)
"""


@pytest.mark.parametrize(("variable", "is_warm"), [("CRACKS_SAID", True), ("TZ", False)])
def test_it_is_the_program_of_the_folder(tmp_path: Path, variable: str, is_warm: bool) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    project = Project(tmp_path, {variable: "UTC"})
    said = project.run("python", "-m", "program", "one", "--two", status=3).splitlines()
    value = "UTC" if is_warm else None
    assert sorted(said) == [f"{tmp_path} ['one', '--two'] {value} {is_warm}", "to the end"]


def test_a_killed_one_says_so_and_the_next_one_runs(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    project = Project(tmp_path)
    project.run("python", "-m", "program", "--killed", status=-9)
    assert "to the end" in project.run("python", "-m", "program", status=3)


def test_only_python_is_warm() -> None:
    environment = dict(warm._ENVIRONMENT)
    assert warm.can_run(("python", "-m", "cracks"), environment)
    assert not warm.can_run(("dvc", "repro"), environment)
    assert not warm.can_run(("python", "-c", "pass"), environment)
    assert not warm.can_run(("python", "-m", "cracks"), environment | {"OTHER": "1"})
