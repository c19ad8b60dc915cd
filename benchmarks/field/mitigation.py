"""Remedies whose truth is known: which help, level down, only move errors, or do nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import expit, logit

from faceaudit.error_rates import ERROR_RATES
from faceaudit.mitigation import Given, Method
from faceaudit.mitigation.base import THRESHOLD
from faceaudit.mitigation.minimax_threshold import MinimaxThreshold
from faceaudit.mitigation.threshold_optimizer import ThresholdOptimizer
from faceaudit.reading.columns import with_column
from faceaudit.stats.counts import Images
from faceaudit.studies.holdout import halved
from faceaudit.studies.mitigated import Counted, Mitigated, Setting, compare_settings
from faceaudit.studies.mitigation import PLAIN, Mitigation
from field import Row, scored_faces, seldom, share

Floats = NDArray[np.float64]
#: Images of each group and label.
EACH = 800
#: Error rates of four groups' photographs, and of their AI-generated faces, of a classifier.
RATES = np.array([[0.40, 0.10, 0.08, 0.05], [0.10, 0.08, 0.08, 0.06]])


Part = Callable[[np.random.Generator, int], list[Row]]


def study(trials: int, seed: int) -> list[Row]:
    """Ask the study for its verdicts; are they right? Each part draws for itself."""
    return [
        row
        for i, part in enumerate(parts())
        for row in part(np.random.default_rng([seed, 15, i]), trials)
    ]


def parts() -> list[Part]:
    """List what is asked."""
    better = RATES / [[4, 1, 1, 1], [1, 1, 1, 1]]
    level = np.stack([np.full(4, 0.4), RATES[1]])
    worse = np.stack([better[0], RATES[1] + 0.15])
    part_well = ("scores that part well, threshold too low", _apart)
    one_kind = ("one kind of picture scored too high", _shifted)
    hard = ("two groups, one of them hard to tell", _noisy)
    return [
        partial(_planted, *part_well, MinimaxThreshold.id, "helps"),
        partial(_planted, *one_kind, "delivery-recalibration", "helps"),
        partial(_planted, *hard, "safe-threshold", "trades"),
        partial(_planted, *hard, ThresholdOptimizer.id, "levels down"),
        *(partial(_nothing, *drawn) for drawn in ((1, 0.0), (3, 0.3), (5, 0.3))),
        partial(_one_of_three, "helps", better),
        partial(_one_of_three, "levels down", level),
        partial(_one_of_three, "trades", worse),
        partial(_one_of_three, "harms", RATES + 0.15),
        _optimism,
    ]


def _planted(
    what: str,
    draw: Callable[[np.random.Generator], pa.Table],
    remedy: str,
    verdict: str,
    random: np.random.Generator,
    trials: int,
) -> list[Row]:
    """A remedy that has a known effect on scores."""
    right = [verdict in _said(draw(random), remedy) for _ in range(trials)]
    return [_wanted(f"{what}: {remedy} {verdict}", right)]


def _nothing(seeds: int, spread: float, random: np.random.Generator, trials: int) -> list[Row]:
    """Trainings that have no effect."""
    wrong = [
        any(of.verdict != "not shown" for of in _trained(random, seeds, spread, [RATES] * 5))
        for _ in range(trials)
    ]
    what = f"{seeds} seeds, log odds that vary by {spread:g}" if spread else "one seed"
    told = f"5 trainings that change nothing, {what}: anything is shown of any"
    return [Row(told, "≤ 5 %", share(wrong), seldom(wrong, 0.05), trials)]


def _one_of_three(
    verdict: str, rates: Floats, random: np.random.Generator, trials: int
) -> list[Row]:
    """One training that has an effect, and two that have none."""
    right = []
    for _ in range(trials):
        first, *rest = _trained(random, 5, 0.1, [rates, RATES, RATES])
        others = {of.verdict for of in rest}
        right.append(first.verdict == verdict and others == {"not shown"})
    return [_wanted(f"3 trainings, 5 seeds: one {verdict}, and it alone is said to", right)]


def _wanted(what: str, right: Sequence[bool]) -> Row:
    met = np.mean(right) >= 0.95 - 2 * np.sqrt(0.05 / len(right))
    return Row(what, "≥ 95 %", share(right), bool(met), len(right))


def _said(table: pa.Table, remedy: str) -> list[str]:
    """Give the verdict on a remedy, and the warning, which it may have beside a gain elsewhere."""
    found = Mitigation(groups="group").judge({PLAIN: [(table, THRESHOLD)]}).found
    of = next(of for of in found if of.setting.name.startswith(remedy))
    return [of.verdict, *("levels down" for way in of.ways if way == "levelled down")]


# --- scores that methods are fitted to ------------------------------------------------------


def _drawn(
    log_odds: Callable[[NDArray[np.bool_], NDArray[np.int64], NDArray[np.bool_]], Floats],
    random: np.random.Generator,
    groups: int = 2,
    each: int = EACH,
) -> pa.Table:
    """Draw faces of some groups, a part of them wide: most of the first group, few others."""
    is_ai = np.tile(np.repeat([False, True], each), groups)
    group = np.repeat(np.arange(groups), 2 * each)
    wide = random.random(len(group)) < np.where(group == 0, 0.8, 0.2)
    tags = {"group": group.astype(str), "width": np.where(wide, 512, 256).astype(np.int32)}
    table = scored_faces(is_ai, is_ai, tags).table
    return with_column(table, "p_ai", pa.array(expit(log_odds(is_ai, group, wide)), pa.float32()))


def _apart(random: np.random.Generator) -> pa.Table:
    """A gap between the labels, but the threshold lies among one group's photographs."""

    def log_odds(is_ai, group, wide):  # type: ignore[no-untyped-def]
        low = np.where(is_ai, 3.5, np.where(group == 0, -1.5, -4))
        return random.uniform(low, low + np.where(is_ai, 2, 3))

    return _drawn(log_odds, random)


