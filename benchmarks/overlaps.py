"""Patches that overlap by a shift: a contact sheet of the best matches of a few images.

The central half of an image is correlated at all shifts and in four turns with every other image
of its class outside its group. The correlation of cracks that merely look alike is as high as that
of the same crack photographed twice, so a person has to judge them and the audit cannot.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import fft
from scipy.ndimage import uniform_filter

from cracks.images.archive import open_archive, read_member
from cracks.images.decoding import decode
from cracks.project.outputs import replacing

_SIDE = 56  # pixels of the images that are compared
_HALF = _SIDE // 2
_PADDED = 64
_COARSE = 9  # pixels over which the light is averaged
_SHOWN = 150  # pixels of a picture on the sheet
_PAIRS_A_ROW = 6


class Match(NamedTuple):
    """An image and the one outside its group that matches its central half best."""

    correlation: float
    image: str
    other: str


def best_matches(archive: Path, images: pd.DataFrame, count: int, seed: int) -> list[Match]:
    """Matches of `count` images drawn from `images` (`id`, `group`), the best first."""
    details = _details(archive, images["id"])
    spectra = fft.rfft2(details, s=(_PADDED, _PADDED)).astype(np.complex64)
    energy = _energy(details)
    ids, groups = images["id"].to_numpy(), images["group"].to_numpy()
    drawn = np.random.default_rng(seed).choice(len(ids), size=count, replace=False)
    matches = []
    for index in drawn:
        best = _correlations(details[index], spectra, energy)
        best[groups == groups[index]] = -1
        other = int(best.argmax())
        matches.append(Match(float(best[other]), str(ids[index]), str(ids[other])))
    return sorted(matches, reverse=True)


def _details(archive: Path, names: "pd.Series[str]") -> NDArray[np.float32]:
    details = np.empty((len(names), _SIDE, _SIDE), np.float32)
    with open_archive(archive) as members:
        for place, name in enumerate(names):
            grey = Image.fromarray(decode(read_member(members, name))).convert("L")
            details[place] = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BOX))
    return np.asarray(details - uniform_filter(details, (0, _COARSE, _COARSE), mode="reflect"))


def _energy(details: NDArray[np.float32]) -> NDArray[np.float32]:
    """Deviation of each window of half a side, times the root of its pixels."""
    sums = [_window_sums(details.astype(np.float64) ** power) for power in (1, 2)]
    return np.sqrt(np.maximum(sums[1] - sums[0] ** 2 / _HALF**2, 1e-3)).astype(np.float32)


def _window_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.pad(values.cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0)))
    below, above = total[:, _HALF:], total[:, :-_HALF]
    return np.asarray(
        below[..., _HALF:] - below[..., :-_HALF] - above[..., _HALF:] + above[..., :-_HALF]
    )


def _correlations(
    detail: NDArray[np.float32], spectra: NDArray[np.complex64], energy: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The highest correlation over all shifts and turns with each image, `[images]`."""
    quarter = _SIDE // 4
    centre = detail[quarter : quarter + _HALF, quarter : quarter + _HALF]
    centre = centre - centre.mean()
    centre /= np.linalg.norm(centre) + 1e-9
    best = np.full(len(spectra), -1.0, np.float32)
    places = _SIDE - _HALF + 1
    for turned in (centre, centre[:, ::-1], centre[::-1], centre[::-1, ::-1]):
        filtered = np.conj(fft.rfft2(turned, s=(_PADDED, _PADDED)))
        product = fft.irfft2(spectra * filtered, s=(_PADDED, _PADDED), workers=-1)
        shifts = product[:, :places, :places] / energy
        best = np.maximum(best, shifts.reshape(len(best), -1).max(axis=1))
    return best


def write_sheet(archive: Path, matches: list[Match], path: Path) -> None:
    """Write the matches side by side, the best first, as one picture."""
    rows = -(-len(matches) // _PAIRS_A_ROW)
    sheet = Image.new("RGB", (_PAIRS_A_ROW * (2 * _SHOWN + 10), rows * (_SHOWN + 20)), "white")
    draw = ImageDraw.Draw(sheet)
    with open_archive(archive) as members:
        for place, match in enumerate(matches):
            x = place % _PAIRS_A_ROW * (2 * _SHOWN + 10)
            y = place // _PAIRS_A_ROW * (_SHOWN + 20)
            draw.text((x, y), f"{match.correlation:.2f} {match.image} {match.other}", fill="black")
            for offset, name in ((0, match.image), (_SHOWN + 2, match.other)):
                picture = Image.fromarray(decode(read_member(members, name)))
                sheet.paste(picture.resize((_SHOWN, _SHOWN)), (x + offset, y + 14))
    with replacing(path) as temporary:
        sheet.save(temporary)
