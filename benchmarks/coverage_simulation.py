"""How often nominal 95 % intervals hold the truth, ours and the alternatives', cell by cell.

`coverage_study.py` runs this and writes the tables. Where the outcomes of an experiment can be
listed (one rate, two rates, small paired samples) coverage is summed over all of them, exactly.
The max−min gap over many groups is simulated, seeded.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from faceaudit.stats.gaps import gap_limits
from faceaudit.stats.intervals import (
    difference_interval,
    paired_difference_interval,
    rate_interval,
    rate_of,
    ratio_interval,
)

SIZES = (5, 10, 30, 100, 1_000, 10_000)
RATES = (0.0, 0.002, 0.005, 0.02, 0.1, 0.3, 0.5)
GROUPS = (2, 5, 14, 80)
CONFIDENCE = 0.95
TRIALS = 5_000
SEED = 20_240_601
#: Limits that equal the true value but for rounding do cover it.
ROUNDING = 1e-9

Array = NDArray[np.float64]
Limits = tuple[Array, Array]
Method = Callable[..., Limits]


@dataclass(frozen=True)
class Cell:
    """What one method did at one point of the grid; coverage and false alarms from 0 to 1."""

    method: str
    n: int
    rates: tuple[float, ...]
    coverage: float
    width: float
    excludes_equality: float = np.nan
    groups: int = 1
    unbalanced: bool = False
    pattern: str = ""


def covers(limits: Limits, true: float) -> NDArray[np.bool_]:
    low, high = limits
    return (low <= true + ROUNDING) & (true - ROUNDING <= high)


# --- one rate, exactly ---------------------------------------------------------------------


def percentile_bootstrap(events: Array, n: int) -> Limits:
    """Give what fairlearn's percentile bootstrap of a rate tends to with endless replicates."""
    tail = (1 - CONFIDENCE) / 2
    return (
        stats.binom.ppf(tail, n, events / n) / n,
        stats.binom.ppf(1 - tail, n, events / n) / n,
    )


def from_statsmodels(method: str) -> Method:
    def interval(events: Array, n: int) -> Limits:
        low, high = proportion_confint(events, n, alpha=1 - CONFIDENCE, method=method)
        return np.where(events == 0, 0, low), np.where(events == n, 1, high)

    return interval


RATE_METHODS: dict[str, Method] = {
    "Clopper–Pearson (ours)": rate_interval,
    "Wilson": from_statsmodels("wilson"),
    "Jeffreys": from_statsmodels("jeffreys"),
    "Agresti–Coull": from_statsmodels("agresti_coull"),
    "percentile bootstrap (fairlearn)": percentile_bootstrap,
}


def likely(n: int, rate: float) -> Array:
    """List the outcomes of a binomial variable but for a billionth of either tail."""
    low, high = stats.binom.ppf([1e-9, 1 - 1e-9], n, rate)
    return np.arange(low, high + 1)


def study_rates(sizes: Sequence[int] = SIZES, rates: Iterable[float] = RATES) -> Iterator[Cell]:
    for n, rate, (name, method) in itertools.product(sizes, rates, RATE_METHODS.items()):
        events = likely(n, rate)
        chance = stats.binom.pmf(events, n, rate)
        low, high = limits = method(events, n)
        yield Cell(name, n, (rate,), chance @ covers(limits, rate), chance @ np.subtract(high, low))


# --- two rates, exactly --------------------------------------------------------------------


def two_from_statsmodels(method: str, compare: str) -> Method:
    def interval(x: Array, n: int, y: Array, m: int) -> Limits:
        with np.errstate(all="ignore"):
            low, high = confint_proportions_2indep(
                x + 0 * y, n, y + 0 * x, m, method=method, compare=compare, alpha=1 - CONFIDENCE
            )
        return low, high

    return interval


DIFFERENCE_METHODS: dict[str, Method] = {
    "MOVER, Clopper–Pearson (ours)": difference_interval,
    "Newcombe (MOVER, Wilson)": two_from_statsmodels("newcomb", "diff"),
    "Agresti–Caffo": two_from_statsmodels("agresti-caffo", "diff"),
    "Wald": two_from_statsmodels("wald", "diff"),
}
RATIO_METHODS: dict[str, Method] = {
    "MOVER-R, Clopper–Pearson (ours)": ratio_interval,
    "log, adjusted by a half": two_from_statsmodels("log-adjusted", "ratio"),
}


