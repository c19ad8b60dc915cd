"""Any images: folders say which are real photographs and which are AI-generated."""

from __future__ import annotations

import re
from collections.abc import Iterator

from faceaudit.datasets.base import Dataset, Label, Tagged
from faceaudit.datasets.rejects import LedgerEntry, Reject
from faceaudit.datasets.sources import base_name
from faceaudit.datasets.tagfiles import own_csv
from faceaudit.errors import FaceAuditError
from faceaudit.schema import LABEL_WORDS
from faceaudit.wording import counted

#: What folders are called; some bear a number in front, as in ``0_real``.
FOLDER_WORDS: dict[str, Label] = {**LABEL_WORDS, "nature": "real"}
_NUMBERED = re.compile(r"\d+[ _.-]+")


class Folder(Dataset):
    """Reads the label from the folders' names, and tags from a ``tags.csv`` if there is one."""

    id = "folder"
    title = "A folder of one's own"
    label = "by folder, or --label"
    licence = "your own"
    home = "your own"
    layout = (
        "real/… and ai/… with any folders below (or 0_real and 1_fake, nature and ai, or what "
        "--real-dir and --ai-dir name); optional tags.csv with the column file and one column a "
        "tag, or person, video or copy_of"
    )
    takes = ("label", "missing", "real_dir", "ai_dir")

    def open(self) -> None:
        real, ai = self.options.real_dir, self.options.ai_dir
        self._named: dict[str, Label] = {**dict.fromkeys(real, "real"), **dict.fromkeys(ai, "ai")}
        if set(real) & set(ai):
            raise FaceAuditError("--real-dir and --ai-dir name the same folder")
        if self._named and self.options.label:
            raise FaceAuditError("--label is for all images: leave out --real-dir and --ai-dir")
        self._met: set[str] = set()
        self._torn = 0
        self._torn_example = ""
        self.use(own_csv(self.files, self.options.tag_file("tags.csv"), self.options.missing))

    def read(self, path: str) -> Tagged:
        label = self.options.label or self._by_named_folder(path) or self._by_word(path)
        if label is None:
            raise Reject(
                "no label",
                "put it into a folder 'real' or 'ai', name its folder with --real-dir or "
                "--ai-dir, or give --label for all",
            )
        return Tagged(label, self.look_up(path, base_name(path)))

    def _by_named_folder(self, path: str) -> Label | None:
        found = {folder: f"/{path}".rfind(f"/{folder}/") for folder in self._named}
        self._met |= {folder for folder, place in found.items() if place >= 0}
        innermost = max(found, key=lambda folder: (found[folder], len(folder)), default=None)
        return self._named[innermost] if innermost and found[innermost] >= 0 else None

    def _by_word(self, path: str) -> Label | None:
        folders = path.lower().split("/")[:-1]
        told = [FOLDER_WORDS.get(_NUMBERED.sub("", folder, count=1)) for folder in folders]
        labels = [label for label in told if label is not None]
        if len(set(labels)) > 1:
            self._torn += 1
            self._torn_example = self._torn_example or path
        return labels[-1] if labels else None

    def remarks(self) -> Iterator[LedgerEntry]:
        yield from super().remarks()
        for folder, label in self._named.items():
            if folder not in self._met:
                raise FaceAuditError(
                    f"--{label}-dir {folder}: there is no image in a folder so named"
                )
        if self._torn:
            self.notes.append(
                f"Two folders above {counted(self._torn, 'image')} say different "
                f"labels, as in {self._torn_example}: the inner one counts. If it should not, name "
                "the folders with --real-dir and --ai-dir."
            )


DATASET = Folder
