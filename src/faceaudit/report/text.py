"""Every word that reports add of their own; ``text.toml`` has them, to be translated there."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

_WORDS: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))

STATUS: dict[str, str] = _WORDS["status"]
KIND: dict[str, str] = _WORDS["kind"]
PART: dict[str, str] = _WORDS["part"]
GLOSSARY: dict[str, str] = _WORDS["glossary"]
#: The parts of a picture, row by row.
NINTHS: list[str] = _WORDS["ninths"]
#: What the script of the page says.
SCRIPT_TEXT: dict[str, str] = _WORDS["script"]
TEXT: dict[str, str] = _WORDS["page"] | SCRIPT_TEXT
