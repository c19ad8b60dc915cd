"""Our summary measures by what the AI-Face benchmark's own script printed of the same images.

The numbers were printed by ``training/fairness_metrics.py`` of Purdue-M2/AI-Face-FairnessBench at
commit 588f80c, unmodified, which ``benchmarks/purdue_measures.py`` runs on the images made there:
those of the recorded scores, drawn ones (seed 1), and the drawn ones of which one race and one age
have photographs alone. Of these last two the counts stand here.
"""

from __future__ import annotations

import numpy as np
import pytest

from faceaudit.stats import fairness_measures as fm
from faceaudit.stats.counts import Counts
from purdue_measures import PERCENT, ours, recorded

NAMES = ("F_DP", "F_meo", "foae", "F_EO", "F_EFPR")
OF_COUNTS = (fm.f_dp, fm.f_meo, fm.f_oae, fm.f_eo, fm.f_efpr)
UNIT = np.array([100 if name in PERCENT else 1 for name in NAMES])
#: Half of the last of five decimals, or of three of a percentage.
ROUNDING = 0.51e-5

OF_RECORDED = {
    "gender": (0.229, 0.008, 0.007, 8e-05, 8e-05),
    "race": (2.874, 0.318, 0.303, 0.00466, 0.00466),
    "gender × race": (3.562, 0.564, 0.54, 0.01002, 0.01002),
}
#: Counts of each group as (real, called AI, AI, called real), and what is printed.
DRAWN = {
    "gender": (
        [(852, 523, 855, 10), (1142, 219, 1151, 188)],
        (28.592, 42.208, 13.475, 0.57372, 0.42208),
    ),
    "race": (
        [(614, 199, 627, 74), (195, 35, 171, 44), (1185, 508, 1208, 80)],
        (24.104, 24.92, 2.987, 0.50762, 0.29722),
    ),
    "third": (
        [
            (395, 89, 378, 61),
            (420, 179, 478, 44),
            (305, 77, 264, 41),
            (458, 244, 477, 14),
            (416, 153, 409, 38),
        ],
        (23.092, 30.743, 8.189, 0.68657, 0.48549),
    ),
    "gender × race": (
        [
            (258, 143, 250, 3),
            (83, 30, 73, 7),
            (511, 350, 532, 0),
            (356, 56, 377, 71),
            (112, 5, 98, 37),
            (674, 158, 676, 80),
        ],
        (53.135, 64.029, 16.231, 1.76195, 1.18561),
    ),
}
SOME_ALONE = {
    "gender": (
        [(852, 523, 466, 7), (1142, 219, 597, 107)],
        (33.736, 42.208, 21.466, 0.58629, 0.42208),
    ),
    "race": (
        [(614, 199, 0, 0), (195, 35, 136, 39), (1185, 508, 927, 75)],
        (24.515, 24.92, 5.248, 0.45506, 0.2492),
    ),
    "third": (
        [
            (395, 89, 268, 37),
            (420, 179, 317, 26),
            (305, 77, 195, 25),
            (458, 244, 0, 0),
            (416, 153, 283, 26),
        ],
        (15.507, 20.087, 8.811, 0.41723, 0.32486),
    ),
    "gender × race": (
        [
            (258, 143, 0, 0),
            (83, 30, 62, 7),
            (511, 350, 404, 0),
            (356, 56, 0, 0),
            (112, 5, 74, 32),
            (674, 158, 523, 75),
        ],
        (57.136, 64.029, 18.786, 1.26291, 0.78865),
    ),
}


def counts(cells):
    return Counts(("g",), [(str(i),) for i in range(len(cells))], *np.transpose(cells))


def test_an_audit_gives_what_the_script_prints_of_recorded_scores():
    found = ours(recorded("without-ffhq"))
    for tag, printed in OF_RECORDED.items():
        values = [found[name, tag] for name in NAMES]
        assert values == pytest.approx(printed / UNIT, abs=ROUNDING), tag


@pytest.mark.parametrize("tag", DRAWN)
def test_measures_are_what_the_script_prints_of_drawn_scores(tag):
    cells, printed = DRAWN[tag]
    found = [measure(counts(cells)).value for measure in OF_COUNTS]
    assert found == pytest.approx(printed / UNIT, abs=ROUNDING)


@pytest.mark.parametrize("tag", SOME_ALONE)
def test_the_script_leaves_a_group_that_lacks_a_label_out_of_all_but_the_whole(tag):
    """The differences that docs/statistics-ranking.md tells of, and nothing else, set us apart."""
    cells, printed = SOME_ALONE[tag]
    everybody, two = counts(cells), counts([cell for cell in cells if cell[0] and cell[2]])
    f_dp, f_meo, f_oae = (measure(two).value for measure in OF_COUNTS[:3])
    fpr, fnr = two.real_called_ai / two.n_real, two.ai_called_real / two.n_ai
    from_fpr = abs(fpr - everybody.real_called_ai.sum() / everybody.n_real.sum()).sum()
    from_fnr = abs(fnr - everybody.ai_called_real.sum() / everybody.n_ai.sum()).sum()
    values = [f_dp, f_meo, f_oae, from_fpr + from_fnr, from_fpr]
    assert values == pytest.approx(printed / UNIT, abs=ROUNDING)
    assert fm.f_meo(everybody).value == f_meo, "what needs both labels is the same"
    if len(two.groups) < len(cells):
        assert fm.f_efpr(everybody).value != pytest.approx(from_fpr, abs=ROUNDING)
