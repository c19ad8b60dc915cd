"""A package of somebody else's adds a data set and a tag, one file each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from faceaudit.datasets import all_datasets
from faceaudit.errors import FaceAuditError
from faceaudit.tags.base import all_tags
from tests.datasets.planted import plant

SKETCHES = """
from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.sources import base_name
from faceaudit.datasets.tagfiles import own_csv

class Sketches(Dataset):
    id = "sketches"
    title = "Sketched Faces"
    label = "ai"
    licence = "CC0"
    home = "https://example.org/sketches"
    layout = "faces/0001.png; optional hats.csv (file, hat)"
    tags = {"hat": "by the publishers"}

    def open(self):
        self.use(own_csv(self.files, "hats.csv"))

    def read(self, path):
        if not base_name(path)[:4].isdigit():
            raise Reject("malformed name", "it is not 0001.png")
        return Tagged("ai", self.look_up(base_name(path)))
"""
PALENESS = """
from faceaudit.tags.base import Tag

def look(face):
    grey = face.pixels.mean()
    return {"paleness": "dark" if grey < 99 else "light", "grey": grey}

TAG = Tag(
    "paleness",
    values=("light", "dark"),
    look=look,
    beside=("grey",),
    source="derived from the mean of all pixels",
    help="Derive whether the picture is dark.",
)
"""
RUN = """
import json, sys
from faceaudit.cli import main
from faceaudit.tables import read_manifest
from faceaudit.tags.vocabulary import NUMERIC_TAGS, group_order, standard
try:
    main(["index", "sketches", sys.argv[1], "-o", sys.argv[2], "--paleness"])
except SystemExit as end:
    assert end.code == 0, end.code
manifest = read_manifest(sys.argv[2])
print(json.dumps([
    manifest.table.select(["image", "hat", "paleness"]).to_pylist(),
    manifest.info.tag_sources["paleness"],
    group_order("paleness", ["dark", "light"]),
    standard("paleness", " DARK"),
    "grey" in NUMERIC_TAGS,
]))
"""


def installed(folder: Path, code: dict[str, str], points: str) -> dict[str, str]:
    """An environment in which a package of these modules and entry points is installed."""
    metadata = folder / "others-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(points)
    for name, text in code.items():
        (folder / f"{name}.py").write_text(text)
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {"PYTHONPATH": path, "XDG_STATE_HOME": str(folder / "state")}


def test_a_data_set_and_a_tag_of_another_package(tmp_path):
    root = plant(tmp_path / "set", "faces/0001.png", "faces/0002.png", "cover.png")
    (root / "hats.csv").write_text("file,hat\n0001.png,red\n")
    points = (
        "[faceaudit.datasets]\nsketches = sketches:Sketches\n"
        "[faceaudit.tags]\npaleness = paleness:TAG\n"
    )
    environment = installed(tmp_path / "site", {"sketches": SKETCHES, "paleness": PALENESS}, points)
    command = [sys.executable, "-c", RUN, str(root), str(tmp_path / "m.parquet")]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    rows, source, order, read, number = json.loads(run.stdout.splitlines()[-1])
    assert rows == [
        {"image": "faces/0001.png", "hat": "red", "paleness": "light"},
        {"image": "faces/0002.png", "hat": None, "paleness": "light"},
    ]
    assert source == {"sketches": "derived from the mean of all pixels"}
    assert (order, read, number) == (["light", "dark"], "dark", True)


@pytest.mark.parametrize(
    ("door", "value", "told"),
    [
        (
            "datasets",
            "faceaudit.datasets.utkface:UTKFace",
            "a plug-in's DATASET is called 'utkface', as another is; rename or uninstall it",
        ),
        (
            "tags",
            "faceaudit.tags.age:TAG",
            "a plug-in's TAG is called 'age_band', as another is; rename or uninstall it",
        ),
        ("datasets", "json:loads", "is no DATASET: it has no id"),
        ("tags", "gone:GONE", "(gone:GONE) cannot be loaded: No module named 'gone'; mend or"),
    ],
)
def test_a_plug_in_that_cannot_be_used_is_refused_in_one_line(door, value, told, monkeypatch):
    added = EntryPoint("x", value, f"faceaudit.{door}")
    monkeypatch.setattr(
        "faceaudit.plugins.entry_points", lambda group: [added] if group == added.group else []
    )
    known = {"datasets": all_datasets, "tags": all_tags}[door]
    with pytest.raises(FaceAuditError) as refused:
        known.__wrapped__()
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
