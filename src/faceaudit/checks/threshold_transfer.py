"""Threshold transfer: does a threshold chosen on one data set hold on the others?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.group_rates import named_groups
from faceaudit.error_rates import ERROR_RATES
from faceaudit.errors import FaceAuditError
from faceaudit.layout import estimated, lay_out, number, text
from faceaudit.result import Curve, Finding, Interval, Series, Table, nan_to_none
from faceaudit.schema import called_ai
from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.intervals import rate_interval, rate_of
from faceaudit.stats.rates import estimate_of, rate_counts
from faceaudit.stats.thresholds import (
    fewest_photographs,
    safe_share,
    threshold_grid,
    thresholds_for_fpr,
)

#: Errors of a threshold that is not in force are less grave than those of the one that is.
WEIGHT = 0.1


class ThresholdTransferOptions(Options):
    """Where the threshold is chosen, and for which share of wrongly accused photographs."""

    validation_dataset: str | None = Field(
        default=None,
        description="The data set on which the threshold is chosen; without it, the one with the "
        "most real photographs.",
    )
    target_fpr: float = Field(
        default=0.01,
        ge=0,
        lt=1,
        description="The share of its real photographs that may be called AI-generated.",
    )


@dataclass(frozen=True)
class Chosen:
    """A threshold that meets a target on a data set, and how it is told."""

    threshold: float
    dataset: str
    target: float
    told: str


def run(data: AuditInput, options: ThresholdTransferOptions) -> Product:
    """Choose a threshold on one data set and count its errors on every other."""
    curves = list(_curves(data))
    chosen = _choose(data, options)
    if chosen is None:
        sentence = "There is no real photograph here to choose a threshold on."
        return Product("not-estimable", sentence, details=curves)
    promise, promises = _promises(chosen, data)
    study = [promises, *_group_thresholds(chosen, data)]
    findings = list(_findings(chosen, data))
    if not findings:
        return Product(
            "not-estimable",
            f"There is only one data set ({chosen.dataset}), so whether a threshold that is chosen "
            "there holds elsewhere cannot be told.",
            details=[*study, *curves],
        )
    worst = max(findings, key=lambda finding: finding.weight)
    beside = [tag for tag in data.spec.attributes if tag != "dataset"]
    realised = [_realised(chosen, tags, data) for tags in ([], *([tag] for tag in beside))]
    sentence = f"{worst.sentence} {promise}"
    return Product("info", sentence, findings=findings, details=[*realised, *study, *curves])


def _choose(data: AuditInput, options: ThresholdTransferOptions) -> Chosen | None:
    photographs, dataset = data.photographs, options.validation_dataset
    if dataset is not None and dataset not in photographs:
        raise FaceAuditError(
            f"{data.spec.name}: checks.{CHECK.id}.validation_dataset: there is no real photograph "
            f"of '{dataset}'; there are some of {', '.join(photographs) or 'none'}"
        )
    if not photographs:
        return None
    dataset = dataset or max(photographs, key=lambda name: len(photographs[name]))
    score = photographs[dataset].score
    everybody = np.zeros(len(score), np.int64)
    threshold = float(thresholds_for_fpr(score, everybody, 1, options.target_fpr)[0])
    # Above 1 there is no score: told are those that leave no threshold.
    wrong, target = int(called_ai(score, min(threshold, 1)).sum()), say.percent(options.target_fpr)
    if threshold > 1:
        score_one = say.out_of(wrong, len(score), "real photograph", ("scores", "score"))
        told = (
            f"With nothing called AI-generated (in {dataset}, {score_one} 1, so no threshold "
            f"meets the target of {target})"
        )
    else:
        told = (
            f"At the threshold of {threshold:.4g}, which calls {wrong:,} of "
            f"{say.counted(len(score), 'real photograph')} of {dataset} AI-generated "
            f"(target {target})"
        )
    return Chosen(threshold, dataset, options.target_fpr, told)


# --- on other photographs of the same kind -------------------------------------------------


def _promises(chosen: Chosen, data: AuditInput) -> tuple[str, Table]:
    """Tell what the threshold promises, and which one is safe, in a sentence and as a table."""
    photographs, confidence = data.photographs[chosen.dataset], data.spec.confidence
    n, score, target = len(photographs), photographs.score, say.percent(chosen.target)
    worth = photographs.counts((), chosen.threshold).effective.n_real
    safe_of = safe_share(worth, chosen.target, confidence)
    share = np.append(math.floor(chosen.target * n + 1e-9) / n, safe_of)
    safe = thresholds_for_fpr(score, np.zeros(n, np.int64), 1, safe_of)
    threshold = np.append(chosen.threshold, safe)
    # Above 1 there is no score, here or elsewhere.
    high = np.where(threshold > 1, 0, rate_interval(share * worth, worth, 2 * confidence - 1)[1])
    called = [None if np.isnan(of) else int(called_ai(score, of).sum()) for of in threshold]
    sure = f"{100 * confidence:g} % confidence"
    promise = (
        f"Of other photographs such as those of {chosen.dataset} this threshold may call up to "
        f"{say.percent(high[0])} AI-generated ({sure})"
    )
    if np.isnan(safe[0]):
        enough = fewest_photographs(chosen.target, confidence)
        what = "photographs" if worth[0] == n else "independent photographs"
        than = f"{enough:,} {what} instead of {math.floor(worth[0]):,}" if enough else None
        promise += f"; one that keeps to {target} as surely takes {than or 'a target above 0'}."
    elif safe[0] > 1:
        promise += f"; none that calls anything AI-generated keeps to {target} as surely."
    else:
        promise += f"; a threshold of {safe[0]:.4g} keeps to {target} as surely."
    alike = "" if worth[0] == n else f", worth {math.floor(worth[0]):,} independent ones"
    title = f"What a threshold promises for other photographs of {chosen.dataset}"
    columns = [
        text("choice", [f"at most {target} of these", f"at most {target} of all"]),
        number("threshold", "number", threshold),
        number("called AI here", "count", called),
        number("called AI of all, at most", "percent", high),
        number("AI-generated faces called real", "percent", _missed(threshold, data)),
    ]
    note = (
        f"Chosen on {say.counted(n, 'real photograph')}{alike}. The first choice exceeds the "
        "target on others about as often as not. The second is the lowest that keeps it on all "
        f"photographs of that kind with {sure}, whatever their scores; 'at most' is meant so in "
        "both. The last column is the share of all AI-generated faces here."
    )
    return promise, lay_out(title, columns, note=note)


# --- on the other data sets ----------------------------------------------------------------


def _elsewhere(chosen: Chosen, tags: list[str], data: AuditInput) -> Counts:
    """Count the groups of every other data set at the chosen threshold."""
    counts = data.images.counts(("dataset", *tags), chosen.threshold)
    return counts.pick(np.array([dataset != chosen.dataset for dataset, *_ in counts.groups], bool))


def _findings(chosen: Chosen, data: AuditInput) -> Iterator[Finding]:
    """Tell the realised rates of every other data set; the facts are those of the first."""
    counts, confidence = _elsewhere(chosen, [], data), data.spec.confidence
    rates = {id: estimate_of(counts, id, confidence) for id in ERROR_RATES}
    for i, (dataset,) in enumerate(counts.groups):
        known = [(ERROR_RATES[id], found) for id, found in rates.items() if found.n[i]]
        parts = [
            f"{say.percent(found.value[i])} of {say.counted(found.n[i], rate.image)} of {dataset} "
            f"{'is' if found.n[i] == 1 else 'are'} {rate.error} "
            f"({say.percent_range(found.low[i], found.high[i], confidence)})"
            for rate, found in known
        ]
        first, found = known[0]
        value, low, high = (float(of[i]) for of in (found.value, found.low, found.high))
        above = max(0.0, low - chosen.target) if first.label == "real" else 0.0
        yield Finding(
            sentence=f"{chosen.told}, {' and '.join(parts)}.",
            status="info",
            weight=WEIGHT * above,
            tags=["dataset"],
            groups=named_groups(counts.groups, found.events, found.n, (i,)),
            rate=first.id,
            n=int(found.n[i]),
            events=int(found.events[i]),
            interval=Interval(value=value, low=low, high=high, confidence=confidence),
        )


def _realised(chosen: Chosen, tags: list[str], data: AuditInput) -> Table:
    counts = _elsewhere(chosen, tags, data)
    columns = [
        text(say.tag_title(tag), [group[i] for group in counts.groups])
        for i, tag in enumerate(counts.tags)
    ]
    for rate in ERROR_RATES.values():
        found = estimate_of(counts, rate.id, data.spec.confidence)
        columns += [
            number(rate.images, "count", found.n),
            *estimated(f"{rate.error} ({rate.short})", "percent", found, data.spec.confidence),
        ]
    return lay_out(
        f"The threshold of {chosen.dataset} elsewhere, by {say.attributes_title(counts.tags)}",
        columns,
        note=f"{chosen.told}. Tags: {data.tag_source(tags or counts.tags)}.",
    )


# --- for study -----------------------------------------------------------------------------


def _group_thresholds(chosen: Chosen, data: AuditInput) -> Iterator[Table]:
    """Show which threshold would give each group the target, and what it would cost."""
    photographs = data.photographs[chosen.dataset]
    for tag in data.spec.attributes:
        if tag == "dataset" or tag not in photographs.table.column_names:
            continue
        codes, groups = photographs.codes(tag)
        common = photographs.counts((tag,), chosen.threshold)
        wrong = rate_of(common.real_called_ai, common.n_real)
        share = safe_share(common.effective.n_real, chosen.target, data.spec.confidence)
        targets = [np.full(len(groups), chosen.target), share]
        own, safe = thresholds_for_fpr(photographs.score, codes, len(groups), targets)
        yield lay_out(
            f"For study only: thresholds by {say.tag_title(tag)}",
            [
                text(say.tag_title(tag), groups),
                number("real photographs", "count", common.n_real),
                number("called AI at the common threshold", "percent", wrong),
                number("own threshold", "number", own),
                number("AI-generated faces called real", "percent", _missed(own, data)),
                number("own safe threshold", "number", safe),
                number("AI-generated faces called real then", "percent", _missed(safe, data)),
            ],
            note="A threshold of its own for each group would give every group the target on "
            f"{chosen.dataset}, and would treat people differently by their looks. What "
            "it would cost is the share of all AI-generated faces here that score below it. "
            f"Tags: {data.tag_source((tag,))}.",
        )


def _missed(threshold: FloatArray, data: AuditInput) -> FloatArray:
    """Give the share of all AI-generated faces that score below some thresholds."""
    ranked = data.images.ranked
    below = ranked.ai_below[np.searchsorted(ranked.distinct, threshold)]
    return np.where(np.isnan(threshold), np.nan, rate_of(below, ranked.ai_below[-1]))


# --- over all thresholds -------------------------------------------------------------------


def _curves(data: AuditInput) -> Iterator[Curve]:
    grid = threshold_grid(data.images.score, data.thresholds).tolist()
    for tag in data.spec.attributes:
        counts = data.images.counts((tag,), grid)
        for rate in ERROR_RATES.values():
            events, n = rate_counts(counts, rate.id)
            share = rate_of(events, n)
            if not n.any():
                continue
            title = f"{rate.images} {rate.error} at every threshold, by {say.tag_title(tag)}"
            yield Curve(
                title=say.capitalised(title),
                x_title="threshold",
                x_is_threshold=True,
                y_title=rate.short,
                y_percent=True,
                marker=data.threshold,
                marker_label="threshold in force",
                series=[
                    Series(name=counts.labels[i], x=grid, y=list(map(nan_to_none, share[:, i])))
                    for i in np.flatnonzero(n if n.ndim == 1 else n.any(axis=0))
                ],
            )


CHECK = Check(
    id="threshold-transfer",
    title="Whether a threshold holds on other data",
    part="specialist",
    description=(
        "Whoever uses a classifier sets the threshold on pictures they have, so that only few "
        "real photographs are called AI-generated, and then meets other pictures. This chooses a "
        "threshold on one data set and counts what it does to the groups of every other. The "
        "curves show both error rates at every threshold there could be."
    ),
    run=run,
    options=ThresholdTransferOptions,
)
