"""Tables in memory are read as files are: the same result, the same refusals."""

from __future__ import annotations

import inspect
import io
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

import faceaudit as fa
from faceaudit import bundled
from faceaudit.errors import FaceAuditError
from faceaudit.tables import read_scores

pd = pytest.importorskip("pandas")
N = 600


@pytest.fixture(scope="module")
def text():
    """Scores as CSV: foreign labels, an empty cell in two tags, numbers, a date."""
    random = np.random.default_rng(0)
    label = random.choice(["real", "fake"], N, p=[0.6, 0.4])
    p_ai = np.clip((label == "fake") * 0.6 + random.normal(0.2, 0.2, N), 0, 1).round(4)
    gender, hat = random.choice(["f", "m", ""], N), random.choice(["yes", "no", ""], N)
    age = random.integers(1, 90, N)
    rows = zip(label, p_ai, gender, hat, age, strict=True)
    lines = [f"d/{i}.jpg,{','.join(map(str, row))},2024-05-01" for i, row in enumerate(rows)]
    return "\n".join(["image,label,p_ai,gender,hat,age,taken", *lines]) + "\n"


@pytest.fixture
def frame(text):
    return pd.read_csv(io.StringIO(text))


def facts(result):
    """All of a result, a line each, but when it was made."""
    told = json.dumps(result.model_dump(mode="json", exclude={"created"}), indent=0)
    # The file is called as a table in memory is.
    return re.sub(r"the scores\.(csv|parquet)", "the scores", told).splitlines()


def polars_frame(frame):
    return pytest.importorskip("polars").from_pandas(frame)


@pytest.mark.parametrize("spec", [["gender", "hat"], None, {"attributes": ["gender"], "rate": "fpr"}])
def test_every_kind_of_table_gives_the_result_of_its_file(tmp_path, text, frame, spec):
    file = tmp_path / "the scores.csv"
    file.write_text(text)
    of_file = facts(fa.audit(file, spec))
    arrow = pa_csv.read_csv(
        io.BytesIO(text.encode()),
        convert_options=pa_csv.ConvertOptions(strings_can_be_null=True),
    )
    kinds = {
        "pandas": frame,
        "categories": frame.astype({"gender": "category", "hat": "category"}),
        "pyarrow": arrow,
        "dictionaries": arrow.set_column(3, "gender", arrow["gender"].dictionary_encode()),
        "polars": polars_frame(frame),
        "arrays": {name: frame[name].to_numpy() for name in frame},
        "by image": frame.set_index("image"),
        "filtered": pd.concat([frame, frame]).iloc[:N].sort_index(),
        "scores": read_scores(file),
    }
    assert len(of_file) > 1_000
    for kind, table in kinds.items():
        assert facts(fa.audit(table, spec)) == of_file, kind
