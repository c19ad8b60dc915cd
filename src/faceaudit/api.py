"""Each command as one call: files or tables in memory in, objects out. The public Python API.

What is written is written where the caller says, and returned too, so that a script can go on from
there. All raise `FaceAuditError` for an input that is unusable, with a sentence fit to be shown.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

if TYPE_CHECKING:
    from faceaudit.decision import Decision, Undecided
    from faceaudit.draft import Draft
    from faceaudit.given import Called, Reading
    from faceaudit.notebook import Result
    from faceaudit.one_or_many import Word
    from faceaudit.reproduction import Reproduction
    from faceaudit.result import Result as BaseResult
    from faceaudit.spec import SpecLike
    from faceaudit.tables import Readable


def audit(
    scores: Readable | Iterable[Readable] | None = None,
    spec: SpecLike | None = None,
    out: Path | str | None = None,
    *,
    y_true: Any = None,
    y_score: Any = None,
    y_pred: Any = None,
    sensitive_features: Any = None,
    pos_label: Word | None = None,
    where: str | None = None,
    include_training: bool = False,
    threshold: float | None = None,
    name: str | None = None,
    images: bool = True,
    images_from: Sequence[tuple[str | None, Path | str]] = (),
    **reading: Unpack[Reading],
) -> Result:
    """Audit scores, and write ``audit.json`` and ``report.html`` if a folder is named.

    Parameters
    ----------
    scores : path, table in memory or Scores, or several of them
        Scores of one classifier: files of any kind that `faceaudit.reading.formats` reads, or
        tables in memory as in `faceaudit.reading.frames`.
    spec : Spec, path, str, mapping or sequence of str, optional
        A specification, its file, the name of a ready one, its keys, or the tags to compare.
        Without one every tag that makes a few groups is compared, which the result says.
    out : path, optional
        Folder for the results, made if it is not there; without it nothing is written.
    y_true, y_score, y_pred, sensitive_features, pos_label
        In the place of `scores`, as scikit-learn and fairlearn have them: see
        `faceaudit.reading.arrays.table_of_arrays`. A label of 1 is AI-generated.
    where : str, optional
        A slice to compare with the rest, for instance ``"race == 'Indian' and age >= 40"``.
    include_training : bool
        Count the images that the classifier was trained on too.
    threshold : float, optional
        An image is called AI when its score is at least this; goes before the specification's.
    name : str, optional
        What to call the classifier.
    images : bool
        Whether thumbnails of the worst errors may go into the results.
    images_from : sequence of (str or None, path)
        Data set (None for all) and the folder or archive that holds its images. Without it,
        pictures are shown of data sets that were indexed on this machine, and no others.
    **reading : Reading
        How the tables are to be read.
    """
    from faceaudit.errors import FaceAuditError, validated
    from faceaudit.files import expect_writable, sha256_of
    from faceaudit.given import every_tag, read_given, refuse_no_text, with_names
    from faceaudit.notebook import Result
    from faceaudit.one_or_many import as_words, listed
    from faceaudit.python_words import worded_for_python
    from faceaudit.reading.arrays import table_of_arrays
    from faceaudit.report.visible import without_pictures
    from faceaudit.result import files_in
    from faceaudit.runner import audit as run_audit
    from faceaudit.schema import Input
    from faceaudit.spec import Spec, as_spec, spec_file
    from faceaudit.tables import concat_scores, renamed
    from faceaudit.thumbnails import PicturesAtHand, add_thumbnails

    arrays = (y_true, y_score, y_pred, sensitive_features, pos_label)
    notes: list[str] = []
    if any(array is not None for array in arrays):
        if scores is not None:
            raise FaceAuditError("give scores, or y_true and the like, but not both")
        scores, notes = table_of_arrays(*arrays)
    if not (given := [] if scores is None else listed(scores)):
        raise FaceAuditError("no scores were given; give a table, or y_true and y_score")
    if out is not None:
        read = [*given, spec, *listed(reading.get("tags", ()))]
        expect_writable(*files_in(out, "audit"), inputs=read)
    with worded_for_python(given, "y_score" if notes else "column 'p_ai'"):
        chosen = None if spec is None else as_spec(spec)
        parts = read_given(with_names(given), chosen, reading, where=where, in_parts=True)
        together = concat_scores(parts)
        together.info.notes[:0] = notes
        if name is not None:
            refuse_no_text("name", [name])
            together = renamed(together, name)
        if chosen is None:
            chosen, together = every_tag(together, of_features=bool(notes))
        words = [*chosen.missing, *as_words(reading.get("missing", ()))]
        # So that a result says it, and another audit can be held against it.
        said: dict[str, object] = {"missing": list(dict.fromkeys(words))}
        if include_training:
            said["include_training"] = True
        if threshold is not None:
            said["threshold"] = threshold
        chosen = validated(Spec, chosen.model_dump() | said, f"{chosen.name}: ")
        at_hand = PicturesAtHand(together, images_from) if images else None
        result = run_audit(together, chosen, where=where)
    if isinstance(spec, Path | str):
        file = spec_file(spec)
        result.inputs.append(Input(role="specification", name=file.name, sha256=sha256_of(file)))
    if at_hand is not None:
        add_thumbnails(result, at_hand)
    else:
        result = without_pictures(result)
    if out is not None:
        from faceaudit.report.html import write_with_page

        write_with_page(result, out, images=images)
    return Result.of(result)


def init(
    scores: Path | str | Sequence[Path | str],
    out: Path | str = "my-audit.yaml",
    *,
    include_training: bool = False,
    **reading: Unpack[Reading],
) -> Draft:
    """Write a specification to begin with, from what is in the scores.

    Parameters
    ----------
    scores : Path or str, or several
        Scores tables of one classifier.
    out : Path or str
        The specification; a file that is there already is refused.
    include_training : bool
        Count the images that the classifier was trained on too.
    **reading : Reading
        How the tables are to be read.
    """
    from faceaudit.draft import Draft, draft
    from faceaudit.errors import FaceAuditError
    from faceaudit.files import expect_writable, write_text
    from faceaudit.given import read_given, with_names
    from faceaudit.one_or_many import as_words, listed
    from faceaudit.spec import parse_spec
    from faceaudit.tables import concat_scores

    path = Path(out)
    if path.exists():
        raise FaceAuditError(f"{path}: is there already; remove it, or name another file with -o")
    given = listed(scores)
    expect_writable(path)
    together = concat_scores(read_given(with_names(given), None, reading, in_parts=True))
    command = _audit_command(given, path, reading)
    words = as_words(reading.get("missing", ()))
    text = draft(together, path.stem, command, missing=words, include_training=include_training)
    write_text(path, text)
    return Draft(path, parse_spec(text, str(path)), command)


def _audit_command(scores: Sequence[Path | str], spec: Path, reading: Reading) -> str:
    """Return the command that audits scores with a specification that knows `missing`."""
    from faceaudit.one_or_many import as_words, listed

    options = [
        *(
            ("--map", f"{ours}={one}")
            for ours, theirs in reading.get("mapping", {}).items()
            for one in listed(theirs)
        ),
        *(("--ai-label", label) for label in as_words(reading.get("ai_label", ()))),
        ("--score-is", reading.get("score_is", "probability")),
        *(("--tags", str(table)) for table in listed(reading.get("tags", ()))),
        ("--spec", str(spec)),
        ("-o", "out"),
    ]
    said = [word for pair in options if pair != ("--score-is", "probability") for word in pair]
    return shlex.join(["faceaudit", "audit", *map(str, scores), *said])


def compare(
    *scores: Readable,
    out: Path | str | None = None,
    spec: SpecLike | None = None,
    score_columns: Sequence[str] = (),
    names: Sequence[str] = (),
    include_training: bool = False,
    no_worse_by: float | None = None,
    **reading: Unpack[Reading],
) -> Result:
    """Compare classifiers on the same images.

    ``compare.json`` and ``report.html`` are written if a folder is named.

    Parameters
    ----------
    *scores : path, table in memory or Scores
        A scores table of each classifier, or one table with a column of each; only images that
        all of them scored are compared.
    out : path, optional
        Folder for the results; without it nothing is written.
    spec : Spec, path, str, mapping or sequence of str, optional
        As `audit` takes it: whose attributes, intersections and rows to use; without one, every
        tag.
    score_columns : sequence of str
        The column with the scores of each classifier.
    names : sequence of str
        What to call each; else they are called after the columns, or the files.
    include_training : bool
        Count images that one of them was trained on too.
    no_worse_by : float, optional
        By how much the error rates may be higher than the first's, over all images and in every
        large group (0.02 is 2 points); goes before the specification's.
    **reading : Reading
        How all tables are to be read.
    """
    from faceaudit.comparison.runner import compare as run_compare
    from faceaudit.errors import FaceAuditError
    from faceaudit.files import expect_writable
    from faceaudit.given import read_given, refuse_no_text, with_names
    from faceaudit.notebook import Result
    from faceaudit.one_or_many import listed
    from faceaudit.python_words import worded_for_python
    from faceaudit.result import files_in
    from faceaudit.spec import as_spec
    from faceaudit.tables import read_raw
    from faceaudit.wording import counted

    tables, of_each = with_names(scores), listed(score_columns)
    columns: Sequence[str | None] = of_each or [None] * len(tables)
    one_table = len(tables) == 1
    if out is not None:
        read = [*scores, spec, *listed(reading.get("tags", ()))]
        expect_writable(*files_in(out, "compare"), inputs=read)
    with worded_for_python(scores):
        if len(columns) < 2 or not (one_table or len(columns) == len(tables)):
            raise FaceAuditError(
                f"{', '.join(place for place, _ in tables) or 'compare'}: name the column of each "
                "classifier, as in --score-column a --score-column b"
                + (", or a second table" if one_table else "")
            )
        refuse_no_text("names", listed(names))
        refuse_no_text("score_columns", of_each)
        called = listed(names) or (of_each if one_table else _names(tables))
        if len(called) != len(columns) or len(set(called)) < len(called):
            raise FaceAuditError(
                f"compare needs {counted(len(columns), 'name')} that differ, not "
                f"{' and '.join(map(repr, called))}; give --name for each"
            )
        chosen = None if spec is None else as_spec(spec)
        if one_table:
            ((place, table),) = tables
            tables = [(place, read_raw(table, place, "scores"))] * len(columns)
        others = of_each if one_table else ()
        sides = [*read_given(tables, chosen, reading, columns, others)]
        result = run_compare(
            sides,
            chosen,
            names=called,
            include_training=include_training,
            no_worse_by=no_worse_by,
        )
    if out is not None:
        from faceaudit.report.html import write_with_page

        write_with_page(result, out, images=False)
    return Result.of(result)


def read(path: Path | str) -> Result:
    """Read an ``audit.json``, ``compare.json`` or ``study.json``."""
    from faceaudit.notebook import Result
    from faceaudit.result import read_result

    return Result.of(read_result(path))


def _names(tables: Sequence[Called]) -> list[str]:
    """Call files by as little of their paths as tells them apart, tables by their classifier."""
    short, long = [], []
    for i, (place, table) in enumerate(tables, 1):
        path = Path(place)
        in_file = isinstance(table, Path | str)
        model = None if in_file else getattr(getattr(table, "info", None), "model", None)
        short.append(path.stem if in_file else model.id if model else f"classifier {i}")
        long.append(f"{path.parent.name}/{path.stem}" if in_file else short[-1])
    numbered = [f"{name} ({i})" for i, name in enumerate(short, 1)]
    return next(names for names in (short, long, numbered) if len(set(names)) == len(names))


def report(
    result_json: Path | str,
    out: Path | str | None = None,
    *,
    format: str = "html",
    images: bool = True,
) -> Path:
    """Draw the report of a result again, or list the reports of a folder.

    Parameters
    ----------
    result_json : Path or str
        ``audit.json``, ``compare.json`` or ``study.json``; or a folder, for a page that lists
        the reports in it.
    out : Path or str, optional
        Where the report goes; ``report.html``, or with the format's ending, beside the result if
        not given. A folder's list is always its ``index.html``.
    format : str
        ``html``, ``junit``, ``markdown``, or one that an installed package adds.
    images : bool
        Whether thumbnails are shown.

    Returns
    -------
    Path
        The page that was written.

    Raises
    ------
    FaceAuditError
        If there is no such format, or the result cannot be written in it.
    """
    from faceaudit.errors import FaceAuditError
    from faceaudit.files import atomic_file, expect_writable
    from faceaudit.plugins import blamed
    from faceaudit.report.base import get_format
    from faceaudit.report.index_page import write_index
    from faceaudit.report.visible import without_pictures
    from faceaudit.result import read_result

    chosen = get_format(format)
    if Path(result_json).is_dir():
        if format != "html":
            raise FaceAuditError(f"{result_json}: the list of a folder's reports is HTML only")
        return write_index(result_json)
    target = Path(result_json).with_name(f"report{chosen.suffix}") if out is None else Path(out)
    expect_writable(target, inputs=[result_json])
    result = read_result(result_json)
    shown = result if images else without_pictures(result)
    with (
        atomic_file(target) as temporary,
        blamed("report format", format, chosen.write.__module__),
    ):
        chosen.write(shown, temporary)
        if temporary.stat().st_size == 0:
            raise ValueError("it wrote nothing")
    return target


def gate(
    result: BaseResult | Path | str,
    *,
    baseline: BaseResult | Path | str | None = None,
    junit: Path | str | None = None,
    markdown: Path | str | None = None,
    accept_changes: bool = False,
    undecided: Undecided | Literal[3] = "3",
) -> Decision:
    """Hold an audit against its limits, or a comparison against its margins.

    See `faceaudit.decision.gate` for the exit codes.
    """
    from faceaudit.decision import gate as run_gate
    from faceaudit.decision import read_judged
    from faceaudit.files import expect_writable, write_text
    from faceaudit.report.junit import write_junit
    from faceaudit.report.markdown import decision_to_markdown

    wanted = [path for path in (junit, markdown) if path is not None]
    expect_writable(*wanted, inputs=[result, baseline])
    judged = read_judged(result)
    earlier = read_judged(baseline) if baseline is not None else None
    decision = run_gate(judged, earlier, accept_changes=accept_changes, undecided=undecided)
    if junit is not None:
        write_junit(judged, junit, decision.outcomes)
    if markdown is not None:
        write_text(markdown, decision_to_markdown(judged, decision))
    return decision


def check_same(earlier: BaseResult | Path | str, later: BaseResult | Path | str) -> Reproduction:
    """Say what differs between two audits that should be the same, the numbers first."""
    from faceaudit.reproduction import reproduction
    from faceaudit.result import read_audit

    return reproduction(read_audit(earlier), read_audit(later))


def card(
    model: Path | str | None,
    audits: BaseResult | Path | str | Iterable[BaseResult | Path | str],
    out: Path | str,
) -> Path:
    """Write a model card in Markdown, in which what only people know is marked as not supplied.

    Parameters
    ----------
    model : Path or str, optional
        A model directory, or ``bundled:NAME``; without it the card tells what the audits do.
    audits : Result, Path or str, or several
        Audits of that classifier.
    out : Path or str
        The card; a file that is there already is refused, for people may have written in it.
    """
    from faceaudit.bundled import resolve_model
    from faceaudit.errors import FaceAuditError
    from faceaudit.files import expect_writable, write_text
    from faceaudit.one_or_many import listed
    from faceaudit.report.card import to_card
    from faceaudit.result import Result, read_audit

    if Path(out).exists():
        raise FaceAuditError(f"{out}: is there already; remove it, or name another file with -o")
    expect_writable(out)
    folder = None if model is None else resolve_model(model)
    given = [audits] if isinstance(audits, Result) else listed(audits)
    return write_text(out, to_card(folder, [read_audit(audit) for audit in given]))