def study_two(
    methods: dict[str, Method],
    ratio: bool,
    sizes: Sequence[int] = SIZES,
    rates: Sequence[float] = RATES,
    factors: Sequence[int] = (1, 10),
) -> Iterator[Cell]:
    """Compare a group of n with a reference of n or ten times n images, both ways round."""
    for n, factor, p, q in itertools.product(sizes, factors, rates, rates):
        if ratio and q == 0:
            continue
        for size_p, size_q in {(n, n * factor), (n * factor, n)}:
            x, y = likely(size_p, p)[:, None], likely(size_q, q)
            chance = stats.binom.pmf(x, size_p, p) * stats.binom.pmf(y, size_q, q)
            true = p / q if ratio else p - q
            for name, method in methods.items():
                low, high = limits = method(x, size_p, y, size_q)
                # Widths of ratios are on the log scale, between a thousandth and a thousand.
                width = (
                    np.log(np.clip(high, 1e-3, 1e3)) - np.log(np.clip(low, 1e-3, 1e3))
                    if ratio
                    else high - low
                )
                equal = 1.0 if ratio else 0.0
                excluded = chance[(low > equal + ROUNDING) | (high < equal - ROUNDING)].sum()
                yield Cell(
                    name,
                    n,
                    (p, q),
                    float(chance[covers(limits, true)].sum()),
                    float((chance * width).sum()),
                    float(excluded),
                    groups=2,
                    unbalanced=factor > 1,
                )


# --- pairs ---------------------------------------------------------------------------------


def paired_wald(both: Array, first: Array, second: Array, neither: Array) -> Limits:
    n = both + first + second + neither
    difference = (second - first) / n
    half = stats.norm.isf((1 - CONFIDENCE) / 2) * np.sqrt(
        np.maximum((first + second) / n - difference**2, 0) / n
    )
    return difference - half, difference + half


PAIRED_METHODS: dict[str, Method] = {
    "MOVER, Clopper–Pearson (ours)": paired_difference_interval,
    "Wald": paired_wald,
}


def study_pairs(
    sizes: Sequence[int] = SIZES, rates: Sequence[float] = RATES, trials: int = TRIALS
) -> Iterator[Cell]:
    """Take the shares that only the first and only the second classifier errs on as rates."""
    for i, (n, p, q) in enumerate(itertools.product(sizes, rates, rates)):
        if n <= 30:
            x, y = np.nonzero(np.add.outer(np.arange(n + 1), np.arange(n + 1)) <= n)
            chance = stats.multinomial.pmf(np.stack([x, y, n - x - y], 1), n, [p, q, 1 - p - q])
        else:
            random = np.random.default_rng([SEED, i])
            x, y, _ = random.multinomial(n, [p, q, 1 - p - q], trials).T
            chance = np.full(trials, 1 / trials)
        for name, method in PAIRED_METHODS.items():
            low, high = limits = method(0 * x, x, y, n - x - y)
            excluded = chance[(low > ROUNDING) | (high < -ROUNDING)].sum()
            yield Cell(
                name,
                n,
                (p, q),
                float(chance[covers(limits, q - p)].sum()),
                float(chance @ (high - low)),
                float(excluded),
            )


# --- the max−min gap, simulated ------------------------------------------------------------


def sidak_wilson(events: Array, n: Array, groups: int) -> Limits:
    """Highest limit minus lowest limit of Šidák-adjusted Wilson intervals."""
    alpha = 1 - CONFIDENCE ** (1 / groups)
    low, high = proportion_confint(events, n, alpha=alpha, method="wilson")
    return np.maximum(low.max(-1) - high.min(-1), 0), high.max(-1) - low.min(-1)


GAP_METHODS: dict[str, Method] = {
    "all pairs, MOVER (ours)": lambda events, n, groups: gap_limits(events, n, groups),
    "Šidák–Wilson": sidak_wilson,
}


def percentile_gap(events: Array, n: Array, random: np.random.Generator) -> Limits:
    """fairlearn's percentile bootstrap of the gap, drawn from the counts; shape (trials,)."""
    replicates = random.binomial(n, events / n, (200, *events.shape)) / n
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.ptp(replicates, axis=-1), [tail, 1 - tail], axis=0)
    return low, high


def studentised_gap(events: Array, n: Array, random: np.random.Generator) -> Limits:
    """Studentised maximum over all pairs, resampled from counts smoothed by a half."""
    limits = []
    smooth = (events + 0.5) / (n + 1)
    for share in smooth:
        error = np.sqrt(np.add.outer(v := share * (1 - share) / n, v))
        drawn = (random.binomial(n, share, (200, len(n))) + 0.5) / (n + 1)
        spread = drawn * (1 - drawn) / n
        off = drawn - share
        largest = np.abs(off[:, :, None] - off[:, None, :]) / np.sqrt(
            spread[:, :, None] + spread[:, None, :]
        )
        factor = np.quantile(largest.max((1, 2)), CONFIDENCE)
        difference = np.subtract.outer(share, share)
        np.fill_diagonal(error, 0)
        limits.append(
            (max((difference - factor * error).max(), 0), (difference + factor * error).max())
        )
    low, high = np.array(limits).T
    return low, high


