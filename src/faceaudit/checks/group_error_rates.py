"""Group error rates: who is misclassified how often, tag by tag."""

from __future__ import annotations

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.parts.error_rates import (
    ERROR_RATES,
    RateGap,
    rate_forest,
    rate_gaps,
    rate_table,
    rate_tests,
    widest,
)
from faceaudit.checks.parts.threshold_grid import count_by_threshold
from faceaudit.result import CheckResult, Detail, Test
from faceaudit.stats.counts import count_outcomes


def run(data: AuditInput, options: Options) -> CheckResult:
    """Give both error rates of every group of every audited tag."""
    details: list[Detail] = []
    tests: list[Test] = []
    gaps: list[RateGap] = []
    for attribute in data.spec.attributes:
        counts = count_outcomes(data.table, (attribute,), data.threshold)
        if not counts.groups:
            continue
        moved = count_by_threshold(counts, data)
        forests = [rate_forest(counts, rate, data, moved) for rate in ERROR_RATES]
        details += [forest for forest in forests if forest is not None]
        details.append(rate_table(counts, data, moved))
        tests += [test for rate in ERROR_RATES for test in rate_tests(counts, rate)]
        gaps += rate_gaps(counts, data)
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status="info" if gaps else "not-estimable",
        sentence=widest(gaps).sentence()
        if gaps
        else "No tag has two groups with images of one label, so there is nothing to compare.",
        findings=[gap.finding(CHECK.id) for gap in gaps],
        tests=tests,
        details=details,
    )


CHECK = Check(
    id="group-error-rates",
    title="Error rates by group",
    failure_title="Error rates by group",
    description=(
        "How often the real photographs of each group are called AI-generated (the harm to the "
        "person pictured), and how often AI-generated faces that look like the group are called "
        "real. Every rate stands with its number of images and the range in which the true rate "
        "lies. A group without images of a kind has no such rate: that is not a rate of zero."
    ),
    run=run,
)
