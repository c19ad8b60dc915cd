from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import beta

from faceaudit.checks import Options
from faceaudit.checks.abstention import CHECK
from faceaudit.errors import FaceAuditError
from faceaudit.runner import audit, run_check
from faceaudit.schema import ScoresInfo, validate
from faceaudit.spec import Spec
from faceaudit.tables import Scores, read_scores

BAND = (0.3, 0.7)


def run(data):
    return run_check(CHECK, data, Options())


def with_scores(drawn, cells, **spec):
    """Each group's real photographs: called real, unsure below and above 0.5, called AI."""
    scores, groups = [], []
    for name, numbers in cells.items():
        for n, score in zip(numbers, (0.1, 0.3, 0.69, 0.7), strict=True):
            scores += [score] * n
            groups += [name] * n
    return drawn(["real"] * len(scores), scores, {"group": groups}, unsure=BAND, **spec)


def table(result, title):
    (found,) = (d for d in result.details if d.title == title)
    return {row[0]: row[1:] for row in found.rows}


def test_shares_and_errors_are_counted_by_group(drawn):
    result = run(with_scores(drawn, {"a": (70, 10, 10, 10), "b": (90, 0, 5, 5)}))
    rows = table(result, "Real photographs left undecided, by group")
    # Images, undecided with its interval, decided, errors among those, errors among all.
    assert rows["a"][:2] == [100, 0.2]
    assert rows["a"][2:4] == pytest.approx([beta.ppf(0.025, 20, 81), beta.ppf(0.975, 21, 80)])
    assert rows["a"][4:6] == [80, 0.125]
    assert rows["a"][6:8] == pytest.approx([beta.ppf(0.025, 10, 71), beta.ppf(0.975, 11, 70)])
    assert rows["a"][8] == 0.2
    assert rows["b"][0:2] == [100, 0.05] and rows["b"][4] == 95 and rows["b"][8] == 0.1
    assert table(result, "Real photographs left undecided")["all images"][:2] == [200, 0.125]
    assert result.sentence.startswith("Of 200 real photographs 12.5 % are left undecided (95 %")
    assert "of the 175 decided 8.6 % are called AI-generated (95 %" in result.sentence
    assert ", and 15.0 % of all with a score." in result.sentence
    undecided, decided = result.findings
    # Two gaps share the error: of who is undecided, and of errors among the others.
    assert (undecided.rate, decided.rate) == ("undecided", "fpr")
    assert undecided.interval.confidence == pytest.approx(0.975)
    assert undecided.interval.value == pytest.approx(0.15)
    assert "tagged group 'a' (20.0 %, 20 of 100; " in undecided.sentence
    assert "are left undecided most often" in undecided.sentence
    assert undecided.sentence in result.sentence
    assert "difference in decided real photographs called AI-generated" in decided.sentence
    assert (decided.groups[0].group, decided.groups[0].events, decided.groups[0].n) == (
        ["a"],
        10,
        80,
    )
    assert decided.sentence.endswith("which chance alone could explain.")


def test_the_band_holds_its_lower_end_and_not_its_upper(drawn):
    data = drawn(["real"] * 4, [0.29, 0.3, 0.69, 0.7], {"g": ["x"] * 4}, unsure=BAND)
    assert table(run(data), "Real photographs left undecided")["all images"][1] == 0.5


def declined(n_real, n_ai, scored, **spec):
    """A table of which `scored` of each label have a score and the others are declined."""
    labels = ["real"] * n_real + ["ai"] * n_ai
    has = [i < scored for i in range(n_real)] + [i < scored for i in range(n_ai)]
    given = pa.table(
        {
            "image": [f"{i}.jpg" for i in range(len(labels))],
            "label": labels,
            "dataset": ["d"] * len(labels),
            "p_ai": pa.array([0.2 if of else None for of in has], pa.float32()),
            "status": ["ok" if of else "unsure" for of in has],
            "group": ["ab"[i % 2] for i in range(len(labels))],
        }
    )
    spec = Spec(name="n", title="t", question="q", attributes=["group"], **spec)
    return audit(Scores(validate(given, "scores", "drawn"), ScoresInfo()), spec)


