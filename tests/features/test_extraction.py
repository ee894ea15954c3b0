import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cracks.backbones.engines.registry import load_engine
from cracks.features import computation
from cracks.features.computation import Extraction
from cracks.features.extraction import extract_features
from cracks.images.decoding import decode, to_input
from cracks.project.errors import CracksError
from cracks.tables.row_file import FEATURES, open_rows
from tests.support.augmentation import NO_VIEWS

Weights = Callable[[str], Path]
Archive = tuple[Path, pd.DataFrame]

SIZE = 32

pytestmark = pytest.mark.usefixtures("common_models")


@pytest.fixture
def extraction(random_weights: Weights) -> Extraction:
    weights = random_weights("vgg16")
    return Extraction("vgg16", weights, SIZE, "openvino", "float32", NO_VIEWS)


def test_rows_are_the_images_own_features(
    extraction: Extraction, noise_archive: Archive, tmp_path: Path
) -> None:
    archive, images = noise_archive
    output = tmp_path / "vgg16.npy"
    assert extract_features(extraction, archive, images, output) == len(images)

    ids, rows = open_rows(output, FEATURES)
    assert ids == list(images["id"])
    assert rows.shape == (len(images), 1, 512)
    run = load_engine("openvino", "vgg16", extraction.weights, SIZE, "float32")
    import zipfile

    with zipfile.ZipFile(archive) as members:
        pixels = [to_input(decode(members.read(name)), SIZE) for name in ids]
    for index in (0, 17, 39):
        np.testing.assert_array_equal(rows[index, 0], run(pixels[index][np.newaxis])[0])


def test_cached_rows_are_bit_identical_to_fresh_ones(
    extraction: Extraction, noise_archive: Archive, tmp_path: Path
) -> None:
    archive, images = noise_archive
    fresh, filled, again = (tmp_path / f"{name}.npy" for name in ("fresh", "filled", "again"))
    some = images.iloc[::3]
    assert extract_features(extraction, archive, some, tmp_path / "some.npy") == len(some)
    missing = len(images) - len(some)
    assert extract_features(extraction, archive, images, filled) == missing
    assert extract_features(extraction, archive, images, again) == 0
    assert extract_features(extraction, archive, images, fresh, use_cache=False) == len(images)
    assert fresh.read_bytes() == filled.read_bytes() == again.read_bytes()


