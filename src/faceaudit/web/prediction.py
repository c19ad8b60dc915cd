"""One picture, judged by the chosen classifiers: the verdicts, the evidence, the doubts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from PIL import Image
from pydantic import BaseModel, Field

from faceaudit.errors import FaceAuditError
from faceaudit.model.explain import in_words, overlay
from faceaudit.model.faces import THOROUGH_SIDE
from faceaudit.model.preprocess import prepare
from faceaudit.thumbnails import data_uri
from faceaudit.web.caveats import Delivery, cut, no_face, unfamiliar
from faceaudit.web.detectors import Detector, calls_ai
from faceaudit.web.measured_errors import Record, Worth
from faceaudit.web.uploads import Upload, formats

if TYPE_CHECKING:
    from faceaudit.model.explain import Maps
    from faceaudit.model.preprocess import Picture

#: Side in pixels of the picture that is shown, which is the square that is looked at.
SHOWN = THOROUGH_SIDE
_OVERLAY = 64


class Verdict(BaseModel):
    """What one classifier says of a picture."""

    model: str
    p_ai: float
    threshold: float
    called: Literal["ai", "real"]
    #: Shares of the evidence for this verdict by field of the picture, rows from the top; they
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
    #: Why this verdict, or the audited error rates, may not hold for this picture.
    doubts: list[str]
    worth: Worth
    #: The evidence as a layer to lay over the picture, for the page.
    overlay: str | None = Field(default=None, exclude=True)


class Judgement(BaseModel):
    """One picture and the verdicts on it, or why there are none."""

    name: str
    #: In one line; null if all went well.
    problem: str | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    bytes: int | None = None
    #: Reasons to doubt any verdict on this picture.
    doubts: list[str] = Field(default_factory=list)
    verdicts: list[Verdict] = Field(default_factory=list)
    #: The square that was looked at, for the page.
    shown: str | None = Field(default=None, exclude=True)
    #: Tells the cards of a page apart: two files may have the same name.
    key: str = Field(default_factory=lambda: f"card-{secrets.token_hex(6)}", exclude=True)

    @property
    def worths(self) -> list[tuple[str, Worth]]:
        """What was said, and what that is worth, by classifier."""
        return [(verdict.called, verdict.worth) for verdict in self.verdicts]

    @property
    def agree(self) -> bool:
        """Whether all classifiers say the same."""
        return len({verdict.called for verdict in self.verdicts}) < 2


class Judge:
    """The classifiers of a server and what is recorded of each.

    Parameters
    ----------
    detectors : sequence of Detector
    records : mapping of str to Record
        By the detector's name.
    """

    def __init__(self, detectors: Sequence[Detector], records: Mapping[str, Record]) -> None:
        self.detectors = {detector.name: detector for detector in detectors}
        self.records = records
        self._deliveries = {name: Delivery.of(record.table) for name, record in records.items()}

    def choices(self, models: Sequence[str]) -> dict[str, list[str]]:
        """Return the groups by which people can be told apart in the audits of all `models`."""
        each = [self.records[name].choices() for name in models]
        audited = [one for one in each if one]
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
        # Each size is decoded on its own, exactly as in scoring: a picture resized twice is
        # another picture to a classifier of this kind.
        sizes = {SHOWN, *(self.detectors[name].size for name in models)}
        pictures = {size: prepare(upload.content, size, formats()) for size in sizes}
        shown = pictures[SHOWN]
        if shown.pixels is None:
            judgement.problem = _problem(shown)
            return judgement
        judgement.shown = data_uri(Image.fromarray(shown.pixels), "JPEG")
        judgement.doubts = cut(upload) + no_face(shown.pixels)
        try:
            judgement.verdicts = [
                self._verdict(name, upload, pictures[self.detectors[name].size], people)
                for name in models
            ]
        except FaceAuditError as error:
            judgement.problem = str(error)
        return judgement

    def _verdict(
        self, name: str, upload: Upload, picture: Picture, people: Mapping[str, str]
    ) -> Verdict:
        detector, delivery = self.detectors[name], self._deliveries[name]
        judged = detector.judge(picture)
        share = judged.evidence
        return Verdict(
            model=name,
            p_ai=judged.p_ai,
            threshold=detector.threshold,
            called="ai" if calls_ai(judged.p_ai, detector.threshold) else "real",
            evidence=None if share is None else [[float(f) for f in row] for row in share],
            evidence_in_words=None if share is None else in_words(share),
            distance=judged.distance,
            distance_limit=judged.limit,
            doubts=unfamiliar(judged) + (delivery.doubts(upload) if delivery else []),
            worth=self.records[name].worth(people),
            overlay=_layer(share),
        )


def _problem(picture: Picture) -> str:
    if picture.status == "too_large":
        return picture.reason
    return "the file is damaged or cut short: it could not be read to its end"


def _layer(share: Maps | None) -> str | None:
    if share is None or share.sum() == 0:
        return None
    return data_uri(overlay(share, _OVERLAY), "PNG")
