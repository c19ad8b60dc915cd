"""Time FPR and FNR by group in Aequitas or AIF360, for `stats_speed.py`.

It is run by an interpreter of its own, since these packages need not suit our environment::

    python benchmarks/other_toolkits.py aequitas|aif360 ROWS.csv

ROWS.csv has the columns group (an integer), label and called (0 or 1). Prints one line of JSON:
the processor seconds from the table in memory to the rates, and the rates.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd


def aequitas(rows: pd.DataFrame) -> tuple[float, dict[int, tuple[float, float]]]:
    from aequitas.group import Group

    table = rows.rename(columns={"label": "label_value", "called": "score"})
    table["group"] = table["group"].astype(str)
    start = time.process_time()
    crosstabs, _ = Group().get_crosstabs(table, attr_cols=["group"])
    seconds = time.process_time() - start
    columns = zip(crosstabs["attribute_value"], crosstabs["fpr"], crosstabs["fnr"], strict=True)
    return seconds, {int(group): (float(fpr), float(fnr)) for group, fpr, fnr in columns}


def aif360(rows: pd.DataFrame) -> tuple[float, dict[int, tuple[float, float]]]:
    from aif360.datasets import BinaryLabelDataset
    from aif360.metrics import ClassificationMetric

    table = rows[["group", "label"]].astype(float)
    groups = np.unique(rows["group"])
    start = time.process_time()
    true = BinaryLabelDataset(df=table, label_names=["label"], protected_attribute_names=["group"])
    called = true.copy()
    called.labels = rows[["called"]].to_numpy(float)
    rates = {}
    for group in groups:
        others = [{"group": other} for other in groups if other != group]
        metric = ClassificationMetric(true, called, [{"group": group}], others)
        rates[int(group)] = (
            float(metric.false_positive_rate(privileged=False)),
            float(metric.false_negative_rate(privileged=False)),
        )
    return time.process_time() - start, rates


if __name__ == "__main__":
    toolkit = {"aequitas": aequitas, "aif360": aif360}[sys.argv[1]]
    seconds, rates = toolkit(pd.read_csv(sys.argv[2]))
    print(json.dumps({"seconds": seconds, "rates": rates}))
