"""Row expressions: three answers, an independent oracle, and refusals that say what to write."""

import sqlite3

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceaudit.errors import FaceAuditError
from faceaudit.row_filter import read_rows, row_mask

TABLE = pa.table(
    {
        "race": ["Indian", "Black", None, "Indian"],
        "age": pa.array([50, 40, 60, None], pa.float32()),
        "label": ["real", "ai", "real", "real"],
        "age_band": ["50-59", "3-9", "60-69", None],
        "blur": ["0.25", "10", "9", None],
        "in_training": [True, False, None, False],
        "p_ai": pa.array([0.9, 0.1, 0.5, 0.2], pa.float32()),
        "width": pa.array([224, 100, None, 300], pa.int32()),
        "empty": pa.nulls(4),
        "attention": pa.array([b"1", None, None, None]),
    }
)
YES, NO, OPEN = True, False, None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("race == 'Indian'", [YES, NO, OPEN, YES]),
        ("race == 'Indian' and age >= 40", [YES, NO, OPEN, OPEN]),
        ("race in ['Black', 'Indian'] or age > 55", [YES, YES, YES, YES]),
        ("not race == 'Indian'", [NO, YES, OPEN, NO]),
        ("race != 'Indian'", [NO, YES, OPEN, NO]),
        ("race not in ('Indian',)", [NO, YES, OPEN, NO]),
        ("40 <= age < 60", [YES, YES, NO, OPEN]),
        ("not 40 <= age < 60", [NO, NO, YES, OPEN]),
        ("not (label == 'real' or age == 1)", [NO, YES, NO, NO]),
        ("age != -40", [YES, YES, YES, OPEN]),
        ("in_training", [YES, NO, OPEN, NO]),
        ("not in_training", [NO, YES, OPEN, YES]),
        ("in_training == False and label == 'real'", [NO, NO, OPEN, YES]),
        ("p_ai >= 0.9", [YES, NO, NO, NO]),
        ("p_ai in [0.9, 0.1]", [YES, YES, NO, NO]),
        ("width < 224.5", [YES, YES, OPEN, NO]),
        ("width in [224, 300.0]", [YES, NO, OPEN, YES]),
        ("width < p_ai", [NO, NO, OPEN, NO]),
        # Text whose every value is a number is compared as numbers.
        ("blur > 9.5", [NO, YES, NO, OPEN]),
        ("empty == 'x'", [OPEN] * 4),
    ],
)
def test_rows(text, expected):
    assert row_mask(TABLE, text).to_pylist() == expected


def test_not_a_number_is_missing():
    table = pa.table({"age": pa.array([float("nan"), 30.0])})
    assert row_mask(table, "not age >= 40").to_pylist() == [None, True]


