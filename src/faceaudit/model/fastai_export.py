"""Classifiers that were trained in fastai elsewhere and saved with ``Learner.export``."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import torch
from fastai.data.transforms import Normalize
from fastai.learner import Learner, load_learner
from fastai.vision.augment import Resize
from torch import Tensor, nn

from faceaudit.errors import FaceAuditError
from faceaudit.files import sha256_of
from faceaudit.model.checkpoint import Checkpoint, InputRecord, ModelRecord
from faceaudit.schema import LABEL_WORDS, LABELS
from faceaudit.tables import library_versions


class _TwoClasses(nn.Module):
    """Turns two logits into one: the sigmoid of their difference is their softmax."""

    def __init__(self, network: nn.Module, ai: int) -> None:
        super().__init__()
        self.network = network
        self._ai = ai

    def forward(self, inputs: Tensor) -> Tensor:
        logits = self.network(inputs)
        return (logits[:, self._ai] - logits[:, 1 - self._ai]).unsqueeze(1)


def load_fastai_export(path: Path) -> Checkpoint:
    """Read an exported image classifier; this runs whatever program the pickle holds.

    The picture's size and normalisation are taken from the export. Pictures are resampled our
    way, which is close to fastai's ``Resize`` but not the same to the last bit.

    Raises
    ------
    FaceAuditError
        If the file cannot be read, or is no classifier of real against AI-generated pictures.
    """
    try:
        learner = load_learner(path)
    except Exception as error:  # a pickle can fail in any way
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FaceAuditError(f"{path}: not a readable fastai export ({reason})") from None
    ai = _ai_class(learner, path)
    resize = next((t for t in learner.dls.valid.after_item if isinstance(t, Resize)), None)
    normalise = next((t for t in learner.dls.valid.after_batch if isinstance(t, Normalize)), None)
    if resize is None or len(set(resize.size)) != 1:
        raise FaceAuditError(f"{path}: the export does not resize pictures to one square size")
    mean, std = (
        (normalise.mean.flatten().tolist(), normalise.std.flatten().tolist())
        if normalise is not None
        else ([0.0] * 3, [1.0] * 3)
    )
    record = ModelRecord(
        id=path.stem,
        architecture=type(learner.model).__name__,
        library="fastai",
        input=InputRecord(size=resize.size[0], mean=mean, std=std),
        threshold=0.5,
        threshold_rule="0.5 by convention",
        versions=library_versions("torch", "fastai"),
    )
    network = _TwoClasses(learner.model.cpu(), ai).eval()
    with torch.inference_mode():
        output = learner.model(torch.zeros(2, 3, *resize.size))
    if tuple(output.shape) != (2, 2):
        raise FaceAuditError(f"{path}: the model does not give one number for each of two classes")
    return Checkpoint(record, network, sha256_of(path), pa.array([], pa.string()))


def _ai_class(learner: Learner, path: Path) -> int:
    classes = [str(name) for name in getattr(learner.dls, "vocab", [])]
    known = [LABEL_WORDS.get(name.lower()) for name in classes]
    if len(known) == 2 and set(known) == set(LABELS):
        return known.index("ai")
    raise FaceAuditError(
        f"{path}: the classes are {', '.join(classes) or 'not named'}; "
        "two are needed, such as 'real' and 'ai' (or 'fake', 'generated')"
    )
