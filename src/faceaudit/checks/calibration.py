"""Calibration: does a score of 80 % mean 80 %, for every group?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.layout import lay_out, number, text
from faceaudit.result import Curve, Detail, Finding, Series, Table
from faceaudit.stats.calibration import Calibration, group_calibration
from faceaudit.wording import counted, group_title, out_of, points, tag_title

#: Scores that say too much or too little are less grave than wrong calls of people.
WEIGHT = 0.1


class CalibrationOptions(Options):
    """How many bins of equally many images the scores are put in."""

    bins: int = Field(default=10, ge=2, le=50)


def run(data: AuditInput, options: CalibrationOptions) -> Product:
    """Give the expected calibration error of every group beside what chance alone gives."""

    def calibrated(*tags: str) -> Calibration:
        runs, confidence = data.images.runs(tags), data.spec.confidence
        return group_calibration(runs, bins=options.bins, confidence=confidence)

    whole = calibrated()
    if np.isnan(whole.error[0]):
        return Product(
            "not-estimable",
            "All images here have the same label, so how often a score turns out right is "
            "fixed by how the images were collected and says nothing about the scores.",
        )
    details: list[Detail] = [_curve("all images", ["all images"], [0], whole, data)]
    findings: list[Finding] = []
    for tag in data.spec.attributes:
        _, groups = data.images.codes(tag)
        if not groups:
            continue
        found = calibrated(tag)
        large = found.n_real + found.n_ai >= data.spec.small_group
        drawn = np.flatnonzero(~np.isnan(found.error) & large)
        if len(drawn):
            details.append(_curve(tag_title(tag), groups, drawn.tolist(), found, data))
        details.append(_table(tag, groups, found, data))
        if not np.isnan(found.error).all():
            findings.append(_finding(tag, groups, found, data))
    sentence = (
        "The scores miss the share of AI-generated images among pictures of like score by "
        f"{points(whole.error[0])} on average ({_by_chance(whole, 0)}; n = {len(data.images):,})."
    )
    return Product("info", sentence, findings=findings, details=details)


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
        tags=[tag],
        n=n,
        weight=WEIGHT * max(0.0, float(found.error[worst] - found.by_chance_high[worst])),
    )


def _curve(
    title: str, names: list[str], drawn: list[int], found: Calibration, data: AuditInput
) -> Curve:
    bins = (found.bin_score, found.bin_ai, found.bin_low, found.bin_high)
    series = []
    for i in drawn:
        x, y, low, high = (of[i, found.bin_n[i] > 0].tolist() for of in bins)
        series.append(Series(name=names[i], x=x, y=y, low=low, high=high))
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


def _table(tag: str, groups: Sequence[str], found: Calibration, data: AuditInput) -> Table:
    one_label = np.where(found.n_ai == 0, "real photographs", "AI-generated faces")
    notes = [
        f"{label} only: not estimable" if np.isnan(error) else None
        for error, label in zip(found.error, one_label, strict=True)
    ]
    by_chance = "mean of a calibrated classifier"
    below = f"{100 * data.spec.confidence:g} % of chance below"
    return lay_out(
        f"Calibration by {tag_title(tag)}",
        [
            text(tag_title(tag), groups),
            number("real photographs", "count", found.n_real),
            number("AI-generated faces", "count", found.n_ai),
            number("calibration error", "points", found.error, "ECE, bins of equal mass"),
            number("by chance", "points", found.by_chance, by_chance),
            number(below, "points", found.by_chance_high),
            number("excess over chance", "points", found.excess),
            text("note", notes),
        ],
        data,
        "The calibration error is never below 0, so small groups have one by chance alone: "
        "compare groups by the excess over chance. It rests on the mix of real and AI-"
        f"generated images in these data. Tags: {data.tag_source((tag,))}.",
    )


CHECK = Check(
    id="calibration",
    title="What a score means, by group",
    description=(
        "A score reads like a probability. Among all pictures of a group that are given 80 %, are "
        "80 % AI-generated? The calibration error is the average distance between what the scores "
        "say and what is so. Where a group has only real photographs or only AI-generated faces "
        "the question has no answer."
    ),
    run=run,
    options=CalibrationOptions,
)
