"""A Parquet file that is read a part at a time is audited as one that is read whole."""

import gc
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faceaudit import api
from faceaudit.errors import FaceAuditError
from faceaudit.given import read_given, with_names
from faceaudit.reading import in_parts, parquet
from faceaudit.reading.formats import read_file
from tests.hostile.lying_tables import lying_parquet

ROWS = 600
#: How a file may be written: what its pages hold, and where its row groups end.
WRITTEN = {
    "many row groups": {"row_group_size": 70},
    "one row group": {"row_group_size": ROWS},
    "without dictionaries": {"row_group_size": 110, "use_dictionary": False},
    "dictionaries that end": {"row_group_size": 200, "dictionary_pagesize_limit": 60},
    "prefixes": {
        "row_group_size": 90,
        "use_dictionary": False,
        "column_encoding": dict.fromkeys(("path", "tone", "verdict"), "DELTA_BYTE_ARRAY"),
    },
    "lengths": {
        "row_group_size": 90,
        "use_dictionary": False,
        "column_encoding": dict.fromkeys(("path", "tone", "score"), "DELTA_LENGTH_BYTE_ARRAY"),
    },
}
READING = {
    "mapping": {"image": "path", "label": "verdict", "p_ai": ["nothing", "score"]},
    "missing": ["999", "unknown"],
    "ai_label": "Made",
    "score_is": "percent",
}


def foreign(rows=ROWS):
    """A table of which much can be told from the whole of a column alone."""
    random = np.random.default_rng(5)
    made = random.random(rows) < 0.5
    age = np.where(random.random(rows) < 0.1, 999, random.integers(1, 80, rows))
    whole = random.integers(0, 3, rows).astype(float)
    spelt = random.choice(["light", "Dark", "unknown", "n/a", " dark", ""], rows).astype(object)
    spelt[-90:] = random.choice(["LIGHT", "DARK"], 90)  # so spelt most often, at the end alone
    halves = whole.copy()
    halves[-1] = 1.5
    return pa.table(
        {
            "path": [f"faces/{i:05}.jpg" for i in range(rows)],
            "verdict": np.where(made, "Made", random.choice(["photo", "Real "], rows)),
            "score": [f"{of:.2f}".replace(".", ",") for of in random.uniform(0, 100, rows)],
            "tone": pa.array(spelt, pa.string(), mask=random.random(rows) < 0.1),
            "age": [str(of) for of in age],
            "whole": pa.array(whole, mask=random.random(rows) < 0.1),
            "halves": halves,
            "marked": random.random(rows) < 0.2,
            "day": pa.array(random.integers(0, 5, rows).astype(np.int32), pa.date32()),
            "kind": pa.array(random.choice(["a", "b"], rows)).dictionary_encode(),
            "copy_of": pa.array([None] * (rows - 2) + ["faces/00007.jpg"] * 2),
            "empty": pa.nulls(rows),
            "list": [[1, 2]] * rows,
            "long": ["x" * 5_000 if i == rows - 5 else "y" for i in range(rows)],
            "width": pa.array(random.integers(9, 999, rows)),
            "__index_level_0__": [f"{i}" for i in range(rows)],
        }
    )


@pytest.fixture(autouse=True)
def few_rows_at_a_time(monkeypatch):
    monkeypatch.setattr(in_parts, "_CELLS", 40)
    monkeypatch.setattr(in_parts, "_ROWS", 150)


def both(path, **reading):
    """Read it whole and in parts; an error is its message."""
    options = reading | {"missing": reading.get("missing", ())}
    found = []
    for parts in (False, True):
        try:
            (one,) = read_given(with_names([path]), None, options, in_parts=parts)
        except FaceAuditError as error:
            found.append(str(error))
            continue
        names = one.look_up(np.arange(len(one.table)))
        rest = [name for name in one.table.column_names if name not in names.column_names]
        columns = {name: one.table[name] for name in rest}
        cells = {name: (str(of.to_pylist())) for name, of in columns.items()}
        found.append((cells, names.to_pylist(), one.info, one.info.inputs))
    return found


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_it_is_read_as_if_it_were_read_whole(tmp_path, written):
    pq.write_table(foreign(), tmp_path / "s.parquet", **written)
    whole, parts = both(tmp_path / "s.parquet", **READING)
    assert parts == whole
    assert {"tone", "age_band", "whole", "halves", "kind"} <= whole[0].keys()
    notes = " ".join(whole[2].notes)
    assert all(of in notes for of in ("'LIGHT'", "comma", "percent", "'list'", "no name"))


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize(
    ("column", "row", "value"),
    [
        ("verdict", 420, "perhaps"),
        ("verdict", 555, None),
        ("score", 399, "high"),
        ("score", 500, "101"),
        ("path", 599, "faces/00003.jpg"),
        ("path", 71, None),
        ("age", 222, "old"),
        ("age", 222, "-4"),
        ("width", 310, "wide"),
        ("status", 133, "odd"),
    ],
)
def test_what_is_refused_is_named_by_its_row_of_the_file(tmp_path, written, column, row, value):
    table = foreign()
    cells = table[column].to_pylist() if column in table.column_names else [None] * ROWS
    cells = [str(of) if of is not None and isinstance(value, str) else of for of in cells]
    cells[row] = value
    table = table.drop_columns([column] if column in table.column_names else [])
    pq.write_table(table.append_column(column, [cells]), tmp_path / "s.parquet", **written)
    reading = READING | ({"ai_label": ()} if value == "perhaps" else {})
    whole, parts = both(tmp_path / "s.parquet", **reading)
    assert parts == whole
    # Of words that are not known the first is named.
    assert f"row {1 + (cells.index('Made') if value == 'perhaps' else row)}: " in whole


