"""Tags derived from the pictures of a manifest: face shape, skin tone, and those of plug-ins."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from faceaudit.datasets.sources import StoredImages
from faceaudit.errors import FaceAuditError
from faceaudit.read_ahead import in_processes
from faceaudit.tags.base import Tag, TagValue, all_tags
from faceaudit.tags.landmarks import Face, Published, require_landmarks

if TYPE_CHECKING:
    from faceaudit.tables import Manifest

_FOUND = "68 landmarks that a model (dlib, trained on iBUG 300-W) found"


def picture_tags() -> dict[str, Tag]:
    """Return the tags that can be derived from pictures, by name."""
    return {name: tag for name, tag in all_tags().items() if tag.look}


def refuse_without_extra(names: Collection[str], published: bool) -> None:
    """Refuse tags of pictures that there are not, or whose extra is not installed.

    Raises
    ------
    FaceAuditError
    MissingExtraError
    """
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
) -> Manifest:
    """Add tags that are derived from the pictures of a manifest, or replace them.

    Parameters
    ----------
    manifest : Manifest
    *names : str
        Such as ``face_shape`` and ``skin_tone``; the numbers that belong to them come along.
    published : mapping of str to Published, optional
        By data set, the landmarks that need not be looked for, such as
        `faceaudit.datasets.ffhq.published_landmarks`.
    progress : callable, optional
        Called with the number of images done and the number of all images.

    Returns
    -------
    Manifest
        The tags are null where the picture cannot be read, or does not tell.

    Raises
    ------
    MissingExtraError
        If the extra is needed and not installed.
    FaceAuditError
        If there is no such tag, or the images are not where the manifest says.
    """
    published = published or {}
    refuse_without_extra(names, set(manifest.info.datasets) <= set(published))
    tags = [picture_tags()[name] for name in names]
    types = {name: pa.float32() for tag in tags for name in tag.beside} | {
        tag.name: pa.float32() if tag.number else pa.string() for tag in tags
    }
    faces = _faces(manifest, published, all(tag.needs == "landmarks" for tag in tags))
    rows = list(in_processes(partial(_look, tags), faces, len(manifest.table), progress))
    table, sources = manifest.table, dict(manifest.info.tag_sources)
    for tag in tags:
        told = {
            dataset: tag.source.format(
                landmarks=published[dataset].source
                if tag.needs == "landmarks" and dataset in published
                else _FOUND
            )
            for dataset in manifest.info.datasets
        }
        for name in (tag.name, *tag.beside):
            if name in table.column_names:
                table = table.drop_columns([name])
            column = pa.array([row.get(name) for row in rows], types[name])
            table, sources[name] = table.append_column(name, column), told
    return replace(
        manifest, table=table, info=manifest.info.model_copy(update={"tag_sources": sources})
    )


def _look(tags: list[Tag], face: Face) -> dict[str, TagValue]:
    return {name: value for tag in tags if tag.look for name, value in tag.look(face).items()}


def _faces(
    manifest: Manifest, published: Mapping[str, Published], landmarks_alone: bool
) -> Iterator[Face]:
    """Yield the images; where published landmarks alone are wanted, no picture is read."""
    images = StoredImages.of(manifest.info)
    for batch in manifest.table.to_batches(max_chunksize=1024):
        for row in batch.to_pylist():
            given = published.get(row["dataset"])
            points = given.of(row["image"]) if given else None
            known = landmarks_alone and points is not None
            yield Face(row, None if known else images.get(row["dataset"], row["image"]), points)
