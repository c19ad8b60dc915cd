"""The README's examples run as they stand."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from faceaudit.cli import main
from tests.documents import ROOT, blocks, write_files

README = ROOT / "README.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the README's files and a few drawn photographs."""
    folder = tmp_path_factory.mktemp("readme")
    write_files(README, folder)
    random = np.random.default_rng(0)
    for label in ("real", "ai"):
        (folder / "my-photos" / label).mkdir(parents=True)
        for i in range(20):
            pixels = random.integers(0, 255, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "my-photos" / label / f"{i}.jpg")
    return folder


def process(folder, line):
    """Run a line of the shell as a reader would type it."""
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def test_commands_and_python(folder, monkeypatch):
    """In order; the first as a process of its own, the others in this one."""
    pytest.importorskip("torch", reason="one of them scores: needs the extra 'model'")
    ran = 0
    monkeypatch.chdir(folder)
    for language, _, text in blocks(README):
        if language == "python":
            process(folder, f"{shlex.quote(sys.executable)} -c {shlex.quote(text)}")
            ran += 1
        for line in re.findall(r"^\$ (.*)$", text, re.M) if language == "console" else ():
            ran += 1
            if ran == 1:
                process(folder, line)
                continue
            command, _, code = line.partition(" || test $? -eq ")
            program, *arguments = shlex.split(command)
            done = CliRunner().invoke(main, arguments)
            assert program == "faceaudit"
            assert done.exit_code in {0, int(code or 0)}, f"{line}\n{done.output}"
    assert ran >= 13
    for name in ("out", "out-vendor", "out-glasses", "out-compare", "my-comparison"):
        assert (folder / name / "report.html").is_file()


def test_the_two_commands_are_targets():
    makefile = (README.parent / "Makefile").read_text()
    (sh,) = [text for language, _, text in blocks(README) if language == "sh"]
    for line in sh.splitlines():
        assert f"\n{line.split()[1]}:" in makefile


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target


def test_install_lines_name_no_index():
    """The package is on none, so a name of it alone would bring nothing, or another's."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    by_name = re.compile(r"pip install[^\n]*?['\" ]faceaudit\b")
    assert by_name.search("pip install 'faceaudit[web]'")
    assert [page.name for page in pages if by_name.search(page.read_text())] == []