def test_a_warm_cache_needs_no_engine(
    extraction: Extraction,
    noise_archive: Archive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive, images = noise_archive
    extract_features(extraction, archive, images, tmp_path / "a.npy")
    monkeypatch.setattr(computation, "load_engine", lambda *_: pytest.fail("loaded an engine"))
    extract_features(extraction, archive, images, tmp_path / "b.npy")


def test_features_that_are_not_finite_end_the_stage(
    extraction: Extraction,
    noise_archive: Archive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive, images = noise_archive
    plain = load_engine

    def load_broken(*arguments: object) -> object:
        run = plain(*arguments)  # type: ignore[arg-type]

        def run_broken(pixels: np.ndarray) -> np.ndarray:
            result = run(pixels)
            result[2, 7] = np.nan
            return result

        return run_broken

    monkeypatch.setattr(computation, "load_engine", load_broken)
    output = tmp_path / "out" / "vgg16.npy"
    named = f"Expected finite features of '{images['id'][2]}'"
    with pytest.raises(CracksError, match=named):
        extract_features(extraction, archive, images, output)
    assert list(output.parent.iterdir()) == []
    monkeypatch.setattr(computation, "load_engine", plain)
    assert extract_features(extraction, archive, images, output) == len(images), "none was kept"


def test_other_weights_find_nothing_in_the_cache(
    extraction: Extraction,
    noise_archive: Archive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dataclasses import replace

    archive, images = noise_archive
    extract_features(extraction, archive, images, tmp_path / "a.npy")
    engine = load_engine("openvino", "vgg16", extraction.weights, SIZE, "float32")
    monkeypatch.setattr(computation, "load_engine", lambda *_: engine)
    other = tmp_path / "other.weights.h5"
    other.write_bytes(extraction.weights.read_bytes() + b"0")
    changed = replace(extraction, weights=other)
    assert extract_features(changed, archive, images, tmp_path / "b.npy") == len(images)


def test_views_are_added_to_the_images_themselves(
    extraction: Extraction, noise_archive: Archive, tmp_path: Path
) -> None:
    from dataclasses import replace

    archive, images = noise_archive
    images = images.head(6)
    plain, viewed, reverse = (tmp_path / f"{name}.npy" for name in ("plain", "viewed", "reverse"))
    two = replace(extraction, augmentation=NO_VIEWS.model_copy(update={"views": 2}))
    extract_features(extraction, archive, images, plain)
    assert extract_features(two, archive, images, viewed) == 2 * len(images)
    backwards = images.iloc[::-1]
    assert extract_features(two, archive, backwards, reverse, use_cache=False) == 3 * len(images)

    _, alone = open_rows(plain, FEATURES)
    _, rows = open_rows(viewed, FEATURES)
    _, reversed_rows = open_rows(reverse, FEATURES)
    assert rows.shape == (6, 3, 512)
    np.testing.assert_array_equal(rows[:, :1], alone)
    np.testing.assert_array_equal(rows, reversed_rows[::-1])
    assert not np.array_equal(rows[:, 1], rows[:, 0])
    assert not np.array_equal(rows[:, 1], rows[:, 2])


def test_an_archive_other_than_the_audited_one_is_refused(
    extraction: Extraction, noise_archive: Archive, tmp_path: Path
) -> None:
    archive, images = noise_archive
    images = images.copy()
    images.loc[3, "sha256"] = "0" * 64
    output = tmp_path / "vgg16.npy"
    with pytest.raises(CracksError, match="found other bytes"):
        extract_features(extraction, archive, images, output)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_changes_while_it_is_read_is_noticed(
    extraction: Extraction,
    noise_archive: Archive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive, images = noise_archive
    copy = tmp_path / "images.zip"
    shutil.copy(archive, copy)
    plain = load_engine

    def load_and_touch(*arguments: object) -> object:
        copy.with_name("new.zip").write_bytes(copy.read_bytes())
        copy.with_name("new.zip").rename(copy)
        return plain(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(computation, "load_engine", load_and_touch)
    output = tmp_path / "out" / "vgg16.npy"
    with pytest.raises(CracksError, match="changed while it was read"):
        extract_features(extraction, copy, images, output)
    assert list(output.parent.iterdir()) == []


def test_weights_of_the_other_backbone_leave_no_output(
    extraction: Extraction, random_weights: Weights, noise_archive: Archive, tmp_path: Path
) -> None:
    from dataclasses import replace

    archive, images = noise_archive
    wrong = replace(extraction, weights=random_weights("resnet50"))
    with pytest.raises(CracksError, match="Expected weights of vgg16"):
        extract_features(wrong, archive, images, tmp_path / "vgg16.npy")
    assert list(tmp_path.iterdir()) == []


SCRIPT = """
import sys
from pathlib import Path
import pandas as pd
from cracks.project.errors import exit_on_error
from cracks.features import computation
from cracks.features.extraction import extract_features
from cracks.project.params import Augmentation
_, archive, table, weights, output, marker = sys.argv
views = Augmentation(views=0, flip="none", rotation=0.0, translation=0.0, zoom=0.0,
                     brightness=0.0, contrast=0.0)
extraction = computation.Extraction("vgg16", Path(weights), 32, "openvino", "float32", views)
plain = computation.load_engine
def load_and_tell(*arguments):
    engine = plain(*arguments)
    Path(marker).touch()
    return engine
computation.load_engine = load_and_tell
with exit_on_error():
    extract_features(extraction, Path(archive), pd.read_csv(table), Path(output))
"""


def command(
    archive: Path, images: pd.DataFrame, extraction: Extraction, output: Path
) -> tuple[list[str], Path]:
    table = output.parent.parent / "images.csv"
    images.to_csv(table, index=False)
    marker = output.parent.parent / "computing"
    arguments = [archive, table, extraction.weights, output, marker]
    return [sys.executable, "-c", SCRIPT, *map(str, arguments)], marker


@pytest.mark.slow
def test_killed_at_any_moment_twenty_times_nothing_is_lost(
    extraction: Extraction, noise_archive: Archive, tmp_path: Path
) -> None:
    archive, images = noise_archive
    undisturbed = tmp_path / "undisturbed.npy"
    extract_features(extraction, archive, images, undisturbed, use_cache=False)

    output = tmp_path / "out" / "vgg16.npy"
    words, marker = command(archive, images, extraction, output)
    moments = random.Random(0)
    for _ in range(20):
        marker.unlink(missing_ok=True)
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        while not marker.exists() and process.poll() is None:
            time.sleep(0.002)
            if moments.random() < 0.0005:  # now and then before anything is computed
                break
        deadline = time.monotonic() + moments.uniform(0, 0.4)
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if output.exists():
            assert output.read_bytes() == undisturbed.read_bytes()
            output.unlink()
    subprocess.run(words, check=True)
    assert output.read_bytes() == undisturbed.read_bytes()
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a tmpfs")
def test_a_full_disk_is_one_sentence_and_no_output(
    extraction: Extraction, noise_archive: Archive, tmp_path: Path
) -> None:
    archive, images = noise_archive
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode or os.geteuid():
        pytest.skip("only root may mount a small file system")
    try:
        output = small / "features" / "vgg16.npy"
        output.parent.mkdir()
        (small / "filler").write_bytes(bytes(16_000))
        table = tmp_path / "images.csv"
        images.to_csv(table, index=False)
        arguments = [archive, table, extraction.weights, output, tmp_path / "marker"]
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.strip().splitlines()[-1].startswith("Error: no space left on the disk")
        assert "Traceback" not in done.stderr
        assert list(output.parent.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
