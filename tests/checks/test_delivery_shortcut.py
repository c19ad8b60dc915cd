"""What delivery facts give away: planted in drawn tables, and known of the recorded scores."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from faceaudit import bundled
from faceaudit.checks import AuditInput
from faceaudit.checks.delivery_shortcut import ALL, CHECK, FILE, MOST, NEW
from faceaudit.runner import audit, run_check
from faceaudit.schema import validate
from faceaudit.spec import Spec
from faceaudit.tables import Scores, read_scores, scored

SPEC = {"name": "t", "title": "T", "question": "?", "attributes": ["race"]}


def with_facts(data: AuditInput, **columns: object) -> AuditInput:
    """Add delivery facts to what a check is given."""
    table = data.table
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    data.table = validate(table, "scores", "drawn")
    return data


def faces(drawn, n=400, seed=0, wrong=0.2, sets=1, **spec):
    """Half photographs and half AI faces, called wrongly by chance; a generator for each row."""
    random = np.random.default_rng(seed)
    is_ai = np.arange(n) % 2 == 1
    called = is_ai != (random.random(n) < wrong)
    race = random.choice(["a", "b"], n)
    of = [f"{'ai' if ai else 'real'} {i // 2 % sets}" for i, ai in enumerate(is_ai)]
    label, score = np.where(is_ai, "ai", "real"), np.where(called, 0.9, 0.1)
    data = drawn(label.tolist(), score.tolist(), {"race": race.tolist()}, dataset=of, **spec)
    return random, is_ai, called, race, data


def run(data: AuditInput):
    return run_check(CHECK, data, CHECK.options())


def rows(detail) -> dict[str, object]:
    return {row.group: row for row in detail.rows}


def test_a_table_that_tells_the_label_is_named_and_nothing_else_is(drawn):
    random, is_ai, _, _, data = faces(drawn)
    table = np.where(is_ai, "quality 92", "quality 75")
    data = with_facts(data, jpeg_table=table, bytes=random.integers(5_000, 9_000, len(table)))
    result = run(data)
    label = rows(result.details[0])
    assert list(label)[:2] == [ALL, "JPEG table"]
    assert label["JPEG table"].value == 1 and label["JPEG table"].low > 0.95
    assert label["file size"].low < 0.5 < label["file size"].high
    assert "tell AI-generated faces from real photographs with AUC" in result.sentence
    assert "best alone: JPEG table (1.000)" in result.sentence
    assert "One label has one data set alone" in result.sentence
    (limit,) = result.limitations
    assert limit.startswith("Delivery and label coincide")
    assert result.status == "info" and not result.tests and not result.verdicts


def test_the_first_screen_says_so(drawn):
    _, is_ai, _, _, data = faces(drawn)
    data = with_facts(data, jpeg_table=np.where(is_ai, "quality 92", "quality 75"))
    result = audit(Scores(data.table, data.info), Spec(**SPEC))
    assert "delivery-shortcut" in {check.id for check in result.checks}
    told = [note for note in result.limitations if note.startswith("Delivery and label coincide")]
    assert len(told) == 1 and told[0] in result.answer.why
    assert not any("JPEG table alone" in note for note in result.limitations), "said once"


def test_facts_that_tell_nothing_are_said_to_tell_nothing(drawn):
    random, _, _, _, data = faces(drawn)
    data = with_facts(
        data, jpeg_table=random.choice(["x", "y"], 400), mean_luma=random.normal(120, 20, 400)
    )
    result = run(data)
    assert not result.limitations
    assert all(finding.interval.low <= 0.5 for finding in result.findings)
    assert result.sentence.startswith("Delivery facts are not shown to tell AI-generated faces")


def test_errors_are_asked_within_a_data_set(drawn):
    random, is_ai, called, _, data = faces(drawn, n=1_000, sets=2)
    wrong = called != is_ai
    # The wrong ones of either set are the rough ones of that set, and no set is rougher.
    data = with_facts(data, noise_sd=random.normal(size=1_000) + 2 * wrong)
    found = {finding.rate: finding for finding in run(data).findings if not finding.tags}
    assert found["fpr"].interval.low > 0.5 < found["fnr"].interval.low
    assert "which real photographs of a data set are called AI-generated" in found["fpr"].sentence
    assert "best alone: noise" in found["fpr"].sentence
    # Here a set is rough, and has nearly all errors: that is the set and not the picture.
    random, is_ai, _, _, data = faces(drawn, n=1_000, sets=2)
    rough = np.array(data.table["dataset"].to_pylist(), object) == "real 1"
    wrong = random.random(1_000) < np.where(rough, 0.6, 0.1)
    score = np.where(is_ai != wrong, 0.9, 0.1).astype(np.float32)
    at = data.table.column_names.index("p_ai")
    data.table = data.table.set_column(at, "p_ai", pa.array(score))
    result = run(with_facts(data, noise_sd=random.normal(size=1_000) + 5 * rough))
    found = {finding.rate: finding for finding in result.findings if not finding.tags}
    assert found["fpr"].interval.low <= 0.5


def test_sets_are_left_out_where_a_label_has_several(drawn):
    _, is_ai, _, _, data = faces(drawn, n=800, sets=4)
    data = with_facts(data, jpeg_table=np.where(is_ai, "x", "y"))
    result = run(data)
    new = rows(result.details[0])[NEW]
    # Four sets are four trials, however many images they have.
    assert new.value == 1 and 0.3 < new.low < 0.5
    assert "in 4 parts, it is 1.000" in result.sentence
    assert "chance alone could explain that" in result.sentence
    # A delivery of its own for each set is no rule that holds for another.
    _, _, _, _, data = faces(drawn, n=800, sets=4)
    own = np.unique(data.table["dataset"].to_pylist(), return_inverse=True)[1]
    data = with_facts(data, mean_luma=np.array([3, 1, 7, 5, 2, 8, 4, 6])[own] * 20.0)
    label = rows(run(data).details[0])
    assert label[ALL].value == 1 and label[NEW].value < 0.9


def test_a_generator_is_a_set_of_its_own_and_pairs_are_held_against_each_other(drawn):
    _, is_ai, _, _, data = faces(drawn)
    of = np.where(is_ai, np.where(np.arange(400) % 4 == 1, "gan", "diffusion"), None)
    table = np.where(of == "gan", "x", "y")
    pairs = run(with_facts(data, generator=of, jpeg_table=table)).details[-2]
    cells = {row[1]: (*row[2:4], row[4], row[9]) for row in pairs.rows}
    assert cells["gan"] == (200, 100, 1, 1)
    assert cells["diffusion"] == pytest.approx((200, 100, 0.5, 0.5))


def test_groups_are_asked_by_their_files_and_not_by_their_pixels(drawn):
    random, _, _, race, data = faces(drawn, n=800)
    data = with_facts(
        data,
        mean_luma=np.where(race == "a", 90.0, 180.0),
        jpeg_table=random.choice(["x", "y"], 800),
    )
    result = run(data)
    assert {row[1]: row[4] <= 0.5 for row in result.details[-1].rows} == {"a": True, "b": True}
    assert not result.limitations
    label = rows(result.details[0])
    assert FILE in label and "brightness" in label
    _, _, _, race, data = faces(drawn, n=800)
    result = run(with_facts(data, jpeg_table=np.where(race == "a", "x", "y")))
    (limit,) = result.limitations
    assert limit.startswith("Delivery and race coincide")
    assert "cannot be called the person's" in limit
    (finding,) = [of for of in result.findings if of.tags]
    assert finding.tags == ["race"] and finding.interval.low > 0.95


def test_images_of_a_person_count_as_what_they_are_worth(drawn):
    random, is_ai, _, _, data = faces(drawn, n=600)
    person = np.where(is_ai, 1_000, 0) + np.arange(600) // 60
    own = dict(zip(np.unique(person), random.normal(size=20), strict=True))
    noise = [own[of] for of in person]
    alone = run(with_facts(data, noise_sd=noise)).details[0].rows[0]
    _, _, _, _, data = faces(drawn, n=600)
    together = run(with_facts(data, noise_sd=noise, person=person.astype(str))).details[0].rows[0]
    assert alone.low > 0.5, "every person is recognised in other images"
    assert together.low < 0.5


def test_that_a_fact_is_not_known_tells_nothing(drawn):
    random, is_ai, _, _, data = faces(drawn)
    noise = random.normal(size=400)
    luma = pa.array(np.where(is_ai, np.nan, noise), from_pandas=True)
    few = pa.array(np.where(is_ai & (noise > 1.5), np.nan, noise), from_pandas=True)
    words = np.where(is_ai, None, random.choice(["x", "y"], 400))
    facts = {"mean_luma": luma, "jpeg_table": words, "format": ["JPEG"] * 400, "noise_sd": few}
    label = rows(run(with_facts(data, **facts)).details[0])
    assert set(label) == {ALL, "noise"}, "measured of one label alone"
    assert label["noise"].low < 0.5 < label["noise"].high


def test_that_a_file_of_another_type_has_no_jpeg_table_is_known(drawn):
    _, is_ai, _, _, data = faces(drawn)
    facts = {"jpeg_table": np.where(is_ai, None, "x"), "format": np.where(is_ai, "PNG", "JPEG")}
    assert rows(run(with_facts(data, **facts)).details[0])["JPEG table"].value == 1


def test_tables_without_facts_or_with_few_images_are_left_alone(drawn):
    _, _, _, _, data = faces(drawn)
    assert not CHECK.concerns(data)
    assert run(data).sentence == "All pictures were delivered alike, as far as is known."
    alike = with_facts(data, jpeg_table=["x"] * 400, width=[200] * 400, height=[200] * 400)
    assert CHECK.concerns(alike)
    assert run(alike).sentence == "All pictures were delivered alike, as far as is known."
    _, _, _, _, data = faces(drawn, n=30)
    few = with_facts(data, jpeg_table=["x", "y"] * 15)
    assert not CHECK.concerns(few) and run(few).status == "not-estimable"


def test_every_table_has_an_answer(awkward):
    n = len(awkward.table)
    result = run(with_facts(awkward, jpeg_table=np.arange(n).astype(str), bytes=np.arange(n)))
    assert result.status in ("info", "not-estimable")


def test_images_of_two_persons_cannot_be_learned_from(drawn):
    _, is_ai, _, _, data = faces(drawn)
    data = with_facts(data, jpeg_table=np.where(is_ai, "x", "y"), person=np.where(is_ai, "p", "q"))
    assert run(data).status == "not-estimable"


def test_large_tables_are_drawn_from(drawn):
    _, is_ai, _, _, data = faces(drawn, n=2 * MOST)
    result = run(with_facts(data, jpeg_table=np.where(is_ai, "x", "y")))
    assert {row.n for row in result.details[0].rows} == {MOST}
    again = run(data)
    assert again == result, "the same are drawn each time"


@pytest.fixture(scope="module")
def recorded():
    scores = read_scores(bundled.recorded_scores("with-ffhq"))
    spec = Spec(**SPEC | {"attributes": ["gender"]})
    return run(AuditInput(scored(scores), scores.info, spec, scores.info.model.threshold))


def test_the_recorded_sets_are_told_by_their_jpeg_table_and_one_million_is_not(recorded):
    pairs = {(row[0], row[1]): row for row in recorded.details[-2].rows}
    assert len(pairs) == 30
    sets = ("stylegan2", "stylegan3", "mobilestylegan", "generated-photos", "stable-diffusion-3")
    for ai in sets:
        row = pairs["ffhq", ai]
        assert (row[4], row[7], row[8], row[9]) == (1, "JPEG table", 1, 1)
    alike = pairs["ffhq", "one-million-fake-faces"]
    assert alike[9] == pytest.approx(0.5) and 0.5 < alike[4] < 0.75, "their pixels differ a little"


def test_the_recorded_sets_cannot_show_that_a_classifier_looks_at_faces(recorded):
    assert [of.partition(":")[0] for of in recorded.limitations] == ["Delivery and label coincide"]
    assert "in 5 parts" in recorded.sentence
