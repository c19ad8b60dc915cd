"""Each command as one call: files in, files out. This is the public Python API.

All return what they wrote, so that a script can go on from there without reading files again, and
raise `FaceAuditError` for an input that is unusable, with a sentence fit to be shown.
Work on tables in memory is in the modules that they call (`faceaudit.runner.audit`, …).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

if TYPE_CHECKING:
    from faceaudit.decision import Decision
    from faceaudit.reading.meaning import ScoreIs
    from faceaudit.result import Result
    from faceaudit.spec import Spec
    from faceaudit.tables import Scores


class Reading(TypedDict, total=False):
    """How tables are read that are not as ours; see `faceaudit.tables.read_scores`."""

    #: Our column name to the file's, for tables with other headings.
    mapping: Mapping[str, str]
    #: Words that say that a value is missing, besides those of the specification.
    missing: Sequence[str]
    #: What the file calls AI-generated.
    ai_label: Sequence[str]
    score_is: ScoreIs
    #: Tables of the same images whose tags are joined.
    tags: Sequence[Path | str]


def audit(
    scores: Sequence[Path | str],
    spec: str | Path,
    out: Path | str,
    *,
    where: str | None = None,
    include_training: bool = False,
    threshold: float | None = None,
    name: str | None = None,
    images: bool = True,
    images_from: Sequence[tuple[str | None, Path | str]] = (),
    **reading: Unpack[Reading],
) -> Result:
    """Audit scores and write ``audit.json`` and ``report.html`` into a folder.

    Parameters
    ----------
    scores : sequence of Path or str
        Scores tables of one classifier, of any kind that `faceaudit.reading.formats` reads.
    spec : str or Path
        A specification's file, or the name of a ready one.
    out : Path or str
        Folder for the results; made if it is not there.
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
    from faceaudit.errors import validated
    from faceaudit.runner import audit as run_audit
    from faceaudit.spec import Spec, find_spec
    from faceaudit.tables import concat_scores, renamed
    from faceaudit.thumbnails import PicturesAtHand, add_thumbnails

    chosen = find_spec(spec)
    words = [*chosen.missing, *reading.get("missing", ())]
    # So that a result says it, and another audit can be held against it.
    given: dict[str, object] = {"missing": list(dict.fromkeys(words))}
    if include_training:
        given["include_training"] = True
    if threshold is not None:
        given["threshold"] = threshold
    chosen = validated(Spec, chosen.model_dump() | given, f"{chosen.name}: ")
    parts = _read(scores, chosen, reading)
    together = concat_scores(parts) if len(parts) > 1 else parts[0]
    if name is not None:
        together = renamed(together, name)
    at_hand = PicturesAtHand(together.table, images_from) if images else None
    result = run_audit(together, chosen, where=where)
    if at_hand is not None:
        add_thumbnails(result, at_hand)
    _write(result, Path(out), "audit.json", images)
    return result


def compare(
    *scores: Path | str,
    out: Path | str,
    spec: str | Path | None = None,
    score_columns: Sequence[str] = (),
    names: Sequence[str] = (),
    include_training: bool = False,
    **reading: Unpack[Reading],
) -> Result:
    """Compare classifiers on the same images; write ``compare.json`` and ``report.html``.

    Parameters
    ----------
    *scores : Path or str
        A scores table of each classifier, or one table with a column of each; only images that
        all of them scored are compared.
    out : Path or str
        Folder for the results.
    spec : str or Path, optional
        Whose attributes, intersections and rows to use; without one, every tag.
    score_columns : sequence of str
        The column with the scores of each classifier.
    names : sequence of str
        What to call each; else they are called after the columns, or the files.
    include_training : bool
        Count images that one of them was trained on too.
    **reading : Reading
        How all tables are to be read.
    """
    from faceaudit.comparison.runner import compare as run_compare
    from faceaudit.errors import FaceAuditError
    from faceaudit.spec import find_spec
    from faceaudit.wording import counted

    paths = [Path(path) for path in scores]
    columns: Sequence[str | None] = score_columns or [None] * len(paths)
    one_file = len(paths) == 1
    if len(columns) < 2 or not (one_file or len(columns) == len(paths)):
        raise FaceAuditError(
            f"{', '.join(map(str, paths))}: name the column of each classifier, as in "
            f"--score-column a --score-column b{', or a second table' if one_file else ''}"
        )
    called = list(names) or (list(score_columns) if one_file else _names(paths))
    if len(called) != len(columns) or len(set(called)) < len(called):
        raise FaceAuditError(
            f"compare needs {counted(len(columns), 'name')} that differ, not "
            f"{' and '.join(map(repr, called))}; give --name for each"
        )
    chosen = find_spec(spec) if spec else None
    # Read for one classifier, the others' scores look like tags.
    others = {column for column in score_columns if one_file} - {"p_ai"}
    sides = [
        _read_column(path, column, others, chosen, reading)
        for path, column in zip(paths * len(columns) if one_file else paths, columns, strict=True)
    ]
    if len(sides) > 2:
        raise FaceAuditError(f"compare takes two classifiers, not {len(sides)}")
    first, second = sides
    result = run_compare(
        first, second, chosen, names=(called[0], called[1]), include_training=include_training
    )
    _write(result, Path(out), "compare.json", images=False)
    return result


