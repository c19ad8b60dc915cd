"""Generator population: who was in the generator's training set, and do the errors follow?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from scipy import stats

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.parts.error_rates import interval_title
from faceaudit.checks.parts.threshold_grid import MovedRate, moved_rate, rounded
from faceaudit.result import (
    Cell,
    CheckResult,
    Column,
    Estimate,
    Finding,
    Forest,
    Status,
    Table,
    Test,
    nan_to_none,
)
from faceaudit.stats.counts import OutcomeCounts, count_at_thresholds, count_outcomes
from faceaudit.stats.intervals import FloatArray, rate_interval, rate_of
from faceaudit.tags.vocabulary import distinct_values
from faceaudit.wording import (
    attributes_title,
    counted,
    group_title,
    percent,
    tag_title,
    times,
    times_range,
)

POPULATION = "FFHQ, 70,000 photographs"
TAGS = ("age_band", "gender", "glasses")
SOURCE = "estimated by a face API (Microsoft), not by people"
#: A line through fewer groups, or fewer errors, says nothing.
FEWEST_GROUPS = 5
FEWEST_ERRORS = 10
CAUTION = (
    "Groups that are rare in the generator's training set are also the very young and the old, "
    "so this cannot tell rarity from age."
)


@dataclass(frozen=True)
class Slope:
    """How the odds of being called AI-generated change when a group's share doubles.

    Attributes
    ----------
    place : str
        The data set, or all of them.
    tags : tuple of str
        The tags whose combined groups are compared.
    n, events, groups : int
    ratio, low, high, p : float
        Odds ratio for every doubling, with its interval; NaN where not estimable.
    reason : str or None
        Why it is not estimable.
    """

    place: str
    tags: tuple[str, ...]
    n: int
    events: int
    groups: int
    ratio: float = np.nan
    low: float = np.nan
    high: float = np.nan
    p: float = np.nan
    reason: str | None = None

    def sentence(self, confidence: float) -> str:
        """Tell the slope in a sentence, without a full stop."""
        told = (
            f"for every doubling of a group's share in the generator's training set, the odds "
            f"that its real photographs are called AI-generated ({self.place}, "
            f"{counted(self.groups, 'group')} of {attributes_title(self.tags)}) are "
            f"{times(self.ratio)} as high ({interval_title(confidence)} "
            f"{times_range(self.low, self.high)})"
        )
        if self.low > 1:
            return f"The errors follow the generator's population: {told}"
        if self.high < 1:
            return f"The errors run against the generator's population: {told}"
        return f"The errors are not shown to follow the generator's population: {told}"


@cache
def population() -> pa.Table:
    """Return FFHQ's photographs counted by `TAGS`; ``n`` is the number of photographs."""
    data = (resources.files("faceaudit.bundled") / "population" / "ffhq_70k.csv").read_bytes()
    strings = dict.fromkeys(TAGS, pa.string())
    table = pa_csv.read_csv(
        BytesIO(data),
        convert_options=pa_csv.ConvertOptions(column_types=strings, strings_can_be_null=True),
    )
    return table.filter(pc.is_valid(table["gender"]))


def run(data: AuditInput, options: Options) -> CheckResult:
    """Set the audited sets beside the generator's training set, and the errors beside both."""
    real = data.table.filter(pc.equal(data.table["label"], "real"))
    parts = [
        (name, real.filter(pc.equal(real["dataset"], name)))
        for name in sorted(pc.unique(real["dataset"]).to_pylist())
    ]
    shared = [(name, part, shared_tags(part)) for name, part in parts]
    shared = [(name, part, tags) for name, part, tags in shared if tags]
    if not shared:
        return CheckResult(
            id=CHECK.id,
            title=CHECK.title,
            description=CHECK.description,
            status="not-estimable",
            sentence=(
                "No real photograph here has a tag that is known of the generator's training set "
                f"({attributes_title(TAGS).replace(' × ', ', ')})."
            ),
        )
    confidence = data.spec.confidence
    slopes = [
        fit_slope(name, [(part, tags)], data.threshold, confidence) for name, part, tags in shared
    ]
    if len(slopes) > 1:
        parts_and_tags = [(part, tags) for _, part, tags in shared]
        slopes.append(fit_slope("all data sets", parts_and_tags, data.threshold, confidence))
    known = [slope for slope in slopes if slope.reason is None]
    main = known[-1] if known else None
    rarest = _rarest(data, real, {tag for _, _, tags in shared for tag in tags})
    status: Status = "info" if main else "not-estimable"
    if main:
        sentence = f"{main.sentence(confidence)}. {CAUTION}"
    else:
        sentence = f"Whether errors follow cannot be said: {slopes[-1].reason}. {rarest}"
    findings = [Finding(sentence=rarest, status="info", check=CHECK.id, weight=0.01)]
    findings += [
        Finding(
            sentence=f"{slope.sentence(confidence)}. {CAUTION}",
            status="info",
            check=CHECK.id,
            weight=0.1 if slope.low > 1 or slope.high < 1 else 0.02,
        )
        for slope in known
    ]
    tables = [_share_table(tag, shared, data) for tag in TAGS]
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status=status,
        sentence=sentence,
        findings=findings,
        tests=[
            Test(
                name=f"FPR follows the group's share in the generator's population, {slope.place}",
                method="quasi-binomial regression",
                p=slope.p,
            )
            for slope in known
        ],
        details=[_forest(slopes, confidence), *(table for table in tables if table.rows)],
    )


