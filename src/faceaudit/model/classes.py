"""Which of a foreign classifier's two classes means AI-generated: said or known, never guessed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from faceaudit.errors import FaceAuditError
from faceaudit.schema import LABEL_WORDS
from faceaudit.wording import counted


def ai_class_of(classes: Sequence[str], ai_class: str | None, source: Path) -> tuple[int, str]:
    """Find the class that means AI-generated: its index, and a sentence that says it.

    `ai_class` is one of the classes (which are in the order of the outputs) by name or, where none
    is called so, by number from 0. Without it the names have to be understood, see `LABEL_WORDS`.

    Raises
    ------
    FaceAuditError
        If there are not two classes, or nothing says which of them it is.
    """
    named = ", ".join(f"'{name}'" for name in classes[:8]) + (" …" if len(classes) > 8 else "")
    if len(classes) != 2:
        raise FaceAuditError(
            f"{source}: has {counted(len(classes), 'class', 'classes')} ({named}); two are needed, "
            "one for photographs and one for AI-generated pictures"
        )
    words = [LABEL_WORDS.get(name.strip().casefold()) for name in classes]
    if ai_class is not None:
        folded = [name.casefold() for name in classes]
        for names, wanted in (
            (list(classes), ai_class),
            (folded, ai_class.casefold()),
            (["0", "1"], ai_class),
        ):
            if names.count(wanted) == 1:
                ai, how = names.index(wanted), "because --ai-class says so"
                break
        else:
            raise FaceAuditError(f"{source}: --ai-class {ai_class} is none of its classes, {named}")
        if words[ai] == "real":
            raise FaceAuditError(
                f"{source}: --ai-class {ai_class} is '{classes[ai]}', which is what photographs "
                f"are called; the other class is '{classes[1 - ai]}'"
            )
    elif set(words) == {"real", "ai"}:
        ai, how = words.index("ai"), "by its name"
    else:
        raise FaceAuditError(
            f"{source}: the classes are {named}, and nothing says which of them means "
            f"AI-generated; say it with --ai-class {classes[0]} or --ai-class {classes[1]}"
        )
    return ai, (
        f"Of the classifier's classes '{classes[0]}' and '{classes[1]}', '{classes[ai]}' was taken "
        f"as AI-generated, {how}."
    )
