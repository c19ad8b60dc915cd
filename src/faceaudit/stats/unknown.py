"""What is not known of images: missing tags and scores, wrong tags, what hangs together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceaudit.error_rates import ErrorRate
from faceaudit.errors import FaceAuditError
from faceaudit.reading.columns import distinct, is_text, numbered
from faceaudit.schema import tag_columns
from faceaudit.spec import MOST_GROUPS
from faceaudit.stats import FloatArray
from faceaudit.stats.clusters import err_alike
from faceaudit.stats.counts import Counts, Images
from faceaudit.stats.gaps import Hidden
from faceaudit.tags.vocabulary import NUMERIC_TAGS

#: So many standard errors are no accident, of however many columns.
SURE = 4.0


@dataclass(frozen=True)
class HiddenImages:
    """Images that could be of any group, or could be errors, in each group that they could be in.

    `untagged` are those with a score and without a tag, `unscored` those without a score.
    """

    untagged: Counts
    unscored: Counts

    def of(self, rate: ErrorRate) -> Hidden:
        """Give those that an error rate counts."""
        wrong = np.asarray(rate.events(self.untagged), float)
        right = np.asarray(rate.n(self.untagged), float) - wrong
        return Hidden(wrong, right, np.asarray(rate.n(self.unscored), float))


def hidden_images(images: Images, wrong: NDArray[np.bool_], counts: Counts) -> HiddenImages | None:
    """Find the images whose group or whose answer is not known; None if all are known.

    Images of a data set and label of which none has the tags are not among them: there
    the tag makes no groups.

    Parameters
    ----------
    images : Images
        Those with a score first, then those without.
    wrong : bool array, shape (images with a score,)
    counts : Counts
        Of the groups, at one threshold.
    """
    grouping = images.grouping(counts.tags)
    unscored = np.arange(len(wrong), len(images))
    suspects = np.append(np.flatnonzero(grouping.code[: len(wrong)] < 0), unscored)
    if not len(suspects):
        return None
    stratum = 2 * images.codes("dataset")[0] + images.is_ai
    tagged = np.bincount(stratum, grouping.code >= 0) > 0
    hidden = suspects[tagged[stratum[suspects]]]
    code, is_ai, scored = grouping.code[hidden], images.is_ai[hidden], hidden < len(wrong)
    # A group of which no image has a score is compared with none; the last place is for it.
    place = {group: i for i, group in enumerate(counts.groups)}
    of_group = np.array([place.get(group, len(place)) for group in grouping.groups], np.int64)
    unknown = np.zeros((2, len(place) + 1), np.int64)
    known = ~scored & (code >= 0)
    np.add.at(unknown, (is_ai[known].astype(int), of_group[code[known]]), 1)
    without = np.bincount(is_ai[~scored & (code < 0)].astype(int), minlength=2)
    real, ai = unknown[:, :-1] + without[:, None]
    untagged, errors = is_ai[scored], wrong[hidden[scored]]
    nothing = np.zeros(len(place), np.int64)

    def everywhere(of: NDArray[np.bool_]) -> NDArray[np.int64]:
        return nothing + np.count_nonzero(of)

    return HiddenImages(
        untagged=dataclasses.replace(
            counts,
            n_real=everywhere(~untagged),
            real_called_ai=everywhere(~untagged & errors),
            n_ai=everywhere(untagged),
            ai_called_real=everywhere(untagged & errors),
        ).effective,
        unscored=dataclasses.replace(
            counts, n_real=real, real_called_ai=nothing, n_ai=ai, ai_called_real=nothing
        ).effective,
    )


def hanging_together(images: Images, wrong: NDArray[np.bool_]) -> str | None:
    """Find a column that nobody named as a cluster, of whose values images are surely wrong alike.

    Such as persons or films: more values than groups could have, of a few images each.
    """
    table = images.table
    kind = 2 * images.codes("dataset")[0] + images.is_ai
    for name in tag_columns(table):
        column = table[name]
        if name in NUMERIC_TAGS or not (is_text(column.type) or pa.types.is_integer(column.type)):
            continue
        values, known = len(distinct(column)[0]), len(column) - column.null_count
        few_each = MOST_GROUPS < values < known <= values * MOST_GROUPS
        if few_each and err_alike(numbered(column), kind, wrong) > SURE:
            return name
    return None


def wrong_tags(images: Images, counts: Counts, tag_error: Mapping[str, object]) -> FloatArray:
    """Give the share of each group's images that belong to another one; shape (groups,).

    Parameters
    ----------
    counts : Counts
        Of the groups.
    tag_error : mapping
        As in a specification: tag -> a share; or by group a share, or by group the shares that
        truly are of each group; or the tag of a second annotator, of whom it is taken that all
        differences are the first one's errors.

    Raises
    ------
    FaceAuditError
        If a group or the second annotator's tag is not there.
    """
    right = np.ones(len(counts.groups))
    for at, tag in enumerate(counts.tags):
        given = tag_error.get(tag)
        if given is None:
            continue
        if isinstance(given, str):
            given = _differing(images, tag, given)
        for i, group in enumerate(counts.groups):
            right[i] *= 1 - (
                float(given) if isinstance(given, int | float) else _share(given, tag, group[at])
            )
    return 1 - right


def _share(given: object, tag: str, value: str) -> float:
    assert isinstance(given, Mapping)
    if value not in given:
        raise FaceAuditError(
            f"tag_error: {tag}: nothing is said of '{value}', which is among the images; "
            f"there are {', '.join(map(str, given))}"
        )
    of = given[value]
    return 1 - float(of.get(value, 0.0)) if isinstance(of, Mapping) else float(of)


def _differing(images: Images, tag: str, other: str) -> dict[str, float]:
    """Give the share of each group's images of which a second annotator says something else."""
    code, values = images.codes(tag)
    second, others = images.codes(other)
    # By name: both annotators' values are numbered on their own.
    same = np.array([values.index(name) if name in values else -2 for name in others] + [-1])
    both = (code >= 0) & (second >= 0)
    n = np.bincount(code[both], minlength=len(values))
    differ = np.bincount(code[both & (same[second] != code)], minlength=len(values))
    if not n.all():
        lacking = values[int(np.flatnonzero(n == 0)[0])]
        raise FaceAuditError(
            f"tag_error: {tag}: no image tagged '{lacking}' has a tag '{other}' to compare it with"
        )
    return dict(zip(values, (differ / n).tolist(), strict=True))
