from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.checks import hidden_slices
from faceaudit.checks.hidden_slices import CHECK, HiddenSlicesOptions
from faceaudit.report.html import render_html
from faceaudit.result import Gallery, Table
from faceaudit.runner import audit, run_check
from faceaudit.schema import FEATURES, validate
from faceaudit.spec import Spec
from faceaudit.stats.slices import halves
from faceaudit.tables import Scores
from tests.checks.conftest import HOSTILE


def run(data, **options):
    return run_check(CHECK, data, HiddenSlicesOptions(**options))


def with_columns(data, **columns):
    table = data.table
    for name, column in columns.items():
        table = table.append_column(name, column)
    return dataclasses.replace(data, table=validate(table, "scores", "drawn"))


def people(drawn, n=4000, rate=0.3, seed=0, **more):
    """Draw photographs of which those of old people with glasses are called AI so often."""
    rng = np.random.default_rng(seed)
    age = rng.choice(["young", "old"], n, p=[0.7, 0.3])
    glasses = rng.choice(["none", "reading", "sun"], n, p=[0.6, 0.3, 0.1])
    planted = (age == "old") & (glasses == "reading")
    wrong = rng.random(n) < np.where(planted, rate, 0.05)
    tags = {
        "age": [None] * n,
        "age_class": age.tolist(),
        "glasses": glasses.tolist(),
        "shirt": rng.choice(["red", "blue"], n).tolist(),
    }
    data = drawn(["real"] * n, np.where(wrong, 0.9, 0.1), tags, attributes=["shirt"], **more)
    return data, planted, wrong


def test_a_slice_that_nobody_named_is_found_and_told_with_the_numbers_of_the_other_half(drawn):
    data, planted, wrong = people(drawn)
    result = run(data)
    table, gallery, *_ = result.details
    words = "age class 'old' and glasses 'reading'"
    # The specification asks about shirts.
    assert table.rows[0][:2] == [words, "yes"]
    second = ~halves(np.zeros(4000, int), None, hidden_slices.SEED)
    inside, others = planted & second, ~planted & second
    row = table.rows[0]
    value, low, high, rest, alike, n, events = row[2:9]
    assert (n, events, value) == (inside.sum(), wrong[inside].sum(), wrong[inside].mean())
    assert low < value < high
    assert rest == pytest.approx(wrong[others].mean())
    assert alike == pytest.approx(rest), "all pictures are of one kind"
    assert row[9] < 1e-6
    assert f"1 of {len(table.rows)} slice" in result.sentence
    assert (
        f"Real photographs with {words} are called AI-generated more often: {100 * value:.1f} % "
        f"({events} of {n}; 95 % interval {100 * low:.1f} to {100 * high:.1f} %) against "
        f"{100 * rest:.1f} % of {others.sum():,} others (tags: drawn by lot)."
    ) in result.sentence
    (finding,) = result.findings
    assert (finding.tags, finding.rate, finding.n) == (["age_class", "glasses"], "fpr", n)
    assert finding.interval.together
    assert isinstance(gallery, Gallery) and len(gallery.items) == hidden_slices.PICTURES
    assert all(
        planted[int(item.image[:6])] and wrong[int(item.image[:6])] for item in gallery.items
    )
    assert gallery.items[0].tags == {"age_class": "old", "glasses": "reading"}


def test_what_is_not_confirmed_is_listed_as_such_and_shown_in_no_picture(drawn):
    found = confirmed = 0
    for seed in range(8):
        data, _, _ = people(drawn, n=1500, rate=0.05, seed=seed)
        result = run(data)
        rows = [row for of in result.details if isinstance(of, Table) for row in of.rows]
        yes = [row for row in rows if row[1] == "yes"]
        assert len(yes) == len(result.findings) == len(result.details) - bool(rows)
        assert all(
            row[1] in ("yes", "no") and (row[9] <= 0.05) == (row[1] == "yes") for row in rows
        )
        found, confirmed = found + len(rows), confirmed + len(yes)
        if not rows:
            assert result.sentence.startswith("In the half that was searched, errors gather in no")
    assert found > confirmed == 0


