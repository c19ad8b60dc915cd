from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from faceaudit.checks import Options
from faceaudit.checks.ranking import CHECK
from faceaudit.runner import run_check


def run(data):
    return run_check(CHECK, data, Options())


@pytest.fixture
def suspected(drawn):
    """Photographs of group b look generated; the AI-generated faces carry no tag."""
    rng = np.random.default_rng(5)
    score = np.concatenate([rng.beta(2, 8, 300), rng.beta(6, 4, 300), rng.beta(8, 2, 400)]).astype(
        np.float32
    )
    return drawn(
        ["real"] * 600 + ["ai"] * 400,
        score.tolist(),
        {"group": ["a"] * 300 + ["b"] * 300 + [None] * 400},
    )


def test_real_only_groups_are_held_against_all_faces(suspected):
    result = run(suspected)
    assert result.status == "info"
    score = suspected.table["p_ai"].to_numpy()
    label = np.repeat([0, 1], [600, 400])
    overall = roc_auc_score(label, score)
    assert f"{100 * overall:.1f} % of all pairs" in result.sentence
    assert "600 real, 400 AI-generated" in result.sentence
    (forest, table) = result.details
    assert forest.measure == "AUC (BPSN)"
    expected = roc_auc_score(label[300:], score[300:])
    assert forest.rows[1].value == pytest.approx(expected, abs=1e-12)
    assert forest.reference == pytest.approx(overall)
    row = table.rows[1]
    assert row[:3] == ["b", 300, 0]
    # Neither the group's own AUC nor BNSP nor the equal error rate can be had.
    assert row[3:6] == row[9:12] == [None] * 3
    assert row[12] is None


def test_finding_names_the_suspected_group(suspected):
    (finding,) = run(suspected).findings
    assert finding.sentence.startswith(
        "Whatever the threshold, real photographs tagged group 'b' ("
    )
    assert "hardest to tell from AI-generated faces, those tagged group 'a'" in finding.sentence
    assert "chance" not in finding.sentence
    assert finding.weight > 0


def test_overlapping_ranges_are_said_to_overlap(counted):
    result = run(counted({"a": (40, 6, 40, 4), "b": (40, 4, 40, 6)}))
    assert len(result.findings) == 2
    assert all("chance alone could explain" in finding.sentence for finding in result.findings)


def test_groups_too_small_to_speak_of_are_in_tables_alone(counted):
    result = run(counted({"a": (40, 6, 40, 4), "b": (40, 4, 40, 6), "c": (29, 29, 29, 0)}))
    for finding in result.findings:
        assert "among groups of at least 30 images" in finding.sentence
        assert "'c'" not in finding.sentence
    assert [row[0] for row in result.details[-1].rows] == ["a", "b", "c"]
    assert run(counted({"a": (40, 6, 40, 4), "b": (9, 4, 9, 6)})).findings == []


@pytest.mark.parametrize(
    ("cells", "lacking"),
    [((9, 1, 0, 0), "AI-generated face"), ((0, 0, 9, 1), "real photograph")],
)
def test_one_label_is_not_estimable(counted, cells, lacking):
    result = run(counted({"a": cells}))
    assert result.status == "not-estimable"
    assert result.sentence == f"There is no {lacking} here, so there is nothing to rank."


def test_awkward_tables(awkward):
    result = run(awkward)
    for detail in result.details:
        if detail.kind == "forest":
            for row in detail.rows:
                assert (row.value is None) == (row.n == 0)
                assert row.value is None or 0 <= row.low <= row.value <= row.high <= 1
    assert result.model_dump_json()


def test_the_more_is_asked_the_surer_a_sentence_must_be(drawn):
    rng = np.random.default_rng(1)
    score = np.concatenate([rng.normal(0, 1, 100), rng.normal(0.4, 1, 100), rng.normal(2, 1, 300)])
    groups = ["a"] * 100 + ["b"] * 100 + [None] * 300
    label = ["real"] * 200 + ["ai"] * 300

    def qualified(tags):
        asked = {f"tag{i}": groups for i in range(tags)}
        p_ai = (1 / (1 + np.exp(-score))).tolist()
        found = run(drawn(label, p_ai, asked, attributes=[*asked])).findings
        assert len(found) == tags
        return ["chance alone could explain" in finding.sentence for finding in found]

    assert qualified(1) == [False]
    assert qualified(8) == [True] * 8


def test_images_of_one_person_count_as_what_they_are_worth(drawn):
    rng = np.random.default_rng(2)
    score, label = rng.random(200), ["real", "ai"] * 100
    group = ["a", "a", "b", "b"] * 50

    def rows(copies, **columns):
        table = {"group": group * copies, **columns}
        data = drawn(label * copies, score.tolist() * copies, table, attributes=["group"])
        (table,) = (of for of in run(data).details if of.kind == "table")
        return np.array([row[3:12] for row in table.rows], float).reshape(-1, 3, 3)

    once, five = rows(1), rows(5)
    known = rows(5, person=[str(i) for i in range(200)] * 5)
    assert known[..., 0] == pytest.approx(once[..., 0])
    width = [of[..., 2] - of[..., 1] for of in (once, five, known)]
    assert (width[1] < 0.6 * width[0]).all()
    assert (width[2] > width[0] - 1e-9).all()
