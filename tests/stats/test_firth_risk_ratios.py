from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit, logit

from faceaudit.stats.firth_risk_ratios import (
    _without_repeats,
    count_cells,
    firth_logistic,
    firth_risk_ratios,
)


def test_cells_add_up_to_the_images():
    rng = np.random.default_rng(0)
    codes = [rng.integers(0, k, 5000) for k in (2, 9, 4)]
    events = rng.random(5000) < 0.3
    cells, wrong, n = count_cells(codes, events)
    assert n.sum() == 5000
    assert wrong.sum() == events.sum()
    assert len(np.unique(cells, axis=0)) == len(cells)
    here = np.all(np.stack(codes, axis=1) == cells[0], axis=1)
    assert (n[0], wrong[0]) == (here.sum(), events[here].sum())


def test_many_tags_do_not_overflow():
    rng = np.random.default_rng(0)
    codes = [rng.integers(0, 20, 300) for _ in range(40)]
    cells, _, n = count_cells(codes, np.zeros(300, bool))
    assert len(n) == 300
    assert sorted(map(tuple, cells)) == sorted(zip(*codes, strict=True))


def test_firth_of_a_saturated_table_is_half_an_image_more_in_each_cell():
    # Firth (1993): for a saturated table the penalty adds 1/2 to every cell.
    design = np.array([[1.0, 0], [1, 1]])
    coefficients, _ = firth_logistic(design, np.array([0.0, 5]), np.array([20.0, 30]))
    assert coefficients[0] == pytest.approx(np.log(0.5 / 20.5), abs=1e-6)
    assert coefficients.sum() == pytest.approx(np.log(5.5 / 25.5), abs=1e-6)


def test_agrees_with_statsmodels_where_the_penalty_does_not_matter():
    import statsmodels.api as sm

    rng = np.random.default_rng(1)
    codes = [rng.integers(0, k, 400_000) for k in (2, 5, 3)]
    events = rng.random(400_000) < expit(-1 + 0.4 * codes[0] - 0.2 * codes[1])
    cells, wrong, n = count_cells(codes, events)
    design = np.column_stack(
        [np.ones(len(n))] + [cells[:, t] == k for t, K in enumerate((2, 5, 3)) for k in range(1, K)]
    ).astype(float)
    coefficients, covariance = firth_logistic(sparse.csr_array(design), wrong, n)
    model = sm.GLM(
        np.column_stack([wrong, n - wrong]),
        design,
        family=sm.families.Binomial(),
    ).fit()
    assert coefficients == pytest.approx(model.params, abs=1e-3)
    assert np.sqrt(np.diag(covariance)) == pytest.approx(model.bse, rel=1e-3)


def test_one_tag_alone_gives_the_plain_ratio():
    codes = np.repeat([0, 1], [4000, 6000])
    events = np.r_[np.arange(4000) < 800, np.arange(6000) < 600]
    ratios, p_any = firth_risk_ratios({"g": codes}, events)
    tag = ratios["g"]
    assert tag.ratio == pytest.approx([2, 0.5], rel=2e-3)
    # Katz's interval of the log ratio, which the delta method gives for two groups.
    error = np.sqrt(1 / 800 - 1 / 4000 + 1 / 600 - 1 / 6000)
    assert np.log(tag.high[0] / tag.low[0]) / 2 == pytest.approx(1.95996 * error, rel=1e-2)
    assert tag.p[0] < 1e-10 and p_any["g"] < 1e-10


def test_a_confounded_tag_is_cleared_and_the_cause_is_not():
    rng = np.random.default_rng(2)
    age = rng.integers(0, 5, 20_000)
    glasses = (rng.random(20_000) < 0.05 + 0.15 * age).astype(int)
    events = rng.random(20_000) < expit(-2 + 0.5 * age)
    alone = events[glasses == 1].mean() / events[glasses == 0].mean()
    found, p_any = firth_risk_ratios({"age": age, "glasses": glasses}, events)
    assert alone > 1.4
    assert found["glasses"].low[1] < 1 < found["glasses"].high[1] < 1.1
    assert p_any["age"] < 1e-10 < p_any["glasses"]


