"""What a published data set is to us, and how to add one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from faceaudit.datasets.rejects import LedgerEntry, Reject, remark
from faceaudit.datasets.sources import SideFiles, is_side_file
from faceaudit.datasets.tagfiles import TagFile
from faceaudit.errors import FaceAuditError
from faceaudit.plugins import offers
from faceaudit.schema import LABEL_WORDS
from faceaudit.tags.base import TagValue
from faceaudit.tags.landmarks import Published

Label = Literal["real", "ai"]


class Tagged(NamedTuple):
    """What a name and the tag files say of one image."""

    label: Label
    tags: dict[str, TagValue]


@dataclass(frozen=True)
class IndexOptions:
    """What a user may say about their copy of a data set."""

    #: A tag file, or a folder of tag files, that does not lie below the root.
    tags_from: Path | None = None
    #: Label of every image, for a folder that says nothing about it.
    label: Label | None = None
    #: What a photograph retouched by hand counts as.
    photoshopped_as: Literal["skip", "real", "ai"] = "skip"
    #: Words in a tag file of one's own that say that a tag is missing, besides the empty cell.
    missing: tuple[str, ...] = ()
    #: Folders below the root, by path or name, that hold real photographs, and AI images.
    real_dir: tuple[str, ...] = ()
    ai_dir: tuple[str, ...] = ()

    def tag_file(self, usual: str) -> str:
        """Return the name of the tag file that the user named, or else the usual one."""
        given = self.tags_from
        return given.name if given and given.is_file() and is_side_file(given.name) else usual


class Dataset:
    """One published data set: its description, and the reader of one copy of it.

    A data set is one module of ``faceaudit/datasets`` that sets ``DATASET`` to a class derived
    from this one, or such a class that a package of your own names under the entry point
    ``faceaudit.datasets``; nothing else is touched::

        class Cartoons(Dataset):
            id = "cartoons"
            title = "Cartoon Faces"
            label = "ai"
            licence = "CC0"
            home = "https://example.org/cartoons"
            layout = "faces/0001.png; optional hats.csv (file, hat)"
            tags = {"hat": "by the publishers"}

            def open(self):
                self.use(own_csv(self.files, "hats.csv"))

            def read(self, path):
                if not base_name(path)[:4].isdigit():
                    raise Reject("malformed name", "it is not 0001.png")
                return Tagged("ai", self.look_up(base_name(path)))

        DATASET = Cartoons

    A run of `index` makes one object, which calls `open`: there tag files are read, by
    `faceaudit.datasets.tagfiles`, and handed to `use`. Then it calls `read` for each file that
    could be an image, by its path below the root, and at the end `remarks`. Size, format, hash and
    copies are seen to for all sets.
    """

    #: Its name on the command line and in manifests, and its full name.
    id: ClassVar[str]
    title: ClassVar[str]
    #: What its images are: ``real``, ``ai``, or how it is decided.
    label: ClassVar[str]
    #: How many images its publishers say it has.
    published: ClassVar[int | None] = None
    #: Terms of use as its publishers state them, and where users get it.
    licence: ClassVar[str]
    home: ClassVar[str]
    #: The folders and files that `index` expects below the root.
    layout: ClassVar[str]
    #: Where the layout is known from, if no copy of the set itself was tried: users are told.
    layout_from: ClassVar[str] = ""
    #: Every tag it can have, with the sentence that says whose word it is.
    tags: ClassVar[Mapping[str, str]] = {}
    #: Names of the `IndexOptions`, beyond ``tags_from``, that it takes.
    takes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, files: SideFiles, options: IndexOptions) -> None:
        #: Every file of this copy that is no image.
        self.files = files
        self.options = options
        #: The tags that this copy has, each with the sentence that says whose word it is.
        self.given: dict[str, str] = {}
        #: The tag files in use.
        self.tables: list[TagFile] = []
        #: Sentences for the user and the manifest, complete once all images were read.
        self.notes: list[str] = []
        if self.layout_from:
            told = f"The layout is that of {self.layout_from}; the set itself was not tried: "
            self.notes.append(f"{told}compare the counts.")
        self._missing: list[LedgerEntry] = []
        self._without = 0
        self._example = ""
        self.open()

    def open(self) -> None:
        """Read the tag files; without any, the names tell all of `tags`."""
        self.given = dict(self.tags)

    def read(self, path: str) -> Tagged:
        """Return label and tags of the image at `path`, its name below the root.

        Raises
        ------
        Reject
            If the image cannot be used; the reason goes to the ledger.
        """
        raise NotImplementedError

    def landmarks(self) -> Published | None:
        """Return the landmarks that the publishers give, if this copy has them."""
        return None

    def use(self, table: TagFile, sources: Mapping[str, str] | None = None) -> None:
        """Take the tags of a table, if it is there; `sources`, or else `tags`, say whose word."""
        if table.there:
            if len(table) == 0 and table.name == self.options.tag_file(""):
                fault = next((entry.remedy for entry in table.problems), "it has no rows")
                raise FaceAuditError(f"{self.options.tags_from}: {fault}")
            self.tables.append(table)
            self.notes += [f"{table.name}: {note}" for note in table.notes]
            for tag in table.tags:
                source = (self.tags if sources is None else sources).get(tag)
                self.given.setdefault(tag, source or f"as given in {table.name}")

    def look_up(self, *keys: str) -> dict[str, TagValue]:
        """Return what the tables say of the image that they call by one of `keys`.

        Where two tables have the same tag, the first that knows it counts.
        """
        self._example = self._example or next(iter(keys), "")
        # A camera writes IMG.JPG where the table has IMG.jpg.
        parts = (key.rpartition(".") for key in keys)
        keys = (*keys, *(f"{stem}{dot}{suffix.lower()}" for stem, dot, suffix in parts))
        found = [row for table in self.tables if (row := table.get(*keys)) is not None]
        self._without += not found
        tags: dict[str, TagValue] = {}
        for row in reversed(found):
            tags |= {tag: value for tag, value in row.items() if value is not None}
        return tags

    @cached_property
    def _prefixes(self) -> list[str]:
        """What may stand before an image's path in the tables."""
        return list(dict.fromkeys(prefix for t in self.tables for prefix in t.prefixes()))

    def row_of(self, path: str, otherwise: str) -> Tagged:
        """Return what tables with labels say of an image, or raise `Reject` with a reason."""
        tags = self.look_up(*(prefix + path for prefix in self._prefixes))
        label = LABEL_WORDS.get(str(tags.pop("label", None)))
        if label is None:
            raise Reject(otherwise, "without it there is no label")
        return Tagged(label, tags)

    def lacks(self, name: str, *tags: str) -> None:
        """Note that a tag file of the published set is not there."""
        told = f"without it there is no {', '.join(tags)}; put it below the root or name it with "
        self._missing.append(remark(name, "missing tag file", f"{told}--tags-from"))

    def remarks(self) -> Iterator[LedgerEntry]:
        """Say what was odd in the tag files, once all images were read."""
        yield from self._missing
        for table in self.tables:
            yield from table.remarks()
            if stranger := table.stranger():
                told = f"{table.name} names none of the images, but for example '{stranger}'"
                if table.name == self.options.tag_file(""):
                    raise FaceAuditError(
                        f"--tags-from {self.options.tags_from}: {told}; "
                        f"an image here is '{self._example}'"
                    )
                self.notes.append(f"{told}: no tags come from it.")
        if self.tables and self._without:
            yield remark(
                ", ".join(table.name for table in self.tables),
                "image without tag",
                f"{self._without:,} image{'s are' if self._without > 1 else ' is'} not in it: no "
                "tags there",
            )


@cache
def all_datasets() -> dict[str, type[Dataset]]:
    """Return every known data set by id, in alphabetical order."""
    return dict(sorted(offers("datasets", "DATASET", "id", fault=_lack).items()))


def _lack(dataset: object) -> str | None:
    facts = ("title", "label", "licence", "home", "layout")
    lacking = [fact for fact in facts if not isinstance(getattr(dataset, fact, None), str)]
    return f"it has no {', '.join(lacking)}" if lacking else None


def get_dataset(name: str) -> type[Dataset]:
    """Return a data set by id, or raise `FaceAuditError` that says which there are."""
    known = all_datasets()
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise FaceAuditError(f"no data set '{name}': {hint}there are {', '.join(known)}")
    return known[name]
