"""What there is to ask: checks, ready specifications and their keys, from their declarations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from faceaudit.checks import all_checks
from faceaudit.packaged import ready_specs
from faceaudit.plugins import blamed
from faceaudit.result import Part
from faceaudit.row_filter import columns_named
from faceaudit.spec import as_yaml, find_spec

#: What every table of scores has.
COLUMNS = ("image", "label", "p_ai")
#: What JSON Schema calls a type, and we.
_WORDS = {
    **{"string": "text", "integer": "whole number", "boolean": "true or false"},
    **{"object": "mapping", "null": "", "": "anything"},
}


@dataclass(frozen=True)
class Key:
    """A key of a specification, or an option of a check."""

    #: A key within another is ``outer.inner``.
    name: str
    #: In words.
    type: str
    #: Whether there is no default.
    required: bool
    #: As plain data.
    default: Any
    #: What it means; empty where a plug-in does not say it.
    description: str

    @property
    def default_in_words(self) -> str:
        """The default as it would stand in a specification, on one line; or that there is none."""
        if self.required:
            return "to be given"
        if self.default in (None, [], {}):
            return "none"
        return as_yaml(self.default)


@dataclass(frozen=True)
class KnownCheck:
    """What a check asks, and what it needs; fields as of `faceaudit.checks.Check`."""

    id: str
    title: str
    description: str
    part: Part
    default: bool
    columns: tuple[str, ...]
    options: list[Key]


@dataclass(frozen=True)
class KnownSpec:
    """What a ready specification asks, and of which columns; fields as of `faceaudit.spec.Spec`."""

    name: str
    title: str
    question: str
    attributes: list[str]
    intersections: list[list[str]]
    rows: str | None
    slice: str | None
    rate: str | None
    limits: dict[str, float | None]
    checks: dict[str, dict[str, Any]]
    columns: tuple[str, ...]

    @property
    def groupings(self) -> list[list[str]]:
        """The tags, and combinations of tags, whose groups are compared."""
        return [*([tag] for tag in self.attributes), *self.intersections]


def known_checks() -> list[KnownCheck]:
    """Tell what every check asks, those of plug-ins after our own."""
    found = []
    for check in all_checks().values():
        with blamed("check", check.id, check.run.__module__):
            facts = (check.id, check.title, check.description, check.part, check.default)
            options = list(keys_of(check.options))
            found.append(KnownCheck(*facts, (*COLUMNS, *check.columns), options))
    return found


def known_specs() -> list[KnownSpec]:
    """Tell what every ready specification asks."""
    found, checks = [], all_checks()
    for path in ready_specs().values():
        spec = find_spec(path)
        columns = [*COLUMNS, *(tag for tags in spec.groupings for tag in tags)]
        for expression in filter(None, (spec.rows, spec.slice)):
            columns += columns_named(expression)
        columns += [column for check in spec.checks for column in checks[check].columns]
        facts = spec.model_dump(include=set(KnownSpec.__dataclass_fields__))
        found.append(KnownSpec(**facts, columns=tuple(dict.fromkeys(columns))))
    return found


def keys_of(model: type[BaseModel], outer: str = "") -> Iterator[Key]:
    """Give the keys of a specification, or the options of a check, in their order."""
    schema = model.model_json_schema(by_alias=False)
    for name, field in model.model_fields.items():
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            default = default.model_dump()
        told = _in_words(schema["properties"][name], schema.get("$defs", {}))
        yield Key(outer + name, told, field.is_required(), default, field.description or "")
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys_of(field.annotation, f"{outer}{name}.")


def _in_words(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> str:
    """Say a JSON Schema in words; that nothing may be given is no type of its own."""
    if "$ref" in schema:
        return _in_words(defined[schema["$ref"].rpartition("/")[2]], defined)
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        each = (_in_words(one, defined) for one in schema["anyOf"])
        return " or ".join(dict.fromkeys(filter(None, each)))
    if "prefixItems" in schema:
        each = (_in_words(one, defined) for one in schema["prefixItems"])
        return f"list of {len(schema['prefixItems'])}: {', '.join(dict.fromkeys(each))}"
    of = schema.get("type", "")
    if of == "array":
        return f"list of {_plural(_in_words(schema.get('items', {}), defined))}"
    if of == "object" and isinstance(inner := schema.get("additionalProperties"), dict):
        return f"mapping of names to {_plural(_in_words(inner, defined))}"
    ends = (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"))
    bounds = [f"{word} {schema[end]:g}" for end, word in ends if end in schema]
    if "exclusiveMaximum" in schema:
        bounds.append(f"{'and ' if bounds else ''}below {schema['exclusiveMaximum']:g}")
    return " ".join([_WORDS.get(of, of), *bounds])


def _plural(words: str) -> str:
    return re.sub(r"^(whole number|number|list|mapping)\b", r"\1s", words)
