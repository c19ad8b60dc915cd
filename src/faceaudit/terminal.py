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
from rich.markup import escape
from rich.table import Table

from faceaudit.wording import counted

if TYPE_CHECKING:
    from faceaudit.datasets import IndexReport
    from faceaudit.datasets.base import Dataset
    from faceaudit.demo import Demo
    from faceaudit.gate import Decision
    from faceaudit.model.checkpoint import Checkpoint
    from faceaudit.result import Result, Status
    from faceaudit.tables import Scores

# The words carry the meaning; colour only helps to find them.
_STYLES: dict[str, str] = {
    "pass": "green",
    "fail": "bold red",
    "insufficient-evidence": "yellow",
    "not-estimable": "dim",
    "info": "cyan",
}


def _console() -> Console:
    console = Console(highlight=False)
    # A pipe has no width: one finding a line is easier to search than lines folded at 80.
    return console if console.is_terminal else Console(highlight=False, width=200)


def _styled(status: Status) -> str:
    return f"[{_STYLES[status]}]{status}[/]"


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
        count = f"{dataset.published:,}" if dataset.published else "–"
        tags = ", ".join(dataset.tags) or "–"
        table.add_row(
            dataset.id,
            count,
            escape(dataset.label),
            escape(tags),
            escape(dataset.licence),
            escape(f"{dataset.home} Layout: {dataset.layout}"),
        )
    _console().print(table)


def print_index_report(report: IndexReport, as_json: bool) -> None:
    """Print what became of the files of a data set."""
    if as_json:
        print_json(dataclasses.asdict(report))
        return
    console = _console()
    labels = ", ".join(f"{n:,} {label}" for label, n in sorted(report.labels.items()))
    console.print(
        f"{counted(report.found, 'file')}: {report.indexed:,} indexed ({labels}), "
        f"{report.rejected:,} rejected"
    )
    for reason, n in sorted(report.reasons.items(), key=lambda pair: -pair[1]):
        console.print(f"  rejected {n:,}: {escape(reason)}")
    for kind, n in sorted(report.remarks.items(), key=lambda pair: -pair[1]):
        console.print(f"  remark on {n:,}: {escape(kind)}")
    for note in report.notes:
        console.print(f"[dim]note:[/] {escape(note)}")
    console.print(f"manifest: {escape(str(report.manifest))}")
    if report.reasons or report.remarks:
        console.print(f"reject ledger: {escape(str(report.ledger))}")


def print_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Print how a training run ended."""
    record = checkpoint.record
    if record.training is not None:
        kept = record.training.validation
        n_real = kept.real_called_real + kept.real_called_ai
        n_ai = kept.ai_called_real + kept.ai_called_ai
        _console().print(
            f"validation: {kept.real_called_ai:,} of {counted(n_real, 'real photograph')} called "
            f"AI, {kept.ai_called_real:,} of {counted(n_ai, 'AI image')} called real"
        )
    _console().print(
        f"threshold: {record.threshold:.3f} ({escape(record.threshold_rule)})\n"
        f"model: {escape(str(folder))}"
    )


def print_scores(scores: Scores, path: Path) -> None:
    """Print what became of the images of a manifest."""
    from faceaudit.tables import status_counts

    counts = status_counts(scores.table)
    parts = ", ".join(f"{n:,} {escape(status)}" for status, n in sorted(counts.items()))
    _console().print(f"{counted(len(scores.table), 'image')}: {parts}\nscores: {escape(str(path))}")
    for note in scores.info.notes:
        click.echo(f"note: {note}", err=True)


def print_result(result: Result) -> None:
    """Print the verdict and a table of the checks with their findings."""
    console = _console()
    console.print(f"[bold]{escape(result.title)}[/]  {_styled(result.status)}")
    console.print(escape(result.verdict))
    # The two classifiers of a comparison have one account.
    accounts = {s.rows.sentence: s.rows.shares for s in result.scores if s.rows is not None}
    for sentence, shares in accounts.items():
        console.print(f"Rows: {escape(sentence)}")
        for share in shares:
            console.print(f"  {escape(share)}")
    table = _table("status", "check", "what was found")
    for check in result.checks:
        table.add_row(_styled(check.status), escape(check.id), escape(check.sentence))
    console.print(table)
    for note in result.limitations:
        console.print(f"[dim]note:[/] {escape(note)}")


def print_demo(demo: Demo) -> None:
    """Print what the demo found, and where its reports are."""
    console = _console()
    for done, found in demo.experiments.items():
        console.print(f"[bold]{escape(done)}.[/] {escape(found)}", end="\n\n")
    _print_slopes(console, demo.reports[0].result)
    table = _table("report", "status", "real", "AI", "what was found")
    for report in demo.reports:
        status = _styled(report.result.status)
        images = _of_how_many(report.result)
        table.add_row(escape(report.name), status, *images, escape(report.result.verdict))
    console.print(table)
    if demo.skipped:
        console.print(f"[dim]note:[/] the bundled faces were not scored: {escape(demo.skipped)}")
    console.print(f"reports: {escape(str(demo.index))}")


def _of_how_many(result: Result) -> list[str]:
    """Say on how many of how many real photographs and AI-generated images a result rests."""
    rows = result.scores[0].rows
    if rows is None:
        return [f"{result.scores[0].n_real:,}", f"{result.scores[0].n_ai:,}"]
    return [
        f"{used:,} of {read:,}" if used < read else f"{used:,}"
        for used, read in rows.labels.values()
    ]


def _print_slopes(console: Console, result: Result) -> None:
    """Print how often each of two classifiers errs on every data set."""
    (by_dataset,) = (check for check in result.checks if check.id == "compare-dataset")
    slopes = [detail for detail in by_dataset.details if detail.kind == "slopes"]
    first, second = slopes[0].first_name, slopes[0].second_name
    table = _table("wrong verdicts on", "images", first, second, "difference in points", wraps=0)
    for detail in slopes:
        kind = "real" if detail.rate == "fpr" else "AI-generated"
        for row in detail.rows:
            if row.first is None or row.second is None or row.low is None or row.high is None:
                continue
            difference = 100 * (row.second - row.first)
            table.add_row(
                f"{escape(row.group)} ({kind})",
                f"{row.n:,}",
                f"{row.first:.1%}",
                f"{row.second:.1%}",
                f"{difference:+.1f} ({100 * row.low:+.1f} to {100 * row.high:+.1f})",
            )
    console.print(table, end="\n\n")


def print_decision(decision: Decision) -> None:
    """Print one line for every gap and check that the gate looked at."""
    console = _console()
    table = _table("status", "before", "check", "gap", "what was found", "remark", wraps=3)
    for outcome in decision.outcomes:
        before = _styled(outcome.baseline) if outcome.baseline else "–"
        words = (outcome.check, outcome.name, outcome.found, outcome.remark)
        table.add_row(_styled(outcome.status), before, *(escape(word) for word in words))
    console.print(table)
    for note in decision.notes:
        console.print(f"[dim]other than the baseline:[/] {escape(note)}")
