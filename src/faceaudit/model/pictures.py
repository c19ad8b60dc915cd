"""The pictures of a manifest, read from where its metadata says they lie."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

from faceaudit.datasets.sources import Member, Source, UnreadableError, contents, open_source
from faceaudit.errors import FaceAuditError
from faceaudit.model.faces import THOROUGH_SIDE, FaceFinder
from faceaudit.model.preprocess import Picture, prepare
from faceaudit.tables import ManifestInfo


class PictureReader:
    """Reads and prepares the pictures of a manifest; safe to call from several threads.

    Parameters
    ----------
    info : ManifestInfo
        Names the root of every data set.
    prepare : callable
        What is done to each file's content, such as `InputRecord.prepare`.
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
        prepare: Callable[[bytes], Picture],
        find_face: FaceFinder | None = None,
    ) -> None:
        self._prepare = prepare
        self._find_face = find_face
        self._sources: dict[str, Source] = {}
        #: What an archive holds; a folder is asked file by file.
        self._contents: dict[str, dict[str, Member]] = {}
        for name, dataset in info.datasets.items():
            if dataset.root is None:
                raise FaceAuditError(
                    f"the manifest does not say where the images of '{name}' lie; index them again"
                )
            source = self._sources[name] = open_source(dataset.root)
            if not source.root.is_dir():
                self._contents[name] = contents(source)

    def read(self, dataset: str, image: str) -> Picture:
        """Read and prepare one picture; never raises for a bad one."""
        source = self._sources[dataset]
        if dataset in self._contents:
            member = self._contents[dataset].get(image)
        else:
            member = Member(image) if os.path.lexists(f"{source.root}/{image}") else None
        if member is None:
            return Picture("missing", reason="no such file")
        try:
            content = source.read(member)
        except UnreadableError as error:
            return Picture("unreadable", reason=str(error))
        picture = self._prepare(content)
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


def read_batches(
    reader: PictureReader, rows: Iterable[tuple[str, str]], batch_size: int, workers: int
) -> Iterator[list[Picture]]:
    """Read pictures in order, ahead of whoever consumes them; holds three batches at most.

    Parameters
    ----------
    reader : PictureReader
    rows : iterable of (data set, image)
    batch_size : int
    workers : int
        Threads. Pillow decodes outside Python's lock, so they run in parallel.
    """
    remaining = iter(rows)
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[list[Future[Picture]]] = deque()
        while True:
            while len(ahead) < 3 and (batch := list(islice(remaining, batch_size))):
                ahead.append([pool.submit(reader.read, *row) for row in batch])
            if not ahead:
                return
            yield [future.result() for future in ahead.popleft()]
