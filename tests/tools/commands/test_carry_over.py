from pathlib import Path

import pandas as pd
import pytest

from cracks.tools.commands.cli import cli
from cracks.tools.transfer import carry_over
from tests.support.project import ROOT
from tests.support.walls_apart import BRIGHT, DARK, write_grey_levels, write_source

WALLS = ["dark", "bright", "darker still, and with a name that is long", "brighter"]


@pytest.fixture
def printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """What the command prints of four walls by one backbone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(carry_over, "extract_features", write_grey_levels)
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    for name, grey in zip(WALLS, (DARK, BRIGHT, DARK - 20, BRIGHT + 20), strict=True):
        write_source(Path(f"{name}.zip"), 40, grey)
    names = [f"{name}.zip" for name in WALLS]
    arguments = ["carry-over", *names, "--backbone", "vgg16"]
    assert cli.main(arguments, prog_name="cracks", standalone_mode=False) == 0
    return capsys.readouterr().out


def test_the_results_are_tables_of_100_columns_and_a_csv_file(printed: str) -> None:
    assert max(map(len, printed.splitlines())) <= 100
    lines = [line.split("|")[1:-1] for line in printed.splitlines() if line.startswith("|")]
    tables = [line for line in lines if line[0].strip() == "trained on"]
    assert [cell.strip() for line in tables for cell in line[2:]] == [
        "dark", "bright", "darker still, and …", "brighter",
    ]  # fmt: skip
    (dark, *_) = (line for line in lines if line[0].strip() == "dark")
    assert dark[2].strip().startswith("test part, ")
    assert dark[3].strip() == "40"
    assert "carry-over/results.csv. Next:" in printed

    results = pd.read_csv("carry-over/results.csv")
    assert list(results.columns) == carry_over.COLUMNS
    assert len(results) == (len(WALLS) + 1) * len(WALLS)
    shown = next(line for line in lines if line[1].strip() == "accuracy")
    assert shown[3].split()[0] == f"{100 * results['accuracy'][1]:.1f}"
