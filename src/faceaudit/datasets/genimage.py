"""GenImage, and any set in its folders: a generator's images beside photographs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from faceaudit.datasets.base import Dataset, Label, Tagged
from faceaudit.datasets.rejects import LedgerEntry, Reject

LABELS: dict[str, Label] = {"nature": "real", "ai": "ai"}
#: The folder into which the publishers put the images of all generators for training.
MIXED = "imagenet_ai"

_PLACE = re.compile(r"(?:(.*)/)?(train|val|test)/(nature|ai)/", re.IGNORECASE)


class GenImage(Dataset):
    """Reads ``GENERATOR/train/ai/…`` and ``GENERATOR/train/nature/…``."""

    id = "genimage"
    title = "GenImage"
    label = "by folder"
    licence = "CC BY-NC-SA 4.0 with additional terms; the photographs are ImageNet's"
    home = "https://github.com/GenImage-Dataset/GenImage"
    layout = "GENERATOR/train/ai/…, GENERATOR/train/nature/…, and val; or train and val alone"
    layout_from = "the publishers' README and of public loaders"
    tags = {
        "generator": "folder name, of AI-generated images",
        "split": "folder name, the publishers' partition",
    }

    def open(self) -> None:
        super().open()
        self._nameless = 0
        self.notes.append("GenImage shows ImageNet's thousand kinds of things, few of them faces.")

    def read(self, path: str) -> Tagged:
        found = _PLACE.match(path)
        if found is None:
            raise Reject("outside the layout", "it is not below train/ai, train/nature or val/…")
        if set(LABELS) <= {folder.lower() for folder in path.split("/")[:-1]}:
            raise Reject("labels contradict each other", "'ai' and 'nature' are both in its path")
        label = LABELS[found[3].lower()]
        generator = _generator(found[1] or "") if label == "ai" else None
        self._nameless += label == "ai" and generator is None
        return Tagged(label, {"generator": generator, "split": found[2].lower()})

    def remarks(self) -> Iterator[LedgerEntry]:
        yield from super().remarks()
        if self._nameless:
            self.notes.append(
                f"No folder names the generator of {self._nameless:,} of the images: to have the "
                "tag, index the folder above that of the generator."
            )


def _generator(folders: str) -> str | None:
    """Return the folder that names the generator: archives unpack to imagenet_… within it."""
    names = [name for name in folders.split("/") if name not in ("", MIXED)]
    plain = [name for name in names if not name.lower().startswith("imagenet_")]
    return next(reversed(plain or names), None)


DATASET = GenImage
