"""A sheet of the images that changed their class, for people who want to see what changed."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cracks.backbones.catalogue import title
from cracks.project.params import Params
from cracks.report.contact_sheet import (
    MOST,
    Frame,
    Section,
    contact_sheet,
    overlaid_maps,
    thumbnails,
)
from cracks.tools.photographs import save_picture
from cracks.tools.review.comparison import FLIP_KINDS, Change, Classifier, Flip
from cracks.tools.review.review import Review

Group = tuple[str, str]
"""A backbone, and a kind of `FLIP_KINDS`."""


def write_flip_sheet(review: Review, path: Path, params: Params) -> str:
    """Write the images that changed their class between the base and now as a PNG file.

    Returns:
        One sentence for the user: what was written and whether anything is left out.

    Raises:
        CracksError: if data/images.zip is missing or holds other images than the results are of.
    """
    classifiers = review.comparison.classifiers
    groups = chosen_flips(classifiers, MOST)
    if not groups:
        return f"No image changed its class: {path} is not written."
    ids = {flip.id for flips in groups.values() for flip in flips}
    images = review.now.tested.images.set_index("id")["sha256"]
    pictures = thumbnails({name: images[name] for name in sorted(ids)})
    wanted: dict[str, list[str]] = {}
    for (backbone, _), flips in groups.items():
        wanted.setdefault(backbone, []).extend(flip.id for flip in flips)
    maps, reason = overlaid_maps(pictures, wanted, params)
    shown, count = sum(map(len, groups.values())), sum(one.flipped for one in classifiers)
    what = f"{shown:,} of {count:,} changes" if shown < count else f"{count:,} changes"
    lines = [
        f"{review.now.name.capitalize()} against {review.base_name}: {what} of an image's class",
        "P(crack) before and now" + (", and the evidence for it now" if maps.pictures else ""),
    ]
    thresholds = {one.backbone: one.changes["threshold"] for one in classifiers}
    sections = [
        _section(backbone, kind, flips, thresholds[backbone])
        for (backbone, kind), flips in groups.items()
    ]
    save_picture(contact_sheet(lines, sections, pictures, maps), path)
    return f"{path}: {what} of an image's class." + (f" Without maps: {reason}" if reason else "")


def chosen_flips(classifiers: Sequence[Classifier], most: int) -> dict[Group, list[Flip]]:
    """At most so many flips, about as many of each kind, the largest changes first."""
    groups = {
        (one.backbone, kind): sorted(flips, key=lambda flip: -abs(flip.now - flip.before))
        for one in classifiers
        for kind, flips in one.flips.items()
        if flips
    }
    in_turn = [group for n in range(most) for group, flips in groups.items() if n < len(flips)]
    return {group: groups[group][:number] for group, number in Counter(in_turn[:most]).items()}


def _section(backbone: str, kind: str, flips: list[Flip], threshold: Change) -> Section:
    heading = f"{title(backbone)}: {FLIP_KINDS[kind].lower()}"
    if threshold.difference:
        heading += f", threshold {threshold.base:.2f} to {threshold.now:.2f}"
    frames = [Frame(f.id, (f"{f.before:.2f} to {f.now:.2f}", f.id), (backbone,)) for f in flips]
    return Section(heading, frames)
