"""What a user says of a model where its own files do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack

from faceaudit.errors import FaceAuditError
from faceaudit.reading.meaning import ScoreIs


class Options(TypedDict, total=False):
    """The same, as keywords."""

    trust_pickle: bool
    ai_class: str | Sequence[str] | None
    score_is: ScoreIs | None
    preprocess: str | None


@dataclass(frozen=True)
class ModelOptions:
    """What a user says of a model; a backend uses what it needs, and refuses what contradicts.

    Attributes
    ----------
    trust_pickle : bool
        A file which can run any program may be opened.
    ai_class : tuple of str
        The classes that mean AI-generated, by name or number from 0.
    score_is : ScoreIs, optional
        What the model's numbers are.
    preprocess : str, optional
        How a picture becomes the model's input, see `faceaudit.scoring.preprocessing.parse`.
    """

    trust_pickle: bool = False
    ai_class: tuple[str, ...] = ()
    score_is: ScoreIs | None = None
    preprocess: str | None = None

    @classmethod
    def of(cls, **given: Unpack[Options]) -> Self:
        """Take one class or several."""
        classes = given.get("ai_class") or ()
        named = (classes,) if isinstance(classes, str) else tuple(classes)
        rest: dict[str, Any] = {key: of for key, of in given.items() if key != "ai_class"}
        return cls(ai_class=named, **rest)

    def refuse(self, source: Path | str, *names: str, why: str) -> None:
        """Raise `FaceAuditError` if any of the named options is given."""
        for name in names:
            if getattr(self, name):
                raise FaceAuditError(f"{source}: --{name.replace('_', '-')}: {why}; leave it out")
