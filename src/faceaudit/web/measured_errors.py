"""How often a classifier was wrong about people like the one pictured: what its word is worth.

Who is like the one pictured is for the user to say, out of the groups that were audited. It is
never guessed from the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from faceaudit.bundled import recorded_names, recorded_scores
from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import together
from faceaudit.report.numbers import count, interval, percent
from faceaudit.scoring import Detector
from faceaudit.stats import IntArray
from faceaudit.stats.counts import Images
from faceaudit.stats.intervals import rate_interval
from faceaudit.tables import Scores, read_scores, scored
from faceaudit.tags.vocabulary import distinct_values

#: Tags by which people can be told apart, as the page asks for them, and what it calls them.
PEOPLE_TAGS = {
    "gender": "Gender",
    "age_band": "Age",
    "race_coarse": "Race",
    "glasses": "Glasses",
    "face_shape": "Face shape",
    "skin_tone": "Skin tone",
    "facial_hair": "Facial hair",
    "makeup": "Make-up",
}
CONFIDENCE = 0.95
#: A call proves little where this share of a source's other images is called the same.
PROVES_LITTLE = 0.5
#: A source with fewer images is not named in a sentence as if it were certain.
FEW = 30
_UNKNOWN = "How often this model is wrong is not known: no scores of it are recorded here."


class SourceRate(BaseModel):
    """How often images of one kind from one source were called wrongly."""

    source: str
    n: int
    wrong: int
    rate: float
    low: float
    high: float


class MeasuredErrors(BaseModel):
    """The measured error rates that bear on what one classifier says."""

    model: str
    #: Whom the rates are about: tag -> group, as the user said.
    people: dict[str, str]
    confidence: float = CONFIDENCE
    #: Real photographs of such people that were called AI-generated, by source.
    real_called_ai: list[SourceRate]
    #: AI-generated faces that were called real, by source: all of them, as they show nobody.
    ai_called_real: list[SourceRate]
    #: What the rates say of the call "AI-generated", and of the call "real".
    if_called_ai: str
    if_called_real: str
    #: The same in a few words, by the source on which it errs most.
    short_if_called_ai: str
    short_if_called_real: str
    #: Whose word the chosen tags are.
    tag_sources: list[str]


class Record:
    """A detector, and its recorded scores on images that it has not learned from.

    `table` is None where nothing is recorded; `choices` are the audited groups of real people:
    tag -> groups, in reading order.
    """

    def __init__(self, detector: Detector, scores: Sequence[Scores]) -> None:
        self.detector = detector
        parts = [_unseen(scored(one)) for one in scores]
        self.table = together(parts) if parts else None
        self.choices: dict[str, list[str]] = {}
        if self.table is not None:
            real = self.table.filter(pc.field("label") == "real")
            tags = [tag for tag in PEOPLE_TAGS if tag in real.column_names]
            found = {tag: distinct_values(real, tag) for tag in tags}
            self.choices = {tag: groups for tag, groups in found.items() if len(groups) > 1}
        self._scores = scores
        self._measured: dict[frozenset[tuple[str, str]], MeasuredErrors] = {}

    def measured_errors(self, people: Mapping[str, str]) -> MeasuredErrors:
        """Measure the error rates for people of the given groups, tag -> group, if any is given."""
        for tag, group in people.items():
            if self.table is not None and group not in self.choices.get(tag, ()):
                raise FaceAuditError(f"{self.detector.name} was not audited for {tag} '{group}'")
        key = frozenset(people.items())
        if key not in self._measured:
            self._measured[key] = self._measure(dict(people))
        return self._measured[key]

    def _measure(self, people: dict[str, str]) -> MeasuredErrors:
        real, ai, said_ai, said_real = [], [], _UNKNOWN, _UNKNOWN
        if self.table is not None:
            pictured, threshold = self.table, self.detector.info.threshold
            for tag, group in people.items():
                pictured = pictured.filter(pc.field(tag) == group)
            those = Images(pictured).counts(["dataset"], threshold)
            real = _rates(those.labels, those.n_real, those.real_called_ai)
            everybody = Images(self.table).counts(["dataset"], threshold)
            ai = _rates(everybody.labels, everybody.n_ai, everybody.ai_called_real)
            whom = "real photographs of such people" if people else "real photographs"
            said_ai = _sentence(real, whom, "AI-generated")
            said_real = _sentence(ai, "AI-generated faces", "real")
        sources = {rate.source for rate in real}
        words = (
            f"{tag} ({dataset}): {word}"
            for scores in self._scores
            for tag in people
            for dataset, word in scores.info.tag_sources.get(tag, {}).items()
            if dataset in sources
        )
        return MeasuredErrors(
            model=self.detector.name,
            people=people,
            real_called_ai=real,
            ai_called_real=ai,
            if_called_ai=said_ai,
            if_called_real=said_real,
            short_if_called_ai=_in_short(
                real, "Called {} photographs of {} AI-generated", "AI-generated"
            ),
            short_if_called_real=_in_short(ai, "Missed {} AI-generated faces of {}", "real"),
            tag_sources=list(dict.fromkeys(words)),
        )


def _rates(sources: list[str], n: IntArray, wrong: IntArray) -> list[SourceRate]:
    low, high = rate_interval(wrong, n, CONFIDENCE)
    rows = zip(sources, *(array.tolist() for array in (n, wrong, low, high)), strict=True)
    return [
        SourceRate(source=source, n=of, wrong=some, rate=some / of, low=low, high=high)
        for source, of, some, low, high in rows
        if of
    ]


def _sentence(rates: list[SourceRate], whom: str, called: str) -> str:
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


def _in_short(rates: list[SourceRate], told: str, called: str) -> str:
    enough = [rate for rate in rates if rate.n >= FEW]
    if not enough:
        return "How often that is wrong was not measured."
    worst = max(enough, key=lambda rate: rate.rate)
    wrong = f"{count(worst.wrong) if worst.wrong else 'none'} of {count(worst.n)}"
    little = f": “{called}” proves little" if worst.rate >= PROVES_LITTLE else ""
    return f"{told.format(wrong, worst.source)}{little}."


def _unseen(table: pa.Table) -> pa.Table:
    """Leave out what the classifier learned from: its errors there are too low."""
    if "in_training" not in table.column_names:
        return table
    return table.filter(pc.invert(pc.fill_null(table["in_training"], False)))


def shared_choices(records: Iterable[Record]) -> dict[str, list[str]]:
    """Return the groups by which people can be told apart in each of the audits that there are."""
    first, *others = [record.choices for record in records if record.choices] or [{}]
    return {
        tag: [group for group in groups if all(group in one[tag] for one in others)]
        for tag, groups in first.items()
        if all(tag in one for one in others)
    }


def open_records(detectors: Sequence[Detector], scores: Sequence[Path | str]) -> dict[str, Record]:
    """Find the recorded scores of every detector, among the tables given and those bundled.

    Raises
    ------
    FaceAuditError
        If a table given is unreadable.
    """
    tables = [read_scores(path) for path in (*scores, *map(recorded_scores, recorded_names()))]
    return {d.name: Record(d, [one for one in tables if _is_of(d, one)]) for d in detectors}


def _is_of(detector: Detector, scores: Scores) -> bool:
    model = scores.info.model
    return model is not None and model.sha256 is not None and model.sha256 == detector.info.sha256
