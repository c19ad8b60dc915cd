"""The specification of an audit: which question, which groups, which limits. YAML in, typed out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    field_validator,
)

from faceaudit.error_rates import ERROR_RATES
from faceaudit.errors import FaceAuditError, describe, in_one_line, validated
from faceaudit.limits import ALL_GROUPS, DEPTH, GROUPINGS, SPEC_LETTERS, SPEC_VALUES
from faceaudit.one_or_many import listed
from faceaudit.packaged import ready_specs
from faceaudit.reading.columns import distinct
from faceaudit.reading.file_kinds import read_text
from faceaudit.reading.population import Row, population_rows, read_population
from faceaudit.result import RateId
from faceaudit.schema import tag_columns
from faceaudit.tags.vocabulary import DERIVED_TAGS, NUMERIC_TAGS
from faceaudit.wording import tag_title

#: What the specification is called that asks about every tag of a table.
EVERY_TAG = "every-tag"
#: What is asked where nobody says what.
QUESTION = "Does the classifier err more often about some groups of people than others?"
#: Shares that are rounded still sum to one.
SHARES_SUM = 0.02
#: Tags of one combination.
MOST_COMBINED = 10
#: A tag with more values than this names pictures or people, not groups.
MOST_GROUPS = 50


Share = Annotated[float, Field(ge=0, le=1)]

_LIMITS: dict[str, Any] = {
    f"{rate.id}_gap": (
        float | None,
        Field(
            default=rate.limit,
            ge=0,
            le=1,
            description=f"Of the {rate.name} ({rate.images} {rate.error}); null asks for no "
            "verdict.",
        ),
    )
    for rate in ERROR_RATES.values()
}
Limits: type[BaseModel] = create_model(
    "Limits",
    __config__=ConfigDict(extra="forbid"),
    __doc__="The limits of a specification, one for each error rate.",
    **_LIMITS,
)


class Spec(BaseModel):
    """What to ask of a scores table."""

    # A word for "missing" may be a number (999), which YAML does not know for text.
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    name: str = Field(description="What the audit is called, in files and lists.")
    title: str = Field(description="The heading of its report.")
    question: str = Field(description="What it asks, in the words of its reader.")
    rows: str | None = Field(
        default=None,
        description="Which rows the audit is about, as an expression such as dataset == 'ffhq' or "
        "label == 'ai'; without it, all.",
    )
    missing: list[str] = Field(
        default_factory=list,
        description="Words that say that a value is missing; without them only an empty cell does.",
    )
    include_training: bool = Field(
        default=False,
        description="Whether images that the classifier was trained on count; its errors on them "
        "are too low.",
    )
    slice: str | None = Field(
        default=None,
        description="A slice to be compared with the rest, as an expression; adds the tag slice.",
    )
    attributes: list[str] = Field(
        min_length=1,
        max_length=GROUPINGS,
        description="Tags whose groups are compared, one at a time.",
    )
    intersections: list[Annotated[list[str], Field(max_length=MOST_COMBINED)]] = Field(
        default_factory=list,
        max_length=GROUPINGS,
        description="Combinations of tags whose groups are compared.",
    )
    checks: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="The checks to run, each with its options; a list of ids will do. Without it, "
        "those that run by default.",
    )
    cluster: str | None = Field(
        default=None,
        description="The column that says which images hang together: those of a person, a video, "
        "a source image. Without it person and video, if there are any; none says that images are "
        "independent. Copies of one picture always hang together.",
    )
    assume_missing: Literal["worst", "random"] = Field(
        default="worst",
        description="random lets a gap pass as if images without a tag or score were like the "
        "others; worst lets it pass only if it would whatever they are.",
    )
    tag_error: dict[str, Any] = Field(
        default_factory=dict,
        description="How many tags are wrong, by tag: the share of each group's images that belong "
        "to another; or by group; or by group the shares that truly are of each; or the tag of a "
        "second annotator.",
    )
    population: list[Row] = Field(
        default_factory=list,
        description="The population that rates are weighted to: rows of tags with share or count, "
        "or for one tag {tag: {value: share}}; in a file, the name of a table beside it.",
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="An image is called AI-generated when its score is at least this; without it, "
        "the classifier's own, or else 0.5.",
    )
    unsure: tuple[Share, Share] | None = Field(
        default=None,
        description="From which score on, and below which, the classifier counts as unsure. The "
        "threshold lies between them and still decides what all other checks count.",
    )
    rate: RateId | None = Field(
        default=None,
        description="The error rate that the question is about: " + " or ".join(ERROR_RATES) + "; "
        "without it, each that has a limit, in this order.",
    )
    limits: Limits = Field(  # type: ignore[valid-type]
        default_factory=Limits,
        description="The largest gaps between groups (highest minus lowest rate) that the "
        "auditor accepts: chosen limits, not legal tests.",
    )
    no_worse_by: dict[str, float] = Field(
        default_factory=dict,
        description="For comparisons: by how much another classifier's error rates may be higher "
        "(0.02 is 2 points), over all images and in every group. One share, or one by error rate; "
        "without it nothing is judged.",
    )
    confidence: float = Field(
        default=0.95,
        gt=0.5,
        lt=1,
        description="The chance, at least, that no verdict on a limit is wrong; and that of each "
        "interval.",
    )
    small_group: int = Field(
        default=30,
        ge=1,
        description="Groups with fewer images are shown, marked small, and decide nothing.",
    )

    def __init__(self, **keys: Any) -> None:
        """Take keys; what is wrong with one is a `FaceAuditError`, said in one line."""
        try:
            super().__init__(**keys)
        except ValidationError as error:
            raise FaceAuditError(describe(error, type(self))) from None

    @property
    def groupings(self) -> list[tuple[str, ...]]:
        """The tags, and combinations of tags, whose groups are compared."""
        return [*((name,) for name in self.attributes), *map(tuple, self.intersections)]

    def limit(self, rate: str) -> float | None:
        """Return the largest gap of an error rate that is accepted; None asks for no verdict."""
        limit: float | None = getattr(self.limits, f"{rate}_gap")
        return limit

    @field_validator("checks", mode="before")
    @classmethod
    def _checks_as_mapping(cls, value: object) -> object:
        # A list of ids is the common case; `id: {option: value}` where a check takes options.
        if isinstance(value, list):
            named: dict[str, object] = {}
            for entry in value:
                given = {entry: None} if isinstance(entry, str) else entry
                if not isinstance(given, dict) or len(given) != 1:
                    raise ValueError("each entry is a check id, or 'check-id: {option: value}'")
                named |= {str(check): options or {} for check, options in given.items()}
            return named
        return value

    @field_validator("population", mode="before")
    @classmethod
    def _population_as_rows(cls, value: object) -> object:
        return value and population_rows(value)

    @field_validator("no_worse_by", mode="before")
    @classmethod
    def _by_rate(cls, value: object) -> object:
        compared = [rate.id for rate in ERROR_RATES.values() if rate.label]
        margins = value if isinstance(value, dict) else dict.fromkeys(compared, value)
        for rate, margin in margins.items():
            if rate not in compared:
                raise ValueError(f"'{rate}' is none of {', '.join(compared)}")
            _refuse_share(margin, 1, rate)
        return margins

    @field_validator("unsure")
    @classmethod
    def _rising(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value and not value[0] < value[1]:
            raise ValueError("two scores, the lower one first")
        return value

    @field_validator("tag_error")
    @classmethod
    def _shares_of_wrong_tags(cls, value: dict[str, Any]) -> dict[str, Any]:
        # By hand: a union says of a share that is none that it is no text.
        for tag, given in value.items():
            groups = given if isinstance(given, dict) else {}
            if not groups and not isinstance(given, str):
                _refuse_share(given, 0.5, tag)
            for group, share in groups.items():
                of = share if isinstance(share, dict) else {"": share}
                for name, part in of.items():
                    _refuse_share(part, 1, ": ".join(filter(None, (tag, str(group), str(name)))))
                if isinstance(share, dict) and abs(sum(of.values()) - 1) > SHARES_SUM:
                    raise ValueError(f"{tag}: {group}: the shares of who they truly are sum to 1")
        return value

    @field_validator("attributes")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        # Asked twice, a gap would count twice among those that share the confidence.
        if repeated := [name for name in value if value.count(name) > 1]:
            raise ValueError(f"'{repeated[0]}' is named twice")
        return value

    @field_validator("intersections")
    @classmethod
    def _different(cls, value: list[list[str]]) -> list[list[str]]:
        seen: list[set[str]] = []
        for combination in value:
            if len(set(combination)) < max(2, len(combination)):
                raise ValueError("an intersection names at least two different tags, each once")
            if set(combination) in seen:
                raise ValueError(f"{' and '.join(combination)} are combined twice")
            seen.append(set(combination))
        return value


def _refuse_share(given: object, most: float, place: str) -> None:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= most:
        raise ValueError(f"{place}: {given!r} is not a share from 0 to {most:g}")


#: A specification, the name of a ready one, its file, its keys, or its attributes alone.
SpecLike = Spec | Path | str | Mapping[str, Any] | Sequence[str]


def of_features(table: pa.Table) -> Spec:
    """Return the specification that asks about every sensitive feature; one must make groups."""
    spec = every_tag(table, "Every sensitive feature", QUESTION)
    if spec.attributes == ["dataset"]:
        raise FaceAuditError(
            f"sensitive_features: none of {', '.join(tag_columns(table)) or 'them'} makes 2 to "
            f"{MOST_GROUPS} groups of texts, whole numbers or booleans"
        )
    return spec


def parse_spec(text: str, source: str, folder: Path | None = None) -> Spec:
    """Read a specification from YAML text; errors are ``source: key.path: what is wrong``.

    `folder` is where the table of a population may lie; without one none is opened.
    """
    if len(text) > SPEC_LETTERS:
        raise FaceAuditError(
            f"{source}: {len(text):,} letters, and {SPEC_LETTERS:,} are the most of a "
            "specification; put a population into a table beside it"
        )
    _refuse_depth(text, source)
    try:
        loader = yaml.SafeLoader(text)
        if node := loader.get_single_node():
            _refuse_many_values(node, source)
        content = node and loader.construct_document(node)
    except FaceAuditError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        raise FaceAuditError(
            f"{source}: {place}not valid YAML ({getattr(error, 'problem', None) or error})"
        ) from None
    except RecursionError:
        raise FaceAuditError(f"{source}: brackets within brackets, too deep to be read") from None
    except Exception as error:  # a date, number or tag that is none fails as its maker does
        raise FaceAuditError(
            f"{source}: a value cannot be read ({in_one_line(error)}); put it in quotes"
        ) from None
    if not isinstance(content, dict):
        raise FaceAuditError(f"{source}: a specification is a mapping of keys")
    if folder and isinstance(table := content.get("population"), str):
        content["population"] = read_population(folder / table)
    return validated(Spec, content, f"{source}: ")


def _refuse_depth(text: str, source: str) -> None:
    """Refuse many brackets within brackets, over which PyYAML takes seconds."""
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth = depth + 1 if bracket in "[{" else max(depth - 1, 0)
        if depth > DEPTH:
            raise FaceAuditError(
                f"{source}: brackets within brackets, too deep to be read ({DEPTH} are the most)"
            )


def _refuse_many_values(node: yaml.Node, source: str) -> None:
    """Refuse what is small as text and large once its aliases are followed, before they are.

    And a key that is given twice, of which the last would count.
    """
    left, seen = [node], 0
    while left:
        seen += 1
        if seen + len(left) > SPEC_VALUES:
            raise FaceAuditError(
                f"{source}: more than {SPEC_VALUES:,} values, which is the most of a specification"
            )
        one = left.pop()
        if isinstance(one, yaml.MappingNode):
            left += [of for pair in one.value for of in pair]
            keys = [key.value for key, _ in one.value if isinstance(key, yaml.ScalarNode)]
            if twice := [key for key, times in Counter(keys).items() if times > 1]:
                line = one.start_mark.line + 1
                raise FaceAuditError(
                    f"{source}: the mapping from line {line} on gives '{twice[0]}' twice"
                )
        elif isinstance(one, yaml.SequenceNode):
            left += one.value


def as_yaml(value: object) -> str:
    """Write a value on one line, as it stands in a specification.

    >>> as_yaml(["gender", "yes", "a: b"]), as_yaml("two\\nlines")
    ("[gender, 'yes', 'a: b']", '"two\\\\nlines"')
    """
    one_line: dict[str, Any] = {"default_flow_style": True, "sort_keys": False, "width": 10**9}
    # Only between double quotes is a line break, of which there are many, written as a code.
    for style in (None, '"'):
        text = str(yaml.safe_dump(value, allow_unicode=True, default_style=style, **one_line))
        text = text.removesuffix("\n").removesuffix("\n...")
        if text.isprintable():
            break
    return text


def every_tag(table: pa.Table, title: str, question: str) -> Spec:
    """Return the specification that asks about every tag of a table that makes a few groups."""
    tags: list[str] = []
    groups = 0
    for tag in ("dataset", *tag_columns(table)):
        if not why_no_groups(table, tag) and len(tags) < GROUPINGS:
            groups += len(distinct(table[tag])[0])
            tags += [tag] if groups <= ALL_GROUPS else []
    return Spec(name=EVERY_TAG, title=title, question=question, attributes=tags or ["dataset"])


def why_no_groups(table: pa.Table, tag: str) -> str | None:
    """Say why a tag of a table does not make a few groups; None if it does."""
    if tag in NUMERIC_TAGS or pa.types.is_floating(table[tag].type):
        bands = [name for name, (of, _) in DERIVED_TAGS.items() if of == tag]
        return f"a number; see {bands[0]}" if bands else "a number"
    n = len(distinct(table[tag])[0])
    if n < 2:
        return "one value only" if n else "empty"
    return f"{n:,} different values" if n > MOST_GROUPS else None


def as_spec(given: SpecLike) -> Spec:
    """Return a specification, read from its file or made of its keys or attributes alone."""
    if isinstance(given, Spec):
        return given
    if isinstance(given, str | Path):
        return find_spec(given)
    keys = dict(given) if isinstance(given, Mapping) else {"attributes": listed(given)}
    tags = ", ".join(tag_title(str(tag)) for tag in listed(keys.get("attributes", ())))
    usual = {"name": "audit", "title": f"Errors by {tags}", "question": QUESTION}
    return validated(Spec, usual | keys, "the specification: ")


def possible_columns(spec: Spec | None, *texts: str | None) -> set[str]:
    """Return every text of a specification and beside it, and every word: columns may be named."""
    found: list[str] = []
    left: list[Any] = [spec.model_dump() if spec else {}, *texts]
    while left:
        match left.pop():
            case str() as text:
                found += [text, *re.findall(r"\w+", text)]
            case dict() as mapping:
                left += [*mapping, *mapping.values()]
            case list() | tuple() as several:
                left += several
    return {*found}


def find_spec(name: str | Path) -> Spec:
    """Read a specification by its path, or a ready one by its name."""
    path = spec_file(name)
    return parse_spec(read_text(path, "specification"), str(path), path.parent)


def spec_file(name: str | Path) -> Path:
    """Find the file of a specification by its path, or of a ready one by its name."""
    path, ready = Path(name), ready_specs()
    if not path.is_file():
        path = ready.get(path.stem if path.parent.name == "audits" else str(name), path)
    if not path.is_file():
        raise FaceAuditError(
            f"{name}: no such specification; give a YAML file or one of "
            f"{', '.join(ready) or 'none'}"
        )
    return path
