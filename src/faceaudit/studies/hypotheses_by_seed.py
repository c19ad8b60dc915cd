"""Suspected: the published suspicions, put to the classifiers of every seed together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.checks.generator_population import fit_slope, shared_tags
from faceaudit.checks.parts.error_rates import interval_title
from faceaudit.checks.parts.hypotheses import HYPOTHESES, ratio_columns
from faceaudit.checks.parts.risk_ratios import FEWEST_ERRORS, called_ai, contrast
from faceaudit.result import Cell, CheckResult, Column, Finding, Table
from faceaudit.studies.runs import FinishedRun
from faceaudit.studies.seed_intervals import across_seeds
from faceaudit.wording import capitalised, percent, times, times_range

#: The published classifier called so many of the generator's photographs AI-generated.
PUBLISHED_ERROR = 0.71
#: What was suspected, and what our own audits made us ask beside it.
ASKED: dict[str, dict[str, list[str]]] = HYPOTHESES | {
    "women": {"gender": ["female"]},
    "people in their twenties": {"age_band": ["20-29"]},
    "people who face the camera": {"head_pose": ["frontal"]},
    "East Asian people": {"race": ["East Asian"]},
}
#: Smaller groups are merged where other tags are held equal.
SMALLEST_GROUP = 30
POPULATION = "for every doubling of a group's share in the generator's training set (odds)"

Ratio = tuple[float, float, float]


@dataclass(frozen=True)
class Answer:
    """One suspicion in one arm, over its seeds.

    Attributes
    ----------
    arm, dataset, name : str
    n, rest_n : int or None
        Photographs of those suspected, and of all others.
    alone, equal : tuple of float or None
        Ratio of rates and its interval, for images and seed; `equal` with all other tags held
        equal, as over-represented does it. None where a seed has too few errors.
    seeds : tuple of float
        The ratio of each seed, of `equal` if there is one.
    """

    arm: str
    dataset: str
    name: str
    n: int | None
    rest_n: int | None
    alone: Ratio | None
    equal: Ratio | None
    seeds: tuple[float, ...]

    @property
    def word(self) -> str:
        """Whether those suspected are accused more often."""
        decisive = self.equal or self.alone
        if decisive is None:
            return "not estimable"
        _, low, high = decisive
        return "more often" if low > 1 else "less often" if high < 1 else "undecided"


def suspected(finished: Sequence[FinishedRun], name: str, confidence: float) -> CheckResult:
    """Ask of both arms and every data set whose real photographs are called AI more often.

    Parameters
    ----------
    finished : sequence of FinishedRun
        Without and with, in turn.
    name : str
        What is added in the second arm.
    confidence : float
    """
    table = finished[0].scores.table
    real = pc.equal(table["label"], "real")
    answers: list[Answer] = []
    notes = []
    for dataset in sorted(pc.unique(table["dataset"].filter(real)).to_pylist()):
        rows = pc.and_(real, pc.equal(table["dataset"], dataset))
        for arm, runs in ((f"without {name}", finished[0::2]), (f"with {name}", finished[1::2])):
            parts = [_photographs(run, rows) for run in runs]
            thresholds = [run.record.threshold for run in runs]
            accused = [called_ai(p, t).sum() for p, t in zip(parts, thresholds, strict=True)]
            if min(accused) < FEWEST_ERRORS:
                continue
            share = np.mean(accused) / len(parts[0])
            if share > PUBLISHED_ERROR:
                thresholds = [_at_published_error(part) for part in parts]
                notes.append(
                    f"{capitalised(arm)} in training, nearly all photographs of {dataset} are "
                    f"called AI-generated ({percent(share)}), so that nobody can stand out: each "
                    f"classifier's threshold is moved to where {percent(PUBLISHED_ERROR)} are, as "
                    "in the published experiment."
                )
            answers += _answers(arm, dataset, parts, thresholds, confidence)
    clear = [answer for answer in answers if answer.word in ("more often", "less often")]
    sentence = _sentence(clear, confidence)
    return CheckResult(
        id="suspected",
        title="Who was suspected to stand out",
        description=(
            "The suspicions published with the experiment, and some of our own, put to the "
            "classifiers of all seeds: how many times as often are such people called AI-generated "
            "as others, alone and with all other tags held equal? The intervals allow for the "
            "images and for the seed."
        ),
        status="info" if answers else "not-estimable",
        sentence=sentence,
        findings=[Finding(sentence=sentence, status="info", check="suspected", weight=0.7)],
        details=[_table(answers, " ".join(notes), confidence)] if answers else [],
    )


def _photographs(run: FinishedRun, rows: pa.ChunkedArray) -> pa.Table:
    """Give the set's real photographs as one run scored them, with the tags that they have."""
    part = run.scores.table.filter(rows)
    return part.select([c for c in part.column_names if part[c].null_count < len(part)])


