import pyarrow as pa
import pytest

from faceaudit.errors import FaceAuditError
from faceaudit.where import row_mask

TABLE = pa.table(
    {
        "race": ["Indian", "Black", None, "Indian"],
        "age": pa.array([50, 40, 60, None], pa.float32()),
        "label": ["real", "ai", "real", "real"],
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("race == 'Indian'", [True, False, False, True]),
        ("race == 'Indian' and age >= 40", [True, False, False, False]),
        ("race in ['Black', 'Indian'] or age > 55", [True, True, True, True]),
        ("not race == 'Indian'", [False, True, False, False]),
        ("race not in ('Indian',)", [False, True, False, False]),
        ("40 <= age < 60", [True, True, False, False]),
        ("not (label == 'real' or age == 1)", [False, True, False, False]),
        ("age > -1", [True, True, True, False]),
    ],
)
def test_rows(text, expected):
    assert row_mask(TABLE, text).to_pylist() == expected


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "race",
        "race ==",
        "race == nationality",
        "race.upper() == 'INDIAN'",
        "race == 'Indian' if age else 1",
        "age in race",
        "1 == 1",
        "race is 'Indian'",
        "age > 'old'",
        "lambda: 1",
        "(" * 5000,
    ],
)
def test_refused_in_one_line(text):
    with pytest.raises(FaceAuditError) as refused:
        row_mask(TABLE, text)
    assert "\n" not in str(refused.value)