def _shifted(random: np.random.Generator) -> pa.Table:
    """The labels part well within each kind of picture, and one kind is scored higher."""

    def log_odds(is_ai, group, wide):  # type: ignore[no-untyped-def]
        low = np.where(is_ai, 1, -6) + np.where(wide, 4, 0)
        return random.uniform(low, low + 4)

    return _drawn(log_odds, random)


def _noisy(random: np.random.Generator) -> pa.Table:
    """The first group's labels overlap, the second's hardly."""

    def log_odds(is_ai, group, wide):  # type: ignore[no-untyped-def]
        return random.normal(np.where(is_ai, 1, -1) * np.where(group == 0, 0.7, 3))

    return _drawn(log_odds, random)


# --- calls of trainings ---------------------------------------------------------------------


def _trained(
    random: np.random.Generator, seeds: int, spread: float, rates: Sequence[Floats]
) -> list[Mitigated]:
    """Draw trainings with such error rates beside a plain one, and compare them.

    An image that is hard is so for most trainings; the log odds of each group's rate vary with the
    seed by `spread`.
    """
    is_ai = np.tile(np.repeat([False, True], EACH // 2), 4)
    group = np.repeat(np.arange(4), EACH)
    images = Images(scored_faces(is_ai, is_ai, {"group": group.astype(str)}).table)
    hard = random.random(len(is_ai))

    def setting(name: str, rate: Floats) -> Setting:
        scores = []
        for _ in range(seeds):
            moved = expit(logit(rate) + random.normal(0, spread, rate.shape))
            own = random.random((2, len(is_ai)))
            wrong = np.where(own[0] < 0.8, hard, own[1]) < moved[is_ai.astype(int), group]
            p_ai = pa.array(np.where(wrong == is_ai, 0.1, 0.9), pa.float32())
            scores.append(images.rescored(pa.chunked_array([p_ai])))
        return Setting(name, scores, [THRESHOLD] * seeds)

    others = [setting(str(i), rate) for i, rate in enumerate(rates)]
    return compare_settings(setting(PLAIN, RATES), others, ["group"], 0.95)


# --- judged where fitted --------------------------------------------------------------------


def _optimism(random: np.random.Generator, trials: int) -> list[Row]:
    """What two methods seem to bring where there is nothing to bring: eight groups alike."""

    def log_odds(is_ai, group, wide):  # type: ignore[no-untyped-def]
        return random.normal(np.where(is_ai, 1, -1))

    methods: tuple[tuple[type[Method], str], ...] = (
        (MinimaxThreshold, "the highest error rate of any group"),
        (ThresholdOptimizer, "the gap in FPR"),
    )
    changes = np.zeros((len(methods), 2, trials))
    for trial in range(trials):
        table = _drawn(log_odds, random, groups=8, each=120)
        half = halved(table)
        sides = [Images(table.filter(pa.array(rows))) for rows in (half, ~half)]
        for i, (method, _) in enumerate(methods):
            fitted = method.fit(sides[0], Given(["group"], THRESHOLD))
            for side, images in enumerate(sides):
                p_ai = pa.chunked_array([pa.array(fitted.apply(images), pa.float32())])
                plain, other = (
                    Setting("", [of], [THRESHOLD]) for of in (images, images.rescored(p_ai))
                )
                fpr, fnr = (
                    Counted.of(rate, plain, other, ["group"]) for rate in ERROR_RATES.values()
                )
                after, before = (
                    max(of.rates(0.95, plain=way).mean.max() for of in (fpr, fnr))
                    for way in (False, True)
                )
                gap = fpr.extremes(0.95)[2].mean[0]
                changes[i, side, trial] = after - before if i == 0 else gap
    rows = []
    for (method, what), (there, nested) in zip(methods, changes, strict=True):
        told = [
            f"{100 * of.mean():+.1f} ± {200 * of.std() / np.sqrt(trials):.1f}"
            for of in (there, nested)
        ]
        optimistic = (nested - there).mean() - 2 * (nested - there).std() / np.sqrt(trials)
        rows.append(
            Row(
                f"8 groups alike: {what} with {method.id} minus plain, judged where it was fitted",
                "too good",
                f"{told[0]} points (nested {told[1]})",
                bool(optimistic > 0),
                trials,
            )
        )
    return rows
