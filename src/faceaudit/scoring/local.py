"""A detector over a manifest, on one machine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Unpack

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.files import expect_writable
from faceaudit.model.faces import face_finder
from faceaudit.model.image_reader import read_pictures
from faceaudit.model.preprocess import Floats, Picture, Prepared
from faceaudit.model.progress import progress_bars
from faceaudit.one_or_many import listed
from faceaudit.reading.columns import with_column
from faceaudit.schema import (
    SCORED,
    UNSURE,
    ManifestInfo,
    ScoresInfo,
    changed_column,
    columns_of_variants,
    validate,
    variant_column,
    variant_columns,
)
from faceaudit.scoring.attention import attention
from faceaudit.scoring.detectors import Detector, PictureError, open_detector, probabilities
from faceaudit.scoring.features import features as features_of
from faceaudit.scoring.labels import said_by_labels
from faceaudit.scoring.options import ModelOptions, Options
from faceaudit.scoring.selection import select
from faceaudit.scoring.unfinished import unfinished
from faceaudit.tables import (
    Manifest,
    Scores,
    library_versions,
    read_manifests,
    sha256_of_cells,
    status_counts,
    write_table,
)
from faceaudit.tags.landmarks import require_landmarks
from faceaudit.variants import Variant, asked_for
from faceaudit.wording import counted

#: Readable pictures of a run that are scored in their batch, with each other and alone.
COMPARED = 8
#: So many variants are named in the notes of scores.
NAMED = 6
#: What 32-bit arithmetic may change in a score when the pictures beside it are others: other
#: kernels add up in another order, which changes the bundled classifiers' by at most 8e-7.
BATCH_TOLERANCE = 1e-4


def score(
    model: Path | str | Detector,
    manifests: Path | str | Manifest | Iterable[Path | str],
    out: Path | str | None = None,
    *,
    where: str | None = None,
    sample: int | None = None,
    seed: int = 0,
    deliver: Sequence[str] = (),
    edit: Sequence[str] = (),
    batch_size: int = 64,
    workers: int = 2,
    find_faces: bool = True,
    features: bool = False,
    progress: bool = False,
    **options: Unpack[Options],
) -> Scores:
    """Score the images of manifests.

    Pictures are decoded in threads while the network works on those before; three batches at
    most are in memory.

    Parameters
    ----------
    model : path, str or Detector
        A model directory, ``bundled:NAME``, or whatever `open_detector` opens or has opened.
    manifests : path, Manifest or sequence of path
    out : path, optional
        The scores table to write, whole or not at all. A run that was stopped goes on where it
        was, see `faceaudit.scoring.unfinished`; without `out` nothing of it is kept.
    where, sample, seed
        Which images are scored, see `faceaudit.scoring.selection.select`.
    deliver, edit : sequence of str
        Variants of each picture that are scored too, see `faceaudit.variants.asked_for`.
    batch_size : int
        Pictures that the network sees at a time.
    workers : int
        Threads that decode.
    find_faces : bool
        Mark pictures in which no face is found, if the extra 'landmarks' is installed.
    features : bool
        Keep what the classifier sees of each picture, see `faceaudit.scoring.features`.
    progress : bool
        Say on standard error how it goes.
    **options : Options
        What is said of the model, see `ModelOptions`.

    Returns
    -------
    Scores
        The manifests' rows, in their order, with ``p_ai``; ``status`` (``ok`` or ``no_face``, or
        ``missing``, ``unreadable``, ``too_large``, ``replaced`` or ``unsure``, and then `p_ai` is
        null);
        ``sha256`` of the bytes that were scored, or else the manifest's; ``in_training``: whether
        the model learned from the same file; the score of each variant, null where `p_ai` is or
        where it cannot be made of the picture; and for the gravest errors ``attention``, see
        `faceaudit.scoring.attention`. A picture is ``replaced`` if its file is sound but not the
        one that was indexed, by its SHA-256: label and tags are of the other.

    Raises
    ------
    FaceAuditError
        If model or manifest cannot be read. A bad image raises nothing.
    """
    manifests = manifests if isinstance(manifests, Manifest) else listed(manifests)
    if out is not None:
        expect_writable(out, inputs=[model, *listed(manifests)])
    detector = model if isinstance(model, Detector) else open_detector(model, **options)
    if not isinstance(manifests, Manifest):
        manifests = read_manifests(manifests)
    with detector.blamed():
        _ = detector.notes  # loads it: what is wrong with a model is said at once
    variants = asked_for(deliver, edit)
    if any(variant.needs_landmarks for variant in variants):
        require_landmarks("score --edit")
    table = manifests.table.drop_columns(columns_of_variants(manifests.table))
    table, selected = select(table, where, sample, seed)
    present = set(pc.unique(table["dataset"]).to_pylist())
    datasets = {name: one for name, one in manifests.info.datasets.items() if name in present}
    info = manifests.info.model_copy(update={"datasets": datasets})
    finder = face_finder() if find_faces else None

    said = ModelOptions.of(**options)
    versions = library_versions("torch", "torchvision", "timm", "onnxruntime", "pillow")
    run = {
        "classifier": f"{detector.info.model_dump_json(exclude={'preprocessing'})} {said}",
        "preprocessing": json.dumps(detector.info.preprocessing),
        "images": f"{sha256_of_cells(table)} {info.model_dump_json()}",
        "variants": "; ".join(variant.name for variant in variants),
        "features": str(features),
        "batch size": str(batch_size),
        "face finder": "" if finder is None else finder.name,
        "versions of libraries": json.dumps(versions),
    }
    with unfinished(out, run, len(table)) as parts:
        pictures = read_pictures(
            table.slice(parts.rows),
            info,
            detector.pixels,
            variants=variants,
            find_face=finder,
            workers=workers,
            ahead=max(2 * workers + 1, 2 * batch_size // (1 + len(variants))),
        )
        with progress_bars(progress) as bars:
            if parts.rows:
                bars.console.print(f"going on after {parts.rows:,} of {len(table):,} images")
            task = bars.add_task("scoring", total=len(table), completed=parts.rows)
            while batch := list(islice(pictures, batch_size)):
                images = table["image"].slice(parts.rows, len(batch))
                scored = _scored(detector, batch, variants, images)
                if features:
                    seen = features_of(detector, [picture.pixels for picture in batch])
                    scored = scored.append_column("features", seen)
                parts.add(scored)
                bars.advance(task, len(batch))
        found = parts.table
        table = _joined(detector, table, found)
        p_ai = np.asarray(table["p_ai"].fill_null(np.nan))
        with detector.blamed():
            notes = list(detector.notes)
        try:
            maps = attention(detector, info, table, p_ai)
        except FaceAuditError as error:  # the scores are there and right
            maps = pa.nulls(len(table), pa.binary())
            notes.append(f"No evidence is shown: {error}.")
        table = with_column(table, "attention", maps)
        drift, compared = _batch_drift(detector, info, table, p_ai)
        if drift is not None and drift > BATCH_TOLERANCE:
            notes.append(
                f"The classifier's scores depend on the batch: of {compared} pictures scored among "
                f"the others of this run (batches of {batch_size:,}), with each other and one by "
                f"one, a score moved by {drift:.2g}, so another batch size or order gives other "
                "scores."
            )
        notes += said_by_labels(detector, info, table)
        notes += [*selected, *_of_variants(table), *_without_score(table, found["reason"])]
        scores_info = ScoresInfo(
            # Where the images lie is not for whoever is given the scores.
            **info.model_dump(
                include={"datasets", "tag_sources"}, exclude={"datasets": {"__all__": {"root"}}}
            ),
            model=detector.info,
            face_finder=None if finder is None else finder.name,
            batch_drift=drift,
            notes=notes,
            versions=versions,
        )
        if out is not None:
            write_table(out, table, scores_info)
    return Scores(validate(table, "scores", str(out or "the scores")), scores_info)


def _scored(
    detector: Detector, batch: Sequence[Picture], variants: Sequence[Variant], images: pa.Array
) -> pa.Table:
    """Score a batch, as it was delivered and then each variant; not-a-number is null."""
    p_ai = _judged(detector, [picture.pixels for picture in batch], images)
    columns = {"p_ai": p_ai}
    for i, variant in enumerate(variants):
        changed = [picture.variants[i] if picture.variants else None for picture in batch]
        scores = _judged(detector, changed, images)
        columns[variant_column(variant.name)] = np.where(np.isnan(p_ai), np.nan, scores)
        if variant.needs_landmarks:
            share = [picture.changed[i] if picture.changed else np.nan for picture in batch]
            columns[changed_column(variant.name)] = np.asarray(share, np.float32)
    declined = [picture.pixels is not None for picture in batch] & np.isnan(p_ai)
    status = [
        UNSURE if unsure else picture.status
        for picture, unsure in zip(batch, declined.tolist(), strict=True)
    ]
    return pa.table(
        {
            **{name: pa.array(of, pa.float32(), from_pandas=True) for name, of in columns.items()},
            "status": status,
            "sha256": pa.array([picture.sha256 for picture in batch], pa.string()),
            "reason": [picture.reason for picture in batch],
        }
    )


def _joined(detector: Detector, table: pa.Table, found: pa.Table) -> pa.Table:
    """Put what was found of each image beside its row."""
    hashes = found["sha256"]
    if "sha256" in table.column_names:  # where nothing was scored, the hash that is known stays
        known = pc.coalesce(table["sha256"], hashes)
        hashes = pc.if_else(pc.is_null(found["p_ai"]), known, hashes)
    with detector.blamed():
        in_training = detector.trained_on(hashes.combine_chunks())
    columns = {name: found[name] for name in ("p_ai", "status")}
    columns |= {"sha256": hashes, "in_training": in_training}
    more = [*columns_of_variants(found), *({"features"} & {*found.column_names})]
    columns |= {name: found[name] for name in more}
    for name, column in columns.items():
        table = with_column(table, name, column)
    return table


def _of_variants(table: pa.Table) -> list[str]:
    """Name the variants that were scored, and those that could not be made of some pictures."""
    lacking = {
        name: table[column].null_count - table["p_ai"].null_count
        for name, column in variant_columns(table).items()
    }
    named = [f"{name} (not of {n:,})" if n else name for name, n in lacking.items()]
    if len(named) > NAMED:  # the columns have their names
        named = [
            f"{len(named)} ways",
            *(of for of, n in zip(named, lacking.values(), strict=True) if n),
        ]
    said = f"Each picture was changed and scored again, in columns p_ai[…]: {'; '.join(named)}."
    return [said] if lacking else []


def _without_score(table: pa.Table, reasons: pa.ChunkedArray) -> list[str]:
    """Count the images without a score by their status, and say why the first of each has none."""
    status, counts = table["status"].to_pylist(), status_counts(table)
    return [
        f"Without a score, {kind.replace('_', ' ')}: {counts[kind]:,} of "
        f"{counted(len(table), 'image')}, "
        f"the first {table['image'][(row := status.index(kind))].as_py()!r} "
        f"({reasons[row].as_py()})."
        for kind in dict.fromkeys(status)
        if kind not in (*SCORED, UNSURE)
    ]


def _judged(detector: Detector, pictures: Sequence[Prepared | None], images: pa.Array) -> Floats:
    """Return the score of each prepared picture, not-a-number where there is none."""
    there = [i for i, picture in enumerate(pictures) if picture is not None]
    found = np.full(len(pictures), np.nan, np.float32)
    if there:
        try:
            found[there] = probabilities(detector, [one for one in pictures if one is not None])
        except PictureError as error:
            raise FaceAuditError(f"{images[there[error.place]]}: {error}") from error.__cause__
    return found


def _batch_drift(
    detector: Detector, info: ManifestInfo, table: pa.Table, p_ai: Floats
) -> tuple[float | None, int]:
    """Return how far a score moved, at most, with the pictures beside it, and of how many.

    None of fewer than two. A picture that is declined in one company and judged in another has
    moved by 1.
    """
    judged = pc.is_in(table["status"], pa.array([*SCORED, UNSURE]))
    rows = np.flatnonzero(judged)[:COMPARED]
    read = zip(rows, read_pictures(table.take(rows), info, detector.pixels), strict=True)
    # None if the file has changed since it was scored.
    first = {int(row): picture.pixels for row, picture in read if picture.pixels is not None}
    if len(first) < 2:
        return None, len(first)
    pictures = list(first.values())
    alone = np.concatenate([probabilities(detector, [one]) for one in pictures])
    scores = np.stack([p_ai[list(first)], probabilities(detector, pictures), alone])
    declined = np.isnan(scores)
    scores = np.where(declined.any(axis=0), declined, scores)
    return float(np.ptp(scores, axis=0).max()), len(first)
