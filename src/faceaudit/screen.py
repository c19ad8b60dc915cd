"""A result on one screen of a terminal: the answer, and the groups with small bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from faceaudit.error_rates import ERROR_RATES
from faceaudit.report.numbers import cell, interval
from faceaudit.report.text import STATUS
from faceaudit.wording import capitalised, counted, natural_frequency, out_of

if TYPE_CHECKING:
    from faceaudit.result import Estimate, Forest, Result, Scatter, SlopeRow, Slopes, Status

#: Lines of a screen, of which the last is the caller's.
LINES = 24
#: Classifiers of a leaderboard that are drawn.
MOST_POINTS = 5
# The words carry the meaning; colour only helps to find them.
_STYLES: dict[Status, str] = {
    "pass": "green",
    "fail": "bold red",
    "insufficient-evidence": "yellow",
    "not-estimable": "dim",
    "info": "cyan",
    "error": "bold red",
}
#: Checks of each status in words, one and several, the gravest first.
_CHECKS: dict[Status, tuple[str, str]] = {
    "fail": ("fails", "fail"),
    "error": ("broke off", "broke off"),
    "insufficient-evidence": ("not settled", "not settled"),
    "pass": ("passes", "pass"),
    "info": ("informs", "inform"),
    "not-estimable": ("not estimable", "not estimable"),
}
_EIGHTHS = " ▏▎▍▌▋▊▉"


class _Bar(NamedTuple):
    """A group's row of a figure: how far its bar goes, from -1 to 1, and its numbers."""

    group: str
    length: float
    value: str
    interval: str
    n: str


def status_text(status: Status) -> Text:
    """Tell a status as reports do."""
    return Text(STATUS[status], _STYLES[status])


def folded(text: Text, console: Console, most: int) -> list[Text]:
    """Fold a text to the width of the console; what exceeds `most` lines is cut, and marked so."""
    lines = list(text.wrap(console, console.width))
    for line in lines:
        line.rstrip()
    if len(lines) > most:
        last = lines[most - 1]
        if last.cell_len > console.width - 2:
            last.truncate(max(last.plain.rfind(" "), 1))
        last.append(" …")
    return lines[:most]