def test_rows_that_the_classifier_declined_are_undecided():
    result = declined(40, 20, scored=15)
    (check,) = (of for of in result.checks if of.id == "abstention")
    real = table(check, "Real photographs left undecided")["all images"]
    ai = table(check, "AI-generated faces left undecided")["all images"]
    assert (real[0], real[1], real[4], real[5]) == (40, 0.625, 15, 0)
    assert (ai[0], ai[1], ai[4], ai[5]) == (20, 0.25, 15, 1)
    # Everywhere else they are rows without a score.
    assert "30 rows left out, without a score (unsure)" in " ".join(result.limitations)
    assert "abstention" not in {of.id for of in declined(40, 20, scored=40).checks}
    nothing = declined(40, 20, scored=40, checks=["abstention"]).checks[0]
    assert nothing.status == "not-estimable"


def test_both_kinds_count_together():
    result = declined(40, 20, scored=15, unsure=(0.1, 0.9))
    (check,) = (of for of in result.checks if of.id == "abstention")
    assert table(check, "Real photographs left undecided")["all images"][1] == 1
    assert "and none is decided." in check.sentence
    assert "from 0.1 to below 0.9 and rows of status 'unsure'" in check.details[0].note


def test_the_status_is_read_from_a_table(tmp_path):
    (tmp_path / "s.csv").write_text(
        "image,label,dataset,p_ai,status,g\na,real,d,0.1,ok,x\nb,real,d,,unsure,x\nc,ai,d,0.9,,y\n"
    )
    assert read_scores(tmp_path / "s.csv").table["status"].to_pylist() == ["ok", "unsure", "ok"]


def test_images_of_one_person_count_as_what_they_are_worth(drawn):
    score = np.repeat(np.tile([0.1, 0.5, 0.1, 0.9], 50), 5)
    tags = {"group": ["a", "b"] * 500, "person": [f"{i // 5}" for i in range(1000)]}
    found = run(drawn(["real"] * 1000, score, tags, unsure=BAND))
    alone = run(drawn(["real"] * 1000, score, {"group": tags["group"]}, unsure=BAND))
    row, other = (
        table(of, "Real photographs left undecided")["all images"] for of in (found, alone)
    )
    assert row[1] == other[1] == 0.25
    for low, high in ((2, 3), (6, 7)):
        assert row[high] - row[low] > 1.8 * (other[high] - other[low])


@pytest.mark.parametrize("threshold", [0.29, 0.71])
@pytest.mark.parametrize("checks", [{}, {"group-error-rates": {}}])
def test_the_threshold_lies_within(drawn, threshold, checks):
    """Whatever is asked: what a specification says is not passed over in silence."""
    data = with_scores(drawn, {"a": (1, 1, 1, 1)}, checks=checks)
    with pytest.raises(
        FaceAuditError, match=r"unsure: the threshold 0\.\d+ is not within 0.3 to 0.7"
    ):
        audit(Scores(data.table, data.info), data.spec.model_copy(update={"threshold": threshold}))


@pytest.mark.parametrize("unsure", [[0.7, 0.3], [0.3], [0.3, 1.2], [0.5, 0.5], "0.3"])
def test_a_band_is_two_scores(unsure):
    with pytest.raises(FaceAuditError, match="unsure"):
        Spec(name="n", title="t", question="q", attributes=["g"], unsure=unsure)


def test_awkward_tables(awkward):
    awkward.spec = awkward.spec.model_copy(update={"unsure": (0.3, 0.7)})
    result = run(awkward)
    for detail in result.details:
        for row in detail.rows:
            assert row[2] is None or 0 <= row[3] <= row[2] <= row[4] <= 1
            assert row[6] is None or 0 <= row[7] <= row[6] <= row[8] <= 1
