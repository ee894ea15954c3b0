"""The real dvc.yaml, from nothing to a report, on a small sample."""

import hashlib
import json
import math
import platform
import re
import shutil
from pathlib import Path

import pytest

from cracks.evaluation.details import by_name, read_details
from cracks.tools.commands.summary import NEXT
from tests.support.project import SMALL, STAGE_NAMES, Project, make_project

HEADS = ["train-head@resnet50", "train-head@vgg16"]
AFTER_FEATURES = [*HEADS, "evaluate", "report"]
OUTPUTS = ("data/**/*", "models/*", "metrics/**/*", "report.html", "dvc.lock")


def outputs(project: Project) -> dict[str, bytes]:
    found = project.files(*OUTPUTS)
    return {name: data for name, data in found.items() if not name.startswith("data/provenance")}


def test_a_second_run_does_nothing(project: Project) -> None:
    assert "up to date" in project.run("dvc", "repro")


def test_git_has_nothing_to_say_after_a_run(project: Project) -> None:
    assert project.run("git", "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("setting", "stages"),
    [
        ("epochs=2", AFTER_FEATURES),
        ("threshold=0.3", ["evaluate", "report"]),
        pytest.param("split.seed=7", ["split", *AFTER_FEATURES], marks=pytest.mark.slow),
    ],
)
def test_an_experiment_pays_for_what_it_changes(
    setting: str, stages: list[str], project: Project
) -> None:
    before = outputs(project)
    assert project.stages_run("dvc", "exp", "run", "-S", setting) == stages
    after = outputs(project)
    assert any(name.startswith("metrics/") and after[name] != before[name] for name in after)
    json.loads(project.run("dvc", "metrics", "diff", "--json"))
    assert_it_fits_on_a_screen(project, setting)
    assert project.run("dvc", "params", "diff").count(setting.split("=", maxsplit=1)[0]) == 1
    # going back restores from the run cache: nothing is computed again
    project.run("git", "checkout", "--quiet", "--", "params.yaml")
    assert project.stages_run("dvc", "repro") == []
    assert outputs(project) == before


def assert_it_fits_on_a_screen(project: Project, setting: str) -> None:
    lines = project.run("dvc", "metrics", "diff", "--md", "--no-path").splitlines()
    assert 3 < len(lines) <= 32
    assert max(map(len, lines)) <= 84
    said = project.run("python", "-m", "cracks", "experiments").splitlines()
    assert max(map(len, said)) <= 120
    assert any(line.startswith("workspace") and line.endswith(setting) for line in said)


@pytest.mark.slow
def test_augmented_views_are_extracted_and_shown(project: Project) -> None:
    before = outputs(project)
    setting = ("-S", "augmentation.views=1", "-S", "threshold=auto")
    ran = project.stages_run("dvc", "exp", "run", *setting)
    assert ran == ["precompute@resnet50", "precompute@vgg16", *AFTER_FEATURES]
    page = project.read("report.html").decode()
    assert "Augmented views" in page
    assert 'alt="view 1"' in page
    metrics = by_name(read_details(project.folder / "metrics/details.csv"))
    assert metrics["vgg16.valid.recall"] >= 0.99
    project.run("git", "checkout", "--quiet", "--", "params.yaml")
    assert project.stages_run("dvc", "repro") == []
    assert outputs(project) == before


@pytest.mark.slow
def test_a_weights_file_is_named_by_its_name_and_hash(project: Project, tmp_path: Path) -> None:
    before = outputs(project)
    mine = tmp_path / "mine.weights.h5"
    shutil.copy(project.folder / "data/weights/resnet50.weights.h5", mine)
    said = project.run("dvc", "exp", "run", "-S", f"weights.resnet50={mine}")
    assert "or keep it in data/pretrained/, which DVC watches" in said
    sha256 = hashlib.sha256(project.read("data/weights/resnet50.weights.h5")).hexdigest()
    page = project.read("report.html").decode()
    assert f"mine.weights.h5, sha256 {sha256[:16]}" in page
    assert str(tmp_path) not in page
    noted = json.loads(project.read("data/provenance/weights-resnet50.json"))
    assert (noted["source"], noted["sha256"]) == ("mine.weights.h5", sha256)
    project.run("git", "checkout", "--quiet", "--", "params.yaml")
    assert project.stages_run("dvc", "repro") == []
    assert outputs(project) == before


