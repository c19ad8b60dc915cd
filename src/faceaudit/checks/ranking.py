"""Ranking: do AI-generated faces score above the real photographs of every group?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.parts.error_rates import (
    WORDS,
    RateWords,
    interval_title,
    size_note,
    tag_source,
)
from faceaudit.result import (
    Cell,
    CheckResult,
    Column,
    Detail,
    Estimate,
    Finding,
    Forest,
    Table,
    nan_to_none,
)
from faceaudit.stats.counts import IntArray, tag_codes
from faceaudit.stats.ranking import Auc, GroupRanking, group_ranking, rank_scores
from faceaudit.wording import (
    capitalised,
    group_title,
    percent,
    percent_range,
    tag_title,
)


@dataclass(frozen=True)
class Background:
    """A group's images of one label held against all images of the other."""

    short: str
    group: RateWords
    all: RateWords

    def auc(self, found: GroupRanking) -> Auc:
        """Pick the AUC of this background."""
        return found.bpsn if self.short == "BPSN" else found.bnsp

    def n(self, found: GroupRanking) -> IntArray:
        """Count the group's own images."""
        return found.n_real if self.short == "BPSN" else found.n_ai


BACKGROUNDS = (
    Background("BPSN", WORDS["fpr"], WORDS["fnr"]),
    Background("BNSP", WORDS["fnr"], WORDS["fpr"]),
)


@dataclass(frozen=True)
class TagRanking:
    """The AUC family of every group of one tag."""

    tag: str
    groups: list[str]
    found: GroupRanking


def run(data: AuditInput, options: Options) -> CheckResult:
    """Give the AUC of every group within itself and against the background of all images."""
    ranked = rank_scores(
        data.table["p_ai"].to_numpy(), pc.equal(data.table["label"], "ai").to_numpy()
    )
    everybody = np.zeros(len(data.table), np.int64)
    whole = group_ranking(ranked, everybody, 1, data.spec.confidence).subgroup
    if np.isnan(whole.value[0]):
        lacking = WORDS["fpr" if ranked.is_ai.all() else "fnr"].image
        return CheckResult(
            id=CHECK.id,
            title=CHECK.title,
            description=CHECK.description,
            status="not-estimable",
            sentence=f"There is no {lacking} here, so there is nothing to rank.",
        )
    details: list[Detail] = []
    findings: list[Finding] = []
    for tag in data.spec.attributes:
        codes, groups = tag_codes(data.table, tag)
        if not groups:
            continue
        ranking = TagRanking(
            tag, groups, group_ranking(ranked, codes, len(groups), data.spec.confidence)
        )
        for background in BACKGROUNDS:
            estimable = np.isfinite(background.auc(ranking.found).value)
            if estimable.any():
                details.append(_forest(ranking, background, float(whole.value[0]), data))
            if estimable.sum() > 1:
                findings.append(_finding(ranking, background, whole, data))
        details.append(_table(ranking, data))
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status="info",
        sentence=(
            "An AI-generated face scores higher than a real photograph in "
            f"{percent(whole.value[0])} of all pairs ({interval_title(data.spec.confidence)} "
            f"{percent_range(whole.low[0], whole.high[0])}; "
            f"{int((~ranked.is_ai).sum()):,} real, {int(ranked.is_ai.sum()):,} AI-generated), "
            "where chance gives 50.0 %."
        ),
        findings=findings,
        details=details,
    )


