"""Comparisons of two classifiers on the same drawn images: what is claimed that is not so."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceaudit.comparison.non_inferiority import Key, limited
from faceaudit.comparison.outcomes import Comparison
from faceaudit.comparison.runner import compare
from faceaudit.pairing import side_by_side
from faceaudit.result import Result, Status
from faceaudit.spec import Spec
from faceaudit.stats.gap_change import gap_change
from faceaudit.stats.verdicts import holm_errors, judge_gap
from field import Row, scored_faces, seldom, share, wrong_calls

TAGS = {"gender": 2, "race": 5, "age_band": 7}
SPEC = Spec(
    name="drawn",
    title="Drawn",
    question="?",
    attributes=[*TAGS],
    intersections=[("gender", "race"), ("gender", "age_band")],
)


#: Images of a person, and how alike they are to each classifier.
IMAGES, CORRELATION = 10, 0.3


def study(trials: int, seed: int) -> list[Row]:
    """Compare classifiers that are alike, and ones whose gaps are known."""
    rows = []
    for images, what, some in (
        (1, "one image a person", trials),
        (IMAGES, f"{IMAGES} images a person", trials // 2),
    ):
        draws = (np.random.default_rng([seed, trial, images]) for trial in range(some))
        compared = [_alike(random, images) for random in draws]
        claims = [_claims(result) for result in compared]
        held = np.concatenate([_held(result) for result in compared])
        rows += [
            Row(
                f"equal pairs, {what}: a difference on the first screen whose interval lacks 0",
                "≤ 5 %",
                share(claims),
                bool(np.mean(claims) <= 0.05 + _slack(some)),
                some,
            ),
            Row(
                f"equal pairs, {what}: each interval in tables on its own, coverage",
                "≥ 93 %",
                share(held),
                bool(held.mean() >= 0.93 - _slack(some)),
                some,
            ),
        ]
    found = np.array([_gap_changes(np.random.default_rng([seed, t])) for t in range(trials)])
    rows.append(
        Row(
            "change of the gap between two classifiers, 2, 5 and 14 groups: coverage, lowest",
            "≥ 95 %",
            share(found[:, found.mean(axis=0).argmin()]),
            bool(found.mean(axis=0).min() >= 0.95 - _slack(trials)),
            trials,
        )
    )
    return [*rows, *_margins(trials, seed)]


def _margins(trials: int, seed: int) -> list[Row]:
    """Judge whether the second is no worse, where the truth is the margin or a hair beyond it."""
    rows = []
    for few, what, n in ((True, "2 groups", 3_000), (False, "38 groups", 12_000)):
        draws = [np.random.default_rng([seed, t, n]) for t in range(5 * trials)]
        wrong = [_any_wrong(_judged(random, n, few, _AT_MARGIN)) for random in draws]
        rows.append(
            Row(
                f"{what}, differences that are the margin, or a hair beyond: any wrong verdict",
                "≤ 5 %",
                share(wrong),
                seldom(wrong, 0.05),
                len(wrong),
            )
        )
        found = [_judged(random, 4 * n, few, _ONE_WORSE) for random in draws[:trials]]
        named = [_blamed(statuses) == {(("gender",), "1", "fpr")} for statuses in found]
        rows.append(
            Row(
                f"{what}, photographs of one gender 8 points worse, of the other 8 better, margin "
                f"{100 * MARGIN:g}: of genders and all images it alone is blamed",
                "≥ 95 %",
                share(named),
                bool(np.mean(named) >= 0.95 - _slack(trials)),
                trials,
            )
        )
    return rows


#: Largest accepted difference; true ones of the two genders' photographs and AI-generated faces.
MARGIN = 0.03
_AT_MARGIN = {"fpr": (MARGIN, MARGIN + 1e-9), "fnr": (MARGIN + 1e-9, MARGIN)}
_ONE_WORSE = {"fpr": (-0.08, 0.08), "fnr": (0.0, 0.0)}


def _judged(
    random: np.random.Generator, n: int, few: bool, truth: dict[str, tuple[float, float]]
) -> dict[Key, Status]:
    """Judge two classifiers of which the second errs more often by known amounts."""
    values = {tag: random.integers(of, size=n) for tag, of in TAGS.items()}
    columns = {tag: pa.array(of).cast(pa.string()) for tag, of in values.items()}
    is_ai, gender = np.arange(n) % 2 == 1, values["gender"]
    more = np.where(is_ai, np.array(truth["fnr"])[gender], np.array(truth["fpr"])[gender])
    # A quarter of the first's errors are mended, and so many others, and more, are new.
    draw = random.random(n)
    both = draw < 0.1, (draw >= 0.025) & (draw < 0.125 + more)
    pair = [scored_faces(is_ai, wrong != is_ai, columns) for wrong in both]
    asked = {"attributes": ["gender"], "intersections": []} if few else {}
    margins = dict.fromkeys(truth, MARGIN)
    spec = SPEC.model_copy(update={**asked, "no_worse_by": margins})
    names = "first", "second"
    gaps = limited(Comparison(side_by_side(pair, spec, names).pair(0, 1), names, spec))
    errors = holm_errors({**gaps}, 1 - spec.confidence)
    return {key: judge_gap(*gap.bounds(errors[key]), gap.limit) for key, gap in gaps.items()}


def _any_wrong(statuses: dict[Key, Status]) -> bool:
    """Whether a difference beyond the margin passes, or one that is the margin fails."""
    wrong = []
    for (tags, group, rate), status in statuses.items():
        # Of groups by other tags it is a mean of both genders', and so a hair beyond.
        beyond = "gender" not in tags or _AT_MARGIN[rate][int(group[0])] > MARGIN
        wrong.append(status == ("pass" if beyond else "fail"))
    return any(wrong)


def _blamed(statuses: dict[Key, Status]) -> set[Key]:
    """Give what fails of all images and of the genders."""
    return {key for key, of in statuses.items() if of == "fail" and key[0] in ((), ("gender",))}


def _slack(trials: int) -> float:
    return float(2 * np.sqrt(0.05 * 0.95 / trials))


def _claims(result: Result) -> bool:
    """Whether anything is said to differ, on the first screen or below it."""
    shown = (of for check in result.checks for of in check.findings)
    intervals = [of.interval for of in shown if of.interval is not None]
    return any(of.low > 0 or of.upper < 0 for of in intervals)


def _held(result: Result) -> NDArray[np.bool_]:
    """Whether each interval of a figure holds the true difference, which is none."""
    details = (of for check in result.checks for of in check.details if of.kind == "slopes")
    ends = np.array([(row.low, row.high) for of in details for row in of.rows if row.n])
    return np.asarray((ends[:, 0] <= 0) & (ends[:, 1] >= 0))


def _alike(random: np.random.Generator, images: int) -> Result:
    """Compare two that err at one rate, each with persons of its own whom it finds hard."""
    n = int(random.choice([1_000, 3_000]))
    persons = n // images
    person = np.repeat(np.arange(persons), images)
    is_ai = person % 2 == 1
    columns = {t: random.integers(of, size=persons)[person].astype(str) for t, of in TAGS.items()}
    rate = random.choice([0.05, 0.1, 0.3])
    # With a Beta distribution of the persons' rates, images of one correlate so much.
    odds = 1 / CORRELATION - 1 if images > 1 else np.inf
    pair = []
    for _ in range(2):
        of = np.full(persons, rate)
        if images > 1:
            of = random.beta(rate * odds, (1 - rate) * odds, persons)
        more = {"person": person.astype(str)} if images > 1 else {}
        pair.append(scored_faces(is_ai, wrong_calls(random, of[person], is_ai), columns | more))
    return compare(pair, SPEC)


def _gap_changes(random: np.random.Generator) -> list[bool]:
    """Whether the interval of each of several changes of a gap holds the true one."""
    held = []
    for groups in (2, 5, 14):
        for first, second in ((0.0, 0.0), (0.1, 0.1), (0.0, 0.1), (0.1, 0.05)):
            wrong, n = np.full((2, groups), 0.1), np.full(groups, 400)
            wrong[:, 0] += first, second
            # Seven of ten errors of the better one are the other's too.
            both = 0.3 * wrong.prod(axis=0) + 0.7 * wrong.min(axis=0)
            cells = np.array([both, wrong[0] - both, wrong[1] - both, 1 - wrong.sum(axis=0) + both])
            drawn = np.array([random.multinomial(m, p) for m, p in zip(n, cells.T, strict=True)])
            found = gap_change(drawn.T)
            held.append(found.low <= second - first <= found.high)
    return held
