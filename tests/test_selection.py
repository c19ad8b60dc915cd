"""Which rows count: none disappears without a word, whatever the table."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceaudit.errors import FaceAuditError
from faceaudit.result import LeftOut, Rows
from faceaudit.runner import audit
from faceaudit.schema import DatasetInfo, ScoresInfo
from faceaudit.selection import SLICE, select, with_shares
from faceaudit.spec import Spec
from faceaudit.tables import Scores
from tests.drawn import drawn_scores


def spec(**changes):
    given = {"name": "t", "title": "T", "question": "?", "attributes": ["group"]}
    return Spec.model_validate(given | changes)


def scores_of(rows):
    """A scores table of dicts; label, data set and status are filled in where not given."""
    defaults = {"label": "real", "dataset": "d", "p_ai": 0.1, "status": "ok"}
    rows = [{"image": f"{i}.jpg"} | defaults | row for i, row in enumerate(rows)]
    table = pa.Table.from_pylist(rows)
    table = table.set_column(
        table.column_names.index("p_ai"), "p_ai", table["p_ai"].cast(pa.float32(), safe=False)
    )
    names = dict.fromkeys(row["dataset"] for row in rows)
    return Scores(table, ScoresInfo(datasets={name: DatasetInfo(indexed=1) for name in names}))


ROW = st.fixed_dictionaries(
    {
        "label": st.sampled_from(["real", "ai"]),
        "dataset": st.sampled_from(["d", "e"]),
        "p_ai": st.sampled_from([0.1, 0.5, 0.9]),
        "status": st.sampled_from(["ok", "ok", "no_face", "unreadable", "missing"]),
        "in_training": st.sampled_from([True, False, False, None]),
        "g": st.sampled_from(["a", "b", None]),
        "h": st.sampled_from(["x", "y", None]),
    }
)
SCHEMA_ROW = {"in_training": False, "g": "a", "h": "x"}  # no column is ever all null


@settings(max_examples=300, deadline=None)
@given(
    st.lists(ROW, min_size=1, max_size=40),
    st.sampled_from([None, "g == 'a'", "g != 'a'", "not (g == 'a' and h == 'x')", "label == 'ai'"]),
    st.booleans(),
)
def test_used_and_left_out_are_all_that_was_read(drawn, rows, include_training):
    drawn = [SCHEMA_ROW, *drawn]
    asked = spec(
        attributes=["g"],
        intersections=[["g", "h"]],
        rows=rows,
        include_training=include_training,
    )
    try:
        selection = select(scores_of(drawn), asked)
    except FaceAuditError:
        return  # nothing is left to audit
    account = with_shares(selection, 0.5)
    full = [{"label": "real", "dataset": "d", "p_ai": 0.1, "status": "ok"} | row for row in drawn]
    fate = Counter(_fate(row, rows, include_training) for row in full)
    used = fate.pop("used")
    told = Counter({left.reason.split(" rows:")[0]: left.n for left in account.left_out})
    assert (account.read, account.used) == (len(drawn), used)
    assert told == fate
    assert used + sum(told.values()) == len(drawn)
    for by, n in [(account.by, used), *((left.by, left.n) for left in account.left_out)]:
        assert sum(sum(labels.values()) for labels in by.values()) == n
    judged = [row for row in full if _fate(row, rows, include_training) == "used"]
    for dataset, labels in account.by.items():
        for label, n in labels.items():
            assert n == sum((r["dataset"], r["label"]) == (dataset, label) for r in judged)
    for tags in (["g"], ["g", "h"]):
        for label in ("real", "ai"):
            of_label = [row for row in judged if row["label"] == label]
            missing = [row for row in of_label if any(row[tag] is None for tag in tags)]
            found = [u for u in account.untagged if (u.tags, u.label) == (tags, label)]
            assert sum(u.missing for u in found) == len(missing)
            for one in found:
                assert (one.n, one.wrong) == (len(of_label), sum(map(_wrong, of_label)))
                assert one.wrong_missing == sum(map(_wrong, missing))
    for one in account.unscored:
        of_group = [
            row
            for row in full
            if row["label"] == one.label
            and row[one.tag] == one.group
            and (
                _fate(row, rows, include_training) == "used"
                or _without(row, rows, include_training)
            )
        ]
        assert one.n == len(of_group)
        assert one.unscored == sum(row["status"] in ("unreadable", "missing") for row in of_group)


def _wrong(row):
    return (row["p_ai"] >= 0.5) != (row["label"] == "ai")


def _fate(row, rows, include_training):
    """What becomes of a row, told without any code of the package."""
    g, h = row["g"], row["h"]
    inside = {
        None: True,
        "g == 'a'": None if g is None else g == "a",
        "g != 'a'": None if g is None else g != "a",
        "not (g == 'a' and h == 'x')": not (g == "a" and h == "x")
        if None not in (g, h)
        else (True if g == "b" or h == "y" else None),
        "label == 'ai'": row["label"] == "ai",
    }[rows]
    if inside is None:
        return "without a tag that 'rows' needs"
    if not inside:
        return "outside"
    if row["in_training"] and not include_training:
        return "in the classifier's training data"
    if row["status"] not in ("ok", "no_face"):
        return f"without a score ({row['status']})"
    return "used"


def _without(row, rows, include_training):
    return _fate(row, rows, include_training).startswith("without a score")


def test_an_account_that_does_not_add_up_is_refused():
    left = [LeftOut(reason="x", n=1, by={"d": {"real": 1}})]
    assert Rows(read=3, used=2, by={"d": {"real": 2}}, left_out=left).read == 3
    with pytest.raises(ValueError, match="not every one of the 4 rows"):
        Rows(read=4, used=2, by={"d": {"real": 2}}, left_out=left)


# --- slices --------------------------------------------------------------------------------


def test_rows_without_the_tag_are_on_neither_side_of_a_slice():
    """Known rows: 2 of 100 with glasses are wrong, 20 of 100 without; untagged, 60 of 100."""
    rows = [
        {"group": group, "p_ai": 0.9 if i < wrong else 0.1, "age": age}
        for group, wrong, age in (("sun", 2, 50.0), ("none", 20, 30.0), (None, 60, None))
        for i in range(100)
    ]
    for where in ("group != 'none'", "not group == 'none'", "group not in ['none']", "age >= 40"):
        result = audit(scores_of(rows), spec(), where=where)
        rates = next(check for check in result.checks if check.id == "group-error-rates")
        forest = next(d for d in rates.details if d.kind == "forest" and d.attribute == SLICE)
        assert {row.group: (row.events, row.n) for row in forest.rows} == {
            where: (2, 100),
            "all others": (20, 100),
        }
        assert result.spec["slice"] == where
        assert any("100 rows are on neither side" in note for note in result.limitations)
        # Of the 82 errors 60 have no tag, of the 218 others 40.
        told = "73.2 % of the real photographs called AI-generated, 18.3 % of those called real."
        assert sorted(result.scores[0].rows.shares) == [
            f"No tag for group: {told}",
            f"On neither side of the slice: {told}",
        ]
        (untagged,) = (u for u in result.scores[0].rows.untagged if u.tags == [SLICE])
        assert (untagged.n, untagged.missing, untagged.wrong_missing) == (300, 100, 60)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("group == 'aa'", "--where \"group == 'aa'\": no row is in this slice, of 310 rows"),
        ("label in ['real', 'ai']", "every row is in this slice"),
        ("group != 'first x'", "did you mean 'first'?"),
        ("group == 'aa' and group == 'first'", "(group is 'first', 'second')"),
        ("grou == 'a'", "--where \"grou == 'a'\": grou is no column; did you mean group?"),
    ],
)
def test_a_slice_of_nobody_or_everybody_is_refused(where, message):
    scores = drawn_scores({"first": (50, 1), "second": (60, 1)})
    with pytest.raises(FaceAuditError) as refused:
        audit(scores, spec(), where=where)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    with pytest.raises(FaceAuditError) as refused:
        audit(scores, spec(slice=where))
    assert str(refused.value).startswith(f"t: slice: {where!r}: ")


def test_a_slice_whose_every_row_lacks_the_tag_or_a_score_is_refused():
    rows = [{"group": "a"}, {"group": None, "status": "unreadable"}, {"group": None}]
    with pytest.raises(FaceAuditError, match=r"every row is in this slice, of 2 rows"):
        audit(scores_of(rows), spec(), where="group == 'a'")
    rows = [{"group": "a", "status": "unreadable"}, {"group": None}, {"group": None}]
    with pytest.raises(FaceAuditError, match=r"no row is known to be in this slice"):
        audit(scores_of(rows), spec(), where="group == 'a'")


def test_a_tag_that_is_called_slice_is_not_overwritten():
    scores = drawn_scores({"a": (50, 1), "b": (60, 1)}, tag="slice")
    with pytest.raises(FaceAuditError, match="have a tag 'slice' already; rename it with --map"):
        audit(scores, spec(attributes=["dataset"]), where="label == 'real'")


# --- rows: ---------------------------------------------------------------------------------


def test_rows_that_are_left_out_are_told_by_data_set_and_label():
    rows = [
        {"group": group, "dataset": dataset, "label": label}
        for group, n in (("a", 30), ("b", 20), (None, 10))
        for dataset in ("d", "e")
        for label in ("real", "ai")
        for _ in range(n)
    ]
    result = audit(scores_of(rows), spec(rows="group == 'a'"))
    account = result.scores[0].rows
    assert (account.read, account.used) == (240, 120)
    assert account.sentence == (
        "120 of 240 read were audited (60 of 120 real photographs, 60 of 120 AI-generated "
        "images); 120 left out: 80 outside rows: group == 'a'; "
        "40 without a tag that 'rows' needs."
    )
    assert account.by == {"d": {"ai": 30, "real": 30}, "e": {"ai": 30, "real": 30}}
    assert (
        "80 rows left out, outside rows: group == 'a' (d 20 AI-generated, 20 real; "
        "e 20 AI-generated, 20 real)."
    ) in result.limitations
    whole = audit(scores_of(rows), spec())
    assert whole.scores[0].rows.sentence == "all 240 read were audited."


def test_what_is_said_of_the_data_is_of_the_data_sets_that_are_left():
    rows = [{"dataset": d, "group": g} for d in ("d", "e", "f") for g in ("a", "b")]
    scores = scores_of(rows)
    scores.info.tag_sources["group"] = dict.fromkeys("def", "somebody's word")
    summary = audit(scores, spec(rows="dataset != 'e'"), where="group == 'a'").scores[0]
    assert list(summary.datasets) == ["d", "f"]
    assert summary.tag_sources["group"] == dict.fromkeys("df", "somebody's word")
    assert summary.tag_sources[SLICE] == dict.fromkeys("df", "the expression group == 'a'")
    # Of AI-generated images, of which none was read, nothing is said.
    assert summary.rows.sentence.startswith("4 of 6 read were audited (4 of 6 real photographs); ")


def test_rows_that_nobody_satisfies_and_values_that_no_row_has():
    scores = drawn_scores({"first": (50, 1), "second": (60, 1)})
    with pytest.raises(FaceAuditError) as refused:
        audit(scores, spec(rows="group == 'z'"))
    assert str(refused.value) == (
        "t: rows: no row satisfies \"group == 'z'\" (group is 'first', 'second')"
    )
    with pytest.raises(FaceAuditError, match=r"t: rows: .*did you mean 'first'"):
        audit(scores, spec(rows="group == 'firts' or label == 'ai'"))
    result = audit(scores, spec(rows="group in ['first', 'z'] or label == 'ai'"))
    assert result.limitations[0] == "No row has group 'z' (group is 'first', 'second')."


# --- training images -----------------------------------------------------------------------


def seen_in_training():
    """Of group b's photographs, half were learned from: all errors are in the other half."""
    rows = [
        {"group": g, "in_training": seen, "p_ai": 0.9 if i < wrong else 0.1}
        for g, seen, wrong in (("a", False, 4), ("b", True, 0), ("b", False, 90), ("a", None, 2))
        for i in range(300)
    ]
    return scores_of(rows + [{"group": "a", "label": "ai", "in_training": False, "p_ai": 0.9}] * 9)


