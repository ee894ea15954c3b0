"""The bytes do not depend on the kernels that libraries choose by the processor."""

from pathlib import Path

import pytest

from benchmarks.same_bytes import ENVIRONMENTS
from tests.support.project import SMALL, STAGE_NAMES, Project, make_project

pytestmark = pytest.mark.slow


def test_a_processor_without_avx_512_gives_the_same_bytes(project: Project, tmp_path: Path) -> None:
    variables = ENVIRONMENTS["without AVX-512"] | {"CRACKS_CACHE": str(tmp_path / "caches")}
    other = make_project(tmp_path / "other", SMALL, **variables)
    (other.folder / "dvc.lock").unlink()
    assert other.stages_run("dvc", "repro") == STAGE_NAMES
    found, expected = other.results(), project.results()
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []
    assert other.read("dvc.lock") == project.read("dvc.lock")
