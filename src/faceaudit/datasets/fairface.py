"""FairFace: faces balanced over seven races, with age bands."""

from __future__ import annotations

from collections.abc import Callable

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.tagfiles import Cells, Tags, read_csv
from faceaudit.tags.vocabulary import standard

_COLUMNS = {"age_band": "age", "gender": "gender", "race": "race"}


class FairFace(Dataset):
    """Reads ``train/1.jpg`` and ``val/1.jpg`` with the label tables."""

    id = "fairface"
    title = "FairFace"
    label = "real"
    published = 97_698
    licence = "CC BY 4.0"
    home = "https://github.com/joojs/fairface"
    layout = "train/1.jpg and val/1.jpg; fairface_label_train.csv and fairface_label_val.csv"
    tags = dict.fromkeys(_COLUMNS, "human annotation, three people a face and a model's check")

    def open(self) -> None:
        names = {name for name in self.files.names(".csv") if name.startswith("fairface_label_")}
        # The table that the user named may be called anything.
        names |= {self.options.tag_file("")} - {""}
        if not names:
            self.lacks("fairface_label_val.csv", *_COLUMNS)
        for name in sorted(names):
            self.use(read_csv(self.files, name, "file", list(_COLUMNS), _translate))

    def read(self, path: str) -> Tagged:
        # Both folders count from 1, so the number alone does not name an image.
        return Tagged("real", self.look_up("/".join(path.split("/")[-2:])))


def _translate(cells: Cells, _doubt: Callable[[str], None]) -> Tags:
    return {tag: standard(tag, cells.get(column)) for tag, column in _COLUMNS.items()}


DATASET = FairFace