def test_a_weights_file_that_is_replaced_is_noticed(project: Project) -> None:
    mine = project.folder / "data/pretrained/mine.weights.h5"
    for content in ("one", "another"):
        mine.write_text(content)
        said = project.run("dvc", "status", "weights@vgg16")
        assert re.search(r"modified:\s+data/pretrained", said)
        project.run("dvc", "commit", "--force", "weights@vgg16")
    mine.unlink()
    project.run("git", "checkout", "--quiet", "--", "dvc.lock")
    assert "up to date" in project.run("dvc", "status", "weights@vgg16")


@pytest.mark.slow
def test_the_way_back_needs_no_output_of_the_commit_in_the_cache(
    project: Project, tmp_path: Path
) -> None:
    """As on a second computer, whose cache never held what the author computed."""
    ignored = shutil.ignore_patterns("cache")  # .dvc/cache
    folder = shutil.copytree(project.folder, tmp_path / "clone", ignore=ignored, symlinks=True)
    clone = Project(folder, project.environment)
    before = outputs(clone)
    clone.run("dvc", "exp", "run", "-S", "epochs=2")
    shutil.rmtree(folder / ".dvc/cache")
    assert outputs(clone) != before
    (back,) = re.findall(r"^Back: +(.+)$", NEXT, re.MULTILINE)
    clone.run("bash", "-c", back)
    assert outputs(clone) == before
    assert "up to date" in clone.run("dvc", "status")
    assert clone.run("git", "status", "--porcelain") == ""


def test_an_unknown_parameter_is_refused(project: Project) -> None:
    assert "epohcs" in project.run("dvc", "exp", "run", "-S", "epohcs=3", status=255)


def test_what_people_type_works(project: Project) -> None:
    assert "resnet50.accuracy" in project.run("dvc", "metrics", "show")
    assert "epochs" in project.run("dvc", "exp", "show", "--csv")
    assert "download" in project.run("dvc", "dag")
    for command in (("show",), ("diff", "main")):
        said = project.run("dvc", "plots", *command, "--out", "plots")
        assert "WARNING" not in said
        assert "ERROR" not in said
    page = (project.folder / "plots" / "index.html").read_text()
    for title in ("ROC on test", "Calibration on test", "Confusion on test", "Loss of the kept"):
        assert title in page
    drawn = json.loads(project.run("dvc", "plots", "show", "--json"))["data"]
    roc = json.dumps(drawn["metrics/plots/roc.csv"])
    assert "resnet50" in roc
    assert "vgg16" in roc
    assert all(drawn.values())


def test_metrics_are_flat_and_finite(project: Project) -> None:
    for path in (project.folder / "metrics").glob("*.json"):
        for key, value in json.loads(path.read_text()).items():
            assert isinstance(value, int | float), key
            assert math.isfinite(value), key


