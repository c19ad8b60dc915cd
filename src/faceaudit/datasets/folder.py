"""Any images: what lies in ``real/`` is real, what lies in ``ai/`` is AI-generated."""

from __future__ import annotations

from faceaudit.datasets.description import Dataset, Label, Options, Reader, Tagged
from faceaudit.datasets.ledger import Reject
from faceaudit.datasets.sources import SideFiles, base_name
from faceaudit.datasets.tagfiles import read_sidecar

_LABELS: dict[str, Label] = {"real": "real", "ai": "ai", "fake": "ai"}


class FolderReader(Reader):
    """Reads the label from the folders' names, and tags from a ``tags.csv`` if there is one."""

    def __init__(self, files: SideFiles, options: Options) -> None:
        super().__init__(files, options)
        self.use(read_sidecar(files, options.tag_file("tags.csv"), options.missing), {})

    def read(self, path: str) -> Tagged:
        """Return the label that the user gave, or else that of the innermost telling folder."""
        label = self.options.label
        if label is None:
            folders = reversed(path.lower().split("/")[:-1])
            label = next((_LABELS[name] for name in folders if name in _LABELS), None)
        if label is None:
            raise Reject("no label", "put it into a folder 'real' or 'ai', or give --label for all")
        return Tagged(label, self.look_up(path, base_name(path)))


DATASET = Dataset(
    id="folder",
    title="A folder of one's own",
    label="by folder, or --label",
    published=None,
    licence="your own",
    home="your own",
    layout="real/… and ai/… with any folders below; optional tags.csv with the column file and "
    "one column a tag",
    reader=FolderReader,
    tags={},
    options=("label", "missing"),
)
