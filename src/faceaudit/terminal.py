"""What the terminal shows: compact tables, in colour where there is colour."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from faceaudit import wording as say
from faceaudit.error_rates import ERROR_RATES
from faceaudit.report.numbers import minus_signs
from faceaudit.report.text import STATUS
from faceaudit.screen import Screen, folded, status_text

if TYPE_CHECKING:
    from faceaudit.catalogue import KnownCheck, KnownSpec
    from faceaudit.datasets import IndexReport
    from faceaudit.datasets.base import Dataset
    from faceaudit.decision import Decision
    from faceaudit.demo import Demo
    from faceaudit.doctor import Diagnosis
    from faceaudit.draft import Draft
    from faceaudit.model.checkpoint import Checkpoint
    from faceaudit.plan import Planned
    from faceaudit.reproduction import Reproduction
    from faceaudit.result import OverallRate, Result
    from faceaudit.tables import Scores

#: What an encoding may lack, and what is written there instead.
_PLAIN = str.maketrans("−–…×→·│█▐▕▏▎▍▌▋▊▉’“”", '--.x>-|##|:::####\'""')


def _print(*things: Any, end: str = "\n") -> None:
    """Print texts and tables as they are, with nothing of them taken for markup.

    They are as wide as the terminal, or ``COLUMNS``, through a pipe too.
    """
    console = _console()
    with console.capture() as captured:
        for thing in things:
            console.print(_Harmless(thing), end=end, crop=False)
    lines = minus_signs(captured.get()).replace("\N{NARROW NO-BREAK SPACE}", " ").splitlines()
    shown = "".join(f"{line.rstrip()}\n" for line in lines)
    encoding = sys.stdout.encoding or "utf-8"
    if shown != shown.encode(encoding, "replace").decode(encoding):
        shown = shown.translate(_PLAIN).encode(encoding, "replace").decode(encoding)
    click.echo(shown, nl=False)


@dataclasses.dataclass
class _Harmless:
    """Something to print in which what a terminal would obey stands as its code."""

    thing: Any

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for text, style, control in console.render(self.thing, options):
            lines = (say.printable(line) for line in text.split("\n"))
            yield Segment("\n".join(lines), style, control)


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False)


def _noted(notes: Sequence[str], what: str = "note:") -> Iterator[Text]:
    return (Text.assemble((what, "dim"), f" {note}") for note in notes)


def _place(what: str, path: Path | str | None) -> Text:
    """Name a file in one line however long it is, so that it can be copied and piped."""
    return Text(f"{what} {path}", no_wrap=True, overflow="ignore")


def _table(*columns: str, wraps: int = 1) -> Table:
    """Make a bare table whose last `wraps` columns may be folded."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for position, title in enumerate(columns):
        # What has no space to be folded at, as an address, is folded anywhere, and never cut.
        table.add_column(title, no_wrap=position < len(columns) - wraps, overflow="fold")
    return table


