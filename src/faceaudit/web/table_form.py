"""How a table that was uploaded is to be read and audited: proposed, chosen, and said in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from starlette.datastructures import FormData, QueryParams

from faceaudit.error_rates import ERROR_RATES
from faceaudit.errors import FaceAuditError, validated
from faceaudit.given import Reading
from faceaudit.reading.columns import value_counts
from faceaudit.reading.headings import likely_columns
from faceaudit.reading.meaning import ScoreIs, likely_score_is
from faceaudit.schema import LABEL_WORDS
from faceaudit.spec import EVERY_TAG, Spec, every_tag
from faceaudit.tables import Scores
from faceaudit.tags.age import parse_age_band
from faceaudit.web.audits import choose_spec
from faceaudit.web.held_tables import MOST_WORDS, HeldColumn, TableFacts, read_uploaded

#: What an audit needs of a table, and what a page calls it.
COLUMNS = {"image": "Image", "label": "What it is", "p_ai": "Score"}
SCORE_IS: dict[ScoreIs, str] = {
    "probability": "the probability of AI-generated, 0 to 1",
    "percent": "the probability of AI-generated in percent, 0 to 100",
    "logit": "a logit: above 0 is AI-generated, without ends",
    "p-real": "the probability of real, 0 to 1",
}
BOTH = "both"
COMBINATIONS = 3
_MEANINGS = ("real", "ai")


@dataclass
class Choices:
    """What was chosen on the page; what was not is proposed."""

    columns: dict[str, str]
    #: What each label means, "real" or "ai", as far as it is settled.
    means: dict[str, str]
    score_is: ScoreIs
    missing: list[str]
    #: None: nobody chose among them yet.
    tags: list[str] | None
    combinations: list[list[str]]
    rate: str
    limit: str
    threshold: str
    spec: str
    yaml: str
    #: The name under which a tag is read whose column promises something else.
    renamed: dict[str, str]


@dataclass
class View:
    """A table as its page shows it."""

    table: TableFacts
    choices: Choices
    #: The column of the labels, and its words; None where it holds too many to be labels.
    words: dict[str, int] | None = None
    score: HeldColumn | None = None
    #: Whether its scores name their classifier, which may have a threshold of its own.
    names_model: bool = False
    #: What must be settled before it can be read, in words of the page.
    problem: str | None = None
    #: What was read otherwise than it stands there.
    notes: list[str] = field(default_factory=list)
    #: Each tag that makes groups: group -> images.
    tags: dict[str, dict[str, int]] = field(default_factory=dict)
    #: Mean score of the images of each label.
    means: dict[str, float] = field(default_factory=dict)

    @property
    def reversed(self) -> bool:
        """Whether photographs have the higher scores, as where 1 means real."""
        return len(self.means) == len(_MEANINGS) and self.means["ai"] < self.means["real"]


def choices_of(table: TableFacts, given: FormData | QueryParams) -> Choices:
    """Take what a form says, and propose the rest."""

    def text(name: str) -> str:
        return str(given.get(name) or "").strip()

    likely = likely_columns(table.columns)
    columns = {ours: text(ours) or likely.get(ours, "") for ours in COLUMNS}
    columns = {ours: theirs for ours, theirs in columns.items() if theirs in table.columns}
    known = {word: LABEL_WORDS[word] for word in _words(table, columns) if word in LABEL_WORDS}
    said = (str(one).partition(" ") for one in given.getlist("means"))
    pairs = [str(one) for one in given.getlist("combine")]
    score = table.columns.get(columns.get("p_ai", ""))
    return Choices(
        columns=columns,
        means=known | {word: means for means, _, word in said if means in _MEANINGS},
        score_is=_score_is(text("score_is"), score),
        missing=text("missing").replace(",", " ").split(),
        tags=[str(tag) for tag in given.getlist("tag")] if given.get("tags") else None,
        combinations=[[*pair] for pair in zip(pairs[::2], pairs[1::2], strict=False) if all(pair)],
        rate=text("rate") or BOTH,
        limit=text("limit") or "5",
        threshold=text("threshold"),
        spec=text("spec") or EVERY_TAG,
        yaml=text("yaml"),
        renamed=_renamed(table, text("missing").replace(",", " ").split()),
    )


def _renamed(table: TableFacts, missing: list[str]) -> dict[str, str]:
    """Read words in a column `age`, which is that of years, as bands, or as groups of any kind."""
    age = table.columns.get("age")
    if age is None or age.low is not None or not age.words:
        return {}
    name = "age_band"
    try:
        for word in age.words.keys() - missing:
            parse_age_band(word)
    except ValueError:
        name = "age_group"
    return {} if name in table.columns else {name: "age"}


def _score_is(given: str, score: HeldColumn | None) -> ScoreIs:
    for known in get_args(ScoreIs):
        if given == known:
            return known  # type: ignore[no-any-return]
    if score is None or score.low is None or score.high is None:
        return "probability"
    if re.sub(r"[^a-z]", "", score.name.lower()) in ("preal", "probreal"):
        return "p-real"
    return likely_score_is(score.low, score.high)


def _words(table: TableFacts, columns: Mapping[str, str]) -> dict[str, int]:
    return table.columns[columns["label"]].words if "label" in columns else {}


def look(path: Path, table: TableFacts, choices: Choices) -> View:
    """Read a table as it was chosen, or say what is still to be settled."""
    view = View(table, choices, score=table.columns.get(choices.columns.get("p_ai", "")))
    words = {w: n for w, n in _words(table, choices.columns).items() if w not in choices.missing}
    view.words = words if len(words) <= MOST_WORDS else None
    view.problem = _unsettled(table, choices, words)
    if view.problem is None:
        try:
            scores = read_uploaded(path, reading_of(table, choices))
        except FaceAuditError as error:
            view.problem = in_words_of_the_page(str(error).removeprefix(f"{path}: "))
            return view
        view.names_model = scores.info.model is not None
        view.notes = [
            in_words_of_the_page(note.removeprefix(f"{path.name}: ")) for note in scores.info.notes
        ]
        tags = every_tag(scores.table, "", "").attributes
        view.tags = {tag: value_counts(scores.table[tag]) for tag in tags}
        if choices.tags is None:
            choices.tags = tags
        by_label = scores.table.group_by("label").aggregate([("p_ai", "mean")]).to_pylist()
        view.means = {
            row["label"]: row["p_ai_mean"] for row in by_label if row["p_ai_mean"] is not None
        }
    return view


def _unsettled(table: TableFacts, choices: Choices, words: Mapping[str, int]) -> str | None:
    for ours, title in COLUMNS.items():
        if ours not in choices.columns:
            return f"Choose the column for “{title}”."
    if len(set(choices.columns.values())) < len(COLUMNS):
        return "Two of the three are the same column; choose another for one."
    label = choices.columns["label"]
    if not words or len(words) > MOST_WORDS:
        n = table.columns[label].n_different
        return f"“{label}” has {n:,} different values: that does not say what an image is."
    if unknown := [word for word in words if word not in choices.means]:
        return f"Say what the label “{unknown[0]}” means."
    if "ai" not in (choices.means[word] for word in words) and not words.keys() <= {*LABEL_WORDS}:
        return "Say which label means AI-generated."
    return None


def reading_of(table: TableFacts, choices: Choices, spec: Spec | None = None) -> Reading:
    """Say how a table is to be read, with the words for missing values that `spec` has too."""
    words = _words(table, choices.columns)
    usual = all(choices.means.get(word) == LABEL_WORDS.get(word) for word in words)
    return {
        "mapping": {ours: theirs for ours, theirs in choices.columns.items() if ours != theirs}
        | choices.renamed,
        "missing": [*choices.missing, *(spec.missing if spec else ())],
        "ai_label": [] if usual else [word for word in words if choices.means.get(word) == "ai"],
        "score_is": choices.score_is,
    }


def asked(path: Path, table: TableFacts, choices: Choices) -> Spec:
    """Return the specification that was chosen; `FaceAuditError` if it cannot be, or be read so."""
    spec = _asked(read_uploaded(path, reading_of(table, choices)), choices)
    if spec.missing != choices.missing:
        read_uploaded(path, reading_of(table, choices, spec))
    return spec


def _asked(scores: Scores, choices: Choices) -> Spec:
    spec = choose_spec(choices.spec, choices.yaml, scores)
    given: dict[str, Any] = {"missing": list(dict.fromkeys([*spec.missing, *choices.missing]))}
    if choices.threshold:
        given["threshold"] = _number(choices.threshold, "Threshold", 1)
    if spec.name == EVERY_TAG and not choices.yaml:
        # Read otherwise since it was chosen, a tag may make no groups any more.
        tags = [tag for tag in choices.tags or () if tag in spec.attributes]
        if not tags:
            raise FaceAuditError("Choose at least one tag.")
        limit = _number(choices.limit, "Limit", 100) / 100
        rates = ERROR_RATES if choices.rate == BOTH else [choices.rate]
        given |= {
            "attributes": tags,
            "intersections": choices.combinations,
            "rate": None if choices.rate == BOTH else choices.rate,
            "limits": {f"{rate}_gap": limit if rate in rates else None for rate in ERROR_RATES},
        }
    return validated(Spec, spec.model_dump() | given, "")


def _number(text: str, name: str, most: float) -> float:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise FaceAuditError(f"{name}: “{text}” is not a number from 0 to {most:g}.")
    return number


#: How refusals name the options of the command line, and what stands in their place on the page.
_OPTIONS = (
    (r"; name yours with --map .* \(the columns are .*\)", "; choose which column it is"),
    (r"--map \w+=\S+: ", ""),
    (r"say what the scores are: --score-is (\S+)", r"say above that the scores are \1"),
    (r"leave out --score-is \S+", "say so above"),
    (r"with --score-is p-real", "by saying above that they are the probability of real"),
    (r"(?:say|name) [^;]*--ai-label[^;]*", "say above what each label means"),
    (r"--ai-label \S+: ", ""),
    (r"name it as missing with --missing (\S+)", r"write \1 above as a word for a missing value"),
    (r"say --missing (\S+?)(?=\.$)", r"write \1 above as a word for a missing value"),
    (r"; if the column says something else, give it another name: --map \S+", ""),
    (r" bands go into age_band: --map \S+;", ""),
    (r" \(rename with --map\)", ""),
)


def in_words_of_the_page(message: str) -> str:
    """Say a refusal or a note of the command line to somebody who has none."""
    for option, words in _OPTIONS:
        message = re.sub(option, words, message)
    return message[:1].upper() + message[1:]