def test_images_seen_in_training_are_left_out_unless_asked_for():
    result = audit(seen_in_training(), spec())
    assert (result.scores[0].n_real, result.scores[0].n_ai) == (900, 9)
    (left,) = result.scores[0].rows.left_out
    assert (left.reason, left.n) == ("in the classifier's training data", 300)
    assert "300 rows left out, in the classifier's training data (d 300 real)." in (
        result.limitations
    )
    rates = next(check for check in result.checks if check.id == "group-error-rates")
    forest = next(d for d in rates.details if d.kind == "forest")
    assert {row.group: row.value for row in forest.rows} == pytest.approx({"a": 0.01, "b": 0.3})
    everything = audit(seen_in_training(), spec(include_training=True))
    assert everything.scores[0].n_real == 1200
    assert any("300 of 1,209 images were in this" in n for n in everything.limitations)
    assert everything.spec["include_training"] is True


def test_if_all_were_in_training_the_remedy_is_named():
    scores = scores_of([{"group": "a", "in_training": True}] * 3)
    with pytest.raises(FaceAuditError, match=r"every image to audit \(3\), .* with --include-tra"):
        audit(scores, spec())
    with pytest.raises(FaceAuditError, match=r"every image to audit \(3\)"):
        audit(scores, spec(rows="in_training"))


