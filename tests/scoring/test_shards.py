"""A run in parts, on a machine each, is the run on one machine; and nothing else passes for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from faceaudit import bundled
from faceaudit.cli import main
from faceaudit.errors import FaceAuditError
from faceaudit.scoring import join, score
from faceaudit.scoring.shards import dealt, share
from faceaudit.tables import read_scores, read_shard, write_table
from tests.pictures import draw, encode, write_manifest

N = 60
JUDGE = """
import numpy as np
def judge(image):
    return float(np.asarray(image)[0, 0].mean() / 255)
"""


@pytest.fixture
def run(tmp_path) -> tuple[str, Path]:
    """A model, and a manifest of drawn pictures of which some are bad, one of them late."""
    rng = np.random.default_rng(0)
    names = [f"{i}.png" for i in range(N)]
    for i, name in enumerate(names):
        (tmp_path / name).write_bytes(encode(draw(rng, "ai")) if i % 13 else b"no picture")
    (tmp_path / "55.png").unlink()
    (tmp_path / "judge.py").write_text(JUDGE)
    manifest = write_manifest(tmp_path, names, ["real"] * 30 + ["ai"] * 30)
    return f"python:{tmp_path / 'judge.py'}:judge", manifest


def parts_of(run, of: int, batch_size: int = 4, **options) -> list[Path]:
    model, manifest = run
    options = {"find_faces": False, "deliver": ["size=32"], "batch_size": batch_size} | options
    parts = []
    for number in range(1, of + 1):
        parts.append(manifest.parent / f"part-{number}.parquet")
        score(model, manifest, parts[-1], shard=f"{number}/{of}", **options)
    return parts


@pytest.mark.parametrize("of", [1, 2, 7])
def test_the_parts_are_the_whole(run, tmp_path, of):
    whole = score(*run, find_faces=False, deliver=["size=32"], batch_size=4)
    assert whole.table["status"].to_pylist().count("unreadable") == 5
    parts = parts_of(run, of)
    joined = join(parts[::-1], tmp_path / "s.parquet")
    assert joined.table.equals(whole.table)
    assert any("the first '55.png'" in note for note in joined.info.notes)
    same = {"batch_drift": None}
    assert joined.info.model_copy(update=same) == whole.info.model_copy(update=same)
    assert read_scores(tmp_path / "s.parquet").table.equals(whole.table)


def test_a_network_sees_the_same_batches_and_explains_the_same_errors(tmp_path):
    pytest.importorskip("torch", reason="needs the extra 'model'")
    given = bundled.samples_manifest()
    # More of one label than are explained.
    manifest = tmp_path / "m.parquet"
    info = given.info.model_copy(deep=True)
    labels = given.table.set_column(
        given.table.column_names.index("label"), "label", [["real"] * len(given.table)]
    )
    write_table(manifest, labels, info)
    whole = score("bundled:with-ffhq", manifest, find_faces=False, features=True, batch_size=3)
    options = {"find_faces": False, "features": True, "deliver": ()}
    joined = join(parts_of(("bundled:with-ffhq", manifest), 2, 3, **options))
    assert whole.table["attention"].null_count < len(whole.table)
    assert joined.table.equals(whole.table)
    assert joined.info.batch_drift == pytest.approx(whole.info.batch_drift, abs=1e-5)


def test_batches_are_dealt_in_turn():
    assert [dealt(10, 2, i, 3).tolist() for i in (1, 2, 3)] == [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5]]


def test_what_is_no_part_of_it_is_refused(run, tmp_path):
    first, second, third = parts_of(run, 3)
    with pytest.raises(FaceAuditError, match=f"^{first}: of its run part 2/3 was not given; .*2/3"):
        join([first, third])
    with pytest.raises(FaceAuditError, match=r"part 1/3 was not given \(and 1 more\)"):
        join([second])
    with pytest.raises(FaceAuditError, match=f"^{first}: is part 1 of 3, and so is {first}$"):
        join([first, second, third, first])
    whole = tmp_path / "whole.parquet"
    score(*run, whole, find_faces=False)
    with pytest.raises(FaceAuditError, match=f"^{whole}: is no part of a run"):
        join([first, whole])
    with pytest.raises(FaceAuditError, match=f"^{first}: is part 1 of 3 of a run; .* join"):
        read_scores(first)
    part = read_shard(second)
    write_table(second, part.table.slice(1), part.info)
    with pytest.raises(FaceAuditError, match=f"^{second}: has 19 rows, and 20 were scored"):
        join([first, second, third])
    assert not (tmp_path / "s.parquet").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"images": 10**12}, "has 60 rows, and 1,000,000,000,000 were scored"),
        ({"images": 10**12, "of": 10**11}, "part 2/100000000000 was not given"),
        ({"images": -60}, "damaged file metadata"),
        ({"of": 16}, "damaged file metadata"),
        ({"number": 2}, "damaged file metadata"),
    ],
)
def test_what_a_part_says_of_itself_takes_no_memory(run, changed, said):
    (part,) = parts_of(run, 1)
    held = read_shard(part)
    shard = held.info.shard.model_copy(update=changed)
    write_table(part, held.table, held.info.model_copy(update={"shard": shard}))
    with pytest.raises(FaceAuditError, match=f"^{part}: .*{said}"):
        join([part])


@pytest.mark.parametrize("of", range(1, 6))
@pytest.mark.parametrize("images", [17, 18, 20])
def test_rows_are_counted_as_they_are_dealt(images, of):
    shares = [len(dealt(images, 4, i, of)) for i in range(1, of + 1)]
    assert shares == [share(images, 4, i, of) for i in range(1, of + 1)]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"batch_size": 5}, "has not the batch size of"),
        ({"deliver": ["size=16"]}, "has not the variants of"),
        ({"sample": 50}, "has not the images of"),
        ({"score_is": "p-real"}, "has not the classifier of"),
        ({"of": 4}, "is a part of 4, and"),
    ],
)
def test_parts_of_another_run_are_refused_by_name(run, tmp_path, changed, said):
    first, *_ = parts_of(run, 2)
    changed = {"deliver": ["size=32"], "batch_size": 4, "of": 2} | changed
    other = tmp_path / "other.parquet"
    shard = f"2/{changed.pop('of')}"
    score(*run, other, shard=shard, find_faces=False, **changed)
    with pytest.raises(FaceAuditError, match=f"^{other}: {said} ?{first}"):
        join([first, other])


@pytest.mark.parametrize("said", ["0/3", "4/3", "3", "1/0", "a/b", "-1/3", "1/3/5"])
def test_a_part_that_there_is_not_is_refused(run, tmp_path, said):
    words = ["score", run[0], str(run[1]), "-o", str(tmp_path / "s.parquet"), f"--shard={said}"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert done.stderr == f"faceaudit: --shard {said}: say which part of how many, as 1/8, …, 8/8\n"


def test_there_are_no_parts_without_a_batch(run):
    with pytest.raises(FaceAuditError, match=r"^--shard 2/3: there are 2 batches of 40"):
        score(*run, shard="2/3", batch_size=40, find_faces=False)


def test_at_the_command_line(run, tmp_path):
    model, manifest = run
    for i in (1, 2):
        words = ["score", model, str(manifest), "-o", str(tmp_path / f"p{i}.parquet")]
        done = CliRunner().invoke(
            main, [*words, "--batch-size=8", f"--shard={i}/2", "--no-find-faces"]
        )
        assert done.exit_code == 0, done.output
    parts = [str(tmp_path / f"p{i}.parquet") for i in (1, 2)]
    done = CliRunner().invoke(main, ["join", *parts, "-o", str(tmp_path / "s.parquet")])
    assert (done.exit_code, done.stdout.splitlines()[1]) == (0, f"scores: {tmp_path}/s.parquet")
    assert len(pq.read_table(tmp_path / "s.parquet")) == N
