"""The demo, on what comes with the package: no data, no network."""

import re

import numpy as np
import pytest

from faceaudit import bundled
from faceaudit.demo import demo
from faceaudit.model.records import read_record
from faceaudit.tables import read_scores
from faceaudit.terminal import print_demo


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    return demo(tmp_path_factory.mktemp("demo"))


def test_every_report_is_there(shown):
    pytest.importorskip("torch", reason="needs the extra 'model'")
    assert shown.skipped is None
    assert len(shown.reports) == 18
    listed = shown.index.read_text()
    for name in shown.reports:
        assert (shown.index.parent / name / "report.html").stat().st_size > 50_000
        assert f"{name}/report.html" in listed


def test_the_default_model_scores_the_samples(shown):
    pytest.importorskip("torch", reason="needs the extra 'model'")
    table = read_scores(shown.index.parent / "samples" / "scores.parquet").table
    record = read_record(bundled.resolve_model("bundled:default"))
    # Faces that the model never saw: most are recognised, not necessarily all.
    assert (table["p_ai"].to_numpy() >= np.float32(record.threshold)).mean() > 0.5
    assert not any(table["in_training"].to_pylist())


def test_misclassification_by_age_gender_race_and_glasses(shown):
    attributes = set()
    for result in shown.reports.values():
        for check in result.checks:
            if check.id == "group-error-rates":
                for detail in check.details:
                    if detail.kind == "forest" and any(
                        row.value is not None for row in detail.rows
                    ):
                        attributes.add(detail.attribute)
    assert {"age_band", "gender", "race", "glasses"} <= {a.replace(" ", "_") for a in attributes}


def test_the_published_experiment_is_in_the_recorded_scores(shown):
    """The generator's own photographs are called AI, far less so once they are in training."""
    check = next(c for c in shown.reports["compare"].checks if c.id == "compare-dataset")
    slopes = next(d for d in check.details if d.kind == "slopes")
    ffhq = next(row for row in slopes.rows if row.group == "ffhq")
    others = [row for row in slopes.rows if row.group != "ffhq" and row.first is not None]
    assert ffhq.n >= 500
    assert ffhq.first > 0.5
    assert ffhq.high < -0.3
    assert max(row.first for row in others) < 0.1
    assert shown.reports["without-ffhq/generator-source"].status == "fail"


def test_the_terminal_tells_the_story_in_fifteen_lines_and_one_table(shown, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    print_demo(shown)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:-1])) <= 80
    table = next(i for i, line in enumerate(lines) if line.split()[:1] == ["status"])
    prose = " ".join(lines[:table])
    assert table <= 15
    for asked in shown.story:
        assert asked in prose
    assert all(len(told.split()) < 60 for told in re.split(r"(?<=\.) (?=[A-Z])", prose))
    rows = [" ".join(line.split()) for line in lines[table + 1 : -1]]
    assert rows[0] == "compare 6.7 % → 1.9 % 8.2 % → 25.9 %"
    classifiers = [rows.index(name) for name in ("without-ffhq", "with-ffhq", "equal-delivery")]
    assert "ffhq-glasses-age-gender Fail 532 of 540 152 of 1,860" in rows[classifiers[0] :]
    assert "utkface-demographics Pass 0 of 3,466 481 of 1,860" in rows[classifiers[1] :]
    assert lines[-1] == f"Look at {shown.index}"
    for name, result in shown.reports.items():
        assert sum(row.startswith(name.rpartition("/")[2]) for row in rows) >= 1
        for of in result.answer.overall if result.kind == "audit" else ():
            assert any(f"{of.events:,} of {of.n:,}" in row for row in rows)


def test_the_published_results_are_told_first(shown):
    assert "157 of 540; Not enough evidence" in shown.index.read_text()
    accused, why, in_training, mitigated, again = shown.story.values()
    assert "98.5 % of real photographs of 'ffhq' are called AI-generated" in accused
    assert "with every picture delivered alike" in why
    assert "AI-generated faces" in in_training
    assert "misses fewer AI-generated faces" in mitigated
    assert "34.0 % of real photographs of 'ffhq' are called AI-generated" in again
    pytest.importorskip("torch", reason="the samples are scored with the extra 'model'")
    listed = shown.index.read_text()
    # The gravest first; comparisons follow the table of questions.
    assert listed.index("without-ffhq/generator-source") < listed.index("samples/report.html")
    assert listed.index("samples/report.html") < listed.index("compare/report.html")


def test_recorded_scores_hold_no_pixel_no_path_and_nothing_seen_in_training():
    first, second = (read_scores(bundled.recorded_scores(name)) for name in bundled.PUBLISHED_PAIR)
    for scores in (first, second):
        assert all(info.root is None for info in scores.info.datasets.values())
        assert not any(scores.table["in_training"].to_pylist())
        assert not any(image.startswith("/") for image in scores.table["image"].to_pylist())
    keys = ["dataset", "image", "label"]
    assert first.table.select(keys).equals(second.table.select(keys))
