from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.overlaps import best_matches, write_sheet
from cracks.drawing.masked import encode_jpeg
from cracks.drawing.walls import draw_photograph
from cracks.images.archive import write_archive


def test_the_patch_next_to_it_is_the_best_match(tmp_path: Path) -> None:
    """Two patches of each of eight walls, shifted by a fifth; one of them turned."""
    members = []
    for wall in range(8):
        rgb = draw_photograph(300, 240, seed=wall).rgb
        members += [
            (f"positive/{wall}-a.jpg", encode_jpeg(rgb[:220, :220], 90)),
            (
                f"positive/{wall}-b.jpg",
                encode_jpeg(np.ascontiguousarray(rgb[10:230, 264:44:-1]), 90),
            ),
        ]
    archive = tmp_path / "images.zip"
    write_archive(archive, members)
    names = [name for name, _ in members]
    matches = best_matches(archive, pd.DataFrame({"id": names, "group": names}), 16, seed=0)
    right = sum(match.image[:-5] == match.other[:-5] for match in matches)
    assert right >= 14
    assert matches == sorted(matches, reverse=True)
    write_sheet(archive, matches, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 1000
