"""Tags derived from the pictures themselves: face shape, and skin tone if asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from faceaudit.datasets import ffhq_metadata
from faceaudit.datasets.sources import StoredImages, UnreadableError, base_name
from faceaudit.errors import FaceAuditError
from faceaudit.tables import Manifest
from faceaudit.tags.face_shape import RATIOS, RELIABILITY, measure, shape_of
from faceaudit.tags.landmarks import (
    Points,
    Pose,
    find_landmarks,
    in_processes,
    require_landmarks,
    working_pixels,
)
from faceaudit.tags.skin_tone import LIGHTING, measure_skin
from faceaudit.tags.vocabulary import tag_type

Progress = Callable[[int, int], None]
Tags = dict[str, str | float | None]
_FOUND = "68 landmarks that a model (dlib, trained on iBUG 300-W) found"


class _Face(NamedTuple):
    """What is known of one image before its picture is looked at."""

    content: bytes | None
    points: Points | None
    pose: Pose | None


def add_face_shape(
    manifest: Manifest, metadata: Path | None = None, progress: Progress | None = None
) -> Manifest:
    """Add the tags ``face_shape``, ``face_ratio``, ``jaw_ratio`` and ``chin_angle``.

    Parameters
    ----------
    manifest : Manifest
    metadata : Path, optional
        FFHQ's ``ffhq-dataset-v2.json``, whose landmarks are taken for the data set ``ffhq``.
        All other images need the extra ``landmarks``.
    progress : callable, optional
        Called with the number of images done and the number of all images.

    Returns
    -------
    Manifest
        With the tags null where no face was found or the head is turned too far.

    Raises
    ------
    MissingExtraError
        If the extra is needed and not installed.
    FaceAuditError
        If the metadata cannot be read, or the images are not where the manifest says.
    """
    known = _published_landmarks(metadata) if metadata else {}
    if not known or set(manifest.info.datasets) != {"ffhq"}:
        require_landmarks("face shape")
    sources = {
        dataset: (
            "derived from "
            f"{'the landmarks that FFHQ publishes' if known and dataset == 'ffhq' else _FOUND}: "
            f"{RELIABILITY}"
        )
        for dataset in manifest.info.datasets
    }
    return _derive(manifest, _shape_tags, ("face_shape", *RATIOS), sources, known, progress)


def add_skin_tone(manifest: Manifest, progress: Progress | None = None) -> Manifest:
    """Add the tags ``typology_angle`` and ``skin_tone``; see `faceaudit.tags.skin_tone`.

    Parameters, return value and errors are those of `add_face_shape`.
    """
    require_landmarks("skin tone")
    source = f"derived from the pixels of both cheeks by {_FOUND}: {LIGHTING}"
    sources = dict.fromkeys(manifest.info.datasets, source)
    return _derive(manifest, _skin_tags, ("typology_angle", "skin_tone"), sources, {}, progress)


def _shape_tags(face: _Face) -> Tags:
    points = face.points
    if points is None and face.content is not None:
        pixels = working_pixels(face.content)
        points = None if pixels is None else find_landmarks(pixels)
    shape = None if points is None else shape_of(points, face.pose)
    if points is None or shape is None:
        return {}
    return {"face_shape": shape, **measure(points)._asdict()}


def _skin_tags(face: _Face) -> Tags:
    pixels = None if face.content is None else working_pixels(face.content)
    if pixels is None:
        return {}
    points = find_landmarks(pixels)
    tone = None if points is None else measure_skin(pixels, points)
    return {} if tone is None else {"typology_angle": tone.typology_angle, "skin_tone": tone.monk}


def _derive(
    manifest: Manifest,
    work: Callable[[_Face], Tags],
    names: tuple[str, ...],
    sources: dict[str, str],
    known: dict[str, Points],
    progress: Progress | None,
) -> Manifest:
    """Add the tags `names`, which `work` derives from each image in a process of its own."""
    table = manifest.table
    columns: dict[str, list[str | float | None]] = {name: [] for name in names}
    for done, tags in enumerate(in_processes(work, _faces(manifest, known)), start=1):
        for name in names:
            columns[name].append(tags.get(name))
        if progress:
            progress(done, len(table))
    for name, values in columns.items():
        if name in table.column_names:
            table = table.drop_columns([name])
        table = table.append_column(name, pa.array(values, tag_type(name)))
    tag_sources = manifest.info.tag_sources | dict.fromkeys(names, sources)
    return Manifest(table, manifest.info.model_copy(update={"tag_sources": tag_sources}))


def _faces(manifest: Manifest, known: dict[str, Points]) -> Iterator[_Face]:
    images = StoredImages({name: info.root for name, info in manifest.info.datasets.items()})
    wanted = [
        name for name in ("dataset", "image", "yaw", "pitch") if name in manifest.table.column_names
    ]
    for batch in manifest.table.select(wanted).to_batches(max_chunksize=1024):
        for row in batch.to_pylist():
            points = known.get(base_name(row["image"])[:5]) if row["dataset"] == "ffhq" else None
            yield _Face(None if points is not None else _content(images, row), points, _pose(row))


def _content(images: StoredImages, row: dict[str, Any]) -> bytes | None:
    try:
        return images.read(row["dataset"], row["image"])
    except UnreadableError:
        return None


def _pose(row: dict[str, Any]) -> Pose | None:
    """Return the head pose that the data set's tags give, or None to have it estimated."""
    yaw, pitch = row.get("yaw"), row.get("pitch")
    return None if yaw is None or pitch is None else Pose(yaw, pitch)


def _published_landmarks(metadata: Path) -> dict[str, Points]:
    try:
        text = metadata.read_text(encoding="utf-8")
        return {
            number: ffhq_metadata.landmarks(entry) for number, entry in ffhq_metadata.entries(text)
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FaceAuditError(f"{metadata}: not FFHQ's metadata ({error})") from None
