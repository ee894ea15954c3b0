"""Object storage, against an S3 server on this machine, on the stages that take a second."""

import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.project import Project, make_project

reason = "needs DVC's plugin for S3 and a server for it: run `make test-remote`"
pytest.importorskip("dvc_s3", reason=reason)
boto3 = pytest.importorskip("boto3", reason=reason)
servers = pytest.importorskip("moto.server", reason=reason)

STAGES = ["download", "audit", "split"]
BUCKET = "bridges"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "anyone",
        "AWS_SECRET_ACCESS_KEY": "anything",
        "AWS_DEFAULT_REGION": "us-east-1",
        "CRACKS_CACHE": str(tmp_path_factory.mktemp("caches")),
    }


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = servers.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def bucket(address: str, environment: dict[str, str]) -> Any:
    storage = boto3.resource(
        "s3",
        endpoint_url=address,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
    )
    return storage.create_bucket(Bucket=BUCKET)


@pytest.fixture(scope="module")
def author(
    bucket: Any, address: str, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """A project whose results are committed and pushed."""
    folder = tmp_path_factory.mktemp("author") / "project"
    project = make_project(folder, {"sample.images_per_class": 6}, **environment)
    stages = folder / "dvc.yaml"
    pipeline = yaml.safe_load(stages.read_text())["stages"]
    stages.write_text(yaml.safe_dump({"stages": {name: pipeline[name] for name in STAGES}}))
    (folder / "dvc.lock").unlink()
    assert project.stages_run("dvc", "repro") == STAGES
    project.run("dvc", "remote", "add", "--default", "storage", f"s3://{BUCKET}/cache")
    project.run("dvc", "remote", "modify", "storage", "endpointurl", address)
    commit(project, "Results")
    project.run("dvc", "push", "--run-cache")
    return project


def commit(project: Project, message: str) -> None:
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "--message", message)


def clone_of(project: Project, folder: Path) -> Project:
    subprocess.run(["git", "clone", "--quiet", project.folder, folder], check=True)
    return Project(folder, project.environment)


def outputs(project: Project) -> dict[str, bytes]:
    return project.files("data/*.*", "metrics/split.csv", "metrics/audit.csv", "dvc.lock")


def test_a_clone_that_pulls_runs_nothing(author: Project, tmp_path: Path) -> None:
    clone = clone_of(author, tmp_path / "clone")
    assert "data/images.zip" not in outputs(clone)
    clone.run("dvc", "pull")
    assert outputs(clone) == outputs(author)
    assert "up to date" in clone.run("dvc", "repro")


def test_a_clone_needs_only_what_it_uses(author: Project, tmp_path: Path) -> None:
    """With --allow-missing, nothing is fetched either."""
    clone = clone_of(author, tmp_path / "clone")
    assert clone.stages_run("dvc", "repro", "--allow-missing") == []
    assert "data/images.zip" not in outputs(clone)


def test_the_run_cache_restores_what_no_lock_knows(author: Project, tmp_path: Path) -> None:
    """A run whose dvc.lock was never committed: only stages with metrics in Git run again."""
    branch = clone_of(author, tmp_path / "branch")
    branch.run("dvc", "pull")
    branch.set({"sample.seed": 3})
    assert branch.stages_run("dvc", "repro") == STAGES
    branch.run("dvc", "push", "--run-cache")

    colleague = clone_of(author, tmp_path / "colleague")
    colleague.run("dvc", "pull", "--run-cache")
    colleague.set({"sample.seed": 3})
    assert colleague.stages_run("dvc", "repro", "--pull") == ["audit", "split"]
    assert outputs(colleague) == outputs(branch)


def test_photographs_are_imported_from_a_bucket(
    author: Project, bucket: Any, address: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(author.folder / "data/images.zip") as archive:
        photographs = {f"{name}": archive.read(name) for name in archive.namelist()}
    for name, data in photographs.items():
        bucket.put_object(Key=f"photos/{name}", Body=data)
    project = clone_of(author, tmp_path / "project")
    project.set({"dataset": "photos"})
    for folder in ("positive", "negative"):
        source = f"s3://{BUCKET}/photos/{folder}"
        config = f"endpointurl={address}"
        project.run("dvc", "import-url", source, f"data/photos/{folder}", "--fs-config", config)
    assert project.stages_run("dvc", "repro") == STAGES
    with zipfile.ZipFile(project.folder / "data/images.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == photographs
    commit(project, "Photographs of the bridges")
    listed = project.run("git", "ls-files", "data/photos").split()
    names = (".gitignore", "README.md", "negative.dvc", "positive.dvc")
    assert listed == [f"data/photos/{name}" for name in names]
    project.run("dvc", "push")

    clone = clone_of(project, tmp_path / "clone")
    clone.run("dvc", "pull")
    assert "up to date" in clone.run("dvc", "repro")

    bucket.put_object(Key="photos/positive/new.jpg", Body=photographs["positive/00001.jpg"])
    assert clone.stages_run("dvc", "repro") == []
    clone.run("dvc", "update", "data/photos/positive.dvc")
    assert clone.stages_run("dvc", "repro") == STAGES
