"""Power: the gap called detectable is detected in four audits of five."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from faceaudit.stats.intervals import difference_interval
from faceaudit.stats.power import minimum_detectable_gap


@pytest.mark.parametrize("n", [5, 30, 400])
@pytest.mark.parametrize(("reference_events", "reference_n"), [(0, 500), (20, 1000), (300, 1000)])
@pytest.mark.parametrize("power", [0.8, 0.95])
def test_detected_with_the_stated_power(
    n: int, reference_events: int, reference_n: int, power: float
) -> None:
    gap = minimum_detectable_gap(n, reference_events, reference_n, power=power)
    rate = reference_events / reference_n + gap
    events = np.arange(n + 1)
    low, _ = difference_interval(events, n, reference_events, reference_n)
    assert stats.binom.pmf(events, n, rate)[low > 0].sum() == pytest.approx(power, abs=1e-9)


def test_too_small_to_detect_anything() -> None:
    gaps = minimum_detectable_gap([0, 1, 5, 50], [30, 30, 30, 0], [100, 100, 100, 0])
    np.testing.assert_array_equal(np.isnan(gaps), [True, True, False, True])


def test_more_images_detect_smaller_gaps() -> None:
    gaps = minimum_detectable_gap([10, 100, 1_000, 100_000], 50, 1_000)
    assert (np.diff(gaps) < 0).all()
    # Even endless images of one group cannot make up for a small reference.
    _, high = difference_interval(50, 1_000, 5_000_000, 100_000_000)
    assert gaps[-1] > high / 2
