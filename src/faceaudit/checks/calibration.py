"""Calibration: does a score of 80 % mean 80 %, for every group?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.layout import estimated, lay_out, number, text
from faceaudit.result import Curve, Detail, Finding, Series, Table
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.calibration import (
    LARGEST_LOSS,
    Calibration,
    Losses,
    group_calibration,
    group_losses,
    image_losses,
)
from faceaudit.stats.clusters import design_effects
from faceaudit.stats.means import Mean

#: Scores that say too much or too little are less grave than wrong calls of people.
WEIGHT = 0.1
#: What is held against what: the means of the scores, and of how sure they are.
SHIFT = "mean score", "the share of AI-generated images"
SURE = "mean confidence", "the share of scores on the right side of 0.5"


class CalibrationOptions(Options):
    """How finely the scores are looked at."""

    bins: int = Field(
        default=10,
        ge=2,
        le=50,
        description="How many bins of equally many images the scores are put in.",
    )


def run(data: AuditInput, options: CalibrationOptions) -> Product:
    """Tell how far off the scores of every group are, and what they lose."""
    images, confidence = data.images, data.spec.confidence
    losses = image_losses(images.score, images.is_ai)

    def calibrated(tags: tuple[str, ...], effect: FloatArray | float) -> Calibration:
        runs = images.runs(tags)
        return group_calibration(runs, bins=options.bins, confidence=confidence, effect=effect)

    whole = calibrated((), _effect(data, losses, np.zeros(len(images), np.int64), 1))
    if np.isnan(whole.error[0]):
        return Product(
            "not-estimable",
            "All images here have the same label, so how often a score turns out right is "
            "fixed by how the images were collected and says nothing about the scores.",
        )
    details: list[Detail] = [_curve("all images", ["all images"], [0], whole, data)]
    groupings = []
    for tag in data.spec.attributes:
        codes, groups = images.codes(tag)
        if not groups:
            continue
        effect = _effect(data, losses, codes, len(groups))
        found = calibrated((tag,), effect)
        n = found.n_real + found.n_ai
        large = np.flatnonzero(~np.isnan(found.error) & (n >= data.spec.small_group))
        if len(large):
            details.append(_curve(say.tag_title(tag), groups, large.tolist(), found, data))
            groupings.append((tag, groups, found, large))
        lost = group_losses(losses, codes, n, confidence=confidence, effect=effect)
        details.append(_table(tag, groups, found, lost, data))
    intervals = 2 * sum(len(large) for *_, large in groupings)
    findings = [_finding(*grouping, intervals, data) for grouping in groupings]
    shift, sure = whole.shift(confidence), whole.overconfidence(confidence)
    interval = say.interval_title(confidence)
    sentence = (
        f"Of {say.counted(len(images), 'image')} the {_off(SHIFT, shift, 0, interval)}, and "
        f"the {_off(SURE, sure, 0, interval)}."
    )
    return Product("info", sentence, findings=findings, details=details)


def _effect(
    data: AuditInput, losses: tuple[FloatArray, FloatArray], codes: IntArray, groups: int
) -> FloatArray:
    """Give the larger of the design effects of label less score and of the squared loss.

    Images of a person may all score too high, or all be taken for what they are not.
    """
    values = data.images.is_ai - data.images.score, losses[0]
    return np.asarray(design_effects(data.clusters, codes, groups, *values).max(axis=0))


def _off(which: tuple[str, str], found: Mean, i: int, interval: str) -> str:
    value, low, high, side = found.value[i], found.low[i], found.high[i], "above"
    if value < 0:
        value, low, high, side = -value, -high, -low, "below"
    of, held_against = which
    span = f"{interval} {say.points_range(low, high)}"
    return f"{of} is {say.points(value)} {side} {held_against} ({span})"


def _finding(
    tag: str,
    groups: list[str],
    found: Calibration,
    large: IntArray,
    intervals: int,
    data: AuditInput,
) -> Finding:
    """Name the group whose scores are off by the most that chance leaves."""
    # As many intervals as those of all tags together hold at once.
    confidence = 1 - (1 - data.spec.confidence) / intervals
    both = found.shift(confidence), found.overconfidence(confidence)
    beyond = np.array([np.maximum(of.low, -of.high)[large] for of in both])
    which, place = np.unravel_index(beyond.argmax(), beyond.shape)
    worst, many = large[place], int((beyond > 0).any(axis=0).sum())
    n = int(found.n_real[worst] + found.n_ai[worst])
    named = say.group_title([tag], [groups[worst]])
    start = f"Scores of images tagged {named} are furthest from what they say, beyond chance"
    if not many:
        start = f"Chance alone could explain how far scores are off; least so for {named}"
    interval = f"{say.interval_title(data.spec.confidence)} of all {intervals} at once"
    off = _off((SHIFT, SURE)[which], both[which], worst, interval)
    return Finding(
        sentence=(
            f"{start}: their {off}; n = {n:,}. By {say.tag_title(tag)}, "
            f"{say.out_of(many, len(large), 'group')} off by more than chance explains."
        ),
        status="info",
        tags=[tag],
        n=n,
        weight=WEIGHT * max(0.0, float(beyond.max())),
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
            f"{say.counted(data.spec.small_group, 'image')} are not drawn."
        ),
        x_title="mean score of the bin",
        y_title="share that is AI-generated",
        y_percent=True,
        diagonal=True,
        series=series,
    )


def _table(
    tag: str, groups: Sequence[str], found: Calibration, lost: Losses, data: AuditInput
) -> Table:
    confidence = data.spec.confidence
    above = "{} less {}; unbiased for any number of images".format
    return lay_out(
        f"Calibration by {say.tag_title(tag)}",
        [
            text(say.tag_title(tag), groups),
            number("real photographs", "count", found.n_real),
            number("AI-generated faces", "count", found.n_ai),
            *estimated("shift", "points", found.shift(confidence), confidence, above(*SHIFT)),
            *estimated(
                "overconfidence",
                "points",
                found.overconfidence(confidence),
                confidence,
                above(*SURE),
            ),
            number("calibration error", "points", found.error, "ECE, bins of equal mass"),
            number("by chance", "points", found.by_chance, "mean of a calibrated classifier"),
            *estimated("Brier score", "number", lost.brier, confidence, "mean squared distance"),
            number("log loss", "number", lost.log_loss, "natural logarithm"),
            text("note", [_note(found, lost, i) for i in range(len(groups))]),
        ],
        data,
        "Compare groups by shift and overconfidence: the calibration error is never below 0, so "
        "small groups have one by chance alone. It rests on the mix of real and AI-generated "
        "images in these data, as do the Brier score and the log loss. Confidence: the score "
        f"or what it lacks to 1, whichever is larger. Tags: {data.tag_source((tag,))}.",
    )


def _note(found: Calibration, lost: Losses, i: int) -> str | None:
    notes = []
    if np.isnan(found.error[i]):
        only = "real photographs" if found.n_ai[i] == 0 else "AI-generated faces"
        notes.append(f"{only} only: calibration is not estimable")
    if cut := int(lost.cut[i]):
        notes.append(
            f"{say.counted(cut, 'image')} scored 0 or 1 on the wrong side (to within 2e-16): "
            f"infinite log loss counted as {LARGEST_LOSS:.1f}"
        )
    return "; ".join(notes) or None


CHECK = Check(
    id="calibration",
    title="What a score means, by group",
    part="specialist",
    description=(
        "A score reads like a probability. Among all pictures of a group that are given 80 %, are "
        "80 % AI-generated? Scores can be too high or too low on the whole, and they can be surer "
        "than they are right. Where a group has only real photographs or only AI-generated faces "
        "the question has no answer."
    ),
    run=run,
    options=CalibrationOptions,
)
