"""Which image of one table is which of another: by path, else by hash, else by file name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Matches:
    """The rows of two tables that show the same image, one to one."""

    #: The row of right, or -1, for each row of left.
    index: Rows
    #: How many were found by ``path``, ``hash`` and ``file name``.
    ways: dict[str, int]
    #: Unmatched rows of left whose path or file name right has with another hash.
    other_picture: int
    #: Further unmatched rows of left whose hash or file name unmatched rows of right have, but
    #: not for one image alone.
    ambiguous: int
    #: Both tables name data sets, but none in common, so that the names were not heeded.
    across_datasets: bool


def match(left: pa.Table, right: pa.Table) -> Matches:
    """Match the images of two tables, each at most once.

    The tables have ``image``, and perhaps ``dataset`` and ``sha256``. In this order, where it is
    unambiguous on both sides, match: the same path; a path that ends in the other whole (another
    machine's leading folders); the same SHA-256; the same file name, or, of an absolute path, with
    as many of its folders as tell it from others. Drive letters, backslashes and ``./`` make no
    difference. Pictures whose hashes differ are never matched.

    Where both tables have ``dataset`` and share a name, only images of one data set are matched.
    Names without one in common (two CSV files are each named after their file) are not heeded.
    """
    datasets, across = _datasets(left, right)
    paths = [_normalised(table["image"].cast(pa.string())) for table in (left, right)]
    hashes = _hashes(left, right)
    index = np.full(len(left), -1, np.int64)
    free = np.ones(len(right), bool)
    other = np.zeros(len(left), bool)
    ways = dict.fromkeys(("path", "hash", "file name"), 0)

    def take(way: str, found: Rows) -> None:
        """Accept the pairs that are new and whose hashes, where both are known, agree."""
        rows = np.flatnonzero((index < 0) & (found >= 0))
        rows = rows[free[found[rows]]]
        ours, theirs = hashes[0][rows], hashes[1][found[rows]]
        differ = (ours >= 0) & (theirs >= 0) & (ours != theirs)
        other[rows[differ]] = True
        rows = rows[~differ]
        index[rows] = found[rows]
        free[found[rows]] = False
        ways[way] += len(rows)

    take("path", _unique_pairs(*_joined(datasets, _codes(*paths))))
    seen = np.zeros(len(left), bool)
    if (index < 0).any() and free.any():
        by_end, entire, by_name = _by_end(datasets, paths)
        take("path", np.where(entire, by_end, -1))
        take("hash", _unique_pairs(*hashes))
        # Below one root, a/1.jpg and b/1.jpg are two pictures; only another machine's leading
        # folders, which an absolute path tells, may differ.
        elsewhere = _absolute(left["image"]) | _absolute(right["image"])[by_end]
        take("file name", np.where(by_name | elsewhere, by_end, -1))
        names = _codes(*(pc.replace_substring_regex(path, "^.*/", "") for path in paths))
        for ours, theirs in (hashes, _joined(datasets, names)):
            seen |= (ours >= 0) & np.isin(ours, theirs[free])
    unmatched = index < 0
    other &= unmatched
    return Matches(
        index=index,
        ways=ways,
        other_picture=int(other.sum()),
        ambiguous=int((seen & unmatched & ~other).sum()),
        across_datasets=across,
    )


# --- keys as whole numbers: -1 is no key, and equal numbers are equal keys in both tables ------


def _codes(left: pa.ChunkedArray, right: pa.ChunkedArray) -> tuple[Rows, Rows]:
    both = pa.chunked_array([*left.chunks, *right.chunks], pa.string())
    codes = _numbered(both.combine_chunks())
    return codes[: len(left)], codes[len(left) :]


def _numbered(keys: pa.Array) -> Rows:
    codes: Rows = keys.dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int64)
    return codes


def _joined(first: tuple[Rows, Rows], second: tuple[Rows, Rows]) -> tuple[Rows, Rows]:
    """Number the combinations of two keys; without one of them there is none."""
    one, other = np.concatenate(first), np.concatenate(second)
    codes = _numbered(pa.array(one * (other.max(initial=0) + 1) + other))
    codes[(one < 0) | (other < 0)] = -1
    return codes[: len(first[0])], codes[len(first[0]) :]


def _unique_pairs(left: Rows, right: Rows) -> Rows:
    """Return for each row of left the one row of right with its key, if neither has it twice."""
    size = max(left.max(initial=-1), right.max(initial=-1)) + 1
    once = np.bincount(left[left >= 0], minlength=size) == 1
    once &= np.bincount(right[right >= 0], minlength=size) == 1
    place = np.full(size + 1, -1, np.int64)
    rows = np.flatnonzero(right >= 0)
    place[right[rows]] = rows
    place[:-1][~once] = -1
    return place[left]


def _datasets(left: pa.Table, right: pa.Table) -> tuple[tuple[Rows, Rows], bool]:
    across = "dataset" in left.column_names and "dataset" in right.column_names
    if across:
        codes = _codes(left["dataset"], right["dataset"])
        if np.isin(*codes).any():
            return codes, False
    return (np.zeros(len(left), np.int64), np.zeros(len(right), np.int64)), across


def _hashes(left: pa.Table, right: pa.Table) -> tuple[Rows, Rows]:
    if "sha256" not in left.column_names or "sha256" not in right.column_names:
        return np.full(len(left), -1), np.full(len(right), -1)
    texts = [pc.utf8_lower(table["sha256"].cast(pa.string())) for table in (left, right)]
    return _codes(*(pc.if_else(pc.equal(text, ""), None, text) for text in texts))


def _normalised(path: pa.ChunkedArray) -> pa.ChunkedArray:
    path = pc.replace_substring(path, "\\", "/")
    path = pc.replace_substring_regex(path, r"/(\.?/)+", "/")
    path = pc.replace_substring_regex(path, r"^([A-Za-z]:)?(\.?/)*", "")
    path = pc.utf8_trim_whitespace(path)
    # One system writes an accent as its own character, another as part of the letter.
    return pc.utf8_normalize(path, "NFC")


def _absolute(path: pa.ChunkedArray) -> NDArray[np.bool_]:
    found = pc.match_substring_regex(path.cast(pa.string()), r"^\s*([A-Za-z]:)?[\\/]")
    return np.asarray(pc.fill_null(found, False))


def _by_end(
    datasets: tuple[Rows, Rows], paths: list[pa.ChunkedArray]
) -> tuple[Rows, NDArray[np.bool_], NDArray[np.bool_]]:
    """Match by the last parts of the paths, as many as make a pair unique.

    Return for each row of left the row of right (-1: none, or no number of parts tells it from
    others); whether the one path ends in the other whole; whether the file name alone is unique.
    """
    n = len(paths[0])
    both = pa.chunked_array([*paths[0].chunks, *paths[1].chunks], pa.string()).combine_chunks()
    parts = pc.split_pattern(both.fill_null(""), "/")
    depth = pc.list_value_length(parts).to_numpy().astype(np.int64)
    last = np.cumsum(depth) - 1
    names = parts.flatten().dictionary_encode()
    part = names.indices.to_numpy().astype(np.int64)
    found, entire, by_name = np.full(n, -1, np.int64), np.zeros(n, bool), np.zeros(n, bool)
    code = np.concatenate(datasets)
    rows = np.flatnonzero((code >= 0) & both.is_valid().to_numpy(zero_copy_only=False))
    code = code[rows]
    level = 0
    # Only rows go on whose end the other table has too, so this stops at the deepest shared one.
    while len(rows):
        code = _numbered(pa.array(code * len(names.dictionary) + part[last[rows] - level]))
        level += 1
        ours = rows < n
        pair = _unique_pairs(code[ours], code[~ours])
        left, right = rows[ours][pair >= 0], rows[~ours][pair[pair >= 0]]
        found[left] = right - n
        by_name[left] |= level == 1
        # A bare file name is no path: it may be many a picture's, so hashes go before it.
        entire[left] = (np.minimum(depth[left], depth[right]) == level) & (level > 1)
        shared = np.zeros((2, code.max() + 1), bool)
        shared[ours.astype(np.int8), code] = True
        on = (shared[0] & shared[1])[code] & (depth[rows] > level)
        rows, code = rows[on], code[on]
    return found, entire, by_name
