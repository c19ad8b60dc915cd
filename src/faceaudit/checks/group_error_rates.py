"""Group error rates: who is misclassified how often, tag by tag."""

from __future__ import annotations

from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.group_rates import rates_by_group


def run(data: AuditInput, options: Options) -> Product:
    """Give the error rates of every group of every audited tag."""
    nothing = "No tag has two groups with images of one label, so there is nothing to compare."
    return rates_by_group(data, [(tag,) for tag in data.spec.attributes], nothing)


CHECK = Check(
    id="group-error-rates",
    title="Error rates by group",
    part="rates",
    description=(
        "How often the real photographs of each group are called AI-generated (the harm to the "
        "person pictured), and how often AI-generated faces that look like the group are called "
        "real. Every rate stands with its number of images and the range in which the true rate "
        "lies. A group without images of a kind has no such rate: that is not a rate of zero."
    ),
    run=run,
)
