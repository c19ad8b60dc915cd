"""The command line: parses, calls, prints. Every command is one call of the Python API."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from faceaudit import api, cli_completion, terminal
from faceaudit.cli_shared import (
    AS_JSON,
    EPOCHS,
    PATH,
    PRINTING,
    RECIPE,
    ErrorGroup,
    example,
    flag,
    many,
    with_options,
)
from faceaudit.cli_studies import study
from faceaudit.errors import FaceAuditError


@click.group(
    cls=ErrorGroup, context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
@click.version_option(package_name="faceaudit")
@flag("--debug", envvar="FACEAUDIT_DEBUG", help="Print the traceback of what goes wrong.")
def main(debug: bool) -> None:
    """Whom does a detector of AI-generated faces get wrong, how sure are we, and why?

    \b
    Bring scores of your own (CSV or Parquet with image,label,p_ai and tags):
      faceaudit audit scores.csv -o out
      faceaudit init scores.csv -o my-audit.yaml
      faceaudit audit scores.csv --spec my-audit.yaml -o out
    or go the whole way from photographs:
      faceaudit index utkface UTKFace/ -o manifest.parquet
      faceaudit score bundled:default manifest.parquet -o scores.parquet
      faceaudit audit scores.parquet --spec utkface-demographics -o out
    """


# --- what there is to ask ------------------------------------------------------------------


@main.command()
@AS_JSON
@example("faceaudit checks")
def checks(as_json: bool) -> None:
    """List the checks: what each asks, needs, and its options.

    A specification names those to run under 'checks:'; without that, the default ones run.
    """
    from faceaudit.catalogue import known_checks

    terminal.print_checks(known_checks(), as_json)


@main.command()
@AS_JSON
@example("faceaudit specs")
def specs(as_json: bool) -> None:
    """List the ready specifications: what each asks, and of which columns."""
    from faceaudit.catalogue import known_specs

    terminal.print_specs(known_specs(), as_json)


@main.command()
@AS_JSON
@example("faceaudit doctor")
def doctor(as_json: bool) -> None:
    """Say what is installed, what is missing, and what is broken.

    Exits with 2 if something that is installed is broken; an extra that is not there is not.
    """
    from faceaudit.doctor import examine

    found = examine()
    terminal.print_diagnosis(found, as_json)
    sys.exit(2 if found.problems else 0)


# --- before there are images ---------------------------------------------------------------


def _parse_numbers(
    ctx: click.Context, param: click.Parameter, text: str | None
) -> dict[str, float] | dict[str, int]:
    number = int if param.name == "groups" else float
    found: dict[str, Any] = {}
    for pair in text.split(",") if text else ():
        name, _, value = (part.strip() for part in pair.partition("="))
        try:
            if not name or name in found:
                raise ValueError
            found[name] = number(value)
        except ValueError:
            raise FaceAuditError(
                f"--{param.name}: {pair!r} is not of the form NAME=NUMBER, each name once"
            ) from None
    return found


@main.command()
@click.option(
    "--spec",
    required=True,
    shell_complete=cli_completion.specs,
    help="A specification (YAML), or the name of a ready one.",
)
@click.option(
    "--rates",
    required=True,
    callback=_parse_numbers,
    metavar="RATE=SHARE,…",
    help="The error rates to be expected.",
)
@click.option(
    "--groups",
    callback=_parse_numbers,
    metavar="TAG=NUMBER,…",
    help="How many groups a tag has, where that is not known.",
)
@click.option("--power", default=0.8, help="Chance of the verdict.")
@click.option("--gap", type=float, help="A true gap that is to fail; twice the limit if not given.")
@click.option("--cluster-size", default=1.0, help="Images that hang together, as of one person.")
@click.option("--correlation", default=0.0, help="How alike their errors are, from 0 to 1.")
@AS_JSON
@example("faceaudit plan --spec utkface-demographics --rates fpr=0.02 --groups race=5,gender=2")
def plan(as_json: bool, **options: Any) -> None:
    """Plan an audit: how many images does a verdict need?

    Of each group, before any are collected.
    """
    from faceaudit.plan import plan as run

    terminal.print_plan(run(**options), as_json, options["power"])


# --- images to scores ----------------------------------------------------------------------


@main.command()
@AS_JSON
@example("faceaudit datasets")
def datasets(as_json: bool) -> None:
    """List the known data sets: what, tags, licence, layout."""
    from faceaudit.datasets import all_datasets

    terminal.print_datasets(list(all_datasets().values()), as_json)


class _IndexCommand(click.Command):
    """A command with an option for each tag that is derived from pictures."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options, those of plug-ins among them."""
        from faceaudit.tags.base import picture_tags

        known = {param.name for param in self.params}
        self.params += [
            click.Option([f"--{name.replace('_', '-')}"], is_flag=True, help=tag.help)
            for name, tag in picture_tags().items()
            if name not in known
        ]
        return super().get_params(ctx)


