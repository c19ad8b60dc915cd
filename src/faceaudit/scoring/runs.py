"""A detector over a manifest: on this machine, as a part of several, or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from copy import copy
from pathlib import Path
from typing import Literal, Unpack

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.datasets.sources import StoredImages
from faceaudit.errors import FaceAuditError, SourceLostError
from faceaudit.files import expect_writable
from faceaudit.model.faces import face_finder
from faceaudit.model.image_reader import read_pictures
from faceaudit.model.preprocess import Floats
from faceaudit.model.progress import progress_bars
from faceaudit.one_or_many import listed
from faceaudit.reading.columns import with_column
from faceaudit.schema import SCORED, UNSURE, ScoresInfo, Shard, columns_of_variants, validate
from faceaudit.scoring.attention import attention
from faceaudit.scoring.batches import Batches
from faceaudit.scoring.detectors import Detector, open_detector, probabilities
from faceaudit.scoring.labels import said_of_preparation
from faceaudit.scoring.options import ModelOptions, Options
from faceaudit.scoring.ray_data import Job, on_ray
from faceaudit.scoring.same_run import judged_by, versions
from faceaudit.scoring.selection import select
from faceaudit.scoring.shards import dealt, parse_shard
from faceaudit.scoring.table_notes import table_notes
from faceaudit.tables import Manifest, Scores, read_manifests, sha256_of_cells, write_table
from faceaudit.tags.landmarks import require_landmarks
from faceaudit.unfinished import Parts, unfinished
from faceaudit.variants import asked_for

#: Readable pictures of a run that are scored in their batch, with each other and alone.
COMPARED = 8
#: What 32-bit arithmetic may change in a score when the pictures beside it are others: other
#: kernels add up in another order, which changes the bundled classifiers' by at most 8e-7.
BATCH_TOLERANCE = 1e-4

#: Pictures, variants counted, from which on it pays to look for a faster way.
WORTH_HASTE = 500

Engine = Literal["local", "ray"]
Precision = Literal["fast", "exact"]


def score(
    model: Path | str | Detector,
    manifests: Path | str | Manifest | Iterable[Path | str],
    out: Path | str | None = None,
    *,
    where: str | None = None,
    sample: int | None = None,
    seed: int = 0,
    shard: str | None = None,
    deliver: Sequence[str] = (),
    edit: Sequence[str] = (),
    batch_size: int = 64,
    workers: int | None = None,
    engine: Engine = "local",
    address: str | None = None,
    find_faces: bool = True,
    features: bool = False,
    precision: Precision = "fast",
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
        was, see `faceaudit.unfinished`; without `out` nothing of it is kept.
    where, sample, seed
        Which images are scored, see `faceaudit.scoring.selection.select`.
    shard : str, optional
        ``3/8`` scores the third of eight parts, for `faceaudit.scoring.join`.
    deliver, edit : sequence of str
        Variants of each picture that are scored too, see `faceaudit.variants.asked_for`.
    batch_size : int
        Pictures that the network sees at a time.
    workers : int, optional
        Threads that decode, on this machine; one a core if not given.
    engine : {'local', 'ray'}
        Score on this machine, or on a Ray cluster, see `faceaudit.scoring.ray_data`.
    address : str, optional
        Of the cluster; without one Ray starts one on this machine.
    find_faces : bool
        Mark pictures in which no face is found, if the extra 'landmarks' is installed.
    features : bool
        Keep what the classifier sees of each picture, see `faceaudit.scoring.features`.
    precision : {'fast', 'exact'}
        Fast: of `WORTH_HASTE` pictures and more, see `Detector.hasten`. Exact: never.
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
    if address is not None and engine != "ray":
        raise FaceAuditError(f"--address {address}: is that of a Ray cluster; add --engine ray")
    part = None if shard is None else parse_shard(shard)
    detector = model if isinstance(model, Detector) else open_detector(model, **options)
    if isinstance(manifests, Manifest):
        validate(manifests.table, "manifest", "the manifest")
    else:
        manifests = read_manifests(manifests)
    variants = asked_for(deliver, edit)
    if any(variant.needs_landmarks for variant in variants):
        require_landmarks("score --edit")
    table = manifests.table.drop_columns(columns_of_variants(manifests.table))
    table, selected = select(table, where, sample, seed)
    present = set(pc.unique(table["dataset"]).to_pylist())
    datasets = {name: one for name, one in manifests.info.datasets.items() if name in present}
    info = manifests.info.model_copy(update={"datasets": datasets})
    images = StoredImages.of(info)
    with detector.blamed():
        # Loads it, which takes long, after all that can be refused without.
        _ = detector.notes
    finder = face_finder() if find_faces else None
    of_run = len(table)
    hasten = precision == "fast" and of_run * (1 + len(variants)) >= WORTH_HASTE
    if hasten:  # whoever has opened it may want exact scores next
        detector = copy(detector)
    with detector.blamed():
        inference = detector.hasten() if hasten else None
    run = {
        **judged_by(detector, inference, ModelOptions.of(**options), finder),
        "images": f"{sha256_of_cells(table)} {info.model_dump_json()}",
        "variants": "; ".join(variant.name for variant in variants),
        "features": str(features),
        "batch size": str(batch_size),
    }
    if part is not None:
        table = table.take(dealt(of_run, batch_size, *part))
    workers = workers or os.cpu_count() or 1
    batches = Batches(detector, images, variants, finder, features, batch_size, workers)
    with unfinished(out, run | {"part": shard or "1/1"}) as kept:
        parts = Parts(kept.folder, len(table))
        kept.add(parts)
        left = table.slice(parts.rows)
        if engine == "ray":
            job = Job(
                model,
                options,
                info,
                variants,
                find_faces=find_faces,
                features=features,
                hasten=hasten,
                batch_size=batch_size,
                run=run,
            )
            scored = on_ray(job, left, address)
        else:
            scored = batches.of(left)
        with progress_bars(progress) as bars:
            if parts.rows:
                bars.console.print(f"going on after {parts.rows:,} of {len(table):,} images")
            task = bars.add_task("scoring", total=len(table), completed=parts.rows)
            for found in scored:
                parts.add(found)
                bars.advance(task, len(found))
        found = parts.table
        table = _joined(detector, table, found)
        p_ai = np.asarray(table["p_ai"].fill_null(np.nan))
        drift, compared = _batch_drift(detector, images, table, p_ai)
        with detector.blamed():
            # Now it has seen pictures here, also where others have scored those of the run.
            notes = list(detector.notes)
        try:
            maps = attention(detector, images, table, p_ai)
        except SourceLostError:
            raise
        except FaceAuditError as error:  # the scores are there and right
            maps = pa.nulls(len(table), pa.binary())
            notes.append(f"No evidence is shown: {error}.")
        table = with_column(table, "attention", maps)
        if drift is not None and drift > BATCH_TOLERANCE:
            notes.append(
                f"The classifier's scores depend on the batch: of {compared} pictures scored among "
                f"the others of this run (batches of {batch_size:,}), with each other and one by "
                f"one, a score moved by {drift:.2g}, so another batch size or order gives other "
                "scores."
            )
        notes += [*said_of_preparation(detector, images, table), *selected]
        scores_info = ScoresInfo(
            # Where the images lie is not for whoever is given the scores.
            **info.model_dump(
                include={"datasets", "tag_sources"}, exclude={"datasets": {"__all__": {"root"}}}
            ),
            model=detector.info,
            face_finder=None if finder is None else finder.name,
            inference=inference,
            batch_drift=drift,
            notes=[*notes, *table_notes(table, found["reason"])],
            versions=versions(),
        )
        if part is not None:
            number, of = part
            scores_info.shard = Shard(
                number=number, of=of, images=of_run, batch_size=batch_size, run=run, notes=notes
            )
            table = table.append_column("reason", found["reason"])
        if out is not None:
            write_table(out, table, scores_info)
    return Scores(validate(table, "scores", str(out or "the scores")), scores_info)


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


def _batch_drift(
    detector: Detector, images: StoredImages, table: pa.Table, p_ai: Floats
) -> tuple[float | None, int]:
    """Return how far a score moved, at most, with the pictures beside it, and of how many.

    None of fewer than two. A picture that is declined in one company and judged in another has
    moved by 1.
    """
    judged = pc.is_in(table["status"], pa.array([*SCORED, UNSURE]))
    rows = np.flatnonzero(judged)[:COMPARED]
    read = zip(rows, read_pictures(table.take(rows), images, detector.pixels), strict=True)
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
