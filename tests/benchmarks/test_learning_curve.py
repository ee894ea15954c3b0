from collections.abc import Sequence

import pandas as pd
import pytest

from benchmarks import learning_curve
from cracks.project.params import Params
from cracks.tools.transfer.carry_over import Options


def test_a_row_for_each_number_and_a_column_for_each_source(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def carry_over(
        names: Sequence[str], backbones: Sequence[str], params: Params, options: Options
    ) -> pd.DataFrame:
        assert options.positive_class == "cracked"
        accuracy = 1 - 10 / params.sample.images_per_class
        rows = [
            {
                "backbone": backbone,
                "trained_on": trained_on,
                "tested_on": name,
                "accuracy": accuracy if trained_on == "sample" else 0.0,
                "accuracy_low": accuracy - 0.05,
                "accuracy_high": accuracy + 0.05,
                "recall": 0.5,
                "roc_auc": 0.75,
            }
            for backbone in backbones
            for trained_on in ("sample", "wall")
            for name in ("sample", "wall")
        ]
        return pd.DataFrame(rows)

    monkeypatch.setattr(learning_curve, "carry_over", carry_over)
    command = "learning_curve wall.zip --numbers 100 1000 --positive-class cracked"
    monkeypatch.setattr("sys.argv", command.split())
    learning_curve.main()
    cell = "{}, recall 50.0%, AUC 0.750"
    few, many = cell.format("90.0% [85.0%, 95.0%]"), cell.format("99.0% [94.0%, 104.0%]")
    said = capsys.readouterr().out
    assert said.count("| images of each class | sample | wall |") == 2
    assert said.count(f"| 100 | {few} | {few} |\n| 1,000 | {many} | {many} |") == 2
