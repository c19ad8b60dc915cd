from __future__ import annotations

import csv
import gzip
from collections import Counter

import numpy as np
import pyarrow.compute as pc
import pytest

from faceaudit.checks import Options
from faceaudit.checks.generator_population import CHECK, TAGS, population
from faceaudit.datasets.ffhq import GLASSES
from faceaudit.runner import run_check
from faceaudit.tags.age import AGE_BAND_EDGES, AGE_BANDS


def people(drawn, n, log_odds, seed=0, tags=TAGS, dataset="ffhq"):
    """Draw people as the generator's population has them; `log_odds` takes their rows."""
    rng = np.random.default_rng(seed)
    table = population()
    count = table["n"].to_numpy().astype(float)
    # Flatter than the population, so that its rare groups are there too.
    rows = table.take(rng.choice(len(count), n, p=np.sqrt(count) / np.sqrt(count).sum()))
    risk = 1 / (1 + np.exp(-log_odds(np.log2(rows["n"].to_numpy() / count.sum()))))
    p_ai = np.where(rng.random(n) < risk, 0.9, 0.1)
    columns = {tag: rows[tag].to_pylist() for tag in tags}
    return drawn(["real"] * n, p_ai, columns, dataset=[dataset] * n)


def test_counts_are_those_of_all_seventy_thousand_photographs(real_data):
    counted = Counter()
    with gzip.open(real_data / "ffhq/features/ffhq_features_70k.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            if row["faces"] != "0":
                band = np.searchsorted(AGE_BAND_EDGES, float(row["age"]), side="right") - 1
                counted[AGE_BANDS[band], row["gender"], GLASSES[row["glasses"]]] += 1
    shipped = {tuple(row[tag] for tag in TAGS): row["n"] for row in population().to_pylist()}
    assert shipped == counted


def test_population_is_whole():
    assert pc.sum(population()["n"]).as_py() == 69_471


def test_errors_that_follow_the_population_are_found(drawn):
    data = people(drawn, 4000, lambda share: 1 + 0.3 * share)
    result = run_check(CHECK, data, Options())
    (row,) = result.details[0].rows
    assert row.low < np.exp(0.3) < row.high
    assert row.low > 1
    assert result.sentence.startswith("The errors rise with a group's share in the generator's")
    found = result.findings[-1]
    assert found.sentence == result.sentence
    assert (found.tags, found.rate, found.n) == (list(TAGS), "fpr", 4000)
    assert (found.interval.value, found.interval.low) == (row.value, row.low)
    assert found.weight > 0.05
    assert result.tests[0].p < 1e-6


def test_errors_that_run_against_the_population_are_found(drawn):
    result = run_check(CHECK, people(drawn, 4000, lambda share: -3 - 0.3 * share), Options())
    assert result.findings[-1].interval.upper < 1
    assert result.sentence.startswith("The errors fall with a group's share in the generator's")


def test_false_alarms_are_as_rare_as_they_should_be(drawn):
    """Errors that differ by group for another reason do not make the slope sure of itself."""
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(1000 + seed)
        quirk = {}

        def log_odds(share, rng=rng, quirk=quirk):
            for value in np.unique(share):
                quirk[value] = rng.normal(-1, 0.5)
            return np.array([quirk[value] for value in share])

        result = run_check(CHECK, people(drawn, 1500, log_odds, seed), Options())
        alarms += result.tests[0].p < 0.05
    # Binomial with 5 % of 60: nine or more has a chance of about 0.3 %.
    assert alarms < 9


def test_photographs_of_one_person_count_as_what_they_are_worth(drawn):
    """Everybody ten times, called the same each time: no surer than everybody once."""
    once = people(drawn, 600, lambda share: -1 + 0.1 * share)
    tags = {tag: once.table[tag].to_pylist() * 10 for tag in TAGS}
    p_ai, ten = once.table["p_ai"].to_pylist() * 10, 6000
    persons = {"person": [str(i) for i in range(600)] * 10}
    told = [
        run_check(
            CHECK, drawn(["real"] * ten, p_ai, tags | more, dataset=["ffhq"] * ten), Options()
        )
        for more in ({}, persons)
    ]
    alone = run_check(CHECK, once, Options()).details[0].rows[0]
    sure, worth = (result.details[0].rows[0] for result in told)
    assert (sure.n, worth.n) == (ten, ten)
    assert np.log(worth.high / worth.low) == pytest.approx(np.log(alone.high / alone.low), rel=0.03)
    assert np.log(sure.high / sure.low) < 0.95 * np.log(worth.high / worth.low)


def test_shares_stand_beside_each_other(drawn):
    result = run_check(CHECK, people(drawn, 2000, lambda share: -1 + 0 * share), Options())
    table = next(d for d in result.details if d.title.startswith("Gender"))
    rows = {row[0]: row for row in table.rows}
    assert rows["female"][2] == pytest.approx(38_388 / 69_471)
    assert rows["female"][3] + rows["male"][3] == 2000


def test_all_data_sets_together_and_each_alone(drawn):
    one = people(drawn, 1500, lambda share: -1 + 0 * share, dataset="utkface")
    two = people(drawn, 1500, lambda share: -3 + 0 * share, seed=1)
    both = drawn(
        ["real"] * 3000,
        one.table["p_ai"].to_pylist() + two.table["p_ai"].to_pylist(),
        {tag: one.table[tag].to_pylist() + two.table[tag].to_pylist() for tag in TAGS},
        dataset=["utkface"] * 1500 + ["ffhq"] * 1500,
    )
    forest = run_check(CHECK, both, Options()).details[0]
    assert [row.group for row in forest.rows] == ["ffhq", "utkface", "all data sets"]
    # Three intervals that hold together.
    assert forest.note.startswith("98.33 % intervals: all of them hold together.")
    # A level of its own for each set: that one has more errors is not taken for a slope.
    assert forest.rows[2].low < 1 < forest.rows[2].high


def test_too_few_groups_or_errors(drawn):
    data = people(drawn, 500, lambda share: -1 + 0 * share, tags=("gender",))
    result = run_check(CHECK, data, Options())
    assert result.status == "not-estimable"
    assert "in ffhq, 2 groups" in result.sentence
    data = people(drawn, 500, lambda share: -20 + 0 * share)
    assert run_check(CHECK, data, Options()).status == "not-estimable"


def test_a_tag_in_other_words_is_not_compared(drawn):
    data = drawn(["real"] * 40, [0.1, 0.9] * 20, {"glasses": ["any", "none"] * 20})
    assert run_check(CHECK, data, Options()).status == "not-estimable"


def test_awkward_tables(awkward):
    result = run_check(CHECK, awkward, Options())
    assert result.status in ("not-estimable", "info")
    assert all(found.sentence for found in result.findings)
