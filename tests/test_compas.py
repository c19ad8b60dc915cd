"""A table of another field, by the figures that another toolkit published of it.

Aequitas' example is the table of COMPAS scores that ProPublica published: 7,214 people, a call of
high risk (0 or 1) and whether there was a new charge within two years, under headings of its own.
``compas_counts.csv`` has its counts by race, sex and age; what is expected stands in Aequitas'
documentation (``docs/_sources/examples/compas_demo.ipynb.txt`` of the repository dssg/aequitas, MIT
licence), which computed it from the rows.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import faceaudit as fa
from faceaudit.cli import main

TAGS = ["race", "sex", "age_cat"]
#: How Aequitas calls what we call something else.
MAPPING = {"image": "entity_id", "label": "label_value", "p_ai": "score"}
#: Of each group: true and false negatives, false and true positives; tpr, tnr and pprev (the share
#: called positive), of two digits; fpr and fnr over those of the group of reference.
PUBLISHED = {
    ("race", "African-American"): (990, 532, 805, 1369, 0.72, 0.55, 0.59, 1.912093, 0.586416),
    ("race", "Asian"): (21, 3, 2, 6, 0.67, 0.91, 0.25, 0.370749, 0.698482),
    ("race", "Caucasian"): (1139, 461, 349, 505, 0.52, 0.77, 0.35, 1, 1),
    ("race", "Hispanic"): (318, 129, 87, 103, 0.44, 0.79, 0.30, 0.915887, 1.165140),
    ("race", "Native American"): (5, 1, 3, 9, 0.90, 0.62, 0.67, 1.598854, 0.209544),
    ("race", "Other"): (208, 90, 36, 43, 0.32, 0.85, 0.21, 0.629057, 1.417970),
    ("sex", "Female"): (609, 195, 288, 303, 0.61, 0.68, 0.42, 0.990343, 1.055810),
    ("sex", "Male"): (2072, 1021, 994, 1732, 0.63, 0.68, 0.47, 1, 1),
    ("age_cat", "25 - 45"): (1479, 706, 741, 1183, 0.63, 0.67, 0.47, 1, 1),
    ("age_cat", "Greater than 45"): (897, 285, 181, 213, 0.43, 0.83, 0.25, 0.503031, 1.531238),
    ("age_cat", "Less than 25"): (305, 225, 360, 639, 0.74, 0.46, 0.65, 1.621868, 0.696781),
}
REFERENCE = {"race": "Caucasian", "sex": "Male", "age_cat": "25 - 45"}


def expanded():
    """Make one row a person of the counts, in the columns of Aequitas' table."""
    counts = pd.read_csv(Path(__file__).with_name("compas_counts.csv"))
    cells = counts.melt(TAGS, ["tn", "fp", "fn", "tp"], "cell", "n")
    rows = cells.loc[cells.index.repeat(cells["n"])].reset_index(drop=True)
    rows["entity_id"] = rows.index + 1
    rows["score"] = rows["cell"].isin(["fp", "tp"]).astype(float)
    rows["label_value"] = rows["cell"].isin(["fn", "tp"]).astype(int)
    return rows[["entity_id", "score", "label_value", *TAGS]]


def check_published(result):
    """Hold every figure of a result against what is published."""
    rows = result.groups.set_index(["tag", "group", "rate"])
    frames = {tag: result.metric_frame(tag).by_group for tag in TAGS}
    for (tag, group), figures in PUBLISHED.items():
        tn, fn, fp, tp, tpr, tnr, pprev, fpr_ratio, fnr_ratio = figures
        fpr, fnr = (rows.loc[tag, group, rate] for rate in ("fpr", "fnr"))
        assert (fpr["errors"], fpr["n"], fnr["errors"], fnr["n"]) == (fp, fp + tn, fn, fn + tp)
        assert (fpr["value"], fnr["value"]) == (fp / (fp + tn), fn / (fn + tp))
        frame = frames[tag].loc[group]
        shares = (1 - fnr["value"], 1 - fpr["value"], frame["selection_rate"])
        assert shares == pytest.approx((tpr, tnr, pprev), abs=0.00501)
        assert frame["count"] == tn + fn + fp + tp
        ratios = (
            of["value"] / rows.loc[tag, REFERENCE[tag], rate]["value"]
            for of, rate in ((fpr, "fpr"), (fnr, "fnr"))
        )
        assert tuple(ratios) == pytest.approx((fpr_ratio, fnr_ratio), abs=0.51e-6)


def command(table, out):
    """Audit a table as Aequitas has it, with what its headings and labels mean."""
    mapping = [word for pair in MAPPING.items() for word in ("--map", "=".join(pair))]
    audit = ["audit", str(table), *mapping, "--ai-label", "1", "-o", str(out)]
    run = CliRunner().invoke(main, audit, catch_exceptions=False)
    assert run.exit_code == 0, run.output
    return fa.read(out / "audit.json")


def test_the_command_line_gives_what_aequitas_published(tmp_path):
    expanded().to_csv(tmp_path / "compas.csv", index=False)
    result = command(tmp_path / "compas.csv", tmp_path / "out")
    check_published(result)
    assert result.spec["attributes"] == [*TAGS, "race_coarse"]
    assert any(note.startswith("Every score is 0 or 1") for note in result.limitations)


def test_a_call_gives_what_aequitas_published():
    spec = {"attributes": TAGS, "checks": ["group-error-rates"]}
    check_published(fa.audit(expanded(), spec, mapping=MAPPING, ai_label=1))
    rows = expanded()
    by_arrays = fa.audit(
        None,
        spec,
        y_true=rows["label_value"],
        y_pred=rows["score"].astype(int),
        sensitive_features=rows[TAGS],
    )
    check_published(by_arrays)


def test_the_whole_table(tmp_path):
    """Set FACEAUDIT_COMPAS to ``examples/data/compas_for_aequitas.csv`` of dssg/aequitas."""
    path = Path(os.environ.get("FACEAUDIT_COMPAS", ""))
    if not path.is_file():
        pytest.skip("Aequitas' example table is not here: set FACEAUDIT_COMPAS to it")
    check_published(command(path, tmp_path))
    cells = [*TAGS, "label_value", "score"]
    counts = [rows.value_counts(cells).to_dict() for rows in (pd.read_csv(path), expanded())]
    assert counts[0] == counts[1]
