from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from faceaudit.audit import run_check
from faceaudit.checks.over_represented import CHECK, OverRepresentedOptions
from faceaudit.checks.parts.hypotheses import HYPOTHESES, Answer
from faceaudit.stats.risk_ratios import MOST_VALUES
from faceaudit.tags.age import AGE_BANDS

DEFAULT = OverRepresentedOptions()


def people(drawn, n, rate, *, age=0.0, glasses=0.0, seed=0, dataset="ffhq", **spec):
    """Draw people of whom the older wear glasses more often; effects are log odds."""
    rng = np.random.default_rng(seed)
    band = rng.choice(9, n, p=[0.05, 0.1, 0.1, 0.25, 0.2, 0.15, 0.1, 0.04, 0.01])
    worn = np.where(rng.random(n) < 0.03 + 0.08 * band, rng.choice([1, 2], n, p=[0.8, 0.2]), 0)
    risk = expit(logit(rate) + age * (band - 4) + glasses * (worn > 0))
    return drawn(
        ["real"] * n,
        np.where(rng.random(n) < risk, 0.9, 0.1),
        {
            "age_band": [AGE_BANDS[i] for i in band],
            "glasses": [["none", "reading", "sunglasses"][i] for i in worn],
            "gender": rng.choice(["female", "male"], n).tolist(),
        },
        dataset=[dataset] * n,
        **spec,
    )


def hypotheses(result):
    assert result.details[0].title == "The published suspicions"
    return {(row[0], row[1]): row for row in result.details[0].rows}


def test_glasses_are_cleared_when_it_is_age(drawn):
    result = run_check(CHECK, people(drawn, 6000, 0.25, age=0.35), DEFAULT)
    row = hypotheses(result)["people with glasses", "ffhq"]
    assert row[7] > 1.1, "alone, glasses look guilty"
    assert row[-1] == Answer.BOUNDED.word
    assert row[11] < 1.25
    assert hypotheses(result)["middle-aged people (40 to 59)", "ffhq"][-1] == Answer.HOLDS.word
    found = next(f for f in result.findings if f.tags == ["glasses"])
    assert found.held_equal == ["age_band", "gender"]
    assert [of.n for of in found.groups] == [row[2], row[4]]
    assert (found.interval.value, found.interval.low, found.interval.high) == tuple(row[9:12])
    assert found.interval.together and found.interval.confidence == pytest.approx(0.975)
    assert found.sentence.startswith("People with glasses in ffhq: ")
    rate, high = found.groups[1].value, found.interval.high
    odds = high * rate / (1 - high * rate) / (rate / (1 - rate))
    assert row[12] == pytest.approx(odds) and odds > high
    assert (
        f"one of more than {high:.2f} times as often ({odds:.2f} times the odds) is excluded"
        in found.sentence
    )
    assert "with age band, gender held equal" in found.sentence


def test_glasses_are_convicted_when_it_is_glasses(drawn):
    result = run_check(CHECK, people(drawn, 6000, 0.25, glasses=0.8), DEFAULT)
    assert hypotheses(result)["people with glasses", "ffhq"][-1] == Answer.HOLDS.word
    assert "glasses 'reading' in ffhq" in result.sentence
    ages = next(d for d in result.details if d.title == "ffhq: does the tag make a difference?")
    p = {row[0]: row[1:3] for row in ages.rows}
    assert p["age band"][0] < 0.01 < p["age band"][1], "age is cleared at equal glasses"
    assert p["glasses"][1] < 1e-6


def test_the_reverse_and_the_undecided(drawn):
    result = run_check(CHECK, people(drawn, 6000, 0.25, glasses=-0.8), DEFAULT)
    row = hypotheses(result)["people with glasses", "ffhq"]
    assert row[-1] == Answer.REVERSED.word
    result = run_check(CHECK, people(drawn, 150, 0.25, seed=3), DEFAULT)
    assert hypotheses(result)["people with glasses", "ffhq"][-1] == Answer.UNDECIDED.word


def test_where_nearly_everyone_is_accused_nobody_stands_out(drawn):
    result = run_check(CHECK, people(drawn, 3000, 0.998), DEFAULT)
    row = hypotheses(result)["people with glasses", "ffhq"]
    assert row[-1] == Answer.SATURATED.word
    assert "no group can stand out" in result.findings[0].sentence


def test_a_hypothesis_without_its_tag_is_said_to_be_so(drawn):
    rows = hypotheses(run_check(CHECK, people(drawn, 300, 0.3), DEFAULT))
    assert rows["people with round faces", "none"][-1] == Answer.NOT_ASKED.word
    assert {name for name, _ in rows} == set(HYPOTHESES)


