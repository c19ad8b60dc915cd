"""Generated Photos: studio-like faces by a GAN; tags only where somebody added a table."""

from __future__ import annotations

from faceaudit.datasets.base import Dataset, Options, Reader, Tagged
from faceaudit.datasets.sources import SideFiles, base_name
from faceaudit.datasets.tagfiles import read_sidecar


class GeneratedPhotosReader(Reader):
    """Takes every image, with the tags of a ``tags.csv`` beside them if there is one."""

    def __init__(self, files: SideFiles, options: Options) -> None:
        super().__init__(files, options)
        table = read_sidecar(files, options.tag_file("tags.csv"), options.missing)
        self.use(table, DATASET.tags)

    def read(self, path: str) -> Tagged:
        """Return the label and what the table says."""
        tags = self.look_up(path, base_name(path))
        if isinstance(race := tags.get("race"), str):
            # The folder names are in lower case: "white" here and "White" elsewhere is one group.
            tags["race"] = race.capitalize()
        return Tagged("ai", tags)


_SOURCE = "tags.csv; folder names of whoever collected the faces, some of them wrong"

DATASET = Dataset(
    id="generated-photos",
    title="Generated Photos",
    label="ai",
    published=None,
    licence="none stated for research samples; the publisher's terms for bought ones",
    home="https://generated.photos/datasets",
    layout="any folders of images; optional tags.csv with the columns file, gender, race",
    reader=GeneratedPhotosReader,
    tags={"gender": _SOURCE, "race": _SOURCE},
    options=("missing",),
)
