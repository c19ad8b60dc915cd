"""A detector over a manifest, on one machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.model.faces import face_finder
from faceaudit.model.image_reader import PictureReader, read_batches, rows_of
from faceaudit.model.preprocess import Floats, Picture
from faceaudit.model.progress import progress_bars
from faceaudit.scoring.attention import attention
from faceaudit.scoring.detectors import Detector, open_detector
from faceaudit.scoring.selection import select
from faceaudit.tables import (
    Manifest,
    Scores,
    ScoresInfo,
    library_versions,
    read_manifests,
    validate,
    write_table,
)
from faceaudit.wording import counted

#: Readable pictures of a run that are scored together and alone.
COMPARED = 4
#: What 32-bit arithmetic may change in a score when the pictures beside it are others: other
#: kernels add up in another order, which changes the bundled classifiers' by at most 8e-7.
BATCH_TOLERANCE = 1e-4


def score(
    model: Path | str | Detector,
    manifests: Path | str | Manifest | Sequence[Path | str],
    out: Path | str,
    *,
    where: str | None = None,
    sample: int | None = None,
    seed: int = 0,
    batch_size: int = 64,
    workers: int = 2,
    trust_pickle: bool = False,
    ai_class: str | None = None,
    find_faces: bool = True,
    progress: bool = False,
) -> Scores:
    """Score the images of manifests.

    Pictures are decoded in threads while the network works on those before; three batches at
    most are in memory.

    Parameters
    ----------
    model : path, str or Detector
        A model directory, ``bundled:NAME``, or whatever `open_detector` opens or has opened.
    manifests : path, Manifest or sequence of path
    out : path
        The scores table to write, whole or not at all.
    where : str, optional
        Which images are scored, as an expression (see `faceaudit.row_filter`).
    sample : int, optional
        Score so many of them, drawn at random; every data set and label has its share.
    seed : int
        Of the sample.
    batch_size : int
        Pictures that the network sees at a time.
    workers : int
        Threads that decode.
    trust_pickle : bool
        Take a checkpoint that is a pickle.
    ai_class : str, optional
        Of a foreign classifier's two classes the one that means AI-generated.
    find_faces : bool
        Mark pictures in which no face is found, if the extra 'landmarks' is installed.
    progress : bool
        Say on standard error how it goes.

    Returns
    -------
    Scores
        The manifests' rows, in their order, with ``p_ai``; ``status`` (``ok`` or ``no_face``, or
        ``missing``, ``unreadable``, ``too_large`` or ``replaced``, and then `p_ai` is null);
        ``sha256`` of the bytes that were scored, or else the manifest's; ``in_training``: whether
        the model learned from the same file; and for the gravest errors ``attention``, see
        `faceaudit.scoring.attention`. A picture is ``replaced`` if its file is sound but not the
        one that was indexed, by its SHA-256: label and tags are of the other.

    Raises
    ------
    FaceAuditError
        If model or manifest cannot be read. A bad image raises nothing.
    """
    detector = (
        model
        if isinstance(model, Detector)
        else open_detector(model, trust_pickle=trust_pickle, ai_class=ai_class)
    )
    if not isinstance(manifests, Manifest):
        paths = [manifests] if isinstance(manifests, Path | str) else manifests
        manifests = read_manifests(paths)
    notes = list(detector.notes)  # loads it: what is wrong with a model is said at once
    table, selected = select(manifests.table, where, sample, seed)
    present = set(pc.unique(table["dataset"]).to_pylist())
    datasets = {name: one for name, one in manifests.info.datasets.items() if name in present}
    info = manifests.info.model_copy(update={"datasets": datasets})
    finder = face_finder() if find_faces else None
    reader = PictureReader(info, detector.pixels, finder)

    p_ai = np.empty(len(table), np.float32)
    status: list[str] = []
    sha256: list[str | None] = []
    first: list[Picture] = []
    #: Status -> the first row without a score that has it, and why.
    failed: dict[str, tuple[int, str]] = {}
    with progress_bars(progress) as bars:
        task = bars.add_task("scoring", total=len(table))
        for batch in read_batches(reader, rows_of(table), batch_size, workers):
            p_ai[len(status) : len(status) + len(batch)] = _scores(detector, batch)
            readable = (picture for picture in batch if picture.pixels is not None)
            first.extend(islice(readable, COMPARED - len(first)))
            for row, picture in enumerate(batch, start=len(status)):
                if picture.reason:
                    failed.setdefault(picture.status, (row, picture.reason))
            status.extend(picture.status for picture in batch)
            sha256.extend(picture.sha256 for picture in batch)
            bars.advance(task, len(batch))

    hashes = _hashes(table, p_ai, sha256)
    table = _with(table, "p_ai", pa.array(p_ai, mask=np.isnan(p_ai)))
    table = _with(table, "status", pa.array(status, pa.string()))
    table = _with(table, "sha256", hashes)
    table = _with(table, "in_training", detector.trained_on(hashes))
    explained = attention(detector, PictureReader(info, detector.pixels), table, p_ai)
    table = _with(table, "attention", explained)
    counts = Counter(status)
    notes += _batch_dependence(detector, first)
    notes += selected
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
        notes=notes,
        versions=library_versions("torch", "torchvision", "timm", "pillow"),
    )
    write_table(out, table, scores_info)
    return Scores(validate(table, "scores", str(out)), scores_info)


def _scores(detector: Detector, pictures: Sequence[Picture]) -> Floats:
    """Return the scores of a batch, not-a-number for pictures without pixels."""
    scores = np.full(len(pictures), np.nan, np.float32)
    pixels = {i: p.pixels for i, p in enumerate(pictures) if p.pixels is not None}
    if pixels:
        scores[list(pixels)] = detector.p_ai(np.stack(list(pixels.values())))
    return scores


def _batch_dependence(detector: Detector, pictures: list[Picture]) -> list[str]:
    """Say whether the score of a picture depends on those that are scored with it."""
    if len(pictures) < 2:
        return []
    alone = np.concatenate([_scores(detector, [picture]) for picture in pictures])
    moves = float(np.abs(_scores(detector, pictures) - alone).max())
    if moves <= BATCH_TOLERANCE:
        return []
    return [
        f"The classifier's scores depend on the batch: of {len(pictures)} pictures scored together "
        f"and one by one, a score moved by {moves:.2g}, so another batch size or order gives other "
        "scores."
    ]


def _with(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    if name in table.column_names:
        table = table.drop_columns(name)
    return table.append_column(name, column)


def _hashes(table: pa.Table, p_ai: Floats, read: list[str | None]) -> pa.Array:
    """Give each row the hash of the bytes that were scored, else the one that it had."""
    hashes = pa.array(read, pa.string())
    if "sha256" not in table.column_names:
        return hashes
    given = table["sha256"].combine_chunks()
    return pc.if_else(np.isnan(p_ai), pc.coalesce(given, hashes), hashes)
