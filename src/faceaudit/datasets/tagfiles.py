"""Tag files: tables that lie beside the images and say who is in them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import islice
from posixpath import commonpath

import numpy as np
import pyarrow as pa

from faceaudit.datasets.rejects import Entry
from faceaudit.datasets.sources import SideFiles, UnreadableError
from faceaudit.errors import FaceAuditError
from faceaudit.reading.formats import as_utf8, delimiter_of
from faceaudit.schema import FIXED_COLUMNS
from faceaudit.tags.vocabulary import (
    IDENTITY_TAGS,
    NUMERIC_TAGS,
    Words,
    readings,
    say_readings,
    standard,
    suspected_words,
)
from faceaudit.wording import counted

#: How many tags without an image are listed one by one before they are only counted.
LISTED = 100

#: Tags that are read cell by cell; the others' spellings are compared once the table is whole.
_BY_CELL = frozenset((*NUMERIC_TAGS, *IDENTITY_TAGS))

TagValue = str | float | None
Tags = dict[str, TagValue]
Cells = Mapping[str, str | None]
#: Makes tags out of a row's cells; tells a faulty cell to its second argument.
Translate = Callable[[Cells, Callable[[str], None]], Tags]


class TagTable:
    """Tags by image name, as one tag file gives them.

    Remembers which rows have met their image, so that the others can be reported.

    Parameters
    ----------
    name : str
        The tag file's name, for messages.
    tags : sequence of str
        The tags that it gives.

    Attributes
    ----------
    columns : list of str
        Its header.
    notes : list of str
        Sentences for the user on how it was read.
    """

    def __init__(self, name: str, tags: Sequence[str] = ()) -> None:
        self.name = name
        self.tags = list(tags)
        self.columns: list[str] = []
        self.notes: list[str] = []
        self._rows: dict[str, Tags] = {}
        self._used: set[str] = set()
        self._same: dict[tuple[tuple[str, TagValue], ...], Tags] = {}
        self.problems: list[Entry] = []

    def add(self, key: str, tags: Tags, place: str) -> None:
        """Enter one row; `place` names it in messages, as in ``row 7``."""
        if key in self._rows:
            self.remark(place, f"{key} stands there twice; the first row was used")
        else:
            # A million rows share a few hundred combinations of tags.
            self._rows[key] = self._same.setdefault(tuple(tags.items()), tags)

    def get(self, *keys: str) -> Tags | None:
        """Return the tags of the first key that the table has, or None."""
        for key in keys:
            if key in self._rows:
                self._used.add(key)
                return self._rows[key]
        return None

    @property
    def met(self) -> bool:
        """Whether any row has met its image."""
        return bool(self._used)

    @property
    def example(self) -> str:
        """What its first row calls an image."""
        return next(iter(self._rows))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def words(self, tag: str) -> Words:
        """Return the distinct texts of a tag, and how many rows hold each."""
        counts: Counter[str] = Counter()
        for tags in self._same.values():
            if isinstance(word := tags.get(tag), str):
                counts[word] += self._uses[id(tags)]
        return Words(pa.array(counts, pa.string()), np.fromiter(counts.values(), np.int64))

    @cached_property
    def _uses(self) -> Counter[int]:
        """How many rows share each combination of tags."""
        return Counter(map(id, self._rows.values()))

    def replace(self, tag: str, read_as: Mapping[str, str | None]) -> None:
        """Put other words in the place of those of a tag that `read_as` holds."""
        for tags in self._same.values():
            if isinstance(word := tags.get(tag), str):
                tags[tag] = read_as.get(word, word)

    def standardise(self) -> None:
        """Read each tag's words as `faceaudit.tags.vocabulary.standardise` reads a column's."""
        for tag in self.tags:
            if tag not in _BY_CELL:
                given = self.words(tag)
                read_as = readings(tag, given)
                self.notes += say_readings(tag, given, read_as)
                self.replace(tag, read_as)
                self.notes += suspected_words(tag, self.words(tag))

    def prefixes(self) -> list[str]:
        """Return what may stand before an image's path, for tables of another machine's paths."""
        try:
            parts = commonpath(self._rows).split("/") if self._rows else []
        except ValueError:  # absolute and relative paths side by side
            parts = []
        return ["", *("/".join(parts[:end]) + "/" for end in range(1, len(parts) + 1))]

    def doubt(self, place: str, image: str, fault: str) -> None:
        """Note a cell that cannot be read, and leaves its tag empty."""
        self.remark(place, f"{image}: {fault}; left empty")

    def remark(self, place: str, fault: str) -> None:
        """Note a fault of the table."""
        self.problems.append(Entry(self.name, "remark", "fault in a tag file", f"{place}: {fault}"))

    def remarks(self) -> Iterator[Entry]:
        """Yield the table's faults, and its tags without image."""
        yield from self.problems
        unused = (key for key in self._rows if key not in self._used)
        for key in islice(unused, LISTED):
            yield Entry(key, "remark", "tag without image", f"in {self.name}")
        further = sum(1 for _ in unused)
        if further:
            told = f"and {further:,} further rows"
            yield Entry(self.name, "remark", "tag without image", told, further)


