"""What checks and ready specifications say of themselves, and that the code does as they say."""

import json
from typing import Literal

import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel, Field, ValidationError

from faceaudit.catalogue import Key, keys_of, known_checks, known_specs
from faceaudit.checks import all_checks
from faceaudit.cli import main
from faceaudit.runner import audit
from faceaudit.schema import ScoresInfo
from faceaudit.spec import Spec, as_yaml, find_spec
from faceaudit.tables import Scores


class Inner(BaseModel):
    gap: float | None = Field(default=0.05, ge=0, le=1, description="Of a rate.")


class Model(BaseModel):
    name: str = Field(description="What it is called.")
    n: int = Field(default=3, ge=2)
    share: float = Field(default=0.9, gt=0.5, lt=1)
    either: Literal["worst", "random"] = "worst"
    pairs: list[list[str]] = Field(default_factory=list)
    of: dict[str, dict[str, list[float]]] = Field(default_factory=lambda: {"a": {"yes": [1.0]}})
    ends: tuple[float, float] | None = None
    inner: Inner = Field(default_factory=Inner)
    on: bool = False


def test_keys_are_told_by_their_types():
    told = {key.name: (key.type, key.default_in_words) for key in keys_of(Model)}
    assert told == {
        "name": ("text", "to be given"),
        "n": ("whole number from 2", "3"),
        "share": ("number above 0.5 and below 1", "0.9"),
        "either": ("worst or random", "worst"),
        "pairs": ("list of lists of text", "none"),
        "of": (
            "mapping of names to mappings of names to lists of numbers",
            "{a: {'yes': [1.0]}}",
        ),
        "ends": ("list of 2: number", "none"),
        "inner": ("mapping", "{gap: 0.05}"),
        "inner.gap": ("number from 0 to 1", "0.05"),
        "on": ("true or false", "false"),
    }
    assert next(keys_of(Model)) == Key("name", "text", True, None, "What it is called.")


@pytest.mark.parametrize(
    "value",
    ["yes", "a: #b", "a\nb", "0\x85", "\u2028x", ["é", "b\n"], {"a": {"1": 0.5}}, None, " "],
)
def test_a_value_is_written_on_one_line_and_read_as_it_was(value):
    text = as_yaml(value)
    assert text.splitlines() == [text]
    assert yaml.safe_load(f"key: {text}  # comment") == {"key": value}


def test_every_key_and_option_of_ours_says_what_it_means():
    keys = [(key.name, key) for key in keys_of(Spec)]
    for check in known_checks():
        keys += [(f"{check.id}.{key.name}", key) for key in check.options]
    silent = [name for name, key in keys if not key.description.endswith(".")]
    assert silent == []
    assert [name for name, key in keys if not key.type or key.type == "anything"] == []


def test_defaults_are_those_that_an_empty_mapping_gives():
    for known in known_checks():
        check = all_checks()[known.id]
        try:
            parsed = check.options().model_dump()
        except ValidationError:
            parsed = {}
        told = {key.name: key.default for key in known.options if not key.required}
        assert told == {name: parsed[name] for name in told} or not parsed
        assert any(key.required for key in known.options) == (not parsed and bool(known.options))
        assert (known.default, known.part) == (check.default, check.part)


def test_a_plug_in_that_cannot_tell_its_options_is_named(monkeypatch):
    class Odd(BaseModel):
        how: type = int

    odd = all_checks()["power"]
    monkeypatch.setattr(
        "faceaudit.catalogue.all_checks",
        lambda: {"odd": odd.__class__("odd", "", "", run, options=Odd)},
    )
    done = CliRunner().invoke(main, ["checks"])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"faceaudit: the check 'odd' (module {__name__}) failed: ")
    assert done.stderr.count("\n") == 1


def run(data, options):
    """Find nothing."""


@pytest.mark.parametrize("known", known_specs(), ids=lambda known: known.name)
def test_a_table_with_the_columns_that_a_specification_names_is_audited(known):
    """With each of them it is; without any one of them it is refused by the name."""
    spec = find_spec(known.name)
    place = {
        "dataset": next(w for w in ("utkface", "ffhq", "fairface", "x") if w in f"{known.rows} x")
    }
    words = {"race": "Indian", "gender": "female", "glasses": "none", "age_band": "40-49"}
    columns = {
        "image": [f"{i}.jpg" for i in range(40)],
        "label": ["real", "ai"] * 20,
        "p_ai": pa.array([0.2, 0.9] * 20, pa.float32()),
    }
    for name in known.columns[3:]:
        word = place.get(name, words.get(name, "oval"))
        columns[name] = [44.0, 20.0] * 20 if name == "age" else [word] * 40
    if spec.slice:
        columns["race"] = ["Indian", "Indian", "White", "White"] * 10
    columns.setdefault("dataset", ["x"] * 40)
    table = pa.table(columns | {"status": ["ok"] * 40})
    assert audit(Scores(table, ScoresInfo()), spec).name == known.name
    for name in known.columns[3:]:
        if name != "dataset":
            with pytest.raises(Exception, match=name):
                audit(Scores(table.drop_columns([name]), ScoresInfo()), spec)


def test_lists_for_people_and_for_scripts():
    for command, ids in (("checks", [*all_checks()]), ("specs", [k.name for k in known_specs()])):
        shown = CliRunner().invoke(main, [command])
        assert shown.exit_code == 0
        assert all(
            any(line.split()[:1] == [one] for line in shown.stdout.splitlines()) for one in ids
        )
        listed = json.loads(CliRunner().invoke(main, [command, "--json"]).stdout)
        assert [one.get("id", one["title"] and one.get("name")) for one in listed] == ids
