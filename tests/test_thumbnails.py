"""Which pictures a report may show: those of one's own, and never because a table says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from PIL import Image

from faceaudit import api
from faceaudit.cli import main
from faceaudit.datasets import index
from faceaudit.errors import FaceAuditError
from faceaudit.known_roots import known_roots, remember_root
from faceaudit.schema import DatasetInfo, ModelInfo, ScoresInfo
from faceaudit.tables import Manifest, write_table
from tests.pictures import draw, encode

SPEC = "name: n\ntitle: t\nquestion: q\nattributes: [dataset]\nchecks: [top-losses]\n"


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def draw_folder(folder: Path, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    for label in ("real", "ai"):
        (folder / label).mkdir(parents=True)
        for i in range(3):
            (folder / label / f"{i}.png").write_bytes(encode(draw(rng, label)))
    return folder


def write_scores(manifest: Manifest, path: Path, root: Path | None = None) -> Path:
    table = manifest.table.append_column(
        "p_ai", pa.array(np.linspace(0, 1, len(manifest.table), dtype=np.float32))
    )
    info = ScoresInfo(
        datasets={
            name: DatasetInfo(indexed=len(table), root=None if root is None else str(root))
            for name in manifest.info.datasets
        },
        model=ModelInfo(id="stranger"),
    )
    return write_table(path, table, info)


def shown(scores: Path, out: Path, **options: object) -> int:
    """Audit scores; return how many pictures the report shows."""
    spec = out.parent / "spec.yaml"
    spec.write_text(SPEC)
    api.audit([scores], spec, out, **options)
    told = json.loads((out / "audit.json").read_text())
    items = [
        item
        for check in told["checks"]
        for detail in check["details"]
        for item in detail.get("items", [])
    ]
    n = sum(item["thumbnail"] is not None for item in items)
    assert len(items) == 6
    assert (out / "report.html").read_text().count("data:image/jpeg") == n
    return n


def note(out: Path) -> str:
    return json.loads((out / "audit.json").read_text())["checks"][0]["details"][0]["note"]


def test_pictures_that_were_indexed_here_are_shown(tmp_path):
    own = index("folder", draw_folder(tmp_path / "set"), tmp_path / "m.parquet").read()
    assert known_roots("folder") == [tmp_path / "set"]
    assert shown(write_scores(own, tmp_path / "s.parquet"), tmp_path / "out") == 6
    assert shown(tmp_path / "s.parquet", tmp_path / "none", images=False) == 0
    assert "not shown" not in note(tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_pictures_in_an_archive_are_shown(tmp_path, kind):
    folder = draw_folder(tmp_path / "set")
    archive = shutil.make_archive(str(tmp_path / "set"), kind, folder)
    own = index("folder", archive, tmp_path / "m.parquet").read()
    shutil.rmtree(folder)
    assert shown(write_scores(own, tmp_path / "s.parquet"), tmp_path / "out") == 6


def test_a_table_names_no_place(tmp_path, monkeypatch):
    """Not even one whose hashes are right."""
    private = draw_folder(tmp_path / "private")
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
        foreign = index("folder", private, tmp_path / "m.parquet").read()
    scores = write_scores(foreign, tmp_path / "s.parquet", private)
    assert shown(scores, tmp_path / "out") == 0
    assert "Pictures not shown: 3 of 3 (no images of" in note(tmp_path / "out")
    assert "'folder' were indexed on this machine" in note(tmp_path / "out")
    assert "--images-from" in note(tmp_path / "out")
    assert "--images-from" in (tmp_path / "out" / "report.html").read_text()


def test_a_known_data_set_shows_nothing_to_who_has_not_got_the_picture(tmp_path):
    own = index("folder", draw_folder(tmp_path / "set"), tmp_path / "m.parquet").read()
    guessed = own.table.set_column(
        own.table.column_names.index("sha256"), "sha256", pa.array(["0" * 64] * 6)
    )
    for i, table in enumerate([guessed, own.table.drop_columns("sha256")]):
        scores = write_scores(Manifest(table, own.info), tmp_path / f"{i}.parquet", tmp_path)
        assert shown(scores, tmp_path / f"out{i}") == 0
        assert "not those that were scored" in note(tmp_path / f"out{i}")


def test_the_user_names_a_place(tmp_path, monkeypatch):
    folder = draw_folder(tmp_path / "set")
    table = index("folder", folder, tmp_path / "m.parquet").read().table
    (tmp_path / "state" / "faceaudit" / "roots.jsonl").unlink()
    csv = tmp_path / "scores.csv"
    rows = zip(table["image"].to_pylist(), table["label"].to_pylist(), strict=True)
    csv.write_text("image,label,p_ai\n" + "".join(f"{i},{label},0.5\n" for i, label in rows))
    assert shown(csv, tmp_path / "a") == 0
    assert shown(csv, tmp_path / "b", images_from=[(None, folder)]) == 6
    assert shown(csv, tmp_path / "c", images_from=[("scores", folder)]) == 6
    assert shown(csv, tmp_path / "d", images_from=[(None, tmp_path), (None, folder)]) == 6
    with pytest.raises(FaceAuditError, match="no data set 'set'; they have scores"):
        shown(csv, tmp_path / "e", images_from=[("set", folder)])
    with pytest.raises(FaceAuditError, match=r"--images-from: .*nowhere: no such folder"):
        shown(csv, tmp_path / "f", images_from=[(None, tmp_path / "nowhere")])
    assert not (tmp_path / "e").exists() and not (tmp_path / "f").exists()


def test_a_named_place_still_shows_what_was_scored_alone(tmp_path):
    folder = draw_folder(tmp_path / "set")
    own = index("folder", folder, tmp_path / "m.parquet").read()
    scores = write_scores(own, tmp_path / "s.parquet")
    (folder / "real" / "0.png").write_bytes(encode(draw(np.random.default_rng(9), "real")))
    assert shown(scores, tmp_path / "out", images_from=[(None, folder)]) == 5
    assert "Pictures not shown: 1 of 3" in note(tmp_path / "out")


@pytest.mark.parametrize("option", ["{folder}", "folder={folder}"])
def test_the_option(tmp_path, monkeypatch, option):
    folder = draw_folder(tmp_path / "a=b")
    own = index("folder", folder, tmp_path / "m.parquet").read()
    (tmp_path / "state" / "faceaudit" / "roots.jsonl").unlink()
    scores = write_scores(own, tmp_path / "s.parquet")
    (tmp_path / "spec.yaml").write_text(SPEC)
    arguments = ["audit", str(scores), "--spec", str(tmp_path / "spec.yaml"), "-o"]
    place = option.format(folder=folder)
    ran = CliRunner().invoke(main, [*arguments, str(tmp_path / "out"), "--images-from", place])
    assert ran.exit_code == 0, ran.output
    assert (tmp_path / "out" / "report.html").read_text().count("data:image/jpeg") == 6


def test_paths_that_leave_the_root_show_nothing(tmp_path):
    private = draw_folder(tmp_path / "private")
    root = tmp_path / "set"
    root.mkdir()
    (root / "link.png").symlink_to(private / "ai" / "0.png")
    (root / "folder").symlink_to(private)
    names = [
        "../private/real/0.png",
        "folder/../../private/real/0.png",
        str(private / "real" / "0.png"),
        "link.png",
        "folder/real/0.png",
        "nul\0l.png",
    ]
    csv = tmp_path / "s.parquet"
    table = pa.table(
        {
            "image": names,
            "label": ["real"] * 6,
            "p_ai": pa.array([0.5] * 6, pa.float32()),
            "dataset": ["d"] * 6,
        }
    )
    write_table(csv, table, ScoresInfo(datasets={"d": DatasetInfo(indexed=6)}))
    assert shown(csv, tmp_path / "out", images_from=[(None, root)]) == 0
    (root / "nul").write_bytes((private / "real" / "0.png").read_bytes())
    renamed = table.set_column(0, "image", pa.array(["nul", *names[1:]]))
    write_table(csv, renamed, ScoresInfo(datasets={"d": DatasetInfo(indexed=6)}))
    assert shown(csv, tmp_path / "out", images_from=[(None, root)]) == 1


def test_a_damaged_picture_is_left_out(tmp_path):
    folder = draw_folder(tmp_path / "set")
    own = index("folder", folder, tmp_path / "m.parquet").read()
    table = own.table.drop_columns("sha256")
    scores = write_scores(Manifest(table, own.info), tmp_path / "s.parquet")
    (folder / "real" / "0.png").write_bytes((folder / "real" / "0.png").read_bytes()[:90])
    (folder / "real" / "1.png").write_bytes(encode(Image.new("RGB", (9, 9)), "EPS"))
    assert shown(scores, tmp_path / "out", images_from=[(None, folder)]) == 4


def test_no_local_path_in_what_is_passed_on(tmp_path):
    folder = draw_folder(tmp_path / "set")
    (tmp_path / "tags").mkdir()
    (tmp_path / "tags" / "tags.csv").write_text("file,mood\n0.png,glad\n1.png,sad\n")
    own = index("folder", folder, tmp_path / "m.parquet", tags_from=tmp_path / "tags").read()
    scores = write_scores(own, tmp_path / "s.parquet", folder)
    shown(scores, tmp_path / "out")
    api.compare(scores, scores, out=tmp_path / "compared")
    csv = tmp_path / "s.csv"
    csv.write_text("image,label,p_ai,mood\na.jpg,real,0.2,NA\nb.jpg,ai,0.7,sad\n")
    api.audit([csv], tmp_path / "spec.yaml", tmp_path / "brought", images_from=[(None, folder)])
    files = [*tmp_path.glob("*/audit.json"), *tmp_path.glob("*/compare.json")]
    files += tmp_path.glob("*/report.html")
    assert len(files) == 6
    older = json.loads((tmp_path / "out" / "audit.json").read_text())
    older["scores"][0]["datasets"]["folder"]["root"] = str(folder)
    (tmp_path / "older.json").write_text(json.dumps(older))
    files.append(api.report(tmp_path / "older.json", tmp_path / "older.html"))
    for file in files:
        text = file.read_text()
        assert str(tmp_path) not in text and '"root"' not in text


# --- what index notes ---------------------------------------------------------------------------


def test_places_are_kept_once_the_latest_first(tmp_path):
    for name in ("a", "b", "a"):
        (tmp_path / name).mkdir(exist_ok=True)
        remember_root("d", tmp_path / name)
    (tmp_path / "state" / "faceaudit" / "roots.jsonl").open("a").write('["d", "half\n[1]\n7\n')
    remember_root("e", tmp_path / "a")
    assert known_roots("d") == [tmp_path / "b", tmp_path / "a"]
    assert known_roots("e") == [tmp_path / "a"]
    assert known_roots("f") == []


def test_where_nothing_can_be_noted_index_says_so(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    report = index("folder", draw_folder(tmp_path / "set"), tmp_path / "m.parquet")
    assert any("could not be noted" in told for told in report.notes)
    assert report.indexed == 6


def test_a_place_that_is_gone_is_no_error(tmp_path):
    own = index("folder", draw_folder(tmp_path / "set"), tmp_path / "m.parquet").read()
    scores = write_scores(own, tmp_path / "s.parquet")
    shutil.rmtree(tmp_path / "set")
    assert shown(scores, tmp_path / "out") == 0
