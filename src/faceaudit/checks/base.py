"""How to write a check.

A check is one module with a ``CHECK``: in this folder, or in an installed package that names it
under the entry point ``faceaudit.checks``. Its `Check.run` gets the scores as an `AuditInput`
and its options, and returns a `Product`: what it found, as facts, sentences, tests and details to
draw. The audit adds what is the same for all: id, title, description, p-values adjusted over
all tests, the place among the others; an exception becomes an ``error`` of this check alone.

::

    from faceaudit.checks import AuditInput, Check, Options, Product
    from faceaudit.wording import counted

    def run(data: AuditInput, options: Options) -> Product:
        ai = data.audited(()).n_ai[0]
        return Product("info", f"There are {counted(ai, 'AI-generated face')} here.")

    CHECK = Check(
        id="how-many-faces",
        title="How many AI-generated faces there are",
        description="A journalist understands this paragraph.",
        run=run,
    )

Count with `AuditInput.counts` and `AuditInput.audited`, never image by image; lay out with
`faceaudit.layout`, so that the report's slider moves what the threshold moves.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.errors import validated
from faceaudit.image_names import ImageNames
from faceaudit.limits import GROUPS
from faceaudit.result import Detail, Finding, GapVerdict, Part, Status, Test
from faceaudit.schema import DELIVERY_COLUMNS, ScoresInfo, called_ai
from faceaudit.spec import Spec
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.clusters import clusters_of
from faceaudit.stats.counts import Counts, Images
from faceaudit.stats.delivery import kinds_of_picture
from faceaudit.stats.gaps import Hidden, gap_bounds
from faceaudit.stats.rates import of_large_groups
from faceaudit.stats.thresholds import reader_thresholds
from faceaudit.stats.unknown import HiddenImages, hanging_together, hidden_images, wrong_tags
from faceaudit.stats.verdicts import LimitedGap
from faceaudit.wording import tag_title


class Options(BaseModel):
    """Base of a check's options: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


