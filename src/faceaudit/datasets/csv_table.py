"""Any images with a table of one's own: path, label and tags."""

from __future__ import annotations

from collections.abc import Mapping

from faceaudit.datasets.description import Dataset, Label, Options, Reader, Tagged
from faceaudit.datasets.ledger import Reject
from faceaudit.datasets.sources import SideFiles
from faceaudit.datasets.tagfiles import Tags, read_csv
from faceaudit.errors import FaceAuditError
from faceaudit.tags.vocabulary import standard

LABELS: dict[str, Label] = {"real": "real", "ai": "ai"}


class CSVReader(Reader):
    """Reads the one table below the root, or the one that ``--tags-from`` names."""

    def __init__(self, files: SideFiles, options: Options) -> None:
        super().__init__(files, options)
        tables = files.names(".csv")
        if options.tags_from is not None and options.tags_from.name in tables:
            tables = [options.tags_from.name]
        if len(tables) != 1:
            held = f"there are {len(tables)}" if tables else "there is none"
            raise FaceAuditError(
                f"which table holds the labels? {held} below the root; name it with --tags-from"
            )
        table = read_csv(files, tables[0], "path", _translate)
        self.use(table, {})
        self._prefixes = table.prefixes() if table else []
        self.tags.pop("label", None)

    def read(self, path: str) -> Tagged:
        """Return the image's row."""
        tags = self.look_up(*(prefix + path for prefix in self._prefixes))
        label = LABELS.get(str(tags.pop("label", None)))
        if label is None:
            raise Reject("no row in the table", "without it there is no label")
        return Tagged(label, tags)


def _translate(cells: Mapping[str, str | None]) -> Tags:
    label = str(cells.get("label")).lower()
    if label not in LABELS:
        raise ValueError(f"label {cells.get('label')!r} is neither 'real' nor 'ai'")
    tags = {tag: standard(tag, value) for tag, value in cells.items() if tag != "path"}
    return {**tags, "label": label}


DATASET = Dataset(
    id="csv",
    title="A table of one's own",
    label="by its table",
    published=None,
    licence="your own",
    home="your own",
    layout="a .csv with the columns path, label (real or ai) and one column a tag; the images "
    "at those paths",
    reader=CSVReader,
)
