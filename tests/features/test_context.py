"""The key of cached features covers what computes them, no less and no more."""

import ast
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from cracks.backbones.catalogue import BACKBONES
from cracks.backbones.engines import calibration
from cracks.backbones.engines.registry import dependencies
from cracks.features import context
from cracks.features.computation import Extraction
from cracks.features.context import _COMPUTING, context_of, contexts_of
from tests.support.augmentation import NO_VIEWS
from tests.support.imports import needed_by, syntax_of
from tests.support.project import ROOT

ENGINES = Path("cracks/backbones/engines")
COMPUTE = ("cracks/images", "cracks/backbones", "cracks/features", "cracks/runtime/keras_import.py")
WITHOUT_CODE = {
    Path("cracks/images/archive.py"): "bytes of images, which are verified by their hash",
    Path("cracks/images/files.py"): "names",
    Path("cracks/images/prefetch.py"): "keeps the order",
    Path("cracks/backbones/catalogue.py"): "the backbone's own entry is in the key",
    Path("cracks/features/augmentation.py"): "for views alone, whose key has it",
    ENGINES / "registry.py": "names",
}
"""Modules that features pass through and that cannot change them."""

SETTINGS = [
    ("openvino", "float32", ("tensorflow.py", "quantisation.py", "calibration.py", "ranges.py")),
    ("openvino", "int8", ("tensorflow.py",)),
    ("tensorflow", "float32", ("openvino.py", "quantisation.py", "calibration.py", "ranges.py")),
]
"""Engine, precision, and modules of engines that take no part."""


@pytest.fixture
def extraction(random_weights: Callable[[str], Path]) -> Extraction:
    return Extraction("vgg16", random_weights("vgg16"), 32, "openvino", "int8", NO_VIEWS)


def needed(others: tuple[str, ...]) -> set[Path]:
    modules = needed_by(Path("cracks/features/computation.py"), *(ENGINES / o for o in others))
    return {m for m in modules if any(m.is_relative_to(path) for path in COMPUTE)}


@pytest.mark.parametrize(("engine", "precision", "others"), SETTINGS)
def test_the_key_holds_the_modules_that_compute(
    engine: str, precision: str, others: tuple[str, ...]
) -> None:
    modules = (*_COMPUTING, *dependencies(engine, "vgg16", precision).modules)
    held = {Path(str(module.__file__)).relative_to(ROOT) for module in modules}
    assert held == needed(others) - WITHOUT_CODE.keys()


@pytest.mark.parametrize(("engine", "precision", "others"), SETTINGS)
def test_the_cache_key_holds_package_versions(
    engine: str, precision: str, others: tuple[str, ...]
) -> None:
    held = context.package_versions(engine, "vgg16", precision).keys()
    of = packages_distributions()
    for module in needed(others):
        for node in ast.walk(syntax_of(module)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in {name.partition(".")[0] for name in names} & of.keys() - NO_PIXELS:
                assert set(of[name]) & held, f"{module} imports {name}"
    assert {"pillow", "numpy", "keras", "tensorflow"} <= held
    assert ("nncf" in held) == (precision == "int8")


NO_PIXELS = {"filelock", "pandas"}  # one conversion at a time, tables


def test_other_versions_find_nothing_in_the_cache(
    extraction: Extraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = context_of(extraction)
    monkeypatch.setattr(context, "version", lambda _: "0")
    assert context_of(extraction) != before


@pytest.mark.parametrize(("edited", "same"), [("resnet50", True), ("vgg16", False)])
def test_only_the_backbones_own_entry_counts(
    edited: str, same: bool, extraction: Extraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = context_of(extraction)
    monkeypatch.setitem(BACKBONES, edited, replace(BACKBONES[edited], layer="another"))
    assert (context_of(extraction) == before) == same


def test_calibration_images_count_for_int8_alone(
    extraction: Extraction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.webp"
    other.write_bytes(b"other images")
    for precision in ("int8", "float32"):
        setting = replace(extraction, precision=precision)
        files = dependencies("openvino", "vgg16", precision).files
        assert (calibration.PATH in files) == (precision == "int8")
        before = context_of(setting)
        with monkeypatch.context() as patch:
            patch.setattr(context, "sha256_of", lambda path: f"another {path}")
            assert (context_of(setting)["files"] == before["files"]) == (precision == "float32")


def test_the_ranges_of_augmentation_count_for_views_alone(extraction: Extraction) -> None:
    other = replace(extraction, augmentation=NO_VIEWS.model_copy(update={"zoom": 0.3}))
    (plain, views), (plain_too, other_views) = contexts_of(extraction), contexts_of(other)
    assert plain == plain_too
    assert views != other_views
