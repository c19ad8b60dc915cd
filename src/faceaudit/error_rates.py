"""The error rates that an audit compares between groups: an entry each, its words and its formula.

Positive is "AI-generated". Another rate is another entry here: tables, forests, gaps, limits
(``limits: {ID_gap: …}`` in a specification) and sentences follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class ErrorRate:
    """One error rate: how it is spoken of, and of which counts it is the quotient."""

    #: In specifications and results.
    id: str
    #: ``FPR``, ``false positive rate``.
    short: str
    name: str
    #: What can suffer the error, in the singular: ``real photograph``.
    image: str
    #: What happens to it: ``called AI-generated``; and at the head of a narrow column.
    error: str
    column: str
    #: What the classifier does to it, in short: ``wrongly accuses``.
    verb: str
    #: The label of all its images, if they have one.
    label: Literal["real", "ai"] | None
    #: From `faceaudit.stats.counts.Counts` to the numerator and the denominator of each group.
    events: Callable[[Any], Any]
    n: Callable[[Any], Any]
    #: Largest gap between groups that a specification accepts unless it says otherwise.
    limit: float | None = None

    @property
    def images(self) -> str:
        """The images in the plural."""
        return f"{self.image}s"


#: The harm to the person pictured comes first.
ERROR_RATES: dict[str, ErrorRate] = {
    rate.id: rate
    for rate in (
        ErrorRate(
            id="fpr",
            short="FPR",
            name="false positive rate",
            image="real photograph",
            error="called AI-generated",
            column="called AI",
            verb="wrongly accuses",
            label="real",
            events=lambda counts: counts.real_called_ai,
            n=lambda counts: counts.n_real,
            limit=0.05,
        ),
        ErrorRate(
            id="fnr",
            short="FNR",
            name="false negative rate",
            image="AI-generated face",
            error="called real",
            column="called real",
            verb="misses",
            label="ai",
            events=lambda counts: counts.ai_called_real,
            n=lambda counts: counts.n_ai,
            limit=0.05,
        ),
    )
}
