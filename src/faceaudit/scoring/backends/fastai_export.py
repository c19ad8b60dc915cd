"""Classifiers that were trained in fastai elsewhere and saved with ``Learner.export``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import ExifTags, Image

from faceaudit.errors import FaceAuditError
from faceaudit.files import scratch_folder, sha256_of
from faceaudit.model.architecture import check_weights, expect_numbers, require_model_extra
from faceaudit.model.classes import ai_classes_of
from faceaudit.model.fast_inference import on_accelerator
from faceaudit.model.inference import margin, predict
from faceaudit.model.preprocess import Floats, Prepared
from faceaudit.pictures import open_picture
from faceaudit.schema import ModelInfo
from faceaudit.scoring.detectors import Detector
from faceaudit.scoring.network import prepared_drawings
from faceaudit.scoring.options import ModelOptions

if TYPE_CHECKING:
    from fastai.learner import Learner
    from torch import Tensor

#: What preparing in another order of operations may change in a probability.
TOLERANCE = 1e-4


class FastaiExport(Detector):
    """An export, whose own transforms are run on pictures that this package opened.

    They are in the state that they have for a validation set, and the steps are those of
    `Learner.get_preds`: in particular EXIF orientation and transparency are ignored. Opening it
    runs whatever program the pickle holds. Then a few drawn pictures are scored by
    ``Learner.get_preds`` and our way; an export for which the two differ is refused.
    """

    def __init__(self, path: Path, options: ModelOptions) -> None:
        import torch
        from fastai.callback.progress import ProgressCallback  # noqa: F401 (brings no_bar)
        from fastai.learner import load_learner
        from fastcore.basics import noop

        try:
            learner = load_learner(path)
        except Exception as error:  # a pickle can fail in any way
            raise FaceAuditError(
                f"{path}: not a readable fastai export ({_reason(error)})"
            ) from None
        expect_numbers(learner.model.state_dict(), path)
        classes = _classes(learner, path)
        self._ai, said = ai_classes_of(classes, options.ai_class, path)
        activation = _activation(learner, path)
        #: Transforms keep what they drew for the last picture in themselves.
        self._lock = threading.Lock()
        try:
            with scratch_folder() as folder:
                files = _draw(folder)
                loader = learner.dls.test_dl(files, num_workers=0, bs=len(files))
                with learner.no_bar(), torch.no_grad():
                    theirs = learner.get_preds(dl=loader, act=noop)[0]
                preprocessing = self._take_transforms(learner)
                pixels = np.stack([self._opened(file) for file in files])
            if tuple(theirs.shape) != (len(files), len(classes)):
                raise ValueError("the model does not give one number for each of its classes")
            self._network = learner.model.cpu().eval()
            self._network.register_forward_hook(lambda _, given, output: margin(output, self._ai))
            with torch.no_grad():
                inputs = self._inputs(pixels)
                logits = self._network(inputs).squeeze(1).numpy()
            p_ai = self.p_ai(pixels)
        except Exception as error:  # an export can hold transforms of any kind
            raise FaceAuditError(
                f"{path}: the export cannot be used here: {_reason(error)}"
            ) from None
        # Logits too: of a network that is sure of everything the probabilities would tell nothing.
        for ours, wanted in (
            (logits, margin(theirs, self._ai).squeeze(1).numpy()),
            (p_ai, activation(theirs)[:, self._ai].sum(dim=1).numpy()),
        ):
            if not np.allclose(ours, wanted, rtol=TOLERANCE, atol=TOLERANCE):
                raise FaceAuditError(
                    f"{path}: its transforms, run here, do not give what Learner.get_preds gives "
                    f"({ours[0]:.4f} against {wanted[0]:.4f} on a drawn picture); "
                    f"what else is in it: {', '.join(_further_parts(learner))}"
                )
        self.name = path.stem
        self.info = ModelInfo(
            id=path.stem,
            sha256=sha256_of(path),
            architecture=f"{type(learner.model).__name__} (fastai)",
            # The longer side of what the network sees.
            preprocessing={"size": max(inputs.shape[-2:]), **preprocessing},
        )
        self.notes = (
            said,
            "Where the evidence for its predictions lies is not shown: a fastai export sees "
            "pictures in a frame of its own.",
        )

    @classmethod
    def open(cls, model: str, options: ModelOptions) -> FastaiExport | None:
        path = Path(model)
        if path.suffix != ".pkl":
            return None
        options.refuse(path, "score_is", "preprocess", why="the export says it")
        check_weights(path, options.trust_pickle)
        require_model_extra("score")
        return cls(path, options)

    def pixels(self, image: Image.Image) -> Prepared:
        """Run the item transforms; gives channels first."""
        from torch import Tensor

        opened = self._kind(image.convert(self._kind._open_args["mode"]))
        with self._lock:
            (item,) = self._loader.after_item((self._loader.dataset.tls[0].tfms(opened),))
        self._tensor = type(item)
        pixels: Prepared = item.as_subclass(Tensor).numpy()
        return pixels

    def p_ai(self, pixels: Prepared) -> Floats:
        return predict(self._network, self._inputs, pixels)

    def hasten(self) -> str | None:
        inputs = self._inputs(prepared_drawings(self)).numpy()
        self._network, called = on_accelerator(self._network, inputs)
        return called

    def _inputs(self, pixels: Prepared) -> Tensor:
        """Run the batch transforms."""
        import torch

        items = [(torch.from_numpy(one).as_subclass(self._tensor),) for one in pixels]
        (batch,) = self._loader.after_batch(self._loader.do_batch(items))
        return batch.as_subclass(torch.Tensor)

    def _take_transforms(self, learner: Learner) -> dict[str, Any]:
        """Take the transforms out of an export, and say what they are."""
        from fastai.data.transforms import Normalize
        from fastai.vision.core import PILBase

        types = learner.dls.valid_ds.tls[0].types
        kinds: list[Any] = [t for t in types if isinstance(t, type) and issubclass(t, PILBase)]
        if not kinds:
            raise ValueError("no transform opens a picture; an ImageBlock is needed")
        self._kind = kinds[0]
        blank = self._kind(Image.new(self._kind._open_args["mode"], (64, 64)))
        self._loader = learner.dls.test_dl([blank])
        self._loader.before_iter()  # tells every transform that this is no training
        loader = self._loader
        transforms = [*loader.after_item, *loader.before_batch, *loader.after_batch]
        mean, std = [0.0] * 3, [1.0] * 3
        for normalise in (t for t in transforms if isinstance(t, Normalize)):
            # Of a picture in grey the three channels are the same.
            mean, std = (
                (statistic.flatten().tolist() * 3)[:3]
                for statistic in (normalise.mean, normalise.std)
            )
        words = ", ".join(_in_words(t) for t in transforms if t.split_idx != 0)
        return {"mean": mean, "std": std, "resize": f"the export's own transforms: {words}"}

    def _opened(self, file: Path) -> Prepared:
        with open_picture(file.read_bytes()) as image:
            return self.pixels(image)


def _reason(error: Exception) -> str:
    """Return the line of an error that names what is missing: fastai puts it last."""
    return str(error).strip().split("\n")[-1].strip() or type(error).__name__


def _classes(learner: Learner, path: Path) -> list[str]:
    from fastai.data.core import Datasets
    from fastai.data.transforms import Categorize, MultiCategorize

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
    import torch

    loss = learner.loss_func
    activation: Callable[[Tensor], Tensor] | None = getattr(loss, "activation", None)
    if activation is None and not isinstance(loss, torch.nn.CrossEntropyLoss):
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


def _in_words(transform: Any) -> str:
    known = {name: getattr(transform, name, None) for name in ("size", "method", "pad_mode")}
    if known["method"] != "pad" and known["method"] is not None:
        del known["pad_mode"]
    parts = [f"{name}={value}" for name, value in known.items() if value is not None]
    return type(transform).__name__ + (f"({', '.join(parts)})" if parts else "")


DETECTOR = FastaiExport
