"""Detection of copies: recompressed, brightened, mirrored or rotated by 180 degrees.

Candidates are pairs whose 64-bit difference hashes (Krawetz 2013) differ in at most `MAX_BITS`
bits. Not all pairs are compared: with the bits cut into `MAX_BITS + k` blocks, hashes that differ
in at most `MAX_BITS` bits agree in at least k blocks, so sorting by each choice of k blocks brings
all candidates together (Manku, Jain and Das Sarma 2007, section 3). Each candidate is then
confirmed by the correlation of the images' detail finer than a fifth of the image, so that smooth
patches under the same light do not count as copies. Places where nearly all images have the same
detail, such as a frame, the edge of an endoscope's picture or a caption, are left out of it.
"""

import math
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import combinations, pairwise
from typing import NamedTuple, Self

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
"""Smallest correlation of the fine detail of two copies; that of unrelated images averages 0."""

MIN_DETAIL = 0.35
"""Standard deviation of fine detail, in grey levels, below which an image is not compared."""

THUMBNAIL = 32  # pixels of a side
_COMMON = 0.7  # mean sign of the detail at a place, from which it counts as common to all images
_ENOUGH = 20  # images from which that is no chance
_HASHED = 64  # pixels of a side of the image that is hashed
_COARSE = 7  # thumbnail pixels of the local mean that is subtracted
_PAIRS_AT_ONCE = 1 << 20
_IMAGES_AT_ONCE = 4096
_COMPARED_AT_ONCE = 4096  # pairs
_HALF = np.uint64(32)  # bits of a key that hold the index
_INDEX = np.uint64(0xFFFFFFFF)

Block = tuple[int, int]
"""First bit and the one after the last."""

Thumbnail = NDArray[np.uint8]
Pairs = NDArray[np.int64]
"""`[n, 2]` indices of images, the lower first."""


class Turn(IntEnum):
    """How a copy is mirrored or rotated."""

    NONE = 0
    LEFT_RIGHT = 1
    TOP_BOTTOM = 2
    HALF = 3  # by 180 degrees


_STEPS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
"""The steps through rows and columns that turn an image, by `Turn`."""


class Fingerprint(NamedTuple):
    """Hashes and thumbnail of an image, about a kilobyte."""

    hashes: NDArray[np.uint64]  # [4], one for each `Turn`
    thumbnail: Thumbnail  # [32, 32] grey

    @classmethod
    def empty(cls, images: int) -> Self:
        """Room for the fingerprints of so many images."""
        sides = (THUMBNAIL, THUMBNAIL)
        return cls(np.empty((images, len(Turn)), np.uint64), np.empty((images, *sides), np.uint8))


class Copies(NamedTuple):
    """Pairs of images that are copies of each other."""

    pairs: Pairs
    turns: NDArray[np.int64]  # [n] `Turn` of the second image


def fingerprint(rgb: RGB) -> Fingerprint:
    """The fingerprint of an image uint8 `[height, width, 3]`."""
    small = Image.fromarray(rgb).convert("L").resize((_HASHED, _HASHED), Image.Resampling.BOX)
    pixels = np.asarray(small)
    turned = [Image.fromarray(pixels[::rows, ::columns]) for rows, columns in _STEPS]
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
    own = _own_places(thumbnails)
    places = np.flatnonzero(_has_detail(thumbnails, own))
    pairs, turns = [np.empty((0, 2), np.int64)], [np.empty(0, np.int64)]
    for turn in Turn:
        for near in _candidates(hashes[places, Turn.NONE], hashes[places, turn]):
            candidates = places[near]
            confirmed = _correlation(thumbnails, candidates, turn, own) >= MIN_CORRELATION
            pairs.append(candidates[confirmed])
            turns.append(np.full(int(confirmed.sum()), turn.value))
    # a pair may match in several turns; the first counts
    unique, first = np.unique(np.concatenate(pairs), axis=0, return_index=True)
    return Copies(unique, np.concatenate(turns)[first])


def groups_of(images: int, *pairs: Pairs) -> NDArray[np.int64]:
    """The lowest index in each image's group, `[images]`; copies of copies are one group."""
    joined = np.concatenate([*pairs, np.empty((0, 2), np.int64)])
    graph = coo_array((np.ones(len(joined)), (joined[:, 0], joined[:, 1])), (images, images))
    _, component = connected_components(graph, directed=False)
    _, lowest = np.unique(component, return_index=True)
    return np.asarray(lowest[component], np.int64)


def _own_places(thumbnails: Thumbnail) -> NDArray[np.bool_]:
    """Where images differ, `[32, 32]`: not where nearly all are lighter, or darker, than nearby."""
    signs = np.zeros((THUMBNAIL, THUMBNAIL))
    if len(thumbnails) < _ENOUGH:
        return np.ones(signs.shape, bool)
    for chunk in _chunks(thumbnails):
        signs += np.sign(_fine(chunk)).sum(axis=0)
    common = np.abs(signs) >= _COMMON * len(thumbnails)
    for axis in (0, 1):  # for mirrored images as well
        common |= np.flip(common, axis)
    return np.asarray(~common)


