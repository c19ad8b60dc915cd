"""Over-represented: who is in the real photographs called AI-generated, and is it that tag?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from pydantic import Field

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.hypotheses import (
    HYPOTHESES,
    hypothesis_table,
    put_to_test,
    ratio_columns,
)
from faceaudit.error_rates import ERROR_RATES
from faceaudit.layout import forest, lay_out, number, text
from faceaudit.result import Detail, Forest, Table, Test
from faceaudit.schema import tag_columns
from faceaudit.stats.counts import Images
from faceaudit.stats.rates import RateEstimate
from faceaudit.stats.risk_ratios import MOST_VALUES, Analysis, adjusted_together, analyse


class OverRepresentedOptions(Options):
    """Which hypotheses are put to the test, and which ratio is large enough to matter."""

    suspicions: dict[str, dict[str, list[str]]] = Field(
        default_factory=lambda: HYPOTHESES,
        description="Who is suspected to be accused more often: by name, tags and their values.",
    )
    relevant_ratio: float = Field(
        default=1.25,
        gt=1,
        description="A large excess is excluded when the interval excludes a ratio above this (a "
        "chosen limit).",
    )


def run(data: AuditInput, options: OverRepresentedOptions) -> Product:
    """Compare every group of every tag with the rest, one data set at a time."""
    how = data.threshold, data.spec.small_group, data.spec.confidence
    found = [
        analyse(name, photographs, data.kinds_of_photograph(name), *how)
        for name, photographs in data.photographs.items()
    ]
    analyses = adjusted_together([analysis for analysis in found if analysis is not None])
    hypotheses = put_to_test(options.suspicions, data, options.relevant_ratio)
    details: list[Detail] = [hypothesis_table(hypotheses)] if hypotheses else []
    for analysis in analyses:
        details += [_tag_table(analysis, data), *_forests(analysis, data)]
        details.append(_group_table(analysis, data))
    return Product(
        status="info" if analyses else "not-estimable",
        sentence=_sentence(analyses, data) if analyses else _nobody(data.photographs),
        findings=[told for hypothesis in hypotheses if (told := hypothesis.finding())],
        tests=[test for analysis in analyses for test in _tests(analysis)],
        details=details,
    )


def _nobody(photographs: Mapping[str, Images]) -> str:
    """Say why there is no group to compare with the rest."""
    if not photographs:
        return "There is no real photograph here, so wrong accusations cannot be measured."
    if not any(tag_columns(images.table) for images in photographs.values()):
        return "No real photograph has a tag, so nobody can be over-represented."
    return (
        "No tag parts the real photographs of a data set into groups (two at least, "
        f"{MOST_VALUES} at most), so nobody can be over-represented."
    )


def _sentence(analyses: Sequence[Analysis], data: AuditInput) -> str:
    n = sum(analysis.photographs for analysis in analyses)
    wrong = sum(analysis.called_ai for analysis in analyses)
    called = f"called AI-generated ({say.counted(len(analyses), 'data set')}), "
    if wrong == 0:
        none = f"None of {say.counted(n, 'real photograph')} is"
        return f"{none} {called}so nobody is over-represented."
    those = say.out_of(wrong, n, "real photograph", ("that is", "that are"))
    start = f"Among the {those} {called}"
    groups = sum(len(analysis.groups) for analysis in analyses)
    clear = [
        (analysis.together(i, data.spec.confidence, groups), i, analysis)
        for analysis in analyses
        for i in _clear(analysis, data.spec.confidence)
    ]
    if not clear:
        return f"{start}none of {groups:,} groups is shown to be over-represented."
    ratio, i, analysis = max(clear, key=lambda entry: entry[0].low)
    tag, value = analysis.groups[i]
    span = say.times_range(ratio.low, ratio.high, data.spec.confidence)
    return (
        f"{start}{say.out_of(len(clear), groups, 'group')} surely over-represented, most clearly "
        f"{say.group_title([tag], [value])} in {analysis.dataset}: {_held_equal(analysis, tag)} "
        f"against the rest {say.times(ratio.value)} as often ({span}, for all groups at once)."
    )


def _clear(analysis: Analysis, confidence: float) -> list[int]:
    """Give the groups surely over-represented, at equal others where anything was held equal."""
    found = analysis.decisive
    return np.flatnonzero((found.ratio > 1) & (found.p < 1 - confidence)).tolist()


def _held_equal(analysis: Analysis, tag: str) -> str:
    """Say what is held equal where a group of a tag is compared with the rest."""
    tags = [] if tag in analysis.apart or len(analysis.p_any) < 2 else ["all other tags"]
    held = tags + ["delivery"] * (analysis.kinds > 1)
    if analysis.decisive is analysis.crude or not held:
        return "taken alone,"
    return f"with {' and '.join(held)} held equal,"


def _tests(analysis: Analysis) -> Iterator[Test]:
    for tag, alike in analysis.alike.items():
        name = f"FPR alike in all groups of {say.tag_title(tag)}, {analysis.dataset}"
        yield Test(name=name, method=alike.method, p=alike.p)
        if tag in analysis.p_any:
            method = "Wald, penalised logistic regression"
            p = analysis.p_any[tag]
            yield Test(name=f"{name}, other tags held equal", method=method, p=p)


# --- details -------------------------------------------------------------------------------


def _tag_table(analysis: Analysis, data: AuditInput) -> Table:
    tags, sources = list(analysis.alike), data.info.tag_sources
    alone = [analysis.alike[tag].p for tag in tags]
    words = [sources.get(tag, {}).get(analysis.dataset, "source not stated") for tag in tags]
    return lay_out(
        f"{analysis.dataset}: does the tag make a difference?",
        [
            text("tag", [say.tag_title(tag) for tag in tags]),
            number("p, alone", "p", alone, "that all its groups are called AI alike"),
            number("p, others held equal", "p", [analysis.p_any.get(tag) for tag in tags]),
            text("whose word the tag is", words),
        ],
        note=_equal_note(analysis),
    )


def _equal_note(analysis: Analysis) -> str:
    if not analysis.p_any:
        return (
            "With so few errors (or so few photographs called rightly) the tags cannot be told "
            "apart, so none is held equal."
        )
    tags = ", ".join(map(say.tag_title, analysis.p_any))
    note = (
        f"Held equal by a penalised logistic regression on {analysis.adjusted_n:,} of "
        f"{analysis.photographs:,} photographs, those that have all of these tags: {tags}; "
        "effects of combined tags beyond the sum of each are not in it."
    )
    if analysis.kinds > 1:
        note += (
            f" Beside them the {analysis.kinds} kinds of picture that size, shape, compression and "
            "format make, as far as the classifier treats them differently."
        )
    if analysis.apart:
        apart = ", ".join(map(say.tag_title, analysis.apart))
        note += f" Of tags that are mostly unknown, delivery alone is held equal: {apart}."
    left_out = [tag for tag in analysis.alike if tag not in (*analysis.p_any, *analysis.apart)]
    if left_out:
        names = ", ".join(map(say.tag_title, left_out))
        note += f" Left out, as mostly unknown or saying nothing more: {names}."
    return note


def _forests(analysis: Analysis, data: AuditInput) -> Iterator[Forest]:
    held = "all other tags and delivery" if analysis.kinds > 1 else "all other tags"
    both = {"each tag alone": analysis.crude, f"{held} held equal": analysis.adjusted}
    for how, ratios in both.items():
        known = np.flatnonzero(~np.isnan(ratios.p))
        if not len(known):
            continue
        found = RateEstimate(analysis.events, analysis.n, *ratios[:3]).take(known.tolist())
        groups = [analysis.groups[i] for i in known]
        yield forest(
            data,
            groups=[f"{say.tag_title(tag)}: {value}" for tag, value in groups],
            **vars(found),
            notes=[_note(*of, data) for of in zip(found.n, found.high, strict=True)],
            title=f"{analysis.dataset}: called AI-generated more often, {how}",
            note=f"{say.interval_title(data.spec.confidence)}s, each on its own.",
            measure="rate of the group over that of the rest of its tag",
            scale="ratio",
            attribute="group",
            reference=1.0,
            reference_label="as often as the rest",
        )


def _note(n: int, high: float, data: AuditInput) -> str | None:
    small = "small group" if n < data.spec.small_group else None
    endless = None if np.isfinite(high) else "no upper end: no error in the rest"
    return "; ".join(filter(None, (small, endless))) or None


def _group_table(analysis: Analysis, data: AuditInput) -> Table:
    tags, values = zip(*analysis.groups, strict=True)
    crude, adjusted = analysis.crude, analysis.adjusted
    return lay_out(
        f"{analysis.dataset}: every group against the rest of its tag",
        [
            text("tag", [say.tag_title(tag) for tag in tags]),
            text("group", values),
            number("photographs", "count", analysis.n),
            number("called AI", "count", analysis.events),
            number("FPR", "percent", analysis.events / analysis.n, ERROR_RATES["fpr"].name),
            *ratio_columns("ratio", crude[:3]),
            number("p (Holm)", "p", crude.p),
            *ratio_columns("ratio, others equal", adjusted[:3]),
            number("p (Holm), others equal", "p", adjusted.p),
        ],
        note=f"{say.interval_title(data.spec.confidence)}s, each on its own; p adjusted by Holm "
        "over the groups of all data sets. Groups with fewer than "
        f"{say.counted(data.spec.small_group, 'photograph')} are merged where others are held "
        "equal.",
    )


CHECK = Check(
    id="over-represented",
    title="Who is over-represented among the wrongly accused",
    description=(
        "Looks at the real photographs that are called AI-generated and asks which people are "
        "among them more often than chance would have it: one tag at a time, and again with all "
        "other tags and the delivery of the pictures held equal, because people with glasses are "
        "older than people without, and their pictures may come in another size or compression; "
        "only one of these may matter. The suspicions that were published with the experiment "
        "this project comes from (glasses, middle age, round faces, white people) are answered "
        "one by one: holds, large excess excluded, or undecided."
    ),
    run=run,
    options=OverRepresentedOptions,
)
