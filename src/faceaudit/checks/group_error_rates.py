"""Group error rates: who is misclassified how often, tag by tag."""

from __future__ import annotations

from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.group_rates import (
    GroupRates,
    answer,
    rate_gaps,
    rate_tests,
)
from faceaudit.error_rates import ERROR_RATES
from faceaudit.result import Detail, Finding, Test


def run(data: AuditInput, options: Options) -> Product:
    """Give the error rates of every group of every audited tag."""
    details: list[Detail | None] = []
    tests: list[Test] = []
    gaps: list[Finding] = []
    for tag in data.spec.attributes:
        counts = data.counts((tag,))
        if not counts.groups:
            continue
        audited = counts.at(data.threshold)
        rates = GroupRates(counts, data)
        details += [*(rates.forest(rate) for rate in ERROR_RATES.values()), rates.table()]
        tests += [test for rate in ERROR_RATES.values() for test in rate_tests(audited, rate)]
        gaps += rate_gaps(audited, data)
    return Product(
        status="info" if gaps else "not-estimable",
        sentence=answer(gaps)
        if gaps
        else "No tag has two groups with images of one label, so there is nothing to compare.",
        findings=gaps,
        tests=tests,
        details=details,
    )


CHECK = Check(
    id="group-error-rates",
    title="Error rates by group",
    description=(
        "How often the real photographs of each group are called AI-generated (the harm to the "
        "person pictured), and how often AI-generated faces that look like the group are called "
        "real. Every rate stands with its number of images and the range in which the true rate "
        "lies. A group without images of a kind has no such rate: that is not a rate of zero."
    ),
    run=run,
)
