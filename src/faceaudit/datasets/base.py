"""What a published data set is to us: a description, and a reader of its names and tag files.

Every module of this folder that defines ``DATASET`` is a data set; adding one touches no
other file than its own (and its test).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, NamedTuple

from faceaudit.datasets.rejects import Entry
from faceaudit.datasets.sources import SideFiles, names_side_file, with_lower_suffix
from faceaudit.datasets.tagfiles import TagTable, TagValue, missing_tag_file
from faceaudit.errors import FaceAuditError

Label = Literal["real", "ai"]


class Tagged(NamedTuple):
    """What a name and the tag files say of one image."""

    label: Label
    tags: dict[str, TagValue]


@dataclass(frozen=True)
class Options:
    """What a user may say about their copy of a data set.

    Attributes
    ----------
    tags_from : Path, optional
        A tag file, or a folder of tag files, that does not lie below the root.
    label : {'real', 'ai'}, optional
        Label of every image, for a folder that says nothing about it.
    photoshopped_as : {'skip', 'real', 'ai'}
        What a photograph retouched by hand counts as.
    missing : tuple of str
        Words in a tag file of one's own that say that a tag is missing.
    real_dir, ai_dir : tuple of str
        Folders below the root, by path or name, that hold real photographs and AI images.
    """

    tags_from: Path | None = None
    label: Label | None = None
    photoshopped_as: Literal["skip", "real", "ai"] = "skip"
    missing: tuple[str, ...] = ()
    real_dir: tuple[str, ...] = ()
    ai_dir: tuple[str, ...] = ()

    def tag_file(self, usual: str) -> str:
        """Return the name of the tag file that the user named, or else the usual one."""
        given = self.tags_from
        return given.name if given is not None and names_side_file(given) else usual


class Reader:
    """Reads the names and tag files of one copy of one data set.

    Made anew for every run, because it remembers which tags have met their image.

    Parameters
    ----------
    files : SideFiles
        Every file of the copy that is no image.
    options : Options

    Attributes
    ----------
    tags : dict of str to str
        The tags that this copy has, each with the sentence that says whose word it is.
    tables : list of TagTable
        The tag files in use.
    notes : list of str
        Sentences for the user and the manifest, complete once all images were read.
    """

    def __init__(self, files: SideFiles, options: Options) -> None:
        self.files = files
        self.options = options
        self.tags: dict[str, str] = {}
        self.tables: list[TagTable] = []
        self._missing: list[Entry] = []
        self._without = 0
        self._example = ""
        self.notes: list[str] = []

    def read(self, path: str) -> Tagged:
        """Return label and tags of the image at `path`, its name below the root.

        Raises
        ------
        Reject
            If the image cannot be used; the reason goes to the ledger.
        """
        raise NotImplementedError

    def use(self, table: TagTable | None, sources: Mapping[str, str]) -> None:
        """Take the tags of a table, if it is there; `sources` says whose word each tag is."""
        if table is not None:
            if len(table) == 0 and table.name == self.options.tag_file(""):
                fault = next((entry.remedy for entry in table.problems), "it has no rows")
                raise FaceAuditError(f"{self.options.tags_from}: {fault}")
            self.tables.append(table)
            self.notes += [f"{table.name}: {note}" for note in table.notes]
            for tag in table.tags:
                self.tags.setdefault(tag, sources.get(tag, f"as given in {table.name}"))

    def look_up(self, *keys: str) -> dict[str, TagValue]:
        """Return what the tables say of the image that they call by one of `keys`.

        Where two tables have the same tag, the first that knows it counts.
        """
        self._example = self._example or next(iter(keys), "")
        # A camera writes IMG.JPG where the table has IMG.jpg.
        keys = (*keys, *(with_lower_suffix(key) for key in keys))
        tags: dict[str, TagValue] = {}
        known = False
        for table in self.tables:
            row = table.get(*keys)
            known = known or row is not None
            for tag, value in (row or {}).items():
                if tags.get(tag) is None:
                    tags[tag] = value
        self._without += not known
        return tags

    def lacks(self, name: str, *tags: str) -> None:
        """Note that a tag file of the published set is not there."""
        self._missing.append(missing_tag_file(name, tags))

    def remarks(self) -> Iterator[Entry]:
        """Say what was odd in the tag files, once all images were read."""
        yield from self._missing
        for table in self.tables:
            yield from table.remarks()
            if len(table) and not table.met:
                self._refuse_strange(table)
        if self.tables and self._without:
            yield Entry(
                ", ".join(table.name for table in self.tables),
                "remark",
                "image without tag",
                f"{self._without:,} image{'s are' if self._without > 1 else ' is'} not in it: no "
                "tags there",
            )

    def _refuse_strange(self, table: TagTable) -> None:
        """Refuse a table that names none of the images if the user named it, or else say so."""
        told = f"{table.name} names none of the images, but for example '{table.example}'"
        if table.name == self.options.tag_file(""):
            raise FaceAuditError(
                f"--tags-from {self.options.tags_from}: {told}; an image here is '{self._example}'"
            )
        self.notes.append(f"{told}: no tags come from it.")


@dataclass(frozen=True)
class Dataset:
    """One published data set.

    Attributes
    ----------
    id : str
        Its name on the command line and in manifests.
    title : str
        Its full name.
    label : str
        What its images are: ``real``, ``ai``, or how it is decided.
    published : int or None
        How many images its publishers say it has.
    tags : dict of str to str
        Every tag it can have, with the sentence that says whose word it is.
    licence : str
        Terms of use as its publishers state them.
    home : str
        Where users get it.
    layout : str
        The folders and files that `index` expects below the root.
    reader : type of Reader
    options : tuple of str
        Names of the `Options`, beyond ``tags_from``, that it takes.
    """

    id: str
    title: str
    label: str
    published: int | None
    licence: str
    home: str
    layout: str
    reader: type[Reader]
    tags: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """Return the description as plain values, for printing."""
        return {
            item.name: getattr(self, item.name) for item in fields(self) if item.name != "reader"
        }

    def refuse_foreign(self, options: Options) -> None:
        """Refuse an option that this data set has no use for.

        Raises
        ------
        FaceAuditError
        """
        for name in ("label", "photoshopped_as", "missing", "real_dir", "ai_dir"):
            given = getattr(options, name)
            if given != getattr(Options, name) and name not in self.options:
                flag = f"--{name.replace('_', '-')}"
                shown = given if isinstance(given, str) else given[0]
                raise FaceAuditError(
                    f"{flag} {shown}: {self.title} takes no such option "
                    f"(its images are {self.label})"
                )
