"""What glasses do beyond the same drawing elsewhere, and what is not to be blamed on them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit
from scipy.stats import binomtest

from faceaudit.checks import Options
from faceaudit.checks.paired_edits import CHECK
from faceaudit.model import image_reader
from faceaudit.runner import audit, run_check
from faceaudit.schema import ModelInfo
from faceaudit.scoring import Detector, runs
from faceaudit.spec import Spec
from faceaudit.stats.intervals import paired_difference_interval
from tests.variants.faces import draw_faces, face

POINTS = face((50, 46), 25)


def run(data):
    return run_check(CHECK, data, Options())


def calls(drawn, turned: dict[str, tuple[int, int]], n: int = 400, wrong: int = 40, **tags):
    """Photographs, the first `wrong` called AI; each variant turns so many wrong and right."""
    base = np.arange(n) < wrong
    table = drawn(["real"] * n, np.where(base, 0.9, 0.1), tags or {"group": ["a", "b"] * (n // 2)})
    for name, (become_wrong, become_right) in turned.items():
        after = base.copy()
        after[:become_right] = False
        after[wrong : wrong + become_wrong] = True
        column = pa.array(np.where(after, 0.9, 0.1).astype(np.float32))
        table.table = table.table.append_column(f"p_ai[{name}]", column)
    return table


def test_counts_interval_and_test_are_those_of_pairs(drawn):
    result = run(calls(drawn, {"glasses": (60, 4), "glasses-sham": (10, 2)}))
    whole = result.details[0]
    titles = [column.title for column in whole.columns]
    rows = {row[1]: dict(zip(titles, row, strict=True)) for row in whole.rows}
    assert list(rows) == ["glasses drawn", "glasses drawn elsewhere", "glasses beyond that"]
    glasses, beyond = rows["glasses drawn"], rows["glasses beyond that"]
    assert (glasses["images"], glasses["become wrong"], glasses["become right"]) == (400, 60, 4)
    assert (glasses["wrong before"], glasses["after"]) == (0.1, pytest.approx(0.24))
    # The sham has 10 of the 60 wrong too, and 2 of the 4 right.
    assert (beyond["become wrong"], beyond["become right"]) == (50, 2)
    sham = rows["glasses drawn elsewhere"]
    assert beyond["change"] == pytest.approx(glasses["change"] - sham["change"])
    assert beyond["score moves"] == pytest.approx(0.8 * 48 / 400)
    finding = result.findings[0]
    confidence = 1 - 0.05 / 2  # half of the error is for groups
    both, first, second = 38, 2, 50
    low, high = paired_difference_interval(both, first, second, 310, confidence)
    assert finding.interval.low == pytest.approx(float(low))
    assert finding.interval.upper == pytest.approx(float(high))
    expected = binomtest(2, 52).pvalue
    assert {t.name: t.p for t in result.tests}["FPR: glasses beyond that changes nothing"] == (
        pytest.approx(expected)
    )
    assert finding.weight > 0
    assert finding.sentence.startswith(
        "Drawn glasses turn 60 of 400 real photographs wrong and 4 right (+14.0 points"
    )
    assert finding.sentence.endswith(
        "so glasses as such have more real photographs called AI-generated."
    )


@pytest.mark.parametrize(
    "turned",
    [
        {"glasses": (60, 0), "glasses-sham": (60, 0)},
        {"glasses": (60, 0), "glasses-sham": (55, 0)},
        {"glasses": (0, 0), "glasses-sham": (60, 0)},
        {"glasses": (60, 0), "glasses-sham": (160, 0)},
        {"glasses": (0, 0), "glasses-sham": (0, 0)},
    ],
)
def test_what_any_drawing_does_or_the_sham_alone_is_not_blamed_on_glasses(drawn, turned):
    result = run(calls(drawn, turned))
    assert [found.weight for found in result.findings] == [0.0]
    assert result.sentence.endswith("nothing is shown of glasses as such.")
    glasses, sham = turned["glasses"][0], turned["glasses-sham"][0]
    assert ("any drawing does that" in result.sentence) == (glasses > 0 and sham < 100)
    assert ("where it is drawn matters" in result.sentence) == (abs(glasses - sham) > 50)


def test_only_a_group_that_glasses_change_is_named(drawn):
    tags = {"group": ["a"] * 40 + ["b"] * 180 + ["a"] * 180}
    result = run(calls(drawn, {"glasses": (60, 0), "glasses-sham": (0, 0)}, **tags))
    named = [found for found in result.findings if found.tags]
    assert [found.sentence.split(":")[0] for found in named] == ["Group 'b'"]
    forest = next(detail for detail in result.details if detail.kind == "forest")
    assert [(row.group, row.n) for row in forest.rows] == [("a", 220), ("b", 180)]
    assert forest.reference == pytest.approx(0.15) and forest.by_threshold


def test_who_wears_glasses_already_is_left_out_where_that_is_known(drawn):
    worn = ["none"] * 300 + ["reading"] * 60 + [None] * 40
    tags = {"group": ["a", "b"] * 200, "glasses": worn}
    table = calls(drawn, {"glasses": (30, 0), "glasses-sham": (0, 0)}, **tags)
    result = run(table)
    assert result.findings[0].n == 340
    assert "60 are left out that have them already" in result.details[0].note
    assert "of 40 of the others that is not known" in result.details[0].note


def test_images_without_one_of_the_scores_are_in_none_of_the_comparisons(drawn):
    data = calls(drawn, {"glasses": (30, 0), "glasses-sham": (0, 0)})
    sham = data.table["p_ai[glasses-sham]"].to_pylist()
    place = data.table.column_names.index("p_ai[glasses-sham]")
    column = pa.array([None] * 50 + sham[50:], pa.float32())
    data.table = data.table.set_column(place, "p_ai[glasses-sham]", column)
    result = run(data)
    assert [row[2] for row in result.details[0].rows] == [350] * 3
    assert "and 50 that cannot be drawn on" in result.details[0].note


def test_images_that_hang_together_count_as_what_they_are_worth(drawn):
    turned = {"glasses": (60, 0), "glasses-sham": (0, 0)}
    alone = run(calls(drawn, turned)).findings[0].interval
    people = [str(i // 20) for i in range(400)]
    tags = {"group": ["a", "b"] * 200, "person": people}
    together = run(calls(drawn, turned, **tags)).findings[0].interval
    assert together.value == alone.value
    assert together.upper - together.low > 1.8 * (alone.upper - alone.low)


def test_it_runs_by_itself_only_where_an_edit_has_its_sham(drawn, awkward):
    assert not CHECK.concerns(calls(drawn, {"glasses": (1, 0)}))
    assert not CHECK.concerns(calls(drawn, {"jpeg=85": (1, 0)}))
    assert CHECK.concerns(calls(drawn, {"hat": (1, 0), "hat-sham": (0, 0)}))
    assert run(awkward).status == "not-estimable"


class Looks(Detector):
    """A classifier of one number of a picture, AI from 0 on; a file's format it sees too."""

    def __init__(self, at):
        self.name, self.info, self.at = at.__name__, ModelInfo(id=at.__name__), at

    @classmethod
    def open(cls, model, options):
        return None

    def pixels(self, image):
        return np.array([self.at(np.asarray(image.convert("RGB"), float), image.format)])

    def p_ai(self, pixels):
        return expit(pixels[:, 0]).astype(np.float32)