class Screen:
    """The lines that tell a result in a given width."""

    def __init__(self, result: Result, console: Console) -> None:
        self.result, self.console = result, console

    def lines(self) -> list[Text]:
        """Lay it out; what does not fit is in the report, and in all that ``-v`` prints."""
        told = [
            *self._head(),
            Text(),
            *self._classifiers(),
            *self._figure(),
            *self._folded(self.result.answer.how_much if self.result.answer else "", 3),
        ]
        checks = self._checks()
        return [*told, *self._lines_of_the_answer(LINES - 1 - len(told) - len(checks)), *checks]

    def _folded(self, text: str | Text, most: int, label: str = "") -> list[Text]:
        return folded(Text.assemble((label, "dim"), text), self.console, most) if text else []

    def _head(self) -> Iterator[Text]:
        # Where nothing is judged the headline alone says what was found.
        judged = self.result.kind == "audit" or self.result.status != "info"
        status = (status_text(self.result.status), ": ") if judged else ()
        yield from self._folded(Text.assemble(*status, (self.result.title, "bold")), 2)
        yield from self._folded(self.result.verdict, 4)

    def _classifiers(self) -> Iterator[Text]:
        first = self.result.scores[0] if self.result.scores else None
        rows = first.rows if first else None
        used = out_of(rows.used, rows.read, "row", ("used", "used")) if rows else ""
        answer = self.result.answer
        overall = [of for of in answer.overall if of.rate in ERROR_RATES] if answer else []
        if self.result.kind == "audit" and first:
            yield from self._folded(f"{first.name} · {used}" if used else first.name, 2)
            told = [f"{ERROR_RATES[of.rate].verb} {_share(of.events, of.n)}" for of in overall]
            yield from self._folded(" · ".join(told), 2)
        elif self.result.kind == "compare":
            yield from self._folded(used, 1)
            for of in overall:
                yield from self._folded(
                    f"{ERROR_RATES[of.rate].verb} {_share(of.first or 0, of.n)} → "
                    f"{_share(of.events, of.n)}",
                    2,
                )

    def _figure(self) -> Iterator[Text]:
        figure = self.result.first_figure
        if figure is not None and figure.kind == "scatter":
            yield Text()
            yield from self._leaderboard(figure)
        elif self.result.kind == "compare":
            yield from self._differences()
        elif figure is not None and figure.kind == "forest":
            yield Text()
            yield from self._forest(figure)

    def _forest(self, forest: Forest) -> Iterator[Text]:
        """Draw the groups that suffer the error most and least."""
        confidence = self.result.spec.get("confidence")
        ends = f", {100 * confidence:g} % intervals" if confidence else ""
        yield from self._folded(Text(f"{forest.title}{ends}", "bold"), 2)
        shown = self._most_and_least(forest)
        full = max((row.value or 0 for row in shown), default=0) or 1
        yield from self._bars(
            [
                _Bar(
                    row.group,
                    (row.value or 0) / full,
                    cell(row.value, "percent"),
                    interval(row.low, row.high, "percent"),
                    f"{row.events:,} of {row.n:,}",
                )
                for row in shown
            ]
        )
        if more := [row for row in forest.rows if row.n and row not in shown]:
            small = sum(self._is_small(row) for row in more)
            told = f"… and {counted(len(more), 'more group')}"
            told += f", {small:,} of them small" if small else ""
            yield from self._folded(Text(told, "dim"), 1)

    def _leaderboard(self, scatter: Scatter) -> Iterator[Text]:
        """Draw the lowest of what the points show to the right, and tell what they show upwards."""
        yield from self._folded(Text(scatter.title, "bold"), 2)
        shown = scatter.points[:MOST_POINTS]
        full = max(of.x for of in shown) or 1
        yield from self._bars(
            [
                _Bar(
                    of.name,
                    of.x / full,
                    cell(of.x, "percent"),
                    interval(of.x_low, of.x_high, "percent"),
                    f"worst {cell(of.y, 'percent')}",
                )
                for of in shown
            ]
        )
        if more := len(scatter.points) - len(shown):
            yield from self._folded(Text(f"… and {counted(more, 'more classifier')}", "dim"), 1)

    def _is_small(self, row: Estimate | SlopeRow) -> bool:
        return row.n < int(self.result.spec.get("small_group", 0))

    def _most_and_least(self, forest: Forest) -> list[Estimate]:
        """Choose five groups: the ends of those that are judged; small ones only after them."""
        rows = [row for row in forest.rows if row.value is not None and row.events is not None]
        rows.sort(key=lambda row: -(row.value or 0))
        large = [row for row in rows if not self._is_small(row)]
        if len(large) <= 5:
            return (large + [row for row in rows if self._is_small(row)])[:5]
        reference = [row for row in large if row.group == forest.reference_label]
        others = [row for row in large if row.group != forest.reference_label]
        chosen = [*others[: 3 - len(reference)], *reference, *others[-2:]]
        return [row for row in large if row in chosen]

    def _slopes(self) -> list[Slopes]:
        """Find the comparison by group: that of the first figure, or of the first tag."""
        slopes = [
            [detail for detail in check.details if detail.kind == "slopes"]
            for check in self.result.checks[1:]
        ]
        figure = self.result.first_figure
        chosen = next((of for of in slopes if figure in of), next(filter(None, slopes), []))
        return [detail for detail in chosen if any(row.difference for row in detail.rows)]

    def _differences(self) -> Iterator[Text]:
        """Draw the groups that gain and lose most, around nothing and to one scale."""
        figures = {slopes.rate: self._gain_and_lose(slopes) for slopes in self._slopes()}
        rows = [row for rows in figures.values() for row in rows]
        full = max((abs(row.difference or 0) for row in rows), default=0) or 1
        bars = self._bars(
            [
                _Bar(
                    row.group,
                    (row.difference or 0) / full,
                    cell(row.difference, "points"),
                    interval(row.low, row.high, "points"),
                    f"of {row.n:,}",
                )
                for row in rows
            ]
        )
        for slopes in self._slopes():
            rate = ERROR_RATES.get(slopes.rate or "")
            what = f"{rate.images} {rate.error}" if rate else slopes.measure
            yield Text()
            title = capitalised(f"{what}, by {slopes.attribute}: difference")
            yield from self._folded(Text(title, "bold"), 2)
            yield from islice(bars, len(figures[slopes.rate]))

    def _gain_and_lose(self, slopes: Slopes) -> list[SlopeRow]:
        """Choose three groups with the largest differences, in both directions if there are."""
        rows = [row for row in slopes.rows if row.difference is not None]
        rows = [row for row in rows if not self._is_small(row)] or rows
        rows = [row for row in rows if (row.low or 0) * (row.high or 0) > 0] or rows
        rows.sort(key=lambda row: -abs(row.difference or 0))
        against = [row for row in rows[2:] if (row.difference or 0) * (rows[0].difference or 0) < 0]
        return sorted(rows[:2] + (against + rows[2:])[:1], key=lambda row: row.difference or 0)

    def _bars(self, rows: Sequence[_Bar]) -> Iterator[Text]:
        """Draw a bar a row, around a line where some go to the left, and its numbers."""
        if not rows:
            return
        columns = [(row.group, row.value, row.interval, row.n) for row in rows]
        names, values, ends, n = (
            max(map(cell_len, column)) for column in zip(*columns, strict=True)
        )
        room = self.console.width - values - ends - n - 8
        name = min(names, max(room - 12, room // 2, 1))
        two_sided = any(row.length < 0 for row in rows)
        bar = max(min(room - name, 32), 0) // (2 if two_sided else 1)
        for row in rows:
            left = f"{_bar_to_the_left(-row.length, bar)}│" if two_sided else ""
            yield Text(
                f"{_cut(row.group, name)}  {left}{_bar(max(row.length, 0), bar)}  "
                f"{row.value:>{values}}  {row.interval:{ends}} {row.n:>{n}}"
            )

    def _lines_of_the_answer(self, room: int) -> Iterator[Text]:
        """Say what the figure does not, in as many lines as there is room for."""
        answer = self.result.answer
        if answer is None:
            return
        gaps = {
            tuple(gap.tags)
            for check in self.result.checks
            for gap in check.verdicts
            if gap.rate == answer.rate
        }
        # The figure names the groups of one gap, and those that gain and lose.
        figure = self.result.first_figure
        told = len(gaps) == 1 or (figure is not None and figure.kind == "slopes")
        parts = [
            ("Who: ", "" if told else answer.who),
            ("How sure: ", answer.how_sure),
            ("Why: ", answer.why),
        ]
        parts = [part for part in parts if part[1]]
        for left, (label, text) in zip(range(len(parts), 0, -1), parts, strict=True):
            lines = self._folded(text, max(room // left, 1), label)
            room -= len(lines)
            yield from lines

    def _checks(self) -> list[Text]:
        """Count the checks by status, where they judge, and what the data cannot carry."""
        found = [check.status for check in self.result.checks]
        told = [
            counted(found.count(status), one, many)
            for status, (one, many) in _CHECKS.items()
            if status in found
        ]
        parts = [f"Checks: {', '.join(told)}"] if self.result.kind == "audit" else []
        if self.result.limitations:
            parts.append(counted(len(self.result.limitations), "limitation"))
        return self._folded(f"{' · '.join(parts)} (-v tells all)", 2) if parts else []


def _share(events: int, n: int) -> str:
    return f"{natural_frequency(events, n)} ({events:,} of {n:,})"


def _bar(share: float, width: int) -> str:
    """Draw a share of the width to an eighth of a cell, padded; what is not nothing is seen."""
    eighths = max(round(8 * share * width), 1 if share > 0 else 0)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width)


def _bar_to_the_left(share: float, width: int) -> str:
    """Draw the same from the right, in halves of a cell: fonts have no eighths on that side."""
    whole, rest = divmod(round(2 * max(share, 0) * width), 2)
    drawn = ("▐" if rest else "") + "█" * whole
    return (drawn or ("▕" if share > 0 else "")).rjust(width)


def _cut(name: str, width: int) -> str:
    """Cut or pad a name to so many cells, of which some letters take two."""
    if cell_len(name) <= width:
        return set_cell_size(name, width)
    return set_cell_size(set_cell_size(name, width - 1).rstrip() + "…", width)
