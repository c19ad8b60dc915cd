"""Drawn glasses with their sham, and hidden parts: what a classifier reacts to, and what not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from faceaudit.checks.attention_by_group import CHECK as ATTENTION
from faceaudit.checks.paired_edits import CHECK as EDITS
from faceaudit.result import CheckResult, Finding
from faceaudit.schema import variant_column
from faceaudit.tables import Scores
from faceaudit.variants import asked_for
from faceaudit.variants.parts import PARTS
from field import Row, audited, found_by, scored_faces, seldom, share
from tests.variants.faces import face, portrait

Random = np.random.Generator
#: Photographs and AI-generated faces, drawn pictures of a trial, images a person.
SIZES, PICTURES, EACH = (600, 300), 120, 10
#: A face in a picture of 100 pixels: its eyes, and the distance between them.
SIDE, EYES, BETWEEN = 100, (50, 46), 25
#: The error rate with and without anything drawn, and which share of calls is drawn anew by chance.
WRONG, ANEW = 0.1, 0.15
#: Logarithms of how much hiding each part moves the log-odds, and their mean shares.
LARGE = np.array([-0.5, -1.5, -2.5, 0.3, -0.5, -1.0])
_drawn_once = np.exp(LARGE[:, None] + np.random.default_rng(0).normal(0, 1, (6, 1_000_000)))
TRUE = (_drawn_once / _drawn_once.sum(axis=0)).mean(axis=1)


def study(trials: int, seed: int) -> list[Row]:
    """Audit worlds in which glasses or a part matter, and worlds in which they do not."""
    random, few = np.random.default_rng([seed, 31]), max(trials // 4, 1)
    how = f"{SIZES[0]} photographs, {SIZES[1]} AI faces, 3 groups"

    def never(what: str, found: Callable[[], object], times: int = trials) -> Row:
        alarms = [bool(found()) for _ in range(times)]
        return Row(what, "≤ 5 %", share(alarms), seldom(alarms, 0.05), times)

    def always(what: str, found: Callable[[], object], times: int = trials) -> Row:
        missed = [not found() for _ in range(times)]
        return Row(what, "≥ 95 %", share(np.invert(missed)), seldom(missed, 0.05), times)

    def blamed(**world: Any) -> Callable[[], object]:
        return lambda: _blamed(_edited(random, **world))

    def accused(group: str | None, **world: Any) -> Callable[[], object]:
        return lambda: any(_of(found, group) for found in _blamed(_edited(random, **world)))

    def another(group: str, **world: Any) -> Callable[[], object]:
        return lambda: [
            found
            for found in _blamed(_edited(random, **world))
            if found.rate == "fnr" or (found.tags and not _of(found, group))
        ]

    def of_faces(judge: Judge) -> Callable[[], object]:
        return lambda: _blamed(_drawn(random, judge, "glasses", EDITS.id, PICTURES))

    def told(**world: Any) -> list[str]:
        found = _hidden(random, **world).findings
        return [of.sentence for of in found if of.tags]

    faces, only = f"{PICTURES} drawn faces, a classifier of", {"glasses": 0.25, "only": 1}
    return [
        never(f"drawings change 15 % of calls by chance, {how}: glasses blamed", blamed()),
        never("the same, 10 images a person: glasses blamed", blamed(person=True)),
        never("any drawing has 8 % more accused: glasses blamed", blamed(stroke=0.08)),
        never("the sham alone has 8 % more accused: glasses blamed", blamed(sham=0.08)),
        always("glasses have 8 % more accused: named", accused(None, glasses=0.08)),
        always(
            "any drawing has 5 % more accused, glasses 8 % beyond: named",
            accused(None, stroke=0.05, glasses=0.08),
        ),
        always("glasses have 25 % of one group accused: it is named", accused("b", **only)),
        never("glasses have 25 % of one group accused: another is named", another("b", **only)),
        never(f"{faces} the file alone: glasses blamed", of_faces(_file), few),
        never(f"{faces} brightness: glasses blamed", of_faces(_brightness), few),
        never(f"{faces} edges: glasses blamed", of_faces(_edges), few),
        always(f"{faces} the eyes alone: glasses named", of_faces(_eyes), few),
        never(f"hidden parts, alike, {how}: a group is told to differ", told),
        never("the same, 10 images a person: a group is told to differ", lambda: told(person=True)),
        always(
            "hiding the eyes moves answers on one group twice as much: that is told",
            lambda: any(
                of.startswith("Group 'b', real photographs: eyes") for of in told(more=np.log(2))
            ),
        ),
        never(
            "hidden parts: any share of all images outside its interval",
            lambda: _missed(_hidden(random)),
        ),
        always(
            "30 drawn faces, a classifier of the mouth alone: over 95 % of what moves is its",
            lambda: _share_of(_drawn(random, _mouth, "parts", ATTENTION.id, 30), "mouth") > 0.95,
            few,
        ),
    ]


# --- drawing glasses, as calls --------------------------------------------------------------


def _edited(
    random: Random,
    stroke: float = 0.0,
    glasses: float = 0.0,
    sham: float = 0.0,
    only: int | None = None,
    person: bool = False,
) -> CheckResult:
    """Audit calls as delivered, with glasses and with the sham; of photographs some turn wrong.

    `stroke` of them on any drawing, `glasses` and `sham` on one alone; `only` in one group.
    """
    n = sum(SIZES)
    of_person = np.arange(n) // EACH if person else np.arange(n)
    is_ai = np.arange(n) >= SIZES[0]
    group = random.integers(3, size=n)

    def lot() -> NDArray[np.float64]:
        return np.asarray(random.random(n)[of_person])

    base, turning = lot(), lot()
    wrong = [base < WRONG]
    for own in (glasses, sham):
        drawn = np.where(lot() < ANEW, lot(), base) < WRONG
        turned = turning < stroke + own * (only is None or group == only)
        wrong.append(drawn | (turned & ~is_ai))
    calls = np.array(wrong) != is_ai
    columns = {
        name: np.where(of, 0.9, 0.1).astype(np.float32)
        for name, of in zip(
            map(variant_column, ("glasses", "glasses-sham")), calls[1:], strict=True
        )
    }
    tags = {"group": np.array(["a", "b", "c"])[group], "person": of_person.astype(str)}
    scores = scored_faces(is_ai, calls[0], {**tags, **columns})
    return found_by(audited(scores, attributes=["group"], checks={EDITS.id: {}}), EDITS.id)


def _blamed(result: CheckResult) -> list[Finding]:
    return [found for found in result.findings if found.weight > 0]


def _of(found: Finding, group: str | None) -> bool:
    named = found.sentence.startswith(f"Group '{group}'") if group else not found.tags
    return named and found.rate == "fpr" and found.interval is not None and found.interval.low > 0


# --- drawn faces, and classifiers that look at them -----------------------------------------

#: From the pixels of a picture, and whether it is the file as delivered, to log-odds of AI.
Judge = Callable[[NDArray[np.float64], bool], float]


def _file(pixels: NDArray[np.float64], delivered: bool) -> float:
    return -2.0 if delivered else 2.0


def _brightness(pixels: NDArray[np.float64], delivered: bool) -> float:
    return float(133 - pixels.mean())


def _edges(pixels: NDArray[np.float64], delivered: bool) -> float:
    return float(np.abs(np.diff(pixels, axis=0)).mean() - 9.3)


def _eyes(pixels: NDArray[np.float64], delivered: bool) -> float:
    return float(150 - pixels[38:54, 25:75].mean()) / 4


def _mouth(pixels: NDArray[np.float64], delivered: bool) -> float:
    return float(110 - pixels[72:78, 42:58].mean()) / 30


def _drawn(random: Random, judge: Judge, edit: str, check: str, n: int) -> CheckResult:
    """Audit a classifier of drawn faces, all of them photographs, before and after an edit."""
    points, variants = face(EYES, BETWEEN), asked_for(edit=[edit])
    odds = np.empty((n, 1 + len(variants)))
    for i in range(n):
        image = portrait(points, SIDE, random)
        changed = [variant.change(image, points) for variant in variants]
        each = [np.asarray(of, float) for of in (image, *changed)]
        odds[i] = [judge(of, not j) for j, of in enumerate(each)]
    score = expit(odds).astype(np.float32)
    names = [variant_column(variant.name) for variant in variants]
    columns = dict(zip(names, score[:, 1:].T, strict=True))
    scores = scored_faces(np.zeros(n, bool), score[:, 0] >= 0.5, columns)
    table = scores.table.set_column(scores.table.column_names.index("p_ai"), "p_ai", [score[:, 0]])
    drawn = Scores(table, scores.info)
    return found_by(audited(drawn, attributes=["dataset"], checks={check: {}}), check)


def _share_of(result: CheckResult, part: str) -> float:
    """Read a part's share of the evidence from the table."""
    table = result.details[0]
    place = [column.title for column in table.columns].index("share of what moves")
    return next(row[place] for row in table.rows if row[1] == part)


