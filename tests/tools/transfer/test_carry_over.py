"""Two walls: a head of the dark one calls cracks of the bright one sound, until standardised."""

from pathlib import Path

import pandas as pd
import pytest

from cracks.images.archive import open_archive, read_member, write_archive
from cracks.project.errors import CracksError
from cracks.project.params import Params, load_params
from cracks.tables.labels import TEST
from cracks.tools.transfer import carry_over
from cracks.tools.transfer.carry_over import COLUMNS, TOGETHER, Options, audit_source
from tests.support.project import ROOT
from tests.support.walls_apart import BRIGHT, DARK, write_grey_levels, write_source


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """The current folder has an archive of each wall."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(carry_over, "extract_features", write_grey_levels)
    write_source(Path("dark.zip"), 200, DARK)
    write_source(Path("bright.zip"), 220, BRIGHT)
    return load_params(ROOT / "params.yaml")


def measured(params: Params, *names: str, **options: object) -> pd.DataFrame:
    chosen = Options("positive", **options)  # type: ignore[arg-type]
    return carry_over.carry_over(names, ["vgg16"], params, chosen)


def row(
    results: pd.DataFrame, trained_on: str, tested_on: str, standardised: str = ""
) -> pd.Series:
    """The one row of a training and a test."""
    chosen = results[
        (results["trained_on"] == trained_on)
        & (results["tested_on"] == tested_on)
        & (results["standardised"] == bool(standardised))
    ]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_what_carries_over_is_found_and_standardising_repairs_it(params: Params) -> None:
    results = measured(params, "dark.zip", "bright.zip", standardise=True)
    assert len(results) == 3 * 2 * 2
    home = row(results, "dark", "dark")
    assert home["accuracy"] == 1
    assert 30 <= home["images"] <= 50
    away = row(results, "dark", "bright")
    assert away["images"] == 220
    assert away["recall"] < 0.2
    assert row(results, "dark", "bright", "standardised")["accuracy"] > 0.95
    assert row(results, TOGETHER, "bright")["images"] < 50
    assert row(results, TOGETHER, "bright")["accuracy"] > row(results, "dark", "bright")["accuracy"]
    assert (results["accuracy_low"] <= results["accuracy"]).all()
    assert (results["left_out"] == 0).all()


def test_images_that_a_head_was_trained_on_are_left_out_of_its_tests(params: Params) -> None:
    Path("twin.zip").write_bytes(Path("dark.zip").read_bytes())
    results = measured(params, "dark.zip", "twin.zip")
    twin = row(results, "dark", "twin")
    assert twin["images"] == row(results, "dark", "dark")["images"]
    assert twin["left_out"] == 200 - twin["images"]


def test_a_source_without_images_left_is_named(params: Params, tmp_path: Path) -> None:
    (tmp_path / "packed").mkdir()
    split = audit_source("dark.zip", params, Options("positive"), tmp_path / "packed").split
    with open_archive(Path("dark.zip")) as archive:
        seen = [(name, read_member(archive, name)) for name in split[split["part"] != TEST]["id"]]
    write_archive(Path("seen.zip"), seen)
    with pytest.raises(CracksError, match="dark → seen: Expected images of both classes"):
        measured(params, "dark.zip", "seen.zip")


def test_one_source_is_tested_on_its_test_part(params: Params) -> None:
    results = measured(params, "dark.zip")
    assert list(results.columns) == COLUMNS
    assert list(results["trained_on"]) == ["dark"]


def test_a_limit_and_the_drawn_sample(params: Params) -> None:
    results = measured(params, "sample", "dark.zip", limit=20)
    assert row(results, "sample", "dark")["images"] == 40
    assert row(results, "dark", "sample")["images"] == 40


def test_the_threshold_is_chosen_on_valid(params: Params) -> None:
    chosen = params.model_copy(update={"threshold": "auto"})
    (threshold,) = measured(chosen, "dark.zip")["threshold"]
    assert 0 < threshold < 1
    assert threshold != 0.5


@pytest.mark.parametrize(
    ("names", "options", "sentence"),
    [
        (["dark.zip", "nowhere.zip"], {}, "Expected sample, .* found nothing at nowhere.zip"),
        (["dark.zip", "./dark.zip"], {}, "of different names, found a second one called 'dark'"),
        (["sample", "other/sample"], {}, "found a second one called 'sample'"),
        (["text.zip"], {}, "text.zip"),
        (["empty"], {}, "Expected images in two class folders .* in empty, found none"),
        (
            ["dark.zip"],
            {"limit": 99, "standardise": True},
            "at least 200 images in dark.zip .* 198",
        ),
        (["dark.zip"], {"limit": 1}, "dark.zip: Expected .* images in"),
    ],
)
def test_bad_sources_are_one_sentence(
    names: list[str], options: dict[str, object], sentence: str, params: Params
) -> None:
    Path("text.zip").write_text("no archive")
    Path("empty").mkdir()
    with pytest.raises(CracksError, match=sentence):
        measured(params, *names, **options)
