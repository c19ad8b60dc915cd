"""Generator population: who was in the generator's training set, and do errors go with it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from scipy import stats

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.error_rates import ERROR_RATES
from faceaudit.layout import estimated, forest, lay_out, number, text
from faceaudit.result import Detail, Finding, Forest, Table, Test
from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.rates import RateEstimate, estimate_of
from faceaudit.stats.risk_ratios import Ratio
from faceaudit.tags.vocabulary import distinct_values

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

    `place` is a data set or all of them, the groups are of the combined `tags`. The odds ratio,
    its interval and p-value are NaN where there is a `reason` why it is not estimable.
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

    def finding(self, confidence: float) -> Finding:
        """Tell the slope."""
        clear = self.low > 1 or self.high < 1
        verb = ("rise" if self.low > 1 else "fall") if clear else "are not shown to rise or fall"
        return Finding(
            sentence=(
                f"The errors {verb} with a group's share in the generator's training set: for "
                "every doubling of it, the odds that the group's real photographs are called "
                f"AI-generated ({self.place}, {say.counted(self.groups, 'group')} of "
                f"{say.attributes_title(self.tags)}) are {say.times(self.ratio)} as high "
                f"({say.times_range(self.low, self.high, confidence)}). {CAUTION}"
            ),
            status="info",
            weight=0.1 if clear else 0.02,
            tags=list(self.tags),
            rate="fpr",
            n=self.n,
            events=self.events,
            interval=Ratio(self.ratio, self.low, self.high).interval(confidence),
        )


@cache
def population() -> pa.Table:
    """Return FFHQ's photographs counted by `TAGS`; ``n`` is the number of photographs."""
    data = (resources.files("faceaudit.bundled") / "population" / "ffhq_70k.csv").read_bytes()
    strings = dict.fromkeys(TAGS, pa.string())
    options = pa_csv.ConvertOptions(column_types=strings, strings_can_be_null=True)
    table = pa_csv.read_csv(BytesIO(data), convert_options=options)
    return table.filter(pc.is_valid(table["gender"]))


def run(data: AuditInput, options: Options) -> Product:
    """Set the audited sets beside the generator's training set, and the errors beside both."""
    tags = {name: shared_tags(images.table) for name, images in data.photographs.items()}
    shared = {name: of for name, of in tags.items() if of}
    if not shared:
        return Product(
            "not-estimable",
            "No real photograph here has a tag that is known of the generator's training set "
            f"({', '.join(map(say.tag_title, TAGS))}).",
        )
    parts = {name: data.photographs[name].counts(of, data.threshold) for name, of in shared.items()}
    slopes = _slopes(parts, confidence := data.spec.confidence)
    if (estimable := sum(slope.reason is None for slope in slopes)) > 1:
        # The answers hold together, so each is given at a higher confidence.
        slopes = _slopes(parts, confidence := 1 - (1 - confidence) / estimable)
    known = [slope for slope in slopes if slope.reason is None]
    details: list[Detail | None] = [
        _forest(slopes, data, confidence),
        *(_share_table(tag, shared, data) for tag in TAGS),
    ]
    rarest = _rarest(data, set().union(*shared.values()))
    if not known:
        why = f"Whether errors follow cannot be said: {slopes[-1].reason}. {rarest.sentence}"
        return Product("not-estimable", why, findings=[rarest], details=details)
    findings = [slope.finding(confidence) for slope in known]
    name = "FPR follows the group's share in the generator's population"
    method = "quasi-binomial regression"
    tests = [Test(name=f"{name}, {of.place}", method=method, p=of.p) for of in known]
    findings.insert(0, rarest)
    return Product("info", findings[-1].sentence, findings=findings, tests=tests, details=details)


def _slopes(parts: Mapping[str, Counts], confidence: float) -> list[Slope]:
    """Fit a line to each data set, and one to all of them."""
    slopes = [fit_slope(name, [of], confidence) for name, of in parts.items()]
    everywhere = [fit_slope("all data sets", [*parts.values()], confidence)]
    return slopes + everywhere if len(parts) > 1 else slopes


def shared_tags(table: pa.Table) -> tuple[str, ...]:
    """Return the tags that at least half of the photographs have, in the population's words."""
    return tuple(
        tag
        for tag in TAGS
        if tag in table.column_names
        and 2 * table[tag].null_count < len(table)
        and set(distinct_values(table, tag)) <= set(distinct_values(population(), tag))
    )


def _shares(counts: Counts) -> FloatArray:
    """Return the share of each group in the generator's training set."""
    people = population().group_by(list(counts.tags)).aggregate([("n", "sum")]).to_pylist()
    n = {tuple(row[tag] for tag in counts.tags): row["n_sum"] for row in people}
    return rate_of([n.get(group, 0) for group in counts.groups], sum(n.values()))


