"""Files of the pipeline that are damaged, empty or in conflict: one sentence names the file."""

import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.support.project import Project

CONFLICT = b"<<<<<<< HEAD\nx: 1\n=======\nx: 2\n>>>>>>> other\n"
MARKERS = "a merge conflict is unresolved"
SUMMARY = "-m cracks summary"
REVIEW = "-m cracks review HEAD"
PREDICT = "-m cracks predict docs/sample.jpg --backbone vgg16"
EXPORT = "-m cracks export --backbone vgg16 --to openvino model.xml"
LOCALISATION = "-m cracks localisation"

CASES: list[tuple[str, str, bytes | None, str]] = [
    (SUMMARY, "metrics/evaluate.json", None, "found none"),
    (SUMMARY, "metrics/evaluate.json", b"", "Expected numbers as JSON"),
    (SUMMARY, "metrics/evaluate.json", b"{}", "Expected 'resnet50"),
    (SUMMARY, "metrics/evaluate.json", CONFLICT, MARKERS),
    (REVIEW, "metrics/evaluate.json", b'{"a": ', "Expected numbers as JSON"),
    (REVIEW, "metrics/predictions.csv", b"", "Expected a table"),
    (REVIEW, "metrics/predictions.csv", CONFLICT, MARKERS),
    (REVIEW, "dvc.lock", CONFLICT, "dvc.lock"),
    (REVIEW, "dvc.lock", b"stages: [", "dvc.lock"),
    (REVIEW, "params.yaml", CONFLICT, "params.yaml"),
    (PREDICT, "metrics/evaluate.json", b"[]", "Expected finite numbers by name"),
    (PREDICT, "metrics/evaluate.json", b'{"a": 1}', "Expected 'vgg16.threshold'"),
    (PREDICT, "models/vgg16.keras", b"PK\3\4", "Expected a Keras model"),
    (EXPORT, "metrics/predictions.csv", b"id,backbone\n", "metrics/predictions.csv"),
    (LOCALISATION, "metrics/predictions.csv", b"\xff", "expected text in UTF-8"),
    ("-m stages split", "data/images.csv", b"", "Expected a table"),
    ("-m stages split", "data/images.csv", b"id,label\n", "data/images.csv"),
    ("-m stages precompute vgg16", "data/images.csv", b"\0", "data/images.csv"),
    ("-m stages train_head vgg16", "data/split.csv", b"", "Expected a table"),
    ("-m stages train_head vgg16", "data/features/vgg16.npy", b"x", "Expected rows of features"),
    ("-m stages evaluate", "data/split.csv", b"id,label\n", "found none called part"),
    ("-m stages evaluate", "metrics/split.csv", b"count,value\na,b\n", "a number for each count"),
    ("-m stages evaluate", "data/scores/vgg16.npy", b"", "Expected rows of probability"),
    ("-m stages evaluate", "data/histories/vgg16.csv", b"epoch\n1\n", "found none called part"),
    ("-m stages report", "metrics/audit.csv", b"count,value\na,1\n", "metrics/audit.csv"),
    ("-m stages report", "metrics/plots/roc.csv", b"backbone,fpr,tpr\n", "Expected rows in"),
    ("-m stages report", "metrics/plots/history.csv", CONFLICT, MARKERS),
]


@pytest.fixture(autouse=True)
def project_as_before(project: Project) -> Iterator[None]:
    watched = ("dvc.lock", "params.yaml", *{path for _, path, _, _ in CASES})
    before = {path: project.read(path) for path in watched}
    yield
    for path, data in before.items():
        (project.folder / path).unlink(missing_ok=True)
        (project.folder / path).write_bytes(data)


def assert_one_sentence(said: str, path: str, words: str) -> None:
    assert "Traceback" not in said, said
    (sentence,) = (line for line in said.splitlines() if line.startswith("Error: "))
    assert path in sentence
    assert words in sentence