def _has_detail(thumbnails: Thumbnail, own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which images `[n]` have enough fine detail to be compared."""
    deviations = [_detail(chunk, own).std(axis=(1, 2)) for chunk in _chunks(thumbnails)]
    return np.concatenate(deviations) >= MIN_DETAIL


def _chunks(thumbnails: Thumbnail) -> list[Thumbnail]:
    return np.split(thumbnails, range(_IMAGES_AT_ONCE, len(thumbnails), _IMAGES_AT_ONCE))


def _fine(thumbnails: Thumbnail) -> NDArray[np.float32]:
    """The thumbnails minus their local mean, which removes the lighting."""
    pixels = thumbnails.astype(np.float32)
    return np.asarray(pixels - uniform_filter(pixels, (0, _COARSE, _COARSE), mode="reflect"))


def _detail(thumbnails: Thumbnail, own: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The fine detail of the images' own places, centred; 0 elsewhere."""
    detail = _fine(thumbnails)
    if own.all():
        centred: NDArray[np.float32] = detail - detail.mean(axis=(1, 2), keepdims=True)
        return centred
    if not own.any():
        return np.zeros_like(detail)
    mean = detail.mean(axis=(1, 2), keepdims=True, where=own)
    return np.where(own, detail - mean, np.float32(0))


def _candidates(hashes: NDArray[np.uint64], turned: NDArray[np.uint64]) -> Iterator[Pairs]:
    """Pairs `(i, j)`, i < j, where `hashes[i]` and `turned[j]` differ in at most `MAX_BITS`.

    Each pair is yielded once, for the first choice of blocks in which it agrees.
    """
    agreeing = _agreeing_blocks(len(hashes))
    blocks = _blocks(MAX_BITS + agreeing)
    for chosen in combinations(blocks, agreeing):
        passed = [b for b in blocks[: blocks.index(chosen[-1])] if b not in chosen]
        for first, second in _same(_keys(hashes, chosen), _keys(turned, chosen)):
            different = hashes[first] ^ turned[second]
            near = np.bitwise_count(different) <= MAX_BITS
            pairs, different = np.stack([first[near], second[near]], axis=1), different[near]
            is_new = np.ones(len(pairs), bool)
            for block in passed:
                is_new &= _bits(different, block) != 0
            yield pairs[is_new]


def _agreeing_blocks(images: int) -> int:
    """The number of agreeing blocks, k, that costs least for so many images.

    There are `comb(MAX_BITS + k, k)` sorts. Each costs one step for each image and one for each
    pair that agrees by chance in the chosen blocks, which hold 64 k / (`MAX_BITS` + k) bits.
    """

    def cost(k: int) -> float:
        by_chance = images**2 / 2 / 2 ** (64 * k / (MAX_BITS + k))
        return math.comb(MAX_BITS + k, k) * (images + by_chance)

    return min(range(1, 6), key=cost)


def _blocks(count: int) -> list[Block]:
    """The 64 bits cut into blocks of nearly the same size."""
    return list(pairwise(np.linspace(0, 64, count + 1).round().astype(int).tolist()))


def _bits(hashes: NDArray[np.uint64], block: Block) -> NDArray[np.uint64]:
    low, high = block
    return (hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)


def _keys(hashes: NDArray[np.uint64], chosen: Sequence[Block]) -> NDArray[np.uint64]:
    """The bits of the chosen blocks in the upper half of each key, the index in the lower half."""
    keys = np.zeros_like(hashes)
    for low, high in chosen:
        keys = (keys << np.uint64(high - low)) | _bits(hashes, (low, high))
    return (keys << _HALF) | np.arange(len(hashes), dtype=np.uint64)


def _same(
    first_keys: NDArray[np.uint64], second_keys: NDArray[np.uint64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Indices i < j of keys with the same bits, about `_PAIRS_AT_ONCE` at a time."""
    first_keys, second_keys = np.sort(first_keys), np.sort(second_keys)
    starts = np.searchsorted(second_keys, first_keys, "right")
    counts = np.searchsorted(second_keys, first_keys | _INDEX, "right") - starts
    number = np.cumsum(counts) // _PAIRS_AT_ONCE  # of the run that each key's pairs are in
    for run in np.split(np.arange(len(counts)), np.flatnonzero(np.diff(number)) + 1):
        many = counts[run]
        first = np.repeat(first_keys[run] & _INDEX, many)
        offsets = np.arange(len(first)) - np.repeat(np.cumsum(many) - many, many)
        second = second_keys[np.repeat(starts[run], many) + offsets] & _INDEX
        yield first.astype(np.int64), second.astype(np.int64)


def _correlation(
    thumbnails: Thumbnail, pairs: Pairs, turn: Turn, own: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Pearson's r of the fine detail of each pair, after undoing the second image's turn."""
    result = np.empty(len(pairs), np.float32)
    rows, columns = _STEPS[turn]
    for start in range(0, len(pairs), _COMPARED_AT_ONCE):
        chunk = slice(start, start + _COMPARED_AT_ONCE)
        images, places = np.unique(pairs[chunk], return_inverse=True)  # an image is in many pairs
        detail = _detail(thumbnails[images], own)
        detail /= np.linalg.norm(detail, axis=(1, 2), keepdims=True)
        first, second = places.reshape(-1, 2).T
        turned = detail[:, ::rows, ::columns]
        result[chunk] = np.einsum("nij,nij->n", detail[first], turned[second])
    return result
