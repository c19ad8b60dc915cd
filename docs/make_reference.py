"""Write docs/reference.md from the declarations themselves: python docs/make_reference.py."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from faceaudit.catalogue import COLUMNS, Key, KnownCheck, keys_of, known_checks
from faceaudit.checks import all_checks
from faceaudit.cli import main
from faceaudit.spec import Spec

PAGE = Path(__file__).with_name("reference.md")
HEAD = """# Reference

Every command with its options, every key of a specification, every check with its options: made
from the code by `python docs/make_reference.py`. Change the declarations, not this page.

[Commands](#commands) · [completion in the shell](#completion-in-the-shell) ·
[specifications](#specifications) · [checks](#checks)
"""
COMPLETION = """## Completion in the shell

Commands, options, files, ready specifications, data sets and bundled models are completed once
this line is in the file:

| shell | file | line |
| --- | --- | --- |
| bash | `~/.bashrc` | `eval "$(_FACEAUDIT_COMPLETE=bash_source faceaudit)"` |
| zsh | `~/.zshrc` | `eval "$(_FACEAUDIT_COMPLETE=zsh_source faceaudit)"` |
| fish | `~/.config/fish/config.fish` | `_FACEAUDIT_COMPLETE=fish_source faceaudit \\| source` |

bash takes the colon of `bundled:` for the end of a word, unless
`COMP_WORDBREAKS=${COMP_WORDBREAKS//:}` stands there too.
"""
SPECIFICATIONS = """## Specifications

A YAML file of these keys; `faceaudit init SCORES` writes one to begin with, and `faceaudit specs`
lists those that come with faceaudit. An unknown key is refused.
"""
CHECKS = f"""## Checks

Every check needs {", ".join(f"`{name}`" for name in COLUMNS)} and the specification's tags. In a
specification, `checks: [ID]` names those that run, and `checks: {{ID: {{OPTION: VALUE}}}}` sets
options; without it, all run that run by default.
"""


def reference() -> str:
    """Return the page; what plug-ins add is left to them."""
    ours = {check.id for check in all_checks().values() if _is_ours(check.run.__module__)}
    whole = click.Context(main, info_name="faceaudit", **main.context_settings)
    parts = [
        *(HEAD, "## Commands\n", *_commands(main, whole)),
        *(COMPLETION, SPECIFICATIONS, _keys(keys_of(Spec), "key")),
        *(CHECKS, *(_check(check) for check in known_checks() if check.id in ours)),
    ]
    return "\n".join(parts)


def _is_ours(module: str) -> bool:
    return module.startswith("faceaudit.")


def _commands(group: click.Group, outer: click.Context) -> Iterator[str]:
    for name in group.list_commands(outer):
        command = group.commands[name]
        ctx = click.Context(command, parent=outer, info_name=name)
        # Arguments are told by the text.
        options = [of for of in command.get_params(ctx) if isinstance(of, click.Option)]
        usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
        records = [of.get_help_record(ctx) for of in options if "--help" not in of.opts]
        rows = [(f"`{of}`", " ".join(told.split())) for of, told in filter(None, records)]
        told = [f"### {ctx.command_path}\n", f"`{usage}`\n", *_text(command.help or "")]
        yield "\n".join([*told, *([_table(("option", "meaning"), rows)] if rows else [])])
        if isinstance(command, click.Group):
            yield from _commands(command, ctx)


def _text(text: str) -> Iterator[str]:
    """Give the paragraphs of a help text; what is set off there (`\\b`) is code after its title."""
    for paragraph in re.split(r"\n{2,}", inspect.cleandoc(text)):
        title, *lines = paragraph.removeprefix("\b\n").splitlines()
        if paragraph.startswith("\b"):
            code = textwrap.dedent("\n".join(lines))
            yield f"{title}\n\n```sh\n{code}\n```\n"
        else:
            yield f"{paragraph}\n"


def _check(check: KnownCheck) -> str:
    runs = "Runs by default." if check.default else "Runs where a specification names it."
    told = [f"### {check.id}\n", f"**{check.title}.** {check.description} {runs}\n"]
    if more := [f"`{name}`" for name in check.columns if name not in COLUMNS]:
        told.append(f"It needs the columns {', '.join(more)}.\n")
    return "\n".join([*told, *([_keys(check.options, "option")] if check.options else [])])


def _keys(keys: Iterable[Key], title: str) -> str:
    rows = []
    for key in keys:
        default = key.default_in_words
        shown = default if key.required or default == "none" else f"`{default}`"
        rows.append((f"`{key.name}`", key.type, shown, key.description))
    return _table((title, "type", "default", "meaning"), rows)


def _table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [[*titles], *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
