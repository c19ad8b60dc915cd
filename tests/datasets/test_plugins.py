"""A package of somebody else's adds a data set and a tag, one file each."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from faceaudit.cli import main
from faceaudit.datasets import all_datasets, index
from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.derivation import add_tags
from faceaudit.errors import FaceAuditError
from faceaudit.schema import FIXED_COLUMNS
from faceaudit.tables import read_manifest
from faceaudit.tags.base import INDEX_WORDS, Tag, all_tags, picture_tags
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


class Bare(Dataset):
    id, title, label, layout = "bare", "Bare Faces", "ai", "any"

    def read(self, path):
        return Tagged("ai", {})


def look(face):
    return {}


WIDTH, OUT, TWO = (Tag(name, look=look) for name in ("width", "out", "two words"))


def test_all_words_of_index_are_known():
    keywords = set(inspect.signature(index).parameters) - {"derive"}
    options = {name for one in main.commands["index"].params for name in (one.name, *one.opts)}
    words = {name.lstrip("-").replace("-", "_") for name in keywords | options} - {"o"}
    assert words <= {*INDEX_WORDS, *FIXED_COLUMNS, *picture_tags()}


def test_two_modules_of_the_tree_with_one_name_are_refused(monkeypatch):
    monkeypatch.setattr("faceaudit.tags.age.TAG", Tag("race_coarse"))
    told = (
        "the TAG of faceaudit.tags.race is called 'race_coarse', as that of faceaudit.tags.age is"
    )
    with pytest.raises(FaceAuditError, match=told):
        all_tags.__wrapped__()


def gives(answer):
    """A function that returns, or raises, `answer`."""

    def answers(*given):
        if isinstance(answer, Exception):
            raise answer
        return answer

    return answers


@pytest.mark.parametrize(
    ("method", "answer", "told"),
    [
        ("open", KeyError("hat"), "KeyError: 'hat'"),
        ("read", ValueError("a\nb"), "ValueError: a b"),
        ("read", None, "TypeError: read gave None of '1.png' and no Tagged"),
        ("read", Tagged("ai", {"hat": object()}), "ArrowTypeError: Expected bytes, got"),
        ("remarks", OSError("full"), "OSError: full"),
    ],
)
def test_a_fault_of_a_data_set_is_told_in_one_line(method, answer, told, tmp_path, monkeypatch):
    methods = {"licence": "CC0", "tags": {"hat": "?"}, method: gives(answer)}
    kind = type("Faulty", (Bare,), methods)
    monkeypatch.setattr("faceaudit.datasets.indexing.get_dataset", gives(kind))
    root = plant(tmp_path / "set", "1.png")
    with pytest.raises(FaceAuditError) as refused:
        index("bare", root, tmp_path / "m.parquet")
    assert str(refused.value).startswith(f"the data set 'bare' (module {__name__}) failed: {told}")
    assert "\n" not in str(refused.value)
    assert isinstance(refused.value.__cause__, Exception)
    assert not (tmp_path / "m.parquet").exists()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (RuntimeError("dark"), "RuntimeError: dark"),
        (None, "TypeError: 'NoneType' object is not"),
        ({"hat": 0.5}, "ValueError: look gave 0.5; the values are red, blue"),
        ({"hat": "Red"}, "ValueError: look gave 'Red'; the values are red, blue"),
        ({"grey": "x"}, "Arrow"),
    ],
)
def test_a_fault_of_a_tag_is_told_in_one_line(answer, told, tmp_path, monkeypatch):
    tag = Tag("hat", values=("red", "blue"), look=gives(answer), beside=("grey",))
    monkeypatch.setattr("faceaudit.datasets.derivation.picture_tags", lambda: {"hat": tag})
    monkeypatch.setattr("faceaudit.tags.vocabulary.NUMERIC_TAGS", {"grey"})
    index("folder", plant(tmp_path / "set", "1.png"), tmp_path / "m.parquet", label="ai")
    manifest = read_manifest(tmp_path / "m.parquet")
    with pytest.raises(FaceAuditError) as refused:
        add_tags(manifest, "hat")
    assert str(refused.value).startswith(f"the tag 'hat' (module {__name__}) failed: {told}")


@pytest.mark.parametrize(
    ("door", "value", "told"),
    [
        (
            "datasets",
            "faceaudit.datasets.utkface:UTKFace",
            "the DATASET of a package (faceaudit.datasets.utkface:UTKFace) is called 'utkface', "
            "as that of faceaudit.datasets.utkface is; rename or uninstall one",
        ),
        (
            "tags",
            "faceaudit.tags.age:TAG",
            "the TAG of a package (faceaudit.tags.age:TAG) is called 'age_band', as that of "
            "faceaudit.tags.age is; rename or uninstall one",
        ),
        ("datasets", "json:loads", "is no DATASET: it has no id"),
        ("datasets", "tests.datasets.test_plugins:Bare", "is no DATASET: it has no licence, home"),
        ("tags", "gone:GONE", "loaded: ModuleNotFoundError: No module named 'gone'; mend or"),
        ("tags", "json:JSONDecoder", "(json:JSONDecoder) is no TAG: it has no name"),
        *(
            ("tags", f"tests.datasets.test_plugins:{name}", f"is no TAG: {told}; rename it")
            for name, told in {
                "WIDTH": "'width' is a column of every table",
                "OUT": "'out' is another option of index",
                "TWO": "'two words' can be no option",
            }.items()
        ),
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
