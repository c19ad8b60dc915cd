"""Two classifiers on the same images, with differences that are known."""

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.compare import compare
from faceaudit.errors import FaceAuditError
from faceaudit.spec import Spec
from faceaudit.tables import Scores
from tests.drawn import drawn_scores

SPEC = Spec(name="t", title="T", question="?", attributes=["group"])


def rescored(scores, p_ai):
    column = scores.table.column_names.index("p_ai")
    p_ai = pa.array(np.asarray(p_ai, np.float32))
    return Scores(scores.table.set_column(column, "p_ai", p_ai), scores.info)


def slopes(result, check):
    found = next(c for c in result.checks if c.id == check)
    return [d for d in found.details if d.kind == "slopes"]


def test_rates_and_paired_difference():
    first = drawn_scores({"a": (100, 30), "b": (50, 5)}, ai=(40, 4))
    p_ai = first.table["p_ai"].to_numpy().copy()
    p_ai[:20] = 0.1  # of group a's 30 errors, 20 are mended
    p_ai[100] = 0.1  # in group b one is mended and one is new
    p_ai[149] = 0.9
    result = compare(first, rescored(first, p_ai), SPEC, names=("old", "new"))
    (fpr,) = slopes(result, "compare-group")  # no AI image has a group: no slopes of the FNR
    a, b = fpr.rows
    assert (a.group, a.n, a.first, a.second) == ("a", 100, 0.3, 0.1)
    assert a.difference == pytest.approx(-0.2)
    assert a.low < -0.2 < a.high < 0
    assert (b.first, b.second, b.difference) == (0.1, 0.1, 0)
    assert b.low < 0 < b.high
    overall, missed = slopes(result, "compare-overall")
    assert overall.rows[0].n == 150
    assert missed.rows[0].difference == 0
    mcnemar = {t.name: t.p for c in result.checks for t in c.tests}
    assert mcnemar["Group: FPR, a"] == pytest.approx(2 * 0.5**20)
    assert mcnemar["Group: FPR, b"] == 1
    assert "new calls AI-generated" in result.verdict


def test_the_order_of_rows_does_not_matter():
    first = drawn_scores({"a": (30, 3), "b": (30, 9)})
    second = rescored(first, 1 - first.table["p_ai"].to_numpy())
    order = np.random.default_rng(0).permutation(first.table.num_rows)
    shuffled = Scores(second.table.take(pa.array(order)), second.info)
    kept = compare(first, second, SPEC).model_dump(exclude={"created"})
    assert compare(first, shuffled, SPEC).model_dump(exclude={"created"}) == kept


def test_images_that_only_one_scored_are_said():
    first = drawn_scores({"a": (30, 3), "b": (30, 9)})
    second = Scores(first.table.slice(10), first.info)
    result = compare(first, second, SPEC)
    assert result.limitations[0].startswith("10 images that second did not score")


def test_refusals():
    first = drawn_scores({"a": (30, 3)})
    other = Scores(
        first.table.set_column(0, "image", pa.array([f"x{i}" for i in range(230)])), first.info
    )
    with pytest.raises(FaceAuditError, match="share no image"):
        compare(first, other, SPEC)
    flipped = pa.array(["ai", *first.table["label"].to_pylist()[1:]])
    with pytest.raises(FaceAuditError, match=r"'a/0\.jpg' is real in the first scores and ai in"):
        compare(first, Scores(first.table.set_column(1, "label", flipped), first.info), SPEC)
    with pytest.raises(FaceAuditError, match="no tag 'race'"):
        compare(first, first, SPEC.model_copy(update={"attributes": ["race"]}))


def test_without_a_specification_every_category_is_compared():
    scores = drawn_scores({"a": (30, 3), "b": (30, 9)})
    result = compare(scores, scores)
    assert {check.id for check in result.checks} == {"compare-overall", "compare-group"}
