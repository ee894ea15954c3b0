import os
import signal
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.slow
def test_an_interrupted_benchmark_leaves_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.scale", "--rows", "1000"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        assert process.stderr.readline() == "1,000: audit\n"
        assert list(tmp_path.iterdir())
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert list(tmp_path.iterdir()) == []
