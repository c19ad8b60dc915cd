"""Thumbnails for galleries: small, few, and only of pictures that the user may be shown."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError, SourceLostError
from faceaudit.known_roots import known_roots
from faceaudit.reading.columns import is_text
from faceaudit.result import Gallery, GalleryItem, Result

if TYPE_CHECKING:
    from PIL import Image

    from faceaudit.datasets.sources import StoredImages
    from faceaudit.tables import Scores

LARGEST = 48
SIDE = 160


class PicturesAtHand:
    """The pictures that a report on a table may show, whatever the table says of places.

    They lie where the user says, or else where this machine's own `index` found the data set;
    in the latter case the file must be the one that was scored, told by its hash, which nobody
    knows who has not got the picture. Nothing outside a folder is shown, also not by a link.

    Parameters
    ----------
    scores : Scores
    named : sequence of (str or None, path)
        Data set, or None for all, and the folder or archive that holds its images.

    Raises
    ------
    FaceAuditError
        If a named place or data set is not there.
    """

    def __init__(self, scores: Scores, named: Sequence[tuple[str | None, Path | str]] = ()) -> None:
        from faceaudit.datasets.sources import StoredImages

        self._scores = scores
        datasets = pc.unique(scores.table["dataset"]).to_pylist()
        for dataset, _ in named:
            if dataset is not None and dataset not in datasets:
                raise FaceAuditError(
                    f"--images-from {dataset}=…: the scores have no data set '{dataset}'; "
                    f"they have {', '.join(sorted(datasets))}"
                )
        #: Data set -> (root, its pictures, whether the hash must be known).
        self._places: dict[str, list[tuple[Path, StoredImages, bool]]] = {}
        for dataset in datasets:
            roots = [(Path(root), False) for of, root in named if of in (None, dataset)]
            places = self._places[dataset] = []
            for root, strict in roots or [(root, True) for root in known_roots(dataset)]:
                try:
                    places.append((root, StoredImages({dataset: str(root)}), strict))
                except FaceAuditError as error:
                    if not strict:
                        raise FaceAuditError(f"--images-from: {error}") from None

    def hashes(self, items: Sequence[GalleryItem]) -> dict[tuple[str, str], str | None]:
        """Return the SHA-256 of the pictures that were scored, by data set and image."""
        table = self._scores.table
        if "sha256" not in table.column_names:
            return {}
        if not is_text(table["image"].type):
            return self._scores.names.hashes
        names = pa.array([item.image for item in items], pa.string())
        rows = table.select(["dataset", "image", "sha256"])
        rows = rows.filter(pc.is_in(rows["image"], names)).to_pylist()
        return {(row["dataset"], row["image"]): row["sha256"] for row in rows}

    def content(self, dataset: str, image: str, sha256: str | None) -> bytes | None:
        """Return the file of a picture, or None if it may not or cannot be shown."""
        for root, images, strict in self._places[dataset]:
            content = _content(root, images, dataset, image)
            if content is None or (strict and sha256 is None):
                continue
            if sha256 in (None, hashlib.sha256(content).hexdigest()):
                return content
        return None

    def thumbnail(self, item: GalleryItem, sha256: str | None) -> str | None:
        """Return a small picture as a data URI, or None if it may not or cannot be shown."""
        content = self.content(item.dataset, item.image, sha256)
        small = content and small_jpeg(content, SIDE, quality=72)
        return _as_uri(small, "JPEG") if small else None

    def reason(self, dataset: str) -> str:
        """Say why a picture of a data set is not shown."""
        if self._places[dataset]:
            return f"the files of '{dataset}' at hand are not those that were scored"
        return f"no images of '{dataset}' were indexed on this machine, or they lie in a store"


def add_thumbnails(result: Result, at_hand: PicturesAtHand) -> None:
    """Put thumbnails into the galleries of a result, in place, and say which are lacking.

    They are at most `LARGEST`, each at most `SIDE` pixels wide and high.
    """
    details = [detail for check in result.checks for detail in check.details]
    galleries = [detail for detail in details if isinstance(detail, Gallery)]
    hashes = at_hand.hashes([item for gallery in galleries for item in gallery.items])
    added = 0
    for gallery in galleries:
        reasons = []
        for item in gallery.items:
            if added == LARGEST:
                reasons.append(f"a report shows {LARGEST} pictures at most")
                continue
            item.thumbnail = at_hand.thumbnail(item, hashes.get((item.dataset, item.image)))
            added += item.thumbnail is not None
            if item.thumbnail is None:
                reasons.append(at_hand.reason(item.dataset))
        if reasons:
            lacking = (
                f"Pictures not shown: {len(reasons)} of {len(gallery.items)} "
                f"({'; '.join(dict.fromkeys(reasons))}). 'faceaudit audit --images-from FOLDER' "
                "says where they lie."
            )
            gallery.note = f"{gallery.note} {lacking}" if gallery.note else lacking


def data_uri(image: Image.Image, kind: Literal["JPEG", "PNG"], quality: int = 85) -> str:
    """Return a picture as text that a page can hold; `quality` is a JPEG's."""
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return _as_uri(buffer.getvalue(), kind)


def _as_uri(content: bytes, kind: Literal["JPEG", "PNG"]) -> str:
    return f"data:image/{kind.lower()};base64,{base64.b64encode(content).decode()}"


def _content(root: Path, images: StoredImages, dataset: str, image: str) -> bytes | None:
    from faceaudit.datasets.sources import UnreadableError

    try:
        root = root.resolve()
        if root.is_dir() and not (root / image).resolve().is_relative_to(root):
            return None
        return images.read(dataset, image)
    except (UnreadableError, SourceLostError, OSError, ValueError):  # a name may hold anything
        return None


def small_jpeg(content: bytes, side: int, quality: int = 85) -> bytes | None:
    """Make a picture at most `side` pixels wide and high; None if it cannot be read."""
    from faceaudit.pictures import as_seen, open_picture

    try:
        with open_picture(content) as image:
            image.draft("RGB", (side, side))
            small = as_seen(image)
        small.thumbnail((side, side))
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()
    except Exception:  # decoders raise nearly anything on damaged files
        return None
