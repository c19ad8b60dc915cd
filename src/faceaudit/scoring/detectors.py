"""Detectors: whatever tells AI-generated pictures from photographs, behind one interface."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pyarrow as pa

from faceaudit.errors import FaceAuditError
from faceaudit.model.preprocess import Floats, Prepared
from faceaudit.plugins import blamed, plugins
from faceaudit.reading.file_kinds import expect, refusal
from faceaudit.schema import ModelInfo
from faceaudit.scoring import backends
from faceaudit.scoring.options import ModelOptions, Options

if TYPE_CHECKING:
    from PIL import Image


class PictureError(FaceAuditError):
    """A detector breaks off at one picture, the `place`-th of the batch from 0."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


class Detector(ABC):
    """One classifier, as `score` and the pages use it; the base of every backend.

    A backend is a class that opens models of one kind. Written as below, it is found in a module
    of ``faceaudit.scoring.backends`` that names it ``DETECTOR``, or in any installed package that
    names it in its ``pyproject.toml``::

        [project.entry-points."faceaudit.detectors"]
        brightness = "my_package:Brightness"

    Then ``faceaudit score brightness:0.7 manifest.parquet -o scores.parquet`` and ``faceaudit
    serve --model brightness:0.7`` use it:

    >>> import numpy as np
    >>> from faceaudit.schema import ModelInfo
    >>> from faceaudit.scoring import Detector
    >>> class Brightness(Detector):
    ...     def __init__(self, threshold):
    ...         self.name = "brightness"
    ...         self.info = ModelInfo(id="brightness", threshold=threshold)
    ...
    ...     @classmethod
    ...     def open(cls, model, options):
    ...         if not model.startswith("brightness:"):
    ...             return None  # not ours: the next backend is asked
    ...         return cls(float(model.removeprefix("brightness:")))
    ...
    ...     def pixels(self, image):
    ...         return np.asarray(image.convert("L").resize((32, 32)))
    ...
    ...     def p_ai(self, pixels):
    ...         return pixels.mean((1, 2), dtype=np.float32) / 255

    `pixels` may be called by several threads at once; all other methods are called one at a time.
    `open` should be quick, and weights be loaded when they are first asked for, by `notes` or
    `p_ai`. Raise `FaceAuditError` with one line that says what is wrong and what to do about it.

    Attributes
    ----------
    name : str
        Tells it from the others that a server offers; part of addresses.
    info : ModelInfo
        Threshold, and all that is noted with its scores; by its ``sha256`` recorded scores are
        known as this model's.
    notes : sequence of str
        What a reader of its scores must know, as whole sentences. Read before scoring and after:
        some is known only from the first pictures.
    abstains : bool
        Not-a-number from `p_ai` says that it declines to judge a picture, and is no fault.
    """

    name: str
    info: ModelInfo
    notes: Sequence[str] = ()
    abstains: bool = False

    @classmethod
    @abstractmethod
    def open(cls, model: str, options: ModelOptions) -> Detector | None:
        """Open what a user calls a model; None if it is not of this backend's kind.

        Parameters
        ----------
        model : str
            As it was given: a path, ``bundled:NAME``, or whatever the backend understands.
        options : ModelOptions
            What the user says of it.
        """

    @abstractmethod
    def pixels(self, image: Image.Image) -> Prepared:
        """Turn an opened picture, of which no pixel need be decoded yet, into what `p_ai` takes.

        The arrays of all pictures need the same shape. Whatever is raised makes it unreadable.
        """

    @abstractmethod
    def p_ai(self, pixels: Prepared) -> Floats:
        """Return the probability of AI-generated, shape (n,), of n > 0 pictures, shape (n, …)."""

    def hasten(self) -> str | None:
        """Take the fastest way to the same scores, within 0.001, and return what to call it.

        Asked for before many pictures are scored; None if there is one way alone.
        """
        return None

    def explain(self, pixels: Prepared, called_ai: np.ndarray) -> Floats | None:
        """Return where in each picture the evidence for its call lies, shape (n, h, w).

        Shares of the centred square that sum to 1, or 0 where nothing speaks for the call. None if
        the classifier cannot say.
        """
        return None

    def distance(self, pixels: Prepared) -> tuple[Floats, float] | None:
        """Return how far pictures lie from the training pictures, and how far is still familiar.

        Shape (n,). None if the training pictures are not known.
        """
        return None

    def features(self, pixels: Prepared) -> Floats | None:
        """Return numbers that are alike for pictures that look alike to it, shape (n, any).

        None if the classifier cannot say.
        """
        return None

    def alternatives(self) -> Mapping[str, Detector]:
        """Return the same classifier with other common preparations, by what to say for each.

        None where its own files say how pictures are prepared, and not its user.
        """
        return {}

    def trained_on(self, sha256: pa.Array) -> pa.Array:
        """Tell for each image hash, null where unknown, whether the model learned from it."""
        return pa.array([None if one is None else False for one in sha256.to_pylist()], pa.bool_())

    def blamed(self) -> AbstractContextManager[None]:
        """Say of whatever is raised in the block that it is this detector's fault."""
        return blamed("detector", self.name, self.__module__)


def probabilities(detector: Detector, pictures: Sequence[Prepared]) -> Floats:
    """Return `Detector.p_ai` of prepared pictures, shape (n,), or raise what is wrong with it."""
    with detector.blamed():
        p_ai = np.asarray(detector.p_ai(np.stack(pictures)), np.float32)
        if p_ai.shape != (len(pictures),):
            n = len(pictures)
            raise ValueError(f"p_ai gave an array of shape {p_ai.shape}, not ({n},), of {n} images")
        sound = (p_ai >= 0) & (p_ai <= 1) | (detector.abstains & np.isnan(p_ai))
        if len(strange := p_ai[~sound]):
            raise ValueError(f"p_ai gave {strange[0]}, which is no probability between 0 and 1")
    return p_ai


def open_detector(model: Path | str, **options: Unpack[Options]) -> Detector:
    """Open a model directory, ``bundled:NAME``, a model from elsewhere or a plug-in's.

    `options` are those of `ModelOptions`.

    Raises
    ------
    FaceAuditError
        If there is no such model, or it is damaged, or an untrusted pickle.
    """
    said = ModelOptions.of(**options)
    known = [backend for _, backend in plugins("detectors")]
    for module in pkgutil.iter_modules(backends.__path__):
        known.append(importlib.import_module(f"{backends.__name__}.{module.name}").DETECTOR)
    for backend in known:
        if not (isinstance(backend, type) and issubclass(backend, Detector)):
            raise FaceAuditError(f"the plug-in {backend!r} is no Detector; mend or uninstall it")
        with blamed("detector", backend.__name__, backend.__module__):
            detector = backend.open(str(model), said)
            if detector is None:
                continue
            if not (isinstance(detector.name, str) and isinstance(detector.info, ModelInfo)):
                raise TypeError("its name must be a str and its info a ModelInfo")
            return detector
    expect(model, "model")
    if Path(model).is_dir():
        why = "no model directory (there is no model.json in it)"
    else:
        why = "there is no model.json beside it"
    raise refusal(model, why, "model")
