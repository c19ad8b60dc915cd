"""One picture, judged by the chosen classifiers: their calls, the evidence, the caveats."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, Field

from faceaudit import bundled
from faceaudit.errors import FaceAuditError
from faceaudit.model.explain import in_words, overlay
from faceaudit.model.faces import THOROUGH_SIDE
from faceaudit.model.preprocess import Picture, prepare, prepare_by
from faceaudit.schema import called_ai
from faceaudit.scoring import Detector, open_detector
from faceaudit.scoring.detectors import probabilities
from faceaudit.thumbnails import data_uri
from faceaudit.web.caveats import cut, no_face, unfamiliar, unlike_audited
from faceaudit.web.measured_errors import MeasuredErrors, Record
from faceaudit.web.uploads import Upload, formats

_OVERLAY = 64
_THUMBNAIL = 96


class Call(BaseModel):
    """What one classifier calls a picture."""

    model: str
    p_ai: float
    threshold: float
    called: Literal["ai", "real"]


class Prediction(Call):
    """What one classifier says of a picture, why, and what its word is worth."""

    #: Shares of the evidence for this call by field of the picture, rows from the top; they
    #: sum to 1. Null where the network has no such map.
    evidence: list[list[float]] | None
    evidence_in_words: str | None
    distance: float | None = Field(
        description="how far the picture lies from the model's training pictures, 0 to 2"
    )
    distance_limit: float | None = Field(
        description="beyond this distance it is unlike them: 99 % of the validation pictures "
        "are nearer; null where a model does not know its training pictures"
    )
    #: Why this call, or the audited error rates, may not hold for this picture.
    caveats: list[str] = Field(serialization_alias="doubts")
    measured_errors: MeasuredErrors = Field(serialization_alias="worth")
    #: The evidence as a layer to lay over the picture, for the page.
    overlay: str | None = Field(default=None, exclude=True)

    @property
    def worth(self) -> str:
        """What the call is worth, in a few words."""
        measured = self.measured_errors
        return measured.short_if_called_ai if self.called == "ai" else measured.short_if_called_real


class Judgement(BaseModel):
    """One picture and what is said of it, or why nothing is."""

    name: str
    #: In one line; null if all went well.
    problem: str | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    bytes: int | None = None
    #: Reasons to doubt any prediction on this picture.
    caveats: list[str] = Field(default_factory=list, serialization_alias="doubts")
    predictions: list[Prediction] = Field(default_factory=list, serialization_alias="verdicts")

    #: The square that was looked at, for the page: large, and small.
    shown: str | None = Field(default=None, exclude=True)
    thumbnail: str | None = Field(default=None, exclude=True)
    #: Tells the cards of a page apart: two files may have the same name.
    key: str = Field(default_factory=lambda: f"card-{secrets.token_hex(6)}", exclude=True)

    @property
    def by_model(self) -> dict[str, Prediction]:
        """Its predictions by model."""
        return {prediction.model: prediction for prediction in self.predictions}

    @property
    def disagree(self) -> bool:
        """Whether the classifiers call it differently."""
        return len({prediction.called for prediction in self.predictions}) > 1

    @property
    def apart(self) -> float | None:
        """How far the highest score is from the lowest; None without two."""
        scores = [prediction.p_ai for prediction in self.predictions]
        return max(scores) - min(scores) if len(scores) > 1 else None

    def for_script(self) -> dict[str, Any]:
        """Return what the page's script sorts, filters and downloads."""
        told = {"name", "width", "height", "format", "bytes", "problem"}
        fields = {"p_ai", "threshold", "called"}
        models = {
            name: {**prediction.model_dump(include=fields), "worth": prediction.worth}
            for name, prediction in self.by_model.items()
        }
        more = {"models": models, "apart": self.apart, "disagree": self.disagree}
        return self.model_dump(include=told) | more


def open_detectors(
    models: Sequence[Path | str] | None, trust_pickle: bool = False
) -> list[Detector]:
    """Open models by name, all that are bundled for None; each has a name of its own."""
    if models is None:
        # The default one first.
        names = sorted(bundled.model_names(), key=lambda name: name != bundled.DEFAULT_MODEL)
        models = [f"{bundled.PREFIX}{name}" for name in names]
    detectors = [open_detector(model, trust_pickle=trust_pickle) for model in models]
    for name, count in Counter(detector.name for detector in detectors).items():
        if count > 1:
            raise FaceAuditError(f"two of the models are called '{name}'; rename one folder")
    return detectors


def judge(upload: Upload, records: Sequence[Record], people: Mapping[str, str]) -> Judgement:
    """Judge one picture by the detectors of `records`; one that cannot be read raises nothing.

    `people` is whom the user says is pictured: tag -> audited group.
    """
    judgement = Judgement(
        name=upload.name,
        width=upload.width,
        height=upload.height,
        format=upload.format,
        bytes=len(upload.content),
    )
    shown = prepare(upload.content, THOROUGH_SIDE, formats())
    if shown.pixels is None:
        judgement.problem = _problem(shown)
        return judgement
    seen = Image.fromarray(shown.pixels)
    judgement.shown = data_uri(seen, "JPEG")
    judgement.thumbnail = data_uri(seen.resize((_THUMBNAIL, _THUMBNAIL)), "JPEG")
    judgement.caveats = cut(upload) + no_face(shown.pixels, upload.content)
    try:
        judgement.predictions = [_predict(record, upload, people) for record in records]
    except FaceAuditError as error:
        if error.__cause__ is not None:
            # What a detector broke off with is for the log of the server, not for its visitors.
            raise error.__cause__ from None
        judgement.problem = str(error)
    return judgement


def _predict(record: Record, upload: Upload, people: Mapping[str, str]) -> Prediction:
    detector, threshold = record.detector, record.detector.info.threshold
    # Decoded for each detector on its own, exactly as in scoring: a picture resized twice is
    # another picture to a classifier of this kind.
    picture = prepare_by(detector.pixels, upload.content, formats())
    if picture.pixels is None:
        raise FaceAuditError(_problem(picture))
    batch = np.stack([picture.pixels])
    p_ai = probabilities(detector, [picture.pixels])
    if np.isnan(p_ai[0]):
        raise FaceAuditError(f"{detector.name} declines to judge this picture")
    called = called_ai(p_ai, threshold)
    with detector.blamed():
        explained, known = detector.explain(batch, called), detector.distance(batch)
    share = None if explained is None else explained[0]
    distance, limit = (float(known[0][0]), known[1]) if known else (None, None)
    return Prediction(
        model=detector.name,
        p_ai=float(p_ai[0]),
        threshold=threshold,
        called="ai" if called[0] else "real",
        evidence=None if share is None else share.tolist(),
        evidence_in_words=None if share is None else in_words(share),
        distance=distance,
        distance_limit=limit,
        caveats=unfamiliar(distance, limit) + unlike_audited(upload, record.table),
        measured_errors=record.measured_errors(people),
        overlay=None
        if share is None or share.sum() == 0
        else data_uri(overlay(share, _OVERLAY), "PNG"),
    )


def _problem(picture: Picture) -> str:
    if picture.status == "too_large":
        return picture.reason
    return "the file is damaged or cut short: it could not be read to its end"
