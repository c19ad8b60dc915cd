"""Tags derived from the pictures of a manifest: face shape, skin tone, and those of plug-ins."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any

import pyarrow as pa

from faceaudit.datasets.sources import StoredImages
from faceaudit.errors import FaceAuditError
from faceaudit.plugins import blamed
from faceaudit.read_ahead import in_processes, read_ahead
from faceaudit.tables import Manifest
from faceaudit.tags.base import Tag, TagValue, picture_tags
from faceaudit.tags.landmarks import Face, Published, require_landmarks
from faceaudit.tags.vocabulary import tag_type
from faceaudit.unfinished import NOTHING, Kept

_FOUND = "68 landmarks that a model (dlib, trained on iBUG 300-W) found"


def refuse_without_extra(names: Collection[str], published: bool) -> None:
    """Refuse tags of pictures that there are not, or whose extra is not installed."""
    known = picture_tags()
    for name in names:
        if name not in known:
            raise FaceAuditError(
                f"no tag '{name}' is derived from pictures: there are {', '.join(known)}"
            )
        if known[name].needs and not (published and known[name].needs == "landmarks"):
            require_landmarks(name.replace("_", " "))


def add_tags(
    manifest: Manifest,
    *names: str,
    published: Mapping[str, Published] | None = None,
    progress: Callable[[int, int], None] | None = None,
    kept: Kept = NOTHING,
) -> Manifest:
    """Add tags that are derived from the pictures of a manifest, or replace them.

    They are null where the picture cannot be read, or does not tell.

    Parameters
    ----------
    *names : str
        Such as ``face_shape`` and ``skin_tone``; the numbers that belong to them come along.
    published : mapping of str to Published, optional
        By data set, the landmarks that need not be looked for, such as those of
        `faceaudit.datasets.ffhq.published_landmarks`.
    progress : callable, optional
        Called with the number of images done and the number of all images.
    kept : Kept
        Where what is found is kept, should this be stopped.

    Raises
    ------
    FaceAuditError
        If there is no such tag, the images are not where the manifest says, or (then a
        MissingExtraError) the extra is needed and not installed.
    """
    published = published or {}
    datasets = manifest.info.datasets
    refuse_without_extra(names, set(datasets) <= set(published))
    tags = [picture_tags()[name] for name in names]
    landmarks_alone = all(tag.needs == "landmarks" for tag in tags)
    images = StoredImages.of(manifest.info)
    total = len(manifest.table)

    def face(row: dict[str, Any]) -> Face:
        given = published.get(row["dataset"])
        points = given.of(row["image"]) if given else None
        known = landmarks_alone and points is not None
        return Face(row, None if known else images.get(row["dataset"], row["image"]), points)

    def looked(rows: Iterator[dict[str, Any]], before: int) -> Iterator[dict[str, TagValue]]:
        with closing(read_ahead(face, rows, images.threads(1))) as faces:
            yield from in_processes(partial(_look, tags), faces, total, progress, before)

    batches = manifest.table.to_batches(max_chunksize=1024)
    each = (row for batch in batches for row in batch.to_pylist())
    rows = list(kept.mapped("tags", looked, each, total))
    table, sources = manifest.table, dict(manifest.info.tag_sources)
    for tag in tags:
        known = published if tag.needs == "landmarks" else {}
        landmarks = {name: known[name].source if name in known else _FOUND for name in datasets}
        told = {name: tag.source.format(landmarks=which) for name, which in landmarks.items()}
        for name in (tag.name, *tag.beside):
            if name in table.column_names:
                table = table.drop_columns([name])
            with blamed("tag", tag.name, tag.look.__module__):
                column = pa.array([row.get(name) for row in rows], tag_type(name))
            table, sources[name] = table.append_column(name, column), told
    return Manifest(table, manifest.info.model_copy(update={"tag_sources": sources}))


def _look(tags: list[Tag], face: Face) -> dict[str, TagValue]:
    found: dict[str, TagValue] = {}
    for tag in tags:
        if tag.look:
            with blamed("tag", tag.name, tag.look.__module__):
                found |= (seen := tag.look(face))
                value = seen.get(tag.name)
                if value is None or (value in tag.values if tag.values else tag.number):
                    continue
                if tag.values or not isinstance(value, str):
                    known = ", ".join(tag.values) or "words"
                    raise ValueError(f"look gave {value!r}; the values are {known}")
    return found
