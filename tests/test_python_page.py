"""What docs/python.md says: its examples run and are typed, and importing costs nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest
import sklearn

from tests.documents import ROOT, blocks

PAGE = ROOT / "docs" / "python.md"
EXAMPLES = [text for language, _, text in blocks(PAGE) if language == "python"]


@pytest.fixture
def routing():
    before = sklearn.get_config()
    yield
    sklearn.set_config(**before)


def test_the_examples_run_in_order(tmp_path, monkeypatch, routing):
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for text in EXAMPLES:
        if "fa.score(" not in text or find_spec("torch"):
            exec(compile(text, str(PAGE), "exec"), names)
    assert len(EXAMPLES) >= 5
    assert (tmp_path / "out" / "report.html").is_file()


def test_the_examples_are_typed(tmp_path):
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text("\n".join(EXAMPLES) + "\nreveal_type(result)\nfa.audit(df, spec=3)\n")
    # With the options of the linter alone: with others, each would throw away the other's cache.
    done = subprocess.run(
        [sys.executable, "-m", "mypy", script], capture_output=True, text=True, cwd=ROOT
    )
    # What comes from the cache names the folder of the run that filled it.
    told = [line for line in done.stdout.splitlines() if f"/{script.name}:" in line]
    assert 'note: Revealed type is "faceaudit.notebook.Result"' in told[0]
    (error,) = [line for line in told if ": error: " in line]
    assert 'Argument "spec"' in error


def test_importing_costs_next_to_nothing():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import faceaudit"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    assert "faceaudit" in loaded
    assert loaded & {"pandas", "numpy", "pyarrow", "pydantic", "torch", "sklearn"} == set()