def print_json(value: Any) -> None:
    """Print a value as JSON, fit for a pipe."""
    from pydantic import BaseModel

    def plain(thing: Any) -> Any:
        return thing.model_dump() if isinstance(thing, BaseModel) else str(thing)

    print(json.dumps(value, indent=1, ensure_ascii=False, default=plain))


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Give a callback (done, total) that says on stderr how far it is."""
    from faceaudit.model.progress import progress_bars

    with progress_bars(True) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def print_datasets(known: Sequence[type[Dataset]], as_json: bool) -> None:
    """Print what is known of every data set."""
    if as_json:
        facts = ("id", "title", "label", "published", "tags", "licence", "home", "layout")
        print_json([{fact: getattr(dataset, fact) for fact in facts} for dataset in known])
        return
    table = _table("id", "what it is")
    for dataset in known:
        images = f"{dataset.published:,} images, " if dataset.published else ""
        told = (
            f"{images}{dataset.label}",
            f"tags: {', '.join(dataset.tags) or 'none'}",
            dataset.licence,
            f"{dataset.home} Layout: {dataset.layout}",
        )
        table.add_row(dataset.id, "; ".join(told))
    _print(table)


def print_checks(known: Sequence[KnownCheck], as_json: bool) -> None:
    """Print what every check asks, and its options."""
    if as_json:
        print_json([dataclasses.asdict(check) for check in known])
        return
    from faceaudit.catalogue import COLUMNS

    table = _table("id", "what it asks")
    for check in known:
        told = Text.assemble((check.title, "bold"), f"\n{check.description}")
        if more := [name for name in check.columns if name not in COLUMNS]:
            told.append(f"\nNeeds the columns {', '.join(more)}.")
        if not check.default:
            told.append("\nRuns only where a specification names it.")
        for key in check.options:
            default = key.default_in_words if key.required else f"default {key.default_in_words}"
            told.append(f"\n{key.name}: {key.type}; {default}. {key.description}")
        table.add_row(Text(check.id, "bold"), told)
    needed = f"Every check needs {', '.join(COLUMNS)} and the specification's tags."
    _print(table, f"{needed} A specification gives options as checks: {{ID: {{OPTION: VALUE}}}}.")


def print_specs(known: Sequence[KnownSpec], as_json: bool) -> None:
    """Print what every ready specification asks, and which columns it needs."""
    if as_json:
        print_json([dataclasses.asdict(spec) for spec in known])
        return
    table = _table("name", "what it asks")
    for spec in known:
        groups = [say.attributes_title(tags) for tags in spec.groupings]
        limits = [(rate.short, spec.limits[f"{rate.id}_gap"]) for rate in ERROR_RATES.values()]
        told = {
            "Groups": ", ".join(groups),
            "Rows": spec.rows,
            "Slice": spec.slice,
            "Checks": ", ".join(spec.checks),
            "Rate": ERROR_RATES[spec.rate].short if spec.rate else None,
            "Limits": ", ".join(
                f"{rate} gap {say.points(of)}" for rate, of in limits if of is not None
            ),
            "Columns": ", ".join(spec.columns),
        }
        facts = " ".join(f"{what}: {said}." for what, said in told.items() if said)
        table.add_row(Text(spec.name, "bold"), f"{spec.question} {facts}")
    _print(
        table, f"A limit is {say.LIMIT_NOTE}. To ask it: faceaudit audit SCORES --spec NAME -o OUT"
    )


def print_diagnosis(found: Diagnosis, as_json: bool) -> None:
    """Print what is installed, what of it is broken, and what mends it."""
    if as_json:
        print_json(dataclasses.asdict(found))
        return
    table = _table("", "")
    table.show_header = False
    table.add_row("faceaudit", f"{found.version}, in {found.folder}")
    table.add_row("Python", found.python)
    for of in found.packages:
        there = ", ".join(f"{name} {version}" for name, version in of.versions.items() if version)
        lacking = ", ".join(name for name, version in of.versions.items() if not version)
        told = f"{of.status}: {there}{', ' * bool(there and lacking)}"
        told += f"lacks {lacking}" if lacking else ""
        table.add_row(of.name, told if of.status == "installed" else f"{told} ({of.install})")
    for plugin in found.plugins:
        told = f"'{plugin.name}' of {plugin.package} ({plugin.entry})"
        table.add_row("plug-in", f"{plugin.door}: {told}{', broken' * bool(plugin.problem)}")
    bundled = ", ".join(f"{n:,} {what}" for what, n in found.bundled.items())
    table.add_row("comes with it", bundled)
    if found.device:
        table.add_row("computes on", found.device)
    table.add_row("remembers", f"where data sets were indexed, in {found.state}")
    _print(table, *_noted(found.problems, "broken:") if found.problems else ["Nothing is broken."])


def print_draft(draft: Draft) -> None:
    """Print what a specification that was drafted asks, and how to go on."""
    tags, pairs = draft.spec.attributes, draft.spec.intersections
    asks = f"{say.counted(len(tags), 'tag')} and {say.counted(len(pairs), 'combination')}"
    _print(f"specification: {draft.path} asks about {asks}; read it, change what you like, then:")
    click.echo(f"  {draft.command}")


def print_plan(planned: Sequence[Planned], as_json: bool, power: float) -> None:
    """Print how many images of each group the verdict on each gap needs."""
    if as_json:
        print_json([dataclasses.asdict(gap) for gap in planned])
        return
    table = _table("gap", "groups", "rate", "limit", "to pass", "true gap", "to fail", wraps=7)
    for gap in planned:
        table.add_row(
            f"{say.attributes_title(gap.tags)}, {ERROR_RATES[gap.rate].short}",
            f"{gap.groups:,}",
            say.percent(gap.assumed_rate),
            say.points(gap.limit),
            "–" if gap.to_pass is None else f"{gap.to_pass:,}",
            say.points(gap.assumed_gap),
            "–" if gap.to_fail is None else f"{gap.to_fail:,}",
        )
    rates = dict.fromkeys(ERROR_RATES[gap.rate] for gap in planned)
    images = ", ".join(f"{rate.images} for {rate.short}" for rate in rates)
    never = []
    if any(gap.to_pass is None for gap in planned):
        never.append("no number of images shows that there is no gap, or none that wrong tags hide")
    if any(gap.to_fail is None for gap in planned):
        never.append("no number of images makes a true gap fail that wrong tags or the limit cover")
    _print(
        f"With so many images of each group ({images}) a gap passes if all groups are alike, and "
        f"fails if one truly exceeds the rest by so much, each with {100 * power:g} % power.",
        f"{say.counted(len(planned), 'gap')} to judge, each at first with a chance of "
        f"{100 * planned[0].error:.2g} % of a wrong verdict; the limit is {say.LIMIT_NOTE}.",
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
        f"{say.counted(report.found, 'file')}: {report.indexed:,} indexed ({labels}), "
        f"{report.rejected:,} rejected"
    )
    for what, counts in (("rejected", report.reasons), ("remark on", report.remarks)):
        for reason, n in sorted(counts.items(), key=lambda pair: -pair[1]):
            _print(f"  {what} {n:,}: {reason}")
    _print(*_noted(report.notes), _place("manifest:", report.manifest))
    if report.reasons or report.remarks:
        _print(_place("reject ledger:", report.ledger))


def print_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Print how a training run ended."""
    record = checkpoint.record
    if record.training is not None:
        kept = record.training.validation
        n_real = kept.real_called_real + kept.real_called_ai
        n_ai = kept.ai_called_real + kept.ai_called_ai
        _print(
            f"validation: {kept.real_called_ai:,} of {say.counted(n_real, 'real photograph')} "
            f"called AI, {kept.ai_called_real:,} of {say.counted(n_ai, 'AI image')} called real"
        )
    _print(f"threshold: {record.threshold:.3f} ({record.threshold_rule})", _place("model:", folder))


