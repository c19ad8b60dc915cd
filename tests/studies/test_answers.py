"""What studies tell first, of drawn runs whose errors are counted here too."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.checks.parts.sentences import MOST_WORDS, words
from faceaudit.studies.data_in_training import DataInTraining
from faceaudit.studies.learning_curve import LearningCurve
from faceaudit.studies.photoshopped import ENDING, Photoshopped
from faceaudit.studies.runs import Tested
from faceaudit.wording import percent


def draw(rng, rates, settings, seeds):
    """Draw runs: data set and label -> number of images and each setting's error rate."""
    keys = [key for key, (n, _) in rates.items() for _ in range(n)]
    is_ai = np.array([label == "ai" for _, label in keys])
    rate = np.array([of for n, of in rates.values() for _ in range(n)])
    # Some images are hard for every seed, as real ones are.
    hard = rng.random((2, len(keys)))
    runs, tables = [], []
    for seed in range(seeds):
        for setting in range(settings):
            wrong = np.where(rng.random(len(keys)) < 0.8, hard[0], hard[1]) < rate[:, setting]
            runs.append(
                SimpleNamespace(
                    threshold=0.5,
                    options={"seed": seed},
                    validation_accuracy=float(rng.uniform(0.8, 1)),
                )
            )
            tables.append(
                pa.table(
                    {
                        "image": [f"{i}.jpg" for i in range(len(keys))],
                        "dataset": [dataset for dataset, _ in keys],
                        "label": [label for _, label in keys],
                        "p_ai": pa.array(np.where(wrong == is_ai, 0.1, 0.9), pa.float32()),
                        "status": ["ok"] * len(keys),
                        "race": ["here" if i % 2 else "there" for i in range(len(keys))],
                    }
                )
            )
    drawn = Tested(runs, [1.0] * len(runs), [])
    drawn.__dict__["tables"] = tables
    return drawn


def mean_rates(drawn, **where):
    return drawn.wrong[..., drawn.where(**where)].mean(axis=(1, 2))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", [DataInTraining, Photoshopped])
def test_the_answer_of_an_ablation_is_short_and_true(kind, seed):
    rng = np.random.default_rng(seed)
    added = "ffhq" if kind is DataInTraining else f"faces{ENDING}"
    sides = rng.random((4, 2)) if seed % 2 else np.full((4, 2), 0.2)
    rates = {
        (added, "real"): (300, sides[0]),
        ("faces", "real"): (300, sides[1]),
        ("faces", "ai"): (300, sides[2]),
        ("rare", "real"): (10, (0.0, 1.0)),
    }
    drawn = draw(rng, rates, 2, 3)
    headline, answer, checks = kind(seeds=3)._conclude(drawn)
    assert words(headline) <= MOST_WORDS
    assert headline.startswith("6 runs: ")
    first = checks[0]
    for sentence in (of.sentence for of in first.findings):
        assert words(sentence) <= MOST_WORDS
    rows = {row.group: row for row in first.details[0].rows}
    for of, where, verb in (
        (f"real photographs of {added}", {"dataset": added, "label": "real"}, "wrongly accuses"),
        ("AI-generated faces", {"label": "ai"}, "misses"),
    ):
        old, new = mean_rates(drawn, **where)
        name = "all AI-generated faces" if verb == "misses" else added
        (row,) = (row for group, row in rows.items() if group.startswith(f"{name} ("))
        assert (row.first, row.second) == pytest.approx((old, new))
        shown = row.low > 0 or row.high < 0
        assert (f"{verb} {'more' if new > old else 'fewer'} {of}" in headline) == shown
        if shown and "(" in headline.replace(added, ""):
            assert f"({percent(new)} against {percent(old)})" in headline
        if not shown:
            assert re.search(f"no difference is shown .*{re.escape(of)}", headline)
    # Ten images are no data set to be told of.
    assert "rare" not in headline + answer.who
    for way, names in re.findall(r"(gain|lose) among [^:]*: ([^;.]*\))", answer.who.lower()):
        for old, new in re.findall(r"\(([\d.]+) % to ([\d.]+) %\)", names):
            assert (float(new) < float(old)) == (way == "gain")
    figure = next(check for check in checks if check.id == answer.figure.check)
    assert figure.details[answer.figure.detail] is first.details[0]


@pytest.mark.parametrize("seed", range(4))
def test_the_answer_of_a_learning_curve_is_short_and_true(seed):
    rng = np.random.default_rng(seed)
    study = LearningCurve(epochs_tried=(1, 2), images_tried=(40, 100), seeds=3)
    rates = {
        ("ffhq", "real"): (100, rng.random(4)),
        ("faces", "real"): (100, rng.random(4)),
        ("faces", "ai"): (100, rng.random(4)),
    }
    if seed == 3:
        del rates["ffhq", "real"]
    drawn = draw(rng, rates, 4, 3)
    headline, answer, (check,) = study._conclude(drawn)
    accuracy = np.reshape([run.validation_accuracy for run in drawn.runs], (3, 4)).mean(axis=0)
    told = f"12 runs: 4 settings × 3 seeds; validation accuracy is up to {percent(accuracy.max())}"
    missed = mean_rates(drawn, label="ai")[accuracy.argmax()]
    assert f"{percent(missed)} of AI-generated faces are missed" in answer.how_much
    assert re.match(r"Accused most where .*: race (t?here)(, race t?here)? \(", answer.who)
    if seed == 3:
        assert headline == f"{told}."
        assert answer.figure.detail == 0
    else:
        source = 100 * mean_rates(drawn, dataset="ffhq")
        assert headline == (
            f"{told}, while {source.min():.1f} to {source.max():.1f} % of ffhq's photographs are "
            "called AI-generated."
        )
        assert f"{source[accuracy.argmax()]:.1f} % of ffhq's photographs" in answer.how_much
        drawn_first = check.details[answer.figure.detail]
        assert drawn_first.title == "Generator's photographs called AI, by images"
    assert words(headline) <= MOST_WORDS
