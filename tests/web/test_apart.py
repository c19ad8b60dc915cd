"""What reads an upload ends by itself, with the server, or at its limits; the server goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from faceaudit.errors import FaceAuditError
from faceaudit.web import services
from faceaudit.web.apart import KILLED, Limits, StoppedError, apart
from faceaudit.web.held_tables import LIMITS
from tests.hostile.lying_tables import lying_feather, lying_parquet
from tests.processes import assert_ended, started_by
from tests.web.conftest import serving
from tests.web.drawn_web import faulty, greedy, killed

FEW = Limits(60.0, 1_000_000_000, "use less")


def refuse(what: str) -> None:
    raise FaceAuditError(f"{what} is wrong")


def last(path: Path | str, *_: object) -> None:
    """Say which process this is, and go on until it is let go."""
    Path(path).with_name("pid").write_text(str(os.getpid()))
    while not Path(path).with_name("go").exists():
        time.sleep(0.02)
    raise FaceAuditError("let go")


@pytest.mark.parametrize(
    ("work", "limits", "told"),
    [
        (greedy, FEW, "It needs more than 1 GB; use less."),
        (killed, FEW, KILLED),
        (last, replace(FEW, seconds=0.0), "It took longer than a minute and was ended; use less."),
        (refuse, FEW, "/tmp/x is wrong"),
    ],
)
def test_work_that_does_not_end_well_says_why_in_one_line(work, limits, told):
    with pytest.raises(FaceAuditError) as error:
        apart(limits, work, "/tmp/x")
    assert str(error.value) == told


def test_a_fault_of_ours_is_none_of_the_upload():
    with pytest.raises(RuntimeError, match="exit code 1"):
        apart(FEW, faulty)


def test_work_that_nobody_waits_for_is_ended(tmp_path):
    with pytest.raises(StoppedError):
        apart(FEW, last, tmp_path / "x", stopped=(tmp_path / "pid").exists)
    assert_ended([int((tmp_path / "pid").read_text())])


@pytest.mark.skipif(os.name != "posix", reason="there is no such signal")
def test_nothing_outlives_a_server_that_is_killed(tmp_path):
    script = (
        "import time\nfrom faceaudit.web.apart import Limits, apart\n"
        "if __name__ == '__main__':\n    apart(Limits(600.0, 10**10, ''), time.sleep, 600)\n"
    )
    (tmp_path / "server.py").write_text(script)
    server = subprocess.Popen([sys.executable, tmp_path / "server.py"])
    # The one that forks, the one at work, and one of Python's own that watches what is shared.
    while len(theirs := started_by(server.pid)) < 3:
        assert server.poll() is None
    server.send_signal(signal.SIGKILL)
    server.wait()
    assert_ended(theirs)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such process")
@pytest.mark.parametrize("killed", [False, True])
def test_no_folder_stays(killed):
    """Beyond the next process that needs one."""
    # A socket's path may have 107 letters; that of the tests' own folder has too many.
    with tempfile.TemporaryDirectory() as short:
        assert_no_folder_stays(Path(short), killed)


def assert_no_folder_stays(folder: Path, killed: bool) -> None:
    serve = "from faceaudit.web.apart import get_ready\nget_ready()\n"
    serve += "import os\nos.kill(os.getpid(), 9)\n" * killed
    other = "from faceaudit.files import scratch_folder\nwith scratch_folder(): pass\n"
    given = os.environ | {"TMPDIR": str(folder)}
    for text, code in ((serve, -signal.SIGKILL * killed), (other, 0)):
        words = [sys.executable, "-c", text]
        done = subprocess.run(words, env=given, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (code, b"")
        assert bool(list(folder.iterdir())) == (code != 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only there is such a limit")
@pytest.mark.parametrize("path", ["/audits", "/api/audits"])
@pytest.mark.parametrize("lying", [lying_parquet, lying_feather])
def test_an_upload_that_lies_about_its_size_takes_no_memory_of_the_server(
    live, tmp_path, monkeypatch, path, lying
):
    monkeypatch.setattr(services, "LIMITS", replace(LIMITS, memory=700_000_000))
    content = lying(tmp_path / "s.parquet", 1_500_000_000).read_bytes()
    before = _memory()
    for _ in range(2):
        answer = httpx.post(live + path, files={"scores": ("s.parquet", content)}, timeout=120)
        assert answer.status_code == 422 and "more memory" in answer.text
        assert httpx.get(live).status_code == 200
    assert _memory() - before < 100_000_000


def test_the_server_answers_while_an_upload_is_read(live, tmp_path, monkeypatch):
    monkeypatch.setattr(services, "look_at", last)
    monkeypatch.setattr("faceaudit.web.held_tables.scratch_folder", lambda: _Here(tmp_path))
    files = {"scores": ("s.csv", b"image")}
    told: list[httpx.Response] = []
    upload = threading.Thread(
        target=lambda: told.append(httpx.post(f"{live}/audits", files=files, timeout=120))
    )
    upload.start()
    while not (tmp_path / "pid").exists():
        assert upload.is_alive()
    assert httpx.get(live).status_code == 200 and not told
    (tmp_path / "go").touch()
    upload.join()
    assert told[0].status_code == 422 and "Let go" in told[0].text


def alone(path: Path, *_: object) -> None:
    """Note whether another is at it, and go on until it is let go."""
    mine = path.with_name(f"{os.getpid()}.pid")
    mine.touch()
    if len(list(path.parent.glob("*.pid"))) > 1:
        path.with_name("together").touch()
    while not path.with_name("go").exists():
        time.sleep(0.02)
    mine.unlink()
    raise FaceAuditError("let go")


def test_uploads_beyond_a_few_wait_to_be_read(application, tmp_path, monkeypatch):
    monkeypatch.setattr(services, "READINGS", 1)
    monkeypatch.setattr(services, "look_at", alone)
    monkeypatch.setattr("faceaudit.web.held_tables.scratch_folder", lambda: _Here(tmp_path))
    app, files = application(), {"scores": ("s.csv", b"image")}
    with serving(app) as address, ThreadPoolExecutor(2) as pool:
        uploads = [
            pool.submit(httpx.post, f"{address}/audits", files=files, timeout=120) for _ in range(2)
        ]
        while not app.state.services._readings.statistics().tasks_waiting:
            assert not (tmp_path / "together").exists()
        (tmp_path / "go").touch()
        assert {upload.result().status_code for upload in uploads} == {422}
    assert not (tmp_path / "together").exists()


class _Here:
    """A folder that stays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Path:
        return self.folder

    def __exit__(self, *_: object) -> None:
        pass


def _memory() -> int:
    """The bytes that this process has just now."""
    return 4096 * int(Path("/proc/self/statm").read_text().split()[1])
