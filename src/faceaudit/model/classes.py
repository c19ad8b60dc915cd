"""Which of a foreign classifier's classes mean AI-generated: said or known, never guessed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from faceaudit.errors import FaceAuditError
from faceaudit.schema import LABEL_WORDS
from faceaudit.wording import counted


def ai_classes_of(
    classes: Sequence[str], ai_class: Sequence[str], source: Path | str
) -> tuple[list[int], str]:
    """Find the classes that mean AI-generated: their numbers, and a sentence that says it.

    `ai_class` are some of the classes (which are in the order of the outputs) by name or, where
    none is called so, by number from 0. Without it the names have to be understood, see
    `LABEL_WORDS`; of more than two it is enough that those of photographs are, if no other is:
    then the others are generators.

    Raises
    ------
    FaceAuditError
        If there are fewer than two classes, or nothing says which of them it is.
    """
    named = ", ".join(f"'{name}'" for name in classes[:8]) + (" …" if len(classes) > 8 else "")
    if len(classes) < 2:
        raise FaceAuditError(
            f"{source}: has {counted(len(classes), 'class', 'classes')} ({named}); one is needed "
            "for photographs, and one or more for AI-generated pictures"
        )
    words = [LABEL_WORDS.get(name.strip().casefold()) for name in classes]
    if ai_class:
        ai = sorted({_find(wanted, classes, named, source) for wanted in ai_class})
        how = "because --ai-class says so"
        for i in ai:
            if words[i] == "real":
                others = ", ".join(f"'{one}'" for one in classes if one != classes[i])
                raise FaceAuditError(
                    f"{source}: --ai-class {ai_class[0]} is '{classes[i]}', which is what "
                    f"photographs are called; the other {'class is' if len(classes) == 2 else ''}"
                    f"{'classes are' if len(classes) > 2 else ''} {others}"
                )
        if len(ai) == len(classes):
            raise FaceAuditError(f"{source}: --ai-class names all of {named}; one has to be left")
    elif set(words) == {"real", "ai"} or (len(classes) > 2 and set(words) == {"real", None}):
        ai, how = [i for i, word in enumerate(words) if word != "real"], "by their names"
    else:
        raise FaceAuditError(
            f"{source}: the classes are {named}, and nothing says which of them means "
            f"AI-generated; say it with --ai-class {classes[0]} or --ai-class {classes[1]}"
            f"{', once for each that does' if len(classes) > 2 else ''}"
        )
    if len(classes) == 2:
        how = how.replace("their names", "its name")
    told = " and ".join(f"'{classes[i]}'" for i in ai) if len(ai) < 9 else f"{len(ai)} classes"
    were = "was" if len(ai) == 1 else "were"
    of = f"'{classes[0]}' and '{classes[1]}'" if len(classes) == 2 else named
    return ai, f"Of the classifier's classes {of}, {told} {were} taken as AI-generated, {how}."


def _find(wanted: str, classes: Sequence[str], named: str, source: Path | str) -> int:
    numbers = [str(i) for i in range(len(classes))]
    folded = [name.casefold() for name in classes]
    for names, called in (
        (list(classes), wanted),
        (folded, wanted.casefold()),
        (numbers, wanted),
    ):
        if names.count(called) == 1:
            return names.index(called)
    raise FaceAuditError(f"{source}: --ai-class {wanted} is none of its classes, {named}")
