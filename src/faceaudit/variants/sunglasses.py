"""Drawn sunglasses: those of `glasses` with dark lenses, which hide the eyes."""

from faceaudit.variants.glasses import DARK, edit

EDIT = edit("sunglasses", DARK)
