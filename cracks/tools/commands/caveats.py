"""What people should know before they rely on a classifier."""

import sys
from collections.abc import Mapping, Sequence

from cracks.backbones.catalogue import title
from cracks.heads.head import read_origin
from cracks.project.params import SAMPLE
from cracks.project.paths import head_path
from cracks.report.learned import backbones_learned_from
from cracks.tools.drawn import TRAINED_ON_DRAWINGS


def warn_of_drawings(backbones: Sequence[str], weights: Mapping[str, str]) -> None:
    """Say on standard error which heads were trained on drawings, and on what their backbones were.

    Args:
        backbones: those of the heads.
        weights: of params.yaml.

    Raises:
        CracksError: if a head is missing or damaged.
    """
    if drawn := [b for b in backbones if read_origin(head_path(b)).dataset == SAMPLE]:
        print(drawn_sentence(drawn), backbones_trained(drawn, weights), file=sys.stderr)


def drawn_sentence(backbones: Sequence[str]) -> str:
    """That the heads of these were trained on drawings, and what to do about it."""
    return (
        f"Heads of {' and '.join(map(title, backbones))}: {TRAINED_ON_DRAWINGS} (`python -m cracks "
        "external FOLDER`), or train on them (README.md, Your own photographs)."
    )


def backbones_trained(backbones: Sequence[str], weights: Mapping[str, str]) -> str:
    """A sentence on what backbones were trained on; `weights` are those of params.yaml."""
    known = {name: weights[name] for name in backbones if name in weights}
    return f"The backbones were pre-trained: {backbones_learned_from(known)}." if known else ""
