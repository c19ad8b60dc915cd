"""Tag files: tables that lie beside the images and say who is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from operator import itemgetter
from posixpath import commonpath
from typing import Any

import pyarrow as pa

from faceaudit.datasets.rejects import LedgerEntry, first_ones, remark
from faceaudit.datasets.sources import SideFiles, UnreadableError
from faceaudit.errors import FaceAuditError
from faceaudit.reading import formats
from faceaudit.reading.meaning import mark_missing
from faceaudit.schema import CLUSTER_COLUMNS, FIXED_COLUMNS
from faceaudit.tags.base import TagValue
from faceaudit.tags.vocabulary import standard, standardise_texts, suspected_missing
from faceaudit.wording import counted

Tags = dict[str, TagValue]
Cells = Mapping[str, str | None]
#: Makes tags out of a row's cells; tells a faulty cell to its second argument, and raises
#: ValueError for a row that is of no use.
Translate = Callable[[Cells, Callable[[str], None]], Tags]


class TagFile:
    """Tags by image name, as one tag file gives them.

    Remembers which rows have met their image, so that the others can be reported.
    """

    def __init__(self, name: str, tags: Sequence[str] = ()) -> None:
        self.name = name
        #: Whether there is such a file, and what it holds, as UTF-8.
        self.there = True
        self.data = b""
        #: The tags that it gives.
        self.tags = list(tags)
        #: Sentences for the user on how it was read, and its faults.
        self.notes: list[str] = []
        self.problems: list[LedgerEntry] = []
        #: Columns of text, where `read_csv` has read them, and the numbers of rows it left out.
        self.cells = pa.table({})
        self.skipped: set[int] = set()
        self._rows: dict[str, Tags] = {}
        self._used: set[str] = set()
        self._same: dict[tuple[tuple[str, TagValue], ...], Tags] = {}

    def lines(
        self, columns: Sequence[str], after: int = 0, separator: str | None = None
    ) -> Iterator[tuple[str, Cells]]:
        """Yield the place and the cells of each line behind the first `after`, for `fill`."""
        for number, line in enumerate(self.data.decode().splitlines()[after:], start=after + 1):
            cells = line.split(separator)
            if line.strip() and len(cells) == len(columns):
                yield f"line {number}", dict(zip(columns, cells, strict=True))
            elif line.strip():
                told = f"{counted(len(cells), 'value')} for {counted(len(columns), 'column')}"
                self.remark(f"line {number}", told)

    def rows(self) -> Iterator[tuple[str, Cells]]:
        """Yield the place and the cells of each row that `read_csv` has read, for `fill`."""
        numbers = (number for number in count(2) if number not in self.skipped)
        for batch in self.cells.to_batches(max_chunksize=1024):
            for cells in batch.to_pylist():
                yield f"row {next(numbers)}", cells
        self.cells = self.cells.schema.empty_table()

    def fill(
        self,
        rows: Iterable[tuple[str, Cells]],
        image_of: Callable[[Cells], str | None],
        translate: Translate,
    ) -> None:
        """Enter rows by what they call their image, and note the faults of the others."""
        for place, cells in rows:
            image = ""
            try:
                image = (image_of(cells) or "").strip()
                if not image:
                    raise ValueError("names no image")
                self.add(image, translate(cells, partial(self._doubt, place, image)), place)
            except (ValueError, KeyError) as error:
                self.remark(place, f"{image}: {error}" if image else str(error))

    def _doubt(self, place: str, image: str, fault: str) -> None:
        self.remark(place, f"{image}: {fault}; left empty")

    def add(self, image: str, tags: Tags, place: str) -> None:
        """Enter one row; `place` names it in messages, as in ``row 7``."""
        if image in self._rows:
            self.remark(place, f"{image} stands there twice; the first row was used")
        else:
            # A million rows share a few hundred combinations of tags.
            self._rows[image] = self._same.setdefault(tuple(tags.items()), tags)

    def get(self, *keys: str) -> Tags | None:
        """Return the tags of the first key that the table has, or None."""
        for key in keys:
            if key in self._rows:
                self._used.add(key)
                return self._rows[key]
        return None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def stranger(self) -> str | None:
        """Return what the first row calls an image, if no row has met its own."""
        return None if self._used else next(iter(self._rows), None)

    def prefixes(self) -> list[str]:
        """Return what may stand before an image's path, for tables of another machine's paths."""
        try:
            parts = commonpath(self._rows).split("/") if self._rows else []
        except ValueError:  # absolute and relative paths side by side
            parts = []
        return ["", *("/".join(parts[:end]) + "/" for end in range(1, len(parts) + 1))]

    def remark(self, place: str, fault: str) -> None:
        """Note a fault of the table."""
        self.problems.append(remark(self.name, "fault in a tag file", f"{place}: {fault}"))

    def remarks(self) -> Iterator[LedgerEntry]:
        """Yield the table's faults, and its tags without image."""
        yield from self.problems
        unused = (key for key in self._rows if key not in self._used)
        entries = (remark(key, "tag without image", f"in {self.name}") for key in unused)
        yield from first_ones(entries, len(self._rows) - len(self._used), self.name, "row")


