"""What delivery facts alone give away: nothing where there is nothing, and what was planted.

Errors come of the person, of the delivery, of both or of neither; the label is told by a file's
table, by facts that each data set has of its own, or not at all; images hang together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from faceaudit.result import CheckResult
from faceaudit.stats.cross_validation import cross_validated_auc, deal, foretold_by_step
from faceaudit.stats.ranking import Auc
from faceaudit.tables import Scores
from field import Row, audited, found_by, scored_faces, seldom, share, wrong_calls

N = 1_200
RACES, TABLES = np.array(["Asian", "Black", "Indian", "White"]), np.array(["a", "b", "c", "d"])
CHECKS = ["delivery-shortcut"]
Facts = dict[str, NDArray[np.generic]]


def facts(random: np.random.Generator, rough: NDArray[np.float64]) -> Facts:
    """Draw delivery facts that go with how rough a picture is, and others that do not."""
    n = len(rough)
    kind = np.digitize(rough + random.normal(0, 0.5, n), [-0.8, 0.0, 0.8])
    return {
        "jpeg_table": TABLES[kind],
        "width": random.choice([224, 256, 512], n).astype(np.int32),
        "height": random.choice([224, 256, 512], n).astype(np.int32),
        "bytes": (256**2 * np.exp(-1.5 - 0.4 * rough + random.normal(0, 0.2, n))).astype(np.int64),
        "noise_sd": np.exp(0.5 * rough + random.normal(0, 0.3, n)),
        "mean_luma": random.uniform(60, 180, n),
    }


def drawn(
    random: np.random.Generator,
    *,
    person: float = 0.0,
    delivery: float = 0.0,
    to_race: float = 0.0,
    to_label: float = 0.0,
    sets: int = 3,
    of_set: float = 0.0,
    persons: bool = False,
) -> Scores:
    """Draw faces of several sets of either label.

    Log odds of an error: `person` more for one race, `delivery` more for a rougher picture. How
    rough it is comes with that race (`to_race`), the label (`to_label`) and the set (`of_set`).
    With `persons` six images are of one person, delivered and called alike.
    """
    who = np.repeat(np.arange(N // 6), 6) if persons else np.arange(N)
    people = int(who.max()) + 1
    of = random.permutation(np.arange(people) % (2 * sets))
    race, is_ai = random.integers(0, 4, people), of >= sets
    rough = random.normal(size=people) + to_race * (race == 1) + to_label * is_ai
    rough += of_set * random.normal(size=2 * sets)[of]
    odds = -2.0 + person * (race == 1) + delivery * rough
    called = wrong_calls(random, expit(odds), is_ai)
    names = np.array([f"set {i}" for i in range(2 * sets)])[of]
    tags = {"race": RACES[race], **facts(random, rough)}
    tags |= {"person": np.arange(people).astype(str)} if persons else {}
    columns = {name: values[who] for name, values in tags.items()}
    return scored_faces(is_ai[who], called[who], columns, names[who])


def found(scores: Scores) -> CheckResult:
    """Run the check alone."""
    return found_by(audited(scores, attributes=["race"], checks=CHECKS), CHECKS[0])


def told(result: CheckResult, of: Callable[[str], bool]) -> bool:
    """Whether some sentence claims that facts tell something that `of` picks by its words."""
    claims = (one for one in result.findings if one.interval and one.interval.low > 0.5)
    return any(of(one.sentence.partition(" with AUC")[0]) for one in claims)


def _errors(words: str) -> bool:
    return " of a data set are " in words


def _race(words: str) -> bool:
    return "race" in words


def _anything(words: str) -> bool:
    return True


def _left_out(result: CheckResult) -> bool:
    """Whether it is claimed that the label can be told in data sets that were left out."""
    sentence = result.findings[0].sentence
    return "parts, it is" in sentence and "chance alone could explain" not in sentence


def _coincide(result: CheckResult) -> bool:
    return any("Delivery and label" in one for one in result.limitations)


def one_auc(random: np.random.Generator) -> tuple[bool, bool]:
    """Whether an interval excludes 0.5 where nothing can be learned: ours, of independent folds."""
    n = 400
    positive, stand_alone = random.random(n) < 0.3, np.arange(n)
    fold = deal(positive.astype(np.int64), stand_alone, random)
    score = foretold_by_step(random.integers(0, 6, n), positive, fold)
    auc = cross_validated_auc(score, positive, fold, np.zeros(n, np.int64), stand_alone)
    other = Auc.of(auc.value, auc.variance / 2, auc.trials * 2, 0.95)
    ours, theirs = (not of.low[0] <= 0.5 <= of.high[0] for of in (auc, other))
    return ours, theirs


def study(trials: int, seed: int) -> list[Row]:
    """Plant each cause, and count what is said."""

    def results(number: int, **planted: float) -> list[CheckResult]:
        draws = (np.random.default_rng([seed, trial, number]) for trial in range(trials))
        return [found(drawn(random, **planted)) for random in draws]

    def row(what: str, hits: list[bool], wanted: str = "seldom") -> Row:
        if wanted == "seldom":
            return Row(what, "≤ 5 %", share(hits), seldom(hits, 0.05), trials)
        return Row(what, "≥ 95 %", share(hits), seldom(~np.array(hits), 0.05), trials)

    nothing, person = results(0), results(1, person=1.5)
    persons = results(2, persons=True)
    delivery, both = results(3, delivery=1.2), results(4, delivery=1.2, person=1.5)
    through = results(5, delivery=1.2, to_race=1.5)
    label, sets = results(6, to_label=6.0, sets=12), results(7, of_set=2.0, sets=12)

    many = 10 * trials
    ours, theirs = zip(
        *(one_auc(np.random.default_rng([seed, trial, 8])) for trial in range(many)), strict=True
    )
    chance = "nothing to learn: the 95 % interval of an AUC excludes 0.5"

    def of(found: list[CheckResult], kind: Callable[[str], bool]) -> list[bool]:
        return [told(one, kind) for one in found]

    return [
        Row(chance, "≤ 5 %", share(ours), seldom(ours, 0.05), many),
        Row(f"{chance}, folds taken as independent", "–", share(theirs), True, many),
        row("nothing planted: delivery facts are said to tell anything", of(nothing, _anything)),
        row("the same, six images a person: said to tell anything", of(persons, _anything)),
        row("errors by race: delivery facts are said to tell them", of(person, _errors)),
        row("errors by delivery: said to tell them", of(delivery, _errors), "often"),
        row("errors by delivery: race is said to differ in delivery", of(delivery, _race)),
        row("errors by delivery and race: said to tell them", of(both, _errors), "often"),
        row(
            "errors by delivery, which goes with race: both are said",
            [told(one, _errors) and told(one, _race) for one in through],
            "often",
        ),
        row("the label by delivery: said to coincide", [*map(_coincide, label)], "often"),
        row("the same: also in sets left out", [*map(_left_out, label)], "often"),
        row(
            "each set has a delivery of its own: the label is told in sets left out",
            [*map(_left_out, sets)],
        ),
        row("the same: label and delivery are said to coincide", [*map(_coincide, sets)]),
    ]