@dataclass
class AuditInput:
    """What every check is given."""

    #: The scored rows only (status ``ok`` or ``no_face``), so ``p_ai`` has no null. Text is Arrow's
    #: dictionaries, and ``image`` may be the number of a row: see `shown`.
    table: pa.Table
    #: File metadata: data sets, tag sources, classifier.
    info: ScoresInfo
    #: Attributes, intersections, limits, confidence.
    spec: Spec
    #: An image is called AI-generated when ``p_ai >= threshold``, in float32.
    threshold: float
    #: The rows that have no score.
    unscored: pa.Table | None = None
    #: The chance of error of each gap that the audit holds against a limit, as `Check.judges`
    #: names it: they share that of the whole audit.
    errors: Mapping[Hashable, float] = field(default_factory=dict)
    #: Of the images, where the table's ``image`` is the number of a row.
    names: ImageNames = field(default_factory=ImageNames)

    def shown(self, rows: IntArray) -> pa.Table:
        """Return some rows of the table with the paths and hashes of their images."""
        return self.names.of(self.table.take(pa.array(rows)))

    @cached_property
    def clusters(self) -> IntArray | None:
        """Numbers of what hangs together, shape (rows,); None if every row stands alone."""
        return clusters_of(self.table, self.spec.cluster)

    @cached_property
    def unclustered(self) -> str | None:
        """The column whose images err alike, where the specification says nothing of clusters."""
        if self.spec.cluster is not None or {"person", "video"} & {*self.table.column_names}:
            return None
        return hanging_together(self.images, self.wrong)

    @cached_property
    def wrong(self) -> NDArray[np.bool_]:
        """Which images are called wrongly, shape (rows,)."""
        return np.asarray(called_ai(self.images.score, self.threshold) != self.images.is_ai)

    @cached_property
    def images(self) -> Images:
        """The same rows as arrays."""
        return Images(self.table, self.clusters, self.threshold)

    def images_of(self, rows: NDArray[np.bool_]) -> Images:
        """Give those of some rows."""
        clusters = None if self.clusters is None else self.clusters[rows]
        return Images(self.table.filter(rows), clusters, self.threshold)

    @cached_property
    def photographs(self) -> dict[str, Images]:
        """The real photographs of each data set, without the tags that it does not have."""
        real, names = self._photographs, self.images.codes("dataset")[1]
        parts = {}
        for i in np.unique(real[real >= 0]):
            part = self.table.filter(real == i)
            known = [name for name in part.column_names if part[name].null_count < len(part)]
            clusters = None if self.clusters is None else self.clusters[real == i]
            parts[names[i]] = Images(part.select(known), clusters, self.threshold)
        return parts

    @cached_property
    def _photographs(self) -> IntArray:
        """The data set of each photograph; -1 for AI-generated images."""
        return np.where(self.images.is_ai, -1, self.images.codes("dataset")[0])

    @cached_property
    def delivery(self) -> IntArray:
        """The kind of picture that each image is, of those treated alike, shape (rows,)."""
        return kinds_of_picture(self.images, self.wrong)

    def kinds_of_photograph(self, dataset: str) -> IntArray:
        """The kinds of picture of a data set's real photographs, as `photographs` has them."""
        of_dataset = self.images.codes("dataset")[1].index(dataset)
        return np.asarray(self.delivery[self._photographs == of_dataset])

    @cached_property
    def outcome_by_kind(self) -> NDArray[np.int32]:
        """Number each image's kind of picture, label and whether it is called wrongly."""
        return (4 * self.delivery + 2 * self.images.is_ai + self.wrong).astype(np.int32)

    @cached_property
    def thresholds(self) -> tuple[float, ...]:
        """The thresholds at which details can be shown, `threshold` among them."""
        return reader_thresholds(self.threshold)

    def counts(self, tags: Sequence[str], *, empty_cells: bool = False) -> Counts:
        """Count each group's images and errors at every threshold that can be shown.

        Where there are more than `GROUPS` groups, at the audited one only.
        """
        groups = self.images.grouping(tags, empty_cells=empty_cells).groups
        thresholds = self.thresholds if len(groups) <= GROUPS else (self.threshold,)
        return self.images.counts(tags, thresholds, empty_cells=empty_cells)

    def audited(self, tags: Sequence[str], *, empty_cells: bool = False) -> Counts:
        """Count each group's images and errors at the audited threshold."""
        return self.counts(tags, empty_cells=empty_cells).at(self.threshold)

    def error_of(self, gap: Hashable) -> float:
        """Return the chance of error at which a gap is held against its limit."""
        return self.errors.get(gap, 1 - self.spec.confidence)

    @cached_property
    def claim_confidence(self) -> float:
        """The confidence at which all gaps that the audit can speak of hold together.

        Those of every grouping and error rate for which two groups have images.
        """
        gaps = sum(
            int(np.count_nonzero(rate.n(self.audited(tags))) > 1)
            for tags in self.spec.groupings
            for rate in ERROR_RATES.values()
        )
        return 1 - (1 - self.spec.confidence) / max(gaps, 1)

    def gap_bounds(
        self, tags: Sequence[str], rate: ErrorRate, error: float
    ) -> tuple[float, float, float]:
        """Bound the gap of an error rate between the groups that are large enough.

        Returns
        -------
        low, high, worst : float
            One-sided bounds, each wrong with the chance `error`; `worst` is `high` whatever the
            images are that lack a tag or a score. NaN with fewer than two such groups.
        """
        counts = self.audited(tags)
        given = of_large_groups(counts.effective, rate.id, self.spec.small_group, rate.n(counts))
        wrong = self.wrong_tags(tags)
        low, high = map(float, gap_bounds(*given, error, wrong_tags=wrong))
        hidden = self._hidden(tags, rate)
        if hidden is None:
            return low, high, high
        bounds = gap_bounds(*given, error, hidden=hidden, wrong_tags=wrong)
        return low, high, float(bounds[1])

    def wrong_tags(self, tags: Sequence[str]) -> FloatArray:
        """Give the share of each group's images whose tags are said to be wrong."""
        return wrong_tags(self.images, self.audited(tags), self.spec.tag_error)

    def _hidden(self, tags: Sequence[str], rate: ErrorRate) -> Hidden | None:
        if self.spec.assume_missing == "random":
            return None
        if (key := tuple(tags)) not in self._hidden_images:
            found = hidden_images(self._everything, self.wrong, self.audited(tags))
            self._hidden_images[key] = found
        known = self._hidden_images[key]
        return None if known is None else known.of(rate)

    @cached_property
    def _hidden_images(self) -> dict[tuple[str, ...], HiddenImages | None]:
        return {}

    @cached_property
    def _everything(self) -> Images:
        """The scored images, then those without a score."""
        if self.unscored is None or not len(self.unscored):
            return self.images
        return Images(pa.concat_tables([self.table, self.unscored]))

    def tag_source(self, tags: Sequence[str]) -> str:
        """Say whose word some tags are, over all data sets."""
        if len(tags) == 1:
            return self._source(tags[0])
        return "; ".join(f"{tag_title(tag)}: {self._source(tag)}" for tag in tags)

    def _source(self, tag: str) -> str:
        if tag == "dataset":
            return "the data set that the image comes from"
        if tag in DELIVERY_COLUMNS:
            return "read from the image file"
        sources = self.info.tag_sources.get(tag, {})
        if len(set(sources.values())) == 1:
            return next(iter(sources.values()))
        by_dataset = (f"{dataset}: {source}" for dataset, source in sorted(sources.items()))
        return "; ".join(by_dataset) or "source not stated"