@pytest.mark.parametrize(
    ("command", "path", "content", "words"),
    # `make test` takes a sample of the table, `make test-all` all of it
    [pytest.param(*case, marks=[pytest.mark.slow] * (n % 4 > 0)) for n, case in enumerate(CASES)],
)
def test_a_damaged_file_is_one_sentence(
    command: str, path: str, content: bytes | None, words: str, project: Project
) -> None:
    (project.folder / path).unlink()
    if content is not None:
        (project.folder / path).write_bytes(content)
    before = project.results()
    said = project.run("python", *command.split(), status=1)
    assert_one_sentence(said, path, words)
    assert project.results() == before


@pytest.mark.parametrize(("offset", "value"), [(8, 1), (10, 99)], ids=["flags", "compression"])
def test_a_head_whose_directory_is_damaged_is_one_sentence(
    offset: int, value: int, project: Project
) -> None:
    path = project.folder / "models/vgg16.keras"
    data = bytearray(path.read_bytes())
    start = -1
    while (start := data.find(b"PK\1\2", start + 1)) >= 0:  # each entry of the directory
        data[start + offset] = value
    path.unlink()
    path.write_bytes(data)
    said = project.run("python", *PREDICT.split(), status=1)
    assert_one_sentence(said, "models/vgg16.keras", "Expected a Keras model")


def test_localisation_is_of_the_drawings_of_the_last_run(project: Project) -> None:
    project.set({"sample.seed": 1})
    said = project.run("python", *LOCALISATION.split(), status=1)
    assert_one_sentence(said, "sample.seed", "Expected the drawings of the last run")


@pytest.mark.parametrize("arguments", ["", "nothing_of_this_name"])
def test_an_unknown_stage_is_one_sentence(arguments: str, project: Project) -> None:
    said = project.run("python", "-m", "stages", *arguments.split(), status=1)
    assert_one_sentence(said, arguments, "Expected one of audit, download")


def test_experiments_need_git(project: Project, tmp_path: Path) -> None:
    shutil.copytree(project.folder, tmp_path / "unpacked", ignore=shutil.ignore_patterns(".git"))
    unpacked = Project(tmp_path / "unpacked", project.environment)
    said = unpacked.run("python", "-m", "cracks", "experiments", status=1)
    assert_one_sentence(said, "", "Expected a Git repository that can be read")


@pytest.mark.parametrize(
    ("channels", "classes", "words"),
    [(512, 3, "weights of shape (512, 3)"), (2048, 2, "found one on 2,048"), (0, 2, "found one")],
)
def test_a_head_of_another_shape_is_one_sentence(
    channels: int, classes: int, words: str, project: Project
) -> None:
    path = project.folder / "models/vgg16.keras"
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        for name, shape in (
            ("normalization/vars/0", (channels,)),
            ("normalization/vars/1", (channels,)),
            ("dense/vars/0", (channels, classes)),
            ("dense/vars/1", (classes,)),
        ):
            file[f"layers/{name}"] = np.ones(shape, np.float32)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    path.unlink()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (members | {"model.weights.h5": weights.getvalue()}).items():
            archive.writestr(name, data)
    said = project.run("python", *PREDICT.split(), status=1)
    assert_one_sentence(said, "models/vgg16.keras", words)


def test_out_writes_to_devices_and_through_links(project: Project, tmp_path: Path) -> None:
    table = [*PREDICT.split(), "--format", "csv", "--out"]
    printed = project.run("python", *table, "/dev/stdout")
    assert "path,backbone,label,probability,threshold,error\n" in printed
    there, link = tmp_path / "there.csv", tmp_path / "link.csv"
    link.symlink_to(there)
    project.run("python", *table, str(link))
    assert link.is_symlink()
    assert there.read_text().startswith("path,backbone")


@pytest.mark.parametrize("end", ["| head -n 0", "| true", "> /dev/full", ">&-", "2>&-"])
def test_a_closed_output_is_no_traceback(end: str, project: Project) -> None:
    said = project.run("sh", "-c", f"python -m cracks summary {end}; exit 0")
    assert "Traceback" not in said
    assert "Exception ignored" not in said


def test_a_folder_in_the_way_of_an_output_is_one_sentence(project: Project, tmp_path: Path) -> None:
    said = project.run("python", *PREDICT.split(), "--out", str(tmp_path), status=1)
    assert_one_sentence(said, str(tmp_path), "to be a file, found a folder")
