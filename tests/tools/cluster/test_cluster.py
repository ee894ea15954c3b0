"""A real cluster: two Ray nodes on this machine, each of one core."""

import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cracks.backbones.engines.registry import load_cell_engine
from cracks.cells.head import CellHead
from cracks.classifier.classifier import Classifier, Trained
from cracks.features import computation, context
from cracks.features import extraction as features
from cracks.features.computation import Extraction, in_this_process, use_executor
from cracks.features.extraction import extract_features
from cracks.heads.head import LinearHead
from cracks.project.errors import CracksError
from cracks.project.params import load_params
from cracks.tools.photographs import open_photograph, read_inputs
from cracks.tools.walls.cells import CellClassifier
from cracks.tools.walls.crack_map import PATCH
from cracks.tools.walls.inspection import Inspection, inspect
from tests.support.augmentation import NO_VIEWS
from tests.support.heads import ORIGIN
from tests.support.processes import until
from tests.support.project import ROOT

# before Ray is imported here, as `cracks.tools.cluster.work` does it elsewhere
os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
pytest.importorskip("ray", reason="needs Ray: run `make test-cluster`")
from ray.cluster_utils import Cluster

from cracks.tools.cluster import features as cluster_features
from cracks.tools.cluster import photographs as inference
from cracks.tools.cluster import work as cluster
from cracks.tools.cluster.features import use_cluster

Weights = Callable[[str], Path]
Archive = tuple[Path, pd.DataFrame]

SIZE = 32
HEAD = LinearHead(np.random.default_rng(0).normal(size=512), 0.1)
SMALL_ORIGIN = replace(ORIGIN, image_size=SIZE, precision="float32")
VIEWS = NO_VIEWS.model_copy(update={"views": 1})

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),  # Ray's own use of old options
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Ray's clusters are of Linux"),
]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes with a cache folder of their own, not that of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRACKS_CACHE", str(tmp_path_factory.mktemp("nodes")))
        patch.setenv("PYTHONPATH", str(ROOT))  # tests run in other folders as well
        # objects that do not fit into memory go to the disk, however full that is
        settings = {"local_fs_capacity_threshold": 1.0}
        head = {"num_cpus": 1, "include_dashboard": False, "_system_config": settings}
        nodes = Cluster(initialize_head=True, head_node_args=head)
        nodes.add_node(num_cpus=1)
        nodes.wait_for_nodes()
        yield nodes
        nodes.shutdown()


