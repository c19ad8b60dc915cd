"""A detector over a manifest, on one machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Unpack

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.model.faces import face_finder
from faceaudit.model.image_reader import read_pictures
from faceaudit.model.preprocess import Floats, Prepared
from faceaudit.model.progress import progress_bars
from faceaudit.reading.columns import with_column
from faceaudit.schema import UNSURE, ScoresInfo, validate, variant_column, variant_columns
from faceaudit.scoring.attention import attention
from faceaudit.scoring.detectors import Detector, PictureError, open_detector, probabilities
from faceaudit.scoring.labels import said_by_labels
from faceaudit.scoring.options import Options
from faceaudit.scoring.selection import select
from faceaudit.tables import Manifest, Scores, library_versions, read_manifests, write_table
from faceaudit.tags.landmarks import require_landmarks
from faceaudit.variants import asked_for
from faceaudit.wording import counted

#: Readable pictures of a run that are scored in their batch, with each other and alone.
COMPARED = 8
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
        The scores table to write, whole or not at all.
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
    detector = model if isinstance(model, Detector) else open_detector(model, **options)
    if not isinstance(manifests, Manifest):
        manifests = read_manifests(manifests)
    with detector.blamed():
        _ = detector.notes  # loads it: what is wrong with a model is said at once
    variants = asked_for(deliver, edit)
    if any(variant.needs_landmarks for variant in variants):
        require_landmarks("score --edit")
    table = manifests.table.drop_columns([*variant_columns(manifests.table).values()])
    table, selected = select(table, where, sample, seed)
    present = set(pc.unique(table["dataset"]).to_pylist())
    datasets = {name: one for name, one in manifests.info.datasets.items() if name in present}
    info = manifests.info.model_copy(update={"datasets": datasets})
    finder = face_finder() if find_faces else None

    #: As delivered, and then of each variant.
    scores = np.full((1 + len(variants), len(table)), np.nan, np.float32)
    p_ai = scores[0]
    status: list[str] = []
    sha256: list[str | None] = []
    #: Row -> the picture.
    first: dict[int, Prepared] = {}
    #: Status -> the first row without a score that has it, and why.
    failed: dict[str, tuple[int, str]] = {}
    pictures = read_pictures(
        table,
        info,
        detector.pixels,
        variants=variants,
        find_face=finder,
        workers=workers,
        ahead=max(2 * workers + 1, 2 * batch_size // len(scores)),
    )
    with progress_bars(progress) as bars:
        task = bars.add_task("scoring", total=len(table))
        while batch := list(islice(pictures, batch_size)):
            start, readable = len(status), {}
            for row, picture in enumerate(batch, start):
                if picture.pixels is None:
                    failed.setdefault(picture.status, (row, picture.reason))
                else:
                    readable[row] = picture.pixels
            images = table["image"][start : start + len(batch)]
            p_ai[start : start + len(batch)] = _judged(
                detector, [picture.pixels for picture in batch], images
            )
            for i, of_variant in enumerate(scores[1:]):
                changed = [picture.variants[i] if picture.variants else None for picture in batch]
                of_variant[start : start + len(batch)] = _judged(detector, changed, images)
            first.update(islice(readable.items(), COMPARED - len(first)))
            unsure = {row for row in readable if np.isnan(p_ai[row])}
            status.extend(
                UNSURE if row in unsure else picture.status
                for row, picture in enumerate(batch, start)
            )
            sha256.extend(picture.sha256 for picture in batch)
            bars.advance(task, len(batch))

    hashes = pa.array(sha256, pa.string())
    if "sha256" in table.column_names:  # where nothing was scored, the hash that is known stays
        known = table["sha256"].combine_chunks()
        hashes = pc.if_else(np.isnan(p_ai), pc.coalesce(known, hashes), hashes)
    with detector.blamed():
        in_training = detector.trained_on(hashes)
    for name, column in (
        ("p_ai", pa.array(p_ai, mask=np.isnan(p_ai))),
        ("status", pa.array(status, pa.string())),
        ("sha256", hashes),
        ("in_training", in_training),
    ):
        table = with_column(table, name, column)
    for variant, of_variant in zip(variants, scores[1:], strict=True):
        of_variant[np.isnan(p_ai)] = np.nan
        column = pa.array(of_variant, mask=np.isnan(of_variant))
        table = with_column(table, variant_column(variant.name), column)
    with detector.blamed():
        notes = list(detector.notes)
    try:
        maps = attention(detector, info, table, p_ai)
    except FaceAuditError as error:  # the scores are there and right
        maps, notes = pa.nulls(len(table), pa.binary()), [*notes, f"No evidence is shown: {error}."]
    table = with_column(table, "attention", maps)
    drift = _batch_drift(detector, first, p_ai)
    if drift is not None and drift > BATCH_TOLERANCE:
        notes.append(
            f"The classifier's scores depend on the batch: of {len(first)} pictures scored among "
            f"the others of this run (batches of {batch_size:,}), with each other and one by one, "
            f"a score moved by {drift:.2g}, so another batch size or order gives other scores."
        )
    notes += said_by_labels(detector, info, table)
    notes += selected
    if variants:
        lacking = np.isnan(scores[1:]).sum(axis=1) - np.isnan(p_ai).sum()
        names = "; ".join(
            f"{variant.name} (not of {n:,})" if n else variant.name
            for variant, n in zip(variants, lacking, strict=True)
        )
        notes.append(f"Each picture was changed and scored again, in columns p_ai[…]: {names}.")
    counts = Counter(status)
    notes += [
        f"Without a score, {kind.replace('_', ' ')}: {counts[kind]:,} of "
        f"{counted(len(table), 'image')}, "
        f"the first {table['image'][row].as_py()!r} ({reason})."
        for kind, (row, reason) in failed.items()
    ]
    scores_info = ScoresInfo(
        # Where the images lie is not for whoever is given the scores.
        **info.model_dump(
            include={"datasets", "tag_sources"}, exclude={"datasets": {"__all__": {"root"}}}
        ),
        model=detector.info,
        face_finder=None if finder is None else finder.name,
        batch_drift=drift,
        notes=notes,
        versions=library_versions("torch", "torchvision", "timm", "onnxruntime", "pillow"),
    )
    if out is not None:
        write_table(out, table, scores_info)
    return Scores(validate(table, "scores", str(out or "the scores")), scores_info)


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


def _batch_drift(detector: Detector, first: dict[int, Prepared], p_ai: Floats) -> float | None:
    """Return how far a score moved, at most, with the pictures beside it; None of fewer than two.

    A picture that is declined in one company and judged in another has moved by 1.
    """
    if len(first) < 2:
        return None
    pictures = list(first.values())
    alone = np.concatenate([probabilities(detector, [one]) for one in pictures])
    scores = np.stack([p_ai[list(first)], probabilities(detector, pictures), alone])
    declined = np.isnan(scores)
    scores = np.where(declined.any(axis=0), declined, scores)
    return float(np.ptp(scores, axis=0).max())