@pytest.mark.parametrize(
    "command", ["stages evaluate", "stages report", "cracks summary", "cracks review HEAD"]
)
def test_what_needs_no_tensorflow_does_not_import_it(
    command: str, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError('imported')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "imported" in project.run("python", "-c", "import keras", status=1)
    before = outputs(project)
    project.run("python", "-m", *command.split())
    assert outputs(project) == before


def test_a_number_is_in_the_metrics_once(project: Project) -> None:
    files = [json.loads(path.read_text()) for path in (project.folder / "metrics").glob("*.json")]
    names = [name for numbers in files for name in numbers]
    assert len(names) == len(set(names))
    assert len(json.loads(project.read("metrics/evaluate.json"))) == 30


def test_a_head_is_an_artifact(project: Project, tmp_path: Path) -> None:
    project.run("gto", "register", "vgg16", "--version", "v1.0.0")
    project.run("dvc", "artifacts", "get", ".", "vgg16", "--out", str(tmp_path / "vgg16.keras"))
    project.run("git", "tag", "--delete", "vgg16@v1.0.0")
    assert (tmp_path / "vgg16.keras").read_bytes() == project.read("models/vgg16.keras")


def test_the_summary_shows_both_and_what_to_try(project: Project) -> None:
    said = project.run("python", "-m", "cracks", "summary")
    for words in ("ResNet50", "VGG16", "missed cracks", "report.html", "dvc exp run -S epochs=2"):
        assert words in said
    assert "random weights" not in said, "both backbones are pre-trained by default"
    assert "out of date" not in said


def test_the_report_says_what_the_metrics_say(project: Project) -> None:
    page = project.read("report.html").decode()
    metrics = by_name(read_details(project.folder / "metrics/details.csv"))
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("\N{NO-BREAK SPACE}", " ")
    for backbone in ("resnet50", "vgg16"):
        for name in ("accuracy", "accuracy_low", "accuracy_high", "recall", "recall_std"):
            assert f"{100 * metrics[f'{backbone}.{name}']:.2f} %" in text, name
        for name in ("f1", "roc_auc", "loss", "brier", "calibration_error"):
            assert f"{metrics[f'{backbone}.{name}']:.4f}" in text, name
    assert "random weights" not in text, "both backbones are pre-trained by default"
    assert "No test image has a copy" in text


def test_the_report_needs_nothing_else(project: Project) -> None:
    page = project.read("report.html").decode()
    addresses = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')>\s]+)', page)
    assert addresses
    assert all(address.startswith(("data:image/", "#")) for address in addresses)
    assert "<script" not in page
    assert len(page) < 5_000_000
    assert platform.python_version() not in page, "another Python gives the same bytes"
    assert page.count("<img ") == len(re.findall(r'<img [^>]*alt="[^"]+', page))
    assert all("<caption>" in table for table in page.split("<table")[1:])


@pytest.mark.slow
def test_another_clone_gives_the_same_bytes(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Elsewhere, with caches of its own and with one thread."""
    other = make_project(
        tmp_path_factory.mktemp("two") / "elsewhere",
        SMALL,
        CRACKS_CACHE=str(tmp_path_factory.mktemp("caches")),
        OMP_NUM_THREADS="1",
        TF_NUM_INTRAOP_THREADS="1",
        TF_NUM_INTEROP_THREADS="1",
    )
    (other.folder / "dvc.lock").unlink(missing_ok=True)
    assert other.stages_run("dvc", "repro") == STAGE_NAMES
    here, there = outputs(project), outputs(other)
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []


BAD_INPUT: list[tuple[dict[str, str], str]] = [
    ({"epochs": "two"}, "'epochs': expected a valid integer"),
    ({"dataset": "photos"}, "Expected photographs in two class folders in data/photos"),
    ({"positive_class": "wet"}, "Expected positive_class to be one of"),
    ({"weights.resnet50": "no/such.h5"}, "weights file, found 'no/such.h5'"),
]


def test_bad_input_is_one_sentence(project: Project) -> None:
    before = outputs(project)
    for changes, sentence in BAD_INPUT:
        project.set(changes)
        said = project.run("dvc", "repro", status=255)
        assert sentence in said
        assert "Traceback" not in said
        assert said.count("\nError: ") == 1
        project.run("git", "checkout", "--quiet", "--", "params.yaml")
    assert outputs(project) != before, "DVC removes the outputs of a stage before it runs"
    assert project.stages_run("dvc", "repro") == []
    assert outputs(project) == before
