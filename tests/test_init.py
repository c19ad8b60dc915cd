"""What 'init' writes is audited as it is, and says what is in the table."""

import random
import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from faceaudit.cli import main
from faceaudit.draft import draft
from faceaudit.runner import audit
from faceaudit.schema import ModelInfo, ScoresInfo
from faceaudit.spec import find_spec, parse_spec
from faceaudit.tables import Scores
from tests.drawn import drawn_scores

N = 240


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)


def table(**columns):
    """A scores table of N images, every other one AI-generated."""
    random.seed(0)
    image = {
        "image": [f"{i}.jpg" for i in range(N)],
        "label": ["real", "ai"] * (N // 2),
        "p_ai": [round(random.random(), 3) for _ in range(N)],
    }
    return pa.table(image | columns)


def cycle(*values):
    return [values[i // 2 % len(values)] for i in range(N)]


TABLES = {
    "tags": table(gender=cycle("female", "male"), glasses=cycle("none", "sun", "reading")),
    "no tags": table(),
    "no AI images": table(label=["real"] * N, gender=cycle("f", "m")),
    "no photographs": table(label=["ai"] * N, gender=cycle("f", "m")),
    "untagged AI images": table(
        gender=[cycle("f", "m")[i] if i % 2 == 0 else None for i in range(N)]
    ),
    "one value": table(gender=["female"] * N, hat=[None] * N),
    "numbers": table(age=[float(i % 90) for i in range(N)], yaw=[i / 7 for i in range(N)]),
    "whole numbers": table(stars=cycle(1, 2, 3), indoors=cycle(True, False)),
    "names": table(photo=[f"p{i}" for i in range(N)], person=cycle("a", "b", "c")),
    "copies": table(video=cycle("x", "y"), copy_of=cycle("0.jpg", None), gender=cycle("f", "m")),
    "strange": table(
        **{"a: #b": cycle("- x", "# y\ny: z"), "'no'": cycle("yes", "null"), "é\n": cycle("1", "~")}
    ),
    "some without score": table(
        p_ai=[None if i % 3 == 0 else 0.3 for i in range(N)], g=cycle("a", "b")
    ),
    "some in training": table(in_training=cycle(True, False, False), g=cycle("a", "b")),
    "data sets": table(dataset=cycle("one", "two", "three"), race=cycle("Black", "White", "Asian")),
    "small groups": table(g=[f"g{i % 40}" for i in range(N)]),
    "half unsure": table(
        status=cycle("ok", "unsure"),
        p_ai=[0.2 if i // 2 % 2 == 0 else None for i in range(N)],
        g=cycle("a", "b", "c"),
    ),
    "many tags": table(**{f"t{i}": random.choices("abc", k=N) for i in range(14)}),
}


@pytest.mark.parametrize("name", TABLES)
def test_what_is_written_is_audited_as_it_is(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pq.write_table(TABLES[name], "s.parquet")
    done = run("init", "s.parquet")
    assert done.exit_code == 0, done.output
    command = done.stdout.splitlines()[-1].strip()
    assert f"#   {command}\n" in Path("my-audit.yaml").read_text()
    done = run(*shlex.split(command)[1:])
    assert done.exit_code == 0, done.output


def test_it_says_what_is_in_the_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = table(
        gender=cycle("female", "male"),
        age=[float(20 + i // 2 % 20) for i in range(N)],
        maker=cycle("a", "b", "c"),
        person=[f"p{i // 4}" for i in range(N)],
        photo=[f"p{i}" for i in range(N)],
        colour=cycle("x", "y", "z", "z", "z", "z", "z", "z"),
    )
    pq.write_table(rows, "s.parquet")
    assert run("init", "s.parquet", "-o", "a.yaml").exit_code == 0
    text, spec = Path("a.yaml").read_text(), find_spec("a.yaml")
    assert spec.name == "a"
    assert spec.attributes == ["gender", "maker", "colour", "age_band"]
    assert "  - gender  # female 60 / 60, male 60 / 60\n" in text
    assert "  - colour  # x 15 / 15 (small), y 15 / 15 (small), z 90 / 90\n" in text
    assert "  - age_band  # from age: 20-29 60 / 60, 30-39 60 / 60\n" in text
    told = " ".join(text.replace("\n# ", " ").split())
    assert "Not compared: age (a number; see age_band), photo (240 different values)." in told
    assert "person: images that share one of its 60 values count" in told
    # Each pair of 120 photographs has at most 6 groups; those with maker have 20 in each.
    assert spec.intersections == [["gender", "age_band"]]
    assert "  # - [maker, age_band]  # 0 of 6" not in text, "a pair needs two groups to compare"
    assert (spec.rate, spec.limits.fpr_gap, spec.limits.fnr_gap) == ("fpr", 0.05, 0.05)


def test_limits_are_those_that_can_be_judged():
    drawn = drawn_scores({"a": (90, 9), "b": (80, 40)})
    text = draft(drawn, "t", "c")
    spec = parse_spec(text, "t")
    assert (spec.rate, spec.limits.fpr_gap, spec.limits.fnr_gap) == ("fpr", 0.05, None)
    assert "fnr_gap: null  # no tag has two groups with AI-generated faces\n" in text
    only_ai = Scores(
        TABLES["no photographs"]
        .append_column("dataset", pa.array(["d"] * N))
        .append_column("status", pa.array(["ok"] * N)),
        ScoresInfo(model=ModelInfo(id="m", threshold=0.7312345678, threshold_rule="so")),
    )
    text = draft(only_ai, "t", "c")
    spec = parse_spec(text, "t")
    assert (spec.rate, spec.limits.fpr_gap, spec.limits.fnr_gap) == ("fnr", None, 0.05)
    assert text.endswith("# threshold: 0.7312345678  # so\n")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    tag=st.text(min_size=1).filter(lambda s: s.strip()),
    values=st.lists(st.text(min_size=1).filter(str.strip), min_size=2, max_size=4, unique=True),
)
@example(tag="0\x85", values=["0", "00"])
@example(tag="a\nquestion: x", values=["b\nquestion: x", "c\u2028d"])
def test_no_tag_or_value_breaks_out_of_its_place(tag, values):
    """A line break or a '#' in a cell stays a part of its comment, in a heading of its name."""
    if tag in ("image", "label", "p_ai", "dataset", "status"):
        return
    of = drawn_scores(dict.fromkeys(values, (3, 1)), tag=tag)
    if tag not in of.table.column_names:
        return
    spec = parse_spec(draft(of, "t", "c\nquestion: x"), "t")
    assert spec.question.startswith("Are real")
    assert spec.attributes in ([tag], ["dataset"])


def test_nothing_is_overwritten_and_nothing_written_for_what_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pa_csv.write_csv(TABLES["tags"], "s.csv")
    Path("my-audit.yaml").write_text("mine")
    done = run("init", "s.csv")
    assert (done.exit_code, Path("my-audit.yaml").read_text()) == (2, "mine")
    assert done.stderr == (
        "faceaudit: my-audit.yaml: is there already; remove it, or name another file with -o\n"
    )
    Path("v.csv").write_text("File Path;fake;Score\n1.jpg;1;97,5\n2.jpg;0;3,1\n")
    done = run("init", "v.csv", "-o", "v.yaml")
    assert done.exit_code == 2
    assert (
        "columns 'image', 'label', 'p_ai' are missing; name yours with --map image='File Path' "
        "--map label=fake --map p_ai=Score (the columns are"
    ) in done.stderr
    assert not Path("v.yaml").exists()


def test_how_the_table_was_read_is_in_the_command_and_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("v 1.csv").write_text("File Path;fake;Score\n1.jpg;1;97,5\n2.jpg;0;3,1\n3.jpg;0;9,1\n")
    Path("t.csv").write_text("image,gender\n1.jpg,female\n2.jpg,male\n3.jpg,NA\n")
    options = "--map 'image=File Path' --map label=fake --map p_ai=Score --ai-label 1 "
    options += "--score-is percent --tags t.csv"
    done = run("init", "v 1.csv", *shlex.split(options), "--missing", "NA")
    assert done.exit_code == 0, done.output
    command = done.stdout.splitlines()[-1].strip()
    assert command == f"faceaudit audit 'v 1.csv' {options} --spec my-audit.yaml -o out"
    assert find_spec("my-audit.yaml").missing == ["NA"]
    assert run(*shlex.split(command)[1:]).exit_code == 0
    text = " ".join(Path("my-audit.yaml").read_text().replace("\n# ", " ").split())
    assert "tags of t.csv joined to 3 of 3 images" in text


def test_scores_and_tags_that_call_the_image_differently_are_joined(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("v.csv").write_text("File Name,label,p_ai\n1.jpg,ai,0.9\n2.jpg,real,0.2\n3.jpg,real,0.1\n")
    Path("t.csv").write_text("file,gender\n1.jpg,female\n2.jpg,male\n3.jpg,female\n")
    one = ("init", "v.csv", "--tags", "t.csv", "--map", "image=File Name")
    done = run(*one)
    assert done.exit_code == 2
    assert "t.csv: column 'image' is missing" in done.stderr
    assert "--map image=file" in done.stderr
    done = run(*one, "--map", "image=file")
    assert done.exit_code == 0, done.output
    command = done.stdout.splitlines()[-1].strip()
    assert "--map 'image=File Name' --map image=file" in command
    assert "joined to 3 of 3 images" in Path("my-audit.yaml").read_text()
    assert run(*shlex.split(command)[1:]).exit_code == 0


def test_images_seen_in_training_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pq.write_table(table(in_training=[True] * N, g=cycle("a", "b")), "s.parquet")
    done = run("init", "s.parquet")
    assert done.exit_code == 2
    assert "--include-training" in done.stderr
    done = run("init", "s.parquet", "--include-training")
    assert done.exit_code == 0
    command = done.stdout.splitlines()[-1].strip()
    assert run(*shlex.split(command)[1:]).exit_code == 0


def test_a_pair_in_which_one_tag_follows_from_the_other_is_none():
    drawn = drawn_scores({"a": (90, 9), "b": (80, 40)})
    same = pa.chunked_array(
        [pa.array([{"a": "x", "b": "y"}.get(v) for v in drawn.table["group"].to_pylist()])]
    )
    table = drawn.table.append_column("twin", same)
    spec = parse_spec(draft(Scores(table, drawn.info), "t", "c"), "t")
    assert spec.attributes == ["group", "twin"]
    assert spec.intersections == []
    assert audit(Scores(table, drawn.info), spec).status == "fail"


def test_what_is_derived_is_said_and_stands_for_its_origin_in_pairs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    races = cycle("East Asian", "East Asian", "Southeast Asian", "Southeast Asian")
    rows = table(race=races, age_band=cycle("20-29", "30-39"))
    pq.write_table(rows, "s.parquet")
    assert run("init", "s.parquet", "-o", "given.yaml").exit_code == 0
    text = Path("given.yaml").read_text()
    assert "  - age_band  # 20-29 60 / 60, 30-39 60 / 60\n" in text, "given, and not derived"
    assert find_spec("given.yaml").intersections == [["race", "age_band"]]
    races = [f"{'East Asian' if i // 4 % 2 else 'White'}" for i in range(N)]
    pq.write_table(table(race=races, age_band=cycle("20-29", "30-39")), "s.parquet")
    assert run("init", "s.parquet", "-o", "made.yaml").exit_code == 0
    assert (
        "  - race_coarse  # from race: Asian 60 / 60, White 60 / 60\n"
        in Path("made.yaml").read_text()
    )
    assert find_spec("made.yaml").intersections == [["age_band", "race_coarse"]]


def test_how_many_rows_a_tag_leaves_untagged_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    races = cycle("East Asian", "White", "Klingon", "White")
    rows = table(race=races, gender=cycle("female", "male"), hat=cycle("yes", "no", None, None))
    pq.write_table(rows, "s.parquet")
    assert run("init", "s.parquet", "-o", "a.yaml").exit_code == 0
    text = Path("a.yaml").read_text()
    assert "  - race_coarse  # from race: Asian 30 / 30, White 60 / 60; 60 untagged\n" in text
    assert "  - hat  # no 30 / 30, yes 30 / 30; 120 untagged\n" in text
    assert "  - gender  # female 60 / 60, male 60 / 60\n" in text
