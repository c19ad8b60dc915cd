"""Generator source: is the detector wrong about the very people that the generator learned from?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.equalized_odds_gap import LIMIT_NOTE, verdict_confidence
from faceaudit.checks.parts.phrases import (
    counted,
    percent,
    points,
    points_range,
    times,
    times_range,
)
from faceaudit.checks.parts.rate_details import interval_title
from faceaudit.result import (
    Cell,
    CheckResult,
    Column,
    Distribution,
    Estimate,
    Finding,
    Forest,
    Status,
    Table,
    Test,
)
from faceaudit.stats.counts import OutcomeCounts, count_outcomes
from faceaudit.stats.intervals import difference_interval, rate_interval, rate_of, ratio_interval
from faceaudit.stats.significance import each_against_rest
from faceaudit.stats.verdicts import judge_triviality

#: Bins of the score in the picture of its distribution.
BINS = 20
FEWEST_ERRORS = 5
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
            f"({self.source}) are called AI-generated, and {percent(y / m)} of "
            f"{counted(m, 'other real photograph')}: a difference of {points(value)} "
            f"({interval_title(round(self.confidence, 5))} {points_range(low, high)})"
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
        )
    contrast = Contrast(options.dataset, counts, verdict_confidence(data))
    limit = data.spec.limits.fpr_gap
    status: Status = "info"
    if limit is not None:
        whole = count_outcomes(data.table, (), data.threshold)
        trivial = judge_triviality(whole, data.spec.confidence).trivial
        status = contrast.judge(limit, trivial)
    sentence = f"{contrast.sentence()}{_conclusion(contrast, status, limit)}."
    _, low, _ = contrast.difference
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status=status,
        sentence=sentence,
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
        details=[_forest(contrast, data), _table(contrast, data), _distribution(contrast, data)],
    )


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


def _forest(contrast: Contrast, data: AuditInput) -> Forest:
    counts = contrast.counts
    (x, n), (y, m) = contrast.of_source, contrast.of_others
    others = [i for i in range(len(counts.labels)) if i != contrast.index]
    rows = [(_name(contrast, contrast.source), x, n), ("all others together", y, m)]
    rows += [
        (counts.labels[i], int(counts.real_called_ai[i]), int(counts.n_real[i])) for i in others
    ]
    if len(others) == 1:
        rows.pop()
    events, of = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    low, high = rate_interval(events, of, data.spec.confidence)
    return Forest(
        title="Real photographs called AI-generated, by data set",
        note=DELIVERY,
        measure="real photographs called AI-generated (FPR)",
        attribute="data set",
        rows=[
            Estimate(
                group=name,
                n=total,
                events=wrong,
                value=wrong / total,
                low=float(low[i]),
                high=float(high[i]),
                note="small group" if total < data.spec.small_group else None,
            )
            for i, (name, wrong, total) in enumerate(rows)
        ],
        reference=y / m,
        reference_label=f"all others together: {percent(y / m)} of {m:,}",
    )


def _table(contrast: Contrast, data: AuditInput) -> Table:
    counts, confidence = contrast.counts, data.spec.confidence
    x, n = contrast.of_source
    events = np.append(counts.real_called_ai, contrast.of_others[0])
    of = np.append(counts.n_real, contrast.of_others[1])
    labels = [*counts.labels, "all others together"]
    rate = rate_of(events, of)
    low, high = rate_interval(events, of, confidence)
    below, above = difference_interval(x, n, events, of, confidence)
    ratio_low, ratio_high = ratio_interval(x, n, events, of, confidence)
    rows: list[list[Cell]] = []
    for i, label in enumerate(labels):
        row: list[Cell] = [_name(contrast, label), int(of[i]), int(events[i])]
        row += [float(value) for value in (rate[i], low[i], high[i])]
        if i == contrast.index:
            rows.append([*row, *[None] * 6])
            continue
        ratio = rate[contrast.index] / rate[i] if rate[i] else None
        row += [float(rate[contrast.index] - rate[i]), float(below[i]), float(above[i])]
        row += [ratio, float(ratio_low[i])]
        rows.append([*row, float(ratio_high[i]) if np.isfinite(ratio_high[i]) else None])
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
)
