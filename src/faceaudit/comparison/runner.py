"""Two classifiers on the same images: both rates and the paired difference, group by group."""

from __future__ import annotations

from collections.abc import Sequence

from faceaudit.comparison import answer, groups
from faceaudit.comparison.leaderboard import aucs
from faceaudit.comparison.notes import alone_table, notes
from faceaudit.comparison.outcomes import Comparison
from faceaudit.errors import FaceAuditError
from faceaudit.pairing import Panel, side_by_side
from faceaudit.result import PARTS, Result
from faceaudit.runner import adjust_tests, headline, result_versions, timestamp
from faceaudit.schema import tag_columns
from faceaudit.spec import Spec, every_tag
from faceaudit.stats.clusters import INDEPENDENT
from faceaudit.tables import Scores


def compare(
    first: Scores,
    second: Scores,
    spec: Spec | None = None,
    *,
    names: tuple[str, str] = ("first", "second"),
    include_training: bool = False,
) -> Result:
    """Compare two classifiers on the images that both scored; the result is of kind ``compare``.

    Images are matched as `faceaudit.reading.matching.match` says. Tags are taken from the first,
    and from the second where the first has none. Differences are second minus first: below zero,
    the second errs less.

    Parameters
    ----------
    first, second : Scores
    spec : Spec, optional
        Attributes, intersections, slice, rows, threshold and confidence; without one, every
        category with two groups or more.
    names : tuple of str
        How the two are called in the report.
    include_training : bool
        Count images that one of the two was trained on too, whatever the specification says.

    Raises
    ------
    FaceAuditError
        If no image is left that both scored, or they disagree on a label.
    """
    include_training |= spec is not None and spec.include_training
    panel = side_by_side((first, second), spec, names, include_training=include_training)
    spec = chosen_spec(panel, names, include_training)
    both = Comparison(panel.pair(0, 1), names, spec)
    overall, *by_tag = (groups.by_group(both, tags) for tags in both.groupings)
    ranked, tests = aucs(both.sides, names, spec.confidence)
    overall.details += [*groups.counts_table(both), *alone_table(both), *ranked]
    overall.tests += tests
    checks = [overall, *groups.gaps(both), *by_tag]
    checks.sort(key=lambda check: PARTS.index(check.part))
    adjust_tests(checks)
    return Result(
        kind="compare",
        created=timestamp(),
        name=spec.name,
        title=f"{names[0]} and {names[1]} on the same images",
        question=f"Whom does {names[1]} get wrong more or less often than {names[0]}?",
        status="info",
        verdict=answer.headline(both),
        answer=answer.answer(both, checks),
        findings=headline(checks, overall.findings),
        limitations=notes(both, checks),
        scores=list(panel.summaries),
        checks=checks,
        spec=spec.model_dump(exclude_none=True),
        versions=result_versions(),
    )


def chosen_spec(panel: Panel, names: Sequence[str], include_training: bool) -> Spec:
    """Return what is asked: the specification's tags, which must be there, or every tag."""
    spec = panel.spec or every_tag(panel.table, "Every tag", "")
    spec = spec.model_copy(update={"include_training": include_training})
    cluster = [] if spec.cluster in (None, INDEPENDENT) else [spec.cluster]
    for name in (*cluster, *(tag for tags in spec.groupings for tag in tags)):
        if name not in panel.table.column_names:
            raise FaceAuditError(
                f"{spec.name}: neither {' nor '.join(names)} has a tag '{name}'; "
                f"the tags are {', '.join(tag_columns(panel.table)) or 'none'}"
            )
    return spec
