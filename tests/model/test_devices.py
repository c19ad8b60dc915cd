"""Training and scoring on an accelerator, as far as a machine without one can tell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import ROOT
from tests.model.test_team import OPTIONS, launched
from tests.pictures import draw_dataset

torch = pytest.importorskip("torch", reason="needs the extra 'model'")
pretending = "_setup_privateuseone_for_python_backend"
pytestmark = pytest.mark.skipif(
    not hasattr(pytest.importorskip("torch.utils.backend_registration"), pretending),
    reason="this torch knows no device that is made in Python",
)


def test_on_a_pretended_accelerator():
    # In a process of its own: torch keeps a device for good.
    words = ["-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", "tests/model/on_device.py"]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout and "skipped" not in done.stdout, done.stdout


def test_two_processes_on_an_accelerator_each_learn_what_they_learn_on_processors(tmp_path):
    from safetensors.torch import load_file

    from faceaudit.model.records import read_record

    manifest = draw_dataset(tmp_path, 40, 40)
    program = Path(__file__).with_name("train_on_two.py")
    begin = f"torchrun --standalone --nproc-per-node 2 {program} train {manifest} {OPTIONS}"
    path = os.pathsep.join(map(str, (ROOT, ROOT / "src")))
    for name, said in (("here", {"HIDDEN": "1"}), ("there", {})):
        done = launched(f"{begin} -o {tmp_path / name}", PYTHONPATH=path, **said)
        assert done.returncode == 0, done.stderr
    records = [read_record(tmp_path / name).training for name in ("here", "there")]
    assert [of.device for of in records] == ["cpu", "pretended (no card)"]
    assert [of.processes for of in records] == [2, 2]
    here, there = (load_file(tmp_path / name / "model.safetensors") for name in ("here", "there"))
    for name, tensor in here.items():
        torch.testing.assert_close(there[name], tensor, atol=4e-3, rtol=4e-3)
