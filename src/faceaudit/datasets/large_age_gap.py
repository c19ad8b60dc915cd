"""Large Age-Gap: celebrities as children or young people, and as adults or old people."""

from __future__ import annotations

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.rejects import Reject


class LargeAgeGap(Dataset):
    """Reads ``Person/…`` (adult or old) and ``Person/y/…`` (child or young)."""

    id = "lag"
    title = "Large Age-Gap"
    label = "real"
    published = 3_828
    licence = "academic and non-commercial only; not to be redistributed"
    home = "http://www.ivl.disco.unimib.it/activities/large-age-gap-face-verification"
    layout = (
        "LAGdataset_200/Person_Name/….png (adult or old) and Person_Name/y/….png (child or young)"
    )
    tags = {"person": "folder name", "age_group": "folder name, by the publisher"}

    def read(self, path: str) -> Tagged:
        folders = path.split("/")[:-1]
        young = folders[-1:] == ["y"]
        people = folders[:-1] if young else folders
        if not people:
            raise Reject("no person's folder", "it lies outside the folders Person/ and Person/y/")
        group = "child or young" if young else "adult or old"
        return Tagged("real", {"person": people[-1], "age_group": group})


DATASET = LargeAgeGap
