"""FaceForensics++ and DeepFakeDetection: frames of videos, extracted into one folder a video."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from faceaudit.datasets.base import Dataset, Label, Tagged
from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.tagfiles import TagFile, open_tag_file
from faceaudit.reading.json_text import parse_json

SPLITS = ("train", "val", "test")
#: Methods that keep the face of the target video and change its expression.
REENACTMENT = ("Face2Face", "NeuralTextures")

_PLACE = re.compile(
    r"(?:^|/)(?:original_sequences/(?:youtube|actors)|manipulated_sequences/([^/]+))"
    r"/(raw|c0|c23|c40)/[^/]+/([^/]+)/[^/]+$"
)
_NUMBERED = re.compile(r"(\d{3})(?:_(\d{3}))?")
_ACTED = re.compile(r"(\d+)(?:_\d+)?__(.+?)(?:__[A-Z0-9]{8})?")


class Frame(NamedTuple):
    """What the place of a frame says of it."""

    label: Label
    video: str
    person: str
    generator: str | None
    compression: str | None


def place(path: str) -> Frame | None:
    """Return what a frame's path says in this layout, or None if it is not of this layout.

    Raises
    ------
    Reject
        If the video is not called as those of this set, or if it is a mask.
    """
    if "/masks/" in path:
        raise Reject("a mask", "it says which pixels were changed, and is no picture of a face")
    if not (found := _PLACE.search(path)):
        return None
    method, compression, name = found.groups()
    name = name.removesuffix(".mp4")
    if numbered := _NUMBERED.fullmatch(name):
        video, source = numbered.groups()
        # A swapped face is that of the source, so that it hangs together with both videos.
        person = video if source is None or method in REENACTMENT else source
    elif acted := _ACTED.fullmatch(name):
        # The 28 actors were swapped all with all: through the sources too, all would be one.
        video, person = f"{acted[1]}__{acted[2]}", f"actor {acted[1]}"
    else:
        raise Reject(
            "malformed name of a video", "it is not 000, 000_003 or 01_02__scene__ABCDEFGH"
        )
    rate = "raw" if compression == "c0" else compression
    return Frame("ai" if method else "real", video, person, method, rate)


class FaceForensics(Dataset):
    """Reads label, method and compression from the folders, and the split from its JSON files."""

    id = "faceforensics"
    title = "FaceForensics++"
    label = "by folder"
    licence = "FaceForensics Terms of Use, on request"
    home = "https://github.com/ondyari/FaceForensics"
    layout = (
        "original_sequences/youtube/c23/frames/000/0000.png, original_sequences/actors/…, "
        "manipulated_sequences/Deepfakes/c23/frames/000_003/0000.png (frames may be images or "
        "videos, c23 raw, c0 or c40); optional train.json, val.json, test.json"
    )
    layout_from = "the publishers' README and scripts"
    tags = {
        "generator": "folder name: the method of manipulation",
        "compression": "folder name: H.264 quality of the video, c0 as raw",
        "split": "the publishers' partition of the numbered videos",
        "video": "target video in the folder's name, whose frames were changed",
        "person": (
            "folder name: the video that the face comes from, or the actor whose video it is; who "
            "is in several numbered videos is not known"
        ),
    }

    def open(self) -> None:
        super().open()
        del self.given["split"]
        held = {split: open_tag_file(self.files, f"{split}.json", ["split"]) for split in SPLITS}
        parts = {split: _videos(table) for split, table in held.items() if table.there}
        for split, table in held.items():
            for video in sorted(parts.get(split, ())):
                others = [f"{other}.json" for other in parts if video in parts[other] - {split}]
                if len(others) > 1:
                    table.remark(f"video {video}", f"stands in {' and '.join(others)}; no split")
                else:
                    table.add(video, {"split": split}, f"video {video}")
            self.use(table)
        self.notes.append(
            "Every manipulated video counts as AI-generated; Face2Face and FaceSwap are made by "
            "computer graphics."
        )

    def read(self, path: str) -> Tagged:
        frame = place(path)
        if frame is None:
            raise Reject(
                "outside the layout",
                "it is not below original_sequences/youtube/c23/frames/VIDEO or its like",
            )
        return Tagged(frame.label, {**self.look_up(frame.video), **tags_of(frame)})


def tags_of(frame: Frame) -> Mapping[str, str | None]:
    """Return all that the place of a frame says but the label."""
    return {name: value for name, value in frame._asdict().items() if name != "label"}


def _videos(table: TagFile) -> set[str]:
    """Return the videos that a split names, as pairs of which each was changed by the other."""
    try:
        pairs = parse_json(table.data)
        return {str(video) for first, second in pairs for video in (first, second)}
    except (ValueError, TypeError) as error:
        table.remark("the file", f"is no list of pairs of videos ({type(error).__name__}: {error})")
        return set()


DATASET = FaceForensics
