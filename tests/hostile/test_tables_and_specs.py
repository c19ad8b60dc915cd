"""Whatever is brought in as table, specification, expression or result: used, or one line."""

from __future__ import annotations

import csv
import io
import json
import random
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import faceaudit as fa
from faceaudit import limits
from faceaudit.api import report
from faceaudit.datasets.rejects import Ledger, remark
from faceaudit.errors import FaceAuditError
from faceaudit.model.records import read_record
from faceaudit.reading.formats import read_file
from faceaudit.reading.json_text import parse_json
from faceaudit.row_filter import read_rows
from faceaudit.spec import Spec, find_spec, parse_spec
from faceaudit.tables import read_scores
from faceaudit.terminal import print_result
from faceaudit.wording import printable
from tests.hostile import tables_and_specs as hostile


def refusal(call, *given, **options) -> str | None:
    """Return the line with which something is refused; None if it is not."""
    try:
        call(*given, **options)
    except FaceAuditError as error:
        message = str(error)
        assert message == printable(message)
        assert len(message) <= limits.MESSAGE_LETTERS
        return message
    return None


def many(n, **columns):
    return {
        "image": [f"{i}" for i in range(n)],
        "label": ["real", "ai"] * (n // 2),
        "p_ai": [0.1, 0.9] * (n // 2),
    } | columns


# --- limits ----------------------------------------------------------------------------------


def test_a_tag_of_too_many_groups_is_refused_with_the_number_and_the_limit():
    table = many(4_004, tag=[f"g{i % 1_001}" for i in range(4_004)])
    message = refusal(fa.audit, table, ["tag"])
    assert "tag: 1,001 groups, and 1,000 are the most" in message


def test_all_groups_of_an_audit_together_are_bounded():
    three = {f"t{i}": [f"g{j % 700}" for j in range(2_800)] for i in range(3)}
    assert "make 2,100 groups, and 2,000 are the most" in refusal(
        fa.audit, many(2_800, **three), [*three]
    )
    assert refusal(fa.compare, many(2_800, **three), many(2_800, **three), spec=[*three])


def test_a_table_of_too_many_data_sets_is_refused():
    table = many(402, dataset=[f"d{i % 201}" for i in range(402)])
    assert "'dataset' has 201 different values, and 200 are the most" in refusal(fa.audit, table)


def test_columns_that_nobody_named_are_not_read_beyond_the_first():
    wide = {f"c{i}": ["x", "y"] * 30 for i in range(3_000)}
    found = fa.audit(many(60, **wide, last=["x", "y", "y"] * 20), ["last"], where="c2000 == 'x'")
    sources = found.scores[0].tag_sources
    assert "last" in sources and "c2000" in sources and len(sources) < limits.UNNAMED_TAGS + 10
    assert any(
        "beyond the first 100 tags: 2,899 columns ('c100', …)" in of for of in found.limitations
    )


def test_specifications_are_bounded():
    head = "name: a\ntitle: t\nquestion: q\n"
    assert "at most 100" in refusal(parse_spec, f"{head}attributes: [{'gender,' * 3000}]", "s.yaml")
    assert "named twice" in refusal(parse_spec, f"{head}attributes: [gender, gender]", "s.yaml")
    names = "abcdefgh"
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join(9 * [f'*{old}'])}]\n" for old, new in pairwise(names)
    )
    assert "more than 20,000 values" in refusal(parse_spec, bomb, "s.yaml")
    assert "100,000 are the most" in refusal(parse_spec, "#" * 200_000, "s.yaml")


@pytest.mark.parametrize(
    "value", ["2001-13-45", "!!int x", "!!bool x", "!!timestamp x", "9" * 5_000]
)
def test_yaml_values_that_are_none_are_one_line(value):
    assert "a value cannot be read" in refusal(parse_spec, f"threshold: {value}", "s.yaml")


@pytest.mark.parametrize(
    "text", ["attributes: " + "[" * 5_000, "]" * 200 + "{" * 20_000, "[[]," * 900]
)
def test_brackets_within_brackets_are_refused_before_they_are_read(text, monkeypatch):
    monkeypatch.setattr("yaml.SafeLoader", None)
    assert "too deep to be read (100 are the most)" in refusal(parse_spec, text, "s.yaml")


def test_blocks_within_blocks_are_one_line():
    assert "too deep to be read" in refusal(parse_spec, "- " * 5_000, "s.yaml")


@pytest.mark.parametrize("key", ["1", "null", "true", "2001-01-01", "? a\n: 1\n2"])
def test_a_key_that_is_no_text_is_one_line(key):
    assert "is no key, being no text" in refusal(parse_spec, f"name: a\n{key}: x", "s.yaml")
    assert "is no key" in refusal(fa.audit, many(4), {1: "x"})


