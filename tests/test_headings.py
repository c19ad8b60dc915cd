"""Which columns are proposed for those that an audit needs; none is read by its likeness alone."""

from __future__ import annotations

import pytest

from faceaudit.errors import FaceAuditError
from faceaudit.reading.headings import likely_columns
from faceaudit.tables import read_scores


@pytest.mark.parametrize(
    ("names", "likely"),
    [
        (["image", "label", "p_ai"], {"image": "image", "label": "label", "p_ai": "p_ai"}),
        (
            ["File Name", "y_true", "P(fake)"],
            {"image": "File Name", "label": "y_true", "p_ai": "P(fake)"},
        ),
        (["id", "path", "score", "p_ai"], {"image": "path", "p_ai": "p_ai"}),
        (["a", "b"], {}),
    ],
)
def test_the_likeliest_column_is_proposed(names, likely):
    assert likely_columns(names) == likely


def test_a_likely_column_is_named_in_the_refusal_and_not_read(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("image,label,fake prob\n1.jpg,real,0.5\n")
    with pytest.raises(FaceAuditError, match="--map p_ai='fake prob' "):
        read_scores(path)
