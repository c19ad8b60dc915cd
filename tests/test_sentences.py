"""Every sentence about none, one, two or three of anything reads well and is true."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from faceaudit.checks import all_checks
from faceaudit.comparison.runner import compare
from faceaudit.decision import gate
from faceaudit.errors import FaceAuditError
from faceaudit.report.html import render_html
from faceaudit.report.junit import write_junit
from faceaudit.report.markdown import decision_to_markdown, to_markdown
from faceaudit.result import Result
from faceaudit.runner import audit
from faceaudit.schema import DatasetInfo, ScoresInfo, tag_columns, validate
from faceaudit.spec import Limits, Spec
from faceaudit.tables import Scores
from faceaudit.terminal import print_decision, print_result
from tests.report.parsed_page import Page


@dataclass(frozen=True)
class Case:
    """A table of a few rows and what is asked of it; counts are of images."""

    real: int = 2
    ai: int = 2
    wrong: int = 0
    #: How many values the tag `glasses` has; `gender` has two where this is not one.
    groups: int = 2
    datasets: int = 1
    #: Images without a tag, without a score, and seen in training; of each label.
    untagged: int = 0
    unscored: int = 0
    trained: int = 0
    limits: Limits = field(default_factory=Limits)
    intersections: bool = True
    where: str | None = None
    rows: str | None = None
    small_group: int = 2

    def scores(self, model_wrong: int | None = None, drop: int = 0) -> Scores:
        """Make the table; another classifier has other verdicts and lacks other images."""
        wrong = self.wrong if model_wrong is None else model_wrong
        rows: list[dict[str, Any]] = []
        for label, n in (("real", self.real), ("ai", self.ai)):
            values = islice(cycle(["none", "reading", "sunglasses"][: self.groups]), n)
            for i, glasses in enumerate(values):
                tagged = i >= self.untagged
                called_ai = (label == "ai") != (i < wrong)
                rows.append(
                    {
                        "image": f"{label}{i}.jpg",
                        "label": label,
                        "dataset": f"set{i % self.datasets}",
                        "p_ai": None if n - i <= self.unscored else 0.9 if called_ai else 0.1,
                        "glasses": glasses if tagged else None,
                        "gender": "female" if i // 2 % min(self.groups, 2) else "male",
                        "in_training": i < self.trained,
                        "width": 100 + i % self.datasets,
                        "height": 100,
                    }
                )
        table = pa.table({name: [row[name] for row in rows[drop:]] for name in rows[0]})
        for name in ("glasses", "gender"):
            table = table.set_column(
                table.column_names.index(name), name, table[name].cast(pa.string())
            )
        # At one delivery nothing is called wrongly, and in the series all is at last.
        right = pa.array([0.9 if of == "ai" else 0.1 for of in table["label"].to_pylist()])
        columns = {
            "size=224,jpeg=85": right,
            "blur=1": table["p_ai"],
            "blur=2": pc.subtract(1, right),
        }
        for name, column in columns.items():
            table = table.append_column(f"p_ai[{name}]", column)
        table = validate(table, "scores", "drawn")
        names = sorted(set(table["dataset"].to_pylist()))
        info = ScoresInfo(
            datasets={name: DatasetInfo(indexed=1) for name in names},
            tag_sources={tag: dict.fromkeys(names, "drawn") for tag in tag_columns(table)},
        )
        return Scores(table, info)

    def spec(self) -> Spec:
        """Ask every check that concerns these few images."""
        options: dict[str, dict[str, Any]] = {
            "generator-source": {"dataset": "set0"},
            "out-of-domain": {"datasets": ["set1"]},
        }
        return Spec(
            name="drawn",
            title="Drawn",
            question="Who?",
            attributes=["glasses", "gender"],
            intersections=[["glasses", "gender"]] if self.intersections else [],
            checks={name: options.get(name, {}) for name in all_checks()},
            limits=self.limits,
            small_group=self.small_group,
            unsure=(0.05, 0.5),
            population={"glasses": {"none": 0.5, "reading": 0.3, "sunglasses": 0.2}},
            rows=self.rows,
        )


ONLY_FPR, ONLY_FNR = Limits(fnr_gap=None), Limits(fpr_gap=None)
NONE = Limits(fpr_gap=None, fnr_gap=None)
CASES = {
    "one photograph": Case(real=1, ai=0, small_group=1),
    "one photograph, called AI": Case(real=1, ai=0, wrong=1, limits=NONE, intersections=False),
    "one AI face": Case(real=0, ai=1, limits=ONLY_FPR),
    "one of each": Case(real=1, ai=1, groups=1, limits=ONLY_FNR),
    "one of each, wrong": Case(real=1, ai=1, wrong=1, small_group=1),
    "two of each": Case(wrong=1, datasets=2, small_group=1),
    "two photographs": Case(real=2, ai=0, wrong=1, limits=ONLY_FNR),
    "two photographs, no tag": Case(real=2, ai=0, untagged=2, groups=1, limits=ONLY_FPR),
    "three of each": Case(3, 3, wrong=1, groups=3, untagged=1, limits=Limits(fpr_gap=1)),
    "three of each, one without a score": Case(3, 3, unscored=1, limits=NONE),
    "three of each, one trained on": Case(3, 3, wrong=2, trained=1, datasets=2),
    "three of each, one slice": Case(3, 3, untagged=1, where="glasses != 'none'"),
    "three of each, one row": Case(3, 3, rows="glasses == 'reading'", wrong=3, groups=3),
    "some": Case(24, 24, wrong=10, datasets=2, groups=1, limits=ONLY_FPR, small_group=30),
    "some, all wrong": Case(24, 24, wrong=24, groups=3, untagged=2),
}


def told(result: Result, tmp_path: Path) -> Iterator[str]:
    """Give all that a result says anywhere: to the terminal, in the report and in files."""
    for check in result.checks:
        yield from (check.sentence, *(finding.sentence for finding in check.findings))
        yield from (test.name for test in check.tests)
        for detail in check.details:
            yield from (text for text in (detail.title, detail.note) if text)
    yield from (result.verdict, *result.limitations)
    printed = io.StringIO()
    with redirect_stdout(printed):
        for verbose in (False, True):
            print_result(result, tmp_path, verbose=verbose, as_json=False)
        if result.kind != "study":
            print_decision(gate(result), as_json=False, github=False)
    yield from re.split(r"  +|\n", printed.getvalue())
    yield from (text for text in Page(render_html(result)).texts if "question: " not in text)
    yield from to_markdown(result).splitlines()
    if result.kind != "study":
        decision = gate(result)
        yield from decision_to_markdown(result, decision).splitlines()
        junit = write_junit(result, tmp_path / "junit.xml", decision.outcomes)
        yield from re.findall(r'="([^"]*)"', junit.read_text())


#: What no sentence may hold, and what is wrong with it.
WRONG = {
    "one of many": r"(?<![\d.,])1 (?:more |other |real |AI-generated )*(?:row|image|"
    r"photograph|face|picture|group|gap|verdict|prediction|test|report|combination|other|"
    r"data set|time)s\b",
    "many of one": r"\b(?!1\b)\d+(?<![.,]\d) (?:real photograph|AI-generated face|image|row|group|"
    r"picture|gap|verdict|prediction)\b",
    "nothing of nothing": r"\b0 of 0\b",
    "one is, many are": r"\b1 of [\d,]+ \w+s? (?:are|have|were)\b|\b\d+ of 1 \w+ (?:are|have)\b",
    "itself": r"tagged (\w+ '\w+') \(.* those tagged \1 ",
    "none of them": r"estimable for 0\b",
    "not a number": r"\bnan\b|\binf\b|None of|\bNone\b|\{|\}",
    "stops": r"\.\.(?!\.)|\. \.|,,|;;|: ?\.|\( |\(\)| ,",
    "blanks": r"\w  \w",
    "all of one": r"\b[Aa]ll 1\b|\bin each of 1\b|any of the 1\b",
}
ALLOWED = re.compile(r"None of \d")


def faults(text: str) -> list[str]:
    text = ALLOWED.sub("", text)
    return [name for name, pattern in WRONG.items() if re.search(pattern, text)]


@pytest.mark.parametrize(
    "text",
    [
        "Over 1 groups",
        "1 real photographs",
        "0 of 1 group are off",
        "1 of 2 gaps are within",
        "0 of 0 images",
        "all 1 read were",
        "a gap of nan",
        "done..",
        "2 group",
        "for any of the 1 groups",
    ],
)
def test_a_wrong_sentence_is_noticed(text):
    assert faults(text)


@pytest.fixture(scope="module", params=list(CASES))
def case(request: pytest.FixtureRequest) -> tuple[Case, Result]:
    case = CASES[request.param]
    return case, audit(case.scores(), case.spec(), where=case.where)


def test_sentences_of_an_audit(case, tmp_path):
    _, result = case
    assert {text: found for text in told(result, tmp_path) if (found := faults(text))} == {}


def groups_of(case: Case, label: str) -> list[set[str]]:
    """Give the values of each tag that images of a label have."""
    table = case.scores().table.to_pylist()
    rows = [row for row in table if row["label"] == label and row["p_ai"] is not None]
    if case.rows:
        rows = [row for row in rows if row["glasses"] == "reading"]
    return [{row[tag] for row in rows if row[tag]} for tag in ("glasses", "gender")]


def test_what_an_audit_says_is_so(case):
    case, result = case
    said = {check.id: check.sentence for check in result.checks}
    limits = case.limits.fpr_gap, case.limits.fnr_gap
    assert ("No limit is set" in said["power"]) <= (limits == (None, None))
    assert ("sets no limit" in said["equalized-odds-gap"]) == (limits == (None, None))
    summary = result.scores[0]
    tagged = case.real > case.untagged or (case.groups > 0 and case.real > 0)
    assert ("No real photograph has a tag" in said["over-represented"]) <= (not tagged)
    assert ("no real photograph here" in said["over-represented"]) == (summary.n_real == 0)
    one = len(summary.datasets) == 1 and summary.n_real > 0
    assert ("only one data set" in said["threshold-transfer"]) == one
    assert ("no combination of tags" in said["intersections"]) == (not case.intersections)
    without_gap = said["equalized-odds-gap"].partition("No tag has two groups with ")[2]
    for images, label in (("real photographs", "real"), ("AI-generated faces", "ai")):
        if images in without_gap:
            assert max(map(len, groups_of(case, label))) < 2


@pytest.mark.parametrize("drop", [0, 1, 2])
@pytest.mark.parametrize("real", [1, 2, 3])
def test_sentences_of_a_comparison(real, drop, tmp_path):
    case = Case(real=real, ai=3, wrong=1, datasets=2, untagged=1, unscored=drop // 2)
    try:
        result = compare([case.scores(), case.scores(0, drop)], names=("old", "new"))
    except FaceAuditError as error:
        assert faults(str(error)) == []
        return
    assert {text: found for text in told(result, tmp_path) if (found := faults(text))} == {}
