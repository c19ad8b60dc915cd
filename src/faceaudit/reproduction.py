"""An audit beside an earlier one that it should repeat: what differs, the numbers first."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from faceaudit.errors import validated
from faceaudit.result import Result
from faceaudit.schema import Input
from faceaudit.spec import Spec
from faceaudit.wording import counted, out_of

SAME, DIFFERENT = 0, 1
#: Numbers that agree to six digits are the same: that far all machines agree.
_SAME_TO = 1e-6
#: What is told apart from the numbers, is another each time, or stands in its check too.
_APART: Any = {"created", "result_version", "spec", "inputs", "versions", "findings"}
_PICTURES = ("thumbnail", "layer")
_OF_CLASSIFIER = ("name", "model", "versions", "threshold", "threshold_rule")
#: What names one thing among several, whatever its place.
_NAMES = ("id", "title", "name", "group", "reason", "rate", "tag")

Place = tuple[str, ...]
#: By place.
Facts = Mapping[Place, Any]


@dataclass(frozen=True)
class Reproduction:
    """What differs, one line each; nothing of both is the same audit."""

    #: Verdicts and numbers.
    numbers: list[str]
    #: What they come from (inputs, specification, classifier, versions), and mere words.
    origins: list[str]
    #: How many numbers and verdicts were compared.
    compared: int

    @property
    def code(self) -> int:
        """The exit code: 1 if a verdict or number differs, else 0."""
        return DIFFERENT if self.numbers else SAME


def reproduction(earlier: Result, later: Result) -> Reproduction:
    """Say what differs between two audits that should be the same.

    Verdicts are compared word by word, numbers to six digits. What stands in one of the two
    alone differs.
    """
    before, now = (
        dict(_facts(json.loads(of.model_dump_json(exclude=_APART)))) for of in (earlier, later)
    )
    words = {place for of in (before, now) for place, fact in of.items() if _is_word(place, fact)}
    found = [place for place in dict.fromkeys([*before, *now]) if place not in words]
    numbers = list(_numbers(before, now, found))
    origins = [*_inputs(earlier, later), *_spec(earlier, later), *_classifier(earlier, later)]
    origins += _changed("version", earlier.versions, later.versions)
    if reworded := [
        place for place in before if place in words and place in now and before[place] != now[place]
    ]:
        first = _told(reworded[0])
        origins.append(f"words: {counted(len(reworded), 'text')} worded otherwise, as in {first}")
    return Reproduction(numbers, origins, len(found))


def _facts(value: Any, place: Place = (), thresholds: Sequence[float] = ()) -> Iterator[Any]:
    """Give every value with its place; what has a name goes by it and not by its position."""
    if isinstance(value, dict):
        thresholds = value.get("thresholds") or thresholds
        if value.get("kind") == "table":
            titles = [column["title"] for column in value["columns"]]
            rows = [dict(_named(row, titles)) for row in value["rows"]]
            names = [str(row[0]) if row else "" for row in value["rows"]]
            value = {**value, "rows": dict(_named(rows, names)), "columns": titles}
        for key, inner in value.items():
            if key not in _PICTURES and not (place[:1] == ("scores",) and key in _OF_CLASSIFIER):
                yield from _facts(inner, (*place, key), thresholds)
    elif isinstance(value, list):
        names = [str(i) if place == ("scores",) else _name(of, i) for i, of in enumerate(value)]
        if len(value) == len(thresholds) and "by_threshold" in place:
            names = [f"at {of:g}" for of in thresholds]
        for name, inner in _named(value, names):
            yield from _facts(inner, (*place, name), thresholds)
    elif value is not None:
        yield place, value


def _name(item: Any, position: int) -> str:
    if not isinstance(item, dict):
        return str(position)
    tags = item.get("tags")
    if isinstance(tags, list) and "rate" in item:
        return f"{' × '.join(tags)}, {item['rate']}"
    return next((item[key] for key in _NAMES if isinstance(item.get(key), str)), str(position))


def _named(items: Sequence[Any], names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Pair items with their names; of those that share one, each further one has a number."""
    seen: dict[str, int] = {}
    for name, item in zip(names, items, strict=True):
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name} ({seen[name]})"), item


