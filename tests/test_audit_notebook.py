"""docs/audit.ipynb: it runs, shows what it promises, and is kept without outputs."""

from __future__ import annotations

import pytest

from tests.documents import ROOT

nbformat = pytest.importorskip("nbformat", reason="the notebook needs nbformat: faceaudit[dev]")
nbclient = pytest.importorskip("nbclient", reason="the notebook needs nbclient: faceaudit[dev]")
pytest.importorskip("ipykernel", reason="the notebook needs ipykernel: faceaudit[dev]")
pytest.importorskip("plotly", reason="the notebook needs plotly: faceaudit[notebook]")

PATH = ROOT / "docs" / "audit.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    notebook = nbformat.read(PATH, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    # Raises what a cell raises.
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(folder))
    assert not list(folder.iterdir()), "it writes nothing"
    return notebook


def outputs(notebook):
    return [out for cell in notebook.cells for out in cell.get("outputs", [])]


def test_every_cell_runs_and_shows_what_the_words_promise(executed):
    shown = outputs(executed)
    assert {out.output_type for out in shown} <= {"execute_result", "display_data", "stream"}
    assert not [out.text for out in shown if out.get("name") == "stderr"]
    kinds = [kind for out in shown for kind in out.get("data", ())]
    assert kinds.count("application/vnd.plotly.v1+json") == 1
    assert not [kind for kind in kinds if kind.startswith("image/")]
    pages = [out.data["text/html"] for out in shown if "text/html" in out.get("data", ())]
    assert sum('class="faceaudit"' in page for page in pages) == 3
    assert not [page for page in pages if "<img" in page or "data:image" in page]
    words = [out.data["text/plain"] for out in shown if "text/plain" in out.get("data", ())]
    assert max(map(len, words)) < 3000, "nothing is told at length"


def test_what_it_says_of_the_numbers_holds(executed):
    told = outputs(executed)
    (series,) = [
        out.data["text/plain"]
        for out in told
        if "fairlearn's difference" in str(out.get("data", {}).get("text/plain"))
    ]
    numbers = {
        name.strip(): float(value)
        for name, _, value in (line.rpartition(" ") for line in series.splitlines()[:4])
    }
    # fairlearn's takes small groups in: it is larger than the gap of large ones.
    assert numbers["fairlearn's difference"] > numbers["gap of large groups"]
    assert numbers["its lower end"] <= numbers["gap of large groups"] <= numbers["its upper end"]
    text = "".join(out.text for out in told if out.output_type == "stream")
    assert "8 of 8 gaps are undecided" in text and "exit with 3" in text


def test_it_is_kept_without_outputs():
    cells = nbformat.read(PATH, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert len(code) > 10
    assert not [cell for cell in code if cell.outputs or cell.execution_count]
