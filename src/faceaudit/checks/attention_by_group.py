"""Attention by group: which part of the picture the answers rest on, by hiding one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from faceaudit import wording as say
from faceaudit.checks.base import AuditInput, Check, Options, Product
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import estimated, lay_out, number, text
from faceaudit.result import Detail, Finding, Heatmap, Interval, Table, nan_to_none
from faceaudit.schema import called_ai, changed_column, variant_column, variant_columns
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.counts import Grouping, Images
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.means import Mean, Means, beside, group_means, means_of_others

#: What the names of variants begin with in which a part is hidden; one of them hides nothing.
HIDDEN, NOTHING = "hidden-", "hidden-nothing"
#: Parts in words; of others their name will do.
WORDS = {
    "eyes": "eyes and glasses",
    "hair": "hair and forehead",
    "border": "border and background",
    "cheeks": "cheeks, chin and neck",
}
#: A probability of 0 or 1 counts as this far from it: its log-odds are infinite.
END = 1e-6
#: Where all parts together move the log-odds by no more, there is nothing to share out.
LEAST = 0.01
#: The least and the most that a share can be, and any number.
SHARES, ANY = (0.0, 1.0), (-np.inf, np.inf)


@dataclass(frozen=True)
class Evidence:
    """What hiding each part does to the answers on images of one label; shape (parts, images)."""

    rate: ErrorRate
    images: Images
    #: In words.
    parts: list[str]
    #: By how much the log-odds of the call fall; whether it turns; the part's share of the picture.
    fall: FloatArray
    turns: NDArray[np.bool_]
    area: FloatArray
    #: Which images are not among them.
    note: str

    @property
    def share(self) -> FloatArray:
        """How much of all that hiding any part moves, up or down, this part moves."""
        return np.asarray(np.abs(self.fall) / np.abs(self.fall).sum(axis=0))

    def means(
        self, of: NDArray[np.generic], grouping: Grouping, ends: tuple[float, float] = SHARES
    ) -> Means:
        """Average over the images of every group, shape (parts, groups)."""
        return group_means(of, grouping.code, len(grouping.groups), self.images.clusters, ends)


def run(data: AuditInput, options: Options) -> Product:
    """Share out what the answers hang on among the parts: over all images, then by group."""
    evidence = [*_evidence(data)]
    if not evidence:
        none = "No picture was scored with its parts hidden: score --edit parts."
        lack = "Hiding parts moves no answer of which there are scores." if _parts(data) else none
        return Product("not-estimable", lack)
    by_tags = [
        (of, tags, grouping)
        for tags in data.spec.groupings
        for of in evidence
        if len((grouping := of.images.grouping(tags)).groups) > 1
    ]
    told = sum(len(of.parts) * int(_large(grouping, data).sum()) for of, _, grouping in by_tags)
    # Half of the chance of error is for all images, half for groups, where there are any.
    error = (1 - data.spec.confidence) / (2 if told else 1)
    together = 1 - error / sum(len(of.parts) for of in evidence)
    findings = [_overall(of, together) for of in evidence]
    details: list[Detail] = [_table(evidence, together, data.threshold)]
    differences: list[Finding] = []
    for of, tags, grouping in by_tags:
        drawn, found = _by_group(of, tags, grouping, 1 - error / max(told, 1), data)
        details += drawn
        differences += found
    differences.sort(key=lambda found: -found.weight)
    told_first = [found.sentence for found in (*findings, *differences[:1])]
    if by_tags and not differences:
        told_first.append("No group is shown to differ from all others in that.")
    return Product("info", " ".join(told_first), findings=findings + differences, details=details)


def _parts(data: AuditInput) -> list[str]:
    """Name the variants in which a part is hidden."""
    names = variant_columns(data.table)
    return [name for name in names if name.startswith(HIDDEN) and name != NOTHING]


def _evidence(data: AuditInput) -> Iterator[Evidence]:
    """Give what hiding does to the images of each label."""
    table, hidden = data.table, _parts(data)
    # With nothing hidden a classifier sees as little of the file itself as with a part hidden.
    whole = NOTHING if NOTHING in variant_columns(table) else None
    columns = [variant_column(whole) if whole else "p_ai", *map(variant_column, hidden)]
    score = np.stack([np.asarray(table[name], np.float64) for name in columns])
    odds, call = logit(np.clip(score, END, 1 - END)), called_ai(score, data.threshold)
    fall = np.where(call[0], 1, -1) * (odds[0] - odds[1:])
    area = np.full(fall.shape, np.nan)
    for i, name in enumerate(map(changed_column, hidden)):
        if name in table.column_names:
            area[i] = table[name]
    parts = [WORDS.get(part, part) for part in (name.removeprefix(HIDDEN) for name in hidden)]
    scored, moved = ~np.isnan(score).any(axis=0), np.abs(fall).sum(axis=0) > LEAST
    for rate in ERROR_RATES.values():
        label = data.images.is_ai == (rate.label == "ai")
        if (rows := label & scored & moved).any():
            yield Evidence(
                rate,
                data.images_of(rows),
                parts,
                fall[:, rows],
                (call[1:] != call[0])[:, rows],
                area[:, rows],
                f"Of {say.counted(int(label.sum()), rate.image)}, {int((label & ~scored).sum()):,} "
                "are left out without a face that is found, and "
                f"{int((label & scored & ~moved).sum()):,} on which hiding moves nothing.",
            )


def _sizes(grouping: Grouping) -> IntArray:
    return np.asarray(np.bincount(grouping.code + 1, minlength=len(grouping.groups) + 1)[1:])


def _large(grouping: Grouping, data: AuditInput) -> NDArray[np.bool_]:
    """Tell which groups may be told to differ from all others: both are large enough."""
    n = _sizes(grouping)
    large = (n >= data.spec.small_group) & (n.sum() - n >= data.spec.small_group)
    # Of two groups each is the other's rest.
    large[1:] &= len(n) > 2
    return np.asarray(large)


def _overall(of: Evidence, confidence: float) -> Finding:
    """Tell which part moves the answers most, over all images."""
    share = of.means(of.share, of.images.grouping(())).estimate(confidence)
    most, n, area = int(share.value.argmax()), len(of.images), of.area.mean(axis=1)
    found = Interval(**share.at(most), confidence=confidence, together=True)
    on = "" if np.isnan(area[most]) else f", on {say.percent(area[most])} of the picture"
    return Finding(
        sentence=f"Of all that hiding parts moves on {say.counted(n, of.rate.image)}, "
        f"{of.parts[most]} move most: {say.percent(found.value)} "
        f"({say.percent_range(found.low, found.upper)}){on}.",
        status="info",
        n=n,
        interval=found,
    )


# --- details -------------------------------------------------------------------------------


def _table(evidence: Sequence[Evidence], confidence: float, threshold: float) -> Table:
    """Lay out what hiding each part does, over all images."""

    def mean(name: str, ends: tuple[float, float] = SHARES) -> Mean:
        each = (of.means(getattr(of, name), of.images.grouping(()), ends) for of in evidence)
        return beside([of.estimate(confidence) for of in each])

    share, area = mean("share"), mean("area").value
    return lay_out(
        "What hiding each part does",
        [
            text("label", [of.rate.label for of in evidence for _ in of.parts]),
            text("hidden", [part for of in evidence for part in of.parts]),
            number("images", "count", [len(of.images) for of in evidence for _ in of.parts]),
            number("of the picture", "percent", area),
            *estimated("share of what moves", "percent", share, confidence),
            number("share for its area", "number", rate_of(share.value, area), "1: as its area"),
            *estimated(f"calls at {threshold:g} that turn", "percent", mean("turns"), confidence),
            *estimated("their log-odds fall by", "number", mean("fall", ANY), confidence),
        ],
        None,
        "A part's share is that of all by which hiding any part moves the log-odds of the answer, "
        "up or down; the mean over images. The intervals of a column hold for all of its rows "
        f"together. {' '.join(of.note for of in evidence)}",
    )


def _by_group(
    of: Evidence, tags: tuple[str, ...], grouping: Grouping, confidence: float, data: AuditInput
) -> tuple[list[Detail], list[Finding]]:
    """Lay out each group's shares beside those of all others, and tell what is shown to differ."""
    groups, parts, by = grouping.labels, of.parts, say.attributes_title(tags)
    n = _sizes(grouping)
    share, area = of.means(of.share, grouping), of.means(of.area, grouping).value
    how = grouping.code, len(groups), of.images.clusters, SHARES
    rest = means_of_others(of.share, *how)
    change = share.minus(rest, confidence)
    title = f"{say.capitalised(of.rate.images)}: what the answers rest on, by {by}"
    table = lay_out(
        f"{title}, against all others",
        [
            text("hidden", np.repeat(parts, len(groups)).tolist()),
            text(by, groups * len(parts)),
            number("images", "count", np.tile(n, len(parts))),
            number("of the picture", "percent", area),
            number("share of what moves", "percent", share.value),
            number("on all others", "percent", rest.value),
            *estimated("difference", "points", change, confidence),
        ],
        None,
        "Groups may also differ in how their pictures are cut, and in their data sets. The "
        f"intervals hold for all tags and labels together. Tags: {data.tag_source(tags)}.",
    )
    values, low, high = (
        [list(map(nan_to_none, row)) for row in end.reshape(len(parts), -1).T]
        for end in vars(share.estimate(data.spec.confidence)).values()
    )
    heatmap = Heatmap(
        title=title,
        note=f"Each with its {say.interval_title(data.spec.confidence)}, on its own.",
        measure="share of what hiding a part moves",
        row_title=by,
        column_title="hidden",
        tag_source=data.tag_source(tags),
        rows=groups,
        columns=[part.split()[0].strip(",") for part in parts],
        values=values,
        low=low,
        high=high,
        n=np.repeat(n[:, None], len(parts), axis=1).tolist(),
    )
    findings = []
    large = np.tile(_large(grouping, data), len(parts))
    shown = large & ((change.low > 0) | (change.high < 0))
    for at in np.flatnonzero(shown).tolist():
        part, i = divmod(at, len(groups))
        found = Interval(**change.at(at), confidence=confidence, together=True)
        findings.append(
            Finding(
                sentence=f"{say.capitalised(say.group_title([by], [groups[i]]))}, "
                f"{of.rate.images}: {parts[part]} move {say.percent(share.value[at])} of what "
                f"hiding moves, {say.percent(rest.value[at])} on all others "
                f"({100 * found.value:+.1f} points, {100 * found.low:+.1f} to "
                f"{100 * found.upper:+.1f}).",
                status="info",
                weight=min(abs(found.low), abs(found.upper)),
                tags=list(tags),
                n=int(n[i]),
                interval=found,
            )
        )
    return [heatmap, table], findings


CHECK = Check(
    id="attention-by-group",
    title="Which part of the picture the answers rest on",
    description=(
        "One part of the picture after the other is hidden (filled with what surrounds it), and "
        "the classifier is asked again. The more its answer moves, the more it rests on that part. "
        "A part's share is that of all that hiding any part moves. A picture with a part hidden is "
        "no photograph any more; parts that tell something only together are not found out, and "
        "one that another can stand in for seems to be of no weight."
    ),
    run=run,
    concerns=lambda data: bool(_parts(data)),
)
