"""Triviality: does the classifier do better than a constant answer or a coin?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.layout import by_threshold, lay_out, number, text
from faceaudit.result import Confusion, Finding, Table
from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Counts
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.ranking import Auc, group_ranking
from faceaudit.stats.verdicts import NEAR_CHANCE, Triviality, judge_triviality
from faceaudit.wording import counted, interval_title, percent, percent_range

#: Heavier than any gap: where this fails, the gaps mean nothing.
WEIGHT = 10.0
#: An AUC that is surely below this is no bad luck: the scores point the other way.
REVERSED = 0.4
REVERSED_TITLE = "The scores look reversed"
COIN = "a coin that says AI-generated as often as the classifier"


def run(data: AuditInput, options: Options) -> Product:
    """Set the classifier beside always real, always AI-generated, and a coin."""
    counts = data.counts(())
    audited = counts.at(data.threshold)
    verdict = judge_triviality(audited, data.spec.confidence)
    title, sentence = None, _sentence(audited, verdict, data.spec.confidence)
    if verdict.trivial and (auc := _auc(data)).high[0] < REVERSED:
        verdict = replace(verdict, status="fail")
        title, sentence = REVERSED_TITLE, _reversed(auc, data.spec.confidence)
    findings = []
    if verdict.status in ("fail", "insufficient-evidence"):
        finding = Finding(sentence=sentence, status=verdict.status, weight=WEIGHT, in_answer=True)
        findings.append(finding)
    return Product(
        title=title,
        status=verdict.status,
        sentence=sentence,
        findings=findings,
        details=[_confusion(counts, data), _predictors(counts, data)],
    )


def _auc(data: AuditInput) -> Auc:
    return group_ranking(data.images.runs(()), data.spec.confidence).subgroup


def _reversed(auc: Auc, confidence: float) -> str:
    low, high = float(auc.low[0]), float(auc.high[0])
    return (
        "The scores look reversed: an AI-generated face scores above a real photograph in only "
        f"{percent(float(auc.value[0]))} of pairs ({interval_title(confidence)} "
        f"{percent_range(low, high)}), where guessing gives 50.0 %. If they are the probability "
        "of a real photograph, audit again with --score-is p-real; if the labels are swapped, "
        "correct those; else the classifier is wrong more often than right."
    )


def _sentence(counts: Counts, verdict: Triviality, confidence: float) -> str:
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


def _confusion(counts: Counts, data: AuditInput) -> Confusion:
    at = counts.at(data.threshold)
    # Real photographs, then AI images.
    called_real = np.hstack([counts.real_called_real, counts.ai_called_real])
    called_ai = np.hstack([counts.real_called_ai, counts.ai_called_ai])
    return Confusion(
        title="What the images are, and what the classifier calls them",
        note=(
            "An image is called AI-generated when its score is at least the threshold "
            f"(audited: {data.threshold:g})."
        ),
        real_called_real=int(at.real_called_real[0]),
        real_called_ai=int(at.real_called_ai[0]),
        ai_called_real=int(at.ai_called_real[0]),
        ai_called_ai=int(at.ai_called_ai[0]),
        by_threshold=by_threshold(
            {"called_real": (called_real, "count"), "called_ai": (called_ai, "count")}
        ),
    )


def _predictors(counts: Counts, data: AuditInput) -> Table:
    fpr, fnr, accuracy, balanced = _shares(counts)
    return lay_out(
        "The classifier beside those that do not look at the picture",
        [
            text("predictor", ["this classifier", "always real", "always AI-generated", COIN]),
            number("real called AI (FPR)", "percent", fpr),
            number("AI called real (FNR)", "percent", fnr),
            number("called rightly", "percent", accuracy, "accuracy"),
            number(
                "mean over real and AI", "percent", balanced, "balanced accuracy; chance is 50 %"
            ),
        ],
        data,
        "The rates of the coin are those to be expected.",
    )


def _shares(counts: Counts) -> FloatArray:
    """Compute FPR, FNR, accuracy and balanced accuracy of each predictor at each threshold.

    Shape (4, thresholds, predictors); not-a-number where undefined.
    """
    n_real, n_ai, n = counts.n_real[0], counts.n_ai[0], counts.n[0]
    coin = ((counts.real_called_ai + counts.ai_called_ai) / n)[:, 0]
    never, always = np.zeros_like(coin), np.ones_like(coin)
    # Share of the real photographs called AI, share of the AI faces called real.
    fpr = rate_of(counts.real_called_ai, counts.n_real)[:, 0]
    fnr = rate_of(counts.ai_called_real, counts.n_ai)[:, 0]
    wrong_real = np.stack([fpr, never, always, coin], axis=1)
    wrong_ai = np.stack([fnr, always, never, 1 - coin], axis=1)
    if not n_real:
        wrong_real[:] = np.nan
    if not n_ai:
        wrong_ai[:] = np.nan
    right = np.nan_to_num(1 - wrong_real) * n_real + np.nan_to_num(1 - wrong_ai) * n_ai
    return np.stack([wrong_real, wrong_ai, right / n, 1 - (wrong_real + wrong_ai) / 2])


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