# --- shares --------------------------------------------------------------------------------


def test_tags_and_scores_that_are_missing_unequally_are_told_the_worst_first():
    rows = [{"group": "a", "other": "x", "p_ai": 0.9}] * 44 + [{"other": "x", "p_ai": 0.9}] * 6
    rows += [{"group": "b", "other": "x"}] * 98 + [{"group": "b"}] * 2
    rows += [{"group": "a", "other": "x", "status": "unreadable", "p_ai": None}] * 4
    # A tag that no AI image has moves no rate of theirs, and is not spoken of.
    rows += [{"label": "ai", "p_ai": p} for p in (0.9, 0.1)]
    result = audit(scores_of(rows), spec(attributes=["group", "other"]))
    assert result.scores[0].rows.shares == [
        "Without a score: 8.3 % of the real photographs with group 'a', 0.0 % with 'b'.",
        "No tag for group: 12.0 % of the real photographs called AI-generated, 0.0 % of those "
        "called real.",
        "No tag for other: 0.0 % of the real photographs called AI-generated, 2.0 % of those "
        "called real.",
    ]
    assert {(u.group, u.label): (u.unscored, u.n) for u in result.scores[0].rows.unscored[:4]} == {
        ("a", "real"): (4, 48),
        ("b", "real"): (0, 100),
        (None, "real"): (0, 6),
        (None, "ai"): (0, 2),
    }
    complete = audit(drawn_scores({"a": (50, 1), "b": (60, 9)}), spec())
    assert complete.scores[0].rows.shares == []


def test_a_group_of_a_few_images_is_not_the_one_whose_scores_are_missing():
    rows = [{"group": "few", "status": "missing", "p_ai": None}] + [{"group": "few"}] * 3
    rows += [
        {"group": g, "status": s} for g in "ab" for s in ["missing"] * (g == "a") + ["ok"] * 49
    ]
    (share,) = audit(scores_of(rows), spec()).scores[0].rows.shares
    assert share == "Without a score: 2.0 % of the real photographs with group 'a', 0.0 % with 'b'."


@pytest.mark.parametrize("name", ["width", "format"])
def test_facts_of_delivery_that_the_scores_lack_are_no_tags(name):
    with pytest.raises(FaceAuditError, match=f"asks for the tag '{name}', which the scores do not"):
        select(drawn_scores({"a": (9, 1)}), spec(attributes=[name]))
