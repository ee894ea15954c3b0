import subprocess
import sys

import pytest

from benchmarks.scale import STAGES
from tests.support.project import ROOT


@pytest.mark.slow
def test_every_stage_is_measured() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", "--rows", "1000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines() if "|" in line]
    assert set(STAGES) <= set(rows)
