"""Training a classifier: manifests in, a model directory out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from faceaudit.datasets.sources import StoredImages
from faceaudit.errors import FaceAuditError
from faceaudit.files import expect_writable, sha256_of
from faceaudit.model.architecture import (
    DEFAULT_ARCHITECTURE,
    build_network,
    find_architecture,
    head_names,
    load_pretrained,
    require_model_extra,
)
from faceaudit.model.balance import balance_column, equal_shares, training_groups
from faceaudit.model.checkpoint import (
    Checkpoint,
    files_of,
    load_checkpoint,
    round_weights,
    save_checkpoint,
)
from faceaudit.model.evaluation import (
    EACH_SENT_ONCE,
    THRESHOLD_RULE,
    choose_threshold,
    summarise,
    top_losses,
)
from faceaudit.model.fast_inference import drawings, on_accelerator
from faceaudit.model.inference import predict
from faceaudit.model.ood_distance import learn_familiarity, write_familiarity
from faceaudit.model.progress import progress_bars
from faceaudit.model.random_delivery import SMALLEST_CROP, deliver, kept_side
from faceaudit.model.records import (
    HASH_DIGITS,
    IMAGES_FILE,
    InputRecord,
    ModelRecord,
    TrainingRecord,
)
from faceaudit.model.split import validation_rows
from faceaudit.model.team import device_of, team, this_one
from faceaudit.model.training_data import decode, room_for
from faceaudit.one_or_many import listed
from faceaudit.tables import library_versions, read_manifests, sha256_of_cells
from faceaudit.unfinished import unfinished
from faceaudit.wording import counted, duration


def train(
    manifests: Path | str | Iterable[Path | str],
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
    equal_delivery: bool | float = False,
    balance: str | None = None,
    objective: Literal["erm", "group-dro"] = "erm",
    workers: int = 2,
    progress: bool = False,
) -> Checkpoint:
    """Train a classifier that tells AI-generated faces from real photographs.

    With pretrained weights the head alone learns for one epoch, then the whole network for
    `epochs` on a one-cycle schedule [1]_; an untrained network learns whole from the start.
    It learns on the accelerator that torch finds, or else on the processor. The same seed, data and
    machine give the same weights to the last bit, also if it is stopped in between and goes on,
    after whole epochs (`faceaudit.unfinished`). While it runs, each image takes ``3 * size**2``
    bytes (48 kB at 128 pixels) in the system's folder for temporary files, with `equal_delivery`
    some 200 kB more, or ``4 * size**2`` for networks of over 224 pixels.

    Processes that a launcher has started train one network (`faceaudit.model.team`): each learns
    from its part of every batch, the first alone writes `out`, and all return the same.

    Parameters
    ----------
    manifests : sequence of path
        Tables that `faceaudit index` wrote; together they need images of both labels.
    out : path
        The model directory to write.
    arch : str
        A timm or torchvision name; ``torchvision:NAME`` where both have it.
    epochs, batch_size, seed
        A batch is of all processes together.
    size : int
        Side in pixels of the square that the network sees.
    lr : float, optional
        Highest learning rate of the head; the body's is a fifth of it.
    find_lr : bool
        Choose `lr` by fastai's learning-rate finder.
    validation_share : float
        Share of the images held out, see `validation_rows`.
    weights : str
        ``auto``, ``none`` or a file; see `load_pretrained`.
    trust_pickle : bool
        Take a weights file that is not safetensors.
    equal_delivery : bool or float
        Send every picture at random each time before the network sees it (cut, resized,
        compressed; see `random_delivery`), so that its delivery cannot tell the label. The
        threshold then rests on the validation images as delivered and each sent once. A number is
        the smallest share of the side that a crop keeps; `SMALLEST_CROP` for true.
    balance : str, optional
        Draw the pictures of each label half of the time, and within it those of each data set
        (``sources``), or of each group of the tag of that name, equally often.
    objective : {'erm', 'group-dro'}
        Lower the mean loss, or that of the groups of `balance` that have the most (`GroupDRO`).
    workers : int
        Threads that decode and send pictures.
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
    options = {
        "architecture": arch,
        "epochs": epochs,
        "size": size,
        "batch size": batch_size,
        "learning rate": f"{lr} {find_lr}",
        "validation share": validation_share,
        "seed": seed,
        "delivery": equal_delivery,
        "balance": balance,
        "objective": objective,
    }
    manifests = listed(manifests)
    expect_writable(*files_of(out), inputs=[*manifests, weights])
    manifest = read_manifests(manifests)
    images = StoredImages.of(manifest.info)
    column = balance_column(balance, manifest) if balance else None
    if objective == "group-dro" and column is None:
        raise FaceAuditError("--objective group-dro: say of which groups with --balance")
    if rest := batch_size % this_one().size:
        raise FaceAuditError(
            f"--batch-size {batch_size}: each batch is dealt to {this_one().size} processes, and "
            f"{rest} would be left; give a multiple"
        )
    if find_lr and this_one().size > 1:
        raise FaceAuditError(
            "--find-lr: one process looks for a rate; do that without a launcher, and give the "
            "rate by --lr"
        )
    smallest_crop = SMALLEST_CROP if equal_delivery is True else equal_delivery or None
    require_model_extra("train")
    import torch

    with warnings.catch_warnings():
        # fastai warns on import of what other libraries will change: no news for our users.
        warnings.simplefilter("ignore")
        from faceaudit.model.recipe import (
            Batches,
            Passes,
            Recipe,
            reproducible,
            training_precision,
        )
    from faceaudit.model.devices import called, enough_memory

    versions = library_versions("torch", "torchvision", "timm", "fastai", "pillow")
    architecture = find_architecture(arch)
    record = InputRecord(size=size, mean=list(architecture.mean), std=list(architecture.std))
    device = device_of(this_one())
    precision = training_precision(device)
    run = {
        **{name: str(value) for name, value in options.items()},
        "initial weights": sha256_of(weights) if Path(weights).is_file() else weights,
        "images": f"{sha256_of_cells(manifest.table)} {manifest.info.model_dump_json()}",
        "versions of libraries": str(versions),
        "device": called(device),
        "threads and precision": f"{torch.get_num_threads()} {precision}",
        "number of processes": str(this_one().size),
    }
    first = this_one().first
    with (
        unfinished(out if first else None, run) as kept,
        team(device) as processes,
        progress_bars(progress and first) as bars,
        reproducible(seed, device),
        enough_memory(device, "train with a smaller --batch-size or --size"),
    ):
        processes.expect_alike(run)
        network = build_network(architecture, size)
        source = load_pretrained(network, architecture, weights, trust_pickle)
        if not first:  # what a network draws is not the same for all parts of a batch
            torch.manual_seed(seed + processes.number)
        network.to(device)
        recipe = Recipe(network, head_names(architecture), epochs, pretrained=weights != "none")
        passes = Passes(kept.folder, recipe, processes)
        kept.add(passes)
        n = len(manifest.table)
        n_validation = round(n * validation_share)
        ours = (n - n_validation) // processes.size
        forecast = partial(recipe.seconds, ours, n_validation, size, batch_size)
        try:
            seconds = forecast()
        except RuntimeError as error:
            if "deterministic" not in str(error):
                raise
            torch.use_deterministic_algorithms(True, warn_only=True)
            seconds = forecast()
            bars.console.print(
                f"{called(device)} computes a step of {architecture.name} otherwise each time "
                f"({str(error).split()[0]}): the same training again gives other weights"
            )
        seconds *= 1 - passes.share
        bars.console.print(f"training on {counted(n, 'image')} will take about {duration(seconds)}")
        if done := passes.told():
            bars.console.print(f"going on after {done}")

        columns = () if column is None else (column,)
        data = decode(manifest, images, size, workers, bars, columns)
        pictures = {"pictures": sha256_of_cells(data.table)}
        processes.expect_alike(pictures)
        kept.expect(pictures)
        for reason, count in data.left_out.items():
            bars.console.print(f"left out: {counted(count, 'image')}, {reason}")
        is_ai = pc.equal(data.table["label"], "ai").to_numpy()
        held_out = validation_rows(data.table, validation_share, seed)
        training, validation = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        for side, rows in (("training", training), ("validation", validation)):
            if len(np.unique(is_ai[rows])) < 2:
                raise FaceAuditError(
                    f"{side} needs images of both labels and got {len(rows):,} of "
                    f"{counted(len(is_ai), 'image')}, none of them "
                    f"{'real' if is_ai[rows].any() else 'AI-generated'}; give more images"
                )
        large, send = data.pixels, None
        if smallest_crop is not None:
            again = decode(manifest, images, kept_side(size), workers, bars, columns)
            if not again.table.equals(data.table):
                raise FaceAuditError("the images changed while they were read; train again")
            large, send = again.pixels, partial(deliver, size=size, smallest_crop=smallest_crop)
        shares = None if column is None else equal_shares(data.table, column)
        groups = None
        if column is not None and objective == "group-dro":
            groups = training_groups(data.table, column)
        drawn = seed, shares, send, workers
        rate = recipe.fit(
            Batches(
                large, is_ai, training, record, batch_size, *drawn, groups=groups, team=processes
            ),
            Batches(data.pixels, is_ai, validation, record, batch_size, groups=groups),
            lr,
            find_lr,
            passes,
            bars,
        )
        if not first:
            return cast(Checkpoint, processes.told())

        # What is measured from here on is the model that is saved.
        round_weights(network.cpu().eval())
        seeing, _ = on_accelerator(network, record.inputs(drawings(size)).numpy())
        p_ai = predict(seeing, record.inputs, data.pixels, validation)
        if not np.isfinite(p_ai).all():
            raise FaceAuditError("the training diverged; train with a lower --lr")
        truth = is_ai[validation]
        delivered = None
        if send is not None:
            sent = room_for(len(validation), size)
            # The seed is the file's own hash, so that it is sent alike whatever else is trained.
            digits = _digits(data.table).take(validation).to_pylist()
            for i, (row, digest) in enumerate(zip(validation, digits, strict=True)):
                sent[i] = send(large[row], seed=int(digest, 16))
            delivered = predict(seeing, record.inputs, sent)
        looks = [p_ai] if delivered is None else [p_ai, delivered]
        threshold = choose_threshold(np.concatenate(looks), np.tile(truth, len(looks)))
        model = ModelRecord(
            id=Path(out).resolve().name,
            architecture=architecture.name,
            library=architecture.library,
            input=record,
            threshold=threshold,
            threshold_rule=THRESHOLD_RULE + ("" if delivered is None else EACH_SENT_ONCE),
            training=TrainingRecord(
                manifests={path.stem: sha256_of(path) for path in map(Path, manifests)},
                images=_counts(data.table),
                n_training=len(training),
                n_validation=len(validation),
                left_out=dict(data.left_out),
                initial_weights=source,
                epochs=epochs,
                frozen_epochs=recipe.frozen_epochs,
                equal_delivery=smallest_crop,
                balance=balance,
                objective=objective,
                batch_size=batch_size,
                learning_rate=rate,
                seed=seed,
                precision=precision,
                device=called(device),
                threads=torch.get_num_threads(),
                processes=processes.size,
                seconds=round(passes.seconds, 1),
                validation=summarise(p_ai, truth, threshold),
                validation_delivered=None
                if delivered is None
                else summarise(delivered, truth, threshold),
                top_losses=top_losses(data.table.take(validation), p_ai, truth),
            ),
            versions=versions,
        )
        familiarity = learn_familiarity(seeing, record, data.pixels, training, validation, seed)
        split = pa.array(np.where(held_out, "validation", "training"), pa.string())
        known = pa.table({"sha256": _digits(data.table), "split": split}).sort_by("sha256")
        save_checkpoint(out, model, network, known, familiarity)
        checkpoint = load_checkpoint(out)
        processes.told(checkpoint)
        return checkpoint


