"""Skin tone: the Monk scale, and the individual typology angle."""

from __future__ import annotations

MONK_TONES = tuple(f"Monk {tone}" for tone in range(1, 11))


def monk_tone(number: str | int | None) -> str | None:
    """Return the name of a Monk tone, 1 (lightest) to 10 (darkest).

    Raises
    ------
    ValueError
        If it is no number from 1 to 10.
    """
    if number is None:
        return None
    if str(number) not in {str(tone) for tone in range(1, 11)}:
        raise ValueError(f"skin tone {number!r} is no Monk tone, 1 to 10")
    return f"Monk {number}"
