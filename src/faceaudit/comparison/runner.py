"""Classifiers on the same images: two, group by group, or more, ranked; and the result of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from faceaudit.answer import status_of
from faceaudit.comparison import answer, groups, non_inferiority
from faceaudit.comparison.leaderboard import aucs
from faceaudit.comparison.many import many
from faceaudit.comparison.notes import alone_table, notes
from faceaudit.comparison.outcomes import Comparison
from faceaudit.errors import FaceAuditError, validated
from faceaudit.pairing import Panel, side_by_side
from faceaudit.result import PARTS, Result
from faceaudit.runner import adjust_tests, headline, result_versions, timestamp
from faceaudit.schema import tag_columns
from faceaudit.selection import refuse_many_groups
from faceaudit.spec import Spec, every_tag
from faceaudit.stats.clusters import INDEPENDENT
from faceaudit.tables import Scores, inputs_of


def compare(
    scores: Sequence[Scores],
    spec: Spec | None = None,
    *,
    names: Sequence[str] = ("first", "second"),
    include_training: bool = False,
    no_worse_by: float | None = None,
) -> Result:
    """Compare classifiers on the images that all of them scored; of kind ``compare``.

    Images are matched as `faceaudit.reading.matching.match` says. Tags are taken from the first,
    and from those after it where the first has none. Differences are minus the first: below zero,
    the other errs less.

    Parameters
    ----------
    scores : sequence of Scores
        Each at its own threshold, unless the specification has one.
    spec : Spec, optional
        Attributes, intersections, slice, rows, threshold and confidence; without one, every
        category with two groups or more.
    names : sequence of str
        How each is called in the report.
    include_training : bool
        Count images that one of them was trained on too, whatever the specification says.
    no_worse_by : float, optional
        By how much the error rates of each may be higher than the first's, over all images and in
        every large group; goes before the specification's. Without one, nothing is judged.

    Raises
    ------
    FaceAuditError
        If no image is left that all scored, or two disagree on a label.
    """
    include_training |= spec is not None and spec.include_training
    panel = side_by_side(scores, spec, names, include_training=include_training)
    spec = _chosen_spec(panel, names, include_training, no_worse_by)
    told = _two(panel, (names[0], names[1]), spec) if len(names) == 2 else many(panel, names, spec)
    adjust_tests(told["checks"])
    return Result(
        kind="compare",
        created=timestamp(),
        name=spec.name,
        scores=list(panel.summaries),
        spec=spec.model_dump(exclude_none=True),
        inputs=inputs_of(*scores),
        versions=result_versions(),
        **told,
    )


def _two(panel: Panel, names: tuple[str, str], spec: Spec) -> dict[str, Any]:
    """Tell both rates and the paired difference, group by group, in the fields of a result."""
    both = Comparison(panel.pair(0, 1), names, spec)
    overall, *by_tag = (groups.by_group(both, tags) for tags in both.groupings)
    ranked, tests = aucs(both.sides, names, spec.confidence)
    overall.details += [*groups.counts_table(both), *alone_table(both), *ranked]
    overall.tests += tests
    judged = non_inferiority.judge([both])
    checks = [overall, *judged, *groups.gaps(both), *by_tag]
    checks.sort(key=lambda check: PARTS.index(check.part))
    question = f"Whom does {names[1]} get wrong more or less often than {names[0]}?"
    told, verdict = answer.answer(both, checks), answer.headline(both)
    if judged:
        question = f"May {names[1]} replace {names[0]}, or is it worse for anybody?"
        verdict = non_inferiority.headline(both, judged[0])
        told = non_inferiority.first_screen(both, judged[0], told)
    return {
        "title": f"{names[0]} and {names[1]} on the same images",
        "question": question,
        "status": status_of(judged) if judged else "info",
        "verdict": verdict,
        "answer": told,
        "findings": headline(checks, overall.findings),
        "limitations": notes(both, checks),
        "checks": checks,
    }


def _chosen_spec(
    panel: Panel, names: Sequence[str], include_training: bool, no_worse_by: float | None
) -> Spec:
    """Return what is asked: the specification's tags, which must be there, or every tag."""
    spec = panel.spec or every_tag(panel.table, "Every tag", "")
    given: dict[str, object] = {"include_training": include_training}
    if no_worse_by is not None:
        given["no_worse_by"] = no_worse_by
    spec = validated(Spec, spec.model_dump() | given, f"{spec.name}: ")
    cluster = [] if spec.cluster in (None, INDEPENDENT) else [spec.cluster]
    for name in (*cluster, *(tag for tags in spec.groupings for tag in tags)):
        if name not in panel.table.column_names:
            raise FaceAuditError(
                f"{spec.name}: neither {' nor '.join(names)} has a tag '{name}'; "
                f"the tags are {', '.join(tag_columns(panel.table)) or 'none'}"
            )
    refuse_many_groups(panel.table, spec)
    return spec
