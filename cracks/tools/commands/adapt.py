"""`adapt`: correct the trained heads by a few labelled patches of other walls.

Of the heads for cells, which maps are by, the threshold alone is corrected; see
`cracks.tools.walls.cells`.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cracks.backbones.catalogue import title
from cracks.cells.head import CellHead, save_cell_head
from cracks.classifier.classifier import load_trained
from cracks.dataset.audit import audit_archive
from cracks.dataset.photographs import photographs_of
from cracks.heads.head import training_statistics
from cracks.images.archive import open_archive, read_member, write_archive
from cracks.images.decoding import decode
from cracks.project.params import Params, load_params
from cracks.project.paths import head_path, weights_path
from cracks.project.temporary import temporary_folder
from cracks.runtime.progress import progress
from cracks.tables.labels import class_indices
from cracks.tools.commands.caveats import warn_of_drawings
from cracks.tools.transfer.adaptation import (
    Adapted,
    AdaptedThreshold,
    Expected,
    Labelled,
    adapt_head,
    adapt_threshold,
)
from cracks.tools.transfer.adapted_heads import (
    adapted_path,
    cells_name,
    check_place,
    replaced_heads,
    save_adapted,
)
from cracks.tools.transfer.elsewhere import labelled_images, source_name
from cracks.tools.transfer.external import features_as_trained, seen_sentence, unseen
from cracks.tools.walls.cells import cell_classifier, load_trained_cells

_CUT = r"^(?:.*/)?(.+)-\d+-\d+\.[^.]+$"  # the names that `cut` gives to patches


def run(
    source: Path,
    backbone: str | None,
    name: str | None,
    positive_class: str | None,
    photograph: str | None,
    cracked_share: float | None,
    precision: float,
) -> int:
    """Write models/adapted/<name>/ and print what to expect of the adapted heads."""
    params = load_params()
    name = name or source_name(source)
    check_place(name)
    backbones = params.backbones(backbone)
    trained = {b: (load_trained(b), load_trained_cells(b)) for b in backbones}
    warn_of_drawings(backbones, params.weights)
    aim = (cracked_share, precision)
    adapted = {}
    with temporary_folder() as folder:
        archive = folder / "images.zip"
        chosen = positive_class or params.positive_class
        write_archive(archive, labelled_images(source, chosen))
        images = _usable(archive, source, chosen, params)
        labels = class_indices(images["label"])
        photographs, known = _photographs(images, photograph, params)
        for b, (one, cells) in trained.items():
            features = features_as_trained(b, one.origin, params, archive, images, folder)
            evidence = _evidence(cells, params, archive, images["id"])
            statistics = training_statistics(head_path(b))
            labelled = Labelled(features, labels, photographs)
            adapted[b] = (
                adapt_head(one.head, statistics, labelled, *aim, photographs_known=known),
                adapt_threshold(evidence, labels, photographs, *aim, photographs_known=known),
            )
    facts = {
        "labels": len(labels),
        "cracked": int(labels.sum()),
        "photographs": len(np.unique(photographs)),
        "cracked_share": cracked_share,
        "precision": precision,
    }
    with replaced_heads(name) as unfinished:  # after all the work, and all at once
        for b, heads in adapted.items():
            _save(unfinished, trained[b][1], heads, facts)
    for b, heads in adapted.items():
        _print(adapted_path(name, b), b, *heads)
    print(
        f"Use them:  python -m cracks predict PATH --head {name}\n"
        f"           python -m cracks predict PATH --map maps --head {name}\n"
        f"           python -m cracks app --head {name}"
    )
    return 0


def _usable(archive: Path, source: Path, positive_class: str, params: Params) -> pd.DataFrame:
    """The patches that can be read and are not the pipeline's own; says how many are left out."""
    audit = audit_archive(archive, positive_class, params.audit, str(source))
    if len(audit.rejected):
        first = audit.rejected.iloc[0]
        print(
            f"Left out: {len(audit.rejected):,} files that cannot be used, the first "
            f"{first['name']}: {first['reason']}.",
            file=sys.stderr,
        )
    images, seen = unseen(archive, audit.images, params.audit)
    if seen:
        print(seen_sentence(seen), file=sys.stderr)
    return images


def _save(
    folder: Path, cells: CellHead, adapted: tuple[Adapted, AdaptedThreshold], facts: dict[str, Any]
) -> None:
    """Write both heads of a backbone; the log-odds of that for cells are 0 at its threshold."""
    backbone, (head, of_maps) = cells.origin.backbone, adapted
    shifted = cells.head._replace(bias=cells.head.bias - of_maps.logit)
    save_cell_head(cells._replace(head=shifted), folder / cells_name(backbone))
    expected = of_maps.expected and of_maps.expected._asdict()
    maps = {"shift": of_maps.logit, "expected": expected}
    save_adapted(folder, backbone, head, {**facts, "maps": maps})


def _print(path: Path, backbone: str, head: Adapted, of_maps: AdaptedThreshold) -> None:
    """Say what to expect of both heads of a backbone."""
    more = "more" if of_maps.logit > 0 else "less"
    print(f"{title(backbone)}: {path}, threshold {head.threshold:.4f}")
    print(f"  {_expectation(head.expected, head.reason, 'it finds')}")
    print(f"  In maps, a cell counts as cracked at {abs(of_maps.logit):.2f} {more} log-odds.")
    print(f"  {_expectation(of_maps.expected, of_maps.reason, 'a map finds')}")


def _evidence(
    cells: CellHead, params: Params, archive: Path, ids: "pd.Series[str]"
) -> NDArray[np.float64]:
    """The log-odds of the strongest cell of each patch, `[n]`."""
    backbone = cells.origin.backbone
    classifier = cell_classifier(cells, params.engine, weights_path(backbone))
    with open_archive(archive) as members:
        names = progress(ids, desc=f"{backbone}, cells", unit="img")
        return np.array([classifier.strongest(decode(read_member(members, one))) for one in names])


def _photographs(
    images: pd.DataFrame, photograph: str | None, params: Params
) -> tuple[NDArray[np.str_], bool]:
    """The photograph of each patch, and whether it is known; else the patch's group of copies."""
    ids = images["id"]
    rule = photograph or params.photos.group
    if rule is None and ids.str.match(_CUT).all():
        rule = _CUT
    if rule is None:
        return images["group"].to_numpy().astype(str), False
    setting = "--photograph" if photograph else "photos.group"
    return photographs_of(ids, rule, setting).to_numpy().astype(str), True


def _expectation(expected: Expected | None, reason: str, finds: str) -> str:
    if expected is None:
        return f"Nothing can be promised of other photographs: {reason}."

    def shown(value: float, interval: tuple[float, float]) -> str:
        return f"{value:.0%} [{interval[0]:.0%}, {interval[1]:.0%}]"

    recall = shown(expected.recall, expected.recall_interval)
    precision = shown(expected.precision, expected.precision_interval)
    return (
        f"Expected on further patches of such photographs: {finds} {recall} of the cracked "
        f"patches, and {precision} of what it calls cracked is cracked."
    )
