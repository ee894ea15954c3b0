"""What backbones were trained on before any head, by the source of their weights."""

from collections.abc import Mapping

from cracks.backbones.catalogue import BACKBONES, title
from cracks.project.params import name_of_source

_LEARNED_FROM = {
    "edges": "photographs of everyday things (ImageNet), then on edges in photographs",
    "imagenet": "photographs of everyday things (ImageNet)",
    "random": "nothing: its weights are random",
}

_OWN, _RANDOM = "cracks", "random"


def learned_from(backbone: str, source: str) -> str:
    """What a backbone was trained on, in words that follow *on*.

    Args:
        backbone: its name.
        source: a value of `weights` in params.yaml; of a file, nothing but its name is known.
    """
    if source == _OWN:
        start = BACKBONES[backbone].own_start
        before = "" if start == _RANDOM else f"{_LEARNED_FROM[start]}, then on "
        return f"{before}drawn walls"
    known = name_of_source(source)
    return _LEARNED_FROM.get(known, f"what made {known}")


def backbones_learned_from(weights: Mapping[str, str]) -> str:
    """The same of several backbones, in words that follow *trained*."""
    return "; ".join(
        f"{title(name)} on {learned_from(name, source)}" for name, source in weights.items()
    )


def saw_no_photograph(weights: Mapping[str, str]) -> bool:
    """Whether it is known of all these weights that no photograph made them."""
    return all(
        source == _RANDOM or (source == _OWN and BACKBONES[name].own_start == _RANDOM)
        for name, source in weights.items()
    )