def eyes(pixels, format):
    return (158 - pixels[38:54, 25:75].mean()) / 4


def brightness(pixels, format):
    return 136 - pixels.mean()


def file(pixels, format):
    return -2 if format == "PNG" else 2


def edges(pixels, format):
    return np.abs(np.diff(pixels, axis=0)).mean() - 9.3


@pytest.mark.parametrize(
    ("looks_at", "blamed"), [(eyes, True), (brightness, False), (file, False), (edges, False)]
)
def test_a_classifier_of_drawn_faces_is_told_by_what_it_looks_at(
    tmp_path, monkeypatch, looks_at, blamed
):
    monkeypatch.setattr(runs, "require_landmarks", lambda purpose: None)
    monkeypatch.setattr(image_reader, "find_points", lambda picture: POINTS)
    manifest = draw_faces(tmp_path, ["real"] * 90, POINTS, 100, 4)
    scores = runs.score(Looks(looks_at), manifest, edit=["glasses"], find_faces=False)
    spec = Spec(name="t", title="T", question="?", attributes=["dataset"], checks={CHECK.id: {}})
    (result,) = audit(scores, spec).checks
    assert result.status == "info", result.traceback
    assert [found.weight > 0 for found in result.findings] == [blamed], result.sentence
    glasses, sham, _ = (row[5] + row[6] for row in result.details[0].rows)
    assert glasses > (10 if looks_at is not brightness else 2)
    assert (sham == 0) == (looks_at is eyes), "the sham changes nothing that it sees"
