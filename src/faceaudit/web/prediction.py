"""One picture, judged by the chosen classifiers: their calls, the evidence, the caveats."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from PIL import Image
from pydantic import BaseModel, Field

from faceaudit.errors import FaceAuditError
from faceaudit.model.explain import in_words, overlay
from faceaudit.model.faces import THOROUGH_SIDE
from faceaudit.model.preprocess import prepare, prepare_by
from faceaudit.scoring import Detector
from faceaudit.thumbnails import data_uri
from faceaudit.web.caveats import Delivery, cut, no_face, unfamiliar
from faceaudit.web.detectors import judge
from faceaudit.web.measured_errors import MeasuredErrors, Record
from faceaudit.web.uploads import Upload, formats

if TYPE_CHECKING:
    from faceaudit.model.preprocess import Picture

#: Side in pixels of the picture that is shown, which is the square that is looked at.
SHOWN = THOROUGH_SIDE
_OVERLAY = 64


class Prediction(BaseModel):
    """What one classifier says of a picture."""

    model: str
    p_ai: float
    threshold: float
    called: Literal["ai", "real"]
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
    #: The square that was looked at, for the page.
    shown: str | None = Field(default=None, exclude=True)
    #: Tells the cards of a page apart: two files may have the same name.
    key: str = Field(default_factory=lambda: f"card-{secrets.token_hex(6)}", exclude=True)


class Judge:
    """The classifiers of a server, and by their names what is recorded of each."""

    def __init__(self, detectors: Sequence[Detector], records: Mapping[str, Record]) -> None:
        self.detectors = {detector.name: detector for detector in detectors}
        self.records = records
        # One at a time: whoever comes second while a detector loads must not load it again.
        self._locks = {name: threading.Lock() for name in self.detectors}
        self._deliveries = {name: Delivery.of(record.table) for name, record in records.items()}

    def choices(self, models: Sequence[str]) -> dict[str, list[str]]:
        """Return the groups by which people can be told apart in the audits of all `models`."""
        audited = [self.records[name].choices for name in models if self.records[name].choices]
        if not audited:
            return {}
        return {
            tag: [group for group in groups if all(group in one.get(tag, ()) for one in audited)]
            for tag, groups in audited[0].items()
            if all(tag in one for one in audited)
        }

    def judge(self, upload: Upload, models: Sequence[str], people: Mapping[str, str]) -> Judgement:
        """Judge one picture; a picture that cannot be read has a problem and raises nothing.

        Parameters
        ----------
        upload : Upload
        models : sequence of str
            Names of detectors.
        people : mapping of str to str
            Whom the user says is pictured: tag -> audited group.
        """
        judgement = Judgement(
            name=upload.name,
            width=upload.width,
            height=upload.height,
            format=upload.format,
            bytes=len(upload.content),
        )
        shown = prepare(upload.content, SHOWN, formats())
        if shown.pixels is None:
            judgement.problem = _problem(shown)
            return judgement
        judgement.shown = data_uri(Image.fromarray(shown.pixels), "JPEG")
        judgement.caveats = cut(upload) + no_face(shown.pixels)
        try:
            judgement.predictions = [self._predict(name, upload, people) for name in models]
        except FaceAuditError as error:
            judgement.problem = str(error)
        return judgement

    def _predict(self, name: str, upload: Upload, people: Mapping[str, str]) -> Prediction:
        detector, delivery = self.detectors[name], self._deliveries[name]
        # Decoded for each detector on its own, exactly as in scoring: a picture resized twice is
        # another picture to a classifier of this kind.
        picture = prepare_by(detector.pixels, upload.content, formats())
        if picture.pixels is None:
            raise FaceAuditError(_problem(picture))
        with self._locks[name]:
            judged = judge(detector, picture.pixels)
        share = judged.evidence
        return Prediction(
            model=name,
            p_ai=judged.p_ai,
            threshold=detector.info.threshold,
            called="ai" if judged.called_ai else "real",
            evidence=None if share is None else share.tolist(),
            evidence_in_words=None if share is None else in_words(share),
            distance=judged.distance,
            distance_limit=judged.limit,
            caveats=unfamiliar(judged) + (delivery.caveats(upload) if delivery else []),
            measured_errors=self.records[name].measured_errors(people),
            overlay=None
            if share is None or share.sum() == 0
            else data_uri(overlay(share, _OVERLAY), "PNG"),
        )


def _problem(picture: Picture) -> str:
    if picture.status == "too_large":
        return picture.reason
    return "the file is damaged or cut short: it could not be read to its end"
