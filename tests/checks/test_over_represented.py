from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit, logit

from faceaudit.checks.over_represented import CHECK, OverRepresentedOptions
from faceaudit.checks.parts.hypotheses import HYPOTHESES, Answer
from faceaudit.runner import run_check
from faceaudit.stats import risk_ratios
from faceaudit.stats.risk_ratios import DELIVERY, MOST_VALUES, analyse
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


def delivered(drawn, rates, white_of_kind, *, n=4000, seed=0, effect=0.0, **more):
    """Draw people whose pictures come in two formats, one of them suspicious."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, n)
    white = rng.random(n) < np.array(white_of_kind)[kind]
    risk = expit(logit(np.array(rates))[kind] + effect * white)
    data = drawn(
        ["real"] * n,
        np.where(rng.random(n) < risk, 0.9, 0.1),
        {
            "race": np.where(white, "White", "Asian").tolist(),
            "gender": rng.choice(["female", "male"], n).tolist(),
        },
        **more,
    )
    data.table = data.table.append_column("format", [np.array(["jpeg", "png"])[kind].tolist()])
    return data


def test_nobody_is_named_for_the_delivery_of_their_pictures(drawn):
    data = delivered(drawn, (0.05, 0.3), (0.2, 0.7))
    result = run_check(CHECK, data, DEFAULT)
    row = hypotheses(result)["white people", "drawn"]
    assert row[7] > 1.25, "alone, white people look guilty"
    assert row[-1] in (Answer.BOUNDED.word, Answer.UNDECIDED.word)
    assert "none of 4 groups is shown to be over-represented" in result.sentence
    found = next(f for f in result.findings if f.tags == ["race"])
    assert found.held_equal == ["gender", DELIVERY]
    assert f"with gender, {DELIVERY} held equal" in found.sentence


def test_an_effect_beside_delivery_is_named(drawn):
    data = delivered(drawn, (0.05, 0.3), (0.2, 0.7), effect=0.9)
    result = run_check(CHECK, data, DEFAULT)
    assert "race 'White' in drawn: with all other tags and delivery held equal," in result.sentence
    assert hypotheses(result)["white people", "drawn"][-1] == Answer.HOLDS.word


def test_people_who_come_with_their_delivery_cannot_be_told_from_it(drawn):
    data = delivered(drawn, (0.05, 0.3), (0.0, 1.0))
    result = run_check(CHECK, data, DEFAULT)
    assert "none of 4 groups is shown to be over-represented" in result.sentence
    assert hypotheses(result)["white people", "drawn"][-1] == Answer.WITH_DELIVERY.word
    assert "cannot be told from the delivery" in result.findings[0].sentence


def test_nor_where_there_is_no_other_tag(drawn):
    data = delivered(drawn, (0.05, 0.3), (0.0, 1.0))
    data.table = data.table.drop_columns("gender")
    assert "none of 2 groups is shown" in run_check(CHECK, data, DEFAULT).sentence


@pytest.mark.parametrize("fewest_errors", [0, 4000])
def test_what_is_named_has_an_interval_that_holds_for_all_groups(drawn, monkeypatch, fewest_errors):
    # With fewer errors than that nothing is held equal, and the crude ratio is named.
    monkeypatch.setattr(risk_ratios, "FEWEST_ERRORS", fewest_errors)
    images = delivered(drawn, (0.2, 0.2), (0.5, 0.5), effect=0.5).photographs["drawn"]
    kinds = np.zeros(len(images), int)
    found, wide = (analyse("drawn", images, kinds, 0.5, 1, c) for c in (0.95, 0.9875))
    for group in range(4):
        ratio = tuple(of[group] for of in wide.decisive[:3])
        assert found.together(group, 0.95, 4) == pytest.approx(ratio)


def test_of_a_tag_that_most_lack_delivery_alone_is_held_equal(drawn):
    data = delivered(drawn, (0.05, 0.3), (0.2, 0.7), effect=0.9)
    race = data.table["race"].to_pylist()
    column = pa.array([of if i % 3 == 0 else None for i, of in enumerate(race)], pa.string())
    data.table = data.table.set_column(data.table.column_names.index("race"), "race", column)
    result = run_check(CHECK, data, DEFAULT)
    assert "race 'White' in drawn: with delivery held equal, against" in result.sentence
    note = next(d for d in result.details if "difference" in d.title).note
    assert "mostly unknown, delivery alone is held equal: race." in note


def test_the_groups_of_all_data_sets_are_asked_together(drawn):
    one = people(drawn, 800, 0.3, glasses=0.45, seed=4)
    alone = run_check(CHECK, one, DEFAULT)
    tags = {tag: one.table[tag].to_pylist() for tag in ("age_band", "glasses", "gender")}
    rng = np.random.default_rng(1)
    both = drawn(
        ["real"] * 4000,
        one.table["p_ai"].to_pylist() + np.where(rng.random(3200) < 0.3, 0.9, 0.1).tolist(),
        {tag: values + rng.permutation(values * 4).tolist() for tag, values in tags.items()},
        dataset=["ffhq"] * 800 + np.repeat(["a", "b", "c", "d"], 800).tolist(),
    )

    def p(result):
        table = next(d for d in result.details if d.title.startswith("ffhq: every group"))
        return np.array([row[-1] for row in table.rows if row[-1] is not None])

    known = p(alone) < 0.2
    assert known.any()
    assert (p(run_check(CHECK, both, DEFAULT))[known] > 3 * p(alone)[known]).all()


def test_pictures_of_one_person_count_as_what_they_are_worth(drawn):
    rng = np.random.default_rng(0)
    # Each of 60 people has 20 pictures, all called alike.
    called = rng.random(60) < np.repeat([0.2, 0.6], 30)
    tags = {"race": np.repeat(["Asian", "White"], 600).tolist()}
    p_ai = np.where(np.repeat(called, 20), 0.9, 0.1)
    person = np.repeat(np.arange(60), 20).astype(str).tolist()
    widths = []
    for cluster in ("none", None):
        data = drawn(["real"] * 1200, p_ai, tags, cluster=cluster)
        data.table = data.table.append_column("person", [person])
        row = run_check(CHECK, data, DEFAULT).details[-1].rows[1]
        widths.append([np.log(row[7] / row[6]), np.log(row[11] / row[10])])
    assert (np.divide(*widths[::-1]) > 3).all()


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
