import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONLINT = shutil.which("actionlint", path=str(Path(sys.executable).parent))


def test_there_are_two() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "review.yml"]


@pytest.mark.skipif(ACTIONLINT is None, reason="no actionlint for this platform in PyPI")
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actionlint_finds_nothing(path: Path) -> None:
    done = subprocess.run([str(ACTIONLINT), str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", path.read_text())
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), "which version that is"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_nothing_may_be_written_but_a_comment(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job.get("permissions", {}) in ({}, {"contents": "read", "pull-requests": "write"})
    assert "pull_request_target" not in path.read_text()


def test_gitlab_would_accept_its_file() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"]
    done = subprocess.run(
        [*check, str(ROOT / ".gitlab-ci.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_gitlab_runs_what_github_runs() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/review.yml").read_text())
    steps = workflow["jobs"]["review"]["steps"]
    scripts = "\n".join(step.get("run", "") for step in steps)
    gitlab = "\n".join(yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text())["review"]["script"])
    for script in (scripts, gitlab):
        assert "--require-hashes --requirement requirements-review.txt" in script
        assert "python -m cracks review" in script
        assert 'exit "$' in script, "the gate"


def test_the_container_has_the_recommended_extensions() -> None:
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    recommended = json.loads((ROOT / ".vscode/extensions.json").read_text())["recommendations"]
    assert container["customizations"]["vscode"]["extensions"] == recommended
    assert "iterative.dvc" in recommended
    target = container["postCreateCommand"].removeprefix("make .venv/ready-")
    assert (ROOT / f"requirements-{target}.txt").exists()
