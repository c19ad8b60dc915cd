"""The pieces of which every figure is made: elements, texts, keys, the sheet they lie on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from textwrap import wrap

from faceaudit.figures.axes import Axis

#: Rows beyond these fold, on screens with a script that unfolds them.
FEW = 20
#: Heights in pixels, on wide screens and on narrow ones; ``figures.css`` has them too.
KEY_ROW = 20
#: Height of the titles and ticks above rows.
HEAD = 44
#: Letters that a line of a row's name has room for.
_LABEL = 28
#: XML knows no other control characters, not even escaped.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def element(tag: str, *content: str, **attributes: object) -> str:
    """Write an element; its content is markup, its attributes are escaped."""
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{given}>{''.join(content)}</{tag}>" if content else f"<{tag}{given}/>"


def _attribute(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else words(str(value))


def words(text: str) -> str:
    """Escape a text."""
    return escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))


def isolated(text: str) -> str:
    """Keep the direction of a name to itself, within a line of other words."""
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


def cut(text: str, most: int) -> str:
    """Shorten a text for its place."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def text(content: str, *, most: int | None = None, **attributes: object) -> str:
    """Write a line of text, with all of it in a title where it was cut."""
    shown = content if most is None else cut(content, most)
    title = element("title", words(content)) if shown != content else ""
    return element("text", title + words(shown), **attributes)


def label(content: str, note: str | None, icon: str = "") -> str:
    """Write the name of a row, on two lines where it is long, with a note where there is room."""
    lines = wrap(content, _LABEL, max_lines=2, placeholder=" …") or [""]
    short = note.partition(":")[0] if note else ""
    beside = f" {short}" if short and len(short) < _LABEL - len(lines[-1]) else ""
    drawn = [words(line) for line in lines]
    drawn[-1] += element("tspan", words(beside), class_="soft") if beside else ""
    told = f"{content}, {note}" if note and beside.strip() != note else content
    shortened = told != content or lines[-1].endswith("…")
    title = element("title", words(told)) if shortened else ""
    x = 20 if icon else 0
    if len(lines) == 1:
        return icon + element("text", title, drawn[0], x=x, y=18, class_="lab")
    pairs = zip(drawn, (12, 25), strict=True)
    tspans = [element("tspan", line, x=x, y=y) for line, y in pairs]
    return icon + element("text", title, *tspans, class_="lab small")


@dataclass(frozen=True)
class Place:
    """Where an axis lies on a wide drawing, in percent of its width.

    ``figures.css`` moves and stretches it for narrow ones: strokes stay as they are, so that
    what is drawn on it consists of lines alone.
    """

    class_: str
    axis: Axis
    left: float
    width: float

    def at(self, value: float) -> str:
        """Return the place of a value."""
        return self.percent(self.axis.place(value))

    def percent(self, place: float) -> str:
        """Return the place of a percentage of the axis."""
        return f"{self.left + self.width * place / 100:.4g}%"

    def grid(self, top: int) -> str:
        """Draw the ticks above the rows, and lines through all of them."""
        ticks = self.axis.ticks
        lines = [upright(self.percent(place), top) for place, _ in ticks]
        texts = [
            text(tick, x=self.percent(place), y=top - 8, class_="tick", style=f"--p:{place:g}")
            for place, tick in ticks
        ]
        return element("g", *lines, class_=f"{self.class_} grid") + element(
            "g", *texts, class_=f"{self.class_}-ticks"
        )

    def whisker(
        self, value: float, low: float | None, high: float | None, *, hollow: bool = False
    ) -> str:
        """Draw a value with its interval; what lies off the axis is an arrow."""
        parts = []
        if low is not None and high is not None:
            parts.append(element("line", x1=self.at(low), x2=self.at(high), y1=14, y2=14))
        off = [end for end in (low, high) if end is not None and self.axis.beyond(end)]
        parts.append(element("g", *map(self._arrow, off)) if off else "")
        parts += (
            [self._arrow(value)]
            if self.axis.beyond(value)
            else [dot(self.at(value), hollow=hollow)]
        )
        return element("g", *parts, class_=self.class_)

    def _arrow(self, value: float) -> str:
        side = self.axis.beyond(value)
        drawn = element("path", d=f"M{-3 * side} 8l{6 * side} 6 {-6 * side} 6", class_="arrow")
        # Percent have no place in a path.
        return element("svg", drawn, x=self.percent(0 if side < 0 else 100), overflow="visible")


def dot(at: str, *, hollow: bool = False) -> str:
    """Draw a mark, which is the round end of a line without length."""
    ends = {"x1": at, "x2": at, "y1": 14, "y2": 14}
    drawn = element("line", **ends, class_="dot")
    return drawn + element("line", **ends, class_="hole") if hollow else drawn


