"""A model card, from a model directory and audits; what only people know stays open.

Its sections are those of Mitchell et al., "Model Cards for Model Reporting" (2019); its front
matter is that of a card on the Hugging Face hub.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from faceaudit import wording as say
from faceaudit.error_rates import ERROR_RATES
from faceaudit.errors import FaceAuditError
from faceaudit.files import sha256_of
from faceaudit.model.records import WEIGHTS_FILE, ModelRecord, read_record
from faceaudit.report.answers import DOCUMENTS, Told, answer, facts, table
from faceaudit.report.markdown import escaped, markdown_environment
from faceaudit.result import Result
from faceaudit.tables import library_versions

_TASK = {
    "type": "image-classification",
    "name": "telling AI-generated face images from photographs",
}


def to_card(model: Path | None, audits: Sequence[Result]) -> str:
    """Return the card as Markdown, everything from outside escaped.

    Raises
    ------
    FaceAuditError
        If there is neither a model nor an audit, or they are of different classifiers.
    """
    import yaml
    from markupsafe import Markup

    record = None if model is None else read_record(model)
    weights = None if model is None else model / WEIGHTS_FILE
    sha256 = sha256_of(weights) if weights is not None and weights.is_file() else None
    name = _one_classifier(record, sha256, audits)
    of_record = {} if record is None else _of_record(record, sha256)
    if record is not None and any(not _hash(audit) for audit in audits):
        of_record["classifier"].append(
            "Scores of an audit do not say by a hash which classifier gave them: that it was this "
            "model is the word of who made this card."
        )
    words = DOCUMENTS["card"]
    sections = {
        title: [
            {
                "title": item,
                "missing": missing,
                "told": [([], of_record[id])] if id in of_record else _of_audits(id, audits),
            }
            for id, item, missing in items
        ]
        for title, items in words["sections"].items()
    }
    named = [f"the audit {audit.name} of {audit.created[:10]}" for audit in audits]
    front: dict[str, Any] = {"pipeline_tag": _TASK["type"], "tags": ["faceaudit", "face"]}
    if results := [of for of in map(_evaluation, audits) if of["metrics"]]:
        front["model-index"] = [{"name": name, "results": results}]
    return (
        markdown_environment()
        .get_template("card.md.j2")
        .render(
            front=Markup(f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---\n"),
            name=name,
            words=words,
            version=library_versions()["faceaudit"],
            sources=escaped(", ".join([*(["model.json"] if record else []), *named])),
            sections=sections,
        )
    )


def _hash(audit: Result) -> str | None:
    model = audit.scores[0].model
    return model.sha256 if model else None


def _one_classifier(
    record: ModelRecord | None, sha256: str | None, audits: Sequence[Result]
) -> str:
    """Return what the classifier is called; all must be of one, as far as they say which."""
    if record is None and not audits:
        raise FaceAuditError("a card is of something: give a model directory, --audit, or both")
    hashes = {of for of in (sha256, *map(_hash, audits)) if of}
    unknown = {audit.scores[0].name for audit in audits if not _hash(audit)}
    if len(hashes) > 1 or (record is None and len(unknown) + len(hashes) > 1):
        names = [*([record.id] if record else []), *(audit.scores[0].name for audit in audits)]
        told = ", ".join(f"'{name}'" for name in dict.fromkeys(names))
        raise FaceAuditError(
            f"a card is of one classifier, and these are of several ({told}; by the SHA-256 of "
            f"their weights {len(hashes)}): make one card for each"
        )
    return record.id if record else audits[0].scores[0].name


def _of_audits(item: str, audits: Sequence[Result]) -> list[tuple[list[str], list[Told]]]:
    """Return what audits tell to an item, once where several tell the same, with their titles."""
    found: list[tuple[list[str], list[Told]]] = []
    for audit in audits:
        told = answer(item, audit)
        if same := [titles for titles, of in found if of == told]:
            same[0].append(audit.title)
        elif told:
            found.append(([audit.title], told))
    return [([] if len(titles) == len(audits) else titles, told) for titles, told in found]


def _of_record(record: ModelRecord, sha256: str | None) -> dict[str, list[Told]]:
    """Return what a model directory tells, by item."""
    made: dict[str, object] = {
        "name": record.id,
        "architecture": f"{record.architecture} ({record.library})",
        "SHA-256 of the weights": sha256,
        "input": f"{record.input.size} pixels a side; {record.input.resize}",
        "its own threshold": f"{record.threshold:g}, {record.threshold_rule}",
    }
    told: dict[str, list[Told]] = {"classifier": [*facts("Model", made)]}
    if record.training is not None:
        told["training"] = list(_training(record))
    return told


def _training(record: ModelRecord) -> Iterator[Told]:
    if (of := record.training) is None:
        return
    rows = [(name, n.get("real"), n.get("ai")) for name, n in of.images.items()]
    heads = "data set; real photographs:count; AI-generated faces:count"
    yield from table("Images of training and validation", heads, rows)
    how: dict[str, object] = {
        "images trained on": f"{of.n_training:,}",
        "images held out": f"{of.n_validation:,}",
        "initial weights": of.initial_weights,
        "epochs": of.epochs,
        "batch size": of.batch_size,
        "learning rate": of.learning_rate,
        "seed": of.seed,
    }
    yield from facts("Training", how)
    held_out = of.validation
    rows = [
        ("real photographs", held_out.real_called_real, held_out.real_called_ai),
        ("AI-generated faces", held_out.ai_called_real, held_out.ai_called_ai),
    ]
    heads = "images held out; called real:count; called AI-generated:count"
    yield from table("Validation, on images like those of training", heads, rows)


def _evaluation(audit: Result) -> dict[str, Any]:
    """Return an audit as one result of a model index."""
    confidence = audit.spec.get("confidence", 0.95)
    metrics: list[dict[str, Any]] = []
    for of in audit.answer.overall if audit.answer else []:
        if (rate := ERROR_RATES.get(of.rate)) is None:
            continue
        told = f"{rate.name}: {of.events:,} of {say.counted(of.n, rate.image)} {rate.error}"
        if of.low is not None and of.high is not None:
            told += f" ({say.percent_range(of.low, of.high, confidence)})"
        metrics.append({"type": of.rate, "name": told, "value": of.value})
    data = ", ".join(audit.scores[0].datasets)
    dataset = {"type": audit.name, "name": f"{audit.title} ({data})"}
    return {"task": {**_TASK}, "dataset": dataset, "metrics": metrics}
