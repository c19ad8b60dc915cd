"""What the terminal shows: compact tables, in colour where there is colour."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from faceaudit.error_rates import ERROR_RATES
from faceaudit.wording import LIMIT_NOTE, attributes_title, counted, percent, points

if TYPE_CHECKING:
    from faceaudit.datasets import IndexReport
    from faceaudit.datasets.base import Dataset
    from faceaudit.demo import Demo
    from faceaudit.gate import Decision
    from faceaudit.model.checkpoint import Checkpoint
    from faceaudit.plan import Planned
    from faceaudit.result import Result, Status
    from faceaudit.tables import Scores

# The words carry the meaning; colour only helps to find them.
_STYLES: dict[Status, str] = {
    "pass": "green",
    "fail": "bold red",
    "insufficient-evidence": "yellow",
    "not-estimable": "dim",
    "info": "cyan",
    "error": "bold red",
}


def _print(*things: Any, end: str = "\n") -> None:
    """Print texts as they are, with nothing of them taken for markup, and tables."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        # A pipe has no width: one finding a line is easier to search than lines folded at 80.
        console = Console(highlight=False, markup=False, emoji=False, width=200)
    for thing in things:
        console.print(thing, end=end)


def _status(status: Status) -> Text:
    return Text(status, _STYLES[status])


def _noted(notes: Sequence[str], what: str = "note:") -> Iterator[Text]:
    return (Text.assemble((what, "dim"), f" {note}") for note in notes)


def _table(*columns: str, wraps: int = 1) -> Table:
    """Make a bare table whose last `wraps` columns may be folded."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for position, title in enumerate(columns):
        table.add_column(title, no_wrap=position < len(columns) - wraps)
    return table


def print_json(value: Any) -> None:
    """Print a value as JSON, fit for a pipe."""
    print(json.dumps(value, indent=1, ensure_ascii=False, default=str))


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Give a callback (done, total) that draws a bar on stderr, if that is a terminal."""
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def print_datasets(known: Sequence[type[Dataset]], as_json: bool) -> None:
    """Print what is known of every data set."""
    if as_json:
        facts = ("id", "title", "label", "published", "tags", "licence", "home", "layout")
        print_json([{fact: getattr(dataset, fact) for fact in facts} for dataset in known])
        return
    table = _table("id", "images", "label", "tags", "licence", "where and how", wraps=3)
    for dataset in known:
        table.add_row(
            dataset.id,
            f"{dataset.published:,}" if dataset.published else "–",
            dataset.label,
            ", ".join(dataset.tags) or "–",
            dataset.licence,
            f"{dataset.home} Layout: {dataset.layout}",
        )
    _print(table)


def print_plan(planned: Sequence[Planned], as_json: bool, power: float) -> None:
    """Print how many images of each group the verdict on each gap needs."""
    if as_json:
        print_json([dataclasses.asdict(gap) for gap in planned])
        return
    table = _table(
        "gap", "groups", "rate", "limit", "to pass", "true gap", "to fail", "of each group"
    )
    for gap in planned:
        rate = ERROR_RATES[gap.rate]
        table.add_row(
            f"{attributes_title(gap.tags)}, {rate.short}",
            f"{gap.groups:,}",
            percent(gap.assumed_rate),
            points(gap.limit),
            "–" if gap.to_pass is None else f"{gap.to_pass:,}",
            points(gap.assumed_gap),
            "–" if gap.to_fail is None else f"{gap.to_fail:,}",
            rate.images,
        )
    never = []
    if any(gap.to_pass is None for gap in planned):
        never.append("no number of images shows that there is no gap, or none that wrong tags hide")
    if any(gap.to_fail is None for gap in planned):
        never.append("no number of images makes a true gap fail that wrong tags or the limit cover")
    _print(
        f"With so many images of each group a gap passes if all groups are alike, and fails if one "
        f"truly exceeds the rest by so much, each with {100 * power:g} % power.",
        f"{counted(len(planned), 'gap')} to judge, each at first with a chance of "
        f"{100 * planned[0].error:.2g} % of a wrong verdict; the limit is {LIMIT_NOTE}.",
        table,
        *_noted(never, "–:"),
    )


