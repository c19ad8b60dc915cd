"""docs/reference.md is what the code says, and the code says what everything means."""

import click
import pytest

import make_reference
from faceaudit.checks import all_checks
from faceaudit.cli import main
from faceaudit.spec import Spec


def commands(group=main, name="faceaudit"):
    for of, command in group.commands.items():
        yield f"{name} {of}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {of}")


PAGE = make_reference.PAGE.read_text("utf-8")


def test_the_page_is_what_the_code_says():
    assert make_reference.reference() == PAGE, "python docs/make_reference.py writes it anew"


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_is_there_and_every_option_says_what_it_does(name, command):
    section = PAGE.partition(f"### {name}\n")[2].partition("\n#")[0]
    assert command.help.strip().splitlines()[0] in section
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{option.opts[0]} says nothing"
            assert option.opts[-1] in section


def test_every_key_and_every_option_of_a_check_is_there():
    for name in Spec.model_fields:
        assert f"| `{name}` | " in PAGE.partition("## Specifications\n")[2].partition("\n## ")[0]
    for check in all_checks().values():
        section = PAGE.partition(f"### {check.id}\n")[2].partition("\n### ")[0]
        assert check.description in section
        for name in check.options.model_fields:
            assert f"| `{name}` | " in section


def test_a_bar_in_a_cell_ends_no_cell():
    assert "`--photoshopped-as [skip\\|real\\|ai]`" in PAGE