def test_its_audit_is_that_of_the_same_rows_in_one_part(tmp_path, monkeypatch):
    pq.write_table(foreign(), tmp_path / "s.parquet", row_group_size=70)
    found = []
    for rows in (150, 10_000):
        monkeypatch.setattr(in_parts, "_ROWS", rows)
        result = api.audit(tmp_path / "s.parquet", images=False, **READING)
        found.append(result.model_dump(exclude={"created"}))
    assert found[0] == found[1]


def sound(rows=ROWS):
    table = foreign(rows).select(["path", "verdict", "tone", "whole"])
    score = np.random.default_rng(1).random(rows)
    return table.rename_columns(["image", "label", "tone", "whole"]).append_column("p_ai", [score])


def test_a_folder_is_a_table_too_and_its_folders_are_groups(tmp_path):
    table = sound()
    for i, (start, stop) in enumerate([(0, 100), (100, 110), (110, 600)]):
        (folder := tmp_path / "t" / f"part={i:02}").mkdir(parents=True)
        pq.write_table(table.slice(start, stop - start), folder / "s.parquet", row_group_size=60)
    whole, parts = both(tmp_path / "t", ai_label="Made")
    assert parts == whole
    assert whole[0]["part"].startswith("['00', '00'")


def test_a_folder_of_numbers_here_and_words_there_is_of_words(tmp_path):
    table = sound()
    other = table.slice(300).set_column(3, "whole", [["2", "many", None] * 100])
    pq.write_table(table.slice(0, 300), tmp_path / "0.parquet")
    pq.write_table(other.drop_columns("tone"), tmp_path / "1.parquet")
    (one,) = read_given(with_names([tmp_path]), None, {"ai_label": "Made"}, in_parts=True)
    found = one.table["whole"].cast(pa.string()).to_pylist()
    assert {*found} == {"0", "1", "2", "many", None}
    assert one.table["tone"].slice(300).null_count == 300


def test_names_are_not_kept_and_a_part_at_a_time_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(in_parts, "_CELLS", 5_000)
    rows = 400_000
    table = sound(rows)
    long = pa.array([f"{'folder/' * 20}{i}" for i in range(rows)])
    pq.write_table(table.set_column(0, "image", long), tmp_path / "s.parquet")
    size = long.nbytes
    del table, long
    gc.collect()
    before, most = pa.total_allocated_bytes(), 0
    numbered = in_parts._in_few_bytes

    def noted(name, column):
        nonlocal most
        most = max(most, pa.total_allocated_bytes())
        return numbered(name, column)

    monkeypatch.setattr(in_parts, "_in_few_bytes", noted)
    reading = {"ai_label": "Made"}
    (one,) = read_given(with_names([tmp_path / "s.parquet"]), None, reading, in_parts=True)
    assert len(one.table) == rows
    assert most - before < size / 2


def test_a_table_of_which_too_much_would_be_kept_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "s.parquet"
    pq.write_table(sound(), path, row_group_size=100)
    monkeypatch.setattr(parquet, "TABLE_BYTES", 9_000)
    with pytest.raises(FaceAuditError, match=r"s\.parquet: would take more .*several files"):
        api.audit(path, ai_label="Made")
    monkeypatch.setattr(parquet, "TABLE_BYTES", 10**9)
    monkeypatch.setattr(parquet, "ROWS", 100)
    assert api.audit(path, ai_label="Made", images=False).scores[0].rows.read == ROWS
    with pytest.raises(FaceAuditError, match=r"600 rows, and 100 are the most .*a part at a time"):
        api.compare(path, score_columns=["p_ai", "whole"], ai_label="Made")
    with pytest.raises(FaceAuditError, match="600 rows, and 100 are the most"):
        api.audit(path, ai_label="Made", tags=path)