def print_index_report(report: IndexReport, as_json: bool) -> None:
    """Print what became of the files of a data set."""
    if as_json:
        print_json(dataclasses.asdict(report))
        return
    labels = ", ".join(f"{n:,} {label}" for label, n in sorted(report.labels.items()))
    _print(
        f"{counted(report.found, 'file')}: {report.indexed:,} indexed ({labels}), "
        f"{report.rejected:,} rejected"
    )
    for what, counts in (("rejected", report.reasons), ("remark on", report.remarks)):
        for reason, n in sorted(counts.items(), key=lambda pair: -pair[1]):
            _print(f"  {what} {n:,}: {reason}")
    _print(*_noted(report.notes), f"manifest: {report.manifest}")
    if report.reasons or report.remarks:
        _print(f"reject ledger: {report.ledger}")


def print_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Print how a training run ended."""
    record = checkpoint.record
    if record.training is not None:
        kept = record.training.validation
        n_real = kept.real_called_real + kept.real_called_ai
        n_ai = kept.ai_called_real + kept.ai_called_ai
        _print(
            f"validation: {kept.real_called_ai:,} of {counted(n_real, 'real photograph')} called "
            f"AI, {kept.ai_called_real:,} of {counted(n_ai, 'AI image')} called real"
        )
    _print(f"threshold: {record.threshold:.3f} ({record.threshold_rule})", f"model: {folder}")


def print_scores(scores: Scores, path: Path) -> None:
    """Print what became of the images of a manifest."""
    from faceaudit.tables import status_counts

    counts = status_counts(scores.table)
    parts = ", ".join(f"{n:,} {status}" for status, n in sorted(counts.items()))
    _print(f"{counted(len(scores.table), 'image')}: {parts}", f"scores: {path}")
    for note in scores.info.notes:
        click.echo(f"note: {note}", err=True)


def print_result(result: Result) -> None:
    """Print the verdict and a table of the checks with their findings."""
    _print(Text.assemble((result.title, "bold"), "  ", _status(result.status)), result.verdict)
    # The two classifiers of a comparison have one account.
    accounts = {s.rows.sentence: s.rows.shares for s in result.scores if s.rows is not None}
    for sentence, shares in accounts.items():
        _print(f"Rows: {sentence}", *(f"  {share}" for share in shares))
    table = _table("status", "check", "what was found")
    for check in result.checks:
        table.add_row(_status(check.status), check.id, check.sentence)
    _print(table, *_noted(result.limitations))


def print_demo(demo: Demo) -> None:
    """Print what the demo found, and where its reports are."""
    for done, found in demo.experiments.items():
        _print(Text.assemble((f"{done}.", "bold"), f" {found}"), end="\n\n")
    _print(_slopes(demo.reports["compare"]), end="\n\n")
    table = _table("report", "status", "real", "AI", "what was found")
    for name, result in demo.reports.items():
        table.add_row(name, _status(result.status), *_of_how_many(result), result.verdict)
    skipped = [f"the bundled faces were not scored: {demo.skipped}"] if demo.skipped else []
    _print(table, *_noted(skipped), f"reports: {demo.index}")


def _of_how_many(result: Result) -> list[str]:
    """Say on how many of how many real photographs and AI-generated images a result rests."""
    rows = result.scores[0].rows
    if rows is None:
        return [f"{result.scores[0].n_real:,}", f"{result.scores[0].n_ai:,}"]
    return [
        f"{used:,} of {read:,}" if used < read else f"{used:,}"
        for used, read in rows.labels.values()
    ]


def _slopes(result: Result) -> Table:
    """Lay out how often each of two classifiers errs on every data set."""
    (by_dataset,) = (check for check in result.checks if check.id == "compare-dataset")
    slopes = [detail for detail in by_dataset.details if detail.kind == "slopes"]
    names = slopes[0].first_name, slopes[0].second_name
    table = _table("wrong calls on", "images", *names, "difference in points", wraps=0)
    for detail in slopes:
        images = ERROR_RATES[detail.rate].images if detail.rate else "images"
        for row in detail.rows:
            if row.first is None or row.second is None or row.low is None or row.high is None:
                continue
            difference = 100 * (row.second - row.first)
            table.add_row(
                f"{row.group} ({images})",
                f"{row.n:,}",
                percent(row.first),
                percent(row.second),
                f"{difference:+.1f} ({100 * row.low:+.1f} to {100 * row.high:+.1f})",
            )
    return table


def print_decision(decision: Decision) -> None:
    """Print one line for every gap and check that the gate looked at."""
    table = _table("status", "before", "check", "gap", "what was found", "remark", wraps=3)
    for outcome in decision.outcomes:
        before = _status(outcome.baseline) if outcome.baseline else "–"
        words = (outcome.check, outcome.name, outcome.found, outcome.remark)
        table.add_row(_status(outcome.status), before, *words)
    _print(table, *_noted(decision.notes, "other than the baseline:"))
