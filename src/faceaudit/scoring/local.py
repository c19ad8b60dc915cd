"""A classifier over a manifest, on one machine."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from faceaudit.model.faces import face_finder
from faceaudit.model.pictures import PictureReader, read_batches
from faceaudit.model.preprocess import Picture
from faceaudit.model.progress import progress_bars
from faceaudit.scoring.attention import attention
from faceaudit.scoring.classifier import Classifier
from faceaudit.tables import (
    Manifest,
    Scores,
    ScoresInfo,
    library_versions,
    read_manifest,
    validate,
    write_table,
)

#: Readable pictures of a run that are scored together and alone.
COMPARED = 4
#: What 32-bit arithmetic may change in a score when the pictures beside it are others: other
#: kernels add up in another order, which changes the bundled classifiers' by at most 8e-7.
BATCH_TOLERANCE = 1e-4


def score(
    model: Path | str | Classifier,
    manifest: Path | str | Manifest,
    out: Path | str,
    *,
    batch_size: int = 64,
    workers: int = 2,
    trust_pickle: bool = False,
    ai_class: str | None = None,
    find_faces: bool = True,
    progress: bool = False,
) -> Scores:
    """Score every image of a manifest.

    Pictures are decoded in threads while the network works on those before; three batches at
    most are in memory.

    Parameters
    ----------
    model : path, str or Classifier
        A model directory, ``bundled:NAME``, or a classifier that is loaded already.
    manifest : path or Manifest
    out : path
        The scores table to write, whole or not at all.
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
        The manifest's rows, in their order, with ``p_ai``; ``status`` (``ok`` or ``no_face``, or
        ``missing``, ``unreadable`` or ``too_large``, and then `p_ai` is null); ``sha256`` of the
        bytes that were scored; ``in_training``: whether the model learned from the same file;
        and for the gravest errors ``attention``, see `faceaudit.scoring.attention`.

    Raises
    ------
    FaceAuditError
        If model or manifest cannot be read. A bad image raises nothing.
    """
    classifier = (
        model if isinstance(model, Classifier) else Classifier.load(model, trust_pickle, ai_class)
    )
    if not isinstance(manifest, Manifest):
        manifest = read_manifest(manifest)
    table = manifest.table
    finder = face_finder() if find_faces else None
    reader = PictureReader(manifest.info, classifier.prepare, finder)
    rows = zip(table["dataset"].to_pylist(), table["image"].to_pylist(), strict=True)

    p_ai = np.empty(len(table), np.float32)
    status: list[str] = []
    sha256: list[str | None] = []
    first: list[Picture] = []
    with progress_bars(progress) as bars:
        task = bars.add_task("scoring", total=len(table))
        for batch in read_batches(reader, rows, batch_size, workers):
            p_ai[len(status) : len(status) + len(batch)] = classifier.p_ai(batch)
            readable = (picture for picture in batch if picture.pixels is not None)
            first.extend(islice(readable, COMPARED - len(first)))
            status.extend(picture.status for picture in batch)
            sha256.extend(picture.sha256 for picture in batch)
            bars.advance(task, len(batch))

    hashes = pa.array(sha256, pa.string())
    explained = attention(classifier, PictureReader(manifest.info, classifier.prepare), table, p_ai)
    result = {
        "p_ai": pa.array(p_ai, mask=np.isnan(p_ai)),
        "status": pa.array(status, pa.string()),
        "sha256": hashes,
        "in_training": classifier.checkpoint.trained_on(hashes),
        "attention": explained,
    }
    for name, column in result.items():
        if name in table.column_names:
            table = table.drop_columns(name)
        table = table.append_column(name, column)
    info = ScoresInfo(
        # Where the images lie is not for whoever is given the scores.
        **manifest.info.model_dump(
            include={"datasets", "tag_sources"}, exclude={"datasets": {"__all__": {"root"}}}
        ),
        model=classifier.checkpoint.info(),
        face_finder=None if finder is None else finder.name,
        notes=[*classifier.checkpoint.notes, *_batch_dependence(classifier, first)],
        versions=library_versions("torch", "torchvision", "timm", "pillow"),
    )
    write_table(out, table, info)
    return Scores(validate(table, "scores", str(out)), info)


def _batch_dependence(classifier: Classifier, pictures: list[Picture]) -> list[str]:
    """Say whether the score of a picture depends on those that are scored with it."""
    if len(pictures) < 2:
        return []
    moves = classifier.moves_in_batch(pictures)
    if moves <= BATCH_TOLERANCE:
        return []
    return [
        f"The classifier's scores depend on the batch: of {len(pictures)} pictures scored together "
        f"and one by one, a score moved by {moves:.2g}, so another batch size or order gives other "
        "scores."
    ]
