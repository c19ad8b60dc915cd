"""The description of the JSON interface, its answers taken from the types that make them."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from faceaudit.result import Result
from faceaudit.web.audits import Job
from faceaudit.web.judging import Judgement
from faceaudit.web.uploads import MAX_PICTURE_BYTES, MAX_PICTURES
from faceaudit.web.worth import PEOPLE_TAGS, Worth

_TEXT = {"type": "string"}
_OBJECTS = {"type": "array", "items": {"type": "object"}}


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 description."""
    models = (Judgement, Worth, Job, Result)
    _, schemas = models_json_schema(
        [(model, "serialization") for model in models],
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
                    _OBJECTS,
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
                    {"type": "array", "items": _ref("Judgement")},
                    form={
                        "pictures": {"type": "array", "items": _file()},
                        "model": {"type": "array", "items": _TEXT},
                        **dict.fromkeys(PEOPLE_TAGS, _TEXT),
                    },
                    required=["pictures"],
                )
            },
            "/api/reports": {"get": _operation("The results in the folder of reports", _OBJECTS)},
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


def _file() -> dict[str, Any]:
    return {"type": "string", "format": "binary"}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


def _people() -> list[dict[str, Any]]:
    return [{"name": tag, "in": "query", "schema": _TEXT} for tag in PEOPLE_TAGS]
