"""Casual Conversations v2: frames of videos of paid people, with what they say of themselves.

Videos are not decoded: the frames are the publishers', or extracted into one folder a video.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from faceaudit.datasets.base import Dataset, Tagged
from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.tagfiles import TagFile, Tags, open_tag_file, self_reported
from faceaudit.errors import FaceAuditError
from faceaudit.reading.json_text import parse_json
from faceaudit.tags.base import TagValue
from faceaudit.tags.vocabulary import standard

ANNOTATIONS = "CasualConversationsV2.json"

# Some copies have two underscores before the last number.
_VIDEO = re.compile(r"(?:^|/)((\d{4})_[^/]+?_(?:non)?scripted_+\d+)(?=[/._])", re.IGNORECASE)
_FAULTS = (ValueError, KeyError, TypeError, AttributeError)
_SELF = "self-reported by the person pictured"
_BY_PEOPLE = "annotated by people at the publishers', not self-reported"


class CasualConversations(Dataset):
    """Reads the video from the names of frames and folders, and its tags from the annotations."""

    id = "casual-conversations-v2"
    title = "Casual Conversations v2"
    label = "real"
    licence = "Meta's own agreement, on request; read it for what may be trained or evaluated"
    home = "https://ai.meta.com/datasets/casual-conversations-v2-dataset/"
    layout = (
        "CCv2_frames_part_1/0000/0000_portuguese_nonscripted_1_raw_frame00000381.jpg, or frames of "
        f"your own as 0000_portuguese_nonscripted_1/….jpg; {ANNOTATIONS}"
    )
    layout_from = "public loaders of the annotations and of the publishers' frames"
    tags = {
        "age": _SELF,
        "gender": _SELF,
        "country": _SELF,
        "skin_tone": f"Monk scale, {_BY_PEOPLE}",
        "skin_type": f"Fitzpatrick type, {_BY_PEOPLE}",
        "person": "subject number in the video's name, by the publishers",
        "video": "name of the video",
    }

    def open(self) -> None:
        clusters = ("person", "video")
        self.given = {name: self.tags[name] for name in clusters}
        table = open_tag_file(
            self.files,
            self.options.tag_file(ANNOTATIONS),
            [tag for tag in self.tags if tag not in clusters],
        )
        if not table.there:
            self.lacks(ANNOTATIONS, *table.tags)
        elif not table.problems:
            self._fill(table)
        self.use(table)

    def read(self, path: str) -> Tagged:
        # The name counts before folders above it.
        found = _VIDEO.findall(path)
        if not found:
            raise Reject(
                "no video in the name",
                "neither it nor a folder is called as a video, 0000_portuguese_nonscripted_1",
            )
        video = _plain(found[-1][0])
        return Tagged("real", {**self.look_up(video), "person": found[-1][1], "video": video})

    def _fill(self, table: TagFile) -> None:
        try:
            held = parse_json(table.data)
        except ValueError as error:
            raise FaceAuditError(
                f"{self.options.tags_from or table.name}: not readable as JSON ({error}); fetch it "
                "again, or take it away to index the frames without tags"
            ) from None
        for number, entry in enumerate(held if isinstance(held, list) else [held], start=1):
            place = f"entry {number}"
            try:
                table.add(_plain(entry["video_name"]), _tags(table, place, entry), place)
            except _FAULTS as error:
                table.remark(place, f"it names no video ({type(error).__name__}: {error})")
        table.data = b""


def _plain(video: str) -> str:
    return re.sub("_+", "_", video.lower().removesuffix(".mp4"))


def _tags(table: TagFile, place: str, entry: Mapping[str, Any]) -> Tags:
    """Translate the annotations of one video, as far as they are there."""
    readers: dict[str, tuple[str, str]] = {
        "age": ("age", ""),
        "gender": ("gender", ""),
        "country": ("geo_location", "country"),
        "skin_tone": ("monk_skin_tone", "scale"),
        "skin_type": ("fitzpatrick_skin_tone", "type"),
    }
    tags: dict[str, TagValue] = {}
    for tag, (field, part) in readers.items():
        try:
            answer = self_reported(entry[field][part] if part else entry[field])
            if tag == "skin_tone" and answer:
                answer = answer.replace("scale", "Monk")
            tags[tag] = standard(tag, answer)
        except _FAULTS as error:
            fault = f"{entry['video_name']}: {tag} is left empty ({type(error).__name__}: {error})"
            table.remark(place, fault)
    return tags


DATASET = CasualConversations
