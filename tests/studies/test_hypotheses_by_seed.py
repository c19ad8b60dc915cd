from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.stats.intervals import ratio_interval
from faceaudit.stats.risk_ratios import Ratio
from faceaudit.studies.hypotheses_by_seed import (
    POPULATION,
    _across,
    conclude,
    hypotheses_by_seed,
)


def scores(called, glasses):
    """One run: which photographs it calls AI-generated, and who wears glasses."""
    n = len(called)
    rng = np.random.default_rng(0)
    score = np.where(called, 0.5 + rng.random(n) / 2, rng.random(n) / 2 - 0.01).clip(0, 1)
    return pa.table(
        {
            "image": [f"{i}.jpg" for i in range(n)],
            "label": ["real"] * n,
            "dataset": ["source"] * n,
            "p_ai": pa.array(score, pa.float32()),
            "status": ["ok"] * n,
            "glasses": ["reading" if worn else "none" for worn in glasses],
        }
    )


def asked(runs):
    return hypotheses_by_seed(runs, [0.5] * len(runs), "source", 0.95)


def both_sides(rng, rates, seeds=5, n=1000):
    """Without and with in turn; the first accuses nearly all, the second at the given rates."""
    glasses = np.arange(n) < n // 4
    runs = []
    for _ in range(seeds):
        runs.append(scores(rng.random(n) < 0.97, glasses))
        runs.append(scores(rng.random(n) < np.where(glasses, *rates), glasses))
    return runs


def rows(result):
    table = result.details[0]
    titles = [column.title for column in table.columns]
    return {
        row[0]: dict(zip(titles, row, strict=True)) for row in table.rows if "glasses" in row[2]
    }


def test_a_group_that_every_seed_accuses_twice_as_often_is_found():
    result = asked(both_sides(np.random.default_rng(1), (0.4, 0.2)))
    found = rows(result)["with source"]
    assert (found["photographs"], found["others"]) == (250, 750)
    assert found["ratio: from"] < 2 < found["ratio: to"]
    assert found["lowest seed"] < found["ratio"] < found["highest seed"]
    assert found["called AI-generated"] == "more often"
    assert "with source in training, source: people with glasses are accused more often" in (
        result.sentence
    )


def test_a_row_that_stands_out_only_on_its_own_is_said_to_do_so():
    """Of twenty rows without an effect, one has an interval without 1 by chance."""
    quiet = ["with source", "source", "people", 50, 50, 1.1, 0.8, 1.5125, *[None] * 5]
    loud = [*quiet[:2], POPULATION, None, None, 1.25, 1.04, 1.5024, *[None] * 5]
    result = conclude([quiet] * 19 + [loud], "", 0.95)
    assert result.sentence == (
        "None of those suspected stands out with 20 rows allowed for (Holm). Nearest to standing "
        "out: with source in training, source: the odds of being accused are 1.25 times as high "
        "(1.04 to 1.50 times, p = 0.017, Holm 0.35) for every doubling of a group's share in the "
        "generator's training set."
    )
    assert result.details[0].rows[-1][-1] == "more often on its own, not among all rows"
    alone = conclude([loud], "", 0.95)
    assert alone.details[0].rows[0][-1] == "more often"
    assert alone.sentence.startswith("Beyond images and seed, with 1 row allowed for (Holm)")


def test_a_p_value_is_below_five_in_a_hundred_just_where_its_interval_excludes_one():
    row = ["with", "source", "people", 50, 50]
    for low, high in ((1.0001, 1.9), (0.9999, 1.9), (0.6, 1.0001), (0.6, 0.9999)):
        value = 1.3 if high > 1.1 else 0.8
        p = conclude([[*row, value, low, high, *[None] * 5]], "", 0.95).details[0].rows[0][-3]
        assert (p < 0.05) == (low > 1 or high < 1)


def test_where_nearly_all_are_accused_the_threshold_is_moved_and_it_is_said():
    result = asked(both_sides(np.random.default_rng(1), (0.3, 0.3)))
    assert "Without source in training, nearly all photographs" in result.details[0].note
    assert "to where 71.0 % are" in result.details[0].note
    found = rows(result)["without source"]
    assert found["called AI-generated"] == "undecided"
    assert found["ratio"] == pytest.approx(1, abs=0.1)


def test_a_group_that_only_one_seed_accuses_is_not_found():
    rng = np.random.default_rng(2)
    runs = both_sides(rng, (0.2, 0.2))
    runs[1] = scores(
        rng.random(1000) < np.where(np.arange(1000) < 250, 0.9, 0.2), np.arange(1000) < 250
    )
    result = asked(runs)
    assert rows(result)["with source"]["called AI-generated"] == "undecided"


def test_with_few_errors_nobody_is_asked_about():
    glasses = np.arange(200) < 50
    calm = [scores(np.arange(200) % 100 == 0, glasses) for _ in range(6)]
    result = asked(calm)
    assert result.status == "not-estimable"
    assert not result.details


@pytest.mark.parametrize("scatter", [0.0, 0.3])
def test_the_ratio_over_images_and_seeds_is_covered(scatter):
    """Each seed has a ratio of its own around the true one, on the same images."""
    rng = np.random.default_rng(5)
    n, m, rest, truth, seeds = 100, 400, 0.3, 1.2, 5
    inside = 0
    for _ in range(400):
        hard, hard_rest = rng.random(n), rng.random(m)
        ratios = []
        for _ in range(seeds):
            own = truth * np.exp(rng.normal(0, scatter))
            # The same images are hard for every seed: they are drawn once.
            x, y = int((hard < own * rest).sum()), int((hard_rest < rest).sum())
            low, high = map(float, ratio_interval(x, n, y, m))
            ratios.append(Ratio((x / n) / (y / m), low, high))
        _, low, high = _across(ratios, 0.95)
        inside += low <= truth <= high
    # 400 draws: 92 % is three standard errors below 95 %.
    assert inside / 400 > 0.92
