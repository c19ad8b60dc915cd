"""Better than chance: does the classifier do better than a constant answer or a coin?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.layout import by_threshold, lay_out, number, text
from faceaudit.result import Confusion, Finding, Table
from faceaudit.stats.counts import Counts
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.ranking import Auc, group_ranking
from faceaudit.stats.verdicts import NEAR_CHANCE, BetterThanChance, judge_better_than_chance

#: Heavier than any gap: where this fails, the gaps mean nothing.
WEIGHT = 10.0
#: An AUC that is surely below this is no bad luck: the scores point the other way.
REVERSED = 0.4
REVERSED_TITLE = "The scores look reversed"
CHANCE = "balanced accuracy; chance is 50 %"
COIN = "a coin that says AI-generated as often as the classifier"


def run(data: AuditInput, options: Options) -> Product:
    """Set the classifier beside always real, always AI-generated, and a coin."""
    counts = data.counts(())
    audited = counts.at(data.threshold)
    judged = judge_better_than_chance(audited, data.spec.confidence)
    title, sentence = None, _sentence(audited, judged, data.spec.confidence)
    brief = _brief(judged)
    if judged.trivial and (auc := _auc(data)).high[0] < REVERSED:
        judged = replace(judged, status="fail")
        title, sentence = REVERSED_TITLE, _reversed(auc, data.spec.confidence)
        brief = (
            "The scores look reversed: an AI-generated face scores above a real photograph in only "
            f"{say.percent(float(auc.value[0]))} of pairs."
        )
    finding = Finding(sentence=sentence, status=judged.status, brief=brief, weight=WEIGHT)
    return Product(
        title=title,
        status=judged.status,
        sentence=sentence,
        findings=[finding] if judged.status in ("fail", "insufficient-evidence") else [],
        details=[_confusion(counts, data), _predictors(counts, data)],
    )


def _auc(data: AuditInput) -> Auc:
    return group_ranking(data.images.runs(()), data.spec.confidence).subgroup


def _reversed(auc: Auc, confidence: float) -> str:
    value, low, high = (float(of[0]) for of in (auc.value, auc.low, auc.high))
    return (
        "The scores look reversed: an AI-generated face scores above a real photograph in only "
        f"{say.percent(value)} of pairs ({say.percent_range(low, high, confidence)}), where "
        "guessing gives 50.0 %. If they are the probability of a real photograph, audit again "
        "with --score-is p-real; if the labels are swapped, correct those; else the classifier is "
        "wrong more often than right."
    )


def _sentence(counts: Counts, judged: BetterThanChance, confidence: float) -> str:
    n_real, n_ai = int(counts.n_real[0]), int(counts.n_ai[0])
    real = "real photograph", "real", n_real, int(counts.real_called_ai[0])
    ai = "AI-generated face", "AI-generated", n_ai, int(counts.ai_called_real[0])
    for (image, label, n, wrong), (lacking, called, others, _) in ((real, ai), (ai, real)):
        if not others:
            return (
                f"There is no {lacking} here, so a classifier that answers '{label}' to everything "
                f"would look perfect; this one calls {wrong:,} of {say.counted(n, image)} {called} "
                f"({say.percent(wrong / n)})."
            )
    if judged.constant:
        answer = {"real": "real", "ai": "AI-generated"}[judged.constant]
        return (
            f"The classifier calls all {n_real + n_ai:,} images {answer}: it tells nothing apart, "
            "and equal error rates of groups mean nothing."
        )
    above = f"above {say.percent(NEAR_CHANCE)}"
    conclusion = {
        "pass": "",
        "fail": f": not {above}, so it hardly does better than guessing",
        "insufficient-evidence": f": too few images to be sure that it is {above}",
    }[judged.status]
    return (
        "Averaged over real and AI-generated images, the classifier is right in "
        f"{say.percent(judged.balanced_accuracy)} of cases "
        f"({say.percent_range(judged.low, judged.high, confidence)}; {n_real:,} real, {n_ai:,} "
        f"AI-generated), where a coin or a constant answer is right in 50.0 %{conclusion}."
    )


def _brief(judged: BetterThanChance) -> str:
    if judged.constant:
        answer = {"real": "real", "ai": "AI-generated"}[judged.constant]
        return f"The classifier calls every image {answer}: it tells nothing apart."
    # Not the share of all images, of which one kind may be most.
    right = (
        f"averaged over both kinds it is right in {say.percent(judged.balanced_accuracy)}, "
        "a coin in 50.0 %"
    )
    if judged.status == "insufficient-evidence":
        return f"Too few images to be sure that it does better than guessing: {right}."
    return f"The classifier hardly does better than guessing: {right}."


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
    """Lay out the rates of the classifier and of each that does not look at the picture."""
    n_real, n_ai, n = counts.n_real[0], counts.n_ai[0], counts.n[0]
    coin = ((counts.real_called_ai + counts.ai_called_ai) / n)[:, 0]
    never, always = np.zeros_like(coin), np.ones_like(coin)
    fpr = rate_of(counts.real_called_ai, counts.n_real)[:, 0]
    fnr = rate_of(counts.ai_called_real, counts.n_ai)[:, 0]
    # Shape (thresholds, predictors); not-a-number where undefined.
    wrong_real = np.stack([fpr, never, always, coin], axis=1) + (0 if n_real else np.nan)
    wrong_ai = np.stack([fnr, always, never, 1 - coin], axis=1) + (0 if n_ai else np.nan)
    right = np.nan_to_num(1 - wrong_real) * n_real + np.nan_to_num(1 - wrong_ai) * n_ai
    balanced = 1 - (wrong_real + wrong_ai) / 2
    return lay_out(
        "The classifier beside those that do not look at the picture",
        [
            text("predictor", ["this classifier", "always real", "always AI-generated", COIN]),
            number("real called AI (FPR)", "percent", wrong_real),
            number("AI called real (FNR)", "percent", wrong_ai),
            number("called rightly", "percent", right / n, "accuracy"),
            number("mean over real and AI", "percent", balanced, CHANCE),
        ],
        data,
        "The rates of the coin are those to be expected.",
    )


CHECK = Check(
    id="triviality",
    title="The classifier beside guessing",
    part="specialist",
    failure_title="The classifier does hardly better than guessing",
    description=(
        "A classifier that gives every picture the same answer treats all groups alike and is "
        "worth nothing. This sets the classifier beside the two constant answers and a coin. "
        "Where it does no better, no other check of this audit may pass."
    ),
    run=run,
)