def patterns(groups: int, rate: float) -> Iterator[tuple[str, Array]]:
    """True rates of the groups: all alike, and three ways to reach the next rate of the grid."""
    other = {**dict(itertools.pairwise(RATES)), RATES[-1]: 0.7}[rate]
    alike = np.full(groups, rate)
    yield "alike", alike
    one = alike.copy()
    one[0] = other
    yield "one differs", one
    if groups > 2:
        yield "half differ", np.where(np.arange(groups) < groups // 2, other, rate)
        yield "spread evenly", np.linspace(rate, other, groups)


def extremes(events: NDArray[np.int64], n: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
    """Keep of all groups with the same n the two with the most and the fewest errors.

    Limits grow with the errors at the same n, so no other group can be in the widest pair.
    """
    columns, sizes = [], []
    for size in np.unique(n):
        same = events[:, n == size]
        columns.append(same.max(1))
        sizes.append(size)
        if same.shape[1] > 1:
            columns.append(same.min(1))
            sizes.append(size)
    return np.stack(columns, 1), np.array(sizes)


def chi_square_rejects(events: NDArray[np.int64], n: NDArray[np.int64]) -> float:
    """Power of Pearson's test that all groups are alike; its own level fails at small counts."""
    total, size = events.sum(1, keepdims=True), n.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = (rate_of(events * size - n * total, 1) ** 2 / (n * total * (size - total))).sum(
            1
        )
    p = stats.chi2.sf(np.nan_to_num(statistic), len(n) - 1)
    return float((p <= 1 - CONFIDENCE).mean())


def fisher_rejects(events: NDArray[np.int64], n: NDArray[np.int64]) -> float:
    """Power of Fisher's exact test, for two groups."""
    tables, times = np.unique(events, axis=0, return_counts=True)
    p = [stats.fisher_exact(np.stack([table, n - table])).pvalue for table in tables]
    return float(times[np.array(p) <= 1 - CONFIDENCE].sum() / times.sum())


def study_gaps(
    groups: Sequence[int] = GROUPS,
    sizes: Sequence[int] = SIZES,
    rates: Sequence[float] = RATES,
    trials: int = TRIALS,
    resampled_trials: int = 200,
) -> Iterator[Cell]:
    """Simulate the gap; `resampled_trials` of 0 leaves the slow alternatives out."""
    grid = itertools.product(groups, sizes, (False, True), rates)
    for i, (count, size, unbalanced, rate) in enumerate(grid):
        random = np.random.default_rng([SEED, i])
        n = np.full(count, size) * np.where(unbalanced & (np.arange(count) % 2 == 1), 10, 1)
        for pattern, true in patterns(count, rate):
            events = random.binomial(n, true, (trials, count))
            gap = float(np.ptp(true))
            few, few_n = extremes(events, n)
            found = {name: f(few, few_n, count) for name, f in GAP_METHODS.items()}
            if resampled_trials and not unbalanced and size in (10, 100, 1_000):
                some = events[:resampled_trials]
                found["percentile bootstrap (fairlearn)"] = percentile_gap(some, n, random)
                if count <= 14:
                    found["studentised, resampled"] = studentised_gap(some, n, random)
            where = {"groups": count, "unbalanced": unbalanced, "pattern": pattern}
            for name, (low, high) in found.items():
                inside = float(covers((low, high), gap).mean())
                width = float((high - low).mean())
                alarm = float((low > ROUNDING).mean())
                yield Cell(name, size, (rate,), inside, width, alarm, **where)
            if size <= 1_000 and not unbalanced:
                power = chi_square_rejects(events, n)
                yield Cell("chi-square", size, (rate,), np.nan, np.nan, power, **where)
                if count == 2 and size <= 100:
                    power = fisher_rejects(events, n)
                    yield Cell("Fisher", size, (rate,), np.nan, np.nan, power, **where)


# --- fairlearn itself ----------------------------------------------------------------------


def study_fairlearn(trials: int = 100, replicates: int = 50) -> Iterator[Cell]:
    """Run ``MetricFrame``'s bootstrap on rows: one real-only group, then the gap of five alike.

    A second of computing for every interval, so there are few trials and cells.
    """
    from fairlearn.metrics import MetricFrame, false_positive_rate

    random = np.random.default_rng(SEED)
    for groups, n, rate in ((1, 10, 0.005), (1, 10, 0.1), (1, 30, 0.02), (5, 30, 0.1)):
        limits = []
        for trial in range(trials):
            frame = MetricFrame(
                metrics=false_positive_rate,
                y_true=np.zeros(n * groups, int),
                y_pred=random.random(n * groups) < rate,
                sensitive_features=np.arange(n * groups) % groups,
                n_boot=replicates,
                ci_quantiles=[(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2],
                random_state=trial,
            )
            limits.append(frame.overall_ci if groups == 1 else frame.difference_ci())
        low, high = np.array(limits, float).T
        true = rate if groups == 1 else 0.0
        yield Cell(
            "fairlearn MetricFrame",
            n,
            (rate,),
            float(covers((low, high), true).mean()),
            float((high - low).mean()),
            float((low > 0).mean()) if groups > 1 else np.nan,
            groups=groups,
        )
