"""What a classifier's numbers mean: from its raw output to the probability of AI-generated."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.special import expit, logsumexp

from faceaudit.errors import FaceAuditError
from faceaudit.model.classes import ai_classes_of
from faceaudit.model.preprocess import Floats
from faceaudit.reading.meaning import ScoreIs
from faceaudit.schema import LABEL_WORDS
from faceaudit.scoring.detectors import Detector
from faceaudit.scoring.options import ModelOptions

#: Shares that a classifier gives its classes sum to 1 but for rounding; an INT8 one's do too.
SUM_TO_ONE = 1e-3


class Outputs:
    """Turns a classifier's output, shape (n,), (n, 1) or (n, classes), into `p_ai`, shape (n,).

    Of one number a picture it has to be said what it is (``score_is``), and it speaks for
    AI-generated, unless ``ai_class`` is 0: then for the other class. If it has classes, it speaks
    for the last of them, as a sigmoid does. Of several, the classes that
    mean AI-generated are found by `ai_classes_of`; numbers of which each picture's sum to 1 are
    taken as probabilities, others as logits of a softmax, if ``score_is`` does not say it; those
    that are between 0 and 1 and do not sum to 1 may be either, and have to be said.

    Parameters
    ----------
    source : str
        What the model is called in messages.
    options : ModelOptions
    classes : sequence of str, optional
        Their names, in the order of the outputs, if the model has any.
    score_is : ScoreIs, optional
        What the model's own files say that its numbers are. The user's word goes before it.

    Attributes
    ----------
    notes : list of str
        How the output was understood, as sentences; known after the first call of `p_ai`.
    """

    def __init__(
        self,
        source: str,
        options: ModelOptions,
        classes: Sequence[str] | None = None,
        score_is: ScoreIs | None = None,
    ) -> None:
        self.notes: list[str] = []
        self._source, self._options, self._classes = source, options, classes
        self._score_is = options.score_is or score_is
        self._width, self._understood = 0, False

    def p_ai(self, raw: npt.ArrayLike) -> Floats:
        """Return the probability of AI-generated of n pictures.

        Raises
        ------
        FaceAuditError
            If it is not known what the numbers mean, or they are not what they are said to be.
        """
        values = np.asarray(raw, np.float64)
        values = values.reshape(len(values), -1) if values.ndim < 3 else values
        if values.ndim != 2 or not values.shape[1]:
            shape = np.shape(raw)
            raise FaceAuditError(
                f"{self._source}: gives an output of shape {shape} for {len(values)} pictures; "
                "one number a picture is needed, or one for each class"
            )
        if self._width not in (0, values.shape[1]):
            raise FaceAuditError(
                f"{self._source}: gave {self._width} numbers a picture, and now {values.shape[1]}"
            )
        if not self._understood:
            self._understand(values)
            self._understood = True
        p_ai = self._of_one(values[:, 0]) if self._width == 1 else self._of_classes(values)
        return p_ai.astype(np.float32)

    def notes_of(self, detector: Detector) -> list[str]:
        """Return `notes`; with a blank picture's output if none has been understood yet."""
        if not self.notes:
            detector.p_ai(detector.pixels(Image.new("RGB", (64, 64)))[None])
        return self.notes

    def expect(self, width: int, here: str = "") -> None:
        """Refuse an output of `width` numbers a picture if nothing says what they mean.

        It needs no picture; `here` is what the numbers of some are.
        """
        self._width = width
        classes = len(self._classes or ())
        if classes and classes != width and (width > 1 or classes > 2):
            numbers = "one number" if width == 1 else f"{width} numbers"
            raise FaceAuditError(
                f"{self._source}: gives {numbers} a picture, but names {classes} classes"
            )
        if width == 1 and self._score_is is None:
            raise FaceAuditError(
                f"{self._source}: gives one number a picture{here}; "
                "say what it is: --score-is probability or --score-is logit, and --ai-class 0 "
                "if it speaks for photographs"
            )
        if width > 1 and self._score_is == "p-real":
            raise FaceAuditError(
                f"{self._source}: gives {width} numbers a picture, not the one that "
                "--score-is p-real says; name the classes that mean AI-generated: --ai-class"
            )
        if width > 1:
            _ = self._ai

    def _understand(self, values: npt.NDArray[np.float64]) -> None:
        """Settle, by the first pictures, what all numbers are."""
        self.expect(values.shape[1], f" (here {values.min():.3g} to {values.max():.3g})")
        if self._width == 1:
            for_class = "photographs" if self._reversed else "AI-generated"
            self.notes.append(
                f"The classifier's number was read as {self._score_is} of {for_class}."
            )
            return
        _, said = self._ai
        self.notes.append(said)
        if self._score_is is None:
            shares = bool(((values >= 0) & (values <= 1 + SUM_TO_ONE)).all())
            sums = bool((np.abs(values.sum(axis=1) - 1) <= SUM_TO_ONE).all())
            if shares and not sums and values.any():
                raise FaceAuditError(
                    f"{self._source}: gives {self._width} numbers a picture, all between "
                    "0 and 1, that neither sum to 1 nor look like logits; say what they are: "
                    "--score-is probability or --score-is logit"
                )
            self._score_is = "probability" if shares and sums else "logit"
            why = "each picture's sum to 1" if self._score_is == "probability" else "of a softmax"
            plural = {"probability": "probabilities", "logit": "logits"}[self._score_is]
            self.notes.append(f"Its numbers were read as {plural}: {why}.")

    @cached_property
    def _reversed(self) -> bool:
        """Whether the one number speaks for photographs."""
        if self._classes and len(self._classes) == 2:
            ai, said = self._ai
            self.notes.append(said)
            of_real = ai == [0]
        else:
            known = LABEL_WORDS.get(self._classes[0].strip().casefold()) if self._classes else None
            of_real = known == "real" or "0" in self._options.ai_class
        return of_real or self._score_is == "p-real"

    @cached_property
    def _ai(self) -> tuple[list[int], str]:
        names = self._classes or [str(i) for i in range(self._width)]
        return ai_classes_of(names, self._options.ai_class, self._source)

    def _of_one(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        wrong = set(self._options.ai_class) - {"0", "1"}
        if wrong and not (self._classes and len(self._classes) == 2):
            raise FaceAuditError(
                f"{self._source}: --ai-class {min(wrong)}: the model gives one number a picture; "
                "0 says that it speaks for photographs, 1 for AI-generated pictures"
            )
        found = np.asarray(expit(values)) if self._score_is == "logit" else self._shares(values)
        return 1 - found if self._reversed else found

    def _of_classes(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        ai, _ = self._ai
        real = [i for i in range(self._width) if i not in ai]
        if self._score_is == "logit":
            margin = logsumexp(values[:, ai], axis=1) - logsumexp(values[:, real], axis=1)
            return np.asarray(expit(margin))
        shares = self._shares(values)
        sums = shares.sum(axis=1)
        off = np.abs(sums - 1) > SUM_TO_ONE
        whole = 100 if self._score_is == "percent" else 1
        # Labels that are judged one by one need not sum to 1, if it is said what they are.
        if off.any() and (self._score_is == "percent" or len(ai) > 1):
            raise FaceAuditError(
                f"{self._source}: gives shares of the classes that sum to "
                f"{whole * sums[off][0]:.3g}, not {whole}; say what they are: --score-is"
            )
        # Rounding may take a sum of several a little over 1.
        return np.asarray(np.minimum(shares[:, ai].sum(axis=1), 1.0))

    def _shares(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        whole = 100 if self._score_is == "percent" else 1
        if len(strange := values[~((values >= 0) & (values <= whole) | np.isnan(values))]):
            raise FaceAuditError(
                f"{self._source}: gives {strange[0]:.4g}, which is no {self._score_is} between 0 "
                f"and {whole}; if its numbers are logits, say --score-is logit"
            )
        return values / whole
