"""Ranking: do AI-generated faces score above the real photographs of every group?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.group_rates import size_note
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import estimated, forest, lay_out, number, text
from faceaudit.result import Detail, Finding, Forest, Interval, Table
from faceaudit.stats import IntArray
from faceaudit.stats.ranking import Auc, GroupRanking, group_ranking

FPR, FNR = ERROR_RATES["fpr"], ERROR_RATES["fnr"]


@dataclass(frozen=True)
class Background:
    """The groups' images of one label, each held against all images of the other label."""

    short: str
    own: ErrorRate
    all: ErrorRate
    tag: str
    groups: list[str]
    auc: Auc
    n: IntArray
    smallest: int

    @property
    def large(self) -> NDArray[np.bool_]:
        """Mark the groups with an AUC that are not too small to be spoken of."""
        return np.isfinite(self.auc.value) & (self.n >= self.smallest)


def run(data: AuditInput, options: Options) -> Product:
    """Give the AUC of every group within itself and against the background of all images."""
    is_ai = data.images.is_ai
    whole = group_ranking(data.images.runs(()), data.spec.confidence).subgroup
    if np.isnan(whole.value[0]):
        lacking = (FPR if is_ai.all() else FNR).image
        return Product("not-estimable", f"There is no {lacking} here, so there is nothing to rank.")
    details: list[Detail] = []
    told: list[Background] = []
    for tag in data.spec.attributes:
        _, groups = data.images.codes(tag)
        if not groups:
            continue
        found = group_ranking(data.images.runs((tag,)), data.spec.confidence)
        small = data.spec.small_group
        for background in (
            Background("BPSN", FPR, FNR, tag, groups, found.bpsn, found.n_real, small),
            Background("BNSP", FNR, FPR, tag, groups, found.bnsp, found.n_ai, small),
        ):
            if np.isfinite(background.auc.value).any():
                details.append(_forest(background, float(whole.value[0]), data))
            if background.large.sum() > 1:
                told.append(background)
        details.append(_table(tag, groups, found, data))
    sentence = (
        "An AI-generated face scores higher than a real photograph in "
        f"{say.percent(whole.value[0])} of all pairs "
        f"({say.percent_range(whole.low[0], whole.high[0], data.spec.confidence)}; "
        f"{(~is_ai).sum():,} real, {is_ai.sum():,} AI-generated), where chance gives 50.0 %."
    )
    error = (1 - data.spec.confidence) / max(len(told), 1)
    findings = [_finding(background, whole, error, data) for background in told]
    return Product("info", sentence, findings=findings, details=details)


def _finding(background: Background, whole: Auc, error: float, data: AuditInput) -> Finding:
    n, tag, large = background.n, background.tag, background.large
    groups = int(large.sum())
    # All groups' intervals hold together, and all pairs of them (Bonferroni), of which the two
    # are the farthest apart: a difference by MOVER.
    confidence = 1 - error / max(groups * (groups - 1) / 2, groups)
    auc = background.auc.at(confidence)
    lowest = int(np.where(large, auc.value, np.inf).argmin())
    highest = int(np.where(large, auc.value, -np.inf).argmax())
    arms = auc.value[highest] - auc.low[highest], auc.high[lowest] - auc.value[lowest]
    apart = auc.value[highest] - auc.value[lowest] > np.hypot(*arms)

    def describe(i: int) -> str:
        return (
            f"{say.group_title([tag], [background.groups[i]])} ({say.percent(auc.value[i])} of "
            f"pairs ranked rightly, {say.percent_range(auc.low[i], auc.high[i], confidence)}, "
            f"n = {n[i]:,})"
        )

    among = "" if large[n > 0].all() else f"among groups of at least {background.smallest} images, "
    if auc.value[lowest] == auc.value[highest]:
        sentence = (
            f"Whatever the threshold, {among}{background.own.images} of every {say.tag_title(tag)} "
            f"are equally hard to tell from {background.all.images} "
            f"({say.percent(auc.value[lowest])} of pairs ranked rightly)."
        )
    else:
        sentence = (
            f"Whatever the threshold, {among}{background.own.images} tagged {describe(lowest)} are "
            f"hardest to tell from {background.all.images}, those tagged {describe(highest)} "
            f"easiest{'' if apart else ', which chance alone could explain'}."
        )
    value, low, high = (float(of[lowest]) for of in (auc.value, auc.low, auc.high))
    return Finding(
        sentence=sentence,
        status="info",
        weight=max(0.0, float(whole.value[0]) - high),
        tags=[tag],
        n=int(n[lowest]),
        interval=Interval(value=value, low=low, high=high, confidence=confidence, together=True),
    )


def _forest(background: Background, whole: float, data: AuditInput) -> Forest:
    auc, n, own = background.auc, background.n, background.own
    title = say.tag_title(background.tag)
    return forest(
        data,
        groups=background.groups,
        n=n,
        value=auc.value,
        low=auc.low,
        high=auc.high,
        status=[None if of else "not-estimable" for of in n],
        notes=[size_note(int(of), own, data.spec.small_group) for of in n],
        title=say.capitalised(f"{own.images} of each {title} against all {background.all.images}"),
        note="The share of pairs in which the AI-generated face has the higher score.",
        measure=f"AUC ({background.short})",
        scale="number",
        attribute=title,
        tag_source=data.tag_source((background.tag,)),
        reference=whole,
        reference_label="all images",
    )


def _table(tag: str, groups: list[str], found: GroupRanking, data: AuditInput) -> Table:
    columns = [
        text(say.tag_title(tag), groups),
        number("real photographs", "count", found.n_real),
        number("AI-generated faces", "count", found.n_ai),
    ]
    for title, auc, meaning in (
        ("AUC", found.subgroup, "the group's AI-generated faces against its real photographs"),
        ("BPSN AUC", found.bpsn, "the group's real photographs against all AI-generated faces"),
        ("BNSP AUC", found.bnsp, "the group's AI-generated faces against all real photographs"),
    ):
        columns += estimated(title, "number", auc, data.spec.confidence, meaning)
    equal = "FPR and FNR of the group at the threshold where they are equal"
    columns.append(number("equal error rate", "percent", found.eer, equal))
    return lay_out(
        f"Ranking by {say.tag_title(tag)}",
        columns,
        data,
        "AUC: the share of pairs in which the AI-generated face has the higher score, ties "
        "counting one half; 0.5 is chance. BPSN and BNSP hold each group against all images "
        f"of the other label, tagged or not. Tags: {data.tag_source((tag,))}.",
    )


CHECK = Check(
    id="ranking",
    title="Ranking of scores by group",
    part="specialist",
    description=(
        "Error rates depend on where the threshold is set; the ranking does not. For every group "
        "this asks how often an AI-generated face scores above a real photograph. Held against "
        "all AI-generated faces, the real photographs of a group that is wrongly accused rank "
        "low at any threshold, also where the group has no AI-generated faces of its own. The "
        "intervals in sentences are so wide that all hold together at the chosen confidence; those "
        "in tables and figures hold each on its own."
    ),
    run=run,
)
