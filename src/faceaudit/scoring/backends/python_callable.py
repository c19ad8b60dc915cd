"""A function of the user's own that judges pictures: ``python:FILE.py:FUNCTION``."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from faceaudit.errors import FaceAuditError, in_one_line, validated
from faceaudit.files import sha256_of
from faceaudit.model.preprocess import Floats, Prepared
from faceaudit.pictures import as_seen
from faceaudit.schema import LABEL_WORDS, ModelInfo
from faceaudit.scoring.detectors import Detector, PictureError
from faceaudit.scoring.options import ModelOptions
from faceaudit.scoring.outputs import SUM_TO_ONE, Outputs

PREFIX = "python:"
#: A function whose first parameter is called so takes a list of pictures, any other one picture.
BATCH = "images"


class PythonCallable(Detector):
    """A function that gets pictures as Pillow has them: RGB, upright, of their own size.

    It returns for a picture the probability of AI-generated, one for photographs and one for
    AI-generated, or a label (0, 1, or one of `LABEL_WORDS`); None or not-a-number where it
    declines. Its module is run on opening, and may say ``CLASSES`` (the names of what it returns
    several numbers for), ``THRESHOLD`` and ``UNSURE`` (two scores between which it decides
    nothing).
    """

    abstains = True

    def __init__(self, path: Path, function: str, options: ModelOptions) -> None:
        options.refuse(path, "preprocess", why="the function prepares pictures itself")
        module = _run(path)
        self._call = _function(module, function, path)
        self._batch = next(iter(inspect.signature(self._call).parameters), "") == BATCH
        self._named = hasattr(module, "CLASSES")
        self._said, self._said_what = bool(options.ai_class), bool(options.score_is)
        self._source, self._words = f"{path}:{function}", options.score_is in (None, "probability")
        classes = getattr(module, "CLASSES", ("real", "ai"))
        self._outputs = Outputs(self._source, options, classes, "probability")
        self._one = Outputs(self._source, options, None, "probability")
        self.name = f"{path.stem}.{function}"
        said = {
            field: getattr(module, name)
            for field, name in (("threshold", "THRESHOLD"), ("unsure", "UNSURE"))
            if hasattr(module, name)
        }
        if "threshold" in said:
            said["threshold_rule"] = f"named by {path.name}"
        given = {"id": self.name, "sha256": sha256_of(path), "architecture": "a Python function"}
        self.info = validated(ModelInfo, given | said, f"{path}: ")

    @classmethod
    def open(cls, model: str, options: ModelOptions) -> PythonCallable | None:
        if not model.startswith(PREFIX):
            return None
        path, colon, function = model.removeprefix(PREFIX).rpartition(":")
        if not colon or not function.isidentifier():
            raise FaceAuditError(f"{model}: name a file and a function in it: python:FILE.py:judge")
        return cls(Path(path), function, options)

    @property
    def notes(self) -> list[str]:  # type: ignore[override]
        return [
            *self._outputs.notes,
            f"The scores are what {self.name} returned; the SHA-256 beside them is of that file "
            "alone, not of what it loads.",
        ]

    def pixels(self, image: Image.Image) -> Prepared:
        """Give the picture itself, as an array without dimensions."""
        cell: Prepared = np.empty((), object)
        cell[()] = as_seen(image)
        return cell

    def p_ai(self, pixels: Prepared) -> Floats:
        answers = self._all_at_once(list(pixels)) if self._batch else self._one_by_one(pixels)
        rows = [self._numbers(answer, i) for i, answer in enumerate(answers)]
        decided = [i for i, row in enumerate(rows) if not np.isnan(row).any()]
        p_ai = np.full(len(rows), np.nan, np.float32)
        if decided:
            if len({len(rows[i]) for i in decided}) > 1:
                raise FaceAuditError(f"{self._source}: returned more numbers for some pictures")
            numbers = np.stack([rows[i] for i in decided])
            if self._named and numbers.shape[1] == 1:
                raise FaceAuditError(
                    f"{self._source}: the file names CLASSES, and one number was returned for a "
                    "picture; return one for each class, or leave CLASSES out"
                )
            if numbers.shape[1] == 1:
                self._outputs = self._one
            elif not self._said_what and (np.abs(numbers.sum(axis=1) - 1) > SUM_TO_ONE).any():
                raise FaceAuditError(
                    f"{self._source}: returned {np.round(numbers[0], 3).tolist()}, which does not "
                    "sum to 1; say what the numbers are: --score-is"
                )
            p_ai[decided] = self._outputs.p_ai(numbers)
        return p_ai

    def _one_by_one(self, pixels: Prepared) -> list[Any]:
        answers = []
        for i, image in enumerate(pixels):
            try:
                answers.append(self._call(image))
            except (Exception, SystemExit) as error:
                raise PictureError(f"{self._source} failed: {in_one_line(error)}", i) from error
        return answers

    def _all_at_once(self, images: list[Any]) -> list[Any]:
        try:
            answers = self._call(images)
        except SystemExit as error:
            raise FaceAuditError(f"{self._source} failed: {in_one_line(error)}") from error
        if not hasattr(answers, "__len__") or len(answers) != len(images):
            raise FaceAuditError(
                f"{self._source}: takes {BATCH}, and returned no list of {len(images)} answers for "
                f"{len(images)} of them"
            )
        return list(answers)

    def _numbers(self, answer: Any, place: int) -> np.ndarray:
        """Return an answer as numbers, shape (1,) or (classes,)."""
        given = np.nan if answer is None else answer
        if isinstance(answer, str) and self._words:
            if self._said:
                raise FaceAuditError(
                    f"{self._source}: --ai-class: it returned the word {answer!r:.20}, which says "
                    "itself what it means; leave it out"
                )
            label = LABEL_WORDS.get(answer.strip().casefold())
            given = None if label is None else float(label == "ai")
        try:
            numbers = np.asarray(given, np.float64) if given is not None else np.empty(0)
        except Exception:  # arrays of other libraries have errors of their own
            numbers = np.empty(0)
        if numbers.ndim > 1 or not numbers.size:
            shown = " ".join(repr(answer).split())
            raise PictureError(
                f"{self._source}: returned {shown:.60}; a probability of AI-generated, one for "
                "each class, 'real' or 'ai', or None is needed",
                place,
            )
        return numbers.reshape(-1)


def _run(path: Path) -> Any:
    """Run a file as a module that finds what lies beside it."""
    if not path.is_file():
        raise FaceAuditError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(f"faceaudit_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise FaceAuditError(f"{path}: not a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    if (folder := str(path.resolve().parent)) not in sys.path:
        sys.path.insert(0, folder)  # it stays: a function may import when it is called
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise FaceAuditError(f"{path}: running it failed: {in_one_line(error)}") from error
    return module


def _function(module: Any, name: str, path: Path) -> Callable[..., Any]:
    found: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(found):
        own = [
            of for of, value in vars(module).items() if inspect.isfunction(value) and of[0] != "_"
        ]
        raise FaceAuditError(
            f"{path}: there is no function {name}; there are {', '.join(own) or 'none'}"
        )
    return found


DETECTOR = PythonCallable
