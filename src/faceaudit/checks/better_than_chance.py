"""Triviality: does the classifier do better than a constant answer or a coin?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.parts.error_rates import interval_title
from faceaudit.checks.parts.threshold_grid import count_by_threshold, rounded
from faceaudit.result import Cell, CheckResult, Column, Confusion, Finding, Number, Table
from faceaudit.stats.counts import OutcomeCounts, count_outcomes
from faceaudit.stats.ranking import Auc, group_ranking, rank_scores
from faceaudit.stats.verdicts import NEAR_CHANCE, Triviality, judge_triviality
from faceaudit.wording import counted, percent, percent_range

#: Heavier than any gap: where this fails, the gaps mean nothing.
WEIGHT = 10.0
#: An AUC that is surely below this is no bad luck: the scores point the other way.
REVERSED = 0.4
REVERSED_TITLE = "The scores look reversed"
COIN = "a coin that says AI-generated as often as the classifier"


def run(data: AuditInput, options: Options) -> CheckResult:
    """Set the classifier beside always real, always AI-generated, and a coin."""
    counts = count_outcomes(data.table, (), data.threshold)
    verdict = judge_triviality(counts, data.spec.confidence)
    sentence = _sentence(counts, verdict, data.spec.confidence)
    title = CHECK.title
    if verdict.trivial and (auc := _auc(data)).high[0] < REVERSED:
        verdict = replace(verdict, status="fail")
        title, sentence = REVERSED_TITLE, _reversed(auc, data.spec.confidence)
    findings = []
    if verdict.status in ("fail", "insufficient-evidence"):
        findings.append(
            Finding(sentence=sentence, status=verdict.status, check=CHECK.id, weight=WEIGHT)
        )
    return CheckResult(
        id=CHECK.id,
        title=title,
        description=CHECK.description,
        status=verdict.status,
        sentence=sentence,
        findings=findings,
        details=[_confusion(counts, data), _predictors(counts, data)],
    )


def _auc(data: AuditInput) -> Auc:
    ranked = rank_scores(
        data.table["p_ai"].to_numpy(), pc.equal(data.table["label"], "ai").to_numpy()
    )
    everybody = np.zeros(len(data.table), np.int64)
    return group_ranking(ranked, everybody, 1, data.spec.confidence).subgroup


def _reversed(auc: Auc, confidence: float) -> str:
    low, high = float(auc.low[0]), float(auc.high[0])
    return (
        "The scores look reversed: an AI-generated face scores above a real photograph in only "
        f"{percent(float(auc.value[0]))} of pairs ({interval_title(confidence)} "
        f"{percent_range(low, high)}), where guessing gives 50.0 %. If they are the probability "
        "of a real photograph, audit again with --score-is p-real; if the labels are swapped, "
        "correct those; else the classifier is wrong more often than right."
    )


def _sentence(counts: OutcomeCounts, verdict: Triviality, confidence: float) -> str:
    n_real, n_ai = int(counts.n_real[0]), int(counts.n_ai[0])
    wrong_real, wrong_ai = int(counts.real_called_ai[0]), int(counts.ai_called_real[0])
    if n_ai == 0:
        return (
            f"There is no AI-generated face here, so a classifier that answers 'real' to "
            f"everything would look perfect; this one calls {wrong_real:,} of "
            f"{counted(n_real, 'real photograph')} AI-generated ({percent(wrong_real / n_real)})."
        )
    if n_real == 0:
        return (
            f"There is no real photograph here, so a classifier that answers 'AI-generated' to "
            f"everything would look perfect; this one calls {wrong_ai:,} of "
            f"{counted(n_ai, 'AI-generated face')} real ({percent(wrong_ai / n_ai)})."
        )
    if verdict.constant:
        answer = {"real": "real", "ai": "AI-generated"}[verdict.constant]
        return (
            f"The classifier calls all {n_real + n_ai:,} images {answer}: it tells nothing apart, "
            "and equal error rates of groups mean nothing."
        )
    found = (
        f"Averaged over real and AI-generated images, the classifier is right in "
        f"{percent(verdict.balanced_accuracy)} of cases ({interval_title(confidence)} "
        f"{percent_range(verdict.low, verdict.high)}; {n_real:,} real, {n_ai:,} AI-generated), "
        "where a coin or a constant answer is right in 50.0 %"
    )
    conclusion = {
        "pass": ".",
        "fail": f": not above {percent(NEAR_CHANCE)}, so it hardly does better than guessing.",
    }
    return found + conclusion.get(
        verdict.status,
        f": too few images to be sure that it is above {percent(NEAR_CHANCE)}.",
    )


def _confusion(counts: OutcomeCounts, data: AuditInput) -> Confusion:
    moved = count_by_threshold(counts, data)
    # Real photographs, then AI images.
    called_real: list[list[Number]] = [
        [int(c.real_called_real[0]), int(c.ai_called_real[0])] for c in moved
    ]
    called_ai: list[list[Number]] = [
        [int(c.real_called_ai[0]), int(c.ai_called_ai[0])] for c in moved
    ]
    return Confusion(
        title="What the images are, and what the classifier calls them",
        note=(
            "An image is called AI-generated when its score is at least the threshold "
            f"(audited: {data.threshold:g})."
        ),
        real_called_real=int(counts.real_called_real[0]),
        real_called_ai=int(counts.real_called_ai[0]),
        ai_called_real=int(counts.ai_called_real[0]),
        ai_called_ai=int(counts.ai_called_ai[0]),
        by_threshold={"called_real": called_real, "called_ai": called_ai},
    )


def _predictors(counts: OutcomeCounts, data: AuditInput) -> Table:
    moved = [_shares(found) for found in count_by_threshold(counts, data)]
    names = ["this classifier", "always real", "always AI-generated", COIN]
    rows: list[list[Cell]] = [
        [name, *shares] for name, shares in zip(names, _shares(counts), strict=True)
    ]
    columns = np.array(moved, float)
    return Table(
        title="The classifier beside those that do not look at the picture",
        note="The rates of the coin are those to be expected.",
        columns=[
            Column(title="predictor"),
            Column(title="real called AI (FPR)", kind="percent"),
            Column(title="AI called real (FNR)", kind="percent"),
            Column(title="called rightly", kind="percent", help="accuracy"),
            Column(
                title="mean over real and AI",
                kind="percent",
                help="balanced accuracy; chance is 50 %",
            ),
        ],
        rows=rows,
        by_threshold={str(1 + i): rounded(columns[:, :, i], "percent") for i in range(4)},
    )


def _shares(counts: OutcomeCounts) -> list[list[float | None]]:
    """Compute FPR, FNR, accuracy and balanced accuracy of each predictor; None: undefined."""
    n_real, n_ai = int(counts.n_real[0]), int(counts.n_ai[0])
    called_ai = int(counts.real_called_ai[0] + counts.ai_called_ai[0])
    coin = called_ai / (n_real + n_ai)
    # Share of the real photographs called AI, share of the AI faces called real.
    predictors = [
        (
            int(counts.real_called_ai[0]) / max(n_real, 1),
            int(counts.ai_called_real[0]) / max(n_ai, 1),
        ),
        (0.0, 1.0),
        (1.0, 0.0),
        (coin, 1 - coin),
    ]
    return [
        [
            fpr if n_real else None,
            fnr if n_ai else None,
            ((1 - fpr) * n_real + (1 - fnr) * n_ai) / (n_real + n_ai),
            1 - (fpr + fnr) / 2 if n_real and n_ai else None,
        ]
        for fpr, fnr in predictors
    ]


CHECK = Check(
    id="triviality",
    title="The classifier beside guessing",
    failure_title="The classifier does hardly better than guessing",
    description=(
        "A classifier that gives every picture the same answer treats all groups alike and is "
        "worth nothing. This sets the classifier beside the two constant answers and a coin. "
        "Where it does no better, no other check of this audit may pass."
    ),
    run=run,
)
