"""Any images with a table of one's own: path, label and tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.tagfiles import Cells, Tags, own_csv
from faceaudit.errors import FaceAuditError
from faceaudit.schema import LABEL_WORDS, LABELS
from faceaudit.wording import counted


class CSVTable(Dataset):
    """Reads the one table below the root, or the one that ``--tags-from`` names."""

    id = "csv"
    title = "A table of one's own"
    label = "by its table"
    licence = "your own"
    home = "your own"
    layout = (
        "a .csv with the columns path, label (real or ai) and one column a tag, or person, video "
        "or copy_of; the images at those paths"
    )
    takes = ("missing",)

    def open(self) -> None:
        given = self.options.tag_file("")
        tables = [given] if given else self.files.names(".csv")
        if len(tables) != 1:
            held = f"there are {len(tables)}" if tables else "there is none"
            raise FaceAuditError(
                f"which table holds the labels? {held} below the root; name it with --tags-from"
            )
        self._words: Counter[str] = Counter()
        self.use(own_csv(self.files, tables[0], self.options.missing, "path", self._label))
        self.notes += [
            f"'label': {word!r} ({counted(n, 'row')}) is read as '{LABEL_WORDS[word]}'."
            for word, n in sorted(self._words.items())
            if word not in LABELS
        ]

    def read(self, path: str) -> Tagged:
        return self.row_of(path, "no row in the table")

    def _label(self, cells: Cells, _doubt: Callable[[str], None]) -> Tags:
        word = (cells.get("label") or "").strip().lower()
        if word not in LABEL_WORDS:
            raise ValueError(f"label {cells.get('label')!r} is neither 'real' nor 'ai'")
        self._words[word] += 1
        return {"label": word}


DATASET = CSVTable