def test_merged_keys_are_counted_before_they_are_merged(monkeypatch):
    monkeypatch.setattr("yaml.SafeLoader.construct_document", None)
    keys = ",".join(f"k{i}: 1" for i in range(300))
    text = f"a: &a {{{keys}}}\nb: {{<<: [{'*a,' * 300}]}}"
    assert "more than 20,000 values" in refusal(parse_spec, text, "s.yaml")


def test_what_is_wrong_with_a_key_of_a_spec_in_python_is_one_line():
    assert refusal(Spec) == "name: Field required"
    assert refusal(
        fa.Spec, nme="x", name="a", title="t", question="q", attributes=["a"]
    ).startswith("nme: unknown key; the keys here are name, title")


def test_one_huge_cell_is_not_read(tmp_path):
    pq.write_table(pa.table(many(2, big=["x" * 5_000, "y"])), tmp_path / "s.parquet")
    notes: list[str] = []
    table, _ = read_file(tmp_path / "s.parquet", notes)
    assert table.column_names == ["image", "label", "p_ai"]
    assert "more than 4,096 bytes" in notes[0] and "'big'" in notes[0]


@pytest.mark.parametrize("folded", [True, False])
def test_equal_cells_are_counted_before_they_are_unfolded(tmp_path, monkeypatch, folded):
    n = 4_000
    cells = [f"{'y' * 4_000}{i % 9}" for i in range(n)]
    encoding = (
        {}
        if folded
        else {"t": "DELTA_BYTE_ARRAY"} | dict.fromkeys(("image", "label", "p_ai"), "PLAIN")
    )
    pq.write_table(
        pa.table(many(n, t=cells)),
        path := tmp_path / "s.parquet",
        compression="zstd",
        use_dictionary=folded,
        column_encoding=encoding or None,
    )
    assert path.stat().st_size < 200_000
    assert read_file(path, [])[0].num_columns == 4
    monkeypatch.setattr("faceaudit.reading.parquet.TABLE_BYTES", 10_000_000)
    monkeypatch.setattr("faceaudit.reading.parquet.AT_ONCE", 100_000)
    before = pa.default_memory_pool().max_memory()
    assert "would take more than 0.01 GB" in refusal(read_file, path, [])
    assert pa.default_memory_pool().max_memory() - before < 5_000_000


def test_rows_of_a_table_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("faceaudit.reading.parquet.ROWS", 50)
    pq.write_table(pa.table(many(60)), tmp_path / "s.parquet")
    assert "60 rows, and 50 are the most" in refusal(read_file, tmp_path / "s.parquet", [])


@pytest.mark.parametrize("key", ["k", r"\u006b", r"\"", r"\\"])
def test_keys_of_json_lines_are_counted_before_they_become_columns(tmp_path, key):
    path = tmp_path / "s.jsonl"
    path.write_text("".join(f'{{"{key}{i}": 1}}\n' for i in range(20_000)))
    assert "would take more than 1 GB" in refusal(read_file, path, [])


@pytest.mark.parametrize(("opens", "closes"), ["[]", ('{"a":', "}"), ("[\n", "]"), ('["]",', "]")])
def test_json_lines_that_nest_too_deep_do_not_end_the_process(tmp_path, opens, closes):
    path = tmp_path / "s.jsonl"
    path.write_text('{"x": ' + opens * 20_000 + "1" + closes * 20_000 + "}\n")
    assert "too deep to be read (100 are the most)" in refusal(read_file, path, [])
    path.write_text('{"x": ":-[", "y": "\\"{"}\n' * 200)
    assert read_file(path, [])[0].num_rows == 200


def test_json_from_elsewhere_that_nests_too_deep_is_no_fault_of_ours():
    with pytest.raises(ValueError, match="too deep"):
        parse_json("[" * 100_000)
    ours = {"json_text", "known_roots", "recipe", "reproduction", "unfinished"}
    root = Path(fa.__file__).parent
    assert {of.stem for of in root.rglob("*.py") if "json.loads" in of.read_text("utf-8")} == ours


def test_a_result_of_brackets_in_parquet_metadata_is_one_line(tmp_path):
    table = pa.table(many(4)).replace_schema_metadata({b"faceaudit": b"[" * 100_000})
    pq.write_table(table, tmp_path / "s.parquet")
    assert "damaged file metadata" in refusal(fa.audit, tmp_path / "s.parquet")


# --- what is shown ---------------------------------------------------------------------------


def test_messages_are_one_line_of_bounded_length_that_moves_no_cursor():
    error = FaceAuditError("a\n\n  b\x1b[2J\0" + "c" * 10_000 + "the remedy")
    assert str(error).startswith("a  b\\x1b[2J\\x00ccc") and str(error).endswith("the remedy")
    assert len(str(error)) == limits.MESSAGE_LETTERS