def shared_tags(table: pa.Table) -> tuple[str, ...]:
    """Return the tags that at least half of the photographs have, in the population's words."""
    return tuple(
        tag
        for tag in TAGS
        if tag in table.column_names
        and 2 * table[tag].null_count < len(table)
        and set(distinct_values(table, tag)) <= set(distinct_values(population(), tag))
    )


def _shares(tags: Sequence[str]) -> dict[tuple[str, ...], float]:
    """Return the share of every combination of tags in the generator's training set."""
    counts = population().group_by(list(tags)).aggregate([("n", "sum")])
    total = pc.sum(counts["n_sum"]).as_py()
    return {tuple(row[tag] for tag in tags): row["n_sum"] / total for row in counts.to_pylist()}


def _log_share(counts: OutcomeCounts) -> FloatArray:
    shares = _shares(counts.attributes)
    # A group that the training set does not have counts as half a photograph.
    rarest = 0.5 / pc.sum(population()["n"]).as_py()
    return np.log2([shares.get(group, rarest) for group in counts.groups])


def fit_slope(
    place: str,
    parts: Sequence[tuple[pa.Table, tuple[str, ...]]],
    threshold: float,
    confidence: float,
) -> Slope:
    """Fit a line to the groups' log odds over the log of their share, a level a data set.

    Quasi-binomial: the scatter of the groups around the line widens the interval (Pearson's
    statistic, at least 1), and Student's t stands in for the normal.

    Parameters
    ----------
    place : str
        What the parts are called together.
    parts : sequence of (pyarrow.Table, tuple of str)
        Real photographs, and the tags that make their groups.
    threshold, confidence : float
    """
    counts = [count_outcomes(part, tags, threshold) for part, tags in parts]
    events = [np.asarray(found.real_called_ai, float) for found in counts]
    n = [np.asarray(found.n_real, float) for found in counts]
    usable = [i for i in range(len(parts)) if 0 < events[i].sum() < n[i].sum()]
    groups = sum(len(events[i]) for i in usable)
    x, of = (sum(float(a[i].sum()) for i in usable) for a in (events, n))
    summary = Slope(place, max((tags for _, tags in parts), key=len), int(of), int(x), groups)
    if groups < FEWEST_GROUPS or min(x, of - x) < FEWEST_ERRORS:
        reason = (
            f"in {place}, {counted(groups, 'group')} with {counted(int(x), 'photograph')} called "
            f"AI and {of - x:,.0f} called real can be used; it takes {FEWEST_GROUPS} groups and "
            f"{FEWEST_ERRORS} of either"
            if usable
            else f"in {place}, no photograph or every one is called AI-generated"
        )
        return Slope(**(vars(summary) | {"reason": reason}))
    level = np.concatenate([np.full(len(events[i]), rank) for rank, i in enumerate(usable)])
    design = np.column_stack(
        [
            np.concatenate([_log_share(counts[i]) for i in usable]),
            level[:, None] == np.arange(len(usable)),
        ]
    )
    joined = np.concatenate([events[i] for i in usable]), np.concatenate([n[i] for i in usable])
    effect, error, freedom = _quasi_binomial(design, *joined)
    margin = stats.t.isf((1 - confidence) / 2, freedom) * error
    fitted = {
        "ratio": float(np.exp(effect)),
        "low": float(np.exp(effect - margin)),
        "high": float(np.exp(effect + margin)),
        "p": float(2 * stats.t.sf(abs(effect) / error, freedom)),
    }
    return Slope(**(vars(summary) | fitted))


