"""The JSON interface: the same answers as the pages, for programs; FastAPI describes it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request

from faceaudit.result import Result, Status
from faceaudit.spec import EVERY_TAG
from faceaudit.web import explore
from faceaudit.web.audits import Job
from faceaudit.web.measured_errors import PEOPLE_TAGS, MeasuredErrors
from faceaudit.web.prediction import Judgement
from faceaudit.web.report_store import list_reports, read_report
from faceaudit.web.services import services_of

DESCRIPTION = (
    "Judge pictures of faces as real or AI-generated, with the measured error rates that say what "
    "a prediction is worth; read reports; start audits. If the server asks for a token, send it as "
    '\'Authorization: Bearer TOKEN\'. Errors are {"error": "one line"}.'
)
router = APIRouter(
    prefix="/api",
    responses={"4XX": {"description": "what was wrong with the request"}},
    # Said here and checked by `faceaudit.web.security.Guard`, for pages too.
    dependencies=[Security(HTTPBearer(scheme_name="token", auto_error=False))],
)

_TEXT = {"type": "string"}
_FILE = {"type": "string", "format": "binary"}


def _described(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {**schema, "description": description}


def _form(required: str, **fields: dict[str, Any]) -> dict[str, Any]:
    """Describe a form; we read it ourselves, since FastAPI would put large files on the disk."""
    schema = {"type": "object", "properties": fields, "required": [required]}
    content = {"multipart/form-data": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


class ModelSummary(BaseModel):
    """A model that is served."""

    name: str
    architecture: str | None
    sha256: str | None
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


@router.get("/models")
async def models(request: Request) -> list[ModelSummary]:
    """The models served, their thresholds, and the groups each was audited for."""
    return [
        ModelSummary(
            name=record.detector.name,
            people=record.choices,
            **record.detector.info.model_dump(include=set(ModelSummary.model_fields)),
        )
        for record in services_of(request).records.values()
    ]


@router.get(
    "/models/{model}/worth",
    openapi_extra={
        "parameters": [
            {
                "name": tag,
                "in": "query",
                "schema": _TEXT,
                "description": "one of its audited groups",
            }
            for tag in PEOPLE_TAGS
        ]
    },
)
async def measured_errors(request: Request, model: str) -> MeasuredErrors:
    """How often a model was wrong, for people of the groups named."""
    services = services_of(request)
    record = services.records.get(model)
    if record is None:
        raise HTTPException(404, "There is no such model here.")
    return record.measured_errors(services.people(request.query_params))


@router.post(
    "/judge",
    openapi_extra=_form(
        "pictures",
        pictures={"type": "array", "items": _FILE},
        model=_described({"type": "array", "items": _TEXT}, "all if left out"),
        **{tag: _described(_TEXT, "who is pictured, if known") for tag in PEOPLE_TAGS},
    ),
)
async def judge(request: Request) -> list[Judgement]:
    """Judge up to 100 pictures of up to 50 MB each; none is kept."""
    return (await services_of(request).judge_uploads(request))[0]


@router.get("/reports")
def reports(request: Request) -> list[ReportSummary]:
    """The results in the folder of reports."""
    return [
        ReportSummary(path=entry.path, problem=entry.problem)
        if entry.problem
        else ReportSummary(**{name: getattr(entry, name) for name in ReportSummary.model_fields})
        for entry in list_reports(services_of(request).reports)
    ]


@router.get("/reports/{path:path}")
def report(request: Request, path: str) -> Result:
    """One result, whole."""
    return read_report(services_of(request).reports, path)


@router.post(
    "/audits",
    status_code=202,
    openapi_extra=_form(
        "scores",
        scores=_FILE,
        spec=_described(_TEXT, f"a ready specification, or {EVERY_TAG}"),
        yaml=_described(_TEXT, "a specification of your own"),
        columns=_described(_TEXT, "NAME=COLUMN, one a line"),
    ),
)
async def start_audit(request: Request) -> Job:
    """Start an audit of a scores table (.csv or .parquet)."""
    return await services_of(request).start_audit(request)


@router.get("/audits/{id}")
async def audit(request: Request, id: str) -> Job:
    """How far an audit is."""
    return services_of(request).audits.job(id)


@router.get("/tables")
def tables(request: Request) -> list[str]:
    """The scores tables that can be explored, by name."""
    return list(explore.tables_of(request).paths())


@router.get("/explore", openapi_extra={"parameters": explore.View.parameters()})
def explored(request: Request) -> explore.Explored:
    """The error rate of every group of one or two tags, as in an audit of the table."""
    view = explore.View.of(request.query_params)
    return explore.explore(explore.tables_of(request).open(view.table), view)


@router.get("/explore/images", openapi_extra={"parameters": explore.View.parameters()})
def group_images(request: Request) -> explore.GroupImages:
    """The images of a group, wrong and right; each is shown if this machine's index has it."""
    view = explore.View.of(request.query_params)
    return explore.group_images(explore.tables_of(request).open(view.table), view)
