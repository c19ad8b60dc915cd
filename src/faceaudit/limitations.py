"""What a table of scores cannot carry, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceaudit.checks import AuditInput
from faceaudit.result import CheckResult, LeftOut, ScoresSummary
from faceaudit.stats import IntArray
from faceaudit.stats.clusters import INDEPENDENT
from faceaudit.stats.counts import Images
from faceaudit.tables import Scores, scored, status_counts
from faceaudit.wording import counted, out_of

#: A smaller design effect changes no number that is shown.
SHOWN_EFFECT = 1.01
#: From which AUC on it is said that files tell the label, and below how many images a JPEG table is
#: counted with the other rare ones.
TELLING_AUC, RARE_TABLE = 0.6, 30


def limitations(
    scores: Scores, summary: ScoresSummary, results: Sequence[CheckResult]
) -> list[str]:
    """Say in plain words what these data cannot carry."""
    notes = []
    n = summary.n_real + summary.n_ai
    for images, what, errors in (
        (summary.n_ai, "AI-generated image", "missed AI images"),
        (summary.n_real, "real photograph", "false accusations"),
    ):
        if not images:
            notes.append(f"There is no {what} here, so nothing can be said about {errors}.")
    has_training = "in_training" in scores.table.column_names
    if seen := has_training and int(pc.sum(scored(scores)["in_training"]).as_py() or 0):
        notes.append(
            f"{out_of(seen, n, 'image', ('was', 'were'))} in this classifier's training data, "
            "where its errors are too low to be believed."
        )
    if summary.rows is not None:
        notes += [_left_out_note(left) for left in summary.rows.left_out]
    elif summary.unscored:
        parts = ", ".join(f"{n:,} {status}" for status, n in sorted(summary.unscored.items()))
        notes.append(f"Images without a score are left out of every rate: {parts}.")
    if without_face := status_counts(scores.table).get("no_face"):
        notes.append(
            f"{out_of(without_face, n, 'prediction', ('rests', 'rest'))} on a picture in which "
            f"{scores.info.face_finder or 'a face finder'} found no face. Such predictions "
            "count like the others, for it overlooks faces that look to the side or are cut off."
        )
    notes += scores.info.notes
    if pc.all(pc.is_in(scored(scores)["p_ai"], pa.array([0, 1], pa.float32()))).as_py():
        notes.append(
            "Every score is 0 or 1, a call and no probability: what rests on more than the calls "
            "(other thresholds, ranking, calibration) says nothing new."
        )
    found = [note for result in results for note in result.limitations]
    # What a check found of delivery goes beyond the JPEG table.
    notes += filter(
        None, [_delivery_note(scores.table), None if found else _jpeg_note(scores.table)]
    )
    notes += found
    unanswered = (result for result in results if result.status == "not-estimable")
    return notes + [f"{result.title}: {result.sentence}" for result in unanswered]


def _left_out_note(left: LeftOut) -> str:
    words = {"real": "real", "ai": "AI-generated"}
    by = "; ".join(
        f"{dataset} {', '.join(f'{n:,} {words.get(label, label)}' for label, n in labels.items())}"
        for dataset, labels in left.by.items()
    )
    return f"{counted(left.n, 'row')} left out, {left.reason} ({by})."


def _delivery_note(table: pa.Table) -> str | None:
    if "width" not in table.column_names or "height" not in table.column_names:
        return None
    ends = [(side, end) for side in ("width", "height") for end in ("min", "max")]
    sizes = table.group_by("dataset").aggregate(ends).to_pylist()
    sizes.sort(key=itemgetter("dataset"))
    shown: dict[str, str] = {}
    for row in sizes:
        low, high = ((row[f"width_{end}"], row[f"height_{end}"]) for end in ("min", "max"))
        if None not in (*low, *high):
            span = f"{low[0]}×{low[1]}"
            shown[row["dataset"]] = span if low == high else f"{span} to {high[0]}×{high[1]}"
    if len(set(shown.values())) < 2:
        return None
    told = "; ".join(f"{dataset} {span}" for dataset, span in shown.items())
    return (
        f"The data sets differ in how their pictures were delivered ({told} pixels): a difference "
        "between sets may come from size, crop or compression and not from the people in them."
    )


def _jpeg_note(table: pa.Table) -> str | None:
    """Say how well photographs are told from AI-generated images by how their files were saved."""
    if "jpeg_table" not in table.column_names:
        return None
    saved = table["jpeg_table"]
    if "format" in table.column_names:
        # A file of another type has no table; of a JPEG file without one it is not known.
        named = pc.if_else(pc.equal(table["format"], "JPEG"), None, table["format"])
        saved = pc.coalesce(saved, named)
    table = table.select(["dataset", "label"]).append_column("saved", saved)
    images = Images(table.filter(pc.is_valid(saved)))
    (code, tables), (source, sources) = images.codes("saved"), images.codes("dataset")
    # Rare tables count as one: a picture that is alone with its table tells nothing.
    code = np.where(np.bincount(code, minlength=len(tables))[code] < RARE_TABLE, len(tables), code)
    cell = code + (len(tables) + 1) * np.where(images.is_ai, len(sources), source)
    counts = np.bincount(cell, minlength=(len(tables) + 1) * (len(sources) + 1))
    counts = counts.reshape(-1, len(tables) + 1)
    real, ai = counts[:-1], counts[-1]
    overall = _auc(real.sum(0), ai)
    of_sets = {name: _auc(n, ai) for name, n in zip(sources, real, strict=True) if n.any()}
    if max(overall, *of_sets.values(), 0) < TELLING_AUC:
        return None
    told = "; ".join(f"{name} {auc:.3f}" for name, auc in of_sets.items())
    n_real, n_ai = counted(int(real.sum()), "real photograph"), int(ai.sum())
    return (
        f"The JPEG table alone (how a file was saved, not what is in it) tells {n_real} from "
        f"{counted(n_ai, 'AI-generated image')} with AUC {overall:.3f}, where 0.5 is chance (by "
        f"data set of photographs {told}): a classifier may go by the file and not by the face."
    )


def _auc(real: IntArray, ai: IntArray) -> float:
    """Return the AUC of the share of AI-generated images with the same table as score."""
    order = np.argsort(ai / np.maximum(real + ai, 1))
    real, ai = real[order], ai[order]
    return float(ai @ (np.cumsum(real) - real / 2) / max(ai.sum() * real.sum(), 1))


def dependence_notes(data: AuditInput) -> list[str]:
    """Say what images that hang together are worth, or that nothing was said of those that do."""
    if data.unclustered:
        return [
            f"Images that share a '{data.unclustered}' err alike, and the specification does not "
            "say whether they are of one person or film: every range here may be too narrow, so "
            f"nothing passes or fails. Say cluster: {data.unclustered}, or cluster: {INDEPENDENT}."
        ]
    if data.clusters is None:
        return []
    counts = data.audited(())
    if counts.design_effects is None or counts.design_effects.max() < SHOWN_EFFECT:
        return []
    worth, what = counts.effective, data.spec.cluster
    columns = [what] if what and what != INDEPENDENT else ["person", "video"]
    table = data.table
    named = [of for of in columns if of in table.column_names and table[of].null_count < len(table)]
    if not named or {"copy_of", "sha256"} & {*table.column_names}:
        named.append("copies of one picture")
    parts = [
        f"{counted(int(n[0]), image)} {'is' if n[0] == 1 else 'are'} worth "
        f"{counted(max(1, round(float(of[0]))), 'independent one')} (design effect {effect:.1f})"
        for n, of, image, effect in (
            (counts.n_real, worth.n_real, "real photograph", counts.design_effects[0, 0]),
            (counts.n_ai, worth.n_ai, "AI-generated image", counts.design_effects[1, 0]),
        )
        if n[0]
    ]
    return [
        f"Images hang together ({', '.join(named)}): {'; '.join(parts)}. Ranges and tests count "
        "them so."
    ]
