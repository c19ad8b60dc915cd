from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from patsy import dmatrix
from scipy.special import expit
from statsmodels.stats.contingency_tables import Table

from faceaudit.stats.trend import linear_trend, smooth_rate

N = np.array([40, 200, 350, 300, 90, 20])
EVENTS = np.array([[2, 9, 16, 20, 9, 3], [3, 3, 16, 9, 9, 2]])


def test_p_is_that_of_statsmodels():
    found = linear_trend(EVENTS, N, np.arange(6))
    for events, p in zip(EVENTS, found.p.ravel(), strict=True):
        table = Table(np.stack([events, N - events], axis=1), shift_zeros=False)
        assert p == pytest.approx(table.test_ordinal_association().pvalue)


def test_the_line_is_that_of_least_squares():
    found = linear_trend(EVENTS[0], N, np.arange(6))
    fitted = sm.WLS(EVENTS[0] / N, sm.add_constant(np.arange(6)), weights=N).fit()
    assert found.slope == pytest.approx(fitted.params[1])
    assert [*found.first, *found.last] == pytest.approx(fitted.fittedvalues[[0, -1]])


@pytest.mark.parametrize("ends", [(0.02, 0.02), (0.03, 0.07), (0.3, 0.1)])
def test_the_slope_is_held_and_0_is_excluded_where_the_test_rejects(ends):
    rates = np.linspace(*ends, 6)
    events = np.random.default_rng(4).binomial(N, rates, (4_000, 6))
    events = events[events.any(axis=1)]
    found = linear_trend(events, N, np.arange(6))
    held = (found.low <= rates[1] - rates[0]) & (rates[1] - rates[0] <= found.high)
    assert 0.94 < held.mean() < 0.965
    assert (((found.low > 0) | (found.high < 0)) == (found.p < 0.05)).all()


def test_without_an_error_there_is_no_slope():
    found = linear_trend([[0, 0, 0], [9, 9, 9]], [9, 9, 9], [0, 1, 2])
    assert np.isnan([found.slope, found.low, found.high, found.p]).all()


YEARS = np.arange(1, 96)
IMAGES = np.round(np.interp(YEARS, [1, 20, 30, 60, 95], [30, 30, 80, 40, 1])).astype(int)


def test_a_curve_is_that_of_a_natural_spline_where_errors_are_many():
    images = 300 * IMAGES
    events = np.random.default_rng(2).binomial(images, expit(-2 + np.sin(YEARS / 15)))
    found = smooth_rate(events, images, YEARS)
    shares, each = np.linspace(0.01, 0.99, 12), np.repeat(YEARS, images)
    knots = np.quantile(each, shares, method="inverted_cdf")
    ends = {"lower_bound": knots[0], "upper_bound": knots[-1]}
    design = dmatrix("cr(x, knots=k, **e) - 1", {"x": YEARS, "k": knots[1:-1], "e": ends})
    outcome = np.stack([events, images - events], axis=1)
    fitted = sm.GLM(outcome, np.asarray(design), family=sm.families.Binomial()).fit()
    assert found.value == pytest.approx(fitted.fittedvalues, abs=2e-3)


@pytest.mark.parametrize("bend", [0 * YEARS, YEARS / 40, ((YEARS - 40) / 35) ** 2])
def test_the_band_holds_the_whole_curve(bend):
    true, random = expit(bend - 4), np.random.default_rng(9)
    held = []
    for events in random.binomial(IMAGES, true, (20, len(YEARS))):
        found = smooth_rate(events, IMAGES, YEARS)
        held.append(((found.low <= true) & (true <= found.high)).all())
    assert np.mean(held) >= 0.9


def test_two_ages_make_no_curve_and_heaped_ones_do():
    assert smooth_rate([60, 70], [300, 300], [30, 40]) is None
    found = smooth_rate([60, 70, 9, 9], [900, 600, 300, 90], [30, 40, 41, 60])
    assert (found.high - found.low < 0.3).all()