def test_both_error_rates_are_searched_and_adjusted_together(drawn):
    rng = np.random.default_rng(1)
    n = 6000
    label = np.where(np.arange(n) < 3000, "real", "ai")
    hat = rng.choice(["no", "yes"], n, p=[0.8, 0.2])
    wrong = rng.random(n) < np.where(hat == "yes", 0.3, 0.05)
    p_ai = np.where(wrong == (label == "ai"), 0.1, 0.9)
    result = run(drawn(label.tolist(), p_ai, {"hat": hat.tolist()}))
    assert {of.rate for of in result.findings} == {"fpr", "fnr"}
    tables = [of for of in result.details if isinstance(of, Table)]
    slices = sum(len(of.rows) for of in tables)
    assert f"2 of {slices} slices are confirmed" in result.sentence
    title = f"{100 - 5 / slices:.5g} % interval from"
    assert [of.columns[3].title for of in tables] == [title, title]


def test_numbers_delivery_and_clusters_of_features_make_slices(drawn):
    data, _, _ = people(drawn, rate=0.05)
    rng = np.random.default_rng(5)
    n = len(data.table)
    size = rng.integers(20_000, 100_000, n)
    seen = rng.normal(size=(n, FEATURES)) / 9
    apart = rng.random(n) < 0.06
    seen[apart] += rng.normal(size=FEATURES)
    wrong = rng.random(n) < np.select([size < 36_000, apart], [0.25, 0.3], 0.04)
    data = dataclasses.replace(
        data,
        table=data.table.set_column(
            data.table.column_names.index("p_ai"),
            "p_ai",
            pa.array(np.where(wrong, 0.9, 0.1).astype(np.float32)),
        ),
    )
    flat = pa.array(seen.astype(np.float16).ravel())
    features = pa.FixedSizeListArray.from_arrays(flat, FEATURES)
    data = with_columns(data, bytes=pa.array(size), features=features)
    result = run(data)
    rows = {row[0]: row for row in result.details[0].rows if row[1] == "yes"}
    assert "file size under 36 kB" in rows
    assert rows["file size under 36 kB"][6] is None, "delivery is what the slice is made of"
    looks = [words for words in rows if words.startswith("look '")]
    # One cluster may be drawn as several.
    assert looks and sum(rows[look][7] for look in looks) <= 0.6 * apart.sum()
    assert "A look is a cluster of what the classifier sees." in result.details[0].note
    assert "bytes, look" in result.details[0].note
    # The same file without the column does without it.
    assert (
        "look"
        not in run(dataclasses.replace(data, table=data.table.drop_columns(["features"])))
        .details[0]
        .note
    )


def test_few_features_make_no_clusters(drawn):
    data, _, _ = people(drawn)
    one = pa.FixedSizeListArray.from_arrays(
        pa.array(np.zeros(FEATURES * 100, np.float16)), FEATURES
    )
    rest = pa.nulls(len(data.table) - 100, one.type)
    data = with_columns(data, features=pa.concat_arrays([one, rest]))
    assert "look" not in run(data).details[0].note


def test_pictures_of_one_person_stay_in_one_half(drawn):
    data, _, _ = people(drawn)
    n = len(data.table)
    data = with_columns(data, person=pa.array([f"p{i // 4}" for i in range(n)]))
    search = hidden_slices._search(hidden_slices.ERROR_RATES["fpr"], data, 5)
    assert all(len({*search.first[i : i + 4]}) == 1 for i in range(0, n, 4))
    assert "what hangs together in one of them" in run(data).details[0].note


def test_no_more_slices_are_tested_than_asked_for(drawn):
    data, _, _ = people(drawn)
    assert len(run(data, most=1).details[0].rows) == 1


def test_without_errors_nothing_is_found(drawn):
    result = run(drawn(["real", "ai"] * 300, [0.1, 0.9] * 300, {"a": ["x", "y", "y"] * 200}))
    assert (result.status, result.details) == ("info", [])
    assert result.sentence == (
        "In the half that was searched, errors gather in no slice of 30 images or more."
    )


def test_a_table_without_tags_or_with_few_rows_is_no_trouble(drawn):
    assert run(drawn(["real"], [0.9], {"a": ["x"]})).status == "info"


def test_names_of_slices_are_escaped_on_the_page(drawn):
    rng = np.random.default_rng(0)
    tag = rng.choice(HOSTILE, 5000)
    wrong = rng.random(5000) < np.where(tag == HOSTILE[0], 0.5, 0.05)
    data = drawn(["real"] * 5000, np.where(wrong, 0.9, 0.1), {"t": tag.tolist()})
    spec = Spec(name="t", title="T", question="?", attributes=["t"], checks={CHECK.id: {}})
    result = audit(Scores(data.table, data.info), spec)
    assert HOSTILE[0] in result.checks[0].sentence
    assert HOSTILE[0] not in render_html(result)
