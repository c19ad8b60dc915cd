"""Recorded predictions of a benchmark of others: its published numbers come out of an audit.

The package ``deepsafe-bench`` (PyPI, PolyForm-Noncommercial) is no dependency; nothing of it is in
this repository.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import faceaudit as fa
from faceaudit.cli import main

FOUND = importlib.util.find_spec("deepsafe")
pytestmark = pytest.mark.skipif(FOUND is None, reason="needs the package deepsafe-bench")
MAPPING = {"image": "id", "p_ai": "ensemble_score"}


@pytest.fixture(scope="module")
def recorded():
    return Path(FOUND.origin).parent / "assets/predictions_medium.csv.gz"


def asked(*attributes, **more):
    checks = {"checks": ["group-error-rates"]} | more
    return {"name": "t", "title": "T", "question": "?", "attributes": [*attributes], **checks}


def shares(result):
    """Recall on fakes and false positive rate, as its README writes them."""
    rates = {of.rate: of.events / of.n for of in result.answer.overall}
    return f"{1 - rates['fnr']:.1%}", f"{rates['fpr']:.1%}"


def test_recall_and_false_positive_rate_of_its_readme(recorded):
    """Its README: recall on fakes 66.2 %, false positive rate 6.5 %, of 15,499 samples."""
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(recorded)
    table = table[table["ensemble_verdict"] != "undetermined"]  # 3 of them
    result = fa.audit(
        y_true=table["label"],
        y_pred=table["ensemble_verdict"],
        sensitive_features=table[["modality"]],
        pos_label="fake",
        spec=asked("modality"),
    )
    assert shares(result) == ("66.2%", "6.5%")


def test_its_file_is_audited_as_it_is(recorded, tmp_path):
    """Seven fakes have a score of exactly 0.5, which its verdict does not call fake."""
    told = [option for pair in MAPPING.items() for option in ("--map", "=".join(pair))]
    (tmp_path / "spec.yaml").write_text(json.dumps(asked("modality")))
    call = ["audit", str(recorded), "-o", str(tmp_path), "--spec", str(tmp_path / "spec.yaml")]
    done = CliRunner().invoke(main, [*call, *told])
    assert done.exit_code == 0, done.output
    found = fa.read(tmp_path / "audit.json")
    assert {(of.rate, of.n, of.events) for of in found.answer.overall} == {
        ("fpr", 6_999, 457),
        ("fnr", 8_500, 2_865),
    }
    assert shares(found) == ("66.3%", "6.5%")


@pytest.mark.parametrize(
    ("modality", "auc"), [("images", 94.66), ("audio", 82.90), ("video", 66.94)]
)
def test_auc_of_its_readme(modality, auc, recorded):
    spec = asked("modality", checks=["ranking"], rows=f"modality == '{modality}'")
    result = fa.audit(recorded, spec, mapping=MAPPING)
    (check,) = (of for of in result.checks if of.id == "ranking")
    (value,) = re.findall(r"in ([\d.]+).% of all pairs", check.sentence)
    assert float(value) == pytest.approx(auc, abs=0.051)  # told with one digit


def test_generators_of_its_readme(recorded):
    """Its README: Hunyuan 1.7 %, Sora 7.0 %, Veo 8.0 % and Kling 12.0 % are caught.

    There a score of 0.5 does count as fake.
    """
    groups = fa.audit(recorded, asked("generator"), mapping=MAPPING, threshold=0.5).groups
    missed = groups[groups["rate"] == "fnr"].set_index("group")["value"]
    caught = {name: f"{1 - missed[name]:.1%}" for name in ("hunyuan", "sora", "veo", "kling")}
    assert caught == {"hunyuan": "1.7%", "sora": "7.0%", "veo": "8.0%", "kling": "12.0%"}
    assert missed["midjourney_v5"] == missed["glide"] == 0
