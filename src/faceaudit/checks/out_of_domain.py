"""Out of domain: does the classifier notice that there is no face, or is it sure all the same?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.layout import distribution, estimated, forest, lay_out, number, text
from faceaudit.result import Detail, Finding, Forest, Table
from faceaudit.row_filter import row_mask
from faceaudit.schema import called_ai
from faceaudit.stats.intervals import rate_interval, rate_of
from faceaudit.stats.rates import RateEstimate


class OutOfDomainOptions(Options):
    """Which pictures are not what the classifier was made for, and what counts as sure."""

    datasets: list[str] = Field(
        default_factory=list, description="Data sets of pictures without a face."
    )
    rows: str | None = Field(
        default=None,
        description="A row expression for such pictures that no data set of their own holds.",
    )
    sure: float = Field(
        default=0.9,
        gt=0.5,
        lt=1,
        description="An answer is given with high confidence at this probability or above.",
    )


@dataclass(frozen=True)
class Pictures:
    """The scores of one kind of picture, and how many are called real or AI, surely or at all."""

    name: str
    score: NDArray[np.float32]
    called_real: int
    surely_real: int
    surely_ai: int

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.score)


def run(data: AuditInput, options: OutOfDomainOptions) -> Product:
    """Count the answers on pictures without a face, and how sure they are."""

    def pictures(name: str, score: NDArray[np.float32]) -> Pictures:
        real = ~called_ai(score, data.threshold)
        surely = score <= np.float32(1 - options.sure), score >= np.float32(options.sure)
        return Pictures(name, score, *(int(of.sum()) for of in (real, *surely)))

    kinds = [pictures(*kind) for kind in _pictures(data, options) if len(kind[1])]
    # They stand apart: the finder also overlooks faces, which are within the domain.
    no_face = np.asarray(pc.equal(data.table["status"], "no_face"))
    marked = pictures("no face found", data.images.score[no_face])
    resting = _resting_on_no_face(marked, options.sure, data)
    if not kinds and not len(marked):
        return Product(
            "not-estimable",
            "There is no picture here that is known to be without a face: name such data sets "
            f"in the options, or score with a face finder. {resting}",
        )
    shown = kinds or [marked]
    whole = pictures("all of these", np.concatenate([kind.score for kind in shown]))
    sentence = resting
    if kinds:
        outside = f"{say.counted(len(whole), 'picture')} outside what the classifier was made for"
        sentence = f"Of {outside}, {_describe(whole, options.sure, data)} {resting}"
    rows = [*shown, whole] if len(shown) > 1 else [*shown]
    if kinds and len(marked):
        shown, rows = [*shown, marked], [*rows, marked]
    finding = Finding(
        sentence=sentence,
        status="info",
        n=len(whole),
        brief=_brief(whole, kinds, options.sure),
        weight=0.2 * (whole.surely_real + whole.surely_ai) / len(whole),
    )
    title = "Scores of pictures that are no faces, or unusual ones"
    scores = distribution(data, title, {kind.name: kind.score for kind in shown})
    details: list[Detail] = [_table(rows, data), _forest(shown, data), scores]
    return Product("info", sentence, findings=[finding], details=details)


def _brief(whole: Pictures, kinds: Sequence[Pictures], sure: float) -> str:
    what = "picture outside its domain" if kinds else "picture without a face found"
    many = what.replace("picture", "pictures", 1)
    return (
        f"Of {say.counted(len(whole), what, many)} {say.percent(whole.called_real / len(whole))} "
        f"are called real, {say.percent(whole.surely_real / len(whole))} with high confidence "
        f"(at least {sure:g})."
    )


def _pictures(
    data: AuditInput, options: OutOfDomainOptions
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Give every kind of picture outside the domain; a picture is of the first kind it fits."""
    table, score = data.table, data.images.score
    seen = np.zeros(len(table), dtype=bool)
    masks = [(name, pc.equal(table["dataset"], name).to_numpy()) for name in options.datasets]
    if options.rows is not None:
        option = f"{data.spec.name}: checks.{CHECK.id}.rows:"
        named = pc.fill_null(row_mask(table, options.rows, option), False)
        masks.append((options.rows, named.to_numpy(zero_copy_only=False)))
    for name, mask in masks:
        yield name, score[mask & ~seen]
        seen |= mask


