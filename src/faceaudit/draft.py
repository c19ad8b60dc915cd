"""A specification to begin with, drafted from a scores table, with comments for its reader."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from faceaudit.error_rates import ERROR_RATES
from faceaudit.reading.columns import distinct
from faceaudit.runner import summarise
from faceaudit.schema import CLUSTER_COLUMNS, tag_columns
from faceaudit.selection import select
from faceaudit.spec import Spec, as_yaml, every_tag, why_no_groups
from faceaudit.stats.counts import Counts, Images
from faceaudit.tables import Scores, scored
from faceaudit.tags.vocabulary import DERIVED_TAGS
from faceaudit.wording import counted, tag_title

#: Pairs are looked for among so many tags, so many of them are asked about, and so many told.
PAIRED, ASKED, TOLD = 10, 3, 10
#: So many groups of a tag, and tags in a title, are named.
NAMED = 8
IN_TITLE = 4
WIDTH = 96


class Draft(NamedTuple):
    """A specification that was written: where, what it is, and what audits the table with it."""

    path: Path
    spec: Spec
    command: str


def draft(
    scores: Scores,
    name: str,
    command: str,
    *,
    missing: Sequence[str] = (),
    include_training: bool = False,
) -> str:
    """Write a specification that asks about every tag of a table that makes a few groups.

    Parameters
    ----------
    name : str
        Of the specification.
    command : str
        What audits the table with it, for a comment.
    missing : sequence of str
        Words that were read as missing.
    include_training : bool
        Whether to count images that the classifier was trained on.

    Raises
    ------
    FaceAuditError
        If no row is left to audit.
    """
    given: dict[str, Any] = {"missing": list(missing)} if missing else {}
    given |= {"include_training": True} if include_training else {}
    spec = Spec(name=name, title="", question="", attributes=["dataset"], **given)
    return "".join(f"{line}\n" for line in _Draft(scores, spec).lines(command, given))


class _Draft:
    """What a table holds, and a specification of it."""

    def __init__(self, scores: Scores, spec: Spec) -> None:
        self.spec, self.selection = spec, select(scores, spec)
        self.images = Images(scored(self.selection.scores))
        self.table = self.images.table
        self.tags = every_tag(self.table, "", "").attributes
        #: Those whose images are counted behind each group: every image is of one.
        self.shown = [rate for rate in ERROR_RATES.values() if rate.label]
        #: Those that can be compared between groups of a tag or more.
        self.compared = [
            rate
            for rate in ERROR_RATES.values()
            if any(np.count_nonzero(rate.n(self.counts(tag))) > 1 for tag in self.tags)
        ]
        present = [rate for rate in ERROR_RATES.values() if rate.n(self.counts()).any()]
        #: The one that is asked about: that of photographs, if it can be.
        self.rate = next(iter(self.compared or present))

    def counts(self, *tags: str) -> Counts:
        """Count the images of each group."""
        return self.images.counts(tags, 0.5)

    def lines(self, command: str, given: Mapping[str, object]) -> Iterator[str]:
        """Give the specification line by line; `given` is what the user said of it."""
        yield from self._head(command)
        titles = [tag_title(tag) for tag in self.tags]
        if len(titles) > IN_TITLE:
            titles[IN_TITLE - 1 :] = [f"{len(titles) - IN_TITLE + 1} more"]
        by = " and ".join(filter(None, (", ".join(titles[:-1]), titles[-1])))
        asked = f"Are {self.rate.images} of some groups {self.rate.error} more often than others?"
        keys = {"name": self.spec.name, "title": f"Errors by {by}", "question": asked, **given}
        yield from (f"{key}: {as_yaml(value)}" for key, value in keys.items())
        yield from ("", *self._attributes())
        yield from ("", *self._intersections())
        yield from ("", *self._limits())
        yield from ("", *self._others())

    def _head(self, command: str) -> Iterator[str]:
        yield "# Drafted by 'faceaudit init'. Change what you like, then:"
        yield f"#   {_plain(command)}"
        yield "# 'faceaudit checks' lists what else can be asked."
        rows, total = self.selection.rows, self.counts()
        n = " and ".join(counted(int(rate.n(total)[0]), rate.image) for rate in self.shown)
        left = (f" Left out: {of.n:,} {of.reason}." for of in rows.left_out)
        yield from _comment(f"{rows.used:,} of {counted(rows.read, 'row')} count: {n}.", *left)
        for note in self.selection.scores.info.notes:
            yield from _comment(note)
        yield ""

    def _attributes(self) -> Iterator[str]:
        yield from _comment(
            "Tags whose groups are compared. All verdicts share one chance of error, so take out "
            f"what you do not ask about. Behind each: {' / '.join(of.images for of in self.shown)}."
        )
        if self.tags == ["dataset"]:
            yield from _comment("No tag here makes groups; --tags TABLE joins those of a table.")
        yield "attributes:"
        for tag in self.tags:
            counts = self.counts(tag)
            sizes = [rate.n(counts) for rate in self.shown]
            marks = [
                " (small)" * (0 < n < self.spec.small_group) for n in self.rate.n(counts).tolist()
            ]
            told = [
                f"{group} {' / '.join(f'{n[i]:,}' for n in sizes)}{marks[i]}"
                for i, group in enumerate(counts.labels)
            ]
            if len(told) > NAMED:
                told[NAMED - 1 :] = [f"{len(told) - NAMED + 1} more"]
            origin = DERIVED_TAGS[tag][0] if tag in DERIVED_TAGS else ""
            derived = f"from {origin}: " if origin in self.table.column_names else ""
            without = f"; {counts.missing:,} untagged" if counts.missing else ""
            yield f"  - {as_yaml(tag)}  # {_plain(derived + ', '.join(told) + without)}"
        others = {tag: why_no_groups(self.table, tag) for tag in tag_columns(self.table)}
        if left := [f"{tag} ({why})" for tag, why in others.items() if why]:
            yield from _comment(f"Not compared: {', '.join(left)}.")

    def _intersections(self) -> Iterator[str]:
        small, images = self.spec.small_group, self.rate.images
        # What a tag was derived from has smaller groups of the same people.
        origins = {of for tag, (of, _) in DERIVED_TAGS.items() if tag in self.tags}
        tags = [tag for tag in self.tags if tag not in origins]
        pairs = []
        for pair in combinations(tags[:PAIRED], 2):
            n, *alone = (self.rate.n(self.counts(*of)) for of in (pair, *zip(pair, strict=True)))
            groups, large = np.count_nonzero(n), np.count_nonzero(n >= small)
            # Where one tag follows from the other, the pair has no groups of its own.
            if large > 1 and groups > max(map(np.count_nonzero, alone)):
                pairs.append((large / groups, n[n > 0].min(), large, groups, list(pair)))
        pairs.sort(key=lambda of: of[:2], reverse=True)
        among = f" Of the first {PAIRED} tags." if len(tags) > PAIRED else ""
        yield from _comment(
            f"Combinations whose groups are compared: the {ASKED} pairs with the most {images} in "
            f"their smallest group, if these are {small} or more.{among}"
        )
        asked = [of for of in pairs[:ASKED] if of[0] == 1]
        yield "intersections:" if asked else "intersections: []"
        for of in pairs[:TOLD]:
            share, least, large, groups, tags = of
            told = f"{large:,} of {groups:,} groups have {small} {images} or more"
            if share == 1:
                told = f"{groups:,} groups of {least:,} {images} or more"
            yield f"  {'' if of in asked else '# '}- {as_yaml(tags)}  # {told}"

    def _limits(self) -> Iterator[str]:
        yield from _comment(
            "The error that the question is about, and the largest gaps between groups that you "
            "accept: chosen limits, not legal tests."
        )
        yield f"rate: {self.rate.id}  # {self.rate.images} {self.rate.error}"
        yield "limits:"
        for rate in ERROR_RATES.values():
            limit, told = rate.limit, f"{rate.images} {rate.error}"
            if rate not in self.compared:
                limit, told = None, f"no tag has two groups with {rate.images}"
            yield f"  {rate.id}_gap: {as_yaml(limit)}  # {told}"

    def _others(self) -> Iterator[str]:
        yield from _comment("Groups with fewer images are shown, and decide nothing.")
        yield f"small_group: {self.spec.small_group}"
        for name in CLUSTER_COLUMNS:
            if name in self.table.column_names:
                n = len(distinct(self.table[name])[0])
                yield from _comment(
                    f"{name}: images that share one of its {n:,} values count as what they are "
                    "worth."
                )
        summary = summarise("", self.selection.scores, None)
        yield f"# threshold: {as_yaml(summary.threshold)}  # {_plain(summary.threshold_rule)}"


def _comment(*texts: str) -> list[str]:
    wrapper = textwrap.TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False)
    return [f"# {line}" for line in wrapper.wrap(_plain("".join(texts)))]


def _plain(text: str) -> str:
    """Keep a text on its line, and to what YAML allows there."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
