"""Copies of one picture: byte for byte by hash, and near copies by perceptual hash.

A picture on both sides of a train and test split makes a classifier look better than it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, pairwise, repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from faceaudit.datasets.sources import StoredImages
from faceaudit.pictures import open_picture, turn
from faceaudit.read_ahead import in_processes, read_ahead
from faceaudit.schema import stated_columns
from faceaudit.tables import Manifest
from faceaudit.unfinished import NOTHING, Kept

#: Two pictures whose 256-bit perceptual hashes differ in no more bits are near copies. On
#: real faces 99 % of copies that were resized, recompressed or brightened stay within 16,
#: and pictures of different faces differ in 30 or more.
MAX_DISTANCE = 15

_SIDE = 16
_BANDS = MAX_DISTANCE + 1
_AT_ONCE = 2**22

#: Rows of four 64-bit numbers, one an image.
Hashes = npt.NDArray[np.uint64]
Progress = Callable[[int, int], None]


class Copy(NamedTuple):
    """One image of a group: which of the given manifests it is in, and its key there."""

    manifest: int
    dataset: str
    image: str


@dataclass(frozen=True)
class CopyGroup:
    """Two or more images that show the same picture, in the manifests' order.

    `conflicts` are the tags on which they differ, with their values in the same order.
    """

    copies: list[Copy]
    conflicts: dict[str, list[Any]]

    @property
    def across(self) -> bool:
        """Whether it spans more than one manifest."""
        return len({copy.manifest for copy in self.copies}) > 1


def exact_copies(*manifests: Manifest) -> list[CopyGroup]:
    """Find images that are byte for byte the same, within and between manifests."""
    hashes = pa.chunked_array([chunk for m in manifests for chunk in m.table["sha256"].chunks])
    indices = hashes.combine_chunks().dictionary_encode().indices
    return _groups(manifests, indices.fill_null(-1).to_numpy().astype(np.int64))


def near_copies(
    *manifests: Manifest, progress: Progress | None = None, kept: Kept = NOTHING
) -> list[CopyGroup]:
    """Find images that look the same: resized, recompressed, a little brighter.

    They are linked if their hashes differ in at most `MAX_DISTANCE` bits. Exact copies are among
    them; crops and mirrored copies are not found.

    Parameters
    ----------
    *manifests : Manifest
        Their images are read and decoded.
    progress : callable, optional
        Called with the number of images done and the number of all images.
    kept : Kept
        Where hashes are kept, should this be stopped.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    hashes, known = perceptual_hashes(*manifests, progress=progress, kept=kept)
    # Equal hashes are one: a thousand black pictures are no million pairs.
    distinct, place = np.unique(hashes[known], axis=0, return_inverse=True)
    pairs = similar_pairs(distinct)
    ones = np.ones(len(pairs[0]), dtype=bool)
    links = coo_array((ones, pairs), shape=(len(distinct), len(distinct)))
    component = connected_components(links, directed=False)[1]
    codes = np.full(len(known), -1, dtype=np.int64)
    codes[known] = component[place.ravel()]
    return _groups(manifests, codes)