def missing_tag_file(name: str, tags: Iterable[str]) -> Entry:
    """Return the remark that a tag file of the published set is not there."""
    return Entry(
        name,
        "remark",
        "missing tag file",
        f"without it there is no {', '.join(tags)}; put it below the root or name it with "
        "--tags-from",
    )


def read_text(files: SideFiles, table: TagTable) -> str | None:
    """Return a tag file's text, or None if it is not there or cannot be read."""
    try:
        data = files.read(table.name)
    except UnreadableError as error:
        table.remark("the file", f"cannot be read ({error})")
        return None
    if data is None:
        return None
    try:
        return as_utf8(data, table.notes).decode()
    except pa.ArrowInvalid:
        table.notes.append("The file holds zero bytes, which were left out.")
        return as_utf8(data.lstrip(b"\xff\xfe").replace(b"\0", b""), table.notes).decode()


def read_csv(
    files: SideFiles,
    name: str,
    key: str,
    translate: Translate,
    tags: Sequence[str] = (),
) -> TagTable | None:
    """Read a table with a header line.

    Parameters
    ----------
    files : SideFiles
    name : str
        Base name of the table.
    key : str
        Column that names the image.
    translate : callable
        Makes tags out of a row's cells. A ValueError that it raises is noted with the
        row's number, and the row is left out; a fault that it tells is noted likewise.
    tags : sequence of str, optional
        The tags that it makes; all columns but `key` if not given.

    Returns
    -------
    TagTable or None
        None if there is no such file.

    Raises
    ------
    FaceAuditError
        If two columns have one name.
    """
    table = TagTable(name, tags)
    text = read_text(files, table)
    if text is None:
        return table if table.problems else None
    header_line, _, rest = text.partition("\n")
    delimiter, says_only_that = delimiter_of(header_line)
    # A quote that is never closed swallows the rest of a file: fields have csv's own limit.
    rows = csv.reader(
        io.StringIO(rest if says_only_that else text, newline=""), delimiter=delimiter
    )
    try:
        header = table.columns = [name.strip() for name in next(rows, [])]
        if twice := [column for column, n in Counter(header).items() if column and n > 1]:
            raise FaceAuditError(
                f"{name}: two columns are called '{twice[0]}'; give each a name of its own"
            )
        if key not in header:
            table.remark("row 1", f"there is no column '{key}'; the columns are {header}")
            return table
        table.tags = table.tags or [column for column in header if column != key]
        for row in rows:
            if not row:
                continue
            place = f"row {rows.line_num}"
            if len(row) != len(header):
                table.remark(place, f"{counted(len(row), 'cell')}, the header has {len(header)}")
                continue
            cells = {column: value or None for column, value in zip(header, row, strict=True)}
            image = (cells[key] or "").strip()
            if not image:
                table.remark(place, "names no image")
                continue
            try:
                table.add(image, translate(cells, partial(table.doubt, place, image)), place)
            except ValueError as error:
                table.remark(place, f"{image}: {error}")
    except csv.Error as error:
        table.remark(f"row {rows.line_num}", f"not readable as CSV from here on ({error})")
    return table