def _quasi_binomial(
    design: FloatArray, events: FloatArray, n: FloatArray
) -> tuple[float, float, int]:
    """Return the first coefficient, its standard error, and the degrees of freedom."""
    import statsmodels.api as sm

    model = sm.GLM(np.column_stack([events, n - events]), design, family=sm.families.Binomial())
    fitted: Any = model.fit()
    freedom = int(fitted.df_resid)
    scatter = max(1.0, float(fitted.pearson_chi2) / freedom)
    return float(fitted.params[0]), float(fitted.bse[0]) * np.sqrt(scatter), freedom


def _rarest(data: AuditInput, real: pa.Table, tags: set[str]) -> str:
    """Name the group that is rarest in the training set by comparison with the audited sets."""
    lines = []
    for tag in (tag for tag in TAGS if tag in tags):
        counts = count_outcomes(real, (tag,), data.threshold)
        here = rate_of(counts.n_real, counts.n_real.sum())
        for i, label in enumerate(counts.labels):
            there = _shares((tag,)).get((label,))
            if there is not None and counts.n_real[i] >= data.spec.small_group:
                lines.append((there / here[i], tag, label, there, float(here[i])))
    if not lines:
        return "No group of the audited sets is large enough to compare its share."
    ratio, tag, label, there, here_share = min(lines)
    return (
        f"Of the groups audited here, {group_title([tag], [label])} is the rarest in the "
        f"generator's training set by comparison: {percent(there)} of it ({POPULATION}, tags "
        f"{SOURCE}) and {percent(here_share)} here, {times(ratio)} as frequent."
    )


# --- details -------------------------------------------------------------------------------


def _forest(slopes: Sequence[Slope], confidence: float) -> Forest:
    return Forest(
        title="Do the errors follow the generator's population?",
        note=f"{interval_title(confidence)}s. {CAUTION}",
        measure="odds of being called AI-generated, for every doubling of the group's share",
        scale="ratio",
        attribute="data set",
        tag_source=f"shares: {POPULATION}, {SOURCE}",
        rows=[
            Estimate(
                group=slope.place,
                n=slope.n,
                events=slope.events if slope.n else None,
                value=nan_to_none(slope.ratio),
                low=nan_to_none(slope.low),
                high=nan_to_none(slope.high),
                status="not-estimable" if slope.reason else None,
                note=slope.reason or attributes_title(slope.tags),
            )
            for slope in slopes
        ],
        reference=1.0,
        reference_label="share makes no difference",
    )


def _share_table(
    tag: str, shared: Sequence[tuple[str, pa.Table, tuple[str, ...]]], data: AuditInput
) -> Table:
    rows: list[list[Cell]] = []
    moved: list[MovedRate] = []
    for name, part, tags in shared:
        if tag not in tags:
            continue
        counts = count_outcomes(part, (tag,), data.threshold)
        at_others = count_at_thresholds(part, (tag,), data.thresholds)
        moved.append(moved_rate(at_others, "fpr", data.spec.confidence))
        here = rate_of(counts.n_real, counts.n_real.sum())
        rate = rate_of(counts.real_called_ai, counts.n_real)
        low, high = rate_interval(counts.real_called_ai, counts.n_real, data.spec.confidence)
        for i, label in enumerate(counts.labels):
            there = _shares((tag,)).get((label,), 0.0)
            row: list[Cell] = [label, name, there, int(counts.n_real[i]), float(here[i])]
            rows.append([*row, *(float(value[i]) for value in (rate, low, high))])
    interval = interval_title(data.spec.confidence)
    return Table(
        title=f"{tag_title(tag).capitalize()}: the generator's training set and the audited sets",
        note=f"Training set: {POPULATION}, {SOURCE}. Audited sets: {data.tag_source(tag)}.",
        columns=[
            Column(title=tag_title(tag)),
            Column(title="data set"),
            Column(title="share in the training set", kind="percent"),
            Column(title="photographs here", kind="count"),
            Column(title="share here", kind="percent"),
            Column(title="called AI (FPR)", kind="percent", help="false-positive rate"),
            Column(title=f"{interval} from", kind="percent"),
            Column(title="to", kind="percent"),
        ],
        rows=rows,
        by_threshold={
            str(column): rounded(np.hstack(values), "percent")
            for column, values in (
                (5, [found.value for found in moved]),
                (6, [found.low for found in moved]),
                (7, [found.high for found in moved]),
            )
        }
        if rows
        else None,
    )


CHECK = Check(
    id="generator-population",
    title="Who was in the generator's training set",
    failure_title="Who was in the generator's training set",
    description=(
        "A generator can only imitate the people it has seen. FFHQ, on which most published face "
        "generators were trained, has few very old people and many in their twenties. This sets "
        "its ages, genders and glasses beside those of the audited photographs, and asks whether "
        "real people of a group are called AI-generated more often the more of them the generator "
        "has seen."
    ),
    run=run,
    default=False,
)
