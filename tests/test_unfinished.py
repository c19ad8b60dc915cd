"""A run that is stopped at any moment goes on, and ends with the table of an unbroken one."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from faceaudit import bundled, unfinished
from faceaudit.cli import main
from faceaudit.errors import FaceAuditError
from faceaudit.scoring import score
from faceaudit.scoring.batches import Batches
from faceaudit.tables import read_scores
from tests.pictures import draw, encode, write_manifest

N = 60
JUDGE = """
import os
import numpy as np
def judge(image):
    if os.environ.get("STOP_AT") == str(int(np.asarray(image)[0, 0, 0]) % 50):
        raise KeyboardInterrupt
    values = [np.asarray(image.resize((90 + i, 90))).mean() for i in range(40)]
    return None if int(values[0]) % 9 == 0 else float(np.mean(values) / 255)
"""
#: Keeps every batch, and not one a second.
SCRIPT = """
import sys
from faceaudit import unfinished
from faceaudit.scoring import score
unfinished.AT_MOST = 0
model, manifest, out = sys.argv[1:]
score(model, manifest, out, find_faces=False, batch_size=2, deliver=["size=32,jpeg=50", "noise=9"])
"""


@pytest.fixture
def run(tmp_path) -> list[str]:
    """What scores drawn pictures, of which some are bad, but for where to."""
    rng = np.random.default_rng(0)
    for i in range(N):
        (tmp_path / f"{i}.png").write_bytes(encode(draw(rng, "ai")) if i % 13 else b"no picture")
    (tmp_path / "judge.py").write_text(JUDGE)
    (tmp_path / "run.py").write_text(SCRIPT)
    labels = ["real" if i % 2 else "ai" for i in range(N)]
    names = [f"{i}.png" for i in range(N)]
    manifest = write_manifest(tmp_path, names, labels, group=[str(i % 3) for i in range(N)])
    model = f"python:{tmp_path / 'judge.py'}:judge"
    return [sys.executable, str(tmp_path / "run.py"), model, str(manifest)]


def kept_in(out: Path) -> Path:
    return out.with_name(f".{out.name}.parts")


def parts_in(out: Path) -> int:
    with suppress(FileNotFoundError):  # removed while it is looked at
        return len(list(kept_in(out).glob("*.parquet")))
    return 0


def test_killed_at_any_moment_it_ends_as_if_it_had_not_been(run, tmp_path):
    whole, broken = tmp_path / "whole.parquet", tmp_path / "broken.parquet"
    subprocess.run([*run, str(whole)], check=True)
    seed, moments = int(os.environ.get("SEED", "0")), int(os.environ.get("MOMENTS", "4"))
    rng, kills, rows = np.random.default_rng(seed), 0, []
    # Each is killed when so many batches are kept, and a little later.
    for kept in [*np.sort(rng.integers(0, 22, moments)), N]:
        process = subprocess.Popen([*run, str(broken)])
        while process.poll() is None and parts_in(broken) < kept:
            pass
        try:
            process.wait(timeout=rng.uniform(0, 0.1) if kept < N else None)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        assert process.wait() in (0, -signal.SIGKILL)
        kills += process.returncode == -signal.SIGKILL
        rows.append(unfinished.Parts(kept_in(broken), N).rows)
    assert kills >= moments - 1 and max(rows) > 0, "it was killed in the middle"
    assert rows[:kills] == sorted(rows[:kills]), "it went on"
    assert not kept_in(broken).exists()
    one, other = read_scores(whole), read_scores(broken)
    assert other.table.equals(one.table) and len(one.table) == N
    inputs = {"inputs": []}
    assert other.info.model_copy(update=inputs) == one.info.model_copy(update=inputs)


def test_rows_that_were_being_removed_are_no_rows_to_go_on_with(run, tmp_path, monkeypatch):
    out = tmp_path / "s.parquet"
    stopped(run, out, monkeypatch)
    (kept_in(out) / "run.json").unlink()  # the first that is removed at the end
    other = score(run[2], run[3], out, find_faces=False, batch_size=8, score_is="p-real")
    assert other.table.equals(
        score(run[2], run[3], find_faces=False, batch_size=8, score_is="p-real").table
    )
    assert not kept_in(out).exists()


def stopped(run: list[str], out: Path, monkeypatch, **options) -> str:
    """Stop a run by Ctrl-C in the middle, and return what it says."""
    manifest = run[3]
    seen = 0
    judged = Batches._judged

    def stop(*given):
        nonlocal seen
        seen += 1
        if seen > 4:
            raise KeyboardInterrupt
        return judged(*given)

    with monkeypatch.context() as patch:
        patch.setattr(Batches, "_judged", stop)
        with pytest.raises(KeyboardInterrupt) as error:
            score(run[2], manifest, out, find_faces=False, batch_size=8, **options)
    return str(error.value)


def test_what_is_kept_is_said_and_how_to_go_on(run, tmp_path, monkeypatch):
    out = tmp_path / "s.parquet"
    kept = f"32 of {N} images are kept in {kept_in(out)}; the same command goes on from there"
    assert stopped(run, out, monkeypatch) == kept
    assert not out.exists()
    words = ["score", run[2], run[3], "-o", str(out), "--batch-size", "8", "--no-find-faces"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert f"going on after 32 of {N} images" in done.stderr
    assert not kept_in(out).exists()
    plain = score(run[2], run[3], find_faces=False, batch_size=8)
    assert read_scores(out).table.equals(plain.table)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"batch_size": 4}, "it had not the batch size of"),
        ({"deliver": ["jpeg=50"]}, "it had not the variants of"),
        ({"sample": 40}, "it had not the images of"),
        ({"score_is": "p-real"}, "it had not the classifier of"),
        ({"batch_size": 4, "sample": 40}, "it had not the images and batch size of"),
    ],
)
def test_another_run_does_not_go_on_with_it(run, tmp_path, monkeypatch, changed, named):
    out = tmp_path / "s.parquet"
    stopped(run, out, monkeypatch)
    options = {"find_faces": False, "batch_size": 8} | changed
    with pytest.raises(FaceAuditError, match=named) as error:
        score(run[2], run[3], out, **options)
    assert str(error.value).endswith(f"or remove that folder: rm -r {kept_in(out)}")
    (tmp_path / "judge.py").write_text(JUDGE + "\n")
    with pytest.raises(FaceAuditError, match="it had not the classifier of"):
        score(run[2], run[3], out, find_faces=False, batch_size=8)


def test_two_runs_do_not_write_one_table(run, tmp_path):
    out = tmp_path / "s.parquet"
    with (
        unfinished.unfinished(out, {}),
        pytest.raises(FaceAuditError, match="another run is writing it"),
    ):
        score(run[2], run[3], out, find_faces=False)
    assert not kept_in(out).exists()


@pytest.mark.parametrize("left", [b"", b"[1]", b'{"a', b"\xff", b"[" * 100_000])
def test_what_cannot_be_told_of_a_stopped_run_is_not_gone_on_with(tmp_path, left):
    out = tmp_path / "s.parquet"
    kept_in(out).mkdir()
    (kept_in(out) / "run.json").write_bytes(left)
    (kept_in(out) / "000000000000.parquet").write_bytes(b"")
    remedy = f"remove it: rm -r {kept_in(out)}$"
    with pytest.raises(FaceAuditError, match=remedy), unfinished.unfinished(out, {}):
        pass
    assert len(list(kept_in(out).glob("*.parquet"))) == 1


def test_a_file_system_without_locks_will_do(run, tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl", reason="needs a system with such locks")

    def none(*given):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", none)
    out = tmp_path / "s.parquet"
    score(run[2], run[3], out, find_faces=False)
    assert out.exists() and not kept_in(out).exists()


def test_a_part_that_was_lost_is_scored_again(run, tmp_path, monkeypatch):
    out = tmp_path / "s.parquet"
    monkeypatch.setattr(unfinished, "AT_MOST", 0.0)
    stopped(run, out, monkeypatch)
    first, second, *_ = sorted(kept_in(out).glob("*.parquet"))
    second.write_bytes(b"")
    (kept_in(out) / "of-another.parquet").write_bytes(first.read_bytes())
    assert unfinished.Parts(kept_in(out), N).rows == 8
    found = score(run[2], run[3], out, find_faces=False, batch_size=8)
    assert found.table.equals(score(run[2], run[3], find_faces=False, batch_size=8).table)
    assert first.exists() is False


def test_a_network_goes_on_in_the_same_batches(tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="needs the extra 'model'")
    manifest = bundled.samples_manifest()
    options = {"find_faces": False, "batch_size": 3, "deliver": ["jpeg=40"]}
    whole = score("bundled:with-ffhq", manifest, **options)
    out = tmp_path / "s.parquet"
    calls, scored = [0], Batches._scored

    def stop(*given):
        calls[0] += 1
        if calls[0] > 2:
            raise KeyboardInterrupt
        return scored(*given)

    with monkeypatch.context() as patch:
        patch.setattr(Batches, "_scored", stop)
        with pytest.raises(KeyboardInterrupt, match=r"^6 of"):
            score("bundled:with-ffhq", manifest, out, **options)
    assert score("bundled:with-ffhq", manifest, out, **options).table.equals(whole.table)
