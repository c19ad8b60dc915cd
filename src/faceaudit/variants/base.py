"""What a variant of a picture is, and how to add an edit: a module of this folder, or a plug-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import Lock

from PIL import Image

from faceaudit.plugins import offers
from faceaudit.tags.landmarks import Points, at_working_side, find_landmarks

#: From an upright RGB picture, which stays as it is, and its landmarks in its own pixels, None
#: where no face was found, to the changed picture or the file that it became; None where it cannot
#: be changed so. Called by several threads at once.
Change = Callable[[Image.Image, Points | None], Image.Image | bytes | None]

#: The landmark model keeps what it works on inside itself.
_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True)
class Variant:
    """The same picture, changed; its scores are the column ``p_ai[NAME]``."""

    name: str
    change: Change
    #: Whether landmarks are looked for, with the extra 'landmarks'.
    needs_landmarks: bool = False


@dataclass(frozen=True)
class Edit:
    """What ``faceaudit score --edit NAME`` makes of each picture: one variant or several.

    A module of ``faceaudit/variants`` defines it as ``EDIT``, or a package of your own names it
    under the entry point ``faceaudit.variants``.
    """

    name: str
    variants: tuple[Variant, ...]


@cache
def all_edits() -> dict[str, Edit]:
    """Return every edit by name."""
    return offers("variants", "EDIT", "name", fault=_fault)


def _fault(edit: object) -> str | None:
    return None if isinstance(edit, Edit) else "it is no Edit"


def find_points(picture: Image.Image) -> Points | None:
    """Find the landmarks of the largest face of an RGB picture, in its own pixels."""
    with _ONE_AT_A_TIME:
        points = find_landmarks(small := at_working_side(picture))
    return None if points is None else points * (picture.width / small.shape[1])
