"""What a verdict is worth: how often the classifier was wrong about people like the one pictured.

Who is like the one pictured is for the user to say, out of the groups that were audited. It is
never guessed from the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from faceaudit import bundled
from faceaudit.errors import FaceAuditError
from faceaudit.report.numbers import count, interval, percent
from faceaudit.schema import ModelInfo
from faceaudit.stats.counts import count_outcomes
from faceaudit.stats.intervals import rate_interval
from faceaudit.tables import Scores, read_scores, scored
from faceaudit.tags.vocabulary import distinct_values
from faceaudit.web.detectors import Detector

#: Tags by which people can be told apart, in the order in which the page asks for them.
PEOPLE_TAGS = (
    "gender",
    "age_band",
    "race_coarse",
    "glasses",
    "face_shape",
    "skin_tone",
    "facial_hair",
    "makeup",
)
CONFIDENCE = 0.95
#: A source with fewer images is not named in a sentence as if it were certain.
FEW = 30

Kind = Literal["real", "ai"]


class SourceRate(BaseModel):
    """How often images of one kind from one source were called wrongly."""

    source: str
    n: int
    wrong: int
    rate: float
    low: float
    high: float


class Worth(BaseModel):
    """The measured error rates that bear on one classifier's verdicts."""

    model: str
    #: Whom the rates are about: tag -> group, as the user said.
    people: dict[str, str]
    confidence: float = CONFIDENCE
    #: Real photographs of such people that were called AI-generated, by source.
    real_called_ai: list[SourceRate]
    #: AI-generated faces that were called real, by source: all of them, as they show nobody.
    ai_called_real: list[SourceRate]
    #: What the rates say of a verdict "AI-generated", and of a verdict "real".
    if_called_ai: str
    if_called_real: str
    #: Whose word the chosen tags are.
    tag_sources: list[str]


