"""The committed results are those of the committed code: a clean clone is run, from nothing."""

import json
import re
import shutil
from typing import Any

import pytest
import yaml

from tests.support.project import README, ROOT, STAGE_NAMES, Project, make_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def close(committed: float, found: float) -> bool:
    """Counts are the same; a measure may differ in the last digit that is printed."""
    if isinstance(committed, int):
        return committed == found
    return abs(committed - found) < 1.5e-4


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clean clone, run with the committed parameters."""
    clone = make_project(
        tmp_path_factory.mktemp("clean") / "clone",
        CRACKS_CACHE=str(tmp_path_factory.mktemp("caches")),
    )
    # with them there, DVC would not run what gives the same hashes again
    (clone.folder / "dvc.lock").unlink()
    shutil.rmtree(clone.folder / "metrics")
    assert clone.stages_run("dvc", "repro") == STAGE_NAMES
    return clone


def test_the_committed_lock_fits_the_parameters_and_the_code(clone: Project) -> None:
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())
    new = yaml.safe_load(clone.read("dvc.lock"))
    for stage in STAGE_NAMES:
        one, other = lock["stages"][stage], new["stages"][stage]
        assert one["cmd"] == other["cmd"]
        assert one.get("params") == other.get("params"), stage
        assert _code(one) == _code(other), stage


def _code(stage: dict[str, Any]) -> dict[str, str]:
    return {
        d["path"]: d["md5"] for d in stage["deps"] if d["path"].startswith(("cracks", "stages"))
    }


def test_a_clean_clone_reproduces_the_committed_metrics(clone: Project) -> None:
    for name in ("audit", "split", "evaluate"):
        committed = json.loads((ROOT / f"metrics/{name}.json").read_text())
        found = json.loads(clone.read(f"metrics/{name}.json"))
        assert committed.keys() == found.keys()
        wrong = {k: (v, found[k]) for k, v in committed.items() if not close(v, found[k])}
        assert not wrong, wrong


def test_maps_find_the_cracks_whose_place_is_known(clone: Project) -> None:
    said = clone.run("python", "-m", "cracks", "localisation")
    assert said in README, "the README quotes it"
    lines = said.splitlines()
    (vgg16,) = (line for line in lines if line.startswith("VGG16"))
    on_crack, found, chance = map(
        int, re.findall(r"in (\d+) of (\d+) cracks .* by chance (\d+) %", vgg16)[0]
    )
    assert found > 60
    assert on_crack / found > 2.5 * chance / 100
