import itertools

import pandas as pd
import pytest

from benchmarks.carry_over import print_table


def test_a_row_for_each_pair_and_a_column_for_each_backbone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = pd.DataFrame(
        [
            {
                "backbone": backbone,
                "trained_on": trained_on,
                "tested_on": tested_on,
                "images": 1234,
                "accuracy": {"sample": 0.9, "wall": 0.8}[trained_on],
                "accuracy_low": 0.75,
                "accuracy_high": 0.95,
                "roc_auc": {"resnet50": 0.75, "vgg16": 0.7}[backbone],
            }
            for trained_on, tested_on, backbone in itertools.product(
                ("sample", "wall"), ("sample", "wall"), ("resnet50", "vgg16")
            )
        ]
    )
    print_table(results, [("sample", "wall"), ("wall", "wall")])
    drawn, wall = "90.0 [75.0, 95.0]", "80.0 [75.0, 95.0]"
    assert capsys.readouterr().out.splitlines()[2:] == [
        f"| drawings → wall (1,234) | {drawn}, 0.750 | {drawn}, 0.700 |",
        f"| wall → wall (1,234) | {wall}, 0.750 | {wall}, 0.700 |",
    ]
