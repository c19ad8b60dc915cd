"""Generator source: is the detector wrong about the very people that the generator learned from?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.equalized_odds_gap import LIMIT_NOTE, verdict_confidence
from faceaudit.checks.parts.error_rates import interval_title
from faceaudit.checks.parts.threshold_grid import Kind, MovedRate, rounded
from faceaudit.result import (
    Cell,
    CheckResult,
    Column,
    Distribution,
    Estimate,
    Finding,
    Forest,
    GapVerdict,
    Status,
    Table,
    Test,
    nan_to_none,
)
from faceaudit.stats.counts import IntArray, OutcomeCounts, count_at_thresholds, count_outcomes
from faceaudit.stats.intervals import (
    FloatArray,
    difference_interval,
    rate_interval,
    rate_of,
    ratio_interval,
)
from faceaudit.stats.significance import each_against_rest
from faceaudit.stats.verdicts import judge_triviality
from faceaudit.wording import (
    counted,
    percent,
    points,
    points_range,
    times,
    times_range,
)

#: Bins of the score in the picture of its distribution.
BINS = 20
FEWEST_ERRORS = 5
OTHERS = "all others together"
DELIVERY = (
    "A generator gives its faces the size, crop and compression of the photographs it learned "
    "from, so a classifier may take these photographs for AI-generated because of how the "
    "pictures were delivered, and not because of the faces in them."
)


class GeneratorSourceOptions(Options):
    """Which data set the generator was trained on."""

    dataset: str


@dataclass(frozen=True)
class Contrast:
    """FPR on the generator's training photographs against that on all other photographs."""

    source: str
    counts: OutcomeCounts
    confidence: float

    @property
    def index(self) -> int:
        """Position of the generator's data set among those that have real photographs."""
        return self.counts.labels.index(self.source)

    @property
    def of_source(self) -> tuple[int, int]:
        """Photographs called AI-generated, and photographs, of the generator's data set."""
        return int(self.counts.real_called_ai[self.index]), int(self.counts.n_real[self.index])

    @property
    def of_others(self) -> tuple[int, int]:
        """The same of all other data sets together."""
        events, n = self.of_source
        return int(self.counts.real_called_ai.sum()) - events, int(self.counts.n_real.sum()) - n

    @property
    def difference(self) -> tuple[float, float, float]:
        """Rate of the source minus rate of the others: value, low, high."""
        (x, n), (y, m) = self.of_source, self.of_others
        low, high = difference_interval(x, n, y, m, self.confidence)
        return x / n - y / m, float(low), float(high)

    def judge(self, limit: float, trivial: bool) -> Status:
        """Hold the difference against a limit; a classifier that guesses never passes."""
        _, low, high = self.difference
        if low > limit:
            return "fail"
        return "pass" if high <= limit and not trivial else "insufficient-evidence"

    def sentence(self) -> str:
        """Tell both rates, their difference and their ratio, without a full stop."""
        (x, n), (y, m) = self.of_source, self.of_others
        value, low, high = self.difference
        told = (
            f"{percent(x / n)} of {counted(n, 'photograph')} that the generator was trained on "
            f"({self.source}) {'is' if n == 1 else 'are'} called AI-generated, and "
            f"{percent(y / m)} of {counted(m, 'other real photograph')}: a difference of "
            f"{points(value)} ({interval_title(round(self.confidence, 5))} "
            f"{points_range(low, high)})"
        )
        # A ratio to a handful of errors has an interval too wide to be told; the table has it.
        if x and y >= FEWEST_ERRORS:
            limits = ratio_interval(x, n, y, m, self.confidence)
            span = times_range(float(limits[0]), float(limits[1]))
            told += f", {times((x / n) / (y / m))} as often ({span})"
        return told


def run(data: AuditInput, options: GeneratorSourceOptions) -> CheckResult:
    """Compare the generator's training photographs with all other real photographs."""
    real = data.table.filter(pc.equal(data.table["label"], "real"))
    counts = count_outcomes(real, ("dataset",), data.threshold)
    limit = data.spec.limits.fpr_gap
    if options.dataset not in counts.labels or len(counts.labels) < 2:
        return CheckResult(
            id=CHECK.id,
            title=CHECK.title,
            description=CHECK.description,
            status="not-estimable",
            sentence=(
                f"This needs real photographs of '{options.dataset}' and of another data set; "
                f"there are real photographs of {', '.join(counts.labels) or 'no data set'}."
            ),
            verdicts=_verdicts(None, limit, "not-estimable", data),
        )
    contrast = Contrast(options.dataset, counts, verdict_confidence(data))
    status: Status = "info"
    if limit is not None:
        whole = count_outcomes(data.table, (), data.threshold)
        trivial = judge_triviality(whole, data.spec.confidence).trivial
        status = contrast.judge(limit, trivial)
    sentence = f"{contrast.sentence()}{_conclusion(contrast, status, limit)}."
    _, low, _ = contrast.difference
    moved = _events_by_threshold(contrast, data)
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status=status,
        sentence=sentence,
        verdicts=_verdicts(contrast, limit, status, data),
        findings=[
            Finding(
                sentence=sentence,
                status=status,
                check=CHECK.id,
                weight=1 + low if status == "fail" else max(low, 0.0),
            )
        ],
        tests=[
            Test(
                name=f"FPR of the generator's photographs ({options.dataset}) against all others",
                method="Fisher's exact test",
                p=float(each_against_rest(counts.real_called_ai, counts.n_real)[contrast.index]),
            )
        ],
        details=[
            _forest(contrast, data, moved),
            _table(contrast, data, moved),
            _distribution(contrast, data),
        ],
    )


