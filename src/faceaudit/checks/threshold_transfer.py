"""Threshold transfer: does a threshold chosen on one data set hold on the others?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.parts.error_rates import (
    ERROR_RATES,
    WORDS,
    interval_title,
    tag_source,
)
from faceaudit.errors import FaceAuditError
from faceaudit.result import (
    Cell,
    CheckResult,
    Column,
    Curve,
    Detail,
    ErrorRate,
    Finding,
    Series,
    Status,
    Table,
    nan_to_none,
)
from faceaudit.stats.counts import count_outcomes, tag_codes
from faceaudit.stats.intervals import FloatArray, rate_interval, rate_of
from faceaudit.stats.rates import rate_counts
from faceaudit.stats.thresholds import rate_curves, threshold_grid, thresholds_for_fpr
from faceaudit.wording import (
    attributes_title,
    capitalised,
    counted,
    out_of,
    percent,
    percent_range,
    tag_title,
)

#: Errors of a threshold that is not in force are less grave than those of the one that is.
WEIGHT = 0.1


class ThresholdTransferOptions(Options):
    """Where the threshold is chosen, and for which share of wrongly accused photographs."""

    #: None takes the data set with the most real photographs.
    validation_dataset: str | None = None
    target_fpr: float = Field(default=0.01, ge=0, lt=1)


@dataclass(frozen=True)
class Chosen:
    """A threshold, and the real photographs on which it was chosen."""

    threshold: float
    dataset: str
    target: float
    called_ai: int
    n_real: int

    def told(self) -> str:
        """Name the threshold in a sentence."""
        if self.threshold > 1:
            score_one = out_of(self.called_ai, self.n_real, "real photograph", ("scores", "score"))
            return (
                f"With nothing called AI-generated (in {self.dataset}, {score_one} 1, so no "
                f"threshold meets the target of {percent(self.target)})"
            )
        return (
            f"At the threshold of {self.threshold:.4g}, which calls {self.called_ai:,} of "
            f"{counted(self.n_real, 'real photograph')} of {self.dataset} AI-generated "
            f"(target {percent(self.target)})"
        )


def run(data: AuditInput, options: ThresholdTransferOptions) -> CheckResult:
    """Choose a threshold on one data set and count its errors on every other."""
    curves = _curves(data)
    chosen = _choose(data, options)
    if chosen is None:
        return _result(
            "not-estimable", "There is no real photograph here to choose a threshold on.", curves
        )
    validation = pc.equal(data.table["dataset"], chosen.dataset)
    others = data.table.filter(pc.invert(validation))
    study = _group_thresholds(data.table.filter(validation), chosen, data)
    if len(others) == 0:
        return _result(
            "not-estimable",
            f"There is only one data set ({chosen.dataset}), so whether a threshold that is chosen "
            "there holds elsewhere cannot be told.",
            [*study, *curves],
        )
    realised = [_realised(others, tags, chosen, data) for tags in _tags_beside_dataset(data)]
    findings = _findings(others, chosen, data)
    return _result(
        "info",
        max(findings, key=lambda finding: finding.weight).sentence,
        [*realised, *study, *curves],
        findings,
    )


def _result(
    status: Status, sentence: str, details: Sequence[Detail], findings: Sequence[Finding] = ()
) -> CheckResult:
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status=status,
        sentence=sentence,
        findings=list(findings),
        details=list(details),
    )


def _choose(data: AuditInput, options: ThresholdTransferOptions) -> Chosen | None:
    photographs = data.table.filter(pc.equal(data.table["label"], "real"))
    codes, datasets = tag_codes(photographs, "dataset")
    if options.validation_dataset in datasets:
        code = datasets.index(options.validation_dataset)
    elif options.validation_dataset is not None:
        raise FaceAuditError(
            f"{data.spec.name}: checks.{CHECK.id}.validation_dataset: there is no real photograph "
            f"of '{options.validation_dataset}'; there are some of {', '.join(datasets) or 'none'}"
        )
    elif datasets:
        code = int(np.bincount(codes).argmax())
    else:
        return None
    score = photographs["p_ai"].to_numpy()[codes == code]
    everybody = np.zeros(len(score), np.int64)
    threshold = float(thresholds_for_fpr(score, everybody, 1, options.target_fpr)[0])
    # Above 1 there is no score: told are those that leave no threshold.
    called_ai = int((score >= np.float32(min(threshold, 1))).sum())
    return Chosen(threshold, datasets[code], options.target_fpr, called_ai, len(score))


# --- on the other data sets ----------------------------------------------------------------


def _tags_beside_dataset(data: AuditInput) -> list[list[str]]:
    tags = [tag for tag in data.spec.attributes if tag != "dataset"]
    return [["dataset"], *(["dataset", tag] for tag in tags)]


def _findings(others: pa.Table, chosen: Chosen, data: AuditInput) -> list[Finding]:
    """Tell the realised rates of every other data set, the furthest above the target first."""
    counts = count_outcomes(others, ["dataset"], chosen.threshold)
    findings = []
    for i, dataset in enumerate(counts.labels):
        parts = []
        weight = 0.0
        for rate in ERROR_RATES:
            events, n = (int(column[i]) for column in rate_counts(counts, rate))
            if not n:
                continue
            low, high = rate_interval(events, n, data.spec.confidence)
            words = WORDS[rate]
            parts.append(
                f"{percent(events / n)} of {counted(n, words.image)} of {dataset} "
                f"{'is' if n == 1 else 'are'} {words.verdict} "
                f"({interval_title(data.spec.confidence)} {percent_range(float(low), float(high))})"
            )
            if rate == "fpr":
                weight = WEIGHT * max(0.0, float(low) - chosen.target)
        findings.append(
            Finding(
                sentence=f"{chosen.told()}, {' and '.join(parts)}.",
                status="info",
                check=CHECK.id,
                weight=weight,
            )
        )
    return findings


def _realised(others: pa.Table, tags: list[str], chosen: Chosen, data: AuditInput) -> Table:
    counts = count_outcomes(others, tags, chosen.threshold)
    limits = {
        rate: rate_interval(*rate_counts(counts, rate), data.spec.confidence)
        for rate in ERROR_RATES
    }
    rows: list[list[Cell]] = []
    for i, group in enumerate(counts.groups):
        row: list[Cell] = list(group)
        for rate in ERROR_RATES:
            events, n = rate_counts(counts, rate)
            row += [
                int(n[i]),
                *(nan_to_none(v[i]) for v in (rate_of(events, n), *limits[rate])),
            ]
        rows.append(row)
    interval = interval_title(data.spec.confidence)
    columns = [Column(title=tag_title(tag)) for tag in tags]
    for rate in ERROR_RATES:
        words = WORDS[rate]
        columns += [
            Column(title=words.images, kind="count"),
            Column(title=f"{words.verdict} ({words.short})", kind="percent"),
            Column(title=f"{interval} from", kind="percent"),
            Column(title="to", kind="percent"),
        ]
    return Table(
        title=f"The threshold of {chosen.dataset} elsewhere, by {attributes_title(tags)}",
        note=f"{chosen.told()}. Tags: {tag_source(data, tuple(tags[1:] or tags))}.",
        columns=columns,
        rows=rows,
    )


# --- for study -----------------------------------------------------------------------------


def _group_thresholds(validation: pa.Table, chosen: Chosen, data: AuditInput) -> list[Table]:
    """Show which threshold would give each group the target, and what it would cost."""
    photographs = validation.filter(pc.equal(validation["label"], "real"))
    score = photographs["p_ai"].to_numpy()
    of_faces = np.sort(data.table.filter(pc.equal(data.table["label"], "ai"))["p_ai"].to_numpy())
    tables = []
    for tag in data.spec.attributes:
        codes, groups = tag_codes(photographs, tag)
        if not groups or tag == "dataset":
            continue
        own = thresholds_for_fpr(score, codes, len(groups), chosen.target)
        n = np.bincount(codes[codes >= 0], minlength=len(groups))
        wrong = np.bincount(
            codes[(codes >= 0) & (score >= np.float32(chosen.threshold))], minlength=len(groups)
        )
        missed = rate_of(
            np.searchsorted(of_faces, own.astype(np.float32)), np.full(len(groups), len(of_faces))
        )
        tables.append(
            Table(
                title=f"For study only: thresholds by {tag_title(tag)}",
                note=(
                    "A threshold of its own for each group would give every group the target on "
                    f"{chosen.dataset}, and would treat people differently by their looks. The "
                    "last column is what it would cost: the share of all AI-generated faces here "
                    f"that score below it. Tags: {tag_source(data, (tag,))}."
                ),
                columns=[
                    Column(title=tag_title(tag)),
                    Column(title="real photographs", kind="count"),
                    Column(title="called AI at the common threshold", kind="percent"),
                    Column(title="own threshold", kind="number"),
                    Column(title="AI-generated faces called real", kind="percent"),
                ],
                rows=[
                    [
                        group,
                        int(n[i]),
                        float(wrong[i] / n[i]),
                        float(own[i]),
                        nan_to_none(missed[i]),
                    ]
                    for i, group in enumerate(groups)
                ],
            )
        )
    return tables


# --- over all thresholds -------------------------------------------------------------------


def _curves(data: AuditInput) -> list[Curve]:
    score = data.table["p_ai"].to_numpy()
    is_ai = pc.equal(data.table["label"], "ai").to_numpy()
    grid = threshold_grid(score, data.thresholds)
    curves = []
    for tag in data.spec.attributes:
        codes, groups = tag_codes(data.table, tag)
        found = rate_curves(score, is_ai, codes, len(groups), grid)
        rates: tuple[tuple[ErrorRate, FloatArray], ...] = (("fpr", found.fpr), ("fnr", found.fnr))
        for rate, by_group in rates:
            drawn = [i for i in range(len(groups)) if not np.isnan(by_group[i, 0])]
            if not drawn:
                continue
            words = WORDS[rate]
            curves.append(
                Curve(
                    title=capitalised(
                        f"{words.images} {words.verdict} at every threshold, by {tag_title(tag)}"
                    ),
                    x_title="threshold",
                    x_is_threshold=True,
                    y_title=words.short,
                    y_percent=True,
                    marker=data.threshold,
                    marker_label="threshold in force",
                    series=[
                        Series(name=groups[i], x=grid.tolist(), y=by_group[i].tolist())
                        for i in drawn
                    ],
                )
            )
    return curves


CHECK = Check(
    id="threshold-transfer",
    title="Whether a threshold holds on other data",
    failure_title="Whether a threshold holds on other data",
    description=(
        "Whoever uses a classifier sets the threshold on pictures they have, so that only few "
        "real photographs are called AI-generated, and then meets other pictures. This chooses a "
        "threshold on one data set and counts what it does to the groups of every other. The "
        "curves show both error rates at every threshold there could be."
    ),
    run=run,
    options=ThresholdTransferOptions,
)