@main.command(cls=_IndexCommand)
@click.argument("dataset", shell_complete=cli_completion.datasets)
@click.argument("root", type=PATH)
@click.option("-o", "--out", required=True, type=PATH, help="The manifest to write (Parquet).")
@click.option("--name", help="What the manifest calls the data set; its id if not given.")
@click.option("--tags-from", type=PATH, help="A tag file or folder that lies elsewhere.")
@many(
    "--missing",
    metavar="WORD",
    help="A word in your tag file that says that a tag is missing; repeatable.",
)
@click.option("--label", type=click.Choice(["real", "ai"]), help="The label of every image.")
@many("--real-dir", help="A folder of real photographs; repeatable.")
@many("--ai-dir", help="A folder of AI-generated images; repeatable.")
@click.option(
    "--photoshopped-as",
    type=click.Choice(["skip", "real", "ai"]),
    default="skip",
    help="What a photograph retouched by hand counts as.",
)
@flag(
    "--near-copies",
    "look_for_near_copies",
    help="Note which pictures show the same, resized or recompressed; they count as one then.",
)
@flag(
    "--delivery-facts",
    help="Measure sharpness, noise, brightness, border and background of every picture: it is "
    "decoded, 2 ms of 256 pixels square and 35 ms of 1,024.",
)
@AS_JSON
@example("faceaudit index utkface UTKFace/ -o manifest.parquet")
def index(dataset: str, root: Path, out: Path, as_json: bool, **options: Any) -> None:
    """Index a data set into a manifest: one row an image.

    DATASET is an id that 'faceaudit datasets' lists, ROOT a folder, a .zip or a .tar, or a folder
    or .zip in a store, such as s3://bucket/faces. What could not be indexed is in the reject
    ledger beside the manifest, one row a file with the reason.
    """
    from faceaudit.datasets import index as run

    with terminal.progress_bar("indexing") as progress:
        report = run(dataset, root, out, progress=progress, **options)
    terminal.print_index_report(report, as_json)


