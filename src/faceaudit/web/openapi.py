"""The description of the JSON interface, its answers taken from the types that make them."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from faceaudit.web.measured_errors import PEOPLE_TAGS
from faceaudit.web.uploads import MAX_PICTURE_BYTES, MAX_PICTURES

_TEXT = {"type": "string"}


@cache
def document(answers: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description.

    Parameters
    ----------
    answers : tuple of pydantic model
        The types of all answers, which the operations below call by name.
    """
    _, schemas = models_json_schema(
        [(answer, "serialization") for answer in answers],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "faceaudit",
            "version": importlib.metadata.version("faceaudit"),
            "description": (
                "Judge pictures of faces as real or AI-generated, with the measured error rates "
                "that say what a verdict is worth; read reports; start audits. If the server "
                "asks for a token, send it as 'Authorization: Bearer TOKEN'. Errors are "
                '{"error": "one line"}.'
            ),
        },
        "paths": {
            "/api/models": {
                "get": _operation(
                    "The models served, their thresholds, and the groups each was audited for",
                    _list("ModelSummary"),
                )
            },
            "/api/models/{model}/worth": {
                "get": _operation(
                    "How often a model was wrong, for people of the groups named",
                    _ref("Worth"),
                    parameters=[_path("model"), *_people()],
                )
            },
            "/api/judge": {
                "post": _operation(
                    f"Judge up to {MAX_PICTURES} pictures of up to "
                    f"{MAX_PICTURE_BYTES // 1_000_000} MB each; none is kept",
                    _list("Judgement"),
                    form={
                        "pictures": {"type": "array", "items": _file()},
                        "model": {
                            "type": "array",
                            "items": _TEXT,
                            "description": "all if left out",
                        },
                        **dict.fromkeys(
                            PEOPLE_TAGS, _TEXT | {"description": "who is pictured, if known"}
                        ),
                    },
                    required=["pictures"],
                )
            },
            "/api/reports": {
                "get": _operation("The results in the folder of reports", _list("ReportSummary"))
            },
            "/api/reports/{path}": {
                "get": _operation("One result, whole", _ref("Result"), parameters=[_path("path")])
            },
            "/api/audits": {
                "post": _operation(
                    "Start an audit of a scores table (.csv or .parquet)",
                    _ref("Job"),
                    status="202",
                    form={
                        "scores": _file(),
                        "spec": _TEXT | {"description": "a ready specification, or every-tag"},
                        "yaml": _TEXT | {"description": "a specification of your own"},
                        "columns": _TEXT | {"description": "NAME=COLUMN, one a line"},
                    },
                    required=["scores"],
                )
            },
            "/api/audits/{id}": {
                "get": _operation("How far an audit is", _ref("Job"), parameters=[_path("id")])
            },
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(
    summary: str,
    answer: dict[str, Any],
    *,
    status: str = "200",
    parameters: list[dict[str, Any]] | None = None,
    form: dict[str, Any] | None = None,
    required: list[str] | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            status: {
                "description": "the answer",
                "content": {"application/json": {"schema": answer}},
            },
            "4XX": {"description": "what was wrong with the request"},
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if form:
        schema = {"type": "object", "properties": form, "required": required or []}
        operation["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": schema}},
        }
    return operation


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name)}


def _file() -> dict[str, Any]:
    return {"type": "string", "format": "binary"}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


def _people() -> list[dict[str, Any]]:
    return [
        {"name": tag, "in": "query", "schema": _TEXT, "description": "one of its audited groups"}
        for tag in PEOPLE_TAGS
    ]
