"""CONTRIBUTING.md's steps are one file each, and work: in this tree, and as another's package."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
#: Path -> content of the files to add, and the entry to add to a table.
FILES = dict(re.findall(r"^```python file=(\S+)\n(.*?)^```$", TEXT, re.M | re.S))
ENTRIES = dict(re.findall(r"^```python entry=(\S+)\n(.*?)^```$", TEXT, re.M | re.S))
MODULES = {Path(path).stem: code for path, code in FILES.items() if path.startswith("src/")}
POINTS = tomllib.loads(re.search(r"^```toml\n(.*?)^```$", TEXT, re.M | re.S)[1])
RUN = """
import sys
from faceaudit.cli import main
for line in sys.stdin.read().splitlines():
    try:
        main(line.split())
    except SystemExit as end:
        assert end.code == 0, (line, end.code)
"""


def run(command, folder, path, **options):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        **options,
    )


def test_each_step_is_one_file_of_this_tree_and_its_test(tmp_path):
    for name in ("src", "tests", "audits"):
        shutil.copytree(ROOT / name, tmp_path / name, copy_function=os.symlink)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, code in FILES.items():
        assert not (ROOT / name).exists(), f"{name} is there already"
        (tmp_path / name).write_text(code)
    for name, code in ENTRIES.items():
        (tmp_path / name).unlink()
        entry = f"{textwrap.indent(code.rstrip(), ' ' * 8)},\n    )\n}}\n"
        (tmp_path / name).write_text((ROOT / name).read_text().removesuffix("    )\n}\n") + entry)
    tests = [name for name in FILES if name.startswith("tests/")]
    assert len(tests) == 6
    done = run(["-m", "pytest", "-p", "no:cacheprovider", *tests], tmp_path, [tmp_path / "src"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(tests)} passed" in done.stdout


@pytest.fixture
def package(tmp_path):
    """A folder in which somebody's package with all five doors is installed."""
    site = tmp_path / "site"
    (site / "my_package").mkdir(parents=True)
    for name, code in MODULES.items():
        (site / "my_package" / f"{name}.py").write_text(code)
    metadata = site / "my_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    groups = POINTS["project"]["entry-points"].items()
    (metadata / "entry_points.txt").write_text(
        "".join(
            f"[{door}]\n" + "".join(f"{name} = {at}\n" for name, at in named.items())
            for door, named in groups
        )
    )
    return site


def test_a_package_of_another_adds_one_of_each(package, tmp_path):
    for label, grey in (("real", 20), ("ai", 220)):
        (tmp_path / "set" / "faces").mkdir(parents=True, exist_ok=True)
        for i in range(3):
            picture = Image.new("RGB", (9, 9), (grey + i,) * 3)
            picture.save(tmp_path / "set" / "faces" / f"{label == 'ai':d}00{i}.png")
    (tmp_path / "spec.yaml").write_text(
        "{name: t, title: T, question: '?', attributes: [brightness], checks: {called-ai: {}}}"
    )
    lines = """
        datasets
        checks
        index cartoons set -o manifest.parquet --brightness
        score greyness:0.7 manifest.parquet -o scores.parquet --no-find-faces
        audit scores.parquet --spec spec.yaml -o out
        report out/audit.json --format lines
    """
    source = Path(__import__("faceaudit").__file__).parents[1]
    done = run(["-c", RUN], tmp_path, [package, source], input=lines.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cartoons" in done.stdout
    assert "smallest: whole number; default 1. Groups with fewer" in " ".join(done.stdout.split())
    assert (tmp_path / "out" / "report.txt").read_text() == (
        "info\tBy brightness, light is called AI-generated most often: 100.0 %.\n"
    )
