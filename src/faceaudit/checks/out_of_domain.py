"""Out of domain: does the classifier notice that there is no face, or is it sure all the same?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from faceaudit.checks import AuditInput, Check, Options
from faceaudit.checks.parts.error_rates import interval_title
from faceaudit.checks.parts.threshold_grid import rounded
from faceaudit.result import (
    Cell,
    CheckResult,
    Column,
    Distribution,
    Estimate,
    Finding,
    Forest,
    Table,
)
from faceaudit.row_filter import row_mask
from faceaudit.stats.intervals import rate_interval
from faceaudit.wording import counted, out_of, percent, percent_range

#: The status of a row in whose picture a face was looked for and not found.
NO_FACE = "no_face"
BINS = 20


class OutOfDomainOptions(Options):
    """Which pictures are not what the classifier was made for, and what counts as sure."""

    datasets: list[str] = Field(default_factory=list)
    #: A row expression for pictures that no data set of their own holds.
    rows: str | None = None
    #: An answer is given with high confidence at this probability or above.
    sure: float = Field(default=0.9, gt=0.5, lt=1)


@dataclass(frozen=True)
class Kind:
    """The scores of one kind of picture."""

    name: str
    score: NDArray[np.float32]
    threshold: float
    sure: float

    @property
    def called_real(self) -> int:
        """How many are called real."""
        return int((self.score < np.float32(self.threshold)).sum())

    @property
    def surely_real(self) -> int:
        """How many are called real with high confidence."""
        return int((self.score <= np.float32(1 - self.sure)).sum())

    @property
    def surely_ai(self) -> int:
        """How many are called AI-generated with high confidence."""
        return int((self.score >= np.float32(self.sure)).sum())

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.score)


def run(data: AuditInput, options: OutOfDomainOptions) -> CheckResult:
    """Count the answers on pictures without a face, and how sure they are."""
    kinds = [
        Kind(name, score, data.threshold, options.sure)
        for name, score in _pictures(data, options)
        if len(score)
    ]
    marked = _marked(data, options)
    resting = _resting_on_no_face(marked, data)
    if not kinds and not len(marked):
        return CheckResult(
            id=CHECK.id,
            title=CHECK.title,
            description=CHECK.description,
            status="not-estimable",
            sentence=(
                "There is no picture here that is known to be without a face: name such data sets "
                f"in the options, or score with a face finder. {resting}"
            ),
        )
    if not kinds:
        kinds = [marked]
    whole = Kind(
        "all of these", np.concatenate([kind.score for kind in kinds]), data.threshold, options.sure
    )
    told = f"Of {counted(len(whole), 'picture')} outside what the classifier was made for, "
    sentence = resting if kinds == [marked] else f"{told}{_told(whole, data)} {resting}"
    rows = [*kinds, whole] if len(kinds) > 1 else [*kinds]
    if len(marked) and marked not in kinds:
        kinds, rows = [*kinds, marked], [*rows, marked]
    return CheckResult(
        id=CHECK.id,
        title=CHECK.title,
        description=CHECK.description,
        status="info",
        sentence=sentence,
        findings=[
            Finding(
                sentence=sentence,
                status="info",
                check=CHECK.id,
                weight=0.2 * (whole.surely_real + whole.surely_ai) / len(whole),
            )
        ],
        details=[
            _table(rows, data),
            _forest(kinds, data),
            _distribution(kinds, data),
        ],
    )


def _pictures(
    data: AuditInput, options: OutOfDomainOptions
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Give every kind of picture outside the domain; a picture is of the first kind it fits."""
    table = data.table
    score = table["p_ai"].to_numpy()
    seen = np.zeros(len(table), dtype=bool)
    masks = [(name, pc.equal(table["dataset"], name).to_numpy()) for name in options.datasets]
    if options.rows is not None:
        option = f"{data.spec.name}: checks.{CHECK.id}.rows:"
        named = pc.fill_null(row_mask(table, options.rows, option), False)
        masks.append((options.rows, named.to_numpy(zero_copy_only=False)))
    for name, mask in masks:
        yield name, score[mask & ~seen]
        seen |= mask


def _marked(data: AuditInput, options: OutOfDomainOptions) -> Kind:
    """Give the pictures of the whole audit in which a face was looked for and not found.

    They stand apart: the finder also overlooks faces, which are within the domain.
    """
    marked = data.table.filter(pc.equal(data.table["status"], NO_FACE))
    return Kind("no face found", marked["p_ai"].to_numpy(), data.threshold, options.sure)


