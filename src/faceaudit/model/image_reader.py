"""The pictures of a manifest, read from where its metadata says they lie."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from itertools import repeat

import numpy as np
import pyarrow as pa
from PIL import Image

from faceaudit.datasets.sources import MissingFileError, StoredImages, UnreadableError
from faceaudit.model.faces import FaceFinder, shows_face
from faceaudit.model.preprocess import Picture, Prepared, prepare_by
from faceaudit.pictures import as_seen, open_picture
from faceaudit.plugins import blamed
from faceaudit.read_ahead import read_ahead
from faceaudit.variants.base import Variant, find_points


def read_pictures(
    table: pa.Table,
    images: StoredImages,
    how: Callable[[Image.Image], Prepared],
    *,
    variants: Sequence[Variant] = (),
    find_face: FaceFinder | None = None,
    workers: int = 1,
    ahead: int | None = None,
) -> Generator[Picture, None, None]:
    """Read and prepare pictures in order, ahead of whoever takes them; a bad one raises nothing.

    Parameters
    ----------
    table : pyarrow.Table
        Columns ``dataset``, ``image`` and, where it is known, the ``sha256`` of the file that was
        indexed. A sound picture with another hash is ``replaced``: what is known of the one is not
        known of the other.
    images : StoredImages
        Where they lie.
    how : callable
        From an opened picture to what a classifier takes, see `prepare_by`.
    variants : sequence of Variant
        Of which each picture is prepared too, see `Picture.variants`.
    find_face : FaceFinder, optional
        Marks pictures without a face by their status.
    workers : int
        Threads, more from a store. Pillow decodes outside Python's lock, so they run in parallel.
    ahead : int, optional
        Pictures in memory at most, as of `read_ahead`.

    Raises
    ------
    FaceAuditError
        If a data set's root is not stated; a SourceLostError if it is gone.
    """

    def read(row: tuple[str, str, str | None]) -> Picture:
        dataset, image, sha256 = row
        try:
            content = images.read(dataset, image)
        except MissingFileError as error:
            return Picture("missing", reason=str(error))
        except UnreadableError as error:
            return Picture("unreadable", reason=str(error))
        picture = prepare_by(how, content)
        if (pixels := picture.pixels) is None:
            return picture
        if sha256 not in (None, picture.sha256):
            reason = "another picture than the one that was indexed, whose label and tags these are"
            return Picture("replaced", None, picture.sha256, reason)
        if variants:
            changed, shares = _changed(content, variants, how)
            picture = replace(picture, variants=changed, changed=shares)
        if find_face is None or shows_face(find_face, pixels, content):
            return picture
        return replace(picture, status="no_face")

    hashes = table["sha256"].to_pylist() if "sha256" in table.column_names else repeat(None)
    rows = zip(table["dataset"].to_pylist(), table["image"].to_pylist(), hashes, strict=False)
    return read_ahead(read, rows, images.threads(workers), ahead=ahead)


def _changed(
    content: bytes, variants: Sequence[Variant], how: Callable[[Image.Image], Prepared]
) -> tuple[tuple[Prepared | None, ...], tuple[float, ...]]:
    """Prepare the variants of a picture, which is decoded in full once for all of them.

    And say of each which share of the pixels changed, where it is an edit of a face.
    """
    try:
        with open_picture(content) as opened:
            upright = as_seen(opened)
    except Exception:  # sound enough for a classifier that looks at less of it
        return (None,) * len(variants), (np.nan,) * len(variants)
    points = find_points(upright) if any(one.needs_landmarks for one in variants) else None
    found: list[Prepared | None] = []
    shares = []
    for variant in variants:
        module = getattr(variant.change, "func", variant.change).__module__
        with blamed("variant", variant.name, module):
            changed = variant.change(upright, points)
        share = np.nan
        if variant.needs_landmarks and isinstance(changed, Image.Image):
            share = float((np.asarray(changed) != np.asarray(upright)).any(axis=2).mean())
        shares.append(share)
        if isinstance(changed, bytes):
            found.append(prepare_by(how, changed).pixels)
        else:
            found.append(None if changed is None else how(changed))
    return tuple(found), tuple(shares)
