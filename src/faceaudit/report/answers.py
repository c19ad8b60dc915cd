"""What an audit answers to each item of a document; nothing where it was not supplied.

`ITEMS` goes by the ids of ``documents.toml``. Like every report, this lays out what a `Result`
holds and computes nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from faceaudit import wording as say
from faceaudit.error_rates import ERROR_RATES
from faceaudit.layout import heads
from faceaudit.report.as_table import as_table
from faceaudit.report.numbers import cell, exact
from faceaudit.report.text import STATUS, TEXT
from faceaudit.report.visible import whose_word
from faceaudit.result import Column, Finding, Forest, Result, Table

#: A paragraph, or a table.
Told = str | Table
DOCUMENTS: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("documents.toml").read_text("utf-8")
)


def table(title: str, told: str, rows: Sequence[Sequence[Any]]) -> Iterator[Table]:
    """Give a table if it has rows, headed as `faceaudit.layout.heads` reads it."""
    if rows:
        columns = [Column(title=name, kind=kind) for name, kind in heads(told)]
        yield Table(title=title, columns=columns, rows=[list(row) for row in rows])


def facts(title: str, of: Mapping[str, object]) -> Iterator[Table]:
    """Give a table of those facts that are known."""
    return table(title, "fact; value", [(name, str(v)) for name, v in of.items() if v])


def _classifier(result: Result) -> Iterator[Told]:
    of = result.scores[0]
    if model := of.model:
        prepared = "; ".join(f"{key}: {value}" for key, value in model.preprocessing.items())
        hashed = {"name": of.name, "architecture": model.architecture, "SHA-256": model.sha256}
        yield from facts("Classifier", hashed | {"preprocessing": prepared})


def _question(result: Result) -> Iterator[Told]:
    yield result.question
    yield f"{STATUS[result.status]}. {result.verdict}"
    limits = [
        (f"{rate.images} {rate.error} ({rate.short})", limit)
        for rate in ERROR_RATES.values()
        if (limit := (result.spec.get("limits") or {}).get(f"{rate.id}_gap")) is not None
    ]
    yield from table("Largest gap between groups that is accepted", "in; limit:points", limits)
    if limits:
        yield TEXT["chosen_limit"]


def _data_sets(result: Result) -> Iterator[Told]:
    of = result.scores[0]
    by = of.rows.by if of.rows else {}
    rows = [
        (name, known.licence or TEXT["unstated"], n.get("real"), n.get("ai"), known.note)
        for name, known in of.datasets.items()
        for n in (by.get(name, {}),)
    ]
    heads = "data set; licence; real photographs:count; AI-generated faces:count; note"
    yield from table("Images that the rates rest on", heads, rows)
    if of.rows:
        yield f"{TEXT['rows']}: {of.rows.sentence}"


def _population(result: Result) -> Iterator[Told]:
    if rows := result.spec.get("population"):
        heads = list(dict.fromkeys(key for row in rows for key in row))
        cells = [[str(row.get(head, "")) for head in heads] for row in rows]
        yield from table("Population", "; ".join(heads), cells)


def _training(result: Result) -> Iterator[Told]:
    model = result.scores[0].model
    manifests = model.training_manifests if model else {}
    yield from table("Manifests trained on", "manifest; SHA-256", list(manifests.items()))
    if result.spec.get("include_training"):
        yield "Images that the classifier was trained on are counted here."


def _tags(result: Result) -> Iterator[Told]:
    spec = result.spec
    audited = {*spec.get("attributes", ()), *chain(*spec.get("intersections", ()))}
    rows = [
        (", ".join(map(say.tag_title, told)), ", ".join(datasets), source)
        for (datasets, source), tags in whose_word(result.scores[0]).items()
        if (told := [tag for tag in tags if tag in audited])
    ]
    yield from table("Tags", "tag; data sets; whose word", rows)
    if rows:
        yield TEXT["appearance"]


def _tag_error(result: Result) -> Iterator[Told]:
    said = result.spec.get("tag_error") or {}
    yield from facts("Share of wrong tags, as said in the specification", dict(said))


def _forests(result: Result, part: str) -> list[Forest]:
    checks = [check for check in result.checks if check.part == part]
    details = [detail for check in checks for detail in check.details]
    return [of for of in details if isinstance(of, Forest) and of.rate]


def _group_sizes(result: Result) -> Iterator[Told]:
    smallest = result.spec.get("small_group", 0)
    rows = [
        (of.attribute, of.measure, len(n), min(n), max(n), sum(size < smallest for size in n))
        for part in ("rates", "combined")
        for of in _forests(result, part)
        if (n := [row.n for row in of.rows])
    ]
    heads = "by; of; groups:count; smallest:count; largest:count; small groups:count"
    yield from table("Images of each group", heads, rows)
    if rows:
        yield f"Groups of fewer than {smallest} images are small: shown, and left out of gaps."


def _threshold(result: Result) -> Iterator[Told]:
    of = result.scores[0]
    told = TEXT["threshold_help"].format(threshold=exact(of.threshold))
    yield f"{say.capitalised(told)}. How it was chosen: {of.threshold_rule}."


def _overall(result: Result) -> Iterator[Told]:
    rows = [
        (f"{rate.images} {rate.error} ({rate.short})", of.n, of.events, of.value, of.low, of.high)
        for of in (result.answer.overall if result.answer else [])
        if (rate := ERROR_RATES.get(of.rate))
    ]
    heads = "error rate; images:count; errors:count; rate:percent; from:percent; to:percent"
    yield from table("Over all images", heads, rows)


def _by_group(part: str) -> Callable[[Result], Iterator[Told]]:
    def tell(result: Result) -> Iterator[Told]:
        for of in _forests(result, part):
            source = of.tag_source or ""
            yield as_table(of)
            if source and len(source) < 160:
                yield TEXT["tag_source"].format(source=source)
        yield from [TEXT["appearance"]] * bool(_forests(result, part))

    return tell


def _worst(result: Result) -> Iterator[Told]:
    found: dict[tuple[str, ...], Finding] = {}
    for of in (finding for check in result.checks for finding in check.findings):
        # Of any check that compared all groups: two of them, and their difference.
        if len(of.groups) == 2 and of.interval and of.rate and not of.held_equal:
            found.setdefault((*of.tags, of.rate), of)
    rows = []
    for of in found.values():
        row: list[Any] = [say.attributes_title(of.tags), str(of.rate).upper()]
        alike = of.groups[0] == of.groups[1]
        for group in of.groups:
            row += ["all alike" if alike else ", ".join(group.group), group.n, group.value]
        for gap in (of.interval, of.equal_delivery):
            row += [gap.value, gap.low, gap.high] if gap else [None] * 3
        rows.append([*row, of.interval and cell(of.interval.confidence, "percent")])
    heads = (
        "by; error rate; highest; n:count; rate:percent; lowest; n:count; rate:percent; "
        "difference:points; from:points; to:points; "
        "at equal delivery:points; from:points; to:points; confidence"
    )
    yield from table("Highest and lowest rate", heads, rows)


def _ratios(result: Result) -> Iterator[Told]:
    ratios = [of for of in result.details if isinstance(of, Forest) and of.scale == "ratio"]
    yield from (as_table(of) for of in ratios if any(row.value is not None for row in of.rows))


def _gaps(result: Result) -> Iterator[Told]:
    judged = [check for check in result.checks if check.verdicts]
    details = [detail for check in judged for detail in check.details]
    yield from (as_table(detail) for detail in details if isinstance(detail, Table))


def _uncertainty(result: Result) -> Iterator[Told]:
    confidence = say.interval_title(result.spec.get("confidence", 0.95))
    yield f"Rates stand with their {confidence}s, each for itself."
    if judged := sum(len(check.verdicts) for check in result.checks):
        gaps = say.counted(judged, "gap")
        yield f"{gaps} held against a limit; the verdicts hold together at that confidence (Holm)."
    if tests := sum(len(check.tests) for check in result.checks):
        made = say.counted(tests, "significance test")
        yield f"{made}, adjusted for one another (Holm; Benjamini and Hochberg)."


def _dependence(result: Result) -> Iterator[Told]:
    cluster = result.spec.get("cluster")
    known = [name for name in ("person", "video") if name in result.scores[0].tag_sources]
    if cluster == "none":
        yield "The specification says that rows are independent of each other."
    elif cluster or known:
        yield (
            f"Images that share a {cluster or ' or '.join(known)} hang together, as do copies of a "
            "picture. Of images where that column is empty nobody said whether they do."
        )


def _missing(result: Result) -> Iterator[Told]:
    rows = result.scores[0].rows
    untagged = [
        (say.attributes_title(of.tags), TEXT[f"label_{of.label}"], of.n, of.missing)
        for of in (rows.untagged if rows else [])
    ]
    heads = "tag; label; images:count; without the tag:count"
    yield from table(TEXT["untagged"], heads, untagged)
    unscored = result.scores[0].unscored.items()
    yield from table("Images without a score", "status; images:count", list(unscored))
    if result.spec.get("assume_missing") == "random":
        yield "Images without a tag or score are taken to be like the others."
    else:
        yield "A limit is met only if it would be whatever the images without a tag or score are."


def _delivery(result: Result) -> Iterator[Told]:
    if result.answer and result.answer.why:
        yield result.answer.why


def _shortcomings(result: Result) -> Iterator[Told]:
    yield from result.limitations


def _origins(result: Result) -> Iterator[Told]:
    read = [(of.role, of.name, of.rows, of.sha256) for of in result.inputs]
    yield from table("What was read", "as; name; rows:count; SHA-256", read)
    if read:
        yield f"Software: {', '.join(f'{name} {of}' for name, of in result.versions.items())}."


_TOLD = (
    *(_classifier, _question, _data_sets, _population, _training, _tags, _tag_error),
    *(_group_sizes, _threshold, _overall, _worst, _ratios, _gaps, _uncertainty, _dependence),
    *(_missing, _delivery, _shortcomings, _origins),
)
#: By the id of an item.
ITEMS: dict[str, Callable[[Result], Iterator[Told]]] = {
    **{of.__name__.removeprefix("_"): of for of in _TOLD},
    **{part: _by_group(part) for part in ("rates", "combined")},
}


def answer(item: str, result: Result) -> list[Told]:
    """Return what an audit tells to the item of that id; nothing if it does not."""
    return list(ITEMS[item](result)) if item else []