class Record:
    """Recorded scores of one classifier, on images that it has not learned from.

    Parameters
    ----------
    model : str
        The classifier's name on this server.
    threshold : float
    scores : sequence of Scores
        May be empty: then nothing is known of the classifier.
    """

    def __init__(self, model: str, threshold: float, scores: Sequence[Scores]) -> None:
        self._model = model
        self._threshold = threshold
        self._scores = scores
        parts = [_unseen(scored(one)) for one in scores]
        self.table = pa.concat_tables(parts, promote_options="permissive") if parts else None
        self._cache: dict[tuple[tuple[str, str], ...], Worth] = {}

    def choices(self) -> dict[str, list[str]]:
        """Return the audited groups of real people: tag -> groups, in reading order."""
        if self.table is None:
            return {}
        real = self.table.filter(pc.equal(self.table["label"], "real"))
        found = {tag: distinct_values(real, tag) for tag in PEOPLE_TAGS if tag in real.column_names}
        return {tag: groups for tag, groups in found.items() if len(groups) > 1}

    def worth(self, people: Mapping[str, str]) -> Worth:
        """Measure the error rates for people of the given groups.

        Parameters
        ----------
        people : mapping of str to str
            Tag -> group. An empty one means everybody.

        Raises
        ------
        FaceAuditError
            If a group was not audited.
        """
        choices = self.choices()
        for tag, group in people.items():
            if self.table is not None and group not in choices.get(tag, ()):
                raise FaceAuditError(f"{self._model} was not audited for {tag} '{group}'")
        key = tuple(sorted(people.items()))
        if key not in self._cache:
            self._cache[key] = self._measure(dict(people))
        return self._cache[key]

    def _measure(self, people: dict[str, str]) -> Worth:
        real = self._rates("real", people)
        ai = self._rates("ai", {})
        return Worth(
            model=self._model,
            people=people,
            real_called_ai=real,
            ai_called_real=ai,
            if_called_ai=self._sentence(real, "real photographs", "AI-generated", bool(people)),
            if_called_real=self._sentence(ai, "AI-generated faces", "real", False),
            tag_sources=self._tag_sources(people, {rate.source for rate in real}),
        )

    def _rates(self, label: Kind, people: dict[str, str]) -> list[SourceRate]:
        if self.table is None:
            return []
        table = self.table.filter(pc.equal(self.table["label"], label))
        for tag, group in people.items():
            table = table.filter(pc.equal(table[tag], group))
        counts = count_outcomes(table, ["dataset"], self._threshold)
        if label == "real":
            n, wrong = counts.n_real, counts.real_called_ai
        else:
            n, wrong = counts.n_ai, counts.ai_called_real
        low, high = rate_interval(wrong, n, CONFIDENCE)
        return [
            SourceRate(
                source=name,
                n=int(n[i]),
                wrong=int(wrong[i]),
                rate=float(wrong[i] / n[i]),
                low=float(low[i]),
                high=float(high[i]),
            )
            for i, name in enumerate(counts.labels)
        ]

    def _sentence(self, rates: list[SourceRate], images: str, called: str, of_people: bool) -> str:
        if self.table is None:
            return "How often this model is wrong is not known: no scores of it are recorded here."
        whom = f"{images} of such people" if of_people else images
        if not rates:
            return f"Not measured: the audited images hold no {whom}."
        if len(rates) == 1:
            (one,) = rates
            few = " That is few, so the interval is wide." if one.n < FEW else ""
            return (
                f"Of {count(one.n)} {whom} ({one.source}), it wrongly called {count(one.wrong)} "
                f"{called}: {percent(one.rate)} ({interval(one.low, one.high, 'percent')}).{few}"
            )
        # The extremes of many small samples would be chance.
        enough = [rate for rate in rates if rate.n >= FEW]
        if not enough:
            return (
                f"Hardly measured: no source holds {FEW} {whom}, and all together hold "
                f"{count(sum(rate.n for rate in rates))}."
            )
        least, most = min(enough, key=lambda r: r.rate), max(enough, key=lambda r: r.rate)
        if least.rate == most.rate:
            return (
                f"Of {whom} it wrongly called {percent(most.rate)} {called} in every source "
                f"with {FEW} or more."
            )
        return (
            f"Of {whom} it wrongly called {percent(least.rate)} ({least.source}) to "
            f"{percent(most.rate)} ({most.source}) {called}: it depends on the source."
        )

    def _tag_sources(self, people: dict[str, str], sources: set[str]) -> list[str]:
        stated: dict[str, None] = {}
        for scores in self._scores:
            for tag in people:
                for dataset, word in scores.info.tag_sources.get(tag, {}).items():
                    if dataset in sources:
                        stated[f"{tag} ({dataset}): {word}"] = None
        return list(stated)


def _unseen(table: pa.Table) -> pa.Table:
    """Leave out what the classifier learned from: its errors there are too low."""
    if "in_training" not in table.column_names:
        return table
    seen = pc.fill_null(table["in_training"], False)
    return table.filter(pc.invert(seen))


def open_records(detectors: Sequence[Detector], scores: Sequence[Path | str]) -> dict[str, Record]:
    """Find the recorded scores of every classifier, among those given and those bundled.

    Parameters
    ----------
    detectors : sequence of Detector
    scores : sequence of path
        Scores tables that `faceaudit score` wrote.

    Raises
    ------
    FaceAuditError
        If a table given is unreadable, or belongs to none of the classifiers.
    """
    given = [(Path(path), read_scores(path)) for path in scores]
    for path, table in given:
        if not any(_is_of(detector, table.info.model) for detector in detectors):
            raise FaceAuditError(
                f"{path}: these scores are of none of the models served "
                f"({', '.join(d.name for d in detectors) or 'there are none'})"
            )
    tables = [table for _, table in given]
    tables += [read_scores(bundled.recorded_scores(name)) for name in bundled.recorded_names()]
    return {
        detector.name: Record(
            detector.name,
            detector.threshold,
            [table for table in tables if _is_of(detector, table.info.model)],
        )
        for detector in detectors
    }


def _is_of(detector: Detector, model: ModelInfo | None) -> bool:
    return model is not None and model.sha256 == detector.sha256