@dataclass
class Product:
    """What a check found."""

    status: Status
    #: The check's answer, with its numbers.
    sentence: str
    #: The gaps that it held against a limit.
    verdicts: Sequence[GapVerdict] = ()
    #: What is worth quoting, what was tested, what is drawn; a detail that is None is left out.
    findings: Sequence[Finding] = ()
    tests: Sequence[Test] = ()
    details: Sequence[Detail | None] = ()
    #: In the place of the check's own.
    title: str | None = None
    #: What the data cannot carry, as whole sentences.
    limitations: Sequence[str] = ()


@dataclass(frozen=True)
class Check:
    """One question that an audit can ask."""

    #: Stable name, used in specifications and links.
    id: str
    #: Heading.
    title: str
    #: One paragraph that a journalist understands.
    description: str
    #: ``run(data: AuditInput, options) -> Product``.
    run: Callable[[AuditInput, Any], Product]
    #: The part of the page in which it stands, see `faceaudit.result.PARTS`.
    part: Part = "why"
    #: The heading it has instead where the check fails.
    failure_title: str | None = None
    #: Columns that must be there, beyond image, label, dataset and p_ai.
    columns: tuple[str, ...] = ()
    #: What the specification may set.
    options: type[Options] = Options
    #: Whether it runs when a specification names no checks.
    default: bool = True
    #: Whether it has anything to say of these data; where not, it runs only if it is named.
    concerns: Callable[[AuditInput], bool] = lambda data: True
    #: ``judges(data, options)``: the gaps that it can hold against a limit here, by a name of its
    #: own; they share the audit's chance of error (`AuditInput.error_of`). Only a check that
    #: records such verdicts can make an audit pass; a `fail` of any other is a veto.
    judges: Callable[[AuditInput, Any], Mapping[Hashable, LimitedGap]] = lambda data, options: {}

    def parse_options(self, given: dict[str, Any], source: str) -> Options:
        """Validate the options that a specification gives."""
        return validated(self.options, given, f"{source}: checks.{self.id}.")
