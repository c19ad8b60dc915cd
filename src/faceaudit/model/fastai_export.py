"""Classifiers that were trained in fastai elsewhere and saved with ``Learner.export``.

Pictures are prepared by the export's own transforms, in the state they have for a validation set.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from fastai.callback.progress import ProgressCallback  # noqa: F401 (brings Learner.no_bar)
from fastai.data.core import Datasets, TfmdDL
from fastai.data.transforms import Categorize, MultiCategorize, Normalize
from fastai.learner import Learner, load_learner
from fastai.torch_core import TensorImageBase
from fastai.vision.core import PILBase
from fastcore.basics import noop
from PIL import ExifTags, Image
from pydantic import PrivateAttr
from torch import Tensor, nn

from faceaudit.errors import FaceAuditError
from faceaudit.files import sha256_of
from faceaudit.model.checkpoint import Checkpoint, InputRecord, ModelRecord
from faceaudit.model.classes import ai_class_of
from faceaudit.model.inference import Predictor
from faceaudit.model.preprocess import Picture, Prepared, prepare_by
from faceaudit.tables import library_versions

#: What preparing in another order of operations may change in a probability.
TOLERANCE = 1e-4


class ExportInput(InputRecord):
    """The transforms of an export, run on pictures that this package opened.

    `size` is the longer side of what the network sees. The steps are those of `Learner.get_preds`:
    in particular EXIF orientation and transparency are ignored.
    """

    channels_last: ClassVar[bool] = False
    _loader: TfmdDL = PrivateAttr()
    _kind: type[PILBase] = PrivateAttr()
    _tensor: type[TensorImageBase] = PrivateAttr()
    #: Transforms keep what they drew for the last picture in themselves.
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    def prepare(self, image: bytes | Image.Image) -> Picture:
        """Open one picture and run the item transforms; its pixels are channels first."""
        return prepare_by(self._item, image)

    def _item(self, image: Image.Image) -> Prepared:
        opened = self._kind(image.convert(self._kind._open_args["mode"]))
        with self._lock:
            (item,) = self._loader.after_item((self._loader.dataset.tls[0].tfms(opened),))
        self._tensor = type(item)
        return item.as_subclass(Tensor).numpy()

    def inputs(self, pixels: Prepared) -> Tensor:
        """Run the batch transforms."""
        items = [(torch.from_numpy(one).as_subclass(self._tensor),) for one in pixels]
        (batch,) = self._loader.after_batch(self._loader.do_batch(items))
        return batch.as_subclass(Tensor)


class _TwoClasses(nn.Module):
    """Turns two logits into one: the sigmoid of their difference is their softmax."""

    def __init__(self, network: nn.Module, ai: int) -> None:
        super().__init__()
        self.network = network
        self._ai = ai

    def forward(self, inputs: Tensor) -> Tensor:
        logits = self.network(inputs)
        return (logits[:, self._ai] - logits[:, 1 - self._ai]).unsqueeze(1)


def load_fastai_export(path: Path, ai_class: str | None = None) -> Checkpoint:
    """Read an exported image classifier; this runs whatever program the pickle holds.

    A few drawn pictures are scored by ``Learner.get_preds`` and our way; an export for which the
    two differ is refused.

    Parameters
    ----------
    path : Path
    ai_class : str, optional
        Name or number of the class that means AI-generated, see `ai_class_of`.

    Raises
    ------
    FaceAuditError
        If the file cannot be read, or is no classifier of two classes, or does more with a picture
        than its transforms say.
    """
    try:
        learner = load_learner(path)
    except Exception as error:  # a pickle can fail in any way
        raise FaceAuditError(f"{path}: not a readable fastai export ({_reason(error)})") from None
    ai, said = ai_class_of(_classes(learner, path), ai_class, path)
    activation = _activation(learner, path)
    try:
        with tempfile.TemporaryDirectory() as folder:
            files = _draw(Path(folder))
            loader = learner.dls.test_dl(files, num_workers=0, bs=len(files))
            with learner.no_bar(), torch.no_grad():
                theirs = learner.get_preds(dl=loader, act=noop)[0]
            given, pixels = _export_input(learner, files)
        if tuple(theirs.shape) != (len(files), 2):
            raise ValueError("the model does not give one number for each of two classes")
        network = _TwoClasses(learner.model.cpu(), ai).eval()
        with torch.no_grad():
            logits = network(given.inputs(pixels)).squeeze(1)
        p_ai = Predictor(network, given)(pixels)
    except Exception as error:  # an export can hold transforms of any kind
        raise FaceAuditError(f"{path}: the export cannot be used here: {_reason(error)}") from None
    # Logits too: of a network that is sure of everything the probabilities would tell nothing.
    expected = (theirs[:, ai] - theirs[:, 1 - ai]).numpy(), activation(theirs)[:, ai].numpy()
    for ours, wanted in zip((logits.numpy(), p_ai), expected, strict=True):
        if not np.allclose(ours, wanted, rtol=TOLERANCE, atol=TOLERANCE):
            raise FaceAuditError(
                f"{path}: its transforms, run here, do not give what Learner.get_preds gives "
                f"({ours[0]:.4f} against {wanted[0]:.4f} on a drawn picture); "
                f"what else is in it: {', '.join(_further_parts(learner))}"
            )
    record = ModelRecord(
        id=path.stem,
        architecture=type(learner.model).__name__,
        library="fastai",
        input=given,
        threshold=0.5,
        threshold_rule="0.5 by convention",
        versions=library_versions("torch", "fastai"),
    )
    no_maps = (
        "Where the evidence for its verdicts lies is not shown: a fastai export sees pictures in a "
        "frame of its own."
    )
    unknown = pa.array([], pa.string())
    return Checkpoint(record, network, sha256_of(path), unknown, notes=(said, no_maps))


def _reason(error: Exception) -> str:
    """Return the line of an error that names what is missing: fastai puts it last."""
    return str(error).strip().split("\n")[-1].strip() or type(error).__name__


def _classes(learner: Learner, path: Path) -> list[str]:
    data = learner.dls.valid_ds
    if not isinstance(data, Datasets) or data.n_inp != 1 or len(data.tls) != 2:
        raise FaceAuditError(
            f"{path}: the export does not say how one picture gets one class; make it with "
            "ImageDataLoaders, or a DataBlock of an ImageBlock and a CategoryBlock"
        )
    transforms = [type(transform) for transform in data.tls[1].tfms.fs]
    if MultiCategorize in transforms:
        raise FaceAuditError(f"{path}: MultiCategoryBlock gives a picture several classes, not one")
    if Categorize not in transforms:
        raise FaceAuditError(f"{path}: there is no CategoryBlock, so no two classes to tell apart")
    return [str(name) for name in learner.dls.vocab]


def _activation(learner: Learner, path: Path) -> Callable[[Tensor], Tensor]:
    """Return what turns two logits into probabilities."""
    loss = learner.loss_func
    activation: Callable[[Tensor], Tensor] | None = getattr(loss, "activation", None)
    if activation is None and not isinstance(loss, nn.CrossEntropyLoss):
        raise FaceAuditError(
            f"{path}: the loss {_name(loss)} does not say how the model's numbers become "
            "probabilities; it has no 'activation'"
        )
    return activation or partial(torch.softmax, dim=1)


def _further_parts(learner: Learner) -> list[str]:
    """Name what is not fastai's own and may change a picture or an answer, and the loss."""
    opening = [transform.name for transform in learner.dls.valid_ds.tls[0].tfms.fs]
    valid = learner.dls.valid
    parts = [*valid.after_item, *valid.before_batch, *valid.after_batch, *learner.cbs]
    own = [_name(part) for part in parts if not type(part).__module__.startswith("fast")]
    return [*opening, *own, _name(learner.loss_func)]


