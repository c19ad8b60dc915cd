"""The gate's exit codes."""

import pytest

from faceaudit.audit import audit
from faceaudit.errors import FaceAuditError
from faceaudit.gate import FAILED, PASSED, UNDECIDED, gate
from faceaudit.spec import Spec
from tests.drawn import drawn_scores

SPEC = Spec(
    name="t",
    title="T",
    question="?",
    attributes=["group"],
    checks={"triviality": {}, "equalized-odds-gap": {}},
    limits={"fpr_gap": 0.05, "fnr_gap": None},
)


def result(a, b, spec=SPEC):
    return audit(drawn_scores({"a": a, "b": b}), spec)


def test_codes():
    passing, failing = result((4000, 40), (4000, 40)), result((1000, 10), (1000, 300))
    undecided = result((20, 0), (20, 2))
    assert gate(passing)[0] == PASSED == 0
    assert gate(failing)[0] == FAILED == 1
    assert gate(undecided)[0] == UNDECIDED == 3


def test_no_verdict_is_no_pass():
    silent = SPEC.model_copy(update={"checks": {"top-losses": {}}})
    assert gate(result((40, 4), (40, 4), silent)) == (UNDECIDED, [])


def test_baseline():
    passing, failing = result((4000, 40), (4000, 40)), result((1000, 10), (1000, 300))
    assert gate(failing, baseline=passing)[0] == FAILED
    code, outcomes = gate(failing, baseline=failing)
    assert code == PASSED
    assert [o.is_new for o in outcomes] == [False] * len(outcomes)
    other = passing.model_copy(update={"name": "other"})
    with pytest.raises(FaceAuditError, match="audit named 'other'"):
        gate(failing, baseline=other)
