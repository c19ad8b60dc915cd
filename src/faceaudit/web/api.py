"""The JSON interface: the same answers as the pages, for programs, and its description."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, get_type_hints

from pydantic import BaseModel, TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from faceaudit.result import Result, Status
from faceaudit.web.audits import EVERY_TAG, Job
from faceaudit.web.measured_errors import PEOPLE_TAGS, MeasuredErrors
from faceaudit.web.prediction import Judgement
from faceaudit.web.services import services_of

Handler = Callable[[Request], Awaitable[object]]
Schema = Mapping[str, Any]

_TEXT: Schema = {"type": "string"}
_FILE: Schema = {"type": "string", "format": "binary"}


class Operation(NamedTuple):
    """One address, its answer's type, and what can be sent there."""

    method: str
    route: Route
    summary: str
    answer: TypeAdapter[Any]
    status: int
    query: Mapping[str, str]
    form: Mapping[str, Schema]


OPERATIONS: list[Operation] = []


def operation(
    method: str,
    path: str,
    *,
    status: int = 200,
    query: Mapping[str, str] = {},
    form: Mapping[str, Schema] = {},
) -> Callable[[Handler], Handler]:
    """Put a function at an address; the type that it returns and its docstring describe it.

    `query` and `form` describe what can be sent; the first field of a form is required.
    """

    def add(handler: Handler) -> Handler:
        answer = TypeAdapter(get_type_hints(handler)["return"])

        async def endpoint(request: Request) -> Response:
            content = answer.dump_json(await handler(request), by_alias=True)
            return Response(content, status, media_type="application/json")

        route, summary = Route(path, endpoint, methods=[method]), str(handler.__doc__).strip(".")
        OPERATIONS.append(Operation(method, route, summary, answer, status, query, form))
        return handler

    return add


class ModelSummary(BaseModel):
    """A model that is served."""

    name: str
    architecture: str
    sha256: str
    threshold: float
    threshold_rule: str
    #: The groups that it was audited for: tag -> groups.
    people: dict[str, list[str]]


class ReportSummary(BaseModel):
    """A result in the folder of reports."""

    path: str
    #: Why it cannot be read; then all that follows is null.
    problem: str | None = None
    kind: str | None = None
    created: str | None = None
    name: str | None = None
    title: str | None = None
    status: Status | None = None
    verdict: str | None = None


@operation("GET", "/api/models")
async def models(request: Request) -> list[ModelSummary]:
    """The models served, their thresholds, and the groups each was audited for."""
    judge = services_of(request).judge
    return [
        ModelSummary(
            name=detector.name,
            architecture=detector.architecture,
            sha256=detector.sha256,
            threshold=detector.threshold,
            threshold_rule=detector.threshold_rule,
            people=judge.records[detector.name].choices,
        )
        for detector in judge.detectors.values()
    ]


@operation(
    "GET",
    "/api/models/{model}/worth",
    query=dict.fromkeys(PEOPLE_TAGS, "one of its audited groups"),
)
async def measured_errors(request: Request) -> MeasuredErrors:
    """How often a model was wrong, for people of the groups named."""
    services = services_of(request)
    record = services.judge.records.get(request.path_params["model"])
    if record is None:
        raise HTTPException(404, "There is no such model here.")
    return record.measured_errors(services.people(request.query_params))


@operation(
    "POST",
    "/api/judge",
    form={
        "pictures": {"type": "array", "items": _FILE},
        "model": {"type": "array", "items": _TEXT, "description": "all if left out"},
        **{tag: {**_TEXT, "description": "who is pictured, if known"} for tag in PEOPLE_TAGS},
    },
)
async def judge(request: Request) -> list[Judgement]:
    """Judge up to 100 pictures of up to 50 MB each; none is kept."""
    return (await services_of(request).judge_uploads(request))[0]


@operation("GET", "/api/reports")
async def reports(request: Request) -> list[ReportSummary]:
    """The results in the folder of reports."""
    shown = ReportSummary.model_fields.keys() - {"path", "problem"}
    return [
        ReportSummary(
            path=entry.path,
            problem=entry.problem,
            **(entry.result.model_dump(include=shown) if entry.result else {}),
        )
        for entry in await services_of(request).reports()
    ]


@operation("GET", "/api/reports/{path:path}")
async def report(request: Request) -> Result:
    """One result, whole."""
    return await services_of(request).result(request.path_params["path"])


@operation(
    "POST",
    "/api/audits",
    status=202,
    form={
        "scores": _FILE,
        "spec": {**_TEXT, "description": f"a ready specification, or {EVERY_TAG}"},
        "yaml": {**_TEXT, "description": "a specification of your own"},
        "columns": {**_TEXT, "description": "NAME=COLUMN, one a line"},
    },
)
async def start_audit(request: Request) -> Job:
    """Start an audit of a scores table (.csv or .parquet)."""
    return await services_of(request).start_audit(request)


@operation("GET", "/api/audits/{id}")
async def audit(request: Request) -> Job:
    """How far an audit is."""
    return services_of(request).audits.job(request.path_params["id"])


@cache
def openapi() -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of all operations."""
    answers, schemas = TypeAdapter.json_schemas(
        [(one.summary, "serialization", one.answer) for one in OPERATIONS],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, Any] = {}
    for one in OPERATIONS:
        content = {"application/json": {"schema": answers[one.summary, "serialization"]}}
        described = {
            "summary": one.summary,
            "parameters": [
                *(
                    {"name": name, "in": "path", "required": True, "schema": _TEXT}
                    for name in one.route.param_convertors
                ),
                *(
                    {"name": name, "in": "query", "schema": _TEXT, "description": description}
                    for name, description in one.query.items()
                ),
            ],
            "responses": {
                str(one.status): {"description": "the answer", "content": content},
                "4XX": {"description": "what was wrong with the request"},
            },
        }
        if one.form:
            schema = {"type": "object", "properties": one.form, "required": [next(iter(one.form))]}
            described["requestBody"] = {
                "required": True,
                "content": {"multipart/form-data": {"schema": schema}},
            }
        paths.setdefault(one.route.path_format, {})[one.method.lower()] = described
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
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
