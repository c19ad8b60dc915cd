"""Messages that name options of the command line, in the words of whoever calls a function."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faceaudit.errors import FaceAuditError


def in_words_of_python(message: str) -> str:
    """Name the parameters of a call where a message names the options of the command line.

    >>> in_words_of_python("name yours with --map p_ai='fake prob' or --missing -1")
    "name yours with mapping={'p_ai': 'fake prob'} or missing='-1'"
    """
    message = message.replace("; give a YAML file or", "; give a list of tags, a YAML file or")
    message = message.replace("--score-column a --score-column b", "score_columns=['a', 'b']")
    message = re.sub(r"--map (\w+)=('[^']*'|[^\s:;,)]+)", _as_mapping, message)
    value = r"'?([^\s:;,)']*[^\s:;,)'.])'?"
    message = re.sub(rf"--(ai-label|missing|score-is) {value}", r"--\1='\2'", message)
    message = re.sub(r"--(include-training|accept-changes)", r"--\1=True", message)
    message = re.sub(r"--map\b", "mapping", message)
    return re.sub(r"--([a-z]+(?:-[a-z]+)*)", lambda found: found[1].replace("-", "_"), message)


def _as_mapping(found: re.Match[str]) -> str:
    return "mapping=" + str({found[1]: found[2].strip("'")})


@contextmanager
def worded_for_python(tables: Iterable[object], score: str = "column 'p_ai'") -> Iterator[None]:
    """Word errors for who calls a function, if any table is in memory and in no file."""
    try:
        yield
    except FaceAuditError as error:
        if all(isinstance(table, Path | str) for table in tables):
            raise
        message = in_words_of_python(str(error)).replace("column 'p_ai'", score)
        raise FaceAuditError(message) from None
