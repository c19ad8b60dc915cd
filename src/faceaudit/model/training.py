"""Training a classifier: manifests in, a model directory out."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.errors import FaceAuditError
from faceaudit.files import sha256_of
from faceaudit.model.architecture import (
    DEFAULT_ARCHITECTURE,
    build_network,
    find_architecture,
    head_names,
    load_pretrained,
    require_model_extra,
)
from faceaudit.model.batches import Batches
from faceaudit.model.checkpoint import (
    HASH_DIGITS,
    Checkpoint,
    InputRecord,
    ModelRecord,
    TrainingRecord,
    load_checkpoint,
    round_weights,
    save_checkpoint,
)
from faceaudit.model.evaluation import THRESHOLD_RULE, choose_threshold, summarise, top_losses
from faceaudit.model.inference import Predictor
from faceaudit.model.pictures import PictureReader, read_batches
from faceaudit.model.progress import progress_bars
from faceaudit.model.split import contradicted, validation_rows
from faceaudit.tables import ManifestInfo, library_versions, read_manifest

if TYPE_CHECKING:
    from rich.progress import Progress

    from faceaudit.model.preprocess import Pixels


@dataclass(frozen=True)
class _Decoded:
    """Training pictures: row i of `table`, with its ``sha256``, is picture i of `pixels`."""

    table: pa.Table
    pixels: Pixels
    left_out: Counter[str]


def train(
    manifests: Sequence[Path | str],
    out: Path | str,
    *,
    arch: str = DEFAULT_ARCHITECTURE,
    epochs: int = 4,
    size: int = 128,
    batch_size: int = 64,
    lr: float | None = None,
    find_lr: bool = False,
    validation_share: float = 0.2,
    weights: str = "auto",
    trust_pickle: bool = False,
    seed: int = 0,
    workers: int = 2,
    progress: bool = False,
) -> Checkpoint:
    """Train a classifier that tells AI-generated faces from real photographs.

    With pretrained weights the head alone learns for one epoch, then the whole network for
    `epochs` on a one-cycle schedule [1]_; an untrained network learns whole from the start.
    The same seed, data and machine give the same weights to the last bit. While it runs, each image
    takes ``3 * size**2`` bytes (48 kB at 128 pixels) in the system's folder for temporary files.

    Parameters
    ----------
    manifests : sequence of path
        Tables that `faceaudit index` wrote; together they need images of both labels.
    out : path
        The model directory to write.
    arch : str
        A timm or torchvision name; ``torchvision:NAME`` where both have it.
    epochs : int
    size : int
        Side in pixels of the square that the network sees.
    batch_size : int
    lr : float, optional
        Highest learning rate of the head; the body's is a fifth of it.
    find_lr : bool
        Choose `lr` by fastai's learning-rate finder.
    validation_share : float
        Share of the images held out. Byte-identical copies, and pictures of one person where a
        tag ``person`` says so, are never on both sides.
    weights : str
        ``auto``, ``none`` or a file; see `load_pretrained`.
    trust_pickle : bool
        Take a weights file that is not safetensors.
    seed : int
    workers : int
        Threads that decode pictures.
    progress : bool
        Say on standard error how it goes.

    Returns
    -------
    Checkpoint
        As read back from `out`.

    Raises
    ------
    FaceAuditError
        If the manifests, the architecture or the weights cannot be used.

    References
    ----------
    .. [1] L. N. Smith, "A disciplined approach to neural network hyper-parameters", 2018.
    """
    require_model_extra("train")
    import torch

    with warnings.catch_warnings():
        # fastai warns on import of what other libraries will change: no news for our users.
        warnings.simplefilter("ignore")
        from faceaudit.model.recipe import Recipe, reproducible, training_precision

    started = time.monotonic()
    table, info, hashes = _read_manifests(manifests)
    architecture = find_architecture(arch)
    record = InputRecord(size=size, mean=list(architecture.mean), std=list(architecture.std))
    with (
        progress_bars(progress) as bars,
        tempfile.TemporaryDirectory(prefix="faceaudit-") as scratch,
        reproducible(seed),
    ):
        network = build_network(architecture, size)
        source = load_pretrained(network, architecture, weights, trust_pickle)
        recipe = Recipe(network, head_names(architecture), epochs, pretrained=weights != "none")
        n_validation = round(len(table) * validation_share)
        forecast = recipe.seconds(len(table) - n_validation, n_validation, size, batch_size)
        bars.console.print(
            f"training on {len(table):,} images will take about {_in_words(forecast)}"
        )

        data = _decode(table, info, Path(scratch) / "pixels", size, workers, bars)
        for reason, count in data.left_out.items():
            bars.console.print(f"left out: {count:,} images, {reason}")
        is_ai = np.array(data.table["label"].to_pylist()) == "ai"
        held_out = validation_rows(data.table, validation_share, seed)
        training, validation = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        for side, rows in (("training", training), ("validation", validation)):
            if len(np.unique(is_ai[rows])) < 2:
                raise FaceAuditError(
                    f"{side} needs images of both labels, and {len(rows)} of {len(is_ai)} images "
                    "fell to it, all of one; give more images"
                )
        rate = recipe.fit(
            Batches(data.pixels, is_ai, training, record, batch_size, seed),
            Batches(data.pixels, is_ai, validation, record, batch_size),
            lr,
            find_lr,
            Path(scratch),
            bars,
        )

        # What is measured from here on is the model that is saved.
        round_weights(network)
        predict = Predictor(network, record)
        p_ai = np.concatenate(
            [
                predict(data.pixels[validation[start : start + batch_size]])
                for start in range(0, len(validation), batch_size)
            ]
        )
        if not np.isfinite(p_ai).all():
            raise FaceAuditError("the training diverged; train with a lower --lr")
        truth = is_ai[validation]
        threshold = choose_threshold(p_ai, truth)
        model = ModelRecord(
            id=Path(out).resolve().name,
            architecture=architecture.name,
            library=architecture.library,
            input=record,
            threshold=threshold,
            threshold_rule=THRESHOLD_RULE,
            training=TrainingRecord(
                manifests=hashes,
                images=_counts(data.table),
                n_training=len(training),
                n_validation=len(validation),
                left_out=dict(data.left_out),
                initial_weights=source,
                epochs=epochs,
                frozen_epochs=recipe.frozen_epochs,
                batch_size=batch_size,
                learning_rate=rate,
                seed=seed,
                precision=training_precision(),
                threads=torch.get_num_threads(),
                seconds=round(time.monotonic() - started, 1),
                validation=summarise(p_ai, truth, threshold),
                top_losses=top_losses(data.table.take(validation), p_ai, truth),
            ),
            versions=library_versions("torch", "torchvision", "timm", "fastai", "pillow"),
        )
        save_checkpoint(out, model, network, _image_hashes(data.table, held_out))
    return load_checkpoint(out)


def _read_manifests(
    paths: Sequence[Path | str],
) -> tuple[pa.Table, ManifestInfo, dict[str, str]]:
    """Put manifests together; also return their names and hashes, for the record."""
    parts, info, hashes = [], ManifestInfo(), {}
    for path in map(Path, paths):
        manifest = read_manifest(path)
        for name, dataset in manifest.info.datasets.items():
            known = info.datasets.setdefault(name, dataset)
            if known.root != dataset.root:
                raise FaceAuditError(
                    f"{path}: the images of '{name}' lie in {dataset.root}, but another manifest "
                    f"has them in {known.root}; index both from one place"
                )
        wanted = ("image", "label", "dataset", "person")
        parts.append(manifest.table.select([c for c in wanted if c in manifest.table.column_names]))
        hashes[path.stem] = sha256_of(path)
    if not parts:
        raise FaceAuditError("no manifest was given")
    return pa.concat_tables(parts, promote_options="permissive"), info, hashes


def _decode(
    table: pa.Table, info: ManifestInfo, path: Path, size: int, workers: int, bars: Progress
) -> _Decoded:
    """Decode every picture once, into a memory map at `path`, and leave out what is no use."""
    reader = PictureReader(info, size)
    pixels = np.memmap(path, np.uint8, "w+", shape=(len(table), size, size, 3))
    rows = zip(table["dataset"].to_pylist(), table["image"].to_pylist(), strict=True)
    kept: list[int] = []
    sha256: list[str | None] = []
    left_out: Counter[str] = Counter()
    task = bars.add_task("reading images", total=len(table))
    for position, picture in enumerate(
        picture for batch in read_batches(reader, rows, 256, workers) for picture in batch
    ):
        bars.advance(task)
        if picture.pixels is None:
            left_out[picture.status] += 1
            continue
        pixels[len(kept)] = picture.pixels
        kept.append(position)
        sha256.append(picture.sha256)
    bars.remove_task(task)
    if not kept:
        raise FaceAuditError("none of the images in the manifests could be read")
    table = table.take(kept).append_column("sha256", pa.array(sha256, pa.string()))
    both = contradicted(table)
    if both.any():
        left_out["the same file labelled both real and ai"] = int(both.sum())
        good = np.flatnonzero(~both)
        for to, origin in enumerate(good):
            pixels[to] = pixels[origin]
        table, kept = table.take(good), kept[: len(good)]
    return _Decoded(table, pixels[: len(kept)], left_out)


def _counts(table: pa.Table) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for row in table.group_by(["dataset", "label"]).aggregate([([], "count_all")]).to_pylist():
        counts.setdefault(row["dataset"], {})[row["label"]] = row["count_all"]
    return counts


def _image_hashes(table: pa.Table, held_out: np.ndarray) -> pa.Table:
    split = pa.array(np.where(held_out, "validation", "training"), pa.string())
    digits = pc.utf8_slice_codeunits(table["sha256"], 0, HASH_DIGITS)
    return pa.table({"sha256": digits, "split": split}).sort_by("sha256")


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