def add_familiarity(
    model: Path | str,
    manifests: Path | str | Iterable[Path | str],
    *,
    workers: int = 2,
    progress: bool = False,
) -> Checkpoint:
    """Give a model directory that has none the file by which it knows unfamiliar pictures.

    What `train` does after training, for a model that was trained before there was such a file;
    with the manifests of its training, in the same order, it is what a processor then gives, to the
    last bit.

    The manifests may hold further images, which are passed over.

    Raises
    ------
    FaceAuditError
        If the model or the manifests cannot be used, or do not belong together.
    """
    folder = Path(model)
    manifest = read_manifests(manifests)
    images = StoredImages.of(manifest.info)
    checkpoint = load_checkpoint(folder)
    record = checkpoint.record
    if record.training is None:
        raise FaceAuditError(f"{folder}: it is not known what this model was trained on")
    with progress_bars(progress) as bars:
        data = decode(manifest, images, record.input.size, workers, bars)
        known = pq.read_table(folder / IMAGES_FILE)
        place = pc.index_in(_digits(data.table), known["sha256"].combine_chunks())
        side = np.asarray(known["split"].take(place).fill_null(""), dtype=object)
        training, validation = (np.flatnonzero(side == name) for name in ("training", "validation"))
        if not len(training) or not len(validation):
            raise FaceAuditError(
                f"the manifests hold {len(training)} of the images that {folder} was trained on, "
                f"and {len(validation)} of those it was validated on; give those of its training"
            )
        familiarity = learn_familiarity(
            checkpoint.network,
            record.input,
            data.pixels,
            training,
            validation,
            record.training.seed,
        )
    write_familiarity(folder, familiarity, checkpoint.sha256)
    return load_checkpoint(folder)


def _counts(table: pa.Table) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for row in table.group_by(["dataset", "label"]).aggregate([([], "count_all")]).to_pylist():
        counts.setdefault(row["dataset"], {})[row["label"]] = row["count_all"]
    return counts


def _digits(table: pa.Table) -> pa.ChunkedArray:
    return pc.utf8_slice_codeunits(table["sha256"], 0, HASH_DIGITS)
