"""Another error rate is another entry of one table: everything else follows."""

from __future__ import annotations

import json
import subprocess
import sys

#: The share of the images called AI-generated that are real photographs.
SCRIPT = """
import json
from faceaudit.error_rates import ERROR_RATES, ErrorRate

ERROR_RATES["fdr"] = ErrorRate(
    id="fdr", short="FDR", name="false discovery rate", image="accused image",
    error="real in truth", column="real", verb="wrongly flags",
    label=None,
    events=lambda counts: counts.real_called_ai,
    n=lambda counts: counts.real_called_ai + counts.ai_called_ai,
)

import numpy as np
import pyarrow as pa

from faceaudit.runner import audit
from faceaudit.comparison.runner import compare
from faceaudit.report.html import render_html
from faceaudit.schema import DatasetInfo, ScoresInfo
from faceaudit.spec import Spec
from faceaudit.tables import Scores, validate

random = np.random.default_rng(3)
n = 4_000
is_ai = random.random(n) < 0.5
group = random.choice(["a", "b"], n)
table = pa.table({
    "image": [f"{i}.jpg" for i in range(n)],
    "label": np.where(is_ai, "ai", "real"),
    "dataset": ["drawn"] * n,
    "p_ai": np.where(random.random(n) < np.where(group == "a", 0.05, 0.3), ~is_ai, is_ai)
    .astype(np.float32),
    "group": group,
    "half": random.choice(["left", "right"], n),
})
info = ScoresInfo(datasets={"drawn": DatasetInfo(indexed=n)})
scores = Scores(validate(table, "scores", "drawn"), info)
spec = Spec(
    name="t", title="T", question="?", attributes=["group"], intersections=[["group", "half"]],
    limits={"fdr_gap": 0.1},
)
result = audit(scores, spec)
print(json.dumps({
    "broken": [check.id for check in result.checks if check.status == "error"],
    "verdicts": [
        [v.rate, v.status, v.value] for check in result.checks for v in check.verdicts
        if v.tags == ["group"]
    ],
    "shown": "FDR" in render_html(result),
    "moved": [
        [detail.kind, detail.by_threshold is not None]
        for check in result.checks for detail in check.details
        if check.id == "group-error-rates" and "ccused images" in getattr(detail, "measure", "")
    ],
    "compared": compare([scores, scores]).status,
    "wrong": [int((~is_ai & (group == g) & (table["p_ai"].to_numpy() >= 0.5)).sum()) for g in "ab"],
    "accused": [int(((group == g) & (table["p_ai"].to_numpy() >= 0.5)).sum()) for g in "ab"],
}))
"""


def test_another_error_rate_is_one_entry() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=True, stdout=subprocess.PIPE, text=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["broken"] == []
    assert found["shown"]
    assert found["compared"] == "info"
    # Its denominator moves with the threshold: what shows n without moving it stays as audited.
    assert found["moved"] == [["forest", False]]
    verdicts = {rate: (status, value) for rate, status, value in found["verdicts"]}
    assert set(verdicts) == {"fpr", "fnr", "fdr"}
    a, b = (x / n for x, n in zip(found["wrong"], found["accused"], strict=True))
    assert verdicts["fdr"] == ("fail", b - a)