def _name(part: object) -> str:
    return getattr(part, "__name__", type(part).__name__)


def _draw(folder: Path) -> list[Path]:
    """Draw pictures of several shapes, with what people's files have besides pixels."""
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    files = []
    for name, width, height, mode in (
        ("wide.jpg", 150, 100, "RGB"),
        ("high.png", 90, 160, "RGBA"),
        ("square.png", 120, 120, "RGB"),
    ):
        coarse = rng.integers(0, 256, (8, 8, len(mode)), np.uint8)
        image = Image.fromarray(coarse, mode).resize((width, height), Image.Resampling.BICUBIC)
        image.save(folder / name, exif=exif)
        files.append(folder / name)
    return files


def _export_input(learner: Learner, files: list[Path]) -> tuple[ExportInput, Prepared]:
    """Take the transforms out of an export; give with them what they make of the files."""
    types = learner.dls.valid_ds.tls[0].types
    kinds: list[Any] = [t for t in types if isinstance(t, type) and issubclass(t, PILBase)]
    if not kinds:
        raise ValueError("no transform opens a picture; an ImageBlock is needed")
    kind = kinds[0]
    loader = learner.dls.test_dl([kind(Image.new(kind._open_args["mode"], (64, 64)))])
    loader.before_iter()  # tells every transform that this is no training
    transforms = [*loader.after_item, *loader.before_batch, *loader.after_batch]
    normalise = next((t for t in transforms if isinstance(t, Normalize)), None)
    # Of a picture in grey the three channels are the same.
    mean, std = (
        ([0.0] * 3, [1.0] * 3)
        if normalise is None
        else (
            (statistic.flatten().tolist() * 3)[:3] for statistic in (normalise.mean, normalise.std)
        )
    )
    words = ", ".join(_in_words(t) for t in transforms if t.split_idx != 0)
    given = ExportInput(size=8, mean=mean, std=std, resize=f"the export's own transforms: {words}")
    given._loader, given._kind = loader, kind
    pictures = [given.prepare(file.read_bytes()) for file in files]
    for picture in pictures:
        if picture.pixels is None:
            raise ValueError(picture.reason)
    pixels = [picture.pixels for picture in pictures if picture.pixels is not None]
    if len({one.shape for one in pixels}) > 1:
        raise ValueError("pictures of different shapes do not come to one size; it needs a Resize")
    stacked = np.stack(pixels)
    given.size = max(given.inputs(stacked).shape[-2:])
    return given, stacked


def _in_words(transform: Any) -> str:
    known = {name: getattr(transform, name, None) for name in ("size", "method", "pad_mode")}
    if known["method"] != "pad" and known["method"] is not None:
        del known["pad_mode"]
    parts = [f"{name}={value}" for name, value in known.items() if value is not None]
    return type(transform).__name__ + (f"({', '.join(parts)})" if parts else "")
