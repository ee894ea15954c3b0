"""The real dvc.yaml, from nothing to a report, on a small sample."""

import json
import math

import pytest
import yaml

from tests.pipeline import ROOT, Project, make_project
from tests.test_dvc_yaml import STAGE_NAMES

SMALL = {
    "sample.images_per_class": 40,
    "image_size": 64,
    "epochs": 3,
    "seeds": 2,
}
HEADS = ["train-head-resnet50", "train-head-vgg16"]
AFTER_FEATURES = [*HEADS, "evaluate", "report"]
OUTPUTS = ("data/**/*", "models/*", "metrics/**/*", "report.html", "dvc.lock")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("one") / "a folder with spaces"
    caches = str(tmp_path_factory.mktemp("caches"))
    project = make_project(folder, SMALL, CRACKS_CACHE=caches)
    (folder / "dvc.lock").unlink(missing_ok=True)
    assert project.stages_run("dvc", "repro") == STAGE_NAMES
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--message", "Results")
    return project


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
        ("split.seed=7", ["split", *AFTER_FEATURES]),
    ],
)
def test_an_experiment_pays_for_what_it_changes(
    setting: str, stages: list[str], project: Project
) -> None:
    before = outputs(project)
    assert project.stages_run("dvc", "exp", "run", "-S", setting) == stages
    diff = json.loads(project.run("dvc", "metrics", "diff", "--json"))
    assert diff["metrics/evaluate.json"]
    assert project.run("dvc", "params", "diff").count(setting.split("=", maxsplit=1)[0]) == 1
    # going back restores from the run cache: nothing is computed again
    project.run("git", "checkout", "--quiet", "--", "params.yaml")
    assert project.stages_run("dvc", "repro") == []
    assert outputs(project) == before


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


def test_metrics_are_flat_and_finite(project: Project) -> None:
    for path in (project.folder / "metrics").glob("*.json"):
        for key, value in json.loads(path.read_text()).items():
            assert isinstance(value, int | float), key
            assert math.isfinite(value), key


def test_the_summary_shows_both_and_what_to_try(project: Project) -> None:
    said = project.run("python", "-m", "cracks.summary")
    for words in ("ResNet50", "VGG16", "missed cracks", "report.html", "dvc exp run -S epochs=2"):
        assert words in said
    assert "random weights" in said


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


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epochs": "two"}, "'epochs': expected a whole number, found 'two'"),
        ({"dataset": "photos"}, "Expected images in two class folders in data/photos"),
        ({"positive_class": "wet"}, "Expected positive_class to be one of"),
        ({"weights.resnet50": "no/such.h5"}, "weights file, found 'no/such.h5'"),
    ],
)
def test_bad_input_is_one_sentence(
    changes: dict[str, str], sentence: str, project: Project
) -> None:
    before = outputs(project)
    project.set(changes)
    said = project.run("dvc", "repro", status=255)
    assert sentence in said
    assert "Traceback" not in said
    assert said.count("\nError: ") == 1
    project.run("git", "checkout", "--quiet", "--", "params.yaml")
    assert project.stages_run("dvc", "repro") == []
    assert outputs(project) == before


def close(committed: float, found: float) -> bool:
    """Counts are the same; a measure may differ in the last digit that is printed."""
    if isinstance(committed, int):
        return committed == found
    return abs(committed - found) < 1.5e-4


def test_the_committed_metrics_are_those_of_the_default_parameters(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A clean clone reproduces them, and `dvc.lock` fits the parameters and the code."""
    clone = make_project(
        tmp_path_factory.mktemp("clean") / "clone",
        CRACKS_CACHE=str(tmp_path_factory.mktemp("caches")),
    )
    lock = yaml.safe_load(clone.read("dvc.lock"))
    assert clone.stages_run("dvc", "repro") == STAGE_NAMES
    new = yaml.safe_load(clone.read("dvc.lock"))
    for stage in STAGE_NAMES:
        assert new["stages"][stage].get("params") == lock["stages"][stage].get("params")
        code = [
            {
                dep["path"]: dep["md5"]
                for dep in one["stages"][stage]["deps"]
                if "cracks/" in dep["path"]
            }
            for one in (lock, new)
        ]
        assert code[0] == code[1], stage
    for name in ("audit", "split", "evaluate"):
        committed = json.loads((ROOT / f"metrics/{name}.json").read_text())
        found = json.loads(clone.read(f"metrics/{name}.json"))
        assert committed.keys() == found.keys()
        wrong = {k: (v, found[k]) for k, v in committed.items() if not close(v, found[k])}
        assert not wrong, wrong