def _verdicts(
    contrast: Contrast | None, limit: float | None, status: Status, data: AuditInput
) -> list[GapVerdict]:
    if limit is None:
        return []
    value, low, high = contrast.difference if contrast else (None, None, None)
    return [
        GapVerdict(
            tags=["dataset"],
            rate="fpr",
            limit=limit,
            value=value,
            low=low,
            high=high,
            confidence=verdict_confidence(data),
            status=status,
        )
    ]


def _conclusion(contrast: Contrast, status: Status, limit: float | None) -> str:
    if limit is None:
        return ""
    held = f"the chosen limit of {points(limit)} ({LIMIT_NOTE})"
    if status == "fail":
        return f"; this is beyond {held}, and delivery may be a part of it"
    if status == "pass":
        return f"; this is within {held}"
    if contrast.difference[2] <= limit:
        return "; the classifier is not shown to do better than guessing, so nothing passes"
    return f"; this cannot be held against {held} with so few photographs"


# --- details -------------------------------------------------------------------------------


def _name(contrast: Contrast, dataset: str) -> str:
    return f"{dataset} (the generator's)" if dataset == contrast.source else dataset


def _with_all_others(contrast: Contrast, counts: OutcomeCounts) -> tuple[IntArray, IntArray]:
    """Count photographs called AI, and photographs, of each data set; last, all but the source."""
    others = np.arange(len(counts.labels)) != contrast.index
    return (
        np.append(counts.real_called_ai, counts.real_called_ai[others].sum()),
        np.append(counts.n_real, counts.n_real[others].sum()),
    )


def _events_by_threshold(contrast: Contrast, data: AuditInput) -> IntArray:
    """Count as `_with_all_others` at every threshold: shape (thresholds, data sets + 1)."""
    real = data.table.filter(pc.equal(data.table["label"], "real"))
    moved = count_at_thresholds(real, ("dataset",), data.thresholds)
    return np.array([_with_all_others(contrast, counts)[0] for counts in moved])


def _forest(contrast: Contrast, data: AuditInput, moved: IntArray) -> Forest:
    labels = contrast.counts.labels
    everything, of = _with_all_others(contrast, contrast.counts)
    others = [i for i in range(len(labels)) if i != contrast.index]
    # One other data set is all others.
    rows = [contrast.index, len(labels), *(others if len(others) > 1 else [])]
    names = [*(_name(contrast, label) for label in labels), OTHERS]
    low, high = rate_interval(everything, of, data.spec.confidence)
    y, m = contrast.of_others
    shares = MovedRate(
        moved[:, rows],
        rate_of(moved, of)[:, rows],
        *(limit[:, rows] for limit in rate_interval(moved, of, data.spec.confidence)),
    )
    return Forest(
        title="Real photographs called AI-generated, by data set",
        note=DELIVERY,
        measure="real photographs called AI-generated (FPR)",
        attribute="data set",
        rows=[
            Estimate(
                group=names[i],
                n=int(of[i]),
                events=int(everything[i]),
                value=everything[i] / of[i],
                low=float(low[i]),
                high=float(high[i]),
                note="small group" if of[i] < data.spec.small_group else None,
            )
            for i in rows
        ],
        reference=y / m,
        reference_label=OTHERS,
        reference_n=m,
        by_threshold={
            "events": shares.events.tolist(),
            **shares.columns("value", "low", "high"),
            "reference": rounded(rate_of(moved, of)[:, -1:], "percent"),
        },
    )


