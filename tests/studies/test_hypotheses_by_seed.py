from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.stats.intervals import ratio_interval
from faceaudit.stats.risk_ratios import Ratio
from faceaudit.studies.hypotheses_by_seed import _across, hypotheses_by_seed


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
