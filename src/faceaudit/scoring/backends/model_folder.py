"""Model directories: own and bundled ones, and state dicts with a ``model.json`` beside them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from PIL import Image

from faceaudit.bundled import resolve_model
from faceaudit.errors import FaceAuditError
from faceaudit.files import sha256_of
from faceaudit.model.architecture import check_weights, require_model_extra
from faceaudit.model.checkpoint import Checkpoint, load_checkpoint
from faceaudit.model.explain import explain
from faceaudit.model.fast_inference import Run, drawings, fast_inference
from faceaudit.model.inference import predict
from faceaudit.model.ood_distance import FeatureExtractor
from faceaudit.model.preprocess import Floats, Pixels, square_pixels
from faceaudit.model.records import RECORD_FILE, WEIGHTS_FILE, is_record, read_record
from faceaudit.scoring.detectors import Detector
from faceaudit.scoring.options import ModelOptions

if TYPE_CHECKING:
    from torch import nn


class ModelFolder(Detector):
    """A model directory, or one file of weights in it. The record is read at once, they later."""

    _faster: Run | None = None

    def __init__(self, path: Path, options: ModelOptions) -> None:
        options.refuse(path, "score_is", "preprocess", why=f"{RECORD_FILE} says it")
        self._path, self._options = path, options
        weights = path if path.is_file() else path / WEIGHTS_FILE
        self._record = read_record(weights.parent)
        check_weights(weights, options.trust_pickle)
        self.name = weights.parent.resolve().name
        self.info = self._record.info(sha256_of(weights))

    @classmethod
    def open(cls, model: str, options: ModelOptions) -> ModelFolder | None:
        path = resolve_model(model)
        folder = path if path.is_dir() else path.parent
        if is_record(folder) and (path.is_dir() or path.suffix != ".pkl"):
            return cls(path, options)
        return None

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The model, loaded."""
        require_model_extra("score")
        return load_checkpoint(self._path, self._options.trust_pickle, self._options.ai_class)

    @cached_property
    def _extract(self) -> FeatureExtractor:
        return FeatureExtractor(self._module, self._record.input)

    @property
    def _module(self) -> nn.Module:
        """The network where its layers can be looked at."""
        import torch

        faster = self._faster
        return faster if isinstance(faster, torch.nn.Module) else self.checkpoint.network

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.checkpoint.notes

    def pixels(self, image: Image.Image) -> Pixels:
        return square_pixels(image, self._record.input.size)

    def p_ai(self, pixels: Pixels) -> Floats:
        run = self.checkpoint.network if self._faster is None else self._faster
        return predict(run, self._record.input.inputs, pixels)

    def hasten(self) -> str | None:
        read = self._record.input
        inputs = read.inputs(drawings(read.size)).numpy()
        self._faster, called = fast_inference(self.checkpoint.network, inputs)
        return called

    def explain(self, pixels: Pixels, called_ai: np.ndarray) -> Floats | None:
        try:
            return explain(self._module, self._record.input, pixels, called_ai)
        except FaceAuditError:  # no feature map
            return None

    def distance(self, pixels: Pixels) -> tuple[Floats, float] | None:
        known = self.checkpoint.familiarity
        return None if known is None else (known.distance(self._extract(pixels)), known.limit)

    def features(self, pixels: Pixels) -> Floats | None:
        # Half-way: those of the last layer tell little besides the call, and a slice of what the
        # classifier calls AI-generated is no news.
        return self._extract(pixels)

    def trained_on(self, sha256: pa.Array) -> pa.Array:
        return self.checkpoint.trained_on(sha256)


DETECTOR = ModelFolder
