"""CelebA's and LFW's attributes, which share their names, as standard tags."""

from __future__ import annotations

from collections.abc import Mapping

from faceaudit.datasets.tagfiles import Tags


def attribute_tags(marks: Mapping[str, bool]) -> Tags:
    """Translate attributes, in lower case with underscores, as far as they are there."""
    tags: Tags = {}
    if "male" in marks:
        tags["gender"] = "male" if marks["male"] else "female"
    if "eyeglasses" in marks:
        # CelebA's attribute does not tell reading glasses from sunglasses; LFW's do.
        kind = "reading" if "sunglasses" in marks else "any"
        tags["glasses"] = kind if marks["eyeglasses"] else "none"
        if marks.get("sunglasses"):
            tags["glasses"] = "sunglasses"
    if "heavy_makeup" in marks:
        tags["makeup"] = "heavy" if marks["heavy_makeup"] else "none or light"
    if "no_beard" in marks:
        bearded = not marks["no_beard"] or marks.get("goatee", False)
        moustache = "moustache" if marks.get("mustache") else "none"
        tags["facial_hair"] = "beard" if bearded else moustache
    for name in ("young", "oval_face", "round_face", "chubby", "pale_skin"):
        if name in marks:
            tags[name] = "yes" if marks[name] else "no"
    return tags
