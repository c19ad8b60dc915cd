"""Hidden slices: where errors gather that nobody asked about, found and then confirmed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.checks.parts.pictures import gallery_items
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import by_rows, lay_out
from faceaudit.result import Detail, Finding, Gallery, Interval, Table
from faceaudit.schema import DELIVERY_COLUMNS, FEATURES, tag_columns
from faceaudit.stats import IntArray
from faceaudit.stats.intervals import rate_of
from faceaudit.stats.significance import adjust
from faceaudit.stats.slices import Conditions, Slice, Tested, find_slices, halves, put_to_test
from faceaudit.tags.vocabulary import NUMERIC_TAGS

#: Of the lot that makes the halves. No option: who draws until a slice is confirmed sees one.
SEED = 0
#: A number makes conditions at these shares of the images.
SHARES = (0.2, 0.4, 0.6, 0.8)
UNITS = {"bytes": (1000, " kB"), "width": (1, " px"), "height": (1, " px")}
#: Clusters of what the classifier sees, at most.
LOOKS = 16
#: Confirmed slices of an error rate that are shown in pictures, and how many pictures of each.
SHOWN, PICTURES = 3, 4


class HiddenSlicesOptions(Options):
    """How many slices are put to the test."""

    most: int = Field(
        default=5, ge=1, le=100, description="Slices of each error rate that are tested, at most."
    )


@dataclass(frozen=True)
class Search:
    """The images of one error rate: `rows` of the table, of which `first` were searched."""

    rate: ErrorRate
    rows: IntArray
    first: NDArray[np.bool_]
    facts: list[str]
    given: Conditions
    found: list[Slice]


class Told(NamedTuple):
    """A slice and what its test gave; `p` is adjusted over all slices of the check."""

    search: Search
    words: str
    facts: list[str]
    tested: Tested
    #: The rate of the others that were delivered alike; None where delivery makes the slice.
    alike: float | None
    p: float = 1.0


def run(data: AuditInput, options: HiddenSlicesOptions) -> Product:
    """Search one half of the images of each error rate, and test on the other what is found."""
    there = [rate for rate in ERROR_RATES.values() if rate.n(data.audited(())).any()]
    searches = [_search(rate, data, options.most) for rate in there]
    slices = [(search, of) for search in searches for of in search.found]
    if not slices:
        none = f"In the half that was searched, errors gather in no slice of {_large(data)}."
        return Product("info", none)
    error = 1 - data.spec.confidence
    confidence = 1 - error / len(slices)
    told = [_test(*of, data, confidence) for of in slices]
    p = adjust([of.tested.p for of in told])[0].tolist()
    told = [of._replace(p=p) for of, p in zip(told, p, strict=True)]
    told.sort(key=lambda of: of.p)
    confirmed = [of for of in told if of.p <= error]
    findings = [_finding(of, data, confidence) for of in confirmed]
    verb = say.out_of(len(confirmed), len(slices), "slice")
    sentence = f"{verb} confirmed in which errors gather on the half that was searched."
    details: list[Detail] = []
    for search in searches:
        if some := [of for of in told if of.search is search]:
            details.append(_table(some, data, confidence))
            details += _galleries([of for of in some if of.p <= error][:SHOWN], data)
    sentence = " ".join([sentence, *(of.sentence for of in findings[:1])])
    return Product("info", sentence, findings=findings, details=details)


def _large(data: AuditInput) -> str:
    return f"{say.counted(data.spec.small_group, 'image')} or more"


def _strata(data: AuditInput) -> IntArray:
    return np.asarray(2 * data.images.codes("dataset")[0] + data.images.is_ai)


def _search(rate: ErrorRate, data: AuditInput, most: int) -> Search:
    is_ai, smallest = data.images.is_ai, data.spec.small_group
    rows = np.flatnonzero(is_ai == (rate.label == "ai") if rate.label else np.ones(len(is_ai)))
    stratum = _strata(data)[rows]
    first = halves(stratum, None if data.clusters is None else data.clusters[rows], SEED)
    facts, given = _conditions(data.table.take(rows), first, smallest)
    wrong = data.wrong[rows[first]]
    found = find_slices(given.take(first), wrong, stratum[first], smallest, most)
    return Search(rate, rows, first, facts, given, found)


def _test(search: Search, slice_: Slice, data: AuditInput, confidence: float) -> Told:
    """Test a slice on the half where it was not found."""
    rows, given = search.rows[~search.first], search.given.take(~search.first)
    clusters = None if data.clusters is None else data.clusters[rows]
    tested, alike = (
        put_to_test(given, data.wrong[rows], of[rows], clusters, slice_, confidence)
        for of in (_strata(data), data.delivery)
    )
    words = " and ".join(given.names[of] for of in slice_)
    facts = [*dict.fromkeys(search.facts[given.fact[of]] for of in slice_)]
    by_tags = all(fact in data.info.tag_sources for fact in facts)
    return Told(search, words, facts, tested, alike.rest if by_tags else None)


# --- what can be said of an image ----------------------------------------------------------


def _conditions(
    table: pa.Table, first: NDArray[np.bool_], smallest: int
) -> tuple[list[str], Conditions]:
    """Name every fact by which images differ, and say which conditions hold of each image."""
    delivery = [name for name in DELIVERY_COLUMNS if name in table.column_names]
    columns = {name: table[name].combine_chunks() for name in (*tag_columns(table), *delivery)}
    if "features" in table.column_names:
        columns["look"] = _looks(table["features"].combine_chunks(), first, smallest)
    nothing = np.zeros((0, len(table)), bool)
    facts: list[str] = []
    names: list[str] = []
    fact, holds, known = [], [nothing], [nothing]
    for name, column in columns.items():
        is_number = name in NUMERIC_TAGS or pa.types.is_floating(column.type)
        is_number |= name in delivery and pa.types.is_integer(column.type)
        made = dict(_numbers(name, column) if is_number else _values(name, column, smallest))
        made = {
            words: of
            for words, of in made.items()
            if smallest <= np.count_nonzero(of) < len(column) - column.null_count
        }
        if made:
            names += made
            holds += made.values()
            fact += [len(facts)] * len(made)
            known.append(np.asarray(column.is_valid()))
            facts.append(name)
    held, there = np.vstack(holds).T, np.vstack(known).T
    return facts, Conditions(names, np.array(fact, np.int64), held, there)


def _values(fact: str, column: pa.Array, smallest: int) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    words = column.cast(pa.string())
    values, n = pc.value_counts(words.drop_null()).flatten()
    for value in values.filter(pc.greater_equal(n, smallest)).sort():
        yield (
            say.group_title([fact], [str(value)]),
            np.asarray(pc.equal(words, value).fill_null(False)),
        )


def _numbers(fact: str, column: pa.Array) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    values, (scale, unit) = np.asarray(column.cast(pa.float64())), UNITS.get(fact, (1, ""))
    name = "file size" if fact == "bytes" else say.tag_title(fact)
    known = values[np.isfinite(values)]
    for edge in {
        float(f"{of:.2g}"): 0 for of in (np.quantile(known, SHARES) if len(known) else ())
    }:
        yield f"{name} under {edge / scale:g}{unit}", values < edge
        yield f"{name} of {edge / scale:g}{unit} or more", values >= edge


def _looks(features: pa.Array, first: NDArray[np.bool_], smallest: int) -> pa.Array:
    """Number clusters of what the classifier sees, which are learned from the first half."""
    from sklearn.cluster import MiniBatchKMeans

    there = np.asarray(features.is_valid())
    seen = np.asarray(features.flatten(), np.float32).reshape(-1, FEATURES)
    looks = min(LOOKS, int(first[there].sum()) // (2 * smallest))
    if looks < 2:
        return pa.nulls(len(features), pa.string())
    model = MiniBatchKMeans(looks, random_state=SEED, n_init=3).fit(seen[first[there]])
    names = np.full(len(features), None, object)
    names[there] = [f"{look + 1} of {looks}" for look in model.predict(seen)]
    return pa.array(names, pa.string())


# --- what is told --------------------------------------------------------------------------


def _finding(told: Told, data: AuditInput, confidence: float) -> Finding:
    search, rate, found = told.search, told.search.rate, told.tested
    value, span = found.events / found.n, say.percent_range(found.low, found.high, confidence)
    sets = data.table["dataset"].take(_compared(search, found.conditions, data)).unique()
    words = [data.info.tag_sources.get(fact, {}) for fact in told.facts]
    source = "; ".join(
        dict.fromkeys(of[name] for of in words for name in sets.to_pylist() if name in of)
    )
    return Finding(
        sentence=(
            f"{say.capitalised(rate.images)} with {told.words} are {rate.error} more often: "
            f"{say.percent(value)} ({found.events:,} of {found.n:,}; {span}) against "
            f"{say.percent(found.rest)} of {found.rest_n:,} others"
            f"{f' (tags: {source})' if source else ''}."
        ),
        status="info",
        weight=0.1 + (value - found.rest) / 2,
        tags=told.facts,
        rate=rate.id,
        n=found.n,
        events=found.events,
        interval=Interval(
            value=value, low=found.low, high=found.high, confidence=confidence, together=True
        ),
    )


def _compared(search: Search, slice_: Slice, data: AuditInput) -> IntArray:
    """Give the rows of a slice that are of a data set which has others."""
    inside, stratum = search.given.inside(slice_), _strata(data)[search.rows]
    others = stratum[search.given.around(slice_)[-1] & ~inside]
    return search.rows[inside & np.isin(stratum, others)]


def _table(told: Sequence[Told], data: AuditInput, confidence: float) -> Table:
    search, rate = told[0].search, told[0].search.rate
    columns = (
        f"slice; confirmed; {rate.short}:percent; {say.interval_title(confidence)} from:percent; "
        "to:percent; the others:percent; others delivered alike:percent; "
        f"{rate.images}:count; {rate.column}:count; p (Holm):p"
    )
    rows = []
    for _, words, _, found, alike, p in told:
        confirmed = "yes" if p <= 1 - data.spec.confidence else "no"
        value = float(rate_of(found.events, found.n))
        rates = value, found.low, found.high, found.rest, alike
        rows.append((words, confirmed, *rates, found.n, found.events, p))
    together = ", what hangs together in one of them" if data.clusters is not None else ""
    look = " A look is a cluster of what the classifier sees." if "look" in search.facts else ""
    return lay_out(
        f"{say.capitalised(rate.images)} {rate.error}: where errors gather",
        by_rows(rows, columns),
        note=(
            f"Searched were {int(search.first.sum()):,} {rate.images}, half of each data set by "
            f"lot{together}, for slices of {_large(data)} with up to three of "
            f"{say.counted(len(search.given.names), 'condition')} on "
            f"{', '.join(map(say.tag_title, search.facts))}. All numbers are of the other half. "
            "The others are of the same data sets, and the same is known of them. Confirmed is "
            "what errs more often than they do, and than what each of its conditions leaves out, "
            "in exact tests; p is adjusted by Holm over all slices here, and the intervals hold "
            f"for all at once. A slice says where errors gather, not why.{look}"
        ),
    )


def _galleries(told: Sequence[Told], data: AuditInput) -> Iterator[Gallery]:
    """Show the worst errors of some slices, of both halves."""
    for search, words, facts, found, *_ in told:
        rows = _compared(search, found.conditions, data)
        rows = rows[data.wrong[rows]]
        loss = np.abs(data.images.score[rows] - data.images.is_ai[rows])
        worst = rows[np.argsort(-loss, kind="stable")[:PICTURES]]
        tags = [fact for fact in facts if fact in data.table.column_names]
        yield Gallery(
            title=f"{say.capitalised(search.rate.images)} {search.rate.error}, with {words}",
            note=f"The worst of {say.counted(len(rows), 'error')} in this slice, of both halves.",
            items=gallery_items(data, worst, tags),
        )


CHECK = Check(
    id="hidden-slices",
    title="Where errors gather that nobody asked about",
    description=(
        "A specification asks about the groups that somebody thought of. This looks for others: "
        "any one, two or three of all tags, of the facts of a picture's delivery, and of what "
        "looks alike to the classifier. Who searches among thousands of slices finds bad ones by "
        "luck alone, so only half of the images are searched, and a slice counts as found only if "
        "the other half confirms it."
    ),
    run=run,
    options=HiddenSlicesOptions,
    default=False,
)