COLUMNS = {"t": st.sampled_from([None, "a", "b", "c"]), "u": st.sampled_from([None, "a", "b"])} | {
    name: st.sampled_from([None, -1.0, 0.0, 0.5, 2.0]) for name in ("x", "y")
}
#: Pairs of an expression and the same in SQL.
COMPARISONS = st.one_of(
    st.tuples(st.sampled_from("tu"), st.sampled_from(["==", "!="]), st.sampled_from("abc")).map(
        lambda c: (f"{c[0]} {c[1]} '{c[2]}'",) * 2
    ),
    st.sampled_from([("t == u",) * 2, ("u != t",) * 2, ("x <= y",) * 2, ("y != x",) * 2]),
    st.tuples(st.sampled_from("xy"), st.sampled_from(["<", "<=", ">", ">=", "==", "!="])).flatmap(
        lambda c: st.sampled_from(
            [(f"{c[0]} {c[1]} {v}",) * 2 for v in (-1, 0, 0.5)] + [(f"2.0 {c[1]} {c[0]}",) * 2]
        )
    ),
    st.tuples(st.sampled_from("tu"), st.sampled_from(["in", "not in"])).map(
        lambda c: (f"{c[0]} {c[1]} ['a', 'c']", f"{c[0]} {c[1]} ('a', 'c')")
    ),
    st.sampled_from([("0 <= x < y", "0 <= x and x < y"), ("x < y != 2", "x < y and y != 2")]),
)
EXPRESSIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        inner.map(lambda e: (f"not ({e[0]})", f"not ({e[1]})")),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda c: tuple(f"({c[0][i]}) {c[1]} ({c[2][i]})" for i in (0, 1))
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.fixed_dictionaries(COLUMNS), min_size=1, max_size=12), EXPRESSIONS)
def test_the_answers_are_those_of_sql(rows, expression):
    here, sql = expression
    table = pa.Table.from_pylist(
        rows,
        pa.schema(
            [("t", pa.string()), ("u", pa.string()), ("x", pa.float32()), ("y", pa.float32())]
        ),
    )
    with sqlite3.connect(":memory:") as database:
        database.execute("create table t (t text, u text, x real, y real)")
        database.executemany("insert into t values (:t, :u, :x, :y)", rows)
        told = [row[0] for row in database.execute(f"select {sql} from t order by rowid")]
    assert row_mask(table, here).to_pylist() == [None if v is None else bool(v) for v in told]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('true')", "is not a comparison"),
        ("race", "is no comparison; write for example race == 'Indian'"),
        ("age", "is no comparison; write for example age >= 40"),
        ("race ==", "not an expression"),
        ("race == nationality", "is no column; a word stands in quotes: 'nationality'"),
        ("rase == 'Black'", "rase is no column; did you mean race?"),
        ("race.upper() == 'INDIAN'", "is no column"),
        ("race == 'Indian' if age else 1", "is not a comparison"),
        ("(race == 'Indian') & (age > 4)", "write 'and' and 'or'"),
        ("race == 'Indian' & age > 4", "write 'and' and 'or'"),
        ("age in race", "race is no list"),
        ("race in ('Black')", "'Black' is no list; write race in ['Black']"),
        ("race in []", "is no list"),
        ("1 == 1", "is no column, and neither is the other side"),
        ("race is 'Indian'", "is compared by 'is'; write == or !="),
        ("race == None", "rows without the tag satisfy no comparison"),
        ("race == f'x'", "is not a plain text or number"),
        ("age > 'old'", "age is a number and 'old' is not"),
        ("age == True", "age is a number and True is not"),
        ("age_band > 3", "age_band is text and has no order; write age_band in [...]"),
        # By the alphabet, 3-9 would come after 20-29.
        ("age_band >= '20-29'", "age_band is text and has no order"),
        ("race == 5", "race is text; write race == '5' (race is 'Black', 'Indian')"),
        ("race == True", "race is text; write race == 'True'"),
        ("in_training == 'yes'", "is true or false; write in_training or not in_training"),
        ("in_training == 1", "is true or false; write in_training or not in_training"),
        ("race == age", "race (text) cannot be compared so with age (number)"),
        ("race < age_band", "race (text) cannot be compared so with age_band (text)"),
        ("attention == 'x'", "a column of neither text, numbers nor true and false"),
        ("lambda: 1", "is not a comparison"),
        ("(" * 5000, "not an expression"),
        ("not " * 2000 + "in_training", "not an expression"),
        ("not " * 3000 + "in_training", "10,000 are the most of an expression"),
        ("race == 'indian'", "no row has race 'indian'; did you mean 'Indian'?"),
        ("not race in ['Black', 'Indain']", "no row has race 'Indain'; did you mean 'Indian'?"),
        ("age_band == '50–59'", "no row has age_band '50–59'; did you mean '50-59'?"),
    ],
)
def test_refused_in_one_line(text, message):
    with pytest.raises(FaceAuditError) as refused:
        row_mask(TABLE, text, "rows:")
    assert message in str(refused.value)
    assert str(refused.value).startswith("rows: ")
    assert "\n" not in str(refused.value)


LITERALS = ["'Indian'", "5", "-0.5", "1e999", "9" * 400, "-" + "9" * 400, "True", "-True", "None"]
LITERALS += ["'\\ud800'", "b'x'", "1j", "''", "['Indian', 5]", "[5, '0.25']", "[True, 1]", "[[]]"]


@pytest.mark.parametrize("operator", ["==", "!=", "<", ">=", "in", "not in", "is"])
@pytest.mark.parametrize("name", TABLE.column_names)
def test_whatever_is_compared_there_is_a_mask_or_one_line(name, operator):
    for literal in [*LITERALS, *TABLE.column_names]:
        for text in (f"{name} {operator} {literal}", f"not {literal} {operator} {name}"):
            try:
                mask = row_mask(TABLE, text)
            except FaceAuditError as refused:
                assert str(refused).startswith("--where ") and "\n" not in str(refused)
            else:
                assert len(mask) == len(TABLE) and pa.types.is_boolean(mask.type)


def test_a_value_that_no_row_has_is_said():
    mask, absent = read_rows(TABLE, "race in ['Indian', 'Martian'] or label == 'real'", "rows:")
    assert mask.to_pylist() == [True, False, True, True]
    assert absent == ["No row has race 'Martian' (race is 'Black', 'Indian')."]
    # A standard word is no slip of the pen, however near it is to another.
    women = pa.table({"gender": ["female"]})
    assert row_mask(women, "gender == 'male'").to_pylist() == [False]
    with pytest.raises(FaceAuditError, match="did you mean 'female'"):
        row_mask(women, "gender != 'femal'")
