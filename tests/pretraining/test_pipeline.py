"""Contracts of the pre-training's own pipeline, and of what it ships."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from cracks.backbones.catalogue import BACKBONES
from cracks.backbones.weights import SHIPPED
from cracks.project.errors import CracksError
from cracks.project.outputs import sha256_of
from pretraining.settings import SETTINGS, read_settings
from tests.support.project import PIPELINE, ROOT

STAGES = yaml.safe_load((ROOT / "pretraining/dvc.yaml").read_text(encoding="utf-8"))["stages"]
LARGEST = 10e6  # bytes of a file that Git keeps for ever


def bodies() -> dict[str, dict[str, list[str]]]:
    return {name: stage.get("do", stage) for name, stage in STAGES.items()}


def test_what_a_stage_depends_on_is_there() -> None:
    for name, stage in bodies().items():
        for dependency in stage["deps"]:
            assert (ROOT / dependency).exists(), (name, dependency)


def test_every_backbone_is_trained_by_a_recipe() -> None:
    settings = read_settings()
    assert STAGES["train"]["foreach"] == list(settings.backbones)
    assert set(settings.backbones) <= set(BACKBONES)


def test_the_pipeline_itself_never_trains_a_backbone() -> None:
    for name, stage in PIPELINE["stages"].items():
        assert "pretraining" not in str(stage.get("cmd", stage.get("do", {}).get("cmd"))), name


def test_walls_are_from_a_seed_that_no_dataset_has_by_default() -> None:
    from cracks.drawing import masked

    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    settings = read_settings()
    assert len({params["sample"]["seed"], masked._SEED, settings.seed, settings.seed + 1}) == 4


@pytest.mark.parametrize("backbone", ["resnet50", "vgg16"])
def test_the_shipped_weights_are_those_of_the_catalogue(backbone: str) -> None:
    path = SHIPPED / f"{backbone}.npz"
    assert sha256_of(path) == BACKBONES[backbone].own_sha256
    assert path.stat().st_size < LARGEST


@pytest.mark.parametrize("backbone", ["resnet50", "vgg16"])
def test_the_losses_on_the_way_fell(backbone: str) -> None:
    with (SHIPPED / f"{backbone}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    recipe = read_settings().backbones[backbone]
    assert int(rows[-1]["batch"]) == sum(recipe.batches)
    assert float(rows[-1]["cells"]) < 0.7 * float(rows[0]["cells"])


def test_the_model_card_says_what_was_measured() -> None:
    card = (ROOT / "pretraining/README.md").read_text(encoding="utf-8")
    metrics = json.loads((ROOT / "pretraining/metrics.json").read_text(encoding="utf-8"))
    for backbone, sources in metrics.items():
        for source, numbers in sources.items():
            row = (
                f"| {100 * numbers['patch_accuracy']:.1f} % | {numbers['patch_roc_auc']:.3f} "
                f"| {numbers['cell_roc_auc']:.3f} |"
            )
            assert row in card, (backbone, source)


def test_a_wrong_setting_is_one_sentence(tmp_path: Path) -> None:
    text = SETTINGS.read_text(encoding="utf-8")
    path = tmp_path / "params.yaml"
    path.write_text(text.replace("crop: 96", "crop: 90"), encoding="utf-8")
    with pytest.raises(CracksError, match="crop"):
        read_settings(path)


@pytest.mark.parametrize("backbone", ["resnet50", "vgg16"])
def test_the_catalogue_says_what_the_weights_began_with(backbone: str) -> None:
    assert BACKBONES[backbone].own_start == read_settings().backbones[backbone].start
