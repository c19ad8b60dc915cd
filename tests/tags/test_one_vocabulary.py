"""One vocabulary: what `index` makes of a tag file, reading scores makes of a scores file."""

from __future__ import annotations

from faceaudit.datasets import index
from faceaudit.tables import read_scores
from tests.datasets.planted import plant

ROWS = (
    ("a", "Female", "03-Sep", "asian", "None", "44"),
    ("b", "FEMALE ", "Oct-19", "Asian", "reading", "3"),
    ("c", " f", "more than 70", "Asian", "NA", ""),
    ("d", "Non-binary", "18-24", "ASIAN", "Reading", "0.5"),
    ("e", "", "adult", "White", " ", "120"),
    ("f", "boy", "70-79", "Martian", "nan", "70"),
)
TAGS = ("gender", "age_band", "race", "glasses", "age")


def test_index_and_audit_read_the_same_cells_alike_and_say_the_same(tmp_path):
    root = plant(tmp_path / "set", *(f"ai/{row[0]}.jpg" for row in ROWS))
    (root / "tags.csv").write_text(
        "\n".join(
            [",".join(("file", *TAGS)), *(f"{name}.jpg,{','.join(tags)}" for name, *tags in ROWS)]
        )
    )
    scores = tmp_path / "scores.csv"
    scores.write_text(
        "\n".join(
            [
                ",".join(("image", "label", "p_ai", *TAGS)),
                *(f"ai/{name}.jpg,ai,0.5,{','.join(tags)}" for name, *tags in ROWS),
            ]
        )
    )
    report = index("folder", root, tmp_path / "m.parquet")
    wanted = ["image", *TAGS, "race_coarse"]
    by_index = report.read().table.select(wanted).sort_by("image").to_pydict()
    read = read_scores(scores)
    assert read.table.select(wanted).sort_by("image").to_pydict() == by_index
    assert by_index["gender"] == ["female"] * 3 + ["Non-binary", None, "male"]
    assert by_index["age_band"] == ["3-9", "10-19", "70+", "18-24", "adult", "70-79"]
    assert by_index["race_coarse"] == ["Asian"] * 4 + ["White", None]
    assert len(report.notes) == 11
    said = [note.removeprefix("tags.csv: ") for note in report.notes]
    assert {f"scores.csv: {note}" for note in said} <= set(read.info.notes)
