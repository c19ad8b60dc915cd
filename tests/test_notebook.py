"""A result in a notebook: tables, fairlearn's frame, figures and what is shown of it."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

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
from faceaudit.spec import Spec, find_spec
from faceaudit.tables import Scores, read_scores
from tests.drawn import drawn_scores
from tests.report import invented
from tests.report.hostile import HOSTILE, hostile
from tests.report.parsed_page import Page


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
    return Result.of(compare([other, scores], find_spec("recorded-comparison")))


def test_groups_are_the_counts_of_the_table_itself(audited, rows):
    groups = audited.groups
    assert groups.dtypes[["n", "errors"]].eq("Int64").all()
    assert groups.dtypes[["value", "low", "high"]].eq("float64").all()
    assert not groups.duplicated(["tag", "group", "rate"]).any()
    seen = 0
    for (tag, rate), found in groups.groupby(["tag", "rate"]):
        tags = tag.split(" × ")
        of_label = rows[(rows["ai"] == (rate == "fnr")) & rows[tags].notna().all(axis=1)]
        first, *others = (of_label[tag].astype(str) for tag in tags)
        keys = first.str.cat(others, sep=" × ") if others else first
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


def test_errors_of_a_grid_are_whole_numbers_that_give_its_rates(audited):
    n = [list(range(1, 400)), list(range(400, 799))]
    wrong = [[(7 * of) % (of + 1) for of in row] for row in n]
    values = [
        [of / all for of, all in zip(*both, strict=True)] for both in zip(wrong, n, strict=True)
    ]
    grid = Heatmap(
        title="T", measure="M", rate="fpr", row_title="gender", column_title="age band",
        rows=["a", "b"], columns=[str(i) for i in range(399)],
        values=values, low=values, high=values, n=n,
    )  # fmt: skip
    check = audited.checks[0].model_copy(update={"details": [grid]})
    spec = {"attributes": ["gender"], "intersections": [["gender", "age_band"]]}
    groups = audited.model_copy(update={"checks": [check], "spec": spec}).groups
    assert list(groups.errors) == [of for row in wrong for of in row]
    assert groups.group[400] == "b × 1" and groups.tag.unique() == ["gender × age_band"]


def test_a_group_comes_once_though_two_checks_have_its_rate(scores):
    spec = Spec(name="t", title="T", question="?", attributes=["dataset"])
    result = Result.of(audit(scores, spec))
    rated = [of.kind for of in result.details if getattr(of, "rate", None) == "fnr"]
    assert rated == ["forest", "slopes", "forest"]
    assert not result.groups.duplicated(["tag", "group", "rate"]).any()


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
    with pytest.raises(FaceAuditError, match="how gaps change"):
        _ = compared.gaps


def test_an_earlier_comparison_has_groups(compared, tmp_path):
    content = json.loads(write_result(tmp_path / "compare.json", compared).read_text("utf-8"))
    content["result_version"] = 3
    for detail in (detail for check in content["checks"] for detail in check["details"]):
        detail.pop("rate", None)
    (tmp_path / "compare.json").write_text(json.dumps(content), "utf-8")
    old = Result.of(read_result(tmp_path / "compare.json"))
    pd.testing.assert_frame_equal(old.groups, compared.groups)


def test_of_many_each_has_its_table(scores):
    other = read_scores(bundled.recorded_scores("without-ffhq"))
    spec = find_spec("recorded-comparison")
    third = Scores(other.table.slice(0, len(other.table) - 50), other.info)
    result = Result.of(compare([other, scores, third], spec, names=["a", "b", "c"]))
    with pytest.raises(FaceAuditError, match=r"of 3 classifiers .* result\.tables lists"):
        _ = result.groups
    with pytest.raises(FaceAuditError, match="how gaps change; result"):
        _ = result.gaps
    assert len(result.table("b minus a, group by group")) > 50
    # Of all classifiers, over all images and in the worst group.
    assert len(result.figure("fnr").data) and result.figure().layout.title.text
    assert "a" in Page(result._repr_html_()).text and Page(result.svg("fpr")._repr_html_()).text
    assert len(repr(result).splitlines()) == 5


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
    assert old.verdict in Page(old._repr_html_()).text
    assert old.svg("fpr", by="age_band") == audited.svg("fpr", by="age_band")
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


# --- fairlearn -----------------------------------------------------------------------------


def of_the_table(rows: pd.DataFrame, tags: list[str], control: list[str]) -> pd.DataFrame:
    """The metrics of the raw table, by fairlearn alone."""
    from fairlearn import metrics

    rows = rows[rows[[*tags, *control]].notna().all(axis=1)]
    frame = metrics.MetricFrame(
        metrics={
            name: getattr(metrics, name)
            for name in ("false_positive_rate", "false_negative_rate", "selection_rate", "count")
        },
        y_true=rows["ai"].astype(int),
        y_pred=rows["called"].astype(int),
        sensitive_features=rows[tags].astype(str),
        control_features=rows[control].astype(str) if control else None,
    )
    return frame.by_group


@pytest.mark.parametrize(
    ("tags", "control"),
    [(["age_band"], []), (["age_band", "gender"], []), (["gender"], ["age_band"])],
)
def test_the_metric_frame_is_that_of_the_images(audited, rows, tags, control):
    combined = [tag for tag in ("age_band", "gender") if tag in (*tags, *control)]
    frame = audited.metric_frame(tags, control=control)
    assert type(frame).__module__.startswith("fairlearn")
    raw = of_the_table(rows, tags, control)
    assert list(frame.by_group.index) == list(raw.index)
    assert frame.by_group.index.names == raw.index.names
    assert (frame.by_group["count"].fillna(0) == raw["count"].fillna(0)).all()
    groups = audited.groups
    groups = groups[groups.tag == " × ".join(combined)].set_index(["rate", "group"])
    for metric, rate in (("false_positive_rate", "fpr"), ("false_negative_rate", "fnr")):
        order = [frame.by_group.index.names.index(tag) for tag in combined]
        for key, value in frame.by_group[metric].items():
            parts = (key,) if isinstance(key, str) else key
            own = groups.value.get((rate, " × ".join(parts[i] for i in order)), np.nan)
            assert own == pytest.approx(value, nan_ok=True)
        known = frame.by_group[metric].notna()
        assert np.allclose(frame.by_group[metric][known], raw[metric][known])
        # fairlearn counts no image of the label as no error.
        assert (raw[metric][~known].fillna(0) == 0).all()
    both = frame.by_group["selection_rate"], raw["selection_rate"]
    assert np.allclose(*both, equal_nan=True)
    assert list(frame.overall.index if not control else frame.overall.columns)[-1] == "count"


def test_the_metric_frame_is_of_the_answer_and_of_tags_that_there_are(audited, compared):
    assert tuple(audited.metric_frame().by_group.index.names) == tuple(audited.answer.tags)
    with pytest.raises(FaceAuditError, match=r"no error rate by nose; by .*age_band"):
        audited.metric_frame("nose")
    with pytest.raises(FaceAuditError, match="every tag is a control feature"):
        audited.metric_frame("gender", control="gender")
    with pytest.raises(FaceAuditError, match="no error rate by gender × nose"):
        audited.metric_frame("gender", control=["nose"])
    with pytest.raises(FaceAuditError, match="one classifier"):
        compared.metric_frame("gender")


def test_a_group_that_cannot_be_told_apart_is_refused():
    scores = drawn_scores({"a × b": (40, 1), "c": (50, 2)})
    table = scores.table.append_column("other", scores.table["label"])
    spec = Spec(
        name="t", title="T", question="?", attributes=["group"], intersections=[["group", "other"]]
    )
    result = Result.of(audit(Scores(table, scores.info), spec))
    assert dict(result.metric_frame("group").by_group["count"]) == {"a × b": 40, "c": 50}
    with pytest.raises(FaceAuditError, match=r"'a × b × .*' cannot be told apart"):
        result.metric_frame("group × other")


# --- figures -------------------------------------------------------------------------------


def test_a_figure_is_plotlys_or_the_reports(audited, compared):
    groups = audited.groups.query("tag == 'age_band' and rate == 'fpr'").dropna(subset="value")
    figure = audited.figure("fpr", by="age_band")
    assert type(figure).__module__.startswith("plotly")
    assert list(figure.data[0].x) == list(groups.value)
    drawing = audited.svg("fpr", by="age_band")
    assert ElementTree.fromstring(drawing).tag == "{http://www.w3.org/2000/svg}svg"
    for group in groups.group:
        assert group in Page(drawing._repr_html_()).text
    assert audited.figure().layout.title.text == audited.first_figure.title
    assert audited.svg("fpr", by=["gender", "age_band"]) == audited.svg(
        "fpr", by="age_band × gender"
    )
    assert compared.figure("fnr", by="race").layout.xaxis.title.text.startswith("False negative")


def test_everything_is_found_by_its_title(audited):
    tables = audited.tables
    assert len(tables) == len(audited.details)
    assert len(audited.table("gaps and lim")) == audited.gaps.limit.notna().sum()
    for wrong, words in (
        ("no such title", "nothing is titled so; result.tables"),
        ("gap", "are titled so .*Gaps and limits"),
    ):
        with pytest.raises(FaceAuditError, match=words):
            audited.table(wrong)
    again = audited.checks[0].model_copy(update={"id": "again"})
    twice = audited.model_copy(update={"checks": [*audited.checks, again]})
    title = again.details[0].title
    with pytest.raises(FaceAuditError, match="2 are titled so"):
        twice.table(title)
    assert twice.table(title, check="again").equals(again.details[0].to_frame())
    with pytest.raises(FaceAuditError, match="'Gaps and limits' is no figure"):
        audited.figure("Gaps and limits")
    with pytest.raises(FaceAuditError, match="by= goes with fpr or fnr, not with 'Gaps'"):
        audited.figure("Gaps", by="gender")
    with pytest.raises(FaceAuditError, match=r"no fpr by shoes; by .*age_band"):
        audited.svg("fpr", by="shoes")


def test_without_plotly_the_extra_is_named(audited, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "plotly"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(FaceAuditError, match=r"'result\.figure' needs the extra 'notebook'"):
        audited.figure("fpr", by="age_band")
    assert audited.svg("fpr", by="age_band")


def test_nothing_heavy_is_imported_before_it_is_used():
    code = (
        "import sys; from faceaudit.notebook import Result; from tests.report import invented\n"
        "Result.of(invented.audit())._repr_html_()\n"
        "sys.exit(bool({'torch', 'pandas', 'plotly', 'fairlearn'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


# --- what is shown -------------------------------------------------------------------------


def test_the_first_screen_is_shown(audited, compared):
    for result in (audited, compared):
        page = Page(result._repr_html_())
        told = page.text.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")
        for words in (result.verdict, result.title, result.question):
            assert words in told
        answer = result.answer
        for line in (answer.who, answer.how_much, answer.how_sure, answer.why):
            assert line.split(". ")[0] in told
        assert len([of for _, of in page.elements if "figure" in str(of.get("class"))]) == 1
        for line in result.limitations:
            assert line in told


def test_it_asks_nothing_runs_nothing_and_shows_no_face():
    for result in map(Result.of, (invented.audit(), invented.comparison(), hostile())):
        drawn = [of for of in result.details if of.kind in ("forest", "slopes", "curve")]
        shown = [result, *(result.svg(of.title) for of in drawn if sum_of(result, of.title) == 1)]
        for html in (of._repr_html_() for of in shown):
            page = Page(html)
            assert not {"script", "img", "image", "iframe", "link"} & {
                tag for tag, _ in page.elements
            }
            assert not [name for _, of in page.elements for name in of if name.startswith("on")]
            assert "data:" not in html and "http" not in html and "url(" not in html
            addresses = {of.get("href") for _, of in page.elements if "href" in of}
            assert all(address.startswith("#s-") for address in addresses)
    assert HOSTILE[:20] in page.text


def sum_of(result: Result, title: str) -> int:
    return sum(of.title == title for of in result.details)


def test_a_result_without_a_number_is_shown():
    scores = drawn_scores({"a": (3, 0)}, ai=(0, 0))
    spec = Spec(name="t", title="Nothing", question="?", attributes=["group"])
    result = Result.of(audit(scores, spec))
    assert "Nothing" in Page(result._repr_html_()).text
    assert list(result.groups.columns[:4]) == ["tag", "group", "rate", "n"]
    assert result.gaps["value"].isna().all()
    assert result.gaps["value"].dtype == "float64"
    assert len(repr(result).splitlines()) == 5
    bare = result.model_copy(update={"checks": [], "answer": None, "scores": []})
    assert len(bare.groups) == len(bare.gaps) == len(bare.tables) == 0
    assert bare.groups.n.dtype == "Int64"
    assert bare._repr_html_() and len(repr(bare).splitlines()) == 5
    for call in (bare.metric_frame, bare.figure, bare.svg):
        with pytest.raises(FaceAuditError):
            call()