def _resting_on_no_face(marked: Kind, data: AuditInput) -> str:
    """Say how many verdicts of the whole audit rest on a picture without a face."""
    finder = data.info.face_finder
    if not len(marked) and finder is None:
        return (
            "No face finder has looked at the pictures of this audit, so it is not known how many "
            "other verdicts rest on no face."
        )
    told = (
        f"{out_of(len(marked), len(data.table), 'verdict', ('here rests', 'here rest'))} on a "
        "picture in which "
        f"{finder or 'a face finder'} found no face"
    )
    return f"{told}: {_told(marked, data)}" if len(marked) else f"{told}."


def _told(kind: Kind, data: AuditInput) -> str:
    n, surely = len(kind), kind.surely_real
    low, high = rate_interval(surely, n, data.spec.confidence)
    return (
        f"{percent(kind.called_real / n)} are called real, {percent(surely / n)} with high "
        f"confidence ({interval_title(data.spec.confidence)} "
        f"{percent_range(float(low), float(high))}), and {percent(kind.surely_ai / n)} are called "
        f"AI-generated with high confidence (a score of at least {kind.sure:g} for either)."
    )


# --- details -------------------------------------------------------------------------------


def _table(kinds: list[Kind], data: AuditInput) -> Table:
    rows: list[list[Cell]] = []
    for kind in kinds:
        n = len(kind)
        low, high = rate_interval(kind.surely_real, n, data.spec.confidence)
        row: list[Cell] = [kind.name, n, kind.called_real / n, kind.surely_real / n]
        row += [float(low), float(high), kind.surely_ai / n, float(np.median(kind.score))]
        rows.append(row)
    bars = np.asarray(data.thresholds, np.float32)
    called_real = [np.searchsorted(np.sort(kind.score), bars) / len(kind) for kind in kinds]
    interval = interval_title(data.spec.confidence)
    return Table(
        title="Answers on pictures that are no faces, or unusual ones",
        note="Whether such a picture is labelled real or AI-generated plays no part here.",
        columns=[
            Column(title="pictures"),
            Column(title="number", kind="count"),
            Column(title="called real", kind="percent"),
            Column(title="with high confidence", kind="percent"),
            Column(title=f"{interval} from", kind="percent"),
            Column(title="to", kind="percent"),
            Column(title="called AI with high confidence", kind="percent"),
            Column(title="median score", kind="number", help="probability of AI-generated"),
        ],
        rows=rows,
        by_threshold={"2": rounded(np.stack(called_real, axis=1), "percent")},
    )


def _forest(kinds: list[Kind], data: AuditInput) -> Forest:
    rows = []
    for kind in kinds:
        low, high = rate_interval(kind.surely_real, len(kind), data.spec.confidence)
        rows.append(
            Estimate(
                group=kind.name,
                n=len(kind),
                events=kind.surely_real,
                value=kind.surely_real / len(kind),
                low=float(low),
                high=float(high),
                note="small group" if len(kind) < data.spec.small_group else None,
            )
        )
    return Forest(
        title="Called real with high confidence",
        measure="share of the pictures called real with high confidence",
        attribute="pictures",
        rows=rows,
    )


def _distribution(kinds: list[Kind], data: AuditInput) -> Distribution:
    edges = np.linspace(0, 1, BINS + 1)
    return Distribution(
        title="Scores of pictures that are no faces, or unusual ones",
        x_title="score (probability of AI-generated)",
        edges=edges.tolist(),
        series={
            kind.name: (np.histogram(kind.score, edges)[0] / len(kind)).tolist() for kind in kinds
        },
        n={kind.name: len(kind) for kind in kinds},
        marker=data.threshold,
        marker_label="threshold",
    )


CHECK = Check(
    id="out-of-domain",
    title="Pictures without a face",
    failure_title="Pictures without a face",
    description=(
        "A classifier of faces answers 'real' or 'AI-generated' to anything, also to a pattern, a "
        "cat or a face upside down, and often it is sure. In the published experiment, cats made "
        "by a generator were called real. This counts the answers on pictures that are not what "
        "the classifier was made for, and how many verdicts of the audit rest on no face at all."
    ),
    run=run,
    options=OutOfDomainOptions,
    default=False,
)