def test_groups_without_an_error_or_with_nothing_else_stay_finite():
    codes = np.repeat([0, 1, 2], [40, 200, 40])
    events = np.r_[np.zeros(40, bool), np.arange(200) < 60, np.ones(40, bool)]
    tag = firth_risk_ratios({"g": codes}, events)[0]["g"]
    assert np.isfinite(tag).all()
    assert tag.high[0] < 1 < tag.low[2]
    # Not surer than the exact limit allows: 8.8 % for none of 40, over 100 of 240 in the rest.
    assert tag.high[0] > 0.088 / (100 / 240)


def test_a_tag_that_says_the_same_as_one_before_is_left_out():
    rng = np.random.default_rng(3)
    race = rng.integers(0, 4, 1000)
    events = rng.random(1000) < 0.3
    ratios, p_any = firth_risk_ratios({"race": race, "coarse": race // 2}, events)
    assert list(ratios) == list(p_any) == ["race"]


def test_the_tags_kept_are_those_that_raise_the_rank():
    """Against the rank of the matrix with every tag in turn; values split, joined and mixed."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        race, age, gender = (rng.integers(0, k, 120) for k in (4, 3, 2))
        codes = {"race": race, "coarse": race // 2, "age": age, "both": 3 * race + age}
        codes |= {"gender": gender, "same": 1 - gender, "nearly": gender.copy()}
        codes["nearly"][0] ^= 1
        names = rng.permutation(list(codes)).tolist()
        matrix, kept = np.ones((120, 1)), []
        for name in names:
            wider = np.hstack([matrix, np.eye(12)[codes[name]][:, 1 : codes[name].max() + 1]])
            if np.linalg.matrix_rank(wider) == wider.shape[1]:
                matrix, kept = wider, [*kept, name]
        cells, _, n = count_cells([codes[name] for name in names], np.zeros(120, bool))
        design, columns = _without_repeats(cells, names, n)
        assert list(columns) == kept
        assert design.shape[1] == matrix.shape[1]


def test_a_matrix_in_parts_gives_what_the_whole_gives(monkeypatch):
    rng = np.random.default_rng(6)
    codes = {f"t{i}": rng.integers(0, 2 + i % 4, 700) for i in range(6)}
    events = rng.random(700) < 0.3
    whole, p_any = firth_risk_ratios(codes, events)
    monkeypatch.setattr("faceaudit.stats.firth_risk_ratios.MOST_PRODUCTS", 1_000)
    in_parts, p_too = firth_risk_ratios(codes, events)
    assert p_too == pytest.approx(p_any, rel=1e-8)
    for tag, ratios in whole.items():
        assert np.stack(in_parts[tag]) == pytest.approx(np.stack(ratios), rel=1e-8)


def test_of_many_tags_no_pair_is_kept_for_every_image():
    """200 tags of 10,000 images would be 3 GB, and each tag more would be as many again."""
    rng = np.random.default_rng(7)
    codes = {f"t{i}": rng.integers(0, 2, 2_000) for i in range(100)}
    tracemalloc.start()
    found, _ = firth_risk_ratios(codes, rng.random(2_000) < 0.4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 100
    assert peak < 50e6, "2,000 × 101 × 101 pairs are 163 MB"


@pytest.mark.parametrize("rate", [0.03, 0.5, 0.95])
def test_intervals_cover_the_standardised_ratio(rate):
    """Three tags, two of them entangled, one small group: 95 % intervals cover 95 %."""
    rng = np.random.default_rng(4)
    inside = []
    age = rng.choice(5, 600, p=[0.1, 0.2, 0.4, 0.2, 0.1])
    glasses = (rng.random(600) < 0.05 + 0.08 * age).astype(int)
    gender = rng.integers(0, 2, 600)
    effects = {"age": 0.25 * np.arange(5), "glasses": np.array([0, 0.5]), "gender": [0, -0.3]}
    codes = {"age": age, "glasses": glasses, "gender": gender}
    linear = logit(rate) - 0.5 + sum(np.take(effects[tag], codes[tag]) for tag in codes)
    true = {}
    for tag, code in codes.items():
        without = linear - np.take(effects[tag], code)
        risk = np.array([expit(without + effect).mean() for effect in effects[tag]])
        share = np.bincount(code) / 600
        true[tag] = risk * (1 - share) / (share @ risk - share * risk)
    for _ in range(250):
        found, _ = firth_risk_ratios(codes, rng.random(600) < expit(linear))
        for tag, ratio in true.items():
            inside += ((found[tag].low <= ratio) & (ratio <= found[tag].high)).tolist()
    # 250 × 9 intervals, those of one draw entangled: two standard errors are near 2 points.
    assert np.mean(inside) > 0.93
