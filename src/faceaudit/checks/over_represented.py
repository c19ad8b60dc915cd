"""Over-represented: who is in the real photographs called AI-generated, and is it that tag?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.parts.error_rates import interval_title
from faceaudit.checks.parts.hypotheses import (
    HYPOTHESES,
    hypothesis_table,
    put_to_test,
    ratio_cells,
    ratio_columns,
    told,
)
from faceaudit.checks.parts.risk_ratios import MOST_VALUES, Analysis, Effect, Group, analyse
from faceaudit.result import (
    CheckResult,
    Column,
    Detail,
    Estimate,
    Forest,
    Table,
    Test,
    nan_to_none,
)
from faceaudit.tables import tag_columns
from faceaudit.wording import (
    counted,
    group_title,
    out_of,
    tag_title,
)


class OverRepresentedOptions(Options):
    """Which hypotheses are put to the test, and which ratio is large enough to matter."""

    #: name -> {tag: values}
    suspicions: dict[str, dict[str, list[str]]] = Field(default_factory=lambda: HYPOTHESES)
    #: A hypothesis is refuted when the interval excludes a ratio above this (a chosen limit).
    relevant_ratio: float = Field(default=1.25, gt=1)


def run(data: AuditInput, options: OverRepresentedOptions) -> CheckResult:
    """Compare every group of every tag with the rest, one data set at a time."""
    spec = data.spec
    photographs = dict(_by_dataset(data.table))
    analyses = [
        analyse(name, table, data.threshold, spec.small_group, spec.confidence)
        for name, table in photographs.items()
    ]
    analyses = [found for found in analyses if found.groups]
    hypotheses = put_to_test(options.suspicions, photographs, data, options.relevant_ratio)
    details: list[Detail] = []
    if hypotheses:
        details.append(hypothesis_table(hypotheses))
    for analysis in analyses:
        details += [_tag_table(analysis, data), *_forests(analysis, data)]
        details.append(_group_table(analysis, data))
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status="info" if analyses else "not-estimable",
        sentence=_sentence(analyses, spec.confidence) if analyses else _nobody(photographs),
        findings=[asked.finding(CHECK.id) for asked in hypotheses if asked.found is not None],
        tests=[test for analysis in analyses for test in _tests(analysis)],
        details=details,
    )


def _by_dataset(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Give the real photographs of each data set, without the tags that it does not have."""
    real = table.filter(pc.equal(table["label"], "real"))
    for name in sorted(pc.unique(real["dataset"]).to_pylist()):
        part = real.filter(pc.equal(real["dataset"], name))
        yield name, part.select([c for c in part.column_names if part[c].null_count < len(part)])


def _clear(analysis: Analysis, confidence: float) -> list[tuple[Group, Effect]]:
    """Return the groups surely over-represented, at equal other tags where that was estimated."""
    chosen = [(group, group.equal or group.alone) for group in analysis.groups]
    return [
        (group, effect)
        for group, effect in chosen
        if effect.ratio > 1 and effect.p_holm < 1 - confidence
    ]


def _nobody(photographs: Mapping[str, pa.Table]) -> str:
    """Say why there is no group to compare with the rest."""
    if not photographs:
        return "There is no real photograph here, so nobody is wrongly accused."
    if not any(tag_columns(table) for table in photographs.values()):
        return "No real photograph has a tag, so nobody can be over-represented."
    return (
        "No tag parts the real photographs of a data set into groups (two at least, "
        f"{MOST_VALUES} at most), so nobody can be over-represented."
    )


def _sentence(analyses: Sequence[Analysis], confidence: float) -> str:
    n = sum(analysis.n for analysis in analyses)
    wrong = sum(analysis.called_ai for analysis in analyses)
    start = (
        f"Among the {out_of(wrong, n, 'real photograph', ('that is', 'that are'))} called "
        f"AI-generated ({counted(len(analyses), 'data set')}), "
    )
    if wrong == 0:
        return (
            f"None of {counted(n, 'real photograph')} is called AI-generated "
            f"({counted(len(analyses), 'data set')}), so nobody is over-represented."
        )
    found = [
        (effect.low, analysis, group, effect)
        for analysis in analyses
        for group, effect in _clear(analysis, confidence)
    ]
    groups = sum(len(analysis.groups) for analysis in analyses)
    if not found:
        return f"{start}none of {groups:,} groups is shown to be over-represented."
    _, analysis, group, effect = max(found, key=lambda entry: entry[0])
    how = "with all other tags held equal, " if group.equal is effect else ""
    return (
        f"{start}{out_of(len(found), groups, 'group')} surely over-represented, most clearly "
        f"{group_title([group.tag], [group.value])} in {analysis.dataset}: {how}against the rest "
        f"{told(effect, confidence)}."
    )