@main.command()
@click.argument("manifests", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", required=True, type=PATH, help="The model directory to write.")
@RECIPE
@flag("--trust-pickle", help="Take a weights file that is a pickle.")
@EPOCHS
@click.option("--lr", type=click.FloatRange(0, min_open=True), help="Highest learning rate.")
@flag("--find-lr", help="Choose it by fastai's learning-rate finder.")
@click.option(
    "--validation-share",
    default=0.2,
    type=click.FloatRange(0, 0.9, min_open=True),
    help="Share of the images that is held out.",
)
@flag(
    "--equal-delivery",
    help="Cut, resize and compress every picture at random, so that delivery tells no label.",
)
@click.option(
    "--balance",
    metavar="sources|TAG",
    help="Draw both labels, and within each every data set or group of a tag, equally often.",
)
@click.option(
    "--objective",
    default="erm",
    type=click.Choice(["erm", "group-dro"]),
    help="Lower the mean loss, or that of the groups of --balance that have the most.",
)
@click.option("--seed", default=0, help="Of whatever is drawn at random.")
@example("faceaudit train utkface.parquet ai.parquet -o model --epochs 4")
def train(manifests: Sequence[Path], out: Path, **options: Any) -> None:
    """Train a classifier (extra 'model').

    The published recipe: a pretrained network, a fifth of the images held out for validation,
    the head first and then the whole network on a one-cycle schedule.
    """
    from faceaudit.model.team import this_one
    from faceaudit.model.training import train as run

    checkpoint = run(manifests, out, progress=True, **options)
    if this_one().first:
        terminal.print_checkpoint(checkpoint, out)


@main.command()
@click.argument("model", shell_complete=cli_completion.models)
@click.argument("manifests", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", required=True, type=PATH, help="The scores to write (Parquet).")
@click.option("--where", help='Score these images alone, for instance "age >= 18".')
@click.option(
    "--sample",
    type=click.IntRange(1),
    help="Score so many images, drawn at random; every data set and label has its share.",
)
@click.option("--seed", default=0, help="Of the sample.")
@click.option(
    "--shard",
    metavar="I/N",
    help="Score part I of N alone, each on a machine of its own; 'faceaudit join' joins them.",
)
@many(
    "--deliver",
    metavar="STEPS",
    help="Score every picture delivered alike too: steps in their order, of size=PIXELS, "
    "jpeg=QUALITY, webp=, blur=, noise= and gamma=, as in size=224,jpeg=85; or graded, the series "
    "of worse and worse ones. Repeatable.",
)
@many(
    "--edit",
    metavar="NAME",
    help="Score every picture edited too: with glasses or sunglasses drawn, and the same drawn "
    "elsewhere; or with its parts hidden, one at a time. Repeatable.",
)
@click.option(
    "--batch-size", default=64, type=click.IntRange(1), help="Pictures that are scored together."
)
@flag("--trust-pickle", help="Take a checkpoint that is a pickle.")
@many("--ai-class", help="A class that means AI-generated, by name or number; repeatable.")
@click.option(
    "--score-is",
    type=click.Choice(["probability", "logit", "percent", "p-real"]),
    help="What the model's numbers are, where that is not known.",
)
@click.option(
    "--preprocess",
    metavar="HOW",
    help="How pictures are prepared, where the model's files do not say it: a normalisation "
    "(imagenet, clip, half, unit, none), NAME=VALUE as size=224, or several by commas; or a "
    "preprocessor_config.json.",
)
@click.option(
    "--find-faces/--no-find-faces",
    default=True,
    help="Mark pictures in which no face is found, if the extra 'landmarks' is installed.",
)
@flag("--features", help="Keep what the classifier sees of each picture, for hidden-slices.")
@click.option(
    "--precision",
    default="fast",
    type=click.Choice(["fast", "exact"]),
    help="Let an accelerator or ONNX Runtime (extra 'onnx') compute it, or the processor alone.",
)
@click.option(
    "--engine",
    default="local",
    type=click.Choice(["local", "ray"]),
    help="On this machine, or on a Ray cluster (extra 'ray').",
)
@click.option("--address", help="Of the Ray cluster; without one, it is this machine alone.")
@example(
    "faceaudit score bundled:default manifest.parquet -o scores.parquet",
    "faceaudit score detector.onnx manifest.parquet -o scores.parquet --preprocess imagenet",
    "faceaudit score python:my_detector.py:judge manifest.parquet -o scores.parquet",
    "faceaudit score bundled:default manifest.parquet --shard 3/8 -o part-3.parquet",
)
def score(model: str, manifests: Sequence[Path], out: Path, **options: Any) -> None:
    """Score manifests with a classifier.

    MODEL is a model directory or 'bundled:NAME' ('bundled:default' is the best one), an ONNX file,
    'python:FILE.py:FUNCTION', or what else docs/detectors.md lists. An image that cannot be read
    gets a status and no score; it never stops the run.
    """
    from faceaudit.scoring import score as run

    terminal.print_scores(run(model, manifests, out, progress=True, **options), out)


@main.command()
@click.argument("parts", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", required=True, type=PATH, help="The scores to write (Parquet).")
@example("faceaudit join part-*.parquet -o scores.parquet")
def join(parts: Sequence[Path], out: Path) -> None:
    """Put the parts of a run together that 'score --shard' has scored.

    The scores are those of a run on one machine, row for row. A part that is missing, or is of
    another run, is refused.
    """
    from faceaudit.scoring import join as run

    terminal.print_scores(run(parts, out), out)


@main.group()
@example("faceaudit model describe resnet50.safetensors")
def model() -> None:
    """Describe weights from elsewhere."""


@model.command("describe")
@click.argument("weights", type=PATH)
@click.option("--arch", help="A timm or torchvision architecture; the common ones are tried.")
@flag("--trust-pickle", help="Take weights that are a pickle.")
@example("faceaudit model describe resnet50.safetensors")
def describe_model(weights: Path, **options: Any) -> None:
    """Write a draft of model.json beside a state dict (extra 'model').

    It says which network the weights are of, and how pictures are prepared for it.
    """
    from faceaudit.scoring.description import write_draft

    path, to_do = write_draft(weights, **options)
    click.echo(f"description: {path}")
    for sentence in to_do:
        click.echo(f"note: {sentence}")


# --- scores to answers ---------------------------------------------------------------------


def _parse_map(
    ctx: click.Context, param: click.Parameter, pairs: Sequence[str]
) -> dict[str, list[str]]:
    mapping: dict[str, list[str]] = {}
    for pair in pairs:
        # The name of a variant's column has such signs in it: p_ai[jpeg=85]=COLUMN.
        parts = re.fullmatch(r"(p_ai\[.+?\]|[^=]+)=(.+)", pair)
        if parts is None:
            raise click.BadParameter(f"{pair!r} is not of the form NAME=COLUMN")
        mapping.setdefault(parts[1], []).append(parts[2])
    return mapping


_READING = with_options(
    many(
        "--map",
        "mapping",
        callback=_parse_map,
        metavar="NAME=COLUMN",
        help="Our name for a column of the file; repeatable, also for a name that tables write "
        "differently.",
    ),
    many(
        "--missing",
        metavar="WORD",
        help="A word that says that a value is missing; repeatable. Else only an empty cell does.",
    ),
    many(
        "--ai-label",
        metavar="WORD",
        help="What the file calls AI-generated, as 1 or fake; every other label is real then.",
    ),
    click.option(
        "--score-is",
        type=click.Choice(["probability", "logit", "percent", "p-real"]),
        default="probability",
        help="What the scores are; p-real: of being real.",
    ),
    many(
        "--tags",
        type=PATH,
        metavar="TABLE",
        help="A table of the same images, as a manifest, whose tags are joined; repeatable.",
    ),
)
_INCLUDE_TRAINING = flag("--include-training", help="Count images seen in training too.")
_NO_IMAGES = flag("--no-images", help="Leave out every picture.")


def _parse_places(
    ctx: click.Context, param: click.Parameter, given: Sequence[str]
) -> list[tuple[str | None, Path]]:
    places: list[tuple[str | None, Path]] = []
    for text in given:
        dataset, separator, folder = text.partition("=")
        named = separator and dataset and not {"/", "\\"} & set(dataset)
        places.append((dataset, Path(folder)) if named else (None, Path(text)))
    return places


@main.command()
@click.argument("scores", nargs=-1, required=True, type=PATH)
@click.option(
    "-o",
    "--out",
    type=PATH,
    default=Path("my-audit.yaml"),
    help="The specification to write; none that is there is overwritten.",
)
@_INCLUDE_TRAINING
@_READING
@example("faceaudit init scores.csv -o my-audit.yaml")
def init(scores: Sequence[Path], out: Path, **options: Any) -> None:
    """Write a specification to begin with, from what is in the scores.

    It asks about every tag that makes a few groups, and tells in comments how many images each
    has, which combinations are large enough, and what it leaves out. Change what you like.
    """
    terminal.print_draft(api.init(scores, out, **options))


@main.command()
@click.argument("scores", nargs=-1, required=True, type=PATH)
@click.option(
    "--spec",
    shell_complete=cli_completion.specs,
    help="A specification (YAML), or the name of a ready one; without it, every tag is compared.",
)
@click.option("-o", "--out", required=True, type=PATH, help="Folder for the results.")
@click.option("--where", default=None, help="Compare this slice with the rest.")
@_INCLUDE_TRAINING
@click.option("--threshold", type=click.FloatRange(0, 1), help="AI is a score of at least this.")
@click.option("--name", help="What to call the classifier.")
@_READING
@_NO_IMAGES
@many(
    "--images-from",
    callback=_parse_places,
    metavar="[DATASET=]FOLDER",
    help="Where the images lie, for the report's pictures; repeatable. Without it, pictures are "
    "shown of data sets that were indexed on this machine.",
)
@click.option(
    "--check-same",
    type=PATH,
    metavar="AUDIT_JSON",
    help="Say what differs from an earlier result. Exit code 1: a verdict or a number does.",
)
@PRINTING
@example(
    "faceaudit audit scores.csv --spec utkface-demographics -o out",
    "faceaudit audit scores.csv --spec utkface-demographics -o out --json | jq .status",
)
def audit(
    scores: Sequence[Path],
    spec: str | None,
    out: Path,
    no_images: bool,
    check_same: Path | None,
    verbose: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Audit scores: whom does the classifier get wrong?

    Writes OUT/audit.json and OUT/report.html, and prints the answer on one screen.
    """
    from faceaudit.result import read_audit

    # Before the work is done, and before it is overwritten.
    earlier = read_audit(check_same) if check_same else None
    result = api.audit(scores, spec, out, images=not no_images, **options)
    if spec is None:
        note = "no --spec: every tag is compared; 'faceaudit init' writes one to choose from"
        click.echo(f"note: {note}", err=True)
    beside = api.check_same(earlier, result) if earlier else None
    terminal.print_result(result, out, verbose=verbose, as_json=as_json, beside=beside)
    if beside is not None:
        sys.exit(beside.code)


@main.command()
@click.argument("scores", nargs=-1, required=True, type=PATH)
@click.option(
    "--spec",
    shell_complete=cli_completion.specs,
    help="A specification; without one, every tag is compared.",
)
@click.option("-o", "--out", required=True, type=PATH, help="Folder for the results.")
@many(
    "--score-column",
    "score_columns",
    metavar="COLUMN",
    help="Where the scores are (as --map p_ai=COLUMN), once for each classifier.",
)
@many("--name", "names", help="What to call it, once for each.")
@click.option(
    "--no-worse-by",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Judge whether the second errs more often by at most this (0.02 is 2 points), over all "
    "images and in every group.",
)
@_INCLUDE_TRAINING
@_READING
@PRINTING
@example(
    "faceaudit compare old.parquet new.parquet -o out",
    "faceaudit compare old.parquet new.parquet --no-worse-by 0.02 -o out",
    "faceaudit compare old.parquet new.parquet -o out --json | jq .verdict",
)
def compare(scores: Sequence[Path], verbose: bool, as_json: bool, **options: Any) -> None:
    """Compare classifiers on the same images, in tables of their own or columns of one.

    Writes OUT/compare.json and OUT/report.html, and prints the answer on one screen.
    """
    result = api.compare(*scores, **options)
    terminal.print_result(result, options["out"], verbose=verbose, as_json=as_json)


@main.command()
@click.argument("result_json", type=PATH)
@click.option("-o", "--out", type=PATH, help="The report; beside the result if not given.")
@click.option(
    "--format",
    default="html",
    metavar="NAME",
    help="html, junit, markdown, annex, or what an installed package adds.",
)
@flag("--open", "open_it", help="Open the report in a browser.")
@_NO_IMAGES
@AS_JSON
@example(
    "faceaudit report out/audit.json --no-images -o share.html",
    "faceaudit report out/audit.json --json | jq .report",
)
def report(
    result_json: Path, open_it: bool, no_images: bool, as_json: bool, **options: Any
) -> None:
    """Draw the report of a result again.

    RESULT_JSON is an audit.json or compare.json, or a folder, for a page that lists its reports.
    """
    path = api.report(result_json, images=not no_images, **options)
    if as_json:
        terminal.print_json({"report": path})
    else:
        click.echo(f"report: {path}")
    if open_it:
        click.launch(str(path))


@main.command()
@click.argument("model", required=False)
@many("--audit", "audits", type=PATH, metavar="AUDIT_JSON", help="An audit of it; repeatable.")
@click.option("-o", "--out", required=True, type=PATH, help="The card to write (Markdown).")
@example(
    "faceaudit card bundled:default --audit out/audit.json -o card.md",
    "faceaudit card --audit out/audit.json --audit out-glasses/audit.json -o card.md",
)
def card(model: str | None, audits: Sequence[Path], out: Path) -> None:
    """Write a model card from a model directory, audits, or both.

    What only people can say is marked as not supplied, with what to write there. A card that is
    there already is not written over.
    """
    click.echo(f"card: {api.card(model, audits, out)}")


@main.command()
@click.argument("result_json", type=PATH)
@click.option("--baseline", type=PATH, help="An earlier audit.json: only new failures count.")
@flag("--accept-changes", help="Even if the baseline was audited otherwise.")
@click.option(
    "--undecided",
    type=click.Choice(["pass", "fail", "3"]),
    default="3",
    help="What insufficient evidence counts as.",
)
@click.option("--junit", type=PATH, help="Write the verdicts as JUnit XML.")
@click.option("--markdown", type=PATH, help="Write the verdicts as Markdown.")
@flag("--github", help="Print annotations for GitHub Actions in place of the table.")
@AS_JSON
@example(
    "faceaudit gate out/audit.json --junit verdicts.xml",
    "faceaudit gate out/compare.json --markdown verdicts.md --github",
    "faceaudit gate out/audit.json --json | jq '.outcomes[] | select(.code == 1)'",
)
def gate(result_json: Path, github: bool, as_json: bool, **options: Any) -> None:
    """Turn an audit, or a comparison with margins, into an exit code, for CI.

    0: every verdict is a pass; 1: one fails; 3: the evidence is insufficient, or no limit was
    judged; 2: the call itself is wrong. With a baseline, failures count gap by gap: what failed
    there does not count again, unless it is worse by more than chance.
    """
    if github and as_json:
        raise click.UsageError("--github and --json print different things: give one of them")
    decision = api.gate(result_json, **options)
    terminal.print_decision(decision, as_json=as_json, github=github)
    sys.exit(decision.code)


main.add_command(study)


# --- to look at ----------------------------------------------------------------------------


@main.command()
@click.option("--host", default="127.0.0.1", help="Elsewhere needs --token.")
@click.option("--port", default=8000, type=click.IntRange(1, 65535), help="On which it listens.")
@click.option("--token", envvar="FACEAUDIT_TOKEN", help="What every request must bring.")
@click.option(
    "--token-file",
    type=PATH,
    help="File that holds the token, which nobody then sees.",
)
@click.option(
    "--reports",
    type=PATH,
    default=Path("reports"),
    help="Folder of reports to show, and where new ones go.",
)
@many(
    "--model",
    "models",
    shell_complete=cli_completion.models,
    help="A model to offer; all bundled ones.",
)
@many(
    "--scores",
    type=PATH,
    help="Scores to explore; those of a served model also say what its predictions are worth.",
)
@_NO_IMAGES
@flag("--trust-pickle", help="Take a model that is a pickle.")
@example("faceaudit serve --reports reports")
def serve(models: Sequence[str], no_images: bool, token_file: Path | None, **options: Any) -> None:
    """Judge pictures and read reports in a browser (extra 'web').

    Nothing that is uploaded is stored.
    """
    from faceaudit.files import text_of
    from faceaudit.web import serve as run

    if token_file is not None:
        if options["token"] is not None:
            raise FaceAuditError("--token-file: --token or FACEAUDIT_TOKEN is given too; give one")
        try:
            options["token"] = text_of(token_file).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise FaceAuditError(f"--token-file {token_file}: cannot be read ({error})") from None
    run(models=models or None, images=not no_images, **options)


@main.command()
@click.option(
    "-o", "--out", type=PATH, default=Path("faceaudit-demo"), help="Folder for the reports."
)
@example("faceaudit demo -o reports/demo")
def demo(out: Path) -> None:
    """Show it all on what comes with faceaudit: no data, no network.

    Audits the recorded scores of three classifiers on thousands of real photographs: who is
    accused, whether it is the person or the picture, what was done about it, and what that
    changed. Scores the bundled AI-generated faces.
    """
    from faceaudit.demo import demo as run

    terminal.print_demo(run(out, say=lambda text: click.echo(f"{text} …", err=True)))