def _read_column(
    path: Path, column: str | None, others: AbstractSet[str], spec: Spec | None, reading: Reading
) -> Scores:
    """Read the scores of one classifier, which may be in a column of their own."""
    from faceaudit.errors import FaceAuditError
    from faceaudit.tables import Scores

    mapping = {**reading.get("mapping", {}), **({"p_ai": column} if column else {})}
    try:
        (scores,) = _read([path], spec, {**reading, "mapping": mapping})
    except FaceAuditError as error:
        if column is None:
            raise
        option = f"--map p_ai={column}:"
        raise FaceAuditError(str(error).replace(option, f"--score-column {column}:")) from None
    kept = [name for name in scores.table.column_names if name not in others]
    return Scores(scores.table.select(kept), scores.info)


def _names(paths: Sequence[Path]) -> list[str]:
    """Call files by as little of their paths as tells them apart."""
    short = [path.stem for path in paths]
    long = [f"{path.parent.name}/{path.stem}" for path in paths]
    numbered = [f"{name} ({i})" for i, name in enumerate(short, 1)]
    return next(names for names in (short, long, numbered) if len(set(names)) == len(paths))


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
    from faceaudit.files import atomic_file
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
    result = read_result(result_json)
    target = Path(out or Path(result_json).with_name(f"report{chosen.suffix}"))
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
    audit_json: Path | str,
    *,
    baseline: Path | str | None = None,
    junit: Path | str | None = None,
    markdown: Path | str | None = None,
    accept_changes: bool = False,
) -> Decision:
    """Hold an audit against its limits; see `faceaudit.decision.gate` for the exit codes."""
    from faceaudit.decision import gate as run_gate
    from faceaudit.decision import read_audit
    from faceaudit.report.junit import write_junit
    from faceaudit.report.markdown import write_markdown

    result = read_audit(audit_json)
    earlier = read_audit(baseline) if baseline is not None else None
    decision = run_gate(result, earlier, accept_changes=accept_changes)
    if junit is not None:
        write_junit(result, junit, decision.outcomes)
    if markdown is not None:
        write_markdown(result, markdown, decision.outcomes)
    return decision


def _read(paths: Sequence[Path | str], spec: Spec | None, reading: Reading) -> list[Scores]:
    """Read scores, with the specification's words for "missing" besides the given ones."""
    from faceaudit.tables import read_scores, read_tags

    of_all: dict[str, Any] = {
        "mapping": reading.get("mapping"),
        "missing": [*(spec.missing if spec else ()), *reading.get("missing", ())],
        "ai_label": reading.get("ai_label", ()),
    }
    tags = [read_tags(path, **of_all) for path in reading.get("tags", ())]
    score_is = reading.get("score_is", "probability")
    return [read_scores(path, **of_all, score_is=score_is, tags=tags) for path in paths]


def _write(result: Result, folder: Path, name: str, images: bool) -> None:
    from faceaudit.report.html import write_html
    from faceaudit.result import write_result

    # The result first: a report can be drawn again from it, the other way is lost work.
    write_result(folder / name, result)
    write_html(result, folder / "report.html", images=images)
