"""The JSON interface: the same answers as the pages, for programs."""

from __future__ import annotations

from collections.abc import Sequence

import anyio.to_thread
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from faceaudit.result import Result, Status
from faceaudit.web.audits import Job
from faceaudit.web.measured_errors import Worth
from faceaudit.web.openapi import document
from faceaudit.web.prediction import Judgement
from faceaudit.web.services import site_of
from faceaudit.web.templating import page


def api_routes() -> list[Route]:
    """Return the routes below ``/api``."""
    return [
        Route("/api", describe),
        Route("/api/openapi.json", openapi),
        Route("/api/models", models),
        Route("/api/models/{model}/worth", worth),
        Route("/api/judge", judge, methods=["POST"]),
        Route("/api/reports", reports),
        Route("/api/reports/{path:path}", report),
        Route("/api/audits", start_audit, methods=["POST"]),
        Route("/api/audits/{id}", audit),
    ]


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


#: The types of all answers.
ANSWERS = (ModelSummary, ReportSummary, Judgement, Worth, Job, Result)


async def describe(request: Request) -> Response:
    """Show the interface as a page."""
    return page("api.html.j2", api=document(ANSWERS))


async def openapi(request: Request) -> Response:
    """Send the description of the interface."""
    return JSONResponse(document(ANSWERS))


async def models(request: Request) -> Response:
    """List the models, and the groups that each was audited for."""
    site = site_of(request)
    return _json(
        [
            ModelSummary(
                name=detector.name,
                architecture=detector.architecture,
                sha256=detector.sha256,
                threshold=detector.threshold,
                threshold_rule=detector.threshold_rule,
                people=site.judge.records[detector.name].choices(),
            )
            for detector in site.judge.detectors.values()
        ]
    )


async def worth(request: Request) -> Response:
    """Give a model's measured error rates for the people named."""
    site = site_of(request)
    record = site.judge.records.get(request.path_params["model"])
    if record is None:
        raise HTTPException(404, "There is no such model here.")
    return _json(record.worth(site.people(request.query_params)))


async def judge(request: Request) -> Response:
    """Judge pictures."""
    judgements, _, _ = await site_of(request).judge_uploads(request)
    return _json(judgements)


async def reports(request: Request) -> Response:
    """List the results of the folder."""
    entries = await anyio.to_thread.run_sync(site_of(request).library.entries)
    shown = {"kind", "created", "name", "title", "status", "verdict"}
    return _json(
        [
            ReportSummary(
                path=entry.path,
                problem=entry.problem,
                **(entry.result.model_dump(include=shown) if entry.result else {}),
            )
            for entry in entries
        ]
    )


async def report(request: Request) -> Response:
    """Send a whole result."""
    return _json(await site_of(request).result(request.path_params["path"]))


async def start_audit(request: Request) -> Response:
    """Start an audit."""
    return _json(await site_of(request).start_audit(request), 202)


async def audit(request: Request) -> Response:
    """Say how far an audit is."""
    return _json(site_of(request).job(request))


def _json(answer: BaseModel | Sequence[BaseModel], status: int = 200) -> Response:
    if isinstance(answer, BaseModel):
        return JSONResponse(answer.model_dump(mode="json"), status)
    return JSONResponse([one.model_dump(mode="json") for one in answer], status)
