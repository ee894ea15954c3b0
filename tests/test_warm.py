"""Commands that tests run in forks of a warm process behave as in processes of their own."""

from pathlib import Path

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


def test_it_is_the_program_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = ("python", "-m", "program", "one", "--two")
    answer = warm.run(command, str(tmp_path), warm._ENVIRONMENT | {"CRACKS_SAID": "yes"})
    assert answer.returncode == 3
    printed = [f"{tmp_path} ['one', '--two'] yes True", "to the end"]
    assert sorted(answer.stdout.splitlines()) == printed


def test_another_environment_is_another_process(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    said = Project(tmp_path, {"TZ": "Asia/Tokyo"}).run("python", "-m", "program", status=3)
    assert f"{tmp_path} [] None False\n" in said


def test_a_killed_one_says_so_and_the_next_one_runs(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    project = Project(tmp_path)
    project.run("python", "-m", "program", "--killed", status=-9)
    assert "to the end" in project.run("python", "-m", "program", status=3)


def test_dvc_is_warm(tmp_path: Path) -> None:
    environment = dict(warm._ENVIRONMENT)
    assert warm.can_run(("dvc", "root"), environment)
    assert warm.run(("dvc", "init", "--no-scm", "--quiet"), str(tmp_path), environment).stdout == ""
    assert warm.run(("dvc", "root"), str(tmp_path), environment) == (0, ".\n")
    assert warm.run(("dvc", "no-such"), str(tmp_path), environment).returncode == 254


def test_only_modules_and_dvc_are_warm() -> None:
    environment = dict(warm._ENVIRONMENT)
    assert warm.can_run(("python", "-m", "cracks"), environment)
    assert not warm.can_run(("git", "status"), environment)
    assert not warm.can_run(("python", "-c", "pass"), environment)
    assert not warm.can_run(("python", "-m", "cracks"), environment | {"OMP_NUM_THREADS": "7"})
