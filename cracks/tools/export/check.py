"""The check of an exported model against the pipeline.

There are two comparisons: of logits on coloured images of the backbone's own input size, which need
no resizing, so that nothing but the model can make a difference; and of probabilities on test
images, which are resized. Libraries round differently when they resize, by up to one grey level in
a pixel, so the second comparison tolerates more; a float32 model of a head that was trained on int8
features differs by more than that: the difference is reported and not limited.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from cracks.classifier.classifier import Classifier, Trained
from cracks.evaluation.metrics import is_crack
from cracks.images.archive import open_archive, read_member
from cracks.images.decoding import RGB, decode
from cracks.project.errors import CracksError
from cracks.project.paths import ARCHIVE
from cracks.tables.inputs import read_predictions

LOGIT_TOLERANCE = 0.01
"""Largest difference of a logit, as a share of the spread of logits over the probe images."""

TOLERANCE = 0.1
"""Largest difference of a probability where images are resized."""

_PROBES = 8  # coloured images

_CHECKED = 32  # images

Predict = Callable[[RGB], NDArray[np.float32]]
"""One image `[h, w, 3]` -> its probabilities `[2]`."""


def description(trained: Trained) -> dict[str, str]:
    """The metadata of an exported model, text by name."""
    return {
        **{key: str(value) for key, value in asdict(trained.origin).items() if key != "packages"},
        "classes": ", ".join(trained.origin.classes),
        "threshold": f"{trained.threshold:.4f}",
        "packages": ", ".join(f"{k} {v}" for k, v in trained.origin.packages.items()),
    }


def check_logits(predict: Predict, classifier: Classifier) -> None:
    """Compare the logits of coloured images of the classifier's own size.

    Raises:
        CracksError: if one differs by more than `LOGIT_TOLERANCE` of their spread.
    """
    probes = probe_images(classifier.image_size)
    ours = _logits([(1 - p, p) for _, p in classifier.probabilities(enumerate(probes))])
    theirs = _logits([predict(rgb) for rgb in probes])
    difference = float(np.abs(ours - theirs).max() / max(np.ptp(ours), 1e-6))
    if not difference <= LOGIT_TOLERANCE:
        raise CracksError(
            f"Expected logits within {100 * LOGIT_TOLERANCE:g} % of the pipeline's on coloured "
            f"images, found a difference of {100 * difference:.2f} %; nothing was written."
        )


def probe_images(size: int) -> list[RGB]:
    """Smooth images of strong and different colours, uint8 `[size, size, 3]`."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (_PROBES, 6, 6, 3), dtype=np.uint8)
    small = map(Image.fromarray, coarse)
    return [np.asarray(one.resize((size, size), Image.Resampling.BICUBIC)) for one in small]


def _logits(probabilities: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """The log of the odds of each `[no crack, crack]`; of both, which keeps more digits."""
    logs = np.log(np.maximum(np.array(probabilities, np.float64), 1e-30))
    return np.asarray(logs[:, 1] - logs[:, 0])


class Agreement(NamedTuple):
    """How close a model's probabilities of test images are to the pipeline's."""

    images: int
    worst: float  # difference
    changed: int  # images whose class differs

    def check(self) -> None:
        """Check that resizing explains the difference.

        Raises:
            CracksError: if the largest difference is above `TOLERANCE`.
        """
        if not self.worst <= TOLERANCE:
            raise CracksError(
                f"Expected probabilities within {TOLERANCE} of the pipeline's, found a difference "
                f"of {self.worst:.4f}; nothing was written."
            )

    def sentence(self) -> str:
        """The agreement in words."""
        return (
            f"the probabilities of {self.images} test images differ by at most {self.worst:.5f} "
            f"from the pipeline's, the class of {self.changed}"
        )


def compare_probabilities(predict: Predict, trained: Trained) -> Agreement:
    """Compare with the pipeline's numbers on test images across the range of probabilities.

    Raises:
        CracksError: if the pipeline has no numbers to compare with.
    """
    reference = _reference(trained.origin.backbone)
    theirs, ours = np.array([(float(predict(rgb)[1]), p) for rgb, p in reference]).T
    changed = is_crack(theirs, trained.threshold) != is_crack(ours, trained.threshold)
    return Agreement(len(ours), float(np.abs(theirs - ours).max()), int(changed.sum()))


def _reference(backbone: str) -> Iterator[tuple[RGB, float]]:
    """Test images across the range of probabilities, each with the pipeline's probability."""
    table = read_predictions()
    rows = table[table["backbone"] == backbone].sort_values("probability", kind="stable")
    chosen = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, _CHECKED).round().astype(int))]
    with open_archive(ARCHIVE) as archive:
        for name, probability in zip(chosen["id"], chosen["probability"], strict=True):
            yield decode(read_member(archive, name)), float(probability)