def _at_published_error(part: pa.Table) -> float:
    return float(np.quantile(part["p_ai"].to_numpy(), 1 - PUBLISHED_ERROR))


def _answers(
    arm: str,
    dataset: str,
    parts: Sequence[pa.Table],
    thresholds: Sequence[float],
    confidence: float,
) -> Iterator[Answer]:
    for name, tags in ASKED.items():
        for tag, values in tags.items():
            slices = [
                contrast(part, tag, values, threshold, SMALLEST_GROUP, confidence)
                for part, threshold in zip(parts, thresholds, strict=True)
            ]
            found = [one for one in slices if one is not None]
            if not found or len(found) < len(slices):
                continue
            alone = [(one.alone.ratio, one.alone.low, one.alone.high) for one in found]
            equal = [
                (one.equal.ratio, one.equal.low, one.equal.high)
                for one in found
                if one.equal is not None
            ]
            both = len(equal) == len(found)
            yield Answer(
                arm,
                dataset,
                name if len(tags) == 1 else f"{name} ({tag.replace('_', ' ')})",
                found[0].n,
                found[0].rest_n,
                _across(alone, confidence),
                _across(equal, confidence) if both else None,
                tuple(ratio for ratio, *_ in (equal if both else alone)),
            )
    tags_shared = shared_tags(parts[0])
    if tags_shared:
        slopes = [
            fit_slope("", [(part, tags_shared)], threshold, confidence)
            for part, threshold in zip(parts, thresholds, strict=True)
        ]
        ratios = [(one.ratio, one.low, one.high) for one in slopes]
        seeds = tuple(ratio for ratio, *_ in ratios)
        yield Answer(arm, dataset, POPULATION, None, None, _across(ratios, confidence), None, seeds)


def _across(ratios: Sequence[Ratio], confidence: float) -> Ratio | None:
    """Average ratios over seeds on the log scale; None if a seed has none."""
    with np.errstate(divide="ignore"):
        logs = np.log(np.array(ratios, float))
    if not np.isfinite(logs).all():
        return None
    found = across_seeds(
        logs[:, [0]], logs[:, [1]], logs[:, [2]], confidence, bounds=(-np.inf, np.inf)
    )
    mean, low, high = (float(np.exp(v[0])) for v in (found.mean, found.low, found.high))
    return mean, low, high


def _sentence(clear: Sequence[Answer], confidence: float) -> str:
    if not clear:
        return "Beyond what images and seed explain, none of those suspected stands out."
    told = []
    for answer in clear:
        ratio, low, high = answer.equal or answer.alone or (np.nan,) * 3
        span = times_range(low, high)
        if answer.name == POPULATION:
            doubling = POPULATION.removesuffix(" (odds)")
            who = f"the odds of being accused are {times(ratio)} as high ({span}) {doubling}"
        else:
            equal = ", all other tags held equal" if answer.equal else ""
            who = f"{answer.name} are accused {answer.word} ({times(ratio)}, {span}{equal})"
        told.append(f"{answer.arm} in training, {answer.dataset}: {who}")
    return f"Beyond images and seed ({interval_title(confidence)}s), {'; '.join(told)}."


def _table(answers: Sequence[Answer], note: str, confidence: float) -> Table:
    rows: list[list[Cell]] = [
        [
            answer.arm,
            answer.dataset,
            answer.name,
            answer.n,
            answer.rest_n,
            *(answer.alone or (None,) * 3),
            *(answer.equal or (None,) * 3),
            min(answer.seeds) if np.isfinite(answer.seeds).all() else None,
            max(answer.seeds) if np.isfinite(answer.seeds).all() else None,
            answer.word,
        ]
        for answer in answers
    ]
    return Table(
        title="Those suspected against all others, real photographs",
        note=f"{interval_title(confidence)}s, each on its own, for images and seed. {note}".strip(),
        columns=[
            Column(title="in training"),
            Column(title="data set"),
            Column(title="who"),
            Column(title="photographs", kind="count"),
            Column(title="others", kind="count"),
            *ratio_columns("ratio"),
            *ratio_columns("ratio, others equal"),
            Column(title="lowest seed", kind="number"),
            Column(title="highest seed", kind="number"),
            Column(title="called AI-generated"),
        ],
        rows=rows,
    )
