"""A result in a notebook: tables, fairlearn's frame, figures and what is shown of it."""

import json

import numpy as np
import pandas as pd
import pytest

from faceaudit import bundled
from faceaudit.comparison.runner import compare
from faceaudit.errors import FaceAuditError
from faceaudit.notebook import Findings, Result
from faceaudit.result import Forest, Heatmap, read_result, write_result
from faceaudit.runner import audit
from faceaudit.selection import select
from faceaudit.spec import find_spec
from faceaudit.tables import read_scores
from tests.report import invented
from tests.report.hostile import hostile


@pytest.fixture(scope="module")
def scores():
    return read_scores(bundled.recorded_scores("with-ffhq"))


@pytest.fixture(scope="module", params=["ffhq-glasses-age-gender", "fairface-demographics"])
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def audited(scores, name) -> Result:
    return Result.of(audit(scores, find_spec(name)))


@pytest.fixture(scope="module")
def rows(scores, name, audited) -> pd.DataFrame:
    """The images that the audit counts, as a table."""
    table = select(scores, find_spec(name)).scores.table.to_pandas()
    table = table[table["p_ai"].notna()]
    called = table["p_ai"] >= audited.scores[0].threshold
    return table.assign(ai=table["label"] == "ai", called=called)


@pytest.fixture(scope="module")
def compared(scores) -> Result:
    other = read_scores(bundled.recorded_scores("without-ffhq"))
    return Result.of(compare(other, scores, find_spec("recorded-comparison")))


def test_groups_are_the_counts_of_the_table_itself(audited, rows):
    groups = audited.groups
    assert groups.dtypes[["n", "errors"]].eq("Int64").all()
    assert groups.dtypes[["value", "low", "high"]].eq("float64").all()
    assert not groups.duplicated(["tag", "group", "rate"]).any()
    seen = 0
    for (tag, rate), found in groups.groupby(["tag", "rate"]):
        tags = tag.split(" × ")
        of_label = rows[(rows["ai"] == (rate == "fnr")) & rows[tags].notna().all(axis=1)]
        keys = of_label[tags].astype(str).agg(" × ".join, axis=1)
        n = keys.value_counts()
        wrong = keys[of_label["ai"] != of_label["called"]].value_counts()
        found = found.set_index("group")
        assert dict(n) == dict(found.n[found.n > 0])
        errors = found.errors[found.n > 0].fillna(0)
        assert dict(wrong) == dict(errors[errors > 0])
        known = found[found.n > 0]
        assert np.allclose(known.value, (known.errors / known.n).astype(float))
        assert (known.low <= known.value).all() and (known.value <= known.high).all()
        assert found[found.n == 0][["errors", "value", "low", "high"]].isna().all(axis=None)
        assert set(found[found.n == 0].status) <= {"not-estimable"}
        seen += len(found)
    assert seen == len(groups) > 40


def test_groups_are_the_rows_of_the_figures(audited):
    drawn = [
        (row.group, detail.rate, row.n, row.value, row.low, row.high)
        for check in audited.checks
        if check.id in ("group-error-rates", "intersections")
        for detail in check.details
        if isinstance(detail, Forest)
        for row in detail.rows
    ]
    groups = audited.groups
    told = set(groups[["group", "rate", "n", "value", "low", "high"]].itertuples(index=False))
    known = [row for row in drawn if row[3] is not None]
    assert known and set(known) <= told
    cells = sum(
        len(detail.rows) * len(detail.columns)
        for detail in audited.details
        if isinstance(detail, Heatmap)
    )
    assert len(drawn) + cells == len(groups)


def test_gaps_are_verdicts_with_their_groups_and_what_judges_nothing(audited):
    gaps = audited.gaps
    judged = gaps[gaps.limit.notna()]
    verdicts = [verdict for check in audited.checks for verdict in check.verdicts]
    assert list(judged.tag) == [" × ".join(verdict.tags) for verdict in verdicts]
    assert list(judged.status) == [verdict.status for verdict in verdicts]
    assert list(judged.confidence) == [verdict.confidence for verdict in verdicts]
    groups = audited.groups.set_index(["tag", "rate", "group"]).value
    known = gaps[gaps.highest.notna()]
    assert len(known) > 8
    for gap in known.itertuples():
        ends = groups[gap.tag, gap.rate, gap.highest], groups[gap.tag, gap.rate, gap.lowest]
        assert gap.value == pytest.approx(ends[0] - ends[1])
    assert not {"over-represented", "generators"} & set(gaps.check)


def test_findings_are_a_list_and_a_table(audited):
    findings = audited.findings
    assert isinstance(findings, list) and isinstance(findings, Findings)
    told = findings.to_frame()
    assert list(told.sentence) == [found.sentence for found in findings]
    assert told.n.dtype == "Int64"


def test_of_a_comparison_groups_have_both_rates(compared):
    groups = compared.groups
    assert {"dataset", "age_band", "dataset × gender"} <= set(groups.tag)
    known = groups.dropna()
    assert len(known) > 20
    assert np.allclose(known.second - known.first, known.difference)
    # A rate of one classifier is that of its audit.
    assert groups.n.dtype == "Int64"


def test_it_is_the_same_result(audited, tmp_path):
    path = write_result(tmp_path / "audit.json", audited)
    again = Result.of(read_result(path))
    assert again == audited
    assert Result.of(again) is again
    assert Result.model_validate_json(path.read_text("utf-8")) == audited


def test_every_detail_is_a_table(audited, compared):
    for result in (audited, compared, invented.audit(), hostile()):
        for detail in result.details:
            table = detail.to_frame()
            fields, cells = detail.laid_out()
            assert table.shape == (len(cells), len(fields))
            assert table.columns.is_unique
            for (_, kind), (_, column), *of in zip(fields, table.items(), *cells, strict=True):
                given = [cell for cell in of if cell is not None]
                assert list(column.dropna()) == given, "nothing is rounded or lost"
                if kind in ("percent", "points", "p") and not any(map(is_text, of)):
                    assert column.dtype == "float64"


def is_text(cell: object) -> bool:
    return isinstance(cell, str)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_results_of_earlier_versions_have_groups(audited, tmp_path, version):
    content = json.loads(write_result(tmp_path / "audit.json", audited).read_text("utf-8"))
    content["result_version"] = version
    del content["answer"]
    for check in content["checks"]:
        del check["part"]
        if version == 1:
            del check["verdicts"]
        if version < 3:
            facts = {"sentence", "status", "check"}
            check["findings"] = [
                {key: value for key, value in found.items() if key in facts}
                for found in check["findings"]
            ]
        for detail in check["details"]:
            detail.pop("rate", None)
    (tmp_path / "audit.json").write_text(json.dumps(content), "utf-8")
    old = Result.of(read_result(tmp_path / "audit.json"))
    pd.testing.assert_frame_equal(old.groups, audited.groups)
    if version == 1:
        with pytest.raises(FaceAuditError, match="version 1 does not record its gaps"):
            _ = old.gaps
    else:
        judged = audited.gaps[audited.gaps.limit.notna()].reset_index(drop=True)
        found = old.gaps[old.gaps.limit.notna()].reset_index(drop=True)
        columns = ["tag", "rate", "value", "low", "high", "limit", "status", "confidence"]
        pd.testing.assert_frame_equal(found[columns], judged[columns])


def test_it_is_told_in_five_lines(audited, compared):
    for result in (audited, compared, invented.audit(), invented.comparison(), hostile()):
        told = repr(result)
        assert told == str(result)
        assert len(told.splitlines()) == 5
        assert " ".join(result.verdict.split()) in told