def open_tag_file(files: SideFiles, name: str, tags: Sequence[str] = ()) -> TagFile:
    """Return a tag file with what it holds; one that cannot be read has a problem."""
    table = TagFile(name, tags)
    try:
        data = files.read(name)
    except UnreadableError as error:
        table.remark("the file", f"cannot be read ({error})")
        return table
    if data is None:
        table.there = False
        return table
    try:
        table.data = formats.as_utf8(data, table.notes)
    except pa.ArrowInvalid:
        table.notes.append("The file holds zero bytes, which were left out.")
        data = data.lstrip(b"\xff\xfe").replace(b"\0", b"")
        table.data = formats.as_utf8(data, table.notes)
    return table


def read_csv(
    files: SideFiles,
    name: str,
    key: str,
    tags: Sequence[str] = (),
    translate: Translate | None = None,
) -> TagFile:
    """Read the table called `name` with a header line, if it is there.

    Parameters
    ----------
    key : str
        Column that names the image.
    tags : sequence of str, optional
        The tags that `translate` makes; all columns but `key` if not given.
    translate : callable, optional
        Without it, the cells are still to be filled in.

    Raises
    ------
    FaceAuditError
        If two columns have one name.
    """
    table = open_tag_file(files, name, tags)
    if table.problems or not table.there:
        return table
    skipped: list[Any] = []
    try:
        cells = formats.read_csv(table.data, skipped.append)
    except pa.ArrowInvalid as error:
        table.remark("the file", f"not readable as CSV ({error})")
        return table
    columns = cells.column_names
    if twice := [column for column, n in Counter(columns).items() if column and n > 1]:
        raise FaceAuditError(
            f"{name}: two columns are called '{twice[0]}'; give each a name of its own"
        )
    if key not in columns:
        table.remark("row 1", f"there is no column '{key}'; the columns are {columns}")
        return table
    for row in skipped:
        told = f"{counted(row.actual_columns, 'cell')}, the header has {row.expected_columns}"
        table.remark(f"row {row.number}", told)
    table.skipped = {row.number for row in skipped}
    table.cells, table.data = cells, b""
    table.tags = table.tags or [column for column in columns if column != key]
    if translate:
        table.fill(table.rows(), itemgetter(key), translate)
    return table


def own_csv(
    files: SideFiles,
    name: str,
    missing: Sequence[str] = (),
    key: str = "file",
    label: Translate | None = None,
) -> TagFile:
    """Read a table of any tags and clusters that somebody made in the standard vocabulary.

    `missing` are words that say that a tag is missing, besides the empty cell; `label` translates
    the column of that name, which otherwise is no tag.
    """
    table = read_csv(files, name, key)
    if key not in table.cells.column_names:
        return table
    keys = [column for column in (key, "label") if column in table.cells.column_names]
    columns = [c for c in table.cells.column_names if c != key and (c != "label" or not label)]
    taken = FIXED_COLUMNS.keys() - set(CLUSTER_COLUMNS)
    table.tags = [column for column in columns if column and column not in taken]
    tags, said = standardise_texts(mark_missing(table.cells.select(table.tags), missing))
    table.notes += [*said, *suspected_missing(tags)]
    if refused := [f"'{column}'" for column in columns if column in taken]:
        table.notes.append(
            f"{', '.join(refused)} of its columns are not read as tags, for in a manifest these "
            "names mean something else; rename them to keep them."
        )
    if "" in columns:
        table.notes.append("a column without a name is not read.")

    def translate(cells: Cells, doubt: Callable[[str], None]) -> Tags:
        values: Tags = {}
        for tag in table.tags:
            try:
                values[tag] = standard(tag, cells[tag])
            except ValueError as error:
                doubt(f"{tag}: {error}")
                values[tag] = None
        return values | (label(cells, doubt) if label else {})

    named = [table.cells[name] for name in keys]
    table.cells = pa.table([*named, *tags.columns], names=[*keys, *table.tags])
    table.fill(table.rows(), itemgetter(key), translate)
    return table


def read_code(
    cells: Cells, heading: str | None, names: Mapping[str, str], doubt: Callable[[str], None]
) -> str | None:
    """Return what the number in a cell stands for, or None if the cell is empty or unknown."""
    code = ((cells.get(heading) if heading else None) or "").strip().removesuffix(".0")
    if code and code not in names:
        doubt(f"{heading} {code!r} is none of {', '.join(names)}")
    return names.get(code)


def self_reported(answer: object) -> str | None:
    """Return what people say of themselves as one value of a tag; None if they would not say.

    Several answers are a value of their own, and none of them is picked.

    >>> self_reported(["Europe", "Asia"]), self_reported("prefer not to say")
    ('Asia + Europe', None)
    """
    words = set()
    for word in answer if isinstance(answer, list) else [answer]:
        if not isinstance(word, str | int | float | None):
            raise ValueError(f"{word!r} is no answer")
        words.add("" if word is None else str(word).strip())
    said = {word for word in words if word.lower() not in ("", "prefer not to say")}
    return " + ".join(sorted(said)) or None
