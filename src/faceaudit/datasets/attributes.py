"""CelebA's and LFW's attributes, which share their names, as standard tags."""

from __future__ import annotations

from collections.abc import Mapping

from faceaudit.datasets.tagfiles import Tags

#: Standard tag -> the attributes that it is made of.
ATTRIBUTES = {
    "gender": ("male",),
    "glasses": ("eyeglasses", "sunglasses"),
    "makeup": ("heavy_makeup",),
    "facial_hair": ("no_beard", "goatee", "mustache"),
    "young": ("young",),
    "oval_face": ("oval_face",),
    "round_face": ("round_face",),
    "chubby": ("chubby",),
    "pale_skin": ("pale_skin",),
}


def attribute_tags(marks: Mapping[str, bool]) -> Tags:
    """Translate attributes into the standard vocabulary.

    Parameters
    ----------
    marks : mapping of str to bool
        Attribute in lower case with underscores -> whether the face has it.

    Returns
    -------
    dict
        Only the tags whose attributes are there.
    """
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
