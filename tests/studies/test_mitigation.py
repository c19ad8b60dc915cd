"""The study of remedies: nothing is judged where it was fitted, and what is said is so."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from faceaudit.checks.parts.sentences import MOST_WORDS, words
from faceaudit.cli import main
from faceaudit.errors import FaceAuditError
from faceaudit.model.records import read_record
from faceaudit.result import read_result
from faceaudit.studies.holdout import halved
from faceaudit.studies.mitigated import Counted, Setting, compare_settings
from faceaudit.studies.mitigation import PLAIN, Mitigation
from faceaudit.tables import read_scores, write_table
from field import mitigation as drawn
from field import scored_faces
from tests.studies.conftest import SMALL


def judged(draw, seed=3, **options):
    table = draw(np.random.default_rng(seed))
    return Mitigation(groups="group", **options).judge({PLAIN: [(table, 0.5)]}), table


def test_halves_part_no_cluster_and_hang_on_no_order():
    n = 2000
    people = pa.array([f"p{i // 4}" for i in range(n)])
    table = scored_faces([True] * n, [True] * n, {"person": people}).table
    half = halved(table)
    assert 0.45 < half.mean() < 0.55
    assert (half.reshape(-1, 4).all(axis=1) == half.reshape(-1, 4).any(axis=1)).all()
    mixed = np.random.default_rng(0).permutation(n)
    np.testing.assert_array_equal(halved(table.take(mixed)), half[mixed])


def test_what_is_fitted_never_sees_what_is_judged(monkeypatch):
    from faceaudit.mitigation.minimax_threshold import MinimaxThreshold

    seen = []
    fit = MinimaxThreshold.fit.__func__

    def watched(cls, images, given):
        seen.append(set(images.table["image"].to_pylist()))
        return fit(cls, images, given)

    monkeypatch.setattr(MinimaxThreshold, "fit", classmethod(watched))
    found, table = judged(drawn._noisy)
    tested = set(found.plain.scores[0].table["image"].to_pylist())
    assert seen and not seen[0] & tested
    assert len(seen[0]) + len(tested) == len(table) and found.fitted_on == len(seen[0])


def test_levelling_down_is_named_and_its_sentence_has_the_numbers(tmp_path):
    table = drawn._noisy(np.random.default_rng(4))
    scores = write_table(tmp_path / "s.parquet", table, scored_faces([True], [True], {}).info)
    result = Mitigation(groups="group").of_scores(scores, tmp_path / "out")
    assert read_result(tmp_path / "out" / "study.json") == result
    assert words(result.verdict) <= MOST_WORDS
    assert result.verdict.endswith("; 1 levels down.")
    assert result.answer.why.startswith("Levelling down: with threshold-optimizer (for study only)")
    extremes = result.checks[0].details[-1]
    row = next(row for row in extremes.rows if row[0].startswith("threshold-optimizer"))
    titles = [column.title for column in extremes.columns]
    best = row[titles.index("best minus plain")]
    assert row[-1] == "levelled down" and best > 0.1
    assert f"the best group gets worse ({100 * best:+.1f} points" in result.answer.why
    assert any("for study only" in note for note in result.limitations)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "treats people by what somebody took them for" in page


def test_who_gains_and_who_pays_is_what_is_counted():
    found, _ = judged(drawn._noisy)
    safe = next(of for of in found.found if of.setting.name == "safe-threshold")
    assert safe.verdict == "trades"
    wrong = {side: of.wrong[0] for side, of in (("plain", found.plain), ("safe", safe.setting))}
    images = found.plain.scores[0]
    group = np.array(images.table["group"])
    for change in safe.shown:
        of = images.is_ai == (change.rate.label == "ai")
        of &= (group == change.group) if change.tags else True
        assert (change.first, change.second, change.n) == pytest.approx(
            (wrong["plain"][of].mean(), wrong["safe"][of].mean(), of.sum())
        )
    assert {(c.rate.id, c.group) for c in safe.shown if c.way > 0} >= {("fnr", "0")}
    assert {(c.rate.id, c.group) for c in safe.shown if c.way < 0} >= {("fpr", "0")}


def test_a_method_that_cannot_be_fitted_is_named_with_the_reason():
    found, _ = judged(drawn._apart)
    assert {of.setting.name for of in found.found} >= {"minimax-threshold"}
    table = drawn._apart(np.random.default_rng(3)).drop_columns("width")
    found = Mitigation(groups="group", target_fpr=0.001).judge({PLAIN: [(table, 0.5)]})
    assert [reason.split(" could not be fitted: ")[0] for reason in found.reasons] == [
        "delivery-recalibration",
        "safe-threshold",
    ]


def test_without_a_group_that_is_large_enough_there_is_no_verdict():
    table = drawn._drawn(lambda is_ai, group, wide: is_ai - 0.5, np.random.default_rng(0), each=20)
    with pytest.raises(FaceAuditError, match="no group by group has 30 images of a label among"):
        Mitigation(groups="group").judge({PLAIN: [(table, 0.5)]})


def test_images_that_hang_together_count_as_what_they_are_worth():
    random = np.random.default_rng(1)
    n = 400
    is_ai = np.repeat([False, True], n)
    person = np.repeat(np.arange(n // 2), 4)
    base = random.random(n // 2)[person]

    def setting(name, rate):
        calls = is_ai ^ (base < rate)
        columns = {"group": ["x"] * (2 * n), "person": person.astype(str)}
        table = scored_faces(is_ai, calls, columns).table
        from faceaudit.stats.clusters import clusters_of
        from faceaudit.stats.counts import Images

        return [Setting(name, [Images(table, of)], [0.5]) for of in (clusters_of(table), None)]

    plain, other = setting("plain", 0.2), setting("other", 0.3)
    from faceaudit.error_rates import ERROR_RATES

    together, alone = (
        Counted.of(ERROR_RATES["fpr"], first, second, ["group"]).changes(0.95)
        for first, second in zip(plain, other, strict=True)
    )
    assert together.mean == pytest.approx(alone.mean)
    ratio = (together.high - together.low) / (alone.high - alone.low)
    assert 1.7 < ratio < 2.5, "four pictures of a person that err alike are worth one"


def test_one_setting_alone_against_itself_shows_nothing():
    found, _ = judged(drawn._noisy)
    (same,) = compare_settings(found.plain, [found.plain], ["group"], 0.95)
    assert same.verdict == "not shown" and not same.shown


def test_the_command_mends_scores_and_refuses_both_or_neither(tmp_path):
    table = drawn._shifted(np.random.default_rng(2))
    scores = write_table(tmp_path / "s.parquet", table, scored_faces([True], [True], {}).info)
    run = CliRunner().invoke
    done = run(
        main,
        [
            "study",
            "mitigation",
            "--scores",
            str(scores),
            "--groups",
            "group",
            "-o",
            str(tmp_path / "o"),
        ],
    )
    assert done.exit_code == 0, done.output
    assert "delivery-recalibration helps the worst group" in " ".join(done.output.split())
    assert (tmp_path / "o" / "report.html").exists()
    assert run(main, ["study", "mitigation", "-o", str(tmp_path)]).exit_code == 2
    both = ["study", "mitigation", "x.parquet", "--scores", str(scores), "-o", str(tmp_path)]
    assert run(main, both).exit_code == 2
    strange = [
        "study",
        "mitigation",
        "--scores",
        str(scores),
        "--groups",
        "hat",
        "-o",
        str(tmp_path),
    ]
    refused = run(main, strange)
    assert refused.exit_code == 2 and "there is no tag 'hat'" in refused.stderr


def test_images_seen_in_training_are_neither_fitted_on_nor_judged(tmp_path):
    table = drawn._noisy(np.random.default_rng(3))
    seen = pa.array(np.arange(len(table)) % 4 == 0)
    info = scored_faces([True], [True], {}).info
    scores = write_table(tmp_path / "s.parquet", table.append_column("in_training", seen), info)
    result = Mitigation(groups="group").of_scores(scores, tmp_path / "out")
    assert result.scores[0].n_real + result.scores[0].n_ai == len(table) * 3 // 4
    assert len(read_scores(scores).table) == len(table)


def test_trainings_and_mended_scores_are_judged_on_the_same_images(drawn_sets, tmp_path):
    pytest.importorskip("fastai", reason="needs the extra 'model'")
    study = Mitigation(seeds=1, epochs=1, hold_out=0.7, **SMALL)
    result = study.run(list(drawn_sets.values()), tmp_path)
    names = ["plain", "equal-delivery", "balanced-sources", "group-dro"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == sorted(
        f"{name}-seed-0" for name in names
    )
    trained = {
        name: read_record(tmp_path / "runs" / f"{name}-seed-0" / "model").training for name in names
    }
    assert [(of.equal_delivery, of.balance, of.objective) for of in trained.values()] == [
        (None, None, "erm"),
        (0.8, None, "erm"),
        (None, "sources", "erm"),
        (None, "sources", "group-dro"),
    ]
    over_all = next(d for d in result.checks[0].details if d.title == "Over all judged images")
    assert {row[0] for row in over_all.rows} >= {*names, "minimax-threshold"}
    judged = {(row[1], row[2]): row[3] for row in result.checks[1].details[0].rows}
    tested = read_scores(tmp_path / "runs" / "plain-seed-0" / "scores.parquet").table
    rest = tested.filter(pa.array(~halved(tested)))
    assert sum(judged.values()) == len(rest)
    assert result.checks[-1].id == "runs" and len(result.checks[-1].details[0].rows) == 4


def test_importing_it_imports_neither_torch_nor_pandas():
    code = (
        "import sys, faceaudit.studies.mitigation; from faceaudit.mitigation import all_methods; "
        "all_methods(); sys.exit(bool({'torch', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
