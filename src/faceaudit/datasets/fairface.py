"""FairFace: faces balanced over seven races, with age bands."""

from __future__ import annotations

from collections.abc import Callable

from faceaudit.datasets.base import Dataset, Options, Reader, Tagged
from faceaudit.datasets.sources import SideFiles
from faceaudit.datasets.tagfiles import Cells, Tags, read_csv
from faceaudit.tags.vocabulary import standard

_TAGS = ("age_band", "gender", "race")


class FairFaceReader(Reader):
    """Reads ``train/1.jpg`` and ``val/1.jpg`` with the label tables."""

    def __init__(self, files: SideFiles, options: Options) -> None:
        super().__init__(files, options)
        tables = {name for name in files.names(".csv") if name.startswith("fairface_label_")}
        # The table that the user named may be called anything.
        tables |= {options.tag_file("")} - {""}
        if not tables:
            self.lacks("fairface_label_val.csv", *_TAGS)
        for name in sorted(tables):
            self.use(read_csv(files, name, "file", _translate, _TAGS), DATASET.tags)

    def read(self, path: str) -> Tagged:
        """Return what the tables say of ``train/…`` or ``val/…``."""
        # Both folders count from 1, so the number alone does not name an image.
        return Tagged("real", self.look_up("/".join(path.split("/")[-2:])))


def _translate(cells: Cells, _doubt: Callable[[str], None]) -> Tags:
    return {
        "age_band": standard("age_band", cells.get("age")),
        "gender": standard("gender", cells.get("gender")),
        "race": standard("race", cells.get("race")),
    }


DATASET = Dataset(
    id="fairface",
    title="FairFace",
    label="real",
    published=97_698,
    licence="CC BY 4.0",
    home="https://github.com/joojs/fairface",
    layout="train/1.jpg and val/1.jpg; fairface_label_train.csv and fairface_label_val.csv",
    reader=FairFaceReader,
    tags=dict.fromkeys(_TAGS, "human annotation, three people a face and a model's check"),
)
