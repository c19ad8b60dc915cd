"""Generated Photos: studio-like faces by a GAN; tags only where somebody added a table."""

from __future__ import annotations

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.sources import base_name
from faceaudit.datasets.tagfiles import own_csv

_SOURCE = "tags.csv; folder names of whoever collected the faces, some of them wrong"


class GeneratedPhotos(Dataset):
    """Takes every image, with the tags of a ``tags.csv`` beside them if there is one."""

    id = "generated-photos"
    title = "Generated Photos"
    label = "ai"
    licence = "none stated for research samples; the publisher's terms for bought ones"
    home = "https://generated.photos/datasets"
    layout = "any folders of images; optional tags.csv with the columns file, gender, race"
    tags = {"gender": _SOURCE, "race": _SOURCE}
    takes = ("missing",)

    def open(self) -> None:
        self.use(own_csv(self.files, self.options.tag_file("tags.csv"), self.options.missing))

    def read(self, path: str) -> Tagged:
        tags = self.look_up(path, base_name(path))
        if isinstance(race := tags.get("race"), str):
            # The folder names are in lower case: "white" here and "White" elsewhere is one group.
            tags["race"] = race.capitalize()
        return Tagged("ai", tags)


DATASET = GeneratedPhotos
