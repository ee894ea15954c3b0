"""What several test modules share: tiny archives, small weights, the real photographs."""

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cracks.backbones.weights import write_weights
from cracks.images.archive import write_archive
from tests.support.once import made_once, session_folder
from tests.support.project import SMALL, STAGE_NAMES, Project, make_project
from tests.support.results import git, make_results_project

pytest_plugins = ["tests.support.left_out"]

FIRST = (
    "test_clean_clone.py",
    "test_end_to_end.py",
    "test_extraction.py",  # these while the small project of the former is made
    "test_classifier.py",
    "test_registry.py",
    "test_weights.py",
    "test_review.py",
    "test_commands.py",
    "test_damaged_files.py",
    "test_pull_request.py",
    "test_kills.py",
    "test_command_kills.py",
    "test_cluster.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules begin first, so that two processes end at about the same time."""
    places = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(FIRST)))


@pytest.fixture(scope="session", autouse=True)
def session_caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache folder of fixtures that several tests share, and of all processes of the session.

    No test reads or writes the caches of the person who runs it.
    """
    folder = session_folder(tmp_path_factory) / "caches"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRACKS_CACHE", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def own_caches(
    session_caches: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Each test has a cache folder of its own."""
    folder = tmp_path_factory.mktemp("caches")
    monkeypatch.setenv("CRACKS_CACHE", str(folder))
    return folder


@pytest.fixture
def common_models(session_caches: Path, own_caches: Path) -> None:
    """Backbones are converted once a session: for tests that do not look into the cache."""
    (session_caches / "models").mkdir(parents=True, exist_ok=True)
    (own_caches / "models").symlink_to(session_caches / "models")


@pytest.fixture(scope="session")
def first_results_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `results_project` is a copy of."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_results_project()
    return folder


@pytest.fixture
def results_project(
    first_results_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The current folder: a small project in Git with results, on a branch beside main."""
    folder = shutil.copytree(first_results_project, tmp_path / "project")
    monkeypatch.chdir(folder)
    git("update-index", "--refresh")  # the copies are other files
    return folder


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that gives the weights file of a backbone, random, made once a session."""

    def weights(backbone: str) -> Path:
        name = f"{backbone}.weights.h5"
        folder = session_folder(tmp_path_factory) / backbone
        return made_once(folder, lambda to: write_weights(backbone, "random", 0, to / name)) / name

    return weights


@pytest.fixture(scope="session")
def noise_archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """An archive of 40 images of 48 x 40 px, the positives with a dark line; and its table."""
    generator = np.random.default_rng(0)
    members = []
    for number in range(40):
        label = ("negative", "positive")[number % 2]
        pixels = generator.integers(120, 256, (40, 48, 3), dtype=np.uint8)
        if label == "positive":
            pixels[:, 20:26] = 10
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
        members.append((f"{label}/{number:03}.jpg", buffer.getvalue()))
    members.sort()
    path = tmp_path_factory.mktemp("archive") / "images.zip"
    write_archive(path, members)
    return path, pd.DataFrame(
        {
            "id": [name for name, _ in members],
            "label": [name.split("/")[0] for name, _ in members],
            "sha256": [hashlib.sha256(data).hexdigest() for _, data in members],
        }
    )


@pytest.fixture(scope="session")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The real pipeline, run once on a small sample; a copy for each process of the session."""

    def run(folder: Path) -> None:
        (folder / "caches").mkdir()
        project = make_project(folder / "project", SMALL, CRACKS_CACHE=str(folder / "caches"))
        (project.folder / "dvc.lock").unlink(missing_ok=True)
        assert project.stages_run("dvc", "repro") == STAGE_NAMES
        project.run("git", "add", "--all")
        project.run("git", "commit", "--quiet", "--message", "Results")

    made = made_once(session_folder(tmp_path_factory) / "pipeline", run)
    folder = tmp_path_factory.mktemp("one") / "a folder with spaces"
    caches = tmp_path_factory.mktemp("caches") / "copy"
    shutil.copytree(made / "project", folder, symlinks=True)
    shutil.copytree(made / "caches", caches, symlinks=True)
    return Project(folder, {"CRACKS_CACHE": str(caches)})


@pytest.fixture
def project(shared_project: Project) -> Iterator[Project]:
    """The shared project; what a failed test leaves does not fail the next one."""
    yield shared_project
    shared_project.restore()
