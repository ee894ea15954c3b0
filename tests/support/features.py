"""Made features of a split."""

from pathlib import Path

import numpy as np
import pandas as pd

from cracks.tables.row_file import FEATURES, create_rows


def made_features(rows: int, channels: int, seed: int) -> np.ndarray:
    """Features `[rows, channels]` around 0, of deviation 1."""
    return np.random.default_rng(seed).standard_normal((rows, channels))


def write_features(path: Path, parts: dict[str, np.ndarray]) -> pd.DataFrame:
    """Write the features of each part into one row file; the split of their images."""
    path.parent.mkdir(parents=True, exist_ok=True)
    split = pd.DataFrame(
        [
            (f"positive/{part}-{n}.jpg", "positive", part, f"{part}-{n}", f"{part}-{n}")
            for part, features in parts.items()
            for n in range(len(features))
        ],
        columns=["id", "label", "part", "group", "sha256"],
    )
    features = np.concatenate(list(parts.values()))
    rows = create_rows(path, list(split["id"]), FEATURES, (1, features.shape[1]))
    rows[FEATURES][:, 0] = features
    rows.flush()
    return split
