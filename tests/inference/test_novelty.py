from dataclasses import replace
from pathlib import Path

import numpy as np

from cracks.backbones.engines.batches import BATCH
from cracks.backbones.engines.registry import FeaturesAndMaps
from cracks.inference.novelty import Familiar, sample_features
from cracks.pipeline.row_file import FEATURES, create_rows
from tests.support.walls import CLASSIFIER, PATCH, wall

GENERATOR = np.random.default_rng(0)
SCALES = np.array([1.0, 100.0, 0.01, 5.0])  # of the channels


def familiar(path: Path, rows: int = 300) -> Familiar:
    file = create_rows(path, [f"positive/{n}.jpg" for n in range(rows)], FEATURES, (1, 4))
    file[FEATURES][:, 0] = GENERATOR.standard_normal((rows, 4)) * SCALES
    file.flush()
    return Familiar(path)


def test_more_of_the_same_is_familiar_and_something_else_is_not(tmp_path: Path) -> None:
    known = familiar(tmp_path / "features.npy")
    same = (GENERATOR.standard_normal((400, 4)) * SCALES).astype(np.float32)
    assert known.unfamiliar_share(same) < 0.15
    other = same.copy()
    other[:100, 2] += 0.2  # twenty deviations of a faint channel
    assert 0.24 < known.unfamiliar_share(other) < 0.4


def test_a_batch_of_patches_is_spread_over_the_photograph() -> None:
    seen: list[np.ndarray] = []

    def engine(batch: np.ndarray) -> FeaturesAndMaps:
        seen.append(batch)
        means = batch.mean(axis=(1, 2))[:, :1].astype(np.float32)
        return FeaturesAndMaps(means, means[:, np.newaxis, np.newaxis])

    rgb = wall()
    rgb[:PATCH], rgb[-PATCH:] = 10, 250
    features = sample_features(rgb, replace(CLASSIFIER, engine=engine), PATCH)
    assert [len(batch) for batch in seen] == [BATCH]
    assert features.min() == 10
    assert features.max() == 250