def read_columns(
    files: SideFiles, name: str, header_line: int, translate: Translate, tags: Sequence[str]
) -> TagTable | None:
    """Read a table in columns of blanks, as CelebA ships it, whose first column names the image.

    Parameters
    ----------
    files, name, translate, tags
        As in `read_csv`.
    header_line : int
        Which line, from 1, names the columns; 0 for none, and their numbers from 1 are
        their names.

    Returns
    -------
    TagTable or None
        None if there is no such file.
    """
    table = TagTable(name, tags)
    text = read_text(files, table)
    if text is None:
        return table if table.problems else None
    lines = text.splitlines()
    header = lines[header_line - 1].split() if 0 < header_line <= len(lines) else []
    for number, line in enumerate(lines[header_line:], start=header_line + 1):
        if not line.strip():
            continue
        key, *values = line.split()
        columns = header or [str(place) for place in range(1, len(values) + 1)]
        place = f"line {number}"
        if len(values) != len(columns):
            told = f"{counted(len(values), 'value')} for {counted(len(columns), 'column')}"
            table.remark(place, told)
            continue
        try:
            cells = dict(zip(columns, values, strict=True))
            table.add(key, translate(cells, partial(table.doubt, place, key)), place)
        except ValueError as error:
            table.remark(place, f"{key}: {error}")
    return table


def read_sidecar(
    files: SideFiles, name: str, missing: Collection[str] = (), key: str = "file"
) -> TagTable | None:
    """Read a table of any tags that somebody made, and say how.

    Parameters
    ----------
    files, name, key
        As in `read_csv`.
    missing : collection of str, optional
        Words that say that a tag is missing, besides the empty cell.
    """
    table = read_csv(files, name, key, partial(own_tags, key, missing))
    if table is not None:
        settle(table, key)
    return table


def own_tags(
    key: str, missing: Collection[str], cells: Cells, doubt: Callable[[str], None]
) -> Tags:
    """Return the tags in a row of a table that somebody made: all columns but those of `settle`."""
    tags: Tags = {}
    for tag, value in cells.items():
        if not tag or tag == key or tag in FIXED_COLUMNS:
            continue
        if value is not None and value.strip() in missing:
            value = None
        if tag in _BY_CELL:
            try:
                tags[tag] = standard(tag, value)
            except ValueError as error:
                doubt(f"{tag}: {error}")
                tags[tag] = None
        else:
            tags[tag] = value  # `TagTable.standardise` knows the other rows' spellings
    return tags


def settle(table: TagTable, *keys: str) -> None:
    """Bring a table that somebody made into the standard vocabulary, and say what is not a tag.

    The columns `keys` are no tags, and have been read.
    """
    others = [column for column in table.columns if column and column not in keys]
    table.tags = [column for column in others if column not in FIXED_COLUMNS]
    table.standardise()
    taken = [f"'{column}'" for column in others if column in FIXED_COLUMNS]
    if taken:
        table.notes.append(
            f"{', '.join(taken)} of its columns are not read as tags, for in a manifest these "
            "names mean something else; rename them to keep them."
        )
    if "" in table.columns:
        table.notes.append("a column without a name is not read.")


def read_code(
    cells: Cells, heading: str | None, names: Mapping[str, str], doubt: Callable[[str], None]
) -> str | None:
    """Return what the number in a cell stands for, or None if the cell is empty or unknown."""
    code = ((cells.get(heading) if heading else None) or "").strip().removesuffix(".0")
    if code and code not in names:
        doubt(f"{heading} {code!r} is none of {', '.join(names)}")
    return names.get(code)


def number(value: str, what: str) -> float:
    """Return a cell's number.

    Raises
    ------
    ValueError
        If it is text, infinite or not a number.
    """
    try:
        parsed = float(value)
    except ValueError:
        raise ValueError(f"{what} {value!r} is not a number") from None
    if not abs(parsed) < float("inf"):
        raise ValueError(f"{what} {value!r} is not a number")
    return parsed