@pytest.fixture
def on_nodes(nodes: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    compute_on(nodes, monkeypatch)


def compute_on(nodes: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute on the cluster from here on, in small parcels."""
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    monkeypatch.setattr(cluster, "_PARCEL", 8)
    register(monkeypatch)


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the cluster compute features until the test ends."""
    monkeypatch.setattr(computation, "_executors", list(computation._executors))
    use_cluster()


@pytest.fixture
def extraction(random_weights: Weights) -> Extraction:
    weights = random_weights("vgg16")
    return Extraction("vgg16", weights, SIZE, "openvino", "float32", NO_VIEWS)


@pytest.mark.parametrize("engine", ["openvino", "tensorflow"])
def test_rows_are_those_of_one_process(
    engine: str,
    extraction: Extraction,
    noise_archive: Archive,
    nodes: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    archive, images = noise_archive
    here, there = tmp_path / "here.npy", tmp_path / "there.npy"
    with_views = replace(extraction, engine=engine, augmentation=VIEWS)
    extract_features(with_views, archive, images, here, use_cache=False)
    compute_on(nodes, monkeypatch)
    capfd.readouterr()
    assert extract_features(with_views, archive, images, there) == 2 * len(images)
    assert there.read_bytes() == here.read_bytes()
    out, err = capfd.readouterr()
    assert out == ""
    first, *bars = err.strip().splitlines()
    assert first == f"Ray cluster at {nodes.address}: nodes 2, cores 2, GPUs 0"
    assert all(line.startswith("vgg16: ") for line in bars), err

    again = tmp_path / "again.npy"
    assert extract_features(with_views, archive, images, again) == 0, "the cache has them all"
    assert again.read_bytes() == here.read_bytes()


def test_a_node_killed_half_way_changes_nothing(
    extraction: Extraction,
    noise_archive: Archive,
    nodes: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive, few = noise_archive
    images = pd.concat([few] * 8, ignore_index=True)
    here, there = tmp_path / "here.npy", tmp_path / "there.npy"
    extract_features(extraction, archive, images, here, use_cache=False)
    victim = nodes.add_node(num_cpus=1)
    nodes.wait_for_nodes()
    compute_on(nodes, monkeypatch)
    received = 0
    plain = features._keep

    def keep_and_kill(*arguments: Any) -> None:
        nonlocal received
        received += len(arguments[2])
        if received == 32:
            nodes.remove_node(victim, allow_graceful=False)
        plain(*arguments)

    monkeypatch.setattr(features, "_keep", keep_and_kill)
    assert extract_features(extraction, archive, images, there, use_cache=False) == 320
    assert received == 320
    assert there.read_bytes() == here.read_bytes()


@pytest.mark.usefixtures("on_nodes")
def test_an_image_that_changed_is_one_sentence(
    extraction: Extraction,
    noise_archive: Archive,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    archive, images = noise_archive
    images = images.copy()
    images.loc[17, "sha256"] = "0" * 64
    output = tmp_path / "out" / "vgg16.npy"
    with pytest.raises(CracksError, match=f"Expected '{images['id'][17]}' in .*, found other byt"):
        extract_features(extraction, archive, images, output)
    assert list(output.parent.iterdir()) == []
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.usefixtures("on_nodes")
def test_an_archive_that_cannot_be_read_is_one_sentence(
    extraction: Extraction, noise_archive: Archive, tmp_path: Path
) -> None:
    archive, images = noise_archive
    images = images.copy()
    images.loc[17, "id"] = "elsewhere.jpg"
    with pytest.raises(CracksError, match="Could not read 'elsewhere.jpg' from"):
        extract_features(extraction, archive, images, tmp_path / "vgg16.npy")


@pytest.mark.usefixtures("on_nodes")
def test_a_worker_of_another_version_is_refused(
    extraction: Extraction,
    noise_archive: Archive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive, images = noise_archive
    monkeypatch.setattr(cluster_features, "code_version", lambda *_: "of here")
    monkeypatch.setattr(context, "version", lambda _: "0.1")
    named = (
        r"\(code [0-9a-f]{12} in place of of here, .*numpy [0-9.]+ in place of 0.1.*\); check out"
    )
    with pytest.raises(
        CracksError, match=f"code and packages of this machine on all nodes .*{named}"
    ):
        extract_features(extraction, archive, images, tmp_path / "vgg16.npy")


class Unstartable:
    """A worker that cannot start, as where the project is missing."""

    def __init__(self, *_arguments: object) -> None:
        raise ModuleNotFoundError("No module named 'cracks'")

    def __call__(self, block: object) -> object:
        return block


@pytest.mark.usefixtures("on_nodes")
def test_a_node_without_the_project_is_one_sentence(
    extraction: Extraction,
    noise_archive: Archive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive, images = noise_archive
    monkeypatch.setattr(cluster, "_Worker", Unstartable)
    with pytest.raises(CracksError, match="could not .*'cracks'.*; every node needs this project"):
        extract_features(extraction, archive, images, tmp_path / "vgg16.npy")


SCRIPT = """
import os, signal, sys
from pathlib import Path
import pandas as pd
from cracks.features import cache, computation, extraction
from cracks.project.params import Augmentation
from cracks.tools.cluster import work as cluster
from cracks.tools.cluster.features import use_cluster
_, archive, table, weights, output = sys.argv
still = Augmentation(views=0, flip="none", rotation=0.0, translation=0.0, zoom=0.0,
                     brightness=0.0, contrast=0.0)
cluster._PARCEL = 8
cache._BETWEEN_WRITES = 0.0
keep = extraction._keep
def keep_twice(*arguments, count=[]):
    keep(*arguments)
    count.append(1)
    if len(count) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
extraction._keep = keep_twice
use_cluster()
how = computation.Extraction("vgg16", Path(weights), 32, "openvino", "float32", still)
extraction.extract_features(how, Path(archive), pd.read_csv(table), Path(output))
"""


@pytest.mark.usefixtures("on_nodes")
def test_a_killed_driver_resumes(
    extraction: Extraction,
    noise_archive: Archive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive, images = noise_archive
    table, output = tmp_path / "images.csv", tmp_path / "out" / "vgg16.npy"
    images.to_csv(table, index=False)
    arguments = [archive, table, extraction.weights, output]
    killed = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)], cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert extract_features(extraction, archive, images, output) == len(images) - 16
    assert list(output.parent.iterdir()) == [output]
    use_executor(in_this_process)
    here = tmp_path / "here.npy"
    extract_features(extraction, archive, images, here, use_cache=False)
    assert output.read_bytes() == here.read_bytes()


@pytest.fixture
def files(
    extraction: Extraction,
    noise_archive: Archive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> list[Path]:
    """Files in the folder of a project with weights; one is no image, one is missing."""
    monkeypatch.chdir(tmp_path)
    archive, images = noise_archive
    with zipfile.ZipFile(archive) as members:
        members.extractall()
    Path("data/weights").mkdir(parents=True)
    Path("data/weights/vgg16.weights.h5").symlink_to(extraction.weights)
    paths = [Path(name) for name in images["id"]]
    paths[3].write_text("no image")
    paths[4].unlink()
    return paths


@pytest.mark.usefixtures("on_nodes")
def test_files_are_classified_as_in_one_process(files: list[Path], extraction: Extraction) -> None:
    reasons: dict[Path, str] = {}
    params = load_params(ROOT / "params.yaml")
    trained = Trained(HEAD, SMALL_ORIGIN, 0.5)
    there = dict(inference.probabilities_on_cluster(trained, params, files, reasons))

    expected: dict[Path, str] = {}
    classifier = Classifier("vgg16", 0.5, SIZE, HEAD, extraction.load())
    here = dict(classifier.probabilities(read_inputs(files, SIZE, expected)))
    assert there == pytest.approx(here, rel=1e-12), "sums of other batches, rounded otherwise"
    assert reasons == expected
    assert set(reasons) == {files[3], files[4]}


@pytest.mark.usefixtures("on_nodes")
def test_photographs_are_mapped_as_in_one_process(
    files: list[Path], extraction: Extraction
) -> None:
    params = load_params(ROOT / "params.yaml")
    cells = CellHead(HEAD, SMALL_ORIGIN)
    there = dict(inference.inspections_on_cluster(cells, params, files[:8], PATCH, None))
    assert there.keys() == set(files[:8])

    engine = load_cell_engine("openvino", "vgg16", extraction.weights, SIZE, "float32")
    classifier = CellClassifier("vgg16", engine, HEAD)
    for path, found in there.items():
        if path in (files[3], files[4]):
            assert isinstance(found, CracksError)
            continue
        assert isinstance(found, Inspection)
        here = inspect(open_photograph(path), path.name, classifier)
        assert found.summary() == here.summary()
        np.testing.assert_array_equal(found.cracks.mask, here.cracks.mask)
        np.testing.assert_allclose(found.crackmap.heat, here.crackmap.heat, rtol=1e-12)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:10001", "nowhere"])
def test_an_address_without_a_cluster_is_one_sentence(
    address: str,
    extraction: Extraction,
    noise_archive: Archive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive, images = noise_archive
    monkeypatch.setenv("RAY_ADDRESS", address)
    register(monkeypatch)
    with pytest.raises(CracksError, match="Expected RAY_ADDRESS to be `auto`, `local` or the host"):
        extract_features(extraction, archive, images, tmp_path / "vgg16.npy")
    assert list(tmp_path.iterdir()) == []


@dataclass(frozen=True)
class Megabytes:
    """Work on large inputs, whose reading leaves a mark in a folder."""

    folder: Path

    @property
    def weights(self) -> Path:
        return self.folder / "weights"

    @property
    def on_gpu(self) -> bool:
        return False

    def software(self) -> dict[str, str]:
        return {}

    @contextmanager
    def reading(self) -> Iterator[Callable[[int], bytes]]:
        def read(number: int) -> bytes:
            (self.folder / f"{number}.read").touch()
            return bytes(2_000_000)

        yield read

    def load(self, weights: Path) -> Callable[[Iterable[tuple[int, bytes]]], list[int]]:
        assert weights.read_bytes() == b"weights"

        def compute(pairs: Iterable[tuple[int, bytes]]) -> list[int]:
            until((self.folder / "go").exists)
            return [number for number, data in pairs if len(data) == 2_000_000]

        return compute


@pytest.mark.usefixtures("on_nodes")
def test_reading_waits_for_workers(tmp_path: Path) -> None:
    work = Megabytes(tmp_path)
    work.weights.write_bytes(b"weights")

    def files_read() -> int:
        return len(list(tmp_path.glob("*.read")))

    def is_read_beyond(count: int) -> bool:
        return until(lambda: files_read() > count, seconds=5)

    def let_workers_go_on() -> int:
        """They return nothing before reading has stopped."""
        until(lambda: files_read() > 0)
        count = files_read()
        while is_read_beyond(count):
            count = files_read()
        (tmp_path / "go").touch()
        return count

    with ThreadPoolExecutor() as pool:
        read_ahead = pool.submit(let_workers_go_on)
        results = sorted(cluster.on_cluster(work, range(400)))
    assert read_ahead.result() < 200, "800 MB would not fit into the object store"
    assert results == list(range(400))


def test_large_items_travel_in_small_parcels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_PARCEL_BYTES", 1000)
    blocks = list(cluster._read_parcel([600, 600, 10, 2000], bytes))
    found = [[item for item, _ in pairs] for block in blocks for pairs in cluster._unpacked(block)]
    assert found == [[600, 600], [10, 2000]]
