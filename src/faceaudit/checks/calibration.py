"""Calibration: does a score of 80 % mean 80 %, for every group?"""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
from pydantic import Field

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.parts.error_rates import tag_source
from faceaudit.result import (
    Cell,
    CheckResult,
    Column,
    Curve,
    Detail,
    Finding,
    Series,
    Table,
    nan_to_none,
)
from faceaudit.stats.calibration import Calibration, group_calibration
from faceaudit.stats.counts import tag_codes
from faceaudit.stats.ranking import rank_scores
from faceaudit.wording import counted, group_title, out_of, points, tag_title

#: Scores that say too much or too little are less grave than wrong verdicts on people.
WEIGHT = 0.1


class CalibrationOptions(Options):
    """How many bins of equally many images the scores are put in."""

    bins: int = Field(default=10, ge=2, le=50)


def run(data: AuditInput, options: CalibrationOptions) -> CheckResult:
    """Give the expected calibration error of every group beside what chance alone gives."""
    ranked = rank_scores(
        data.table["p_ai"].to_numpy(), pc.equal(data.table["label"], "ai").to_numpy()
    )
    everybody = np.zeros(len(data.table), np.int64)
    confidence = data.spec.confidence
    whole = group_calibration(ranked, everybody, 1, bins=options.bins, confidence=confidence)
    if np.isnan(whole.error[0]):
        return CheckResult(
            id=CHECK.id,
            title=CHECK.title,
            description=CHECK.description,
            status="not-estimable",
            sentence=(
                "All images here have the same label, so how often a score turns out right is "
                "fixed by how the images were collected and says nothing about the scores."
            ),
        )
    details: list[Detail] = [_curve("all images", ["all images"], [0], whole, data)]
    findings: list[Finding] = []
    for tag in data.spec.attributes:
        codes, groups = tag_codes(data.table, tag)
        if not groups:
            continue
        found = group_calibration(
            ranked, codes, len(groups), bins=options.bins, confidence=confidence
        )
        drawn = np.flatnonzero(
            ~np.isnan(found.error) & (found.n_real + found.n_ai >= data.spec.small_group)
        )
        if len(drawn):
            details.append(_curve(tag_title(tag), groups, drawn.tolist(), found, data))
        details.append(_table(tag, groups, found, data))
        if not np.isnan(found.error).all():
            findings.append(_finding(tag, groups, found, data))
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status="info",
        sentence=(
            f"The scores miss the share of AI-generated images among pictures of like score by "
            f"{points(whole.error[0])} on average ({_by_chance(whole, 0)}; "
            f"n = {len(data.table):,})."
        ),
        findings=findings,
        details=details,
    )


def _by_chance(found: Calibration, i: int) -> str:
    return (
        f"perfectly calibrated scores would be off by {points(found.by_chance[i])} by chance, "
        f"rarely by more than {points(found.by_chance_high[i])}"
    )


def _finding(tag: str, groups: list[str], found: Calibration, data: AuditInput) -> Finding:
    estimable = ~np.isnan(found.error)
    beyond = int(np.sum(found.error[estimable] > found.by_chance_high[estimable]))
    worst = int(np.nanargmax(found.excess))
    n = int(found.n_real[worst] + found.n_ai[worst])
    chance = (1 - data.spec.confidence) * estimable.sum()
    return Finding(
        sentence=(
            f"Scores of images tagged {group_title([tag], [groups[worst]])} are furthest from what "
            f"they say: off by {points(found.error[worst])} (n = {n:,}), where "
            f"{_by_chance(found, worst)}; by {tag_title(tag)}, "
            f"{out_of(beyond, int(estimable.sum()), 'group')} off by more than chance explains "
            f"({chance:.1f} would be if all were calibrated)."
        ),
        status="info",
        check=CHECK.id,
        weight=WEIGHT * max(0.0, float(found.error[worst] - found.by_chance_high[worst])),
    )


def _curve(
    title: str, names: list[str], drawn: list[int], found: Calibration, data: AuditInput
) -> Curve:
    series = []
    for i in drawn:
        filled = np.flatnonzero(found.bin_n[i])
        series.append(
            Series(
                name=names[i],
                x=found.bin_score[i, filled].tolist(),
                y=found.bin_ai[i, filled].tolist(),
                low=found.bin_low[i, filled].tolist(),
                high=found.bin_high[i, filled].tolist(),
            )
        )
    return Curve(
        title=f"Reliability: {title}",
        note=(
            "On the diagonal a score means what it says. Bins hold equally many images; equal "
            "scores stay together. Groups with one label only or with fewer than "
            f"{counted(data.spec.small_group, 'image')} are not drawn."
        ),
        x_title="mean score of the bin",
        y_title="share that is AI-generated",
        y_percent=True,
        diagonal=True,
        series=series,
    )


def _table(tag: str, groups: list[str], found: Calibration, data: AuditInput) -> Table:
    rows: list[list[Cell]] = []
    for i, group in enumerate(groups):
        note = None
        if np.isnan(found.error[i]):
            label = "real photographs" if found.n_ai[i] == 0 else "AI-generated faces"
            note = f"{label} only: not estimable"
        rows.append(
            [
                group,
                int(found.n_real[i]),
                int(found.n_ai[i]),
                *(
                    nan_to_none(column[i])
                    for column in (
                        found.error,
                        found.by_chance,
                        found.by_chance_high,
                        found.excess,
                    )
                ),
                note,
            ]
        )
    share = f"{100 * data.spec.confidence:g} %"
    return Table(
        title=f"Calibration by {tag_title(tag)}",
        note=(
            "The calibration error is never below 0, so small groups have one by chance alone: "
            "compare groups by the excess over chance. It rests on the mix of real and AI-"
            f"generated images in these data. Tags: {tag_source(data, (tag,))}."
        ),
        columns=[
            Column(title=tag_title(tag)),
            Column(title="real photographs", kind="count"),
            Column(title="AI-generated faces", kind="count"),
            Column(title="calibration error", kind="points", help="ECE, bins of equal mass"),
            Column(title="by chance", kind="points", help="mean of a calibrated classifier"),
            Column(title=f"{share} of chance below", kind="points"),
            Column(title="excess over chance", kind="points"),
            Column(title="note"),
        ],
        rows=rows,
    )


CHECK = Check(
    id="calibration",
    title="What a score means, by group",
    failure_title="What a score means, by group",
    description=(
        "A score reads like a probability. Among all pictures of a group that are given 80 %, are "
        "80 % AI-generated? The calibration error is the average distance between what the scores "
        "say and what is so. Where a group has only real photographs or only AI-generated faces "
        "the question has no answer."
    ),
    run=run,
    options=CalibrationOptions,
)
