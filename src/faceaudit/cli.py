"""The command line: parses, calls, prints. Every command is one call of the Python API."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faceaudit.errors import FaceAuditError

if TYPE_CHECKING:
    from faceaudit.result import Result

EXISTING = click.Path(path_type=Path)


class _Group(click.Group):
    """Prints `FaceAuditError` as one line and exits with 2; lists commands in working order."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FaceAuditError as error:
            click.echo(f"faceaudit: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("faceaudit: stopped", err=True)
            ctx.exit(130)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="faceaudit")
def main() -> None:
    """Whom does a detector of AI-generated faces get wrong, how sure are we, and why?

    \b
    Bring scores of your own (CSV or Parquet with image,label,p_ai and tags):
      faceaudit audit scores.csv --spec audits/utkface-demographics.yaml -o out
    or go the whole way from photographs:
      faceaudit index utkface UTKFace/ -o manifest.parquet
      faceaudit score bundled:default manifest.parquet -o scores.parquet
      faceaudit audit scores.parquet --spec audits/utkface-demographics.yaml -o out
    """


def _example(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Append an example to a command's help, set off as it is."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__doc__ = f"{function.__doc__}\n\n    \b\n    Example:\n      {text}\n"
        return function

    return decorate


# --- images to scores ----------------------------------------------------------------------


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@_example("faceaudit datasets")
def datasets(as_json: bool) -> None:
    """List the known data sets: what, tags, licence, layout."""
    from faceaudit.terminal import print_datasets

    print_datasets(as_json)


@main.command()
@click.argument("dataset")
@click.argument("root", type=EXISTING)
@click.option("-o", "--out", required=True, type=EXISTING, help="The manifest to write (Parquet).")
@_example("faceaudit index utkface UTKFace/ -o manifest.parquet")
def index(dataset: str, root: Path, out: Path) -> None:
    """Index a data set on disk: one row an image, rejects in a ledger beside it."""
    from faceaudit.datasets import index as index_dataset

    report = index_dataset(dataset, root, out)
    click.echo(str(report))


@main.command()
@click.argument("manifests", nargs=-1, required=True, type=EXISTING)
@click.option("-o", "--out", required=True, type=EXISTING, help="The model directory to write.")
@click.option("--arch", default=None, help="A timm or torchvision architecture.")
@click.option("--epochs", default=None, type=click.IntRange(1), help="Fine-tuning epochs.")
@click.option("--size", default=None, type=click.IntRange(16), help="Input size in pixels.")
@click.option("--seed", default=0, show_default=True)
@_example("faceaudit train utkface.parquet ai.parquet -o model --epochs 4")
def train(manifests: Sequence[Path], out: Path, **options: Any) -> None:
    """Train a classifier on manifests (needs the extra 'model')."""
    raise NotImplementedError


# --- scores to answers ---------------------------------------------------------------------


def _parse_map(ctx: click.Context, param: click.Parameter, pairs: Sequence[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        ours, separator, theirs = pair.partition("=")
        if not (ours and separator and theirs):
            raise click.BadParameter(f"{pair!r} is not of the form NAME=COLUMN")
        mapping[ours] = theirs
    return mapping


_MAP = click.option(
    "--map",
    "mapping",
    multiple=True,
    callback=_parse_map,
    metavar="NAME=COLUMN",
    help="Our name for a column of the file; repeatable.",
)
_NO_IMAGES = click.option("--no-images", is_flag=True, help="Leave out every picture.")


@main.command()
@click.argument("scores", nargs=-1, required=True, type=EXISTING)
@click.option("--spec", required=True, help="A specification (YAML), or the name of a ready one.")
@click.option("-o", "--out", required=True, type=EXISTING, help="Folder for the results.")
@click.option("--where", default=None, help="Compare this slice with the rest.")
@_MAP
@_NO_IMAGES
@_example("faceaudit audit scores.csv --spec utkface-demographics -o out")
def audit(
    scores: Sequence[Path],
    spec: str,
    out: Path,
    where: str | None,
    mapping: dict[str, str],
    no_images: bool,
) -> None:
    """Audit scores; writes OUT/audit.json and OUT/report.html."""
    from faceaudit import commands
    from faceaudit.terminal import print_result

    result = commands.audit(scores, spec, out, where=where, mapping=mapping, images=not no_images)
    print_result(result)
    click.echo(f"report: {out / 'report.html'}")


@main.command()
@click.argument("scores_a", type=EXISTING)
@click.argument("scores_b", type=EXISTING)
@click.option("--spec", default=None, help="A specification; without one, every tag is compared.")
@click.option("-o", "--out", required=True, type=EXISTING, help="Folder for the results.")
@_MAP
@_example("faceaudit compare old.parquet new.parquet -o out")
def compare(
    scores_a: Path, scores_b: Path, spec: str | None, out: Path, mapping: dict[str, str]
) -> None:
    """Compare two classifiers on the same images; writes OUT/compare.json and OUT/report.html."""
    from faceaudit import commands
    from faceaudit.terminal import print_result

    result = commands.compare(scores_a, scores_b, out, spec=spec, mapping=mapping)
    print_result(result)
    click.echo(f"report: {out / 'report.html'}")


@main.command()
@click.argument("audit_json", type=EXISTING)
@click.option("--baseline", type=EXISTING, help="An earlier audit.json: only new failures count.")
@click.option("--junit", type=EXISTING, help="Write the verdicts as JUnit XML.")
@click.option("--markdown", type=EXISTING, help="Write the verdicts as Markdown.")
@_example("faceaudit gate out/audit.json --junit verdicts.xml")
def gate(
    audit_json: Path, baseline: Path | None, junit: Path | None, markdown: Path | None
) -> None:
    """Turn an audit into an exit code: 0 pass, 1 a check fails, 3 evidence is insufficient."""
    from faceaudit import commands
    from faceaudit.terminal import print_outcomes

    code, outcomes = commands.gate(audit_json, baseline=baseline, junit=junit, markdown=markdown)
    print_outcomes(outcomes)
    sys.exit(code)
