"""Which part of a picture moves an answer, on whom, and what is no difference."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit
from scipy.stats import t, ttest_ind

from faceaudit.checks import Options
from faceaudit.checks.attention_by_group import CHECK
from faceaudit.model import image_reader
from faceaudit.runner import audit, run_check
from faceaudit.schema import ModelInfo
from faceaudit.scoring import Detector, runs
from faceaudit.spec import Spec
from tests.variants.faces import draw_faces, face

POINTS = face((50, 46), 25)


def run(data):
    return run_check(CHECK, data, Options())


def answers(drawn, moved: dict[str, object], n: int = 200, odds: float = -1.0, area=None, **tags):
    """Photographs of one score; hiding a part adds to its log-odds."""
    data = drawn(["real"] * n, [expit(odds)] * n, tags or {"group": ["a", "b"] * (n // 2)})
    for name, by in moved.items():
        score = expit(odds + np.broadcast_to(by, n)).astype(np.float32)
        data.table = data.table.append_column(f"p_ai[hidden-{name}]", pa.array(score))
        if area:
            share = pa.array(np.full(n, area[name], np.float32))
            data.table = data.table.append_column(f"changed[hidden-{name}]", share)
    return data


def rows_of(result):
    table = result.details[0]
    titles = [column.title for column in table.columns]
    return {row[1]: dict(zip(titles, row, strict=True)) for row in table.rows}


def test_a_share_is_that_of_all_that_moves_up_or_down(drawn):
    area = {"eyes": 0.1, "mouth": 0.05, "border": 0.4}
    result = run(answers(drawn, {"eyes": 3.0, "mouth": -1.0, "border": 0.0}, area=area))
    rows = rows_of(result)
    eyes, mouth, border = (
        rows[of] for of in ("eyes and glasses", "mouth", "border and background")
    )
    shares = [of["share of what moves"] for of in (eyes, mouth, border)]
    assert shares == pytest.approx([0.75, 0.25, 0])
    assert [of["share for its area"] for of in (eyes, mouth)] == pytest.approx([7.5, 5])
    # The call is real: log-odds of AI that rise are log-odds of the call that fall.
    assert [of["their log-odds fall by"] for of in (eyes, mouth)] == pytest.approx(
        [3, -1], abs=1e-5
    )
    assert [of["calls at 0.5 that turn"] for of in (eyes, mouth)] == [1, 0]
    assert result.sentence.startswith(
        "Of all that hiding parts moves on 200 real photographs, eyes and glasses move most: 75.0 %"
    )
    assert ", on 10.0 % of the picture." in result.sentence
    _, low, high = result.details[0].rows[0][4:7]
    assert low < 0.75 < high, "that all are alike does not show that none is otherwise"


def test_intervals_and_differences_are_those_of_means(drawn):
    rng = np.random.default_rng(2)
    group = np.repeat(["a", "b"], [120, 80])
    eyes = np.minimum(rng.gamma(2, np.where(group == "a", 0.5, 1.5)), 8)
    data = answers(drawn, {"eyes": eyes, "mouth": rng.gamma(2, 0.5, 200)}, group=group.tolist())
    table = data.table
    odds = [
        np.log(table[n]) - np.log1p(-np.asarray(table[n], float)) for n in table.column_names[-2:]
    ]
    moved = np.abs(np.array(odds) + 1)
    share = (moved / moved.sum(axis=0))[0]
    one, other = share[group == "a"], share[group == "b"]
    result = run(data)
    found = next(of for of in result.findings if of.tags)
    assert found.sentence.startswith("Group 'a', real photographs: ")
    assert abs(found.interval.value) == pytest.approx(abs(one.mean() - other.mean()), abs=1e-4)
    plain = ttest_ind(one, other, equal_var=False)
    low, high = plain.confidence_interval(found.interval.confidence)
    assert found.interval.confidence == pytest.approx(1 - 0.025 / 2)
    width = found.interval.upper - found.interval.low
    assert high - low < width < 1.25 * (high - low), "a little wider: one more image at each end"
    value, _, high = result.details[0].rows[0][4:7]
    arm = t.isf((1 - (1 - 0.025 / 2)) / 2, 199) * share.std(ddof=1) / np.sqrt(200)
    assert arm < high - value < 1.1 * arm
    heatmap = next(detail for detail in result.details if detail.kind == "heatmap")
    assert (heatmap.rows, heatmap.columns) == (["a", "b"], ["eyes", "mouth"])
    assert [line[0] for line in heatmap.values] == pytest.approx(
        [one.mean(), other.mean()], abs=1e-4
    )


def test_with_nothing_hidden_the_file_itself_is_no_part(drawn):
    data = answers(drawn, {"eyes": 2.0, "mouth": 2.5, "nothing": 2.0})
    shares = {name: row["share of what moves"] for name, row in rows_of(run(data)).items()}
    assert shares == pytest.approx({"eyes and glasses": 0, "mouth": 1}, abs=1e-5)
    assert run(answers(drawn, {"eyes": 2.0, "nothing": 2.0})).status == "not-estimable"


def test_images_that_nothing_moves_or_that_lack_a_score_are_left_out(drawn):
    by = np.r_[np.zeros(30), np.full(170, 1.0)]
    data = answers(drawn, {"eyes": by, "mouth": by / 3})
    place = data.table.column_names.index("p_ai[hidden-mouth]")
    mouth = data.table["p_ai[hidden-mouth]"].to_pylist()
    column = pa.array(mouth[:190] + [None] * 10, pa.float32())
    data.table = data.table.set_column(place, "p_ai[hidden-mouth]", column)
    result = run(data)
    assert rows_of(result)["mouth"]["images"] == 160
    assert "10 are left out without a face that is found, and 30 on which" in result.details[0].note


def test_it_runs_by_itself_only_where_parts_were_hidden(drawn, awkward):
    assert not CHECK.concerns(answers(drawn, {"nothing": 0.0}))
    assert CHECK.concerns(answers(drawn, {"eyes": 0.0}))
    assert run(awkward).status == "not-estimable"


class Mouth(Detector):
    """A classifier that looks at the mouth alone."""

    name, info = "mouth", ModelInfo(id="mouth")

    @classmethod
    def open(cls, model, options):
        return None

    def pixels(self, image):
        return np.array([np.asarray(image.convert("L"), float)[72:78, 42:58].mean()])

    def p_ai(self, pixels):
        return expit((110 - pixels[:, 0]) / 30).astype(np.float32)


def test_all_evidence_of_a_classifier_of_the_mouth_is_the_mouths(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "require_landmarks", lambda purpose: None)
    monkeypatch.setattr(image_reader, "find_points", lambda picture: POINTS)
    manifest = draw_faces(tmp_path, ["real", "ai"] * 20, POINTS, 100, 6)
    scores = runs.score(Mouth(), manifest, edit=["parts"], find_faces=False)
    spec = Spec(name="t", title="T", question="?", attributes=["dataset"], checks={CHECK.id: {}})
    (result,) = audit(scores, spec).checks
    assert result.status == "info", result.traceback
    for row in result.details[0].rows:
        assert (row[4] > 0.97) if row[1] == "mouth" else (row[4] < 0.02), row
        assert 0 < row[3] < 0.6
    assert result.sentence.count("mouth move most") == 2