def print_scores(scores: Scores, path: Path) -> None:
    """Print what became of the images of a manifest."""
    from faceaudit.tables import status_counts

    counts = status_counts(scores.table)
    parts = ", ".join(f"{n:,} {status}" for status, n in sorted(counts.items()))
    _print(f"{say.counted(len(scores.table), 'image')}: {parts}", _place("scores:", path))
    if (drift := scores.info.batch_drift) is not None:
        _print(f"batches: a score moved by {drift:.2g} at most with the pictures beside it")
    for note in scores.info.notes:
        click.echo(f"note: {say.printable(note)}", err=True)


def print_result(
    result: Result,
    out: Path,
    *,
    verbose: bool,
    as_json: bool,
    beside: Reproduction | None = None,
) -> None:
    """Print a result that was written into a folder: on one screen, whole, or as JSON.

    What differs from an earlier one comes last.
    """
    page, file = out / "report.html", f"{result.kind}.json"
    if as_json:
        same = {"check_same": dataclasses.asdict(beside)} if beside else {}
        print_json(_summary(result) | {"report": page, "result": out / file} | same)
        return
    if verbose:
        _print_checks(result)
    else:
        _print(*Screen(result, _console()).lines())
    click.echo(f"report: {page} ({file} beside it)")
    if beside is not None:
        of = say.counted(beside.compared, "verdict and number", "verdicts and numbers")
        if not beside.numbers:
            rest = "; but other:" if beside.origins else ", from the same inputs and versions."
            _print(f"The same as the earlier audit in all {of}{rest}")
        else:
            _print(f"Not the same as the earlier audit, of {of}:")
        _print(*(f"  {line}" for line in (*beside.numbers, *beside.origins)))


