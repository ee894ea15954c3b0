from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cracks.images.archive import write_archive
from cracks.project.errors import CracksError
from cracks.project.paths import ARCHIVE
from cracks.tools.commands import cli
from cracks.tools.commands.review import Exit
from cracks.tools.review.comparison import FLIP_KINDS, Classifier, Flip
from cracks.tools.review.flip_sheet import chosen_flips
from tests.support.images import jpeg
from tests.support.results import commit, git, write_lock, write_results

COLOURS = {
    f"positive/{number:04}.jpg": colour
    for number, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 255)])
}
IMAGES = {
    name: jpeg(np.full((64, 64, 3), colour, np.uint8), quality=100)
    for name, colour in COLOURS.items()
}


def flips(**found: int) -> dict[str, list[Flip]]:
    kinds = dict.fromkeys(FLIP_KINDS, 0) | found
    return {
        kind: [Flip(f"{kind}/{n}", 0.5, 0.5 + n / 100) for n in range(count)]
        for kind, count in kinds.items()
    }


def test_each_kind_has_its_share_and_the_largest_changes_come_first() -> None:
    classifiers = [
        Classifier("resnet50", {}, flips(newly_missed=40, alarms_gone=2)),
        Classifier("vgg16", {}, flips(new_alarms=40)),
    ]
    chosen = chosen_flips(classifiers, 10)
    counts = {group: len(found) for group, found in chosen.items()}
    assert counts == {
        ("resnet50", "newly_missed"): 4,
        ("resnet50", "alarms_gone"): 2,
        ("vgg16", "new_alarms"): 4,
    }
    assert [flip.id for flip in chosen["vgg16", "new_alarms"]] == [
        f"new_alarms/{n}" for n in (39, 38, 37, 36)
    ]
    assert chosen_flips([Classifier("vgg16", {}, flips())], 10) == {}


def test_the_sheet_shows_what_changed_its_class_and_nothing_else(
    results_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git("checkout", "--quiet", "main")
    write_archive(ARCHIVE, IMAGES.items())
    write_results(1, images=IMAGES)
    write_lock()
    commit("Pictures")
    git("checkout", "--quiet", "-B", "change")
    write_results(3, images=IMAGES)
    write_lock()

    status = cli.cli.main(["review", "--sheet", "flips.png"], standalone_mode=False)
    assert status == Exit.GOOD
    said = capsys.readouterr()
    assert "- Newly missed cracks (2): `positive/0001.jpg` 0.90 → 0.20" in said.out
    assert "flips.png: 2 changes of an image's class. Without maps: " in said.err
    pixels = np.asarray(Image.open("flips.png").convert("RGB")).astype(int)
    shown = {
        name: int((np.abs(pixels - colour).max(axis=2) < 6).sum())
        for name, colour in COLOURS.items()
    }
    assert shown.pop("positive/0001.jpg") == shown.pop("positive/0002.jpg") == 168 * 168
    assert set(shown.values()) == {0}


def test_nothing_changed_is_no_sheet(
    results_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.cli.main(["review", "--sheet", "flips.png"], standalone_mode=False)
    assert "No image changed its class: flips.png is not written." in capsys.readouterr().err
    assert not Path("flips.png").exists()


def test_a_sheet_needs_the_images(
    results_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ARCHIVE.unlink()
    with pytest.raises(CracksError, match="Expected data/images.zip for --sheet, found none"):
        cli.cli.main(["review", "--sheet", "flips.png"], standalone_mode=False)
    assert capsys.readouterr().out == "", "said before the work begins"
