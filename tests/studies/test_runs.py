"""The studies as a whole, on drawn pictures and a network small enough for tests."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pyarrow.compute as pc
import pytest

pytest.importorskip("fastai", reason="needs the extra 'model'")

import faceaudit.model.training as training
from faceaudit.errors import FaceAuditError
from faceaudit.model.records import read_record
from faceaudit.result import read_result
from faceaudit.studies.data_in_training import DataInTraining
from faceaudit.studies.learning_curve import LearningCurve
from faceaudit.studies.photoshopped import Photoshopped
from faceaudit.tables import read_manifest, read_scores, write_table
from tests.studies.conftest import SMALL

STUDY = DataInTraining(added="source", seeds=2, epochs=3, attributes=["group", "glasses"], **SMALL)


@pytest.fixture(scope="module")
def study(drawn_sets, tmp_path_factory):
    """A finished study of two seeds, and its folder."""
    out = tmp_path_factory.mktemp("study")
    return STUDY.run(list(drawn_sets.values()), out), out


@pytest.fixture
def trainings(monkeypatch):
    """Count the calls of `train` and let one of them be interrupted."""
    calls: list[str] = []
    real = training.train
    stop_at: list[int] = []

    def counting(manifests, out, **options):
        if stop_at and len(calls) == stop_at[0]:
            raise KeyboardInterrupt
        calls.append(str(out))
        return real(manifests, out, **options)

    monkeypatch.setattr(training, "train", counting)
    return calls, stop_at


def rates(result):
    (table,) = (d for d in result.checks[0].details if d.kind == "table")
    return {(row[0], row[1]): row for row in table.rows}


def test_photographs_like_the_ai_faces_are_accused_until_they_are_trained_on(study):
    result, _ = study
    source = rates(result)["source", "real photographs called AI-generated"]
    assert source[2] > 30
    assert source[3] > 0.2, "without: as green as the AI-generated ones"
    assert source[8] < 0.1, "with: learned"
    assert source[13] == pytest.approx(source[8] - source[3])
    assert rates(result)["faces", "real photographs called AI-generated"][3] < 0.1
    # With two seeds, it may be the seed.
    assert result.verdict.startswith(
        "4 runs: no difference is shown with source in training on real photographs of source ("
    )
    assert "2 settings × 2 seeds." in result.answer.how_sure
    assert result.answer.who == "No group is shown to gain or to lose."
    assert result.first_figure.title == "What source in training changes"
    assert [of.part for of in result.checks] == ["rates", "gaps", "why", "specialist"]


def test_no_testing_image_was_trained_on(study):
    _, out = study
    for folder in (out / "runs").iterdir():
        trained = read_manifest(folder / "training.parquet").table["sha256"].to_pylist()
        scores = read_scores(folder / "scores.parquet").table
        assert not set(trained) & set(scores["sha256"].to_pylist())
        assert not pc.any(scores["in_training"]).as_py()


def test_runs_differ_in_the_added_set_alone(study):
    _, out = study
    images = {
        path.name: read_record(path / "model").training.images for path in (out / "runs").iterdir()
    }
    without, both = images["without-source-seed-0"], images["with-source-seed-0"]
    assert set(both) - set(without) == {"source"}
    assert both["faces"] == without["faces"]
    assert images["with-source-seed-1"] == both


def test_result_is_written_and_reads_back(study):
    result, out = study
    assert read_result(out / "study.json") == result
    assert result.kind == "study"
    page = (out / "report.html").read_text()
    assert "What source in training changes" in page
    runs = next(check for check in result.checks if check.id == "runs")
    assert len(runs.details[0].rows) == 4


def test_groups_are_compared_over_the_seeds(study):
    result, _ = study
    check = next(check for check in result.checks if check.id == "errors-by-group")
    rows = check.details[0].rows
    assert rows and {row[0] for row in rows} == {"group"}, "there is no tag glasses"
    assert all(row[6] <= row[5] <= row[7] for row in rows)


def test_a_finished_run_is_never_repeated(study, drawn_sets, trainings, capsys):
    result, out = study
    calls, _ = trainings
    again = STUDY.run(list(drawn_sets.values()), out, progress=True)
    assert calls == []
    assert again.checks == result.checks
    assert capsys.readouterr().err == "4 runs finished\n"
    replace(STUDY, seeds=3).run(list(drawn_sets.values()), out, progress=True)
    assert [call.rsplit("/", 2)[1] for call in calls] == [
        "without-source-seed-2",
        "with-source-seed-2",
    ]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("4 of 6 runs finished; now without-source-seed-2; 2 to go, about")


def test_a_stopped_study_goes_on_from_what_is_finished_to_the_same_scores(
    study, drawn_sets, tmp_path, trainings
):
    _, whole = study
    calls, stop_at = trainings
    one_seed = replace(STUDY, seeds=1)
    stop_at.append(1)
    with pytest.raises(KeyboardInterrupt):
        one_seed.run(list(drawn_sets.values()), tmp_path)
    assert not (tmp_path / "study.json").exists()
    stop_at.clear()
    one_seed.run(list(drawn_sets.values()), tmp_path)
    names = ["without-source-seed-0", "with-source-seed-0"]
    assert [call.rsplit("/", 2)[1] for call in calls] == names
    assert (tmp_path / "study.json").exists()
    for name in names:
        first, second = (
            read_scores(folder / "runs" / name / "scores.parquet").table["p_ai"]
            for folder in (whole, tmp_path)
        )
        assert first.equals(second)


def test_other_settings_do_not_mix_with_finished_runs(study, drawn_sets):
    _, out = study
    with pytest.raises(FaceAuditError, match=r"run\.json: finished with other settings \(epochs"):
        replace(STUDY, epochs=9).run(list(drawn_sets.values()), out)


def test_a_damaged_record_is_named(study, drawn_sets):
    _, out = study
    path = out / "runs" / "with-source-seed-1" / "run.json"
    whole = path.read_text()
    path.write_text(whole[:40])
    try:
        with pytest.raises(FaceAuditError, match=r"run\.json: damaged; delete"):
            STUDY.run(list(drawn_sets.values()), out)
    finally:
        path.write_text(whole)


def test_a_set_that_is_not_there(drawn_sets, tmp_path):
    with pytest.raises(FaceAuditError, match="no image of 'ffhq' is there to train on; there are"):
        DataInTraining().run([drawn_sets["faces"]], tmp_path)
    with pytest.raises(FaceAuditError, match="without faces there are only images labelled real"):
        DataInTraining(added="faces").run(list(drawn_sets.values()), tmp_path)


def test_photoshopped_photographs_are_an_arm_of_their_own(drawn_sets, tmp_path):
    manifest = read_manifest(drawn_sets["source"])
    kind = ["photoshopped" if i % 2 else "none" for i in range(len(manifest.table))]
    info = manifest.info.model_copy(
        update={"tag_sources": {**manifest.info.tag_sources, "manipulation": {"source": "drawn"}}}
    )
    table = manifest.table.append_column("manipulation", [kind])
    path = write_table(tmp_path / "retouched.parquet", table, info)
    study = Photoshopped(seeds=1, epochs=3, **SMALL)
    result = study.run([drawn_sets["faces"], path], tmp_path / "out")
    found = rates(result)
    assert ("source (photoshopped)", "real photographs called AI-generated") in found
    assert ("source", "real photographs called AI-generated") in found
    runs = tmp_path / "out" / "runs"
    images = read_record(runs / "with-photoshopped-seed-0" / "model").training.images
    # The other half of the set is untouched: all of it makes place.
    assert set(images) == {"faces", "source (photoshopped)"}
    without = read_record(runs / "without-photoshopped-seed-0" / "model").training.images
    assert without["source"]["real"] == images["source (photoshopped)"]["real"]
    assert without["faces"] == images["faces"]
    assert result.verdict.startswith("2 runs: no difference is shown with photoshopped photographs")
    with pytest.raises(FaceAuditError, match="--photoshopped-as real"):
        study.run([drawn_sets["faces"]], tmp_path / "other")


def test_learning_curve_over_epochs_and_images(drawn_sets, tmp_path, monkeypatch):
    monkeypatch.setattr("faceaudit.studies.learning_curve.SMALLEST_GROUP", 10)
    study = LearningCurve(
        epochs_tried=(1, 2),
        images_tried=(40, 100),
        generator_source="source",
        attributes=["group"],
        seeds=2,
        **SMALL,
    )
    result = study.run(list(drawn_sets.values()), tmp_path)
    curves = {d.title: d for d in result.checks[0].details if d.kind == "curve"}
    accuracy = curves["Validation accuracy, by images"]
    assert [series.name for series in accuracy.series] == [
        "1 epoch, 50.0 % real",
        "2 epochs, 50.0 % real",
    ]
    assert accuracy.series[0].x == [40, 100]
    for series in accuracy.series:
        assert all(
            low <= y <= high for low, y, high in zip(series.low, series.y, series.high, strict=True)
        )
    assert "Generator's photographs called AI, by epochs" in curves
    assert result.verdict.startswith("8 runs: 4 settings × 2 seeds; validation accuracy is up to ")
    assert result.first_figure.title == "Generator's photographs called AI, by images"
    table = result.checks[0].details[-1]
    assert len(table.rows) == 4
    assert {row[-1].split(" ")[0] for row in table.rows} == {"group"}
    # All of the generator's photographs are tests here, and smaller sets are in larger ones.
    runs = tmp_path / "runs"
    scores = read_scores(runs / "1-epochs-40-images-50-real-seed-0" / "scores.parquet").table
    assert pc.sum(pc.equal(scores["dataset"], "source")).as_py() == 120
    small, large = (
        read_manifest(runs / f"2-epochs-{n}-images-50-real-seed-1" / "training.parquet").table
        for n in (40, 100)
    )
    assert set(small["image"].to_pylist()) <= set(large["image"].to_pylist())
    assert pc.sum(pc.equal(small["label"], "ai")).as_py() == 20


def test_more_images_than_there_are(drawn_sets, tmp_path):
    with pytest.raises(FaceAuditError, match=r"2,000 labelled 'real'; there are \d+ to train on"):
        LearningCurve(images_tried=(4000,)).run(list(drawn_sets.values()), tmp_path)


def test_importing_a_study_imports_no_torch():
    code = (
        "import sys, faceaudit.studies.data_in_training, faceaudit.studies.learning_curve, "
        "faceaudit.studies.photoshopped; sys.exit(bool({'torch', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