def _resting_on_no_face(marked: Pictures, sure: float, data: AuditInput) -> str:
    """Say how many predictions of the whole audit rest on a picture without a face."""
    finder = data.info.face_finder
    if not len(marked) and finder is None:
        return (
            "No face finder has looked at the pictures of this audit, so it is not known how many "
            "other predictions rest on no face."
        )
    told = (
        f"{say.out_of(len(marked), len(data.table), 'prediction', ('here rests', 'here rest'))} "
        f"on a picture in which {finder or 'a face finder'} found no face"
    )
    return f"{told}: {_describe(marked, sure, data)}" if len(marked) else f"{told}."


def _describe(kind: Pictures, sure: float, data: AuditInput) -> str:
    n, surely = len(kind), kind.surely_real
    effect = _effect(data)
    low, high = rate_interval(surely / effect, n / effect, data.spec.confidence)
    return (
        f"{say.percent(kind.called_real / n)} are called real, {say.percent(surely / n)} with high "
        f"confidence ({say.percent_range(float(low), float(high), data.spec.confidence)}), and "
        f"{say.percent(kind.surely_ai / n)} are called AI-generated with high confidence "
        f"(a score of at least {sure:g} for either)."
    )


# --- details -------------------------------------------------------------------------------


def _surely_real(kinds: Sequence[Pictures], data: AuditInput) -> RateEstimate:
    events, n = np.array([(kind.surely_real, len(kind)) for kind in kinds]).T
    limits = rate_interval(events / _effect(data), n / _effect(data), data.spec.confidence)
    return RateEstimate(events, n, rate_of(events, n), *limits)


def _effect(data: AuditInput) -> float:
    """Take the larger design effect of both labels: these pictures are too few for their own."""
    effects = data.audited(()).design_effects
    return 1.0 if effects is None else float(effects.max())


def _table(kinds: Sequence[Pictures], data: AuditInput) -> Table:
    bars = np.asarray(data.thresholds, np.float32)
    below = [np.searchsorted(np.sort(kind.score), bars) / len(kind) for kind in kinds]
    surely_real = _surely_real(kinds, data)
    surely_ai = [kind.surely_ai / len(kind) for kind in kinds]
    medians = [float(np.median(kind.score)) for kind in kinds]
    return lay_out(
        "Answers on pictures that are no faces, or unusual ones",
        [
            text("pictures", [kind.name for kind in kinds]),
            number("number", "count", surely_real.n),
            number("called real", "percent", np.stack(below, axis=1)),
            *estimated("with high confidence", "percent", surely_real, data.spec.confidence),
            number("called AI with high confidence", "percent", surely_ai),
            number("median score", "number", medians, "probability of AI-generated"),
        ],
        data,
        "Whether such a picture is labelled real or AI-generated plays no part here.",
    )


def _forest(kinds: Sequence[Pictures], data: AuditInput) -> Forest:
    found = _surely_real(kinds, data)
    return forest(
        data,
        groups=[kind.name for kind in kinds],
        **vars(found),
        notes=["small group" if n < data.spec.small_group else None for n in found.n],
        title="Called real with high confidence",
        measure="share of the pictures called real with high confidence",
        attribute="pictures",
    )


CHECK = Check(
    id="out-of-domain",
    title="Pictures without a face",
    description=(
        "A classifier of faces answers 'real' or 'AI-generated' to anything, also to a pattern, a "
        "cat or a face upside down, and often it is sure. In the published experiment, cats made "
        "by a generator were called real. This counts the answers on pictures that are not what "
        "the classifier was made for, and how many predictions of the audit rest on no face at all."
    ),
    run=run,
    options=OutOfDomainOptions,
    default=False,
)