def fit_slope(place: str, parts: Sequence[Counts], confidence: float) -> Slope:
    """Fit a line to the groups' log odds over the log of their share, a level a data set.

    Quasi-binomial: the scatter of the groups around the line widens the interval (Pearson's
    statistic, at least 1), and Student's t stands in for the normal.

    `parts` are the real photographs of each data set at one threshold; together called `place`.
    They weigh as many independent photographs as they are worth.
    """
    import statsmodels.api as sm

    tags = max((part.tags for part in parts), key=len)
    usable = [part for part in parts if 0 < part.real_called_ai.sum() < part.n_real.sum()]
    if not usable:
        reason = f"in {place}, no photograph or every one is called AI-generated"
        return Slope(place, tags, 0, 0, 0, reason=reason)
    events = np.concatenate([part.effective.real_called_ai for part in usable])
    n = np.concatenate([part.effective.n_real for part in usable])
    x = sum(int(part.real_called_ai.sum()) for part in usable)
    of, groups = sum(int(part.n_real.sum()) for part in usable), len(n)
    slope = Slope(place, tags, of, x, groups)
    if groups < FEWEST_GROUPS or min(x, of - x) < FEWEST_ERRORS:
        reason = (
            f"in {place}, {say.counted(groups, 'group')} with {say.counted(x, 'photograph')} "
            f"called AI and {of - x:,} called real can be used; it takes {FEWEST_GROUPS} groups "
            f"and {FEWEST_ERRORS} of either"
        )
        return replace(slope, reason=reason)
    # A group that the training set does not have counts as half a photograph.
    rarest = 0.5 / pc.sum(population()["n"]).as_py()
    share = np.log2(np.maximum(np.concatenate([_shares(part) for part in usable]), rarest))
    level = np.repeat(np.arange(len(usable)), [len(part.groups) for part in usable])
    design = np.column_stack([share, level[:, None] == np.arange(len(usable))])
    family = sm.families.Binomial()
    fitted: Any = sm.GLM(np.column_stack([events, n - events]), design, family=family).fit()
    effect, freedom = float(fitted.params[0]), int(fitted.df_resid)
    error = float(fitted.bse[0]) * np.sqrt(max(1.0, float(fitted.pearson_chi2) / freedom))
    margin = stats.t.isf((1 - confidence) / 2, freedom) * error
    ratio, low, high = np.exp([effect, effect - margin, effect + margin]).tolist()
    p = float(2 * stats.t.sf(abs(effect) / error, freedom))
    return replace(slope, ratio=ratio, low=low, high=high, p=p)


def _rarest(data: AuditInput, tags: Iterable[str]) -> Finding:
    """Name the group that is rarest in the training set by comparison with the audited sets."""
    found = []
    for tag in tags:
        counts = data.audited((tag,))
        there, here = _shares(counts), rate_of(counts.n_real, counts.n_real.sum())
        for i in np.flatnonzero((there > 0) & (counts.n_real >= data.spec.small_group)):
            found.append((there[i] / here[i], tag, counts.groups[i], there[i], here[i]))
    if not found:
        sentence = "No group of the audited sets is large enough to compare its share."
        return Finding(sentence=sentence, status="info", weight=0.01)
    ratio, tag, group, share_there, share_here = min(found)
    sentence = (
        f"Of the groups audited here, {say.group_title([tag], group)} is the rarest in the "
        f"generator's training set by comparison: {say.percent(share_there)} of it "
        f"({POPULATION}, tags {SOURCE}) and {say.percent(share_here)} here, "
        f"{say.times(ratio)} as frequent."
    )
    return Finding(sentence=sentence, status="info", weight=0.01, tags=[tag])


# --- details -------------------------------------------------------------------------------


def _forest(slopes: Sequence[Slope], data: AuditInput, confidence: float) -> Forest:
    return forest(
        data,
        groups=[slope.place for slope in slopes],
        n=[slope.n for slope in slopes],
        events=[slope.events for slope in slopes],
        value=[slope.ratio for slope in slopes],
        low=[slope.low for slope in slopes],
        high=[slope.high for slope in slopes],
        status=["not-estimable" if slope.reason else None for slope in slopes],
        notes=[slope.reason or say.attributes_title(slope.tags) for slope in slopes],
        title="Do the errors go with the generator's population?",
        note=f"{say.interval_title(confidence)}s: all of them hold together. {CAUTION}",
        measure="odds of being called AI-generated, for every doubling of the group's share",
        scale="ratio",
        attribute="data set",
        tag_source=f"shares: {POPULATION}, {SOURCE}",
        reference=1.0,
        reference_label="share makes no difference",
    )


def _share_table(tag: str, shared: Mapping[str, Sequence[str]], data: AuditInput) -> Table | None:
    """Set the groups of one tag beside the training set's; None where no data set has the tag."""
    names = [name for name, tags in shared.items() if tag in tags]
    if not names:
        return None
    parts = [data.photographs[name].counts((tag,), data.thresholds) for name in names]
    here = np.concatenate([rate_of(part.n_real, part.n_real.sum()) for part in parts])
    there = np.concatenate([_shares(part) for part in parts])
    n = np.concatenate([part.n_real for part in parts])
    rates = [vars(estimate_of(part, "fpr", data.spec.confidence)).values() for part in parts]
    rate = RateEstimate(*(np.concatenate(of, axis=-1) for of in zip(*rates, strict=True)))
    fpr = ERROR_RATES["fpr"].name
    return lay_out(
        f"{say.capitalised(say.tag_title(tag))}: the generator's training set and the audited sets",
        [
            text(say.tag_title(tag), [label for part in parts for label in part.labels]),
            text("data set", np.repeat(names, [len(part.groups) for part in parts]).tolist()),
            number("share in the training set", "percent", there),
            number("photographs here", "count", n),
            number("share here", "percent", here),
            *estimated("called AI (FPR)", "percent", rate, data.spec.confidence, fpr),
        ],
        data,
        f"Training set: {POPULATION}, {SOURCE}. Audited sets: {data.tag_source((tag,))}.",
    )


CHECK = Check(
    id="generator-population",
    title="Who was in the generator's training set",
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