# --- hidden parts, as log-odds --------------------------------------------------------------


def _hidden(random: Random, more: float = 0.0, person: bool = False) -> CheckResult:
    """Audit answers that hiding each part moves by a skewed amount, up or down.

    `more` is added to the logarithm of what the eyes move on photographs of one group.
    """
    n = sum(SIZES)
    of_person = np.arange(n) // EACH if person else np.arange(n)
    is_ai, group = np.arange(n) >= SIZES[0], random.integers(3, size=n)
    size = LARGE[:, None] + random.normal(0, 1, (len(PARTS), n)) / np.sqrt(1 + person)
    if person:
        size += random.normal(0, 1, (len(PARTS), n))[:, of_person] / np.sqrt(2)
    size[0, (group == 1) & ~is_ai] += more
    odds = np.where(is_ai, 1.5, -1.5) + random.normal(0, 1, n)
    moved = odds + np.exp(size) * random.choice([-1, 1], size.shape)
    names = [variant_column(f"hidden-{part}") for part in PARTS]
    columns = dict(zip(names, expit(moved).astype(np.float32), strict=True))
    tags = {"group": np.array(["a", "b", "c"])[group], "person": of_person.astype(str)}
    scores = scored_faces(is_ai, odds >= 0, {**tags, **columns})
    table = scores.table.set_column(
        scores.table.column_names.index("p_ai"), "p_ai", [expit(odds).astype(np.float32)]
    )
    result = audited(Scores(table, scores.info), attributes=["group"], checks={ATTENTION.id: {}})
    return found_by(result, ATTENTION.id)


def _missed(result: CheckResult) -> bool:
    """Whether any share of all photographs lies outside its interval."""
    table = result.details[0]
    place = [column.title for column in table.columns].index("share of what moves")
    ends = np.array([row[place + 1 : place + 3] for row in table.rows], float)
    true = np.tile(TRUE, 2)
    return bool(((ends[:, 0] > true) | (ends[:, 1] < true)).any())
