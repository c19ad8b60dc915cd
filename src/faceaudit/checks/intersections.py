"""Intersections: who is misclassified how often, by several tags at once."""

from __future__ import annotations

from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.group_rates import rates_by_group


def run(data: AuditInput, options: Options) -> Product:
    """Give the error rates of every combination of values that the specification names."""
    if not data.spec.intersections:
        return Product("info", "The specification names no combination of tags.")
    nothing = "No combination of tags has two groups with images of one label to compare."
    return rates_by_group(data, data.spec.intersections, nothing)


CHECK = Check(
    id="intersections",
    title="Error rates by combined groups",
    part="combined",
    description=(
        "A classifier can treat women and men alike, and young and old alike, and still fail "
        "young women. This gives the error rates of every combination of the named tags. Combined "
        "groups are small: look at the number of images and at the range before the rate."
    ),
    run=run,
)
