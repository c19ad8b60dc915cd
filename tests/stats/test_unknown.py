"""What is not known of images: hidden groups and answers, wrong tags, unnamed clusters."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.error_rates import ERROR_RATES
from faceaudit.errors import FaceAuditError
from faceaudit.stats.counts import Images
from faceaudit.stats.unknown import hanging_together, hidden_images, wrong_tags

FPR, FNR = ERROR_RATES["fpr"], ERROR_RATES["fnr"]


def images(rows: list[tuple[str, str, str | None, float | None]], **more: list[str]) -> Images:
    """Rows are data set, label, race, score; those without a score come last."""
    dataset, label, race, score = zip(*rows, strict=True)
    return Images(
        pa.table(
            {
                "dataset": list(dataset),
                "label": list(label),
                "race": pa.array(race, pa.string()),
                "p_ai": pa.array(score, pa.float32()),
                **more,
            }
        )
    )


ROWS: list[tuple[str, str, str | None, float | None]] = [
    *[("a", "real", "x", 0.1)] * 5,
    *[("a", "real", "y", 0.9)] * 3,
    *[("a", "real", None, 0.9)] * 2,
    *[("a", "real", None, 0.1)] * 4,
    # Of this data set, and of AI-generated faces, nothing has the tag.
    *[("b", "real", None, 0.9)] * 7,
    *[("a", "ai", None, 0.1)] * 6,
]
UNSCORED: list[tuple[str, str, str | None, float | None]] = [
    *[("a", "real", "x", None)] * 2,
    ("a", "real", None, None),
    ("b", "real", None, None),
    ("a", "real", "unheard of", None),
]


def test_hidden_images_are_those_that_could_be_of_a_group() -> None:
    scored = images(ROWS)
    wrong = (scored.score >= 0.5) != scored.is_ai
    counts = scored.counts(("race",), 0.5)
    known = hidden_images(scored, wrong, counts)
    assert known is not None
    found = known.of(FPR)
    assert (found.wrong.tolist(), found.right.tolist()) == ([2, 2], [4, 4])
    assert found.unknown.tolist() == [0, 0]
    missed = known.of(FNR)
    assert not any(of.any() for of in (missed.wrong, missed.right, missed.unknown))
    known = hidden_images(images(ROWS + UNSCORED), wrong, counts)
    assert known is not None
    assert known.of(FPR).unknown.tolist() == [3, 1]


def test_nothing_is_hidden_where_all_is_known() -> None:
    scored = images(ROWS[:8])
    counts = scored.counts(("race",), 0.5)
    assert hidden_images(scored, np.zeros(8, bool), counts) is None


def test_wrong_tags_in_each_of_the_ways_they_are_given() -> None:
    scored = images(ROWS[:8], second=["x", "x", "x", "x", "z", "y", "y", "x"])
    counts = scored.counts(("race",), 0.5)

    def given(of: object) -> list[float]:
        return wrong_tags(scored, counts, {"race": of}).tolist()

    assert wrong_tags(scored, counts, {}).tolist() == [0, 0]
    assert given(0.1) == pytest.approx([0.1, 0.1])
    assert given({"x": 0.1, "y": 0.2}) == pytest.approx([0.1, 0.2])
    assert given({"x": {"x": 0.9, "y": 0.1}, "y": {"y": 0.7, "x": 0.3}}) == pytest.approx(
        [0.1, 0.3]
    )
    assert given("second") == pytest.approx([0.2, 1 / 3])
    with pytest.raises(FaceAuditError, match="nothing is said of 'y'"):
        given({"x": 0.1})


def test_wrong_tags_of_a_combination_are_those_of_either() -> None:
    scored = images(ROWS[:8], gender=["f", "m"] * 4)
    counts = scored.counts(("race", "gender"), 0.5)
    shares = wrong_tags(scored, counts, {"race": 0.1, "gender": 0.2})
    assert shares == pytest.approx([0.28] * 4)


@pytest.mark.parametrize(("alike", "found"), [(True, "subject"), (False, None)])
def test_a_column_of_which_images_err_alike_is_found(alike: bool, found: str | None) -> None:
    random = np.random.default_rng(3)
    subject = np.repeat(np.arange(300), 6)
    wrong = np.repeat(random.random(300) < 0.1, 6) if alike else random.random(1800) < 0.1
    rows = [("a", "real", "x", 0.9 if of else 0.1) for of in wrong]
    scored = images(rows, subject=[str(of) for of in subject], photo=[str(i) for i in range(1800)])
    assert hanging_together(scored, wrong) == found
