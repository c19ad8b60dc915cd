"""What is written: whole or not at all, where links lead, over no input; or refused at once."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from faceaudit.cli import main
from faceaudit.errors import FaceAuditError
from faceaudit.files import atomic_files, expect_writable, scratch_folder, write_text
from tests.deaths import Deaths
from tests.drawn import drawn_scores
from tests.pictures import write_manifest

posix = pytest.mark.skipif(os.name != "posix", reason="there are no such files")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with scores, a manifest and an audit."""
    table = drawn_scores({"a": (60, 3), "b": (60, 4)}).table.drop_columns(["status"])
    from pyarrow import csv

    csv.write_csv(table, tmp_path / "s.csv")
    write_manifest(tmp_path, ["a.png", "b.png"], ["ai", "real"])
    monkeypatch.chdir(tmp_path)
    assert run("audit", "s.csv", "-o", "out").exit_code == 0
    return tmp_path


def run(*words: object):
    return CliRunner().invoke(main, [*map(str, words)])


def here(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


#: Every command that writes, but for where to.
COMMANDS = {
    "audit": ["audit", "s.csv", "-o"],
    "init": ["init", "s.csv", "-o"],
    "compare": ["compare", "s.csv", "s.csv", "--name", "x", "--name", "y", "-o"],
    "report": ["report", "out/audit.json", "-o"],
    "junit": ["gate", "out/audit.json", "--junit"],
    "markdown": ["gate", "out/audit.json", "--markdown"],
    "card": ["card", "bundled:default", "-o"],
    "index": ["index", "folder", ".", "-o"],
    "train": ["train", "manifest.parquet", "-o"],
    "score": ["score", "bundled:default", "manifest.parquet", "-o"],
    "study": ["study", "photoshopped", "manifest.parquet", "-o"],
    "study of scores": ["study", "mitigation", "--scores", "s.csv", "-o"],
    "demo": ["demo", "-o"],
}
FOLDERS = ("audit", "compare", "train", "study", "study of scores", "demo")


@pytest.fixture
def no_work(monkeypatch) -> None:
    """Whatever work a command does, it would be seen to have begun."""

    def begun(*given, **options):
        raise AssertionError("the work was begun")

    places = {
        "given": "read_given",
        "tables": "read_raw",
        "result": "read_result",
        "decision": "read_judged",
        "report.card": "to_card",
        "datasets.indexing": "open_source",
        "model.training": "read_manifests",
        "scoring.runs": "open_detector",
        "studies.study": "read_split",
        "studies.mitigation": "read_scores",
    }
    # All that has one of them under its own name is imported before.
    for module in (*places, "studies.photoshopped", "comparison.many", "demo", "draft"):
        importlib.import_module(f"faceaudit.{module}")
    for module, name in places.items():
        monkeypatch.setattr(f"faceaudit.{module}.{name}", begun)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_cannot_be_written_is_refused_before_the_work(command, folder, no_work):
    (folder / "file").write_text("not a folder")
    before = here(folder)
    for out, told in (
        ("file/x", f"cannot be written ({folder}/file is a file and no folder)"),
        ("/proc/none/x", "cannot be written (No such file or directory)"),
        ("", "the name is empty"),
        ("out", "out: a folder, and a file is to be written"),
    ):
        if out == "out" and command in (*FOLDERS, "init", "card"):
            continue
        done = run(*COMMANDS[command], out)
        assert (done.exit_code, told in done.stderr) == (2, True), (out, done.output)
        assert done.stderr.count("\n") == 1 or out == "", done.output
    assert here(folder) == before


@pytest.mark.parametrize(
    "words",
    [
        ["report", "out/audit.json", "-o", "out/audit.json"],
        ["report", "out/audit.json", "-o", "link"],
        ["gate", "out/audit.json", "--junit", "out/audit.json"],
        ["gate", "out/audit.json", "--baseline", "s.csv", "--markdown", "s.csv"],
        ["score", "bundled:default", "manifest.parquet", "-o", "manifest.parquet"],
        ["score", "python:a.py:judge", "manifest.parquet", "-o", "other/../manifest.parquet"],
        ["score", "onnx:s.csv", "manifest.parquet", "-o", "s.csv"],
        ["index", "folder", "s.csv", "-o", "s.csv"],
        ["index", "folder", ".", "--tags-from", "s.csv", "-o", "s.csv"],
        ["index", "folder", ".", "--tags-from", "s.rejects.csv", "-o", "s.parquet"],
        ["audit", "out/audit.json", "-o", "out"],
        ["audit", "s.csv", "--tags", "out/report.html", "-o", "out"],
        ["compare", "s.csv", "out/compare.json", "-o", "out"],
        ["train", "model/model.json", "-o", "model"],
        ["study", "photoshopped", "m.parquet", "--test", "out/study.json", "-o", "out"],
    ],
)
@posix
def test_no_input_is_written_over(words, folder, no_work):
    (folder / "link").symlink_to("out/audit.json")
    (folder / "s.rejects.csv").write_text("file,age\n")
    (folder / "model").mkdir()
    for name in ("out/compare.json", "out/study.json", "model/model.json"):
        (folder / name).write_text("{}")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = run(*words)
    assert done.exit_code == 2, done.output
    assert "is read by this command, which would write over it" in done.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@posix
def test_two_outputs_are_two_files(folder):
    done = run("gate", "out/audit.json", "--junit", "x", "--markdown", "./x")
    assert done.exit_code == 2 and "more than one output" in done.stderr
    assert not Path("x").exists()


@posix
def test_devices_and_pipes_are_written_to(folder):
    os.mkfifo("pipe")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE)
    assert run("report", "out/audit.json", "-o", "pipe", "--format", "markdown").exit_code == 0
    assert reader.communicate(timeout=60)[0].startswith(b"# ")
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)
    if os.geteuid() == 0:
        null = Path("null")
        os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    else:
        null = Path(os.devnull)
    try:
        done = run("report", "out/audit.json", "-o", null)
    except PermissionError:
        pytest.skip("this system lets nobody write to a device of their own")
    assert done.exit_code == 0, done.output
    assert stat.S_ISCHR(null.stat().st_mode)
    assert run("report", "out/audit.json", "-o", "/dev/full").exit_code == 2


