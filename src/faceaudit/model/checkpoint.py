"""A model directory: ``model.safetensors``, ``model.json``, ``training_images.parquet``, and
``familiarity.safetensors`` where it is known which pictures are unlike the training pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from faceaudit.errors import FaceAuditError
from faceaudit.files import sha256_of, whole_folder
from faceaudit.limits import READING_BYTES
from faceaudit.memory_limit import at_most
from faceaudit.model.architecture import (
    Architecture,
    build_network,
    head_names,
    network_shapes,
    read_weights,
    unwrap,
)
from faceaudit.model.classes import ai_classes_of
from faceaudit.model.inference import margin
from faceaudit.model.ood_distance import (
    Familiarity,
    FeatureExtractor,
    read_familiarity,
    write_familiarity,
)
from faceaudit.model.records import (
    FAMILIARITY_FILE,
    HASH_DIGITS,
    IMAGES_FILE,
    RECORD_FILE,
    WEIGHTS_FILE,
    ModelRecord,
    read_record,
)
from faceaudit.reading.parquet import read_parquet
from faceaudit.wording import counted

if TYPE_CHECKING:
    from torch import Tensor, nn


#: What there is in it; the record first, without which it is none.
FILES = (RECORD_FILE, WEIGHTS_FILE, IMAGES_FILE, FAMILIARITY_FILE)


def files_of(folder: Path | str) -> list[Path]:
    """Return the paths of a model directory's files."""
    return [Path(folder) / name for name in FILES]


@dataclass(frozen=True)
class Checkpoint:
    """A model directory, read."""

    record: ModelRecord
    #: In evaluation mode; float32 of shape (n, 3, size, size) in, logits (n, 1) out.
    network: nn.Module
    #: Of the weights file.
    sha256: str
    #: First `HASH_DIGITS` digits of the SHA-256 of every image of training and validation.
    training_images: pa.Array
    #: Tells pictures that are unlike the training pictures; None if the directory is without.
    familiarity: Familiarity | None
    #: How a model from elsewhere was understood, in sentences.
    notes: tuple[str, ...]

    def trained_on(self, sha256: pa.Array) -> pa.Array:
        """Tell for each image hash, null where unknown, whether the model learned from it.

        Validation images count, because the threshold was chosen on them.
        """
        known = pc.is_in(pc.utf8_slice_codeunits(sha256, 0, HASH_DIGITS), self.training_images)
        return pc.if_else(pc.is_valid(sha256), known, None)


def round_weights(network: nn.Module) -> None:
    """Round a network's weights in place to what `save_checkpoint` stores.

    Done before validation, so that the model measured is the model saved.
    """
    state = {
        name: _stored(tensor).to(tensor.dtype) for name, tensor in network.state_dict().items()
    }
    network.load_state_dict(state)


def _stored(tensor: Tensor) -> Tensor:
    """Halve the matrices and kernels; biases and batch statistics keep their full range."""
    return tensor.half() if tensor.is_floating_point() and tensor.dim() > 1 else tensor


def save_checkpoint(
    folder: Path | str,
    record: ModelRecord,
    network: nn.Module,
    training_images: pa.Table,
    familiarity: Familiarity | None = None,
) -> Path:
    """Write a model directory, in the place of an earlier model if there is one.

    Kernels and matrices are stored as float16, everything else as it is. `training_images` has the
    columns ``sha256`` (first `HASH_DIGITS` digits) and ``split`` (training, validation).

    Raises
    ------
    FaceAuditError
        If a weight does not fit into float16, or is not a number.
    """
    import torch
    from safetensors.torch import save

    state = {
        name: _stored(tensor).detach().contiguous().clone()
        for name, tensor in network.state_dict().items()
    }
    for name, tensor in state.items():
        if not bool(torch.isfinite(tensor).all()):
            raise FaceAuditError(
                f"the training diverged ('{name}' is beyond what a checkpoint holds); "
                "train with a lower --lr"
            )
    with whole_folder(folder, FILES) as new:
        # By way of memory, for the error of a full disk to be Python's.
        (new / WEIGHTS_FILE).write_bytes(save(state, metadata={"format": "pt"}))
        sha256 = sha256_of(new / WEIGHTS_FILE)
        pq.write_table(
            training_images, new / IMAGES_FILE, compression="zstd", write_page_checksum=True
        )
        if familiarity is not None:
            write_familiarity(new, familiarity, sha256)
        record = record.model_copy(update={"weights_sha256": sha256})
        (new / RECORD_FILE).write_text(record.model_dump_json(indent=1) + "\n", "utf-8")
    return Path(folder)


