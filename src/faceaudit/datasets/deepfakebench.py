"""DeepfakeBench: frames of many deepfake sets, as its JSON files arrange them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from faceaudit.datasets import celeb_df, faceforensics
from faceaudit.datasets.base import Dataset, Label, Tagged
from faceaudit.datasets.rejects import Reject
from faceaudit.datasets.tagfiles import TagFile, Tags, open_tag_file
from faceaudit.errors import FaceAuditError
from faceaudit.reading.json_text import parse_json

#: Between values of a frame that stands in several places.
AND = " + "


class DeepfakeBench(Dataset):
    """Reads ``dataset_json/NAME.json``: set, label, split, perhaps compression, video, frames."""

    id = "deepfakebench"
    title = "DeepfakeBench"
    label = "by its JSON files"
    licence = "each set's own; the benchmark's code and arrangement CC BY-NC 4.0"
    home = "https://github.com/SCLBD/DeepfakeBench"
    layout = "the frames, anywhere, and dataset_json/NAME.json, which lists them"
    layout_from = "the benchmark's preprocessing/rearrange.py"
    tags = {
        "generator": "the benchmark's label of a fake: its method or its set",
        "split": "the benchmark's partition",
        "compression": "the benchmark's folder: H.264 quality of the video",
        "video": "the benchmark's; of a fake, where folders tell, that whose frames were changed",
        "person": "folder name, where folders tell, as for faceforensics and celeb-df",
    }

    def open(self) -> None:
        named = self.options.tag_file("")
        table = TagFile(named or "dataset_json/NAME.json")
        rows: dict[str, Tags] = {}
        for name in [named] if named else sorted(self.files.names(".json")):
            file = open_tag_file(self.files, name)
            try:
                held = parse_json(file.data)
            except ValueError as error:
                file.remark("the file", f"not readable as JSON ({error})")
                held = None
            for keys, video in _videos(held):
                _enter(rows, keys, video, file)
            table.problems += file.problems
        if not rows:
            fault = next((entry.remedy for entry in table.problems), "none lists frames")
            where = self.options.tags_from if named else "below the root"
            raise FaceAuditError(
                f"{where}: {fault}; DeepfakeBench needs its dataset_json/NAME.json, or --tags-from"
            )
        for frame, tags in rows.items():
            table.add(frame, tags, frame)
        told = {tag for tags in rows.values() for tag, value in tags.items() if value}
        table.tags = [tag for tag in self.tags if tag in told or tag == "person"]
        self.use(table)
        if n := sum(AND in str(tags["split"]) for tags in rows.values()):
            self.notes.append(f"{n:,} of the frames stand in several splits, which all are named.")

    def read(self, path: str) -> Tagged:
        # The tables' paths are of another machine, and may begin above or below this root.
        parts = path.split("/")
        below = ("/".join(parts[start:]) for start in range(1, len(parts) - 1))
        tags = self.look_up(*(prefix + path for prefix in self._prefixes), *below)
        label = tags.pop("label", None)
        if label is None:
            raise Reject("no row in the JSON files", "without it there is no label")
        if label not in ("real", "ai"):
            raise Reject("labels contradict each other", "the JSON files call it real and fake")
        celebrity = celeb_df.place(path)
        frame = celebrity[1] if celebrity else faceforensics.place(path)
        if frame is not None:
            if frame.label != label:
                told = f"the JSON file says {label}, and the folder {frame.label}"
                raise Reject("label contradicts the folder", told)
            tags |= {"video": frame.video, "person": frame.person}
        return Tagged("real" if label == "real" else "ai", tags)


def _videos(node: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the entries that have frames, with the keys above each."""
    if isinstance(node, dict) and "frames" in node:
        yield keys, node
    elif isinstance(node, dict) and len(keys) < 6:
        for key, below in node.items():
            yield from _videos(below, (*keys, key))


def _enter(rows: dict[str, Tags], keys: tuple[str, ...], video: Any, file: TagFile) -> None:
    """Enter the frames of a video; one that is there already has the values of both places."""
    where, frames = "/".join(keys), video["frames"]
    # The benchmark's program writes some validation videos without their name.
    if not 3 <= len(keys) <= 5 or not isinstance(frames, list):
        file.remark(where, "it is not set, label, split, perhaps compression, video, with frames")
        return
    word = str(video.get("label", keys[1]))
    labels = {label for label in (_label(keys[1]), _label(word)) if label}
    if not labels:
        file.remark(where, f"its label {word!r} says neither real nor fake")
        return
    fake = labels == {"ai"}
    for frame in frames:
        if not isinstance(frame, str):
            file.remark(where, f"{frame!r} is no path of a frame")
            continue
        path = posixpath.normpath(frame.replace("\\", "/"))
        name = keys[-1] if len(keys) > 3 else posixpath.basename(posixpath.dirname(path))
        tags: Tags = {
            "label": AND.join(sorted(labels)),
            "generator": word if fake else None,
            "split": keys[2],
            "compression": keys[3] if len(keys) == 5 else None,
            "video": f"{keys[1]}/{name}",
        }
        rows[path] = _both(rows[path], tags) if path in rows else tags


def _both(first: Tags, second: Tags) -> Tags:
    """Return the values of both, where they differ."""
    if first == second:
        return first
    values = {tag: {*str(first[tag] or "").split(AND), str(second[tag] or "")} for tag in first}
    return {tag: AND.join(sorted(both - {""})) or None for tag, both in values.items()}


def _label(word: str) -> Label | None:
    """Read FF-real, CelebDFv2_fake, DFDCP_FakeA, and FF-DF, whose method is a fake's."""
    last = re.split("[-_]", word)[-1].lower()
    if last in ("real", "original"):
        return "real"
    return "ai" if last.startswith("fake") or word.startswith("FF-") else None


DATASET = DeepfakeBench