def test_a_tag_moves_no_cursor(tmp_path, capsys):
    tag = ["\x1b[2Jevil\0", "good"] * 100
    table = many(400, tag=[tag[i // 2] for i in range(400)])
    result = fa.audit(table, ["tag"])
    print_result(result, tmp_path, verbose=True, as_json=False)
    shown = capsys.readouterr().out
    assert "\\x1b[2Jevil\\x00" in shown and "\x1b" not in shown and "\0" not in shown


def test_no_cell_of_the_reject_ledger_is_a_formula_and_each_can_be_had_back():
    names = ["=1+1.png", "+1.png", "-1.png", "@x.png", "'a.png", "''=.png", "\t=1.png", "a=b.png"]
    file = io.StringIO()
    ledger = Ledger(file)
    for name in names:
        ledger.add(remark(name, "odd"))
    cells = [row[0] for row in csv.reader(io.StringIO(file.getvalue()))][1:]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    assert [cell.removeprefix("'") for cell in cells] == names


# --- seeded ----------------------------------------------------------------------------------


def test_row_expressions():
    table = hostile.table()
    given = [*hostile.expressions(1, 600), "not " * 1_000 + "ok", "(" * 300 + "ok" + ")" * 300]
    refused = [refusal(read_rows, table, text, "--where") for text in given]
    assert any(refused) and None in refused


def test_tables_and_specifications(tmp_path):
    draw, told = random.Random(2), []
    for _ in range(40):
        path = hostile.write_table(draw, tmp_path)
        told.append(refusal(read_scores, path))
        told += [refusal(parse_spec, hostile.spec(draw), "s.yaml") for _ in range(6)]
    assert any(told) and None in told


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audited")
    pq.write_table(hostile.table(), folder / "s.parquet")
    (folder / "s.yaml").write_text(hostile.SPEC)
    fa.audit(folder / "s.parquet", folder / "s.yaml", out=folder)
    return folder


def test_damaged_results(audited, tmp_path):
    """No report, gate or comparison of two results breaks off with a traceback."""
    whole, draw = json.loads((audited / "audit.json").read_text()), random.Random(3)
    path, told = tmp_path / "audit.json", []
    for i in range(18):
        path.write_text(json.dumps(hostile.damaged(whole, draw)))
        told.append(refusal(fa.gate, path, markdown=tmp_path / "g.md", junit=tmp_path / "g.xml"))
        if i % 6 == 0:
            told.append(refusal(fa.check_same, audited / "audit.json", path))
            told.append(refusal(report, path, tmp_path / "r.html"))
    assert any(told) and None in told


def test_a_text_of_gigabytes_is_refused_before_it_is_read(audited, tmp_path, monkeypatch):
    monkeypatch.setattr("faceaudit.files.TEXT_BYTES", 1_000)
    told = "cannot be read as text (larger than 0.001 MB)"
    assert told in refusal(fa.gate, audited / "audit.json")
    (tmp_path / "s.yaml").write_text("#" * 2_000)
    assert told in refusal(find_spec, tmp_path / "s.yaml")
    (tmp_path / "model.json").write_text("1" * 2_000)
    assert "larger than 0.001 MB" in refusal(read_record, tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["rows"][0].pop(), "rows"),
        (lambda d: d["columns"].pop(), "rows"),
        (lambda d: d["by_threshold"].update({"99": [[1]]}), "there is no '99' to move"),
    ],
)
def test_a_table_of_a_result_whose_rows_are_not_as_wide_is_refused(audited, tmp_path, change, said):
    whole = json.loads((audited / "audit.json").read_text())
    details = (detail for check in whole["checks"] for detail in check["details"])
    change(next(of for of in details if of["kind"] == "table" and of.get("by_threshold")))
    (tmp_path / "audit.json").write_text(json.dumps(whole))
    message = refusal(fa.read, tmp_path / "audit.json")
    assert "not a result of faceaudit" in message and said in message


def test_without_images_no_pixel_and_no_place_is_written(tmp_path):
    scores = read_scores(Path(str(files("faceaudit.bundled").joinpath("scores/with-ffhq.parquet"))))
    for of in scores.info.datasets.values():
        of.root = "/somewhere/of/mine"
    spec = {"attributes": ["gender"], "checks": ["top-losses"]}
    found = fa.audit(scores, spec, tmp_path, images=False)
    drawn = [item for of in found.details if of.kind == "gallery" for item in of.items]
    assert any(item.attention for item in drawn)
    for path in ("audit.json", "report.html"):
        text = (tmp_path / path).read_text()
        assert "data:image" not in text.replace("data:image/svg", "") and "/somewhere" not in text
