from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks import adapt
from benchmarks.adapt import draw_labels, halves, measure, print_table
from benchmarks.tables import parse
from cracks.classifier.classifier import Trained
from cracks.heads.head import LinearHead
from cracks.heads.statistics import Statistics
from cracks.project.errors import CracksError
from cracks.tables.row_file import FEATURES, open_rows
from cracks.tools.transfer.adaptation import Labelled
from tests.support.heads import ORIGIN
from tests.support.project import ROOT
from tests.support.walls_apart import BRIGHT, write_grey_levels, write_source

STATISTICS = Statistics(np.zeros(2), np.ones(2))


def planted(count: int = 400, photographs: int = 8) -> Labelled:
    """Patches that the first feature tells apart at 3; the second is noise."""
    random = np.random.default_rng(0)
    labels = (np.arange(count) % 4 == 0).astype(int)
    features = np.column_stack([random.normal(3 + 2 * (2 * labels - 1)), random.normal(size=count)])
    return Labelled(features, labels, (np.arange(count) // 4 % photographs).astype(str))


def test_labels_mend_the_threshold_of_a_head_that_finds_nothing() -> None:
    trained = Trained(LinearHead(np.array([1.0, 0.0]), -20.0), ORIGIN, 0.5)
    table = pd.DataFrame(measure(trained, STATISTICS, planted(), (0, 20, 100), 4))
    assert table.groupby("labels").size().to_dict() == {0: 4, 20: 4, 100: 4}
    none, _, many = (some for _, some in table.groupby("labels"))
    assert none["recall"].max() == 0
    assert none["precision"].isna().all()
    assert none["roc_auc"].min() > 0.98
    assert none["best_recall"].min() > 0.95  # in the order, though not by the threshold
    assert many["recall"].mean() > 0.9
    assert many["precision"].mean() > 0.7


def test_no_photograph_is_in_both_halves_and_both_classes_are_in_each() -> None:
    patches = planted()
    first, second = halves(patches, np.random.default_rng(1))
    photographs = [set(patches.photographs[half]) for half in (first, second)]
    assert [len(half) for half in photographs] == [4, 4]
    assert not photographs[0] & photographs[1]
    alone = patches._replace(photographs=patches.labels.astype(str))  # a class each
    with pytest.raises(CracksError, match="Expected photographs that can be halved .* found 2;"):
        halves(alone, np.random.default_rng(1))


def test_labels_have_the_share_of_cracks_of_the_photographs() -> None:
    labels = planted().labels
    random, rows = np.random.default_rng(2), np.arange(200)
    drawn = draw_labels(rows, labels, 100, random)
    assert drawn is not None
    assert (len(set(drawn)), labels[drawn].sum()) == (100, 25)
    few = draw_labels(rows, labels, 12, random)
    assert few is not None
    assert labels[few].sum() == 5  # the least that can be adapted to
    assert draw_labels(rows, labels, 201, random) is None


def test_an_archive_becomes_a_table_for_each_backbone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    write_source(Path("walls.zip"), 120, BRIGHT)

    def grey_levels(*arguments: Any) -> np.ndarray:
        backbone, origin, _, archive, images, folder = arguments
        assert origin.backbone == backbone
        write_grey_levels(None, archive, images, folder / "features.npy")  # type: ignore[arg-type]
        return np.array(open_rows(folder / "features.npy", FEATURES)[1][:, 0])

    def trained(backbone: str) -> Trained:
        head = LinearHead(np.array([0.0, -0.1]), 0.0)
        return Trained(head, replace(ORIGIN, backbone=backbone), 0.5)

    monkeypatch.setattr(adapt, "features_as_trained", grey_levels)
    monkeypatch.setattr(adapt, "load_trained", trained)
    statistics = Statistics(np.array([100.0, 80.0]), np.array([30.0, 30.0]))
    monkeypatch.setattr(adapt, "training_statistics", lambda _: statistics)
    command = "adapt walls.zip --photograph (\\d)\\d\\.png$ --labels 0 20 1000 --draws 2"
    monkeypatch.setattr("sys.argv", command.split())
    adapt.main()
    tables = parse(capsys.readouterr().out.splitlines())
    assert [table.title.split(",")[0] for table in tables] == ["ResNet50", "VGG16"]
    assert tables[0].title == "ResNet50, 120 patches of 10 photographs, 50% cracked, 2 draws:"
    nothing, twenty = tables[0].rows
    assert nothing[:3] == ["0", "0.0 ± 0.0 %", "nothing called"]
    assert nothing[3] == twenty[3] == "100.0 ± 0.0 %"
    assert nothing[4] == twenty[4] == "1.000 ± 0.000"
    assert float(twenty[1].split()[0]) > 90


def test_the_table_has_mean_and_deviation(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(50, 0.5, 0.8, 0.4, 0.7), (50, 0.7, float("nan"), 0.6, 0.9)]
    columns = ["labels", "recall", "precision", "best_recall", "roc_auc"]
    print_table(pd.DataFrame(rows, columns=columns))
    expected = "| 50 | 60.0 ± 14.1 % | 80.0 ± nan % | 50.0 ± 14.1 % | 0.800 ± 0.141 |"
    assert expected in capsys.readouterr().out
