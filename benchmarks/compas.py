"""Hold an audit of Aequitas' COMPAS table against fairlearn and Aequitas on its rows.

The table is ``examples/data/compas_for_aequitas.csv`` of the repository dssg/aequitas; PYTHON is an
interpreter that has Aequitas, which need not suit our environment::

    python benchmarks/compas.py compas_for_aequitas.csv [--aequitas PYTHON]

Prints a Markdown table: how many numbers were compared, and the largest difference.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import pandas as pd
from fairlearn import metrics
from sklearn.metrics import accuracy_score

import faceaudit as fa
from faceaudit.notebook import Result
from faceaudit.wording import attributes_title

GROUPINGS = (["race"], ["sex"], ["age_cat"], ["race", "sex"])
METRICS = {
    "false_positive_rate": metrics.false_positive_rate,
    "false_negative_rate": metrics.false_negative_rate,
    "accuracy": accuracy_score,
    "count": metrics.count,
}


def audited(table: Path) -> Result:
    """Audit the table as it is."""
    spec = {"attributes": ["race", "sex", "age_cat"], "intersections": [["race", "sex"]]}
    mapping = {"image": "entity_id", "label": "label_value", "p_ai": "score"}
    return fa.audit(table, spec, mapping=mapping, ai_label=1)


def ours(result: Result, tags: list[str]) -> pd.DataFrame:
    """Read the audit's own table of error rates, by the groups' names."""
    table = result.table(f"Error rates by {attributes_title(tags)}")
    return pd.DataFrame(
        {
            "false_positive_rate": table["called AI (FPR)"],
            "false_negative_rate": table["called real (FNR)"],
            "accuracy": table["called rightly"],
            "count": table["real photographs"] + table["AI-generated faces"],
        }
    ).set_axis(table.iloc[:, 0])


def by_fairlearn(rows: pd.DataFrame, tags: list[str]) -> pd.DataFrame:
    """Give the measures of each group in one order."""
    truth, called, features = rows["label_value"], rows["score"].astype(int), rows[tags]
    frame = metrics.MetricFrame(
        metrics=METRICS, y_true=truth, y_pred=called, sensitive_features=features
    )
    return frame.by_group.dropna().sort_index()


def by_aequitas(rows: pd.DataFrame, tags: list[str], python: str) -> pd.DataFrame:
    """Give FPR and FNR of each group, in the same order."""
    group = rows.groupby(tags)
    table = pd.DataFrame(
        {"group": group.ngroup(), "label": rows["label_value"], "called": rows["score"].astype(int)}
    )
    toolkits = Path(__file__).with_name("other_toolkits.py")
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        table.to_csv(file, index=False)
        file.flush()
        command = [python, str(toolkits), "aequitas", file.name]
        printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    rates = json.loads(printed.splitlines()[-1])["rates"]
    names = ["false_positive_rate", "false_negative_rate"]
    by_number = pd.DataFrame.from_dict(rates, orient="index", columns=names)
    by_number.index = by_number.index.astype(int)
    return by_number.sort_index().set_axis(group.size().index)


def row(toolkit: str, tags: list[str], theirs: pd.DataFrame, of_ours: pd.DataFrame) -> str:
    """Say how far two frames are apart where there is anything to compare."""
    names = [" × ".join(of) if len(tags) > 1 else of for of in theirs.index]
    apart = (of_ours.loc[names, theirs.columns].astype(float) - theirs.set_axis(names)).abs()
    n = f"{len(theirs)} | {theirs.shape[1]} | {int(apart.notna().sum().sum())}"
    return f"| {toolkit} | {attributes_title(tags)} | {n} | {apart.max().max():.0g} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--aequitas", metavar="PYTHON")
    chosen = parser.parse_args()
    rows, result = pd.read_csv(chosen.table), audited(chosen.table)
    print("| toolkit | by | groups | measures | numbers | largest difference |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for tags in GROUPINGS:
        of_ours = ours(result, tags)
        print(row("fairlearn", tags, by_fairlearn(rows, tags), of_ours))
        if chosen.aequitas:
            print(row("Aequitas", tags, by_aequitas(rows, tags, chosen.aequitas), of_ours))
