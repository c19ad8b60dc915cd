"""Hypotheses by seed: the published suspicions, put to the classifiers of every seed together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

from faceaudit import wording as say
from faceaudit.checks.generator_population import fit_slope, shared_tags
from faceaudit.checks.parts.hypotheses import HYPOTHESES, ratio_columns
from faceaudit.layout import lay_out, number, text
from faceaudit.result import Cell, CheckResult, Table
from faceaudit.schema import called_ai
from faceaudit.stats import FloatArray
from faceaudit.stats.counts import Images
from faceaudit.stats.risk_ratios import FEWEST_ERRORS, Ratio, contrast
from faceaudit.stats.significance import adjust
from faceaudit.studies.seed_intervals import across_seeds
from faceaudit.studies.study import check

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

#: Columns of a row, by the place of the first of three: a ratio and the ends of its interval.
CRUDE, ADJUSTED = 5, 8


def hypotheses_by_seed(
    tables: Sequence[pa.Table], thresholds: Sequence[float], name: str, confidence: float
) -> CheckResult:
    """Ask of every data set who is called AI-generated more often, without and with `name`.

    `tables` are the scores of the runs, without and with in turn.
    """
    real = pc.equal(tables[0]["label"], "real")
    rows: list[list[Cell]] = []
    notes = []
    for dataset in sorted(pc.unique(tables[0]["dataset"].filter(real)).to_pylist()):
        photographs = pc.and_(real, pc.equal(tables[0]["dataset"], dataset))
        for place, side in enumerate((f"without {name}", f"with {name}")):
            parts = [Images(_tagged(table.filter(photographs))) for table in tables[place::2]]
            at = thresholds[place::2]
            accused = [called_ai(p.score, t).sum() for p, t in zip(parts, at, strict=True)]
            if min(accused) < FEWEST_ERRORS:
                continue
            share = np.mean(accused) / len(parts[0])
            if share > PUBLISHED_ERROR:
                at = [float(np.quantile(part.score, 1 - PUBLISHED_ERROR)) for part in parts]
                notes.append(
                    f"{say.capitalised(side)} in training, nearly all photographs of {dataset} are "
                    f"called AI-generated ({say.percent(share)}), so that nobody can stand out: "
                    "each classifier's threshold is moved to where "
                    f"{say.percent(PUBLISHED_ERROR)} are, as in the published experiment."
                )
            asked = _ask(list(zip(parts, at, strict=True)), confidence)
            rows += [[side, dataset, *cells] for cells in asked]
    return conclude(rows, " ".join(notes), confidence)


def conclude(rows: Sequence[list[Cell]], note: str, confidence: float) -> CheckResult:
    """Say which rows stand out once all of them are allowed for."""
    p = np.array([_p(row, confidence) for row in rows])
    known = ~np.isnan(p)
    holm = p.copy()
    holm[known] = adjust(p[known])[0]
    judged = list(zip(rows, p.tolist(), holm.tolist(), strict=True))
    words = [_word(*each, confidence) for each in judged]
    told = [_told(*each) for each in judged]
    of = f"with {say.counted(int(known.sum()), 'row')} allowed for (Holm)"
    if clear := [told[i] for i in np.flatnonzero(holm < 1 - confidence)]:
        findings = {f"Beyond images and seed, {of}: {'; '.join(clear)}.": 0.7}
    else:
        findings = {f"None of those suspected stands out {of}.": 0.7}
        if known.any():
            findings[f"Nearest to standing out: {told[int(np.nanargmin(p))]}."] = 0.3
    return check(
        "suspected",
        "Who was suspected to stand out",
        "why",
        "The suspicions published with the experiment, and some of our own, put to the classifiers "
        "of all seeds: how many times as often are such people called AI-generated as others, "
        "alone and with all other tags held equal? The intervals allow for the images and for the "
        "seed.",
        findings,
        [_table(rows, p, holm, words, note, confidence)] if len(rows) else [],
    )


def _tagged(part: pa.Table) -> pa.Table:
    """Leave out the tags that a data set does not have."""
    return part.select([c for c in part.column_names if part[c].null_count < len(part)])


def _ask(runs: Sequence[tuple[Images, float]], confidence: float) -> Iterator[list[Cell]]:
    """Put every hypothesis whose tag is there to each run's photographs and threshold."""
    for name, tags in ASKED.items():
        for tag, values in tags.items():
            slices = [contrast(p, tag, values, t, SMALLEST_GROUP, confidence) for p, t in runs]
            found = [one for one in slices if one is not None]
            if len(found) == len(runs):
                who = name if len(tags) == 1 else f"{name} ({say.tag_title(tag)})"
                crude, adjusted = [one.crude for one in found], [one.adjusted for one in found]
                n = found[0].chosen.n, found[0].others.n
                yield _answer(who, n, crude, adjusted, confidence)
    if shared := shared_tags(runs[0][0].table):
        slopes = [fit_slope("", [p.counts(shared, t)], confidence) for p, t in runs]
        ratios = [Ratio(slope.ratio, slope.low, slope.high) for slope in slopes]
        yield _answer(POPULATION, (None, None), ratios, [None], confidence)


