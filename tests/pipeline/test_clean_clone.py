"""The committed results are those of the committed code: a clean clone is run, from nothing."""

import re
import shutil

import pytest
import yaml

from tests.support.project import ROOT, STAGE_NAMES, Project, make_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


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


def test_a_clean_clone_gives_the_committed_bytes(clone: Project) -> None:
    """dvc.lock holds the hashes of the code, of the parameters and of what is not in Git."""
    lock, new = (
        yaml.safe_load((ROOT / "dvc.lock").read_text()),
        yaml.safe_load(clone.read("dvc.lock")),
    )
    for stage in STAGE_NAMES:
        assert lock["stages"][stage] == new["stages"][stage], stage
    committed = sorted(path for path in (ROOT / "metrics").rglob("*") if path.is_file())
    assert committed
    for path in committed:
        name = path.relative_to(ROOT).as_posix()
        assert path.read_bytes() == clone.read(name), name


def test_maps_find_the_cracks_whose_place_is_known(clone: Project) -> None:
    said = clone.run("python", "-m", "cracks", "localisation")
    page = (ROOT / "docs/how-to/use.md").read_text(encoding="utf-8")
    assert said in page, "the page quotes it: run `make docs-tables`"
    lines = said.splitlines()
    (vgg16,) = (line for line in lines if line.startswith("VGG16"))
    on_crack, found, chance = map(
        int, re.findall(r"in (\d+) of (\d+) cracks .* by chance (\d+) %", vgg16)[0]
    )
    assert found > 60
    assert on_crack / found > 2.5 * chance / 100