def test_hypotheses_can_be_ones_own(drawn):
    options = OverRepresentedOptions(suspicions={"men": {"gender": ["male"]}})
    rows = hypotheses(run_check(CHECK, people(drawn, 3000, 0.3), options))
    assert list(rows) == [("men", "ffhq")]


def test_nobody_is_over_represented_by_chance_more_often_than_stated(drawn):
    """'Holds' for any of two hypotheses in 2.5 % of draws, a sure group in at most 5 %."""
    holds = sure = 0
    for seed in range(120):
        result = run_check(CHECK, people(drawn, 400, 0.3, seed=seed), DEFAULT)
        holds += any(row[-1] == Answer.HOLDS.word for row in hypotheses(result).values())
        sure += "surely over-represented" in result.sentence
    # Binomial of 120: ten or more, and fourteen or more, have chances of 0.1 % and 0.4 %.
    assert holds < 10
    assert sure < 14


def test_data_sets_are_looked_at_one_by_one(drawn):
    one = people(drawn, 800, 0.5, age=0.5)
    two = people(drawn, 800, 0.02, seed=1)
    tags = ("age_band", "glasses", "gender")
    both = drawn(
        ["real"] * 1600,
        one.table["p_ai"].to_pylist() + two.table["p_ai"].to_pylist(),
        {tag: one.table[tag].to_pylist() + two.table[tag].to_pylist() for tag in tags}
        | {"glasses": one.table["glasses"].to_pylist() + [None] * 800},
        dataset=["ffhq"] * 800 + ["lfw"] * 800,
    )
    result = run_check(CHECK, both, DEFAULT)
    titles = [detail.title for detail in result.details]
    assert "lfw: does the tag make a difference?" in titles
    lfw = next(d for d in result.details if d.title == "lfw: does the tag make a difference?")
    assert [row[0] for row in lfw.rows] == ["age band", "gender"], "lfw has no glasses"
    assert ("people with glasses", "lfw") not in hypotheses(result)


def test_small_groups_are_shown_alone_and_merged_in_the_regression(drawn):
    result = run_check(CHECK, people(drawn, 600, 0.3, small_group=30), DEFAULT)
    table = result.details[-1]
    rows = {(row[0], row[1]): row for row in table.rows}
    assert rows["age band", "70+"][2] < 30
    assert rows["age band", "70+"][5] is not None
    assert rows["age band", "70+"][9] is None
    assert rows["age band", "20-29"][9] is not None


def test_ai_faces_play_no_part(drawn):
    data = people(drawn, 900, 0.3, seed=5)
    n = len(data.table)
    tags = {tag: data.table[tag].to_pylist() for tag in ("age_band", "glasses", "gender")}
    with_ai = drawn(
        ["real"] * n + ["ai"] * n,
        data.table["p_ai"].to_pylist() + [0.9] * n,
        {tag: values * 2 for tag, values in tags.items()},
        dataset=["ffhq"] * 2 * n,
    )
    assert run_check(CHECK, with_ai, DEFAULT).details == CHECK.run(data, DEFAULT).details


def test_images_without_a_tag_leave_the_regression_and_are_counted(drawn):
    data = people(drawn, 900, 0.3, seed=5)
    gender = data.table["gender"].to_pylist()
    tags = {
        "age_band": data.table["age_band"].to_pylist(),
        "gender": [None] * 100 + gender[100:],
        "shape": ["round", "long", *[None] * 898],
    }
    data = drawn(["real"] * 900, data.table["p_ai"].to_pylist(), tags)
    note = next(d for d in run_check(CHECK, data, DEFAULT).details if "difference" in d.title).note
    assert "on 800 of 900 photographs" in note
    assert "Left out, as mostly unknown or saying nothing more: shape." in note


def test_tags_that_name_persons_or_repeat_another_are_not_groups(drawn):
    n = 400
    race = np.tile(["White", "Black"], n // 2)
    data = drawn(
        ["real"] * n,
        np.tile([0.9, 0.1, 0.1, 0.1], n // 4),
        {
            "race": race.tolist(),
            "race_coarse": np.char.lower(race).tolist(),
            "person": [f"p{i % (MOST_VALUES + 1)}" for i in range(n)],
        },
    )
    tags = next(d for d in run_check(CHECK, data, DEFAULT).details if "difference" in d.title)
    assert [row[0] for row in tags.rows] == ["race"]


def test_awkward_tables(awkward):
    result = run_check(CHECK, awkward, DEFAULT)
    assert result.status in ("info", "not-estimable")
    assert all(found.sentence for found in result.findings)


@pytest.mark.parametrize("cells", [{"a": (40, 40, 0, 0), "b": (35, 35, 0, 0)}])
def test_all_called_ai(counted, cells):
    result = run_check(CHECK, counted(cells), DEFAULT)
    assert "none of 2 groups is shown to be over-represented" in result.sentence