def _summary(result: Result) -> dict[str, Any]:
    """Return what the screen tells, for a script; the rest is in the result's file."""
    facts = result.model_dump(
        mode="json", include={"kind", "name", "title", "status", "verdict", "answer", "findings"}
    )
    checks = [{"id": of.id, "status": of.status, "sentence": of.sentence} for of in result.checks]
    return facts | {"checks": checks}


def _print_checks(result: Result) -> None:
    """Print the answer, every check with what it found, and the limits of the data."""
    status = Text.assemble(status_text(result.status), ": ", (result.title, "bold"))
    _print(status, result.verdict)
    if (answer := result.answer) is not None:
        told = (answer.who, answer.how_much, answer.how_sure, answer.why)
        _print(*filter(None, told))
    # The two classifiers of a comparison have one account.
    accounts = {s.rows.sentence: s.rows.shares for s in result.scores if s.rows is not None}
    for sentence, shares in accounts.items():
        _print(f"Rows: {sentence}", *(f"  {share}" for share in shares))
    table = _table("status", "what each check found")
    for check in result.checks:
        table.add_row(status_text(check.status), f"{check.id}: {check.sentence}")
    _print(table, *_noted(result.limitations))


def print_demo(demo: Demo) -> None:
    """Print the story, every audit in a row, and where the reports are."""
    for asked, found in demo.story.items():
        _print(*folded(Text.assemble((f"{asked}: ", "bold"), found), _console(), 3))
    table = _table("", "status", *(rate.verb for rate in ERROR_RATES.values()), wraps=2)
    classifier = ""
    for name, result in demo.reports.items():
        of, _, short = name.rpartition("/")
        if of != classifier:
            table.add_row(Text(of, "bold"))
            classifier = of
        status = status_text(result.status) if result.kind == "audit" else ""
        told = {of.rate: _over_all(of) for of in result.answer.overall} if result.answer else {}
        table.add_row(short, status, *(told.get(rate, "–") for rate in ERROR_RATES))
    skipped = [f"the bundled faces were not scored: {demo.skipped}"] if demo.skipped else []
    _print(table, *_noted(skipped), _place("Look at", demo.index))


def _over_all(of: OverallRate) -> str:
    """Tell an error rate: of one classifier in numbers, of two how it changes."""
    if of.first is None:
        return f"{of.events:,} of {of.n:,}"
    return f"{say.percent(of.first / of.n)} → {say.percent(of.value)}"


def print_decision(decision: Decision, *, as_json: bool, github: bool) -> None:
    """Print every gap and check that the gate looked at, or annotations for GitHub."""
    if as_json:
        print_json(dataclasses.asdict(decision) | {"verdict": decision.verdict})
        return
    if github:
        from faceaudit.report.github import annotation_lines

        # As they are: the runner reads lines, and a terminal's width would break them.
        click.echo("\n".join(annotation_lines(decision)))
        return
    table = _table("status", "gap", "what was found", wraps=2)
    check = None
    for outcome in decision.outcomes:
        if outcome.check != check:
            table.add_row(Text(outcome.check, "bold"))
            check = outcome.check
        before = f"before: {STATUS[outcome.baseline]}" if outcome.baseline else ""
        beside = "; ".join(filter(None, (before, outcome.remark)))
        told = f"{outcome.found} ({beside})" if beside else outcome.found
        # The title of a check that judges no gap goes on in what it found.
        names = (outcome.name, told) if outcome.gap else ("", f"{outcome.name}: {told}")
        table.add_row(status_text(outcome.status), *names)
    _print(table, *_noted(decision.notes, "other than the baseline:"), decision.verdict)
