"""The pictures of a manifest, read from where its metadata says they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice, repeat

import pyarrow as pa
from PIL import Image

from faceaudit.datasets.sources import MissingFileError, StoredImages, UnreadableError
from faceaudit.model.faces import THOROUGH_SIDE, FaceFinder
from faceaudit.model.preprocess import Picture, Prepared, prepare, prepare_by
from faceaudit.read_ahead import read_ahead
from faceaudit.tables import ManifestInfo

Row = tuple[str, str, str | None]


class PictureReader:
    """Reads and prepares the pictures of a manifest; safe to call from several threads.

    Parameters
    ----------
    info : ManifestInfo
        Names the root of every data set.
    how : callable
        From an opened picture to what a classifier takes, see `prepare_by`.
    find_face : FaceFinder, optional
        Marks pictures without a face by their status.

    Raises
    ------
    FaceAuditError
        If a root is not stated or not there.
    """

    def __init__(
        self,
        info: ManifestInfo,
        how: Callable[[Image.Image], Prepared],
        find_face: FaceFinder | None = None,
    ) -> None:
        self._how = how
        self._find_face = find_face
        self._images = StoredImages({name: one.root for name, one in info.datasets.items()})

    def read(self, dataset: str, image: str, sha256: str | None = None) -> Picture:
        """Read and prepare one picture; never raises for a bad one.

        Parameters
        ----------
        dataset, image : str
        sha256 : str, optional
            Of the file that was indexed. A sound picture with another hash is ``replaced``: what
            is known of the one is not known of the other.
        """
        try:
            content = self._images.read(dataset, image)
        except MissingFileError as error:
            return Picture("missing", reason=str(error))
        except UnreadableError as error:
            return Picture("unreadable", reason=str(error))
        picture = prepare_by(self._how, content)
        if picture.pixels is not None and sha256 not in (None, picture.sha256):
            reason = "another picture than the one that was indexed, whose label and tags these are"
            return Picture("replaced", None, picture.sha256, reason)
        if self._shows_no_face(picture, content):
            return replace(picture, status="no_face")
        return picture

    def _shows_no_face(self, picture: Picture, content: bytes) -> bool:
        if self._find_face is None or picture.pixels is None:
            return False
        # Most faces are found in the small picture, in a tenth of the time; a classifier that
        # prepares pictures its own way (channels first) leaves none to look at.
        if picture.pixels.shape[2:] == (3,) and self._find_face(picture.pixels):
            return False
        large = prepare(content, THOROUGH_SIDE).pixels
        return large is None or not self._find_face(large)


def rows_of(table: pa.Table) -> Iterator[Row]:
    """Give the rows of a manifest to `read_batches`."""
    hashes = table["sha256"].to_pylist() if "sha256" in table.column_names else repeat(None)
    return zip(table["dataset"].to_pylist(), table["image"].to_pylist(), hashes, strict=False)


def read_batches(
    reader: PictureReader, rows: Iterable[Row], batch_size: int, workers: int
) -> Iterator[list[Picture]]:
    """Read pictures in order, ahead of whoever consumes them; holds three batches at most.

    Parameters
    ----------
    reader : PictureReader
    rows : iterable of (data set, image, SHA-256 or None)
        As `rows_of` gives them.
    batch_size : int
    workers : int
        Threads. Pillow decodes outside Python's lock, so they run in parallel.
    """
    pictures = read_ahead(lambda row: reader.read(*row), rows, workers, ahead=2 * batch_size)
    while batch := list(islice(pictures, batch_size)):
        yield batch