def upright(at: str, top: int, class_: str | None = None) -> str:
    """Draw a line down to the end of the drawing."""
    return element("line", x1=at, x2=at, y1=top, y2="100%", class_=class_)


@dataclass(frozen=True)
class Sheet:
    """The drawing as a whole: what lies on it, and how high it is on wide and narrow screens."""

    kind: str
    parts: Sequence[str]
    height: int
    narrow: int
    #: Heights while rows are folded; zero where none are.
    few: int = 0
    few_narrow: int = 0

    def svg(self, title: str, told: str, *, alone: bool) -> str:
        """Write the drawing; `alone` with title and styles, as a file of its own."""
        heights = f"--high:{self.height}px;--narrow:{self.narrow}px"
        if self.few:
            heights += f";--few:{self.few}px;--few-narrow:{self.few_narrow}px"
        drawn = element(
            "svg",
            *self.parts,
            class_=f"figure {self.kind}" + (" folds" if self.few and not alone else ""),
            role="img",
            aria_label=told,
            width="100%",
            height=self.height,
            style=heights,
            **({"y": 34} if alone else {}),
        )
        if not alone:
            return drawn
        return element(
            "svg",
            # Programs other than browsers know no variables.
            element("style", re.sub(r"var\(--[\w-]+, ([^()]+)\)", r"\1", style())),
            element("rect", width="100%", height="100%", class_="paper"),
            text(title, x=12, y=22, class_="title"),
            element("svg", drawn, x="1.5%", width="97%", height="100%"),
            xmlns="http://www.w3.org/2000/svg",
            class_="sheet",
            width="100%",
            height=self.height + 46,
            style=f"--narrow:{self.narrow + 46}px",
        )


def key(items: Sequence[tuple[str, ...]]) -> tuple[str, int, int]:
    """Draw a key and return its two heights.

    Of each item there are its class, its mark and its words, and perhaps its value.
    """
    wide, narrow = (_flow([" ".join(item[2:]) for item in items], width) for width in (700, 350))
    drawn = [
        element(
            "g",
            mark,
            element("text", *_words(*said), x=22, y=14),
            class_=f"item {name}",
            transform=f"translate({x:g} {y})",
            style=f"--x:{narrow_x:g}px;--y:{narrow_y}px",
        )
        for (name, mark, *said), (x, y), (narrow_x, narrow_y) in zip(
            items, wide, narrow, strict=True
        )
    ]
    high, higher = (max((y + KEY_ROW for _, y in places), default=0) for places in (wide, narrow))
    return "".join(drawn), high, higher


def _words(said: str, value: str | None = None) -> list[str]:
    told = [words(cut(said, 90))]
    return told if value is None else [*told, element("tspan", words(f" {value}"), class_="told")]


def _flow(said: Sequence[str], width: float) -> list[tuple[float, int]]:
    places, x, y = [], 0.0, 0
    for one in said:
        # As wide as such letters are on most machines.
        own = 36 + 6.2 * len(one)
        if x and x + own > width:
            x, y = 0.0, y + KEY_ROW
        places.append((x, y))
        x += own
    return places


def rows(
    kind: str,
    items: Sequence[tuple[str, ...]],
    head: Sequence[str],
    each: Sequence[tuple[str, str]],
    row: int,
    narrow_row: int,
    few: int | None = None,
) -> Sheet:
    """Put rows, each with its class, below their head and key; those beyond `FEW` fold."""
    drawn = [
        element(
            "g",
            body,
            class_=f"row {class_}".strip(),
            transform=f"translate(0 {HEAD + row * i})",
            style=f"--i:{i}",
        )
        for i, (class_, body) in enumerate(each)
    ]
    if few is None:
        # A fold of a few more rows would hide little.
        few = len(each) if len(each) <= FEW + 5 else FEW
    if few < len(each):
        # Browsers lay out a group that is not displayed, and no drawing within the drawing.
        drawn[few:] = [element("svg", *drawn[few:], class_="rest", overflow="visible")]
    told, top, narrow_top = key(items)
    body = below(top, narrow_top, *head, *drawn)

    def heights(n: int) -> tuple[int, int]:
        return top + HEAD + row * n + 4, narrow_top + HEAD + narrow_row * n + 4

    return Sheet(
        kind, [told, body], *heights(len(each)), *(heights(few) if few < len(each) else ())
    )


def below(top: int, narrow_top: int, *parts: str) -> str:
    """Put parts below the key."""
    place = {"transform": f"translate(0 {top})", "style": f"--y:{narrow_top}px"}
    return element("g", *parts, class_="body", **place)


@cache
def style() -> str:
    """Return the figures' style sheet."""
    return Path(__file__).with_name("figures.css").read_text(encoding="utf-8")
