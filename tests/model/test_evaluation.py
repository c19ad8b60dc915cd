"""Threshold and validation counts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceaudit.model.evaluation import choose_threshold, cross_entropy, summarise, top_losses


def test_half_where_it_separates():
    assert choose_threshold(np.float32([0.1, 0.4, 0.6]), np.array([False, False, True])) == 0.5


def test_one_image_is_no_reason_to_leave_half():
    p_ai = np.float32([*np.linspace(0, 0.05, 400), 0.1, *np.linspace(0.9, 1, 200)])
    is_ai = np.array([False] * 400 + [True] * 201)
    assert choose_threshold(p_ai, is_ai) == 0.5


def test_many_images_are_a_reason():
    p_ai = np.float32([*np.linspace(0, 0.7, 400), *np.linspace(0.72, 1, 200)])
    is_ai = np.array([False] * 400 + [True] * 200)
    assert 0.69 < choose_threshold(p_ai, is_ai) < 0.72


def test_rare_label_counts_as_much_as_the_common_one():
    # Half of 20 AI images lie below 0.5, and with them 2 of 1,000 photographs.
    p_ai = np.float32([0.1] * 998 + [0.3] * 2 + [0.35] * 10 + [0.9] * 10)
    is_ai = np.array([False] * 1000 + [True] * 20)
    assert 0.3 < choose_threshold(p_ai, is_ai) < 0.35


def balanced(p_ai, is_ai, threshold):
    called = p_ai >= np.float32(threshold)
    return (called[is_ai].mean() + (~called[~is_ai]).mean()) / 2


@settings(deadline=None)  # the machine may be busy
@given(
    arrays(np.float32, 30, elements=st.floats(0, 1, width=32)),
    arrays(np.bool_, 30).filter(lambda flags: flags.any() and not flags.all()),
)
def test_no_threshold_is_much_better_and_none_as_good_is_nearer(p_ai, is_ai):
    chosen = choose_threshold(p_ai, is_ai)
    assert np.float32(chosen) == chosen
    others = np.unique([np.float32(0.5), *p_ai[p_ai > p_ai.min()]])
    best = max(balanced(p_ai, is_ai, other) for other in others)
    n = np.bincount(is_ai, minlength=2)
    assert balanced(p_ai, is_ai, chosen) >= best - np.sqrt((0.25 / (n + 2)).sum()) / 2 - 1e-9
    if balanced(p_ai, is_ai, 0.5) >= best - 1e-9:
        assert chosen == 0.5


def test_counts_and_losses():
    p_ai = np.float32([0.5, 0.4, 0.9, 0.2])
    is_ai = np.array([False, False, True, True])
    record = summarise(p_ai, is_ai, 0.5)
    assert (record.real_called_real, record.real_called_ai) == (1, 1)
    assert (record.ai_called_real, record.ai_called_ai) == (1, 1)
    expected = -np.log([0.5, 0.6, 0.9, 0.2])
    assert cross_entropy(p_ai, is_ai) == pytest.approx(expected, rel=1e-6)
    table = pa.table(
        {"image": list("abcd"), "dataset": ["d"] * 4, "label": ["real"] * 2 + ["ai"] * 2}
    )
    worst = top_losses(table, p_ai, is_ai)
    assert [loss.image for loss in worst] == ["d", "a", "b", "c"]
    assert worst[0].label == "ai" and worst[0].loss == pytest.approx(-np.log(0.2), rel=1e-6)