def _is_word(place: Place, fact: Any) -> bool:
    # What is drawn of a verdict is a word.
    is_verdict = place[-1] == "status" and not {"details", "findings"} & {*place}
    return isinstance(fact, str) and not is_verdict


def _numbers(before: Facts, now: Facts, places: Sequence[Place]) -> Iterator[str]:
    both = [place for place in places if place in before and place in now]
    differing = [place for place in both if not _same(before[place], now[place])]
    for place in differing:
        if place[-1] == "status":
            yield f"{_told(place)}: {before[place]} → {now[place]}"
    for what, kind in (("count", int), ("estimate", float)):
        of = [place for place in differing if type(now[place]) is kind]
        if of:
            all_of = sum(type(now[place]) is kind for place in both)
            at = max(of, key=lambda place: _size(place, before, now))
            differ = out_of(len(of), all_of, what, ("differs", "differ"))
            yield f"{differ}, most {_told(at)}: {_shown(before[at])} → {_shown(now[at])}"
    for what, one, other in (("in the earlier", before, now), ("here", now, before)):
        if alone := [place for place in places if place in one and place not in other]:
            yield f"{counted(len(alone), 'number')} only {what}, as {_told(alone[0])}"


def _size(place: Place, before: Facts, now: Facts) -> Any:
    # What holds at the audited threshold comes before the same at others.
    return "by_threshold" not in place, abs(now[place] - before[place])


def _same(before: Any, now: Any) -> bool:
    if isinstance(before, float) and isinstance(now, float | int):
        return math.isclose(before, now, rel_tol=_SAME_TO, abs_tol=_SAME_TO**2)
    return bool(before == now)


def _told(place: Place) -> str:
    return " › ".join(part for part in place if part not in ("checks", "details", "rows"))


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _inputs(earlier: Result, later: Result) -> Iterator[str]:
    if not earlier.inputs:
        yield (
            f"inputs: not known of the earlier audit; results of version {earlier.result_version} "
            "do not say what was read"
        )
        return
    for role in dict.fromkeys(one.role for one in (*earlier.inputs, *later.inputs)):
        before, now = ([one for one in of.inputs if one.role == role] for of in (earlier, later))
        gone = [_input(one) for one in before if one not in now]
        come = [_input(one) for one in now if one not in before]
        for was, is_ in zip_longest(gone, come, fillvalue="none"):
            yield f"{role}: {was} → {is_}"


def _input(one: Input) -> str:
    rows = f", {counted(one.rows, 'row')}" if one.rows is not None else ""
    read_as = f", read as {_shown(one.read_as)}" if one.read_as else ""
    return f"{one.name} (SHA-256 {one.sha256[:12]}…{rows}{read_as})"


def _spec(earlier: Result, later: Result) -> Iterator[str]:
    # A key that an earlier faceaudit did not know has its default.
    before, now = (
        validated(Spec, of.spec, f"{role}: its specification cannot be read: ").model_dump(
            mode="json"
        )
        for of, role in ((earlier, "the earlier audit"), (later, "the audit"))
    )
    yield from _changed("specification", before, now)


def _classifier(earlier: Result, later: Result) -> Iterator[str]:
    before, now = (
        {
            "name": of.name,
            "SHA-256": of.model.sha256 if of.model else None,
            "threshold": of.threshold,
            "threshold rule": of.threshold_rule,
        }
        for of in (earlier.scores[0], later.scores[0])
    )
    yield from _changed("classifier", before, now)


def _changed(what: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys([*before, *now]):
        if before.get(key) != now.get(key):
            yield f"{what}: {key}: {_shown(before.get(key))} → {_shown(now.get(key))}"