def load_checkpoint(
    path: Path | str, trust_pickle: bool = False, ai_class: Sequence[str] = ()
) -> Checkpoint:
    """Read a model directory, or a model that was trained elsewhere.

    `path` is a model directory, or a PyTorch state dict (``.pth``, ``.pt``, ``.bin``: a pickle)
    with a ``model.json`` beside it. The rest is as in `faceaudit.scoring.Detector.open`.

    Raises
    ------
    FaceAuditError
        If files are missing or damaged, do not fit together, or are untrusted pickles.
    """
    path = Path(path)
    weights = path if path.is_file() else path / WEIGHTS_FILE
    record = read_record(weights.parent)
    size = record.input.size
    network, outputs, said = load_network(weights, record.network, size, trust_pickle)
    sha256 = sha256_of(weights)
    # Of a file under another name, which somebody put beside the record, it says nothing.
    if weights.name == WEIGHTS_FILE and record.weights_sha256 not in (None, sha256):
        raise FaceAuditError(
            f"{weights}: not the weights that {weights.parent / RECORD_FILE} describes (their "
            f"SHA-256 is {sha256[:12]}…, and not {record.weights_sha256[:12]}…); take both from "
            "where the model came from, or train it again"
        )
    notes = [said]
    if outputs > 1:
        ai, said = ai_classes_of([str(i) for i in range(outputs)], ai_class, weights)
        network.register_forward_hook(lambda module, given, output: margin(output, ai))
        notes.append(said)
    elif ai_class:
        raise FaceAuditError(
            f"{weights}: --ai-class names one of several classes, but the network has one output, "
            "the logit of AI-generated"
        )
    familiarity = read_familiarity(weights.parent, sha256)
    if familiarity is not None:
        seen = FeatureExtractor(network, record.input)(np.zeros((1, size, size, 3), np.uint8))
        if seen.shape[1:] != familiarity.centre.shape:
            known = counted(len(familiarity.centre), "feature")
            raise FaceAuditError(
                f"{weights.parent / FAMILIARITY_FILE}: of {known}, but {record.architecture} has "
                f"{seen.shape[1]:,}; delete the file"
            )
    return Checkpoint(
        record,
        network,
        sha256,
        _read_images(weights.parent),
        familiarity,
        tuple(filter(None, notes)),
    )


def load_network(
    weights: Path, architecture: Architecture, size: int, trust_pickle: bool
) -> tuple[nn.Module, int, str | None]:
    """Make a network of a file's weights, in evaluation mode: it, how many outputs it has, a note.

    Raises
    ------
    FaceAuditError
        If the weights are missing, damaged, untrusted, or another network's.
    """
    import torch

    shapes, head = network_shapes(architecture), head_names(architecture)
    state, said = unwrap(read_weights(weights, trust_pickle), shapes, str(weights))
    # Before the network is made, which may be a thousand times as large as the file.
    for name in (*shapes, *state):
        if name not in state or name not in shapes:
            why = f"'{name}' is {'missing' if name in shapes else 'none of its tensors'}"
        elif name not in head and tuple(state[name].shape) != shapes[name]:
            why = f"'{name}' has the shape {tuple(state[name].shape)} and not {shapes[name]}"
        else:
            continue
        raise FaceAuditError(f"{weights}: the weights are not of {architecture.name} ({why})")
    outputs = _outputs(state, head)
    # What it draws is overwritten and should cost nobody a number.
    with torch.random.fork_rng(devices=[]):
        network = build_network(architecture, size, outputs)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise FaceAuditError(
            f"{weights}: the weights are not of {architecture.name} ({error})"
        ) from None
    with torch.inference_mode():
        if not bool(network.eval()(torch.zeros(1, 3, size, size)).isfinite().all()):
            raise FaceAuditError(
                f"{weights}: the network gives no number for a grey picture; the training diverged "
                "or the file is damaged"
            )
    network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return network, outputs, said


def _outputs(state: Mapping[str, Tensor], head: frozenset[str]) -> int:
    """Count the outputs of a head by its tensors; 1 if they are not of one mind."""
    outputs = {len(state[name]) for name in head if state[name].ndim}
    return max(outputs.pop(), 1) if len(outputs) == 1 else 1


def _read_images(folder: Path) -> pa.Array:
    path = folder / IMAGES_FILE
    if not path.exists():  # a model from elsewhere
        return pa.array([], pa.string())
    try:
        with at_most(READING_BYTES):
            table, _ = read_parquet(path)
    except (pa.ArrowException, OSError) as error:
        raise FaceAuditError(f"{path}: not a readable Parquet file ({error})") from None
    if "sha256" not in table.column_names or not pa.types.is_string(table["sha256"].type):
        raise FaceAuditError(
            f"{path}: has no column 'sha256' of text; delete the file, and nothing is said of "
            "images that the model was trained on"
        )
    return table["sha256"].combine_chunks()
