"""What the ready audits, a comparison and the recorded studies say: recorded, and compared in CI.

``python -m tests.golden_results`` records them anew, a line a fact. Packed they are a tenth of
their size; what moved is what the test prints.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from faceaudit import bundled
from faceaudit.comparison.runner import compare
from faceaudit.errors import FaceAuditError
from faceaudit.report.html import render_html
from faceaudit.result import Result, read_result
from faceaudit.runner import audit
from faceaudit.spec import find_spec, ready_specs
from faceaudit.tables import Scores, read_scores
from tests.report.parsed_page import Page

FOLDER = Path(__file__).parent / "golden"
ENDING = ".txt.gz"
STUDIES = Path(__file__).parents[1] / "docs" / "studies"
#: What differs from run to run or from machine to machine.
LEFT_OUT = {"created", "versions", "thumbnail", "layer"}
#: Longer lists of numbers stand as their hash.
LISTED = 12


def names() -> list[str]:
    """Name everything that is recorded."""
    scores = bundled.PUBLISHED_PAIR
    audits = [f"audit-{spec}-{name}" for spec in ready_specs() for name in scores]
    return [*audits, "compare", *(f"study-{path.stem}" for path in sorted(STUDIES.glob("*.json")))]


def said(name: str) -> list[str]:
    """Make what `name` names, and return it as lines."""
    kind, _, rest = name.partition("-")
    if kind == "study":
        return _page(read_result(STUDIES / f"{rest}.json"))
    first, second = map(_scores, bundled.PUBLISHED_PAIR)
    if kind == "compare":
        spec = find_spec("recorded-comparison")
        return list(_lines("", json.loads(compare([first, second], spec).model_dump_json())))
    (model,) = (model for model in bundled.PUBLISHED_PAIR if rest.endswith(f"-{model}"))
    try:
        result = audit(_scores(model), find_spec(rest.removesuffix(f"-{model}")))
    except FaceAuditError as error:
        return [f"refused: {error}"]
    return list(_lines("", json.loads(result.model_dump_json())))


@cache
def _scores(name: str) -> Scores:
    return read_scores(bundled.recorded_scores(name))


def _page(result: Result) -> list[str]:
    texts = (re.sub(r"[ \n\t]+", " ", text).strip() for text in Page(render_html(result)).texts)
    return [text for text in texts if text]


def _lines(path: str, value: Any) -> Iterator[str]:
    """Yield a line a fact; a row of a table is one."""
    if isinstance(value, dict) and path and not any(map(_nested, value.values())):
        # A row of a figure; what it lacks is not told.
        facts = {key: v for key, v in value.items() if key not in LEFT_OUT and v not in (None, [])}
        yield f"{path} = {json.dumps(_rounded(facts), ensure_ascii=False)}"
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in LEFT_OUT:
                yield from _lines(f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        if _size(value) > LISTED and _is_numbers(value):
            yield f"{path} = {_hash(value)}"
            return
        for position, inner in enumerate(value):
            yield from _lines(f"{path}[{position}]", inner)
    elif isinstance(value, list) and len(value) > LISTED and _is_numbers(value):
        yield f"{path} = {_hash(value)}"
    else:
        yield f"{path} = {json.dumps(_rounded(value), ensure_ascii=False)}"


def _nested(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _is_numbers(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_numbers, value))
    return value is None or isinstance(value, int | float)


def _size(value: Any) -> int:
    return sum(map(_size, value)) if isinstance(value, list) else 1


def _rounded(value: Any) -> Any:
    """Round to six digits, to which every machine agrees."""
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _hash(value: list[Any]) -> str:
    text = json.dumps(_rounded(value))
    return f"{_size(value)} numbers, {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def record() -> None:
    """Write all of them down."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob(f"*{ENDING}"):
        path.unlink()
    for name in names():
        text = "\n".join(said(name))
        (FOLDER / f"{name}{ENDING}").write_bytes(gzip.compress(text.encode(), mtime=0))


def recorded(name: str) -> list[str]:
    """Return what was recorded, as lines."""
    return gzip.decompress((FOLDER / f"{name}{ENDING}").read_bytes()).decode().split("\n")


if __name__ == "__main__":
    record()
