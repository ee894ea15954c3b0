import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cracks.backbones.catalogue import BACKBONES
from cracks.backbones.engines.batches import BATCH, Pixels
from cracks.backbones.engines.registry import ENGINES, Features, load_engine, load_map_engine
from cracks.drawing.walls import draw
from cracks.images.decoding import to_input
from cracks.project.errors import CracksError
from tests.support.pooling import generalised_mean

Weights = Callable[[str], Path]
Engine = Callable[[Pixels], Features]
SIZE = 64

pytestmark = pytest.mark.usefixtures("common_models")


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (BATCH, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def engines(random_weights: Weights) -> dict[tuple[str, str], Engine]:
    return {
        (engine, backbone): load_engine(engine, backbone, random_weights(backbone), SIZE, "float32")
        for engine in ENGINES
        for backbone in BACKBONES
    }


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_engine_agrees_with_the_reference(
    engines: dict[tuple[str, str], Engine], pixels: np.ndarray, engine: str, backbone: str
) -> None:
    ours = engines[engine, backbone](pixels)
    reference = engines["tensorflow", backbone](pixels)
    assert ours.dtype == reference.dtype == np.float32
    assert np.abs(ours - reference).max() <= 2e-5 * np.abs(reference).max()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_features_do_not_depend_on_the_other_images_of_the_batch(
    engines: dict[tuple[str, str], Engine], pixels: np.ndarray, engine: str, backbone: str
) -> None:
    run = engines[engine, backbone]
    whole = run(pixels)
    np.testing.assert_array_equal(run(pixels[5:6])[0], whole[5])
    np.testing.assert_array_equal(run(pixels[::-1][:7]), whole[::-1][:7])


def test_maps_come_with_the_same_features(
    engines: dict[tuple[str, str], Engine], random_weights: Weights, pixels: np.ndarray
) -> None:
    run = load_map_engine("openvino", "vgg16", random_weights("vgg16"), SIZE, "float32")
    features, maps = run(pixels[:3])
    np.testing.assert_allclose(features, engines["openvino", "vgg16"](pixels[:3]), rtol=1e-5)
    np.testing.assert_allclose(features, generalised_mean(maps), rtol=1e-4, atol=1e-5)


def test_bfloat16_is_computed_or_refused_but_never_replaced(
    engines: dict[tuple[str, str], Engine], random_weights: Weights, pixels: np.ndarray
) -> None:
    float32 = engines["openvino", "vgg16"](pixels)
    try:
        run = load_engine("openvino", "vgg16", random_weights("vgg16"), SIZE, "bfloat16")
    except CracksError as error:
        assert "precision: float32" in str(error)
        run = load_engine("tensorflow", "vgg16", random_weights("vgg16"), SIZE, "bfloat16")
    bfloat16 = run(pixels)
    assert bfloat16.dtype == np.float32
    assert not np.array_equal(bfloat16, float32)
    assert np.abs(bfloat16 - float32).max() <= 0.03 * np.abs(float32).max()


@pytest.mark.slow
def test_int8_is_near_float32_and_a_function_of_each_image(
    engines: dict[tuple[str, str], Engine], random_weights: Weights
) -> None:
    pixels = np.stack([to_input(draw("positive", n, seed=1).rgb, SIZE) for n in range(BATCH)])
    float32 = engines["openvino", "vgg16"](pixels)
    run = load_map_engine("openvino", "vgg16", random_weights("vgg16"), SIZE, "int8")
    features, maps = run(pixels)
    assert features.dtype == np.float32
    assert 0 < np.abs(features - float32).mean() <= 0.05 * np.abs(float32).mean()
    np.testing.assert_allclose(generalised_mean(maps), features, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(run(pixels[5:6]).features[0], features[5])
    alone = load_engine("openvino", "vgg16", random_weights("vgg16"), SIZE, "int8")
    np.testing.assert_array_equal(alone(pixels[::-1][:7]), features[::-1][:7])


def test_tensorflow_says_that_it_has_no_int8(random_weights: Weights) -> None:
    sentence = "Expected `precision: float32` or `bfloat16` for `engine: tensorflow`, found int8"
    with pytest.raises(CracksError, match=sentence):
        load_engine("tensorflow", "vgg16", random_weights("vgg16"), SIZE, "int8")


SCRIPT = """
import os, sys
from pathlib import Path
import numpy as np
cores = set(list(os.sched_getaffinity(0))[: int(sys.argv[3])])
os.sched_setaffinity(0, cores)
from cracks.backbones.engines.registry import load_engine
pixels = np.random.default_rng(2).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
run = load_engine("openvino", sys.argv[1], Path(sys.argv[2]), 64, sys.argv[4])
sys.stdout.write(run(pixels).tobytes().hex())
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are pinned as on Linux")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "precision"), [("resnet50", "float32"), ("vgg16", "float32"), ("vgg16", "int8")]
)
def test_one_core_and_all_give_the_same_bits(
    random_weights: Weights, backbone: str, precision: str
) -> None:
    path = str(random_weights(backbone))
    results = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, backbone, path, str(cores), precision],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for cores in (1, os.cpu_count())
    ]
    assert results[0]
    assert results[0] == results[1]


def test_an_unknown_engine_is_one_sentence(random_weights: Weights) -> None:
    sentence = f"params.yaml: 'engine': expected {' or '.join(ENGINES)}, found 'openvno'; did you"
    with pytest.raises(CracksError, match=sentence):
        load_engine("openvno", "vgg16", random_weights("vgg16"), SIZE, "float32")