def _finding(ranking: TagRanking, background: Background, whole: Auc, data: AuditInput) -> Finding:
    auc, n = background.auc(ranking.found), background.n(ranking.found)
    lowest, highest = int(np.nanargmin(auc.value)), int(np.nanargmax(auc.value))

    def told(i: int) -> str:
        return (
            f"{group_title([ranking.tag], [ranking.groups[i]])} ({percent(auc.value[i])} of pairs "
            f"ranked rightly, {interval_title(data.spec.confidence)} "
            f"{percent_range(auc.low[i], auc.high[i])}, n = {n[i]:,})"
        )

    weight = max(0.0, float(whole.value[0] - auc.high[lowest]))
    if auc.value[lowest] == auc.value[highest]:
        sentence = (
            f"Whatever the threshold, {background.group.images} of every {tag_title(ranking.tag)} "
            f"are equally hard to tell from {background.all.images} "
            f"({percent(auc.value[lowest])} of pairs ranked rightly)."
        )
        return Finding(sentence=sentence, status="info", check=CHECK.id, weight=weight)
    apart = auc.high[lowest] < auc.low[highest]
    return Finding(
        sentence=(
            f"Whatever the threshold, {background.group.images} tagged {told(lowest)} are hardest "
            f"to tell from {background.all.images}, those tagged {told(highest)} easiest"
            f"{'' if apart else '; the ranges overlap, so chance could explain it'}."
        ),
        status="info",
        check=CHECK.id,
        weight=weight,
    )


def _forest(ranking: TagRanking, background: Background, whole: float, data: AuditInput) -> Forest:
    auc, n = background.auc(ranking.found), background.n(ranking.found)
    return Forest(
        title=capitalised(
            f"{background.group.images} of each {tag_title(ranking.tag)} against all "
            f"{background.all.images}"
        ),
        note="The share of pairs in which the AI-generated face has the higher score.",
        measure=f"AUC ({background.short})",
        scale="number",
        attribute=tag_title(ranking.tag),
        tag_source=tag_source(data, (ranking.tag,)),
        rows=[
            Estimate(
                group=group,
                n=int(n[i]),
                value=nan_to_none(auc.value[i]),
                low=nan_to_none(auc.low[i]),
                high=nan_to_none(auc.high[i]),
                status=None if n[i] else "not-estimable",
                note=size_note(int(n[i]), background.group, data.spec.small_group),
            )
            for i, group in enumerate(ranking.groups)
        ],
        reference=whole,
        reference_label="all images",
    )


def _table(ranking: TagRanking, data: AuditInput) -> Table:
    found = ranking.found
    interval = interval_title(data.spec.confidence)
    rows: list[list[Cell]] = []
    for i, group in enumerate(ranking.groups):
        row: list[Cell] = [group, int(found.n_real[i]), int(found.n_ai[i])]
        for auc in (found.subgroup, found.bpsn, found.bnsp):
            row += [nan_to_none(auc.value[i]), nan_to_none(auc.low[i]), nan_to_none(auc.high[i])]
        rows.append([*row, nan_to_none(found.eer[i])])
    columns = [
        Column(title=tag_title(ranking.tag)),
        Column(title="real photographs", kind="count"),
        Column(title="AI-generated faces", kind="count"),
    ]
    for title, meaning in (
        ("AUC", "the group's AI-generated faces against its real photographs"),
        ("BPSN AUC", "the group's real photographs against all AI-generated faces"),
        ("BNSP AUC", "the group's AI-generated faces against all real photographs"),
    ):
        columns += [
            Column(title=title, kind="number", help=meaning),
            Column(title=f"{interval} from", kind="number"),
            Column(title="to", kind="number"),
        ]
    return Table(
        title=f"Ranking by {tag_title(ranking.tag)}",
        note=(
            "AUC: the share of pairs in which the AI-generated face has the higher score, ties "
            "counting one half; 0.5 is chance. BPSN and BNSP hold each group against all images "
            "of the other label, tagged or not. "
            f"Tags: {tag_source(data, (ranking.tag,))}."
        ),
        columns=[
            *columns,
            Column(
                title="equal error rate",
                kind="percent",
                help="FPR and FNR of the group at the threshold where they are equal",
            ),
        ],
        rows=rows,
    )


CHECK = Check(
    id="ranking",
    title="Ranking of scores by group",
    failure_title="Ranking of scores by group",
    description=(
        "Error rates depend on where the threshold is set; the ranking does not. For every group "
        "this asks how often an AI-generated face scores above a real photograph. Held against "
        "all AI-generated faces, the real photographs of a group that is wrongly accused rank "
        "low at any threshold, also where the group has no AI-generated faces of its own."
    ),
    run=run,
)