def _tests(analysis: Analysis) -> Iterator[Test]:
    for test in analysis.tests:
        name = f"FPR alike in all groups of {tag_title(test.tag)}, {analysis.dataset}"
        yield Test(name=name, method=test.method, p=test.p)
        if test.p_equal is not None:
            method = "Wald, penalised logistic regression"
            yield Test(name=f"{name}, other tags held equal", method=method, p=test.p_equal)


# --- details -------------------------------------------------------------------------------


def _tag_table(analysis: Analysis, data: AuditInput) -> Table:
    sources = data.info.tag_sources
    return Table(
        title=f"{analysis.dataset}: does the tag make a difference?",
        note=_equal_note(analysis),
        columns=[
            Column(title="tag"),
            Column(title="p, alone", kind="p", help="that all its groups are called AI alike"),
            Column(title="p, others held equal", kind="p"),
            Column(title="whose word the tag is"),
        ],
        rows=[
            [
                tag_title(test.tag),
                test.p,
                test.p_equal,
                sources.get(test.tag, {}).get(analysis.dataset, "source not stated"),
            ]
            for test in analysis.tests
        ],
    )


def _equal_note(analysis: Analysis) -> str:
    if not analysis.equal_tags:
        return (
            "With so few errors (or so few photographs called rightly) the tags cannot be told "
            "apart, so none is held equal."
        )
    left_out = [test.tag for test in analysis.tests if test.tag not in analysis.equal_tags]
    note = (
        f"Held equal by a penalised logistic regression on {analysis.equal_n:,} of "
        f"{analysis.n:,} photographs, those that have all of these tags: "
        f"{', '.join(map(tag_title, analysis.equal_tags))}; effects of combined tags beyond the "
        "sum of each are not in it."
    )
    if left_out:
        names = ", ".join(map(tag_title, left_out))
        note += f" Left out, as mostly unknown or saying nothing more: {names}."
    return note


def _forests(analysis: Analysis, data: AuditInput) -> list[Forest]:
    alone = [(group, group.alone) for group in analysis.groups]
    equal = [(group, group.equal) for group in analysis.groups if group.equal is not None]
    forests = []
    for how, chosen in (("each tag alone", alone), ("all other tags held equal", equal)):
        rows = [
            Estimate(
                group=f"{tag_title(group.tag)}: {group.value}",
                n=group.n,
                events=group.called_ai,
                value=nan_to_none(effect.ratio),
                low=nan_to_none(effect.low),
                high=nan_to_none(effect.high),
                note=_note(group, effect, data),
            )
            for group, effect in chosen
        ]
        if rows:
            forests.append(
                Forest(
                    title=f"{analysis.dataset}: called AI-generated more often, {how}",
                    note=f"{interval_title(data.spec.confidence)}s, each on its own.",
                    measure="rate of the group over that of the rest of its tag",
                    scale="ratio",
                    attribute="group",
                    rows=rows,
                    reference=1.0,
                    reference_label="as often as the rest",
                )
            )
    return forests


def _note(group: Group, effect: Effect, data: AuditInput) -> str | None:
    notes = []
    if group.n < data.spec.small_group:
        notes.append("small group")
    if not np.isfinite(effect.high):
        notes.append("no upper end: no error in the rest")
    return "; ".join(notes) or None


def _group_table(analysis: Analysis, data: AuditInput) -> Table:
    return Table(
        title=f"{analysis.dataset}: every group against the rest of its tag",
        note=(
            f"{interval_title(data.spec.confidence)}s, each on its own; p adjusted by Holm over "
            f"the {counted(len(analysis.groups), 'group')} of this table. Groups with fewer than "
            f"{counted(data.spec.small_group, 'photograph')} are merged where tags are held equal."
        ),
        columns=[
            Column(title="tag"),
            Column(title="group"),
            Column(title="photographs", kind="count"),
            Column(title="called AI", kind="count"),
            Column(title="FPR", kind="percent", help="false-positive rate"),
            *ratio_columns("ratio"),
            Column(title="p (Holm)", kind="p"),
            *ratio_columns("ratio, others equal"),
            Column(title="p (Holm), others equal", kind="p"),
        ],
        rows=[
            [
                tag_title(group.tag),
                group.value,
                group.n,
                group.called_ai,
                group.called_ai / group.n,
                *ratio_cells(group.alone),
                nan_to_none(group.alone.p_holm),
                *ratio_cells(group.equal),
                None if group.equal is None else nan_to_none(group.equal.p_holm),
            ]
            for group in analysis.groups
        ],
    )


CHECK = Check(
    id="over-represented",
    title="Who is over-represented among the wrongly accused",
    failure_title="Who is over-represented among the wrongly accused",
    description=(
        "Looks at the real photographs that are called AI-generated and asks which people are "
        "among them more often than chance would have it: one tag at a time, and again with all "
        "other tags held equal, because people with glasses are older than people without, and "
        "only one of the two may matter. The suspicions that were published with the experiment "
        "this project comes from (glasses, middle age, round faces, white people) are answered "
        "one by one: holds, does not hold, or undecided."
    ),
    run=run,
    options=OverRepresentedOptions,
)