def perceptual_hashes(
    *manifests: Manifest, progress: Progress | None = None, kept: Kept = NOTHING
) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """Hash the pictures of manifests by what they look like.

    Returns
    -------
    hashes : ndarray of uint64, shape (images, 4)
        DCT hash of 256 bits (Zauner, Implementation and Benchmarking of Perceptual Image
        Hash Functions, 2010).
    known : ndarray of bool, shape (images,)
        False where an image could not be decoded.
    """
    total = sum(len(manifest.table) for manifest in manifests)
    hashes = np.zeros((total, _SIDE * _SIDE // 64), np.uint64)
    known = np.zeros(total, dtype=bool)
    images = [StoredImages.of(manifest.info) for manifest in manifests]
    threads = max((of.threads(1) for of in images), default=1)

    def read(place: tuple[StoredImages, str, str]) -> bytes | None:
        of, dataset, image = place
        return of.get(dataset, image)

    def hashed(places: Iterator[tuple[StoredImages, str, str]], before: int) -> Iterator[Any]:
        with closing(read_ahead(read, places, threads)) as contents:
            yield from in_processes(perceptual_hash, contents, total, progress, before)

    places = chain.from_iterable(
        zip(repeat(of), *(_texts(manifest.table[name]) for name in ("dataset", "image")))
        for of, manifest in zip(images, manifests, strict=True)
    )
    for at, bits in enumerate(kept.mapped("hashes", hashed, places, total)):
        if bits is not None:
            hashes[at], known[at] = np.array(bits, np.uint64), True
    return hashes, known


def _texts(column: pa.ChunkedArray) -> Iterator[str]:
    """Give the cells of a column one by one: as a list they would be ten times as large."""
    return (cell.as_py() for cell in column)


def perceptual_hash(content: bytes | None) -> npt.NDArray[np.uint64] | None:
    """Hash a picture by what it looks like, upright; None if it cannot be decoded."""
    from imagehash import phash

    if content is None:
        return None
    try:
        with open_picture(content) as image:
            # A JPEG file can be decoded at a fraction of its size, many times faster.
            image.draft("L", (256, 256))
            turn(image)
            bits = phash(image, hash_size=_SIDE).hash
    except Exception:  # damaged images raise nearly anything
        return None
    return np.packbits(bits.ravel()).view(np.uint64)


def similar_pairs(hashes: Hashes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return all pairs of rows, all distinct, that differ in at most `MAX_DISTANCE` bits.

    Of 16 bands of bits, two rows that differ in at most 15 bits have one in common, so only
    rows with a common band are compared: nothing is missed and few pairs are looked at.
    """
    bits = np.unpackbits(hashes.view(np.uint8), axis=1)
    pairs = [np.empty((2, 0), np.int64)]
    for band in range(_BANDS):
        # Every sixteenth bit: neighbouring bits of faces are too much alike.
        keys = np.packbits(bits[:, band::_BANDS], axis=1).view(np.uint16).ravel()
        for found in _pairs_with_equal_key(keys):
            different = np.bitwise_count(hashes[found[0]] ^ hashes[found[1]]).sum(axis=1)
            pairs.append(found[:, different <= MAX_DISTANCE])
    first, second = np.unique(np.concatenate(pairs, axis=1), axis=1)
    return first, second


def _pairs_with_equal_key(keys: npt.NDArray[np.uint16]) -> Iterator[npt.NDArray[np.int64]]:
    """Yield pairs of places with the same key, some millions at a time."""
    order = np.argsort(keys, kind="stable")
    # How many places with the same key follow, for every place in the sorted order.
    partners = np.searchsorted(keys[order], keys[order], side="right") - np.arange(len(keys)) - 1
    cuts = np.searchsorted(np.cumsum(partners), np.arange(0, partners.sum(), _AT_ONCE))
    for low, high in pairwise([*cuts, len(keys)]):
        count = partners[low:high]
        left = np.repeat(np.arange(low, high), count)
        offset = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
        yield np.sort(order[np.stack([left, left + 1 + offset])], axis=0)


def _groups(manifests: Sequence[Manifest], codes: npt.NDArray[np.int64]) -> list[CopyGroup]:
    """Return the groups of rows with the same code; -1 belongs to none."""
    values, counts = np.unique(codes[codes >= 0], return_counts=True)
    places = np.flatnonzero(np.isin(codes, values[counts > 1]))
    groups: dict[int, list[tuple[Copy, dict[str, Any]]]] = {}
    begin = 0
    for number, manifest in enumerate(manifests):
        inside = places[(places >= begin) & (places < begin + len(manifest.table))]
        rows = manifest.table.take(pa.array(inside - begin)).to_pylist()
        stated = stated_columns(manifest.table)
        for code, row in zip(codes[inside].tolist(), rows, strict=True):
            copy = Copy(number, row["dataset"], row["image"])
            groups.setdefault(code, []).append((copy, {tag: row[tag] for tag in stated}))
        begin += len(manifest.table)
    return [
        CopyGroup([copy for copy, _ in members], conflicts([tags for _, tags in members]))
        for members in groups.values()
    ]


def conflicts(members: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the tags on which images differ, as far as they are known, with their values."""
    names = dict.fromkeys(tag for tags in members for tag in tags)
    values = {name: [tags.get(name) for tags in members] for name in names}
    return {name: found for name, found in values.items() if len({*found} - {None}) > 1}