def test_equal_cells_that_unfold_to_gigabytes_are_kept_once(tmp_path):
    table = sound().set_column(2, "tone", [["x" * 4_000, "y"] * (ROWS // 2)])
    pq.write_table(table, tmp_path / "s.parquet")
    (one,) = read_given(
        with_names([tmp_path / "s.parquet"]), None, {"ai_label": "Made"}, in_parts=True
    )
    assert one.table["tone"].nbytes < 6_000


def test_a_page_that_says_that_it_is_small_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("faceaudit.reading.formats.READING_BYTES", 200_000_000)
    path = lying_parquet(tmp_path / "s.parquet", 1_500_000_000)
    with pytest.raises(FaceAuditError, match=r"s\.parquet: reading it asks for more memory"):
        api.audit(path)


def test_a_column_that_is_the_image_and_something_else_is_both(tmp_path):
    pq.write_table(sound(), tmp_path / "s.parquet")
    whole, parts = both(tmp_path / "s.parquet", ai_label="Made", mapping={"person": "image"})
    assert parts == whole
    assert "image" in parts


def test_a_page_of_which_a_bit_was_turned_is_refused(tmp_path):
    path = tmp_path / "s.parquet"
    pq.write_table(sound(), path, row_group_size=200, write_page_checksum=True)
    group = pq.read_metadata(path).row_group(1)
    for column in range(group.num_columns):
        facts, content = group.column(column), bytearray(path.read_bytes())
        content[facts.data_page_offset + facts.total_compressed_size // 2] ^= 1
        (damaged := tmp_path / f"{column}.parquet").write_bytes(content)
        with pytest.raises(FaceAuditError, match="not a readable table"):
            api.audit(damaged, ai_label="Made")


def test_a_file_is_opened_as_often_whatever_its_columns(tmp_path, monkeypatch):
    """To open one takes as long as it has columns."""
    opened, plain = [], pq.ParquetFile
    monkeypatch.setattr(
        pq, "ParquetFile", lambda *given, **how: opened.append(given) or plain(*given, **how)
    )
    counts = []
    for columns in (1, 30):
        table = sound()
        for i in range(columns):
            table = table.append_column(f"tag {i}", table["tone"])
        pq.write_table(table, tmp_path / f"{columns}.parquet", row_group_size=100)
        opened.clear()
        both(tmp_path / f"{columns}.parquet", ai_label="Made")
        counts.append(len(opened))
    assert counts[0] == counts[1]


def footer_changed(path, before, after):
    pq.write_table(
        pa.table({"image": ["a", "b"], "label": ["ai", "real"], "p_ai": [0.1, 0.2]}), path
    )
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after))


@pytest.mark.parametrize("command", ["audit", "compare"])
def test_damaged_facts_of_a_column_are_refused_and_do_not_end_the_process(tmp_path, command):
    # The column cannot be empty any more, and the counts of its empty cells still stand there.
    scores = tmp_path / "scores.parquet"
    footer_changed(scores, b"\x25\x02\x18\x05image", b"\x25\x00\x18\x05image")
    given = [str(scores)] * (2 if command == "compare" else 1)
    run = subprocess.run(
        [sys.executable, "-m", "faceaudit", command, *given, "-o", str(tmp_path / "out")],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2
    assert run.stderr.startswith(f"faceaudit: {scores}: not a readable table")
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize("apart", [None, lambda _: {}])
def test_a_name_of_a_column_that_is_no_text_is_refused(tmp_path, apart):
    scores = tmp_path / "scores.parquet"
    footer_changed(scores, b"\x18\x05image", b"\x18\x05im\xffge")
    with pytest.raises(FaceAuditError, match="not a readable table"):
        read_file(scores, [], apart)


def test_a_cell_whose_value_is_not_in_its_dictionary_is_refused(tmp_path):
    words, numbers = pa.array(["ai", "real"]), pa.array([0, 2], pa.int32())
    damaged = pa.DictionaryArray.from_arrays(numbers, words, safe=False)
    with pytest.raises(pa.ArrowException, match=r"out of bounds|not in dictionary"):
        in_parts._in_few_bytes("label", pa.chunked_array([damaged]))
    path = tmp_path / "scores.arrow"
    table = pa.table({"image": ["a", "b"], "label": damaged, "p_ai": [0.1, 0.2]})
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table)
    with pytest.raises(FaceAuditError, match="not a readable table"):
        read_file(path, [])
