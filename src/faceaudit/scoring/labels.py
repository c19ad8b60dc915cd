"""What labelled pictures say of a detector just run: is it the right way round, and fed right?

Both mistakes are silent: a model whose classes were swapped, or which gets its pictures in another
range of numbers than it learned from, gives probabilities like any other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

from faceaudit.datasets.sources import StoredImages
from faceaudit.model.image_reader import read_pictures
from faceaudit.model.preprocess import Floats
from faceaudit.scoring.detectors import Detector, probabilities
from faceaudit.stats.clusters import clusters_of
from faceaudit.stats.counts import Images
from faceaudit.stats.ranking import group_ranking
from faceaudit.wording import counted

CONFIDENCE = 0.95
#: An AUC that is surely below this is hardly better than guessing.
NEAR_CHANCE = 0.6
#: Pictures of each label that are scored with other preparations, and the fewest that tell.
TRIED, FEWEST = 32, 16
#: Preparations whose AUC differs by less than this are named side by side.
ALIKE = 0.01

Bools = npt.NDArray[np.bool_]


def said_of_direction(table: pa.Table) -> tuple[bool, list[str]]:
    """Tell whether scores are surely the wrong way round, and what is to be said of that.

    Parameters
    ----------
    table : pyarrow.Table
        Scores, see `faceaudit.scoring.score`. Without both labels nothing is said.
    """
    table = table.filter(pc.is_valid(table["p_ai"]))
    is_ai = pc.equal(table["label"], "ai").to_numpy()
    if is_ai.all() or not is_ai.any():
        return False, []
    runs = Images(table, clusters_of(table, None)).runs(())
    auc = group_ranking(runs, CONFIDENCE).subgroup
    value, low, high = (float(of[0]) for of in (auc.value, auc.low, auc.high))
    told = (
        f"AUC {value:.3f}, {low:.3f} to {high:.3f}; {counted(int((~is_ai).sum()), 'photograph')}, "
        f"{int(is_ai.sum()):,} AI-generated"
    )
    if high < 0.5:
        return True, [
            f"The scores look inverted: on labelled pictures AI-generated ones score below "
            f"photographs ({told}). If the classes were taken the wrong way round, name the one "
            "that means AI-generated with --ai-class; if the labels are swapped, correct those; "
            "else the classifier is wrong more often than right."
        ]
    if high < NEAR_CHANCE:
        return False, [
            f"On labelled pictures the scores hardly do better than guessing ({told}). If the "
            "classifier is known to do better, its pictures may be prepared otherwise than for "
            "its training: see --preprocess."
        ]
    return False, []


def said_of_preparation(detector: Detector, images: StoredImages, table: pa.Table) -> list[str]:
    """Try other preparations on a few pictures, where a user said how they are prepared.

    What an inverted classifier tells apart is not for want of preparation, so it is turned round.

    Parameters
    ----------
    detector, images
    table : pyarrow.Table
        As of `said_of_direction`.
    """
    table = table.filter(pc.is_valid(table["p_ai"]))
    is_ai = pc.equal(table["label"], "ai").to_numpy()
    with detector.blamed():
        others = detector.alternatives()
    rng = np.random.default_rng(0)
    chosen = [rng.permutation(np.flatnonzero(of))[:TRIED] for of in (~is_ai, is_ai)]
    if not others or min(map(len, chosen)) < FEWEST:
        return []
    inverted, _ = said_of_direction(table)
    rows = np.sort(np.concatenate(chosen))
    sample, label = table.take(rows), is_ai[rows]
    given = sample["p_ai"].to_numpy()
    given = 1 - given if inverted else given
    auc = float(_above(given, label).mean())
    if auc == 1:
        return []
    found: dict[str, tuple[float, float]] = {}
    for said, other in others.items():
        scores = _scores(other, images, sample)
        known = ~np.isnan(scores)
        gain, low = auc_gain(given[known], scores[known], label[known], CONFIDENCE, len(others))
        if low > 0:
            found[said] = gain, low
    if not found:
        return []
    gain, low = max(found.values())
    best = " or ".join(f"'{said}'" for said in found if gain - found[said][0] < ALIKE)
    turned = " turned round" if inverted else ""
    return [
        f"Pictures prepared otherwise are told apart much better: on {len(sample)} of them {best} "
        f"in --preprocess gives an AUC of {auc + gain:.3f}, and what was said {auc:.3f}{turned} "
        f"(the difference is at least {low:.3f}, allowing for the {len(others)} ways that were "
        "tried). Look up how pictures were prepared for the model's training."
    ]


def _scores(detector: Detector, images: StoredImages, sample: pa.Table) -> Floats:
    scores = np.full(len(sample), np.nan, np.float32)
    pictures = read_pictures(sample, images, detector.pixels)
    # None if the file has changed since it was scored.
    read = {row: one.pixels for row, one in enumerate(pictures) if one.pixels is not None}
    if read:
        scores[list(read)] = probabilities(detector, list(read.values()))
    return scores


def auc_gain(
    first: Floats, second: Floats, is_ai: Bools, confidence: float, tried: int = 1
) -> tuple[float, float]:
    """Return by how much a second score's AUC exceeds a first one's, and the lower bound of that.

    The interval is DeLong's for scores of the same pictures, with Student's t for the fewer of the
    labels, at a confidence that allows for `tried` second scores (Bonferroni).

    References
    ----------
    DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837–845.
    """
    gain = _above(second, is_ai) - _above(first, is_ai)
    if min(gain.shape) < 2:
        return float("nan"), float("nan")
    variance = sum(np.var(gain.mean(axis=i), ddof=1) / gain.shape[1 - i] for i in (0, 1))
    quantile = stats.t.ppf(1 - (1 - confidence) / 2 / tried, min(gain.shape) - 1)
    return float(gain.mean()), float(gain.mean() - quantile * np.sqrt(variance))


def _above(scores: Floats, is_ai: Bools) -> npt.NDArray[np.float64]:
    """Tell of each pair whether the AI-generated picture scores above the photograph.

    Shape (AI-generated, photographs); ties are one half. Its mean is the AUC.
    """
    ai, real = scores[is_ai][:, None], scores[~is_ai]
    return np.asarray((ai > real) + (ai == real) / 2)