@posix
def test_links_are_followed(folder):
    (folder / "there").mkdir()
    (folder / "there" / "page.html").write_text("old")
    (folder / "link").symlink_to("there/page.html")
    (folder / "dangling").symlink_to("there/new.html")
    (folder / "loop").symlink_to("loop")
    assert run("report", "out/audit.json", "-o", "link").exit_code == 0
    assert run("report", "out/audit.json", "-o", "dangling").exit_code == 0
    assert (folder / "link").is_symlink() and (folder / "dangling").is_symlink()
    assert (folder / "there" / "page.html").stat().st_size > 10_000
    assert (folder / "there" / "new.html").stat().st_size > 10_000
    done = run("report", "out/audit.json", "-o", "loop")
    assert done.exit_code == 2 and "cannot be written" in done.stderr, done.output


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write anywhere")
def test_what_is_read_only_is_left(folder, no_work):
    (folder / "shut").mkdir(0o555)
    (folder / "page.html").touch(0o444)
    for out in ("shut/page.html", "page.html"):
        done = run("report", "out/audit.json", "-o", out)
        assert done.exit_code == 2 and "cannot be written" in done.stderr


def test_a_file_keeps_its_mode(tmp_path):
    path = tmp_path / "secret"
    path.touch(0o600)
    write_text(path, "x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    new = write_text(tmp_path / "new", "x")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(new.stat().st_mode) == 0o666 & ~umask


def test_a_full_disk_in_the_middle_is_one_line(tmp_path):
    write_text(tmp_path / "x", "old")
    with (
        pytest.raises(FaceAuditError, match=r"x: cannot be written \(No space left on device\)"),
        atomic_files(tmp_path / "x", tmp_path / "y") as (one, _),
    ):
        one.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (tmp_path / "x").read_text() == "old"
    assert here(tmp_path) == ["x"]


def test_what_was_not_about_the_output_is_no_fault_of_it(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_files(tmp_path / "x"):
        (tmp_path / "none").read_text()


@posix
def test_of_files_that_belong_together_never_is_one_new_beside_one_old(tmp_path, monkeypatch):
    """Die at every call that changes a folder."""
    deaths = Deaths()

    for fatal in range(20):
        for name in ("a", "b", "c"):
            (tmp_path / name).write_text("old")
        deaths.left = fatal
        with monkeypatch.context() as patch:
            for name in ("replace", "unlink", "chmod"):
                patch.setattr(Path, name, deaths.at(getattr(Path, name)))
            try:
                with atomic_files(*(tmp_path / name for name in "abc")) as temporaries:
                    for one in temporaries:
                        one.write_text("new")
            except SystemExit:
                pass
        found = {(tmp_path / name).read_text() for name in "abc" if (tmp_path / name).exists()}
        assert len(found) == 1, (fatal, found)
        assert (tmp_path / "a").exists()
    assert found == {"new"}


@posix
def test_what_was_left_by_who_was_killed_is_removed(tmp_path):
    script = (
        "import os, sys\nfrom faceaudit.files import atomic_file\n"
        "with atomic_file(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    out = tmp_path / "x.json"
    done = subprocess.run([sys.executable, "-c", script, str(out)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [path.read_text() for path in tmp_path.iterdir()] == ["half"]
    with atomic_files(out) as (held,):
        # Another's that is at it is not taken for one that was left.
        write_text(out, "whole")
        assert {path.name for path in tmp_path.iterdir()} == {"x.json", held.name}
    assert here(tmp_path) == ["x.json"]


@posix
@pytest.mark.parametrize("whose", ["ours", "another's", "behind a link"])
def test_folders_for_the_time_being_of_who_was_killed_are_removed(tmp_path, monkeypatch, whose):
    script = (
        "import os, sys\nfrom faceaudit.files import scratch_folder\n"
        "with scratch_folder() as folder:\n"
        "    (folder / 'upload').write_text('x')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    if whose == "another's":
        monkeypatch.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)
    if whose == "behind a link":
        (tmp_path / "mine").mkdir()
        left.rename(tmp_path / "mine" / left.name)
        left.symlink_to(tmp_path / "mine" / left.name)
    for _ in range(2):
        with scratch_folder() as held, scratch_folder() as other:
            assert held.is_dir() and other.is_dir() and held != other
            (other / "x").touch()
            # As another process that begins at this moment.
            with scratch_folder():
                assert held.is_dir() and (other / "x").exists()
        assert left.exists() == (whose != "ours")


def test_names_that_are_too_long_are_refused(tmp_path):
    with pytest.raises(FaceAuditError, match="cannot be written"):
        expect_writable(tmp_path / ("x" * 250))


def test_a_full_disk(folder, tmp_path):
    """A file system of one MB."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can mount")
    full = tmp_path / "full"
    full.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(full)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        (full / "most").write_bytes(bytes(2**20 - 2**14))
        done = run("audit", "s.csv", "-o", full / "out")
        assert done.exit_code == 2, done.output
        told = f"{full}/out/audit.json: cannot be written (No space left on device)"
        assert told in done.stderr and "Traceback" not in done.stderr
        assert here(full) == ["most", "out"]
        (full / "most").write_bytes(bytes(2**20))
        with pytest.raises(FaceAuditError, match="No space left"):
            expect_writable(full / "x")
        subprocess.run([*mount[:4], "remount,ro", "none", str(full)], check=True)
        with pytest.raises(FaceAuditError, match=r"cannot be written|read-only"):
            expect_writable(full / "x")
    finally:
        subprocess.run(["umount", str(full)], check=True)