def _answer(
    who: str,
    n: tuple[int | None, int | None],
    crude_by_seed: Sequence[Ratio],
    adjusted_by_seed: Sequence[Ratio | None],
    confidence: float,
) -> list[Cell]:
    crude, adjusted = _across(crude_by_seed, confidence), _across(adjusted_by_seed, confidence)
    decisive_by_seed = adjusted_by_seed if all(adjusted_by_seed) else crude_by_seed
    seeds = [ratio.value for ratio in decisive_by_seed if ratio]
    nothing = (None,) * 3
    cells: list[Cell] = [who, *n, *(crude or nothing), *(adjusted or nothing)]
    return cells + ([min(seeds), max(seeds)] if np.isfinite(seeds).all() else [None, None])


def _decisive(row: Sequence[Cell]) -> Ratio:
    """Return a row's ratio that answers: at equal other tags if there is one."""
    start = CRUDE if row[ADJUSTED] is None else ADJUSTED
    return Ratio(*np.array(row[start : start + 3], float))


def _p(row: Sequence[Cell], confidence: float) -> float:
    """Return the two-sided p-value of the interval's side towards 1, as if normal in the log."""
    value, low, high = np.log(_decisive(row))
    side = value - low if value > 0 else high - value
    return float(2 * stats.norm.sf(stats.norm.isf((1 - confidence) / 2) * abs(value) / side))


def _word(row: Sequence[Cell], p: float, holm: float, confidence: float) -> str:
    if np.isnan(p):
        return "not estimable"
    if p >= 1 - confidence:
        return "undecided"
    more = "more often" if _decisive(row).value > 1 else "less often"
    return more if holm < 1 - confidence else f"{more} on its own, not among all rows"


def _told(row: Sequence[Cell], p: float, holm: float) -> str:
    who, (ratio, low, high) = row[2], _decisive(row)
    span = f"{say.times_range(low, high)}, p = {p:.2g}, Holm {holm:.2g}"
    if who == POPULATION:
        doubling = POPULATION.removesuffix(" (odds)")
        told = f"the odds of being accused are {say.times(ratio)} as high ({span}) {doubling}"
    else:
        equal = "" if row[ADJUSTED] is None else ", all other tags held equal"
        word = "more" if ratio > 1 else "less"
        told = f"{who} are accused {word} often ({say.times(ratio)}, {span}{equal})"
    return f"{row[0]} in training, {row[1]}: {told}"


def _across(effects: Sequence[Ratio | None], confidence: float) -> Ratio | None:
    """Average ratios over seeds on the log scale; None if a seed has none."""
    found = [ratio for ratio in effects if ratio is not None]
    with np.errstate(divide="ignore"):
        logs = np.log(found)
    if len(found) < len(effects) or not np.isfinite(logs).all():
        return None
    value, low, high = logs.T[:, :, None]
    mean, low, high, *_ = across_seeds(value, low, high, confidence, bounds=(-np.inf, np.inf))
    return Ratio(float(np.exp(mean[0])), float(np.exp(low[0])), float(np.exp(high[0])))


def _table(
    rows: Sequence[list[Cell]],
    p: FloatArray,
    holm: FloatArray,
    words: Sequence[str],
    note: str,
    confidence: float,
) -> Table:
    side, dataset, who, n, others, *ratios, lowest, highest = zip(*rows, strict=True)
    return lay_out(
        "Those suspected against all others, real photographs",
        [
            text("in training", side),
            text("data set", dataset),
            text("who", who),
            number("photographs", "count", n),
            number("others", "count", others),
            *ratio_columns("ratio", ratios[:3]),
            *ratio_columns("ratio, others equal", ratios[3:]),
            number("lowest seed", "number", lowest),
            number("highest seed", "number", highest),
            number("p", "p", p),
            number("p (Holm)", "p", holm),
            text("called AI-generated", words),
        ],
        note=f"{say.interval_title(confidence)}s, each on its own, for images and seed; p is that "
        f"of the interval that answers, and Holm's is over all rows. {note}".strip(),
    )
