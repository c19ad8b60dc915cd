from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceaudit.stats.intervals import rate_interval
from faceaudit.stats.population import weighted_rate

#: Images and errors without and with glasses, and the population's share, of four cells.
CELLS = {
    ("f", "young"): ((40, 5), (20, 6), 0.2),
    ("f", "old"): ((10, 3), (15, 4), 0.31),
    ("m", "young"): ((60, 2), (30, 0), 0.21),
    ("m", "old"): ((7, 1), (18, 5), 0.28),
}
GLASSES = np.array([[plain, worn] for plain, worn, _ in CELLS.values()])
SHARE = np.array([share for *_, share in CELLS.values()])
CELL, ERRORS = GLASSES.sum(axis=1).T
FEMALE = np.array([gender == "f" for gender, _ in CELLS])


@pytest.mark.parametrize(
    ("events", "n", "value", "standard_error"),
    [
        (ERRORS, CELL, 0.1953333333333333, 0.0389275369521347),
        (ERRORS * FEMALE, CELL * FEMALE, 0.2420915032679739, 0.0591086746137876),
        (ERRORS * ~FEMALE, CELL * ~FEMALE, 0.1466666666666668, 0.0502640483831277),
        (GLASSES[:, 0, 1], GLASSES[:, 0, 0], 0.1465807174887892, 0.0485079169502841),
        (GLASSES[:, 1, 1], GLASSES[:, 1, 0], 0.2395727365208548, 0.0602477553271719),
    ],
    ids=["all", "female", "male", "no glasses", "glasses"],
)
def test_rate_and_error_are_those_of_survey_packages(events, n, value, standard_error):
    # svy 0.35.0 gave these numbers, and samplics 0.6.1 the same ones, for the 200 images as rows
    # with weight share / images of the cell: Sample(rows, Design(stratum="cell", wgt="weight"))
    # .estimation.mean("error", by=…). Both need polars (180 MB), so neither is installed here.
    found = weighted_rate(events, n, CELL, SHARE)
    assert found.value == pytest.approx(value, rel=1e-9)
    assert found.standard_error == pytest.approx(standard_error, rel=1e-9)
    assert found.low < value < found.high


def test_the_design_effect_is_that_of_a_survey_package():
    # samplics 0.6.1: SampleWeight().calculate_deff_weight(weights).
    assert weighted_rate(ERRORS, CELL, CELL, SHARE).design_effect == pytest.approx(1.627333333333)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 500), st.data())
def test_one_cell_has_the_exact_interval(n, data):
    events = data.draw(st.integers(0, n))
    found = weighted_rate([events], [n], [n], np.array([1.0]))
    low, high = rate_interval(events, n)
    assert found.value == pytest.approx(events / n)
    assert [found.low, found.high] == pytest.approx([float(low), float(high)])


def test_a_cell_of_great_weight_without_an_error_widens_the_interval():
    even = weighted_rate([3, 0], [300, 300], [300, 300], np.array([0.5, 0.5]))
    heavy = weighted_rate([3, 0], [300, 5], [300, 5], np.array([0.5, 0.5]))
    assert heavy.value == pytest.approx(even.value)
    assert heavy.high > 0.2 > 0.03 > even.high
    assert 0 < heavy.low < even.low


def test_images_of_a_cell_that_hang_together_widen_it():
    share, effect = np.array([0.3, 0.7]), np.array([4.0, 4.0])
    plain = weighted_rate([3, 9], [100, 90], [100, 90], share)
    clustered = weighted_rate([12, 36], [400, 360], [400, 360], share, effect=effect)
    assert clustered.value == plain.value
    assert clustered.low == pytest.approx(plain.low, rel=0.01)
    assert clustered.high == pytest.approx(plain.high, rel=0.01)


def test_nothing_known_and_nothing_wrong():
    share = np.array([0.5, 0.5, 0.0])
    assert np.isnan(weighted_rate([0, 0, 5], [0, 0, 9], [0, 4, 9], share).value)
    none = weighted_rate([0, 0, 5], [4, 8, 9], [4, 8, 9], share)
    assert (none.value, none.low) == (0, 0) and 0 < none.high < 1
    every = weighted_rate([4, 8, 5], [4, 8, 9], [4, 8, 9], share)
    assert (every.value, every.high) == (1, 1) and 0 < every.low < 1
