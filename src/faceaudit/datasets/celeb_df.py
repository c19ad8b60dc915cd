"""Celeb-DF: frames of videos of celebrities and of face swaps between them, one folder a video.

Public loaders' reading is which number in a name is the target's, and that 1 is real in the list of
test videos; the publishers' README does not say.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.faceforensics import Frame, tags_of
from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.tagfiles import Cells, Tags, open_tag_file

TEST_LIST = "List_of_testing_videos.txt"

_PLACE = re.compile(
    r"(?:^|/)(celeb-real|youtube-real|celeb-synthesis)/(?:(?:frames|images|videos|faces)/)?"
    r"([^/]+)/[^/]+$",
    re.IGNORECASE,
)
_NAMES = {
    "celeb-real": re.compile(r"((id\d+)_\d+)"),
    "youtube-real": re.compile(r"((\d+))"),
    "celeb-synthesis": re.compile(r"((id\d+)_id\d+_\d+)"),
}


def place(path: str) -> tuple[str, Frame] | None:
    """Return the video as the list of test videos calls it, and what a frame's path says.

    None if the path is not of this layout; raises `Reject` if the video's name is not.
    """
    if not (found := _PLACE.search(path)):
        return None
    folder, name = found[1].lower(), found[2].removesuffix(".mp4")
    named = _NAMES[folder].fullmatch(name)
    if named is None:
        raise Reject("malformed name of a video", "it is not id0_0000, 00000 or id0_id1_0000")
    fake = folder == "celeb-synthesis"
    # Fakes are changed frames of the first person's video.
    video = re.sub(r"_id\d+", "", name) if fake else name
    person = named[2] if folder != "youtube-real" else f"youtube {name}"
    return f"{folder}/{name}", Frame("ai" if fake else "real", video, person, None, None)


class CelebDF(Dataset):
    """Reads label and video from the folders, and the test videos from their list."""

    id = "celeb-df"
    title = "Celeb-DF"
    label = "by folder"
    licence = "Terms to Use Celeb-DF, on request"
    home = "https://github.com/yuezunli/celeb-deepfakeforensics"
    layout = (
        "Celeb-real/id0_0000/….png, YouTube-real/00000/….png, Celeb-synthesis/id0_id1_0000/….png "
        f"(or frames/, images/ between); optional {TEST_LIST}"
    )
    layout_from = "the publishers' README, and public loaders' reading of the names"
    tags = {
        "split": f"test: in the publishers' {TEST_LIST}; empty: not in it",
        "video": "folder name: the video, or that whose frames were changed",
        "person": (
            "folder name: whose video it is; whose face was put in joins nothing, or all would be "
            "one; who is in several YouTube videos is not known"
        ),
    }

    def open(self) -> None:
        self.given = {name: self.tags[name] for name in ("video", "person")}
        table = open_tag_file(self.files, TEST_LIST, ["split"])
        table.fill(table.lines(["real", "video"]), _key, _translate)
        self.use(table)

    def read(self, path: str) -> Tagged:
        placed = place(path)
        if placed is None:
            raise Reject(
                "outside the layout", "no folder is Celeb-real, YouTube-real or Celeb-synthesis"
            )
        key, frame = placed
        known = {name: value for name, value in tags_of(frame).items() if value}
        return Tagged(frame.label, {**self.look_up(key), **known})


def _key(cells: Cells) -> str:
    return str(cells["video"]).lower().removesuffix(".mp4")


def _translate(cells: Cells, doubt: Callable[[str], None]) -> Tags:
    if (cells["real"] == "1") == _key(cells).startswith("celeb-synthesis"):
        raise ValueError(f"its label {cells['real']} contradicts its folder")
    return {"split": "test"}


DATASET = CelebDF
