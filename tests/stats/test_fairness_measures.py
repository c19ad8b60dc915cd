from __future__ import annotations

import math

import numpy as np
import pytest
from fairlearn import metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from faceaudit.stats import fairness_measures as fm
from faceaudit.stats.counts import Counts

MEASURES = {
    **{name: found for name, found in vars(fm).items() if isinstance(found, fm.Measure)},
    **{
        f"{rate}_{name}": found
        for name in ("inequity_ratio", "max_over_geomean", "gini")
        for rate, found in getattr(fm, name).items()
    },
}
NAMES = list(MEASURES)


def counts(*cells):
    """Build counts from (n real, called AI, n AI, called real) by group."""
    columns = np.array(cells, np.int64).reshape(-1, 4).T
    return Counts(("g",), [(str(i),) for i in range(columns.shape[1])], *columns)


def test_every_measure_is_listed_once():
    assert sorted(map(id, fm.MEASURES)) == sorted(map(id, MEASURES.values()))


def value_of(name, found):
    return MEASURES[name](found).value


def rows(found):
    """Write the counts out as one label, verdict and group an image."""
    label, verdict, group = [], [], []
    for g in range(len(found.groups)):
        for true, called, n in (
            (0, 0, found.real_called_real[g]),
            (0, 1, found.real_called_ai[g]),
            (1, 0, found.ai_called_real[g]),
            (1, 1, found.ai_called_ai[g]),
        ):
            label += [true] * n
            verdict += [called] * n
            group += [g] * n
    return label, verdict, group


EXAMPLE = counts((100, 10, 50, 5), (200, 40, 100, 30), (50, 2, 40, 4))

cell = st.integers(1, 30).flatmap(
    lambda n: st.integers(1, 30).flatmap(
        lambda m: st.tuples(st.just(n), st.integers(0, n), st.just(m), st.integers(0, m))
    )
)


@pytest.mark.parametrize(
    "name",
    [
        "demographic_parity_difference",
        "demographic_parity_ratio",
        "equalized_odds_difference",
        "equalized_odds_ratio",
    ],
)
@settings(max_examples=15, deadline=None)
@given(cells=st.lists(cell, min_size=2, max_size=5))
def test_agrees_with_fairlearn_on_the_rows(name, cells):
    found = counts(*cells)
    label, verdict, group = rows(found)
    value = getattr(fm, name)(found)
    if math.isnan(value.value):
        # Only where a ratio would divide nothing by nothing.
        assert name.endswith("ratio")
        assert "0 in every group" in value.note
        return
    expected = getattr(metrics, name)(label, verdict, sensitive_features=group)
    assert value.value == pytest.approx(expected, abs=1e-12)
    assert value.note is None


def test_ai_face_measures_by_hand():
    fpr, tpr = np.array([0.1, 0.2, 0.04]), np.array([0.9, 0.7, 0.9])
    overall_fpr, overall_tpr = 52 / 350, 151 / 190
    accuracy = np.array([135 / 150, 230 / 300, 84 / 90])
    called_ai = np.array([55 / 150, 110 / 300, 38 / 90])
    distances = np.abs(fpr - overall_fpr)
    both = distances + np.abs(tpr - overall_tpr)
    assert fm.f_dp(EXAMPLE).value == pytest.approx(np.ptp(called_ai))
    assert fm.f_meo(EXAMPLE).value == pytest.approx(0.2)
    assert fm.f_oae(EXAMPLE).value == pytest.approx(np.ptp(accuracy))
    assert fm.f_eo(EXAMPLE).value == pytest.approx(both.sum())
    assert fm.f_eo_by_group(EXAMPLE).value == pytest.approx(both.sum() / 3)
    assert fm.f_efpr(EXAMPLE).value == pytest.approx(distances.sum())
    assert fm.f_efpr_by_group(EXAMPLE).value == pytest.approx(distances.sum() / 3)
    assert fm.worst_group_accuracy(EXAMPLE).value == pytest.approx(230 / 300)


def test_biometric_measures_by_hand():
    assert value_of("fpr_inequity_ratio", EXAMPLE) == pytest.approx(0.2 / 0.04)
    assert value_of("fnr_inequity_ratio", EXAMPLE) == pytest.approx(0.3 / 0.1)
    assert fm.inequity_rate(EXAMPLE).value == pytest.approx(math.sqrt(5 * 3))
    geomean = (0.1 * 0.2 * 0.04) ** (1 / 3)
    assert value_of("fpr_max_over_geomean", EXAMPLE) == pytest.approx(0.2 / geomean)
    # Sum over ordered pairs: 2 × (0.1 + 0.06 + 0.16).
    fpr_gini = 3 / 2 * 0.64 / (2 * 9 * (0.34 / 3))
    assert value_of("fpr_gini", EXAMPLE) == pytest.approx(fpr_gini)
    fnr_gini = 3 / 2 * 0.8 / (2 * 9 * (0.5 / 3))
    assert fm.garbe(EXAMPLE).value == pytest.approx((fpr_gini + fnr_gini) / 2)
    assert fm.fairness_discrepancy_rate(EXAMPLE).value == pytest.approx(1 - (0.16 + 0.2) / 2)
    assert fm.four_fifths_ratio(EXAMPLE).value == pytest.approx(0.8 / 0.96)


def test_gini_is_one_when_one_group_bears_all_errors():
    assert value_of("fpr_gini", counts((10, 5, 0, 0), (10, 0, 0, 0), (20, 0, 0, 0))) == 1


def test_zero_error_policy_is_applied_and_said():
    found = fm.inequity_ratio["fpr"](counts((10, 0, 0, 0), (20, 4, 0, 0)))
    assert found.value == pytest.approx((4.5 / 21) / (0.5 / 11))
    assert "(errors + 1/2) / (images + 1)" in found.note
    nowhere = fm.inequity_ratio["fpr"](counts((10, 0, 0, 0), (20, 0, 0, 0)))
    assert math.isnan(nowhere.value)
    assert "no group has an error" in nowhere.note


def test_group_without_a_label_is_left_out_and_said():
    found = fm.f_meo(counts((100, 10, 50, 5), (200, 40, 100, 30), (50, 50, 0, 0)))
    assert found.value == pytest.approx(0.2)
    assert found.note == "left out, without real photographs or AI-generated faces: 1 of 3 groups"
    # The FPR alone needs no AI-generated face.
    assert fm.f_efpr(counts((10, 1, 0, 0), (10, 3, 0, 0))).value == pytest.approx(0.2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "found", [counts(), counts((5, 1, 5, 1)), counts((5, 1, 5, 1), (0, 0, 0, 0))]
)
def test_fewer_than_two_groups_is_undefined_with_a_reason(name, found):
    value = MEASURES[name](found)
    assert math.isnan(value.value)
    assert value.note.startswith("fewer than two groups with ")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "worst_group_accuracy"])
def test_equal_groups_give_the_value_that_is_called_equal(name):
    value = value_of(name, counts((50, 5, 40, 8), (100, 10, 80, 16)))
    assert value == pytest.approx(MEASURES[name].equal, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50, deadline=None)
@given(cells=st.lists(cell, min_size=2, max_size=6))
def test_stays_in_its_range(name, cells):
    value = value_of(name, counts(*cells))
    low, high = {
        "from 1": (1, np.inf),
        "0 to 1": (0, 1),
        "0 to 2": (0, 2),
        "0 to groups": (0, len(cells)),
        "0 to 2 × groups": (0, 2 * len(cells)),
    }[MEASURES[name].range]
    assert math.isnan(value) or low - 1e-12 <= value <= high + 1e-12