def _against(events: IntArray, of: IntArray, source: int, confidence: float) -> list[FloatArray]:
    """Compare the source with every data set.

    Parameters
    ----------
    events : int64 array, shape (..., data sets)
    of : int64 array, shape (data sets,)
    source : int

    Returns
    -------
    list of float64 array, shape (..., data sets)
        Rate, low, high; difference, low, high; ratio, low, high. Not-a-number where undefined,
        and in the differences and ratios of the source.
    """
    rate = rate_of(events, of)
    own = (events[..., [source]], of[source], events, of, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = rate[..., [source]] / rate
    compared = [rate[..., [source]] - rate, *difference_interval(*own)]
    compared += [ratio, *ratio_interval(*own)]
    for values in compared:
        values[..., source] = np.nan
        values[np.isinf(values)] = np.nan
    return [rate, *rate_interval(events, of, confidence), *compared]


def _table(contrast: Contrast, data: AuditInput, moved: IntArray) -> Table:
    confidence = data.spec.confidence
    events, of = _with_all_others(contrast, contrast.counts)
    found = _against(events, of, contrast.index, confidence)
    at_others = _against(moved, of, contrast.index, confidence)
    names = [*(_name(contrast, label) for label in contrast.counts.labels), OTHERS]
    rows: list[list[Cell]] = [
        [name, int(of[i]), int(events[i]), *(nan_to_none(values[i]) for values in found)]
        for i, name in enumerate(names)
    ]
    threes: tuple[Kind, ...] = ("percent", "points", "number")
    kinds = [kind for kind in threes for _ in range(3)]
    interval = interval_title(confidence)
    return Table(
        title=f"{contrast.source} against every other data set",
        note=(
            f"Difference and ratio: {contrast.source} against the data set of the row. "
            f"{interval}s, each on its own; a ratio without an upper end has no error below it. "
            f"{DELIVERY}{_sizes(data.table, contrast.source)}"
        ),
        columns=[
            Column(title="data set"),
            Column(title="real photographs", kind="count"),
            Column(title="called AI", kind="count"),
            Column(title="FPR", kind="percent", help="false-positive rate"),
            Column(title="from", kind="percent", help=interval),
            Column(title="to", kind="percent", help=interval),
            Column(title="difference", kind="points"),
            Column(title="from", kind="points", help=interval),
            Column(title="to", kind="points", help=interval),
            Column(title="ratio", kind="number"),
            Column(title="from", kind="number", help=interval),
            Column(title="to", kind="number", help=interval),
        ],
        rows=rows,
        by_threshold={
            "2": moved.tolist(),
            **{
                str(3 + i): rounded(values, kind)
                for i, (values, kind) in enumerate(zip(at_others, kinds, strict=True))
            },
        },
    )


def _sizes(table: pa.Table, source: str) -> str:
    """Say how many of the AI faces and of the others have the size of the source's photographs."""
    if "width" not in table.column_names or "height" not in table.column_names:
        return ""
    width, height = table["width"].to_numpy(), table["height"].to_numpy()
    size = np.stack([width, height], axis=1)
    real = pc.equal(table["label"], "real").to_numpy()
    of_source = real & pc.equal(table["dataset"], source).to_numpy()
    sizes, frequency = np.unique(size[of_source], axis=0, return_counts=True)
    usual = sizes[frequency.argmax()]
    if np.isnan(usual).any():
        return ""
    same = (size == usual).all(axis=1)
    shares = [
        f"{percent(float(same[chosen].mean()))} of the {name}"
        for name, chosen in (
            (f"photographs of {source}", of_source),
            ("other real photographs", real & ~of_source),
            ("AI-generated faces", ~real),
        )
        if chosen.any()
    ]
    return f" Here {', '.join(shares)} are {usual[0]:.0f}×{usual[1]:.0f} pixels."


def _distribution(contrast: Contrast, data: AuditInput) -> Distribution:
    score = data.table["p_ai"].to_numpy()
    real = pc.equal(data.table["label"], "real").to_numpy()
    of_source = real & pc.equal(data.table["dataset"], contrast.source).to_numpy()
    edges = np.linspace(0, 1, BINS + 1)
    chosen = {
        f"{contrast.source}: the generator's training photographs": of_source,
        "other real photographs": real & ~of_source,
        "AI-generated faces": ~real,
    }
    return Distribution(
        title="Scores of the generator's photographs beside those of others and of AI faces",
        note="Where the first looks like the last, the classifier cannot tell them apart.",
        x_title="score (probability of AI-generated)",
        edges=edges.tolist(),
        series={
            name: (np.histogram(score[rows], edges)[0] / rows.sum()).tolist()
            for name, rows in chosen.items()
            if rows.any()
        },
        n={name: int(rows.sum()) for name, rows in chosen.items() if rows.any()},
        marker=data.threshold,
        marker_label="threshold",
    )


CHECK = Check(
    id="generator-source",
    title="The generator's own training photographs",
    failure_title="Photographs that the generator was trained on are called AI-generated",
    description=(
        "A face generator imitates the photographs it was trained on. A classifier that learned "
        "to tell its faces from other photographs may take these very photographs, and the people "
        "in them, for AI-generated. This compares the share of them that is called AI-generated "
        f"with that of all other real photographs. {DELIVERY}"
    ),
    run=run,
    options=GeneratorSourceOptions,
    default=False,
    verdicts=lambda spec, rates: int("fpr" in rates),
)
