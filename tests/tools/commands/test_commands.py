"""The commands on a trained project: predict, external, export; and what they say of bad input."""

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cracks.drawing.walls import draw_photograph
from cracks.sources.sample import iter_sample
from cracks.tools.drawn import TRAINED_ON_DRAWINGS
from tests.support.project import Project


@pytest.fixture(scope="module")
def test_images(shared_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images of the test part as files, and one that is none."""
    folder = tmp_path_factory.mktemp("images")
    with zipfile.ZipFile(shared_project.folder / "data/images.zip") as archive:
        for row in csv.DictReader(
            io.StringIO(shared_project.read("metrics/predictions.csv").decode())
        ):
            path = folder / row["id"]
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(archive.read(row["id"]))
    return folder


def python(project: Project, module: str, *arguments: str, status: int = 0) -> str:
    return project.run("python", "-m", "cracks", module, *arguments, status=status)


def test_predict_says_what_the_pipeline_says(
    project: Project, test_images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "found.csv"
    python(project, "predict", str(test_images), "--format", "csv", "--out", str(out))
    found = {
        (row["backbone"], Path(row["path"]).relative_to(test_images).as_posix()): row
        for row in csv.DictReader(io.StringIO(out.read_text()))
    }
    rows = list(csv.DictReader(io.StringIO(project.read("metrics/predictions.csv").decode())))
    assert len(rows) == len(found)
    for row in rows:
        one = found[row["backbone"], row["id"]]
        assert float(one["probability"]) == pytest.approx(float(row["probability"]), abs=1e-5)
        assert one["label"] == {"positive": "crack", "negative": "no crack"}[row["predicted"]]


def test_an_unreadable_file_gets_its_line_and_the_rest_goes_on(
    project: Project, tmp_path: Path
) -> None:
    Image.new("RGB", (80, 80), "grey").save(tmp_path / "good.png")
    (tmp_path / "text.jpg").write_text("no image")
    said = python(project, "predict", str(tmp_path), "--backbone", "vgg16", status=1)
    assert "not an image in a known format" in said
    (good,) = (line for line in said.splitlines() if "good.png" in line)
    assert "crack" in good


def test_patterns_and_json(project: Project, test_images: Path) -> None:
    said = python(
        project, "predict", f"{test_images}/pos*/*.jpg", "--backbone", "resnet50", "--format",
        "json", "--out", "found.json",
    )  # fmt: skip
    assert "rows" in said
    rows = json.loads(project.read("found.json"))
    (project.folder / "found.json").unlink()
    assert rows
    assert all("/positive/" in row["path"] for row in rows)


def test_a_wall_is_mapped(project: Project, tmp_path: Path) -> None:
    wall = tmp_path / "wall.jpg"
    Image.fromarray(draw_photograph(500, 400, seed=1).rgb).save(wall)
    said = python(
        project, "predict", str(wall), "--backbone", "vgg16", "--map", str(tmp_path / "m")
    )
    assert "% of the area cracked by vgg16" in said
    regions = json.loads((tmp_path / "m" / "wall-vgg16.json").read_text())
    assert (regions["width"], regions["height"]) == (500, 400)
    assert len(regions["features"]) == regions["regions"]
    with Image.open(tmp_path / "m" / "wall-vgg16-mask.png") as mask:
        assert mask.size == (500, 400)
        share = np.asarray(mask).astype(bool).mean()
    assert share == pytest.approx(regions["cracked_share"], abs=1e-6)
    assert (tmp_path / "m" / "wall-vgg16.png").exists()
    assert (tmp_path / "m" / "summary.csv").exists()


def test_a_wall_is_cut_the_least_certain_patches_first(project: Project, tmp_path: Path) -> None:
    (tmp_path / "walls").mkdir()
    Image.fromarray(draw_photograph(500, 700, seed=1).rgb).save(tmp_path / "walls" / "wall.jpg")
    out = tmp_path / "patches"
    said = python(project, "cut", str(tmp_path / "walls"), str(out))
    assert "6 patches of 227 x 227 pixels from 1 of 1 photographs; least certain first" in said
    rows = list(csv.DictReader(io.StringIO((out / "patches.csv").read_text())))
    margins = [
        sum(abs(float(row[f"probability_{name}"]) - 0.5) for name in ("resnet50", "vgg16")) / 2
        for row in rows
    ]
    assert margins == sorted(margins)
    assert margins == pytest.approx([float(row["margin"]) for row in rows], abs=1e-5)
    assert {row["patch"] for row in rows} == {path.name for path in out.glob("*.jpg")}


def test_an_image_is_explained(project: Project, test_images: Path, tmp_path: Path) -> None:
    image = next(test_images.glob("positive/*.jpg"))
    python(project, "predict", str(image), "--backbone", "vgg16", "--explain", str(tmp_path))
    with Image.open(tmp_path / f"{image.stem}-vgg16-cam.png") as picture:
        width, height = picture.size
    # the image beside its map, each at least 450 px wide, with lines of text and a legend
    assert width == 900
    assert height > 450


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["predict", "nowhere.jpg"], 1, "Error: Expected a file, a folder or a pattern"),
        (["predict", "tests", "--backbone", "vgg16"], 1, "Expected images in the folder tests"),
        (["predict", "README.md", "--backbone", "vgg16"], 1, "not an image in a known format"),
        (
            ["predict", "x.jpg", "--backbone", "alexnet"],
            2,
            "'alexnet' is not one of resnet50, vgg16",
        ),
        (["external", "nowhere.zip"], 1, "Error: Expected a zip archive or a folder"),
        (["external", "README.md"], 1, "Error: Expected a zip archive"),
        (["external", "tests"], 1, "Error: Expected images in two class folders"),
        (["carry-over"], 2, "Missing argument 'SOURCE...'"),
        (["carry-over", "sample", "nowhere.zip"], 1, "Error: Expected sample, a zip archive or"),
        (
            ["external", "data/images.zip"],
            1,
            "Error: Expected images from outside the pipeline's dataset",
        ),
        (["export", "--backbone", "vgg16", "--to", "onnx", "x.h5"], 1, "ends in .onnx"),
        (
            ["export", "--backbone", "vgg", "--to", "onnx", "x.onnx"],
            2,
            "'vgg' is not one of resnet50, vgg16",
        ),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], status: int, sentence: str, project: Project
) -> None:
    said = python(project, *arguments, status=status)
    assert sentence in said
    assert "Traceback" not in said


@pytest.mark.parametrize("content", [None, b"no model"])
def test_a_head_that_is_missing_or_damaged_is_one_sentence(
    content: bytes | None, project: Project, test_images: Path
) -> None:
    head = project.folder / "models/vgg16.keras"
    whole = head.read_bytes()
    head.unlink()
    if content is not None:
        head.write_bytes(content)
    image = str(next(test_images.glob("positive/*.jpg")))
    for command in (
        ["predict", image, "--backbone", "vgg16"],
        ["export", "--backbone", "vgg16", "--to", "onnx", "x.onnx"],
    ):
        said = python(project, *command, status=1)
        assert "Error: Expected a " in said
        assert "dvc repro" in said
        assert "Traceback" not in said
    head.unlink(missing_ok=True)
    head.write_bytes(whole)


def test_another_dataset_is_scored_apart(project: Project, tmp_path: Path) -> None:
    archive = tmp_path / "bridge.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, data in iter_sample(6, 99):
            file.writestr(f"Bridge/{name.replace('positive', 'Cracked')}", data)
        file.writestr("Bridge/Cracked/notes.jpg", b"text")
    before = project.files("metrics/**/*")
    said = python(project, "external", str(archive), "--positive-class", "cracked", status=1)
    assert "at most 5 % unusable" in said
    project.set({"audit.max_rejected": 0.2})
    arguments = ["external", str(archive), "--positive-class", "cracked"]
    said = python(project, *arguments)
    few = python(project, *arguments, "--standardise", status=1)
    project.run("git", "checkout", "--quiet", "--", "params.yaml")
    assert "accuracy" in said
    assert "Expected at least 200 images" in few
    metrics = json.loads(project.read("external/bridge/metrics.json"))
    assert metrics["vgg16.images"] == 12
    assert metrics["rejected"] == 1
    assert said.count(f"ResNet50 and VGG16: {TRAINED_ON_DRAWINGS}") == 1
    assert 0 <= metrics["vgg16.accuracy_low"] <= metrics["vgg16.accuracy"] <= 1
    assert project.files("metrics/**/*") == before
    assert len(project.read("external/bridge/predictions.csv").splitlines()) == 1 + 2 * 12


def test_heads_are_adapted_to_another_wall_and_used_by_name(
    project: Project, test_images: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "bridge"
    for name, data in iter_sample(12, 98):
        label, number = name.removesuffix(".jpg").split("/")
        path = folder / label.replace("positive", "Cracked") / f"{int(number) % 6}-0-{number}.jpg"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(data)
    said = python(project, "adapt", str(folder), "--positive-class", "cracked")
    assert "ResNet50: models/adapted/bridge/resnet50.keras, threshold 0." in said
    assert said.count("Expected on further patches of such photographs: it finds ") == 2
    assert said.count("  In maps, a cell counts as cracked at ") == 2
    assert "python -m cracks predict PATH --head bridge" in said
    how = json.loads(project.read("models/adapted/bridge/vgg16.json"))
    assert (how["labels"], how["cracked"], how["photographs"]) == (24, 12, 6)
    assert project.run("git", "status", "--porcelain") == ""

    arguments = [str(test_images), "--backbone", "vgg16", "--format", "csv"]
    adapted = python(project, "predict", *arguments, "--head", "bridge")
    assert f",{how['threshold']:.6f}," in adapted
    assert adapted != python(project, "predict", *arguments)
    said = python(project, "predict", *arguments, "--head", "dam", status=1)
    assert "Expected an adapted head 'dam' of vgg16 below models/adapted, found bridge" in said
    said = python(project, "adapt", str(folder), "--name", "../x", status=1)
    assert "Expected a name of letters, digits, _, . and -, at most 100, found '../x'" in said

    wall = tmp_path / "wall.png"
    Image.fromarray(draw_photograph(300, 200, seed=1).rgb).save(wall)
    shares = []
    for options in ([], ["--head", "bridge"]):
        arguments = [str(wall), "--backbone", "vgg16", "--map", str(tmp_path / "maps")]
        python(project, "predict", *arguments, *options)
        found = json.loads((tmp_path / "maps/wall-vgg16.json").read_text())
        shares.append(found["evidence_share"])
    if how["maps"]["shift"] > 0:
        shares.reverse()
    assert shares == sorted(shares)


@pytest.mark.parametrize(
    ("backbone", "form", "suffix"),
    [
        ("resnet50", "onnx", ".onnx"),
        ("vgg16", "openvino", ".xml"),
        pytest.param("vgg16", "keras", ".keras", marks=pytest.mark.slow),
    ],
)
def test_a_model_is_exported(
    backbone: str, form: str, suffix: str, project: Project, tmp_path: Path
) -> None:
    path = tmp_path / f"model{suffix}"
    said = python(project, "export", "--backbone", backbone, "--to", form, str(path))
    tolerance = 0.02 if form == "openvino" else 0.2
    assert float(said.split("differ by at most ")[1].split()[0]) < tolerance
    assert ("computes in float32, the pipeline in int8" in said) == (form != "openvino")
    assert path.exists()


def test_help_shows_a_worked_example(project: Project) -> None:
    for module in ("predict", "cut", "external", "carry-over", "export", "review"):
        assert f"  python -m cracks {module} " in python(project, module, "--help")
