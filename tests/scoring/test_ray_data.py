"""A run on a Ray cluster that loses a worker and a machine is the run on this machine."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from faceaudit.cli import main
from faceaudit.errors import FaceAuditError
from faceaudit.scoring import open_detector, ray_data, score
from faceaudit.tables import read_manifest, write_table
from tests.pictures import draw, encode, write_manifest
from tests.web_store import serving

ray = pytest.importorskip("ray", reason="needs the extra 'ray'")
from ray.cluster_utils import Cluster  # noqa: E402

N = 60
#: Each picture leaves a file that says which process has judged it.
JUDGE = """
import os
import sys
from pathlib import Path
import numpy as np
def judge(image):
    seen = float(np.asarray(image)[0, 0].mean() / 255)
    (Path(__file__).parent / "seen" / f"{os.getpid()}-{os.urandom(8).hex()}").touch()
    return seen
"""


@pytest.fixture(scope="module")
def cluster():
    """A machine of one core; it and what else is added are processes on this one."""
    # Beside busy programs they would hardly run, or be given up before they have begun.
    os.environ |= {"RAY_worker_niceness": "0", "RAY_raylet_start_wait_time_s": "120"}
    # A machine that does not answer for two seconds is lost; fifteen are usual.
    soon = {"health_check_period_ms": 500, "health_check_failure_threshold": 4}
    args = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    started = Cluster(initialize_head=True, head_node_args=args | {"_system_config": soon})
    yield started
    ray.shutdown()
    started.shutdown()


@pytest.fixture
def run(tmp_path) -> tuple[str, Path]:
    rng = np.random.default_rng(0)
    names = [f"{i}.png" for i in range(N)]
    for i, name in enumerate(names):
        (tmp_path / name).write_bytes(encode(draw(rng, "ai")) if i % 13 else b"no picture")
    (tmp_path / "judge.py").write_text(JUDGE)
    (tmp_path / "seen").mkdir()
    labels = ["real" if i % 2 else "ai" for i in range(N)]
    return f"python:{tmp_path / 'judge.py'}:judge", write_manifest(tmp_path, names, labels)


def test_a_lost_worker_and_a_lost_machine_change_nothing(cluster, run, monkeypatch, tmp_path):
    options = {"find_faces": False, "batch_size": 3, "deliver": ["size=32"]}
    whole = score(*run, **options)
    for file in (tmp_path / "seen").iterdir():
        file.unlink()
    second = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    lost: dict[int, str] = {}
    scored = ray_data.on_ray

    def losing(*given):
        for i, found in enumerate(scored(*given)):
            if i == 1:
                pids = {int(file.name.split("-")[0]) for file in (tmp_path / "seen").iterdir()}
                lost[i] = f"worker {(pid := min(pids))}"
                os.kill(pid, signal.SIGKILL)
            if i == 4:
                lost[i] = "machine"
                cluster.remove_node(second, allow_graceful=False)
            yield found

    monkeypatch.setattr("faceaudit.scoring.runs.on_ray", losing)
    out = tmp_path / "s.parquet"
    found = score(*run, out, engine="ray", address=cluster.address, **options)
    assert len(lost) == 2, lost
    assert found.table.equals(whole.table)
    assert found.info == whole.info
    assert not list(tmp_path.glob(".*.parts"))


def test_each_worker_reads_a_store_itself(cluster, run, tmp_path):
    pytest.importorskip("aiohttp", reason="needs fsspec's driver of web servers")
    manifest = read_manifest(run[1])
    with serving(tmp_path) as store:
        manifest.info.datasets["drawn"].root = store.address
        path = write_table(tmp_path / "far.parquet", manifest.table, manifest.info)
        found = score(
            run[0], path, engine="ray", address=cluster.address, find_faces=False, batch_size=3
        )
    assert found.table.equals(score(*run, find_faces=False, batch_size=3).table)


def test_what_is_wrong_on_a_worker_is_said_in_one_line(cluster, run, tmp_path):
    words = ["score", run[0], str(run[1]), "-o", str(tmp_path / "s.parquet"), "--engine", "ray"]
    words += ["--no-find-faces", "--address", cluster.address]
    (tmp_path / "judge.py").write_text(JUDGE.replace("return seen", "return seen + 7"))
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"faceaudit: on {os.uname().nodename}: ") and "7." in line


def test_a_million_images_are_some_thousand_tasks_and_a_few_are_enough_for_all(monkeypatch):
    import pyarrow as pa

    def sizes(images: int, workers: int) -> list[int]:
        rows = pa.table({"image": pa.nulls(images)})
        return [len(task) for task in ray_data._tasks(rows, 64, workers)]

    assert sizes(1_000_000, 64) == [1024] * 976 + [576]
    assert sizes(1000, 16) == [64] * 15 + [40]
    assert sizes(10_240, 2) == [640] * 16
    assert len(sizes(100_000_000, 1000)) == 9953
    assert all(size % 64 == 0 for size in sizes(100_000_000, 1000)[:-1])


def test_what_cannot_be_is_refused(run, tmp_path):
    with pytest.raises(FaceAuditError, match="give the model's path or name"):
        score(open_detector(run[0]), run[1], engine="ray", find_faces=False)
    with pytest.raises(FaceAuditError, match="--address x: is that of a Ray cluster; add --engine"):
        score(*run, address="x")
