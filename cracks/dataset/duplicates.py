"""Detection of copies: recompressed, brightened, mirrored or rotated by 180 degrees.

Candidates are pairs whose 64-bit difference hashes (Krawetz 2013) differ in at most `MAX_BITS`
bits. Not all pairs are compared: with the bits cut into `MAX_BITS + 1` bands, hashes that differ in
at most `MAX_BITS` bits agree in at least one band (multi-index hashing, Norouzi et al. 2012).
Each candidate is then confirmed by the correlation of the images' detail finer than a fifth of the
image, so that smooth patches under the same light do not count as copies.
"""

from collections.abc import Iterator
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import uniform_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cracks.images.decoding import RGB

MAX_BITS = 8
"""Bits of 64 in which the hashes of two copies may differ."""

MIN_CORRELATION = 0.8
"""Least correlation of the fine detail of two copies; unrelated images have 0 on average."""

MIN_DETAIL = 0.35
"""Standard deviation of fine detail, in grey levels, below which an image is not compared."""

THUMBNAIL = 32  # pixels of a side
_HASHED = 64  # pixels of a side of the image that is hashed
_COARSE = 7  # thumbnail pixels of the local mean that is subtracted
_PAIRS_AT_ONCE = 1 << 20

Thumbnail = NDArray[np.uint8]
Pairs = NDArray[np.int64]
"""`[n, 2]` indices of images, the lower first."""


class Turn(IntEnum):
    """How a copy is mirrored or rotated."""

    NONE = 0
    LEFT_RIGHT = 1
    TOP_BOTTOM = 2
    HALF = 3  # by 180 degrees


_TRANSPOSE = {
    Turn.LEFT_RIGHT: Image.Transpose.FLIP_LEFT_RIGHT,
    Turn.TOP_BOTTOM: Image.Transpose.FLIP_TOP_BOTTOM,
    Turn.HALF: Image.Transpose.ROTATE_180,
}


class Fingerprint(NamedTuple):
    """Hashes and thumbnail of an image, about a kilobyte."""

    hashes: NDArray[np.uint64]  # [4], one for each `Turn`
    thumbnail: Thumbnail  # [32, 32] grey


class Copies(NamedTuple):
    """Pairs of images that are copies of each other."""

    pairs: Pairs
    turns: NDArray[np.int64]  # [n] `Turn` of the second image


def fingerprint(rgb: RGB) -> Fingerprint:
    """The fingerprint of an image uint8 `[height, width, 3]`."""
    grey = Image.fromarray(rgb).convert("L")
    small = grey.resize((_HASHED, _HASHED), Image.Resampling.BOX)
    turned = [small.transpose(_TRANSPOSE[turn]) if turn else small for turn in Turn]
    bits = np.stack([imagehash.dhash(image).hash.ravel() for image in turned])
    hashes = np.packbits(bits, axis=1).view(np.uint64)[:, 0]
    thumbnail = np.asarray(small.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX))
    return Fingerprint(hashes, thumbnail)


def find_copies(hashes: NDArray[np.uint64], thumbnails: Thumbnail) -> Copies:
    """All confirmed pairs of copies.

    Args:
        hashes: `[images, 4]`.
        thumbnails: uint8 `[images, 32, 32]`.
    """
    detail = _detail(thumbnails)
    distinct = detail.std(axis=(1, 2)) >= MIN_DETAIL
    places = np.flatnonzero(distinct)
    pairs, turns = [np.empty((0, 2), np.int64)], [np.empty(0, np.int64)]
    for turn in Turn:
        for near in _candidates(hashes[places, Turn.NONE], hashes[places, turn]):
            candidates = places[near]
            confirmed = _correlation(detail, candidates, turn) >= MIN_CORRELATION
            pairs.append(np.sort(candidates[confirmed], axis=1))
            turns.append(np.full(int(confirmed.sum()), turn.value))
    # a pair appears once from either side and in each band that it shares
    unique, first = np.unique(np.concatenate(pairs), axis=0, return_index=True)
    return Copies(unique, np.concatenate(turns)[first])


def groups_of(images: int, *pairs: Pairs) -> NDArray[np.int64]:
    """The lowest index in each image's group, `[images]`; copies of copies are one group."""
    joined = np.concatenate([*pairs, np.empty((0, 2), np.int64)])
    graph = coo_array((np.ones(len(joined)), (joined[:, 0], joined[:, 1])), (images, images))
    _, component = connected_components(graph, directed=False)
    _, lowest = np.unique(component, return_index=True)
    return np.asarray(lowest[component], np.int64)


def _detail(thumbnails: Thumbnail) -> NDArray[np.float32]:
    """The thumbnails minus their local mean, which removes the lighting."""
    pixels = thumbnails.astype(np.float32)
    detail = pixels - uniform_filter(pixels, (0, _COARSE, _COARSE), mode="reflect")
    centred: NDArray[np.float32] = detail - detail.mean(axis=(1, 2), keepdims=True)
    return centred


def _candidates(hashes: NDArray[np.uint64], turned: NDArray[np.uint64]) -> Iterator[Pairs]:
    """Pairs `(i, j)`, i < j, where `hashes[i]` and `turned[j]` differ in at most `MAX_BITS`."""
    for low, high in _bands():
        mask = np.uint64(((1 << (high - low)) - 1) << low)
        band = turned & mask
        order = np.argsort(band, kind="stable")
        band = band[order]
        wanted = hashes & mask
        starts = np.searchsorted(band, wanted, "left")
        counts = np.searchsorted(band, wanted, "right") - starts
        for block in _blocks(counts):
            first = np.repeat(block, counts[block])
            offsets = np.arange(len(first)) - np.repeat(
                np.cumsum(counts[block]) - counts[block], counts[block]
            )
            second = order[np.repeat(starts[block], counts[block]) + offsets]
            bits = np.bitwise_count(hashes[first] ^ turned[second])
            near = (bits <= MAX_BITS) & (first < second)
            yield np.stack([first[near], second[near]], axis=1)


def _bands() -> Iterator[tuple[int, int]]:
    edges = np.linspace(0, 64, MAX_BITS + 2).round().astype(int)
    yield from ((int(low), int(high)) for low, high in pairwise(edges))


def _blocks(counts: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Runs of indices whose counts sum up to about `_PAIRS_AT_ONCE`."""
    number = np.cumsum(counts) // _PAIRS_AT_ONCE
    yield from np.split(np.arange(len(counts)), np.flatnonzero(np.diff(number)) + 1)


def _correlation(detail: NDArray[np.float32], pairs: Pairs, turn: Turn) -> NDArray[np.float32]:
    """Pearson's r of the fine detail of each pair, after undoing the second image's turn."""
    result = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), 4096):
        chunk = pairs[start : start + 4096]
        first, second = detail[chunk[:, 0]], detail[chunk[:, 1]]
        if turn in (Turn.LEFT_RIGHT, Turn.HALF):
            second = second[:, :, ::-1]
        if turn in (Turn.TOP_BOTTOM, Turn.HALF):
            second = second[:, ::-1]
        product = np.einsum("nij,nij->n", first, second)
        norm = np.sqrt(
            np.einsum("nij,nij->n", first, first) * np.einsum("nij,nij->n", second, second)
        )
        result[start : start + 4096] = product / norm
    return result
