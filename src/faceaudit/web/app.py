"""The pages: judge pictures, read reports, start audits."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from faceaudit.errors import FaceAuditError
from faceaudit.report.html import render_html
from faceaudit.spec import find_spec, ready_specs
from faceaudit.web import audits, report_store
from faceaudit.web.api import api_routes
from faceaudit.web.detectors import Detector, open_detectors
from faceaudit.web.measured_errors import Record, open_records
from faceaudit.web.prediction import Judge
from faceaudit.web.samples import Samples
from faceaudit.web.security import HEADERS, REPORT_POLICY, Guard, InFlight, set_cookie
from faceaudit.web.services import Site, site_of
from faceaudit.web.templating import page, static_files, wants_fragment
from faceaudit.web.uploads import read_form


def create_app(
    *,
    models: Sequence[Path | str] | None = None,
    scores: Sequence[Path | str] = (),
    reports: Path | str = "reports",
    host: str = "127.0.0.1",
    token: str | None = None,
    detectors: Sequence[Detector] | None = None,
    records: dict[str, Record] | None = None,
) -> Starlette:
    """Make the web application.

    Parameters
    ----------
    models : sequence of str or path, optional
        ``bundled:NAME`` or model directories; all bundled ones if left out.
    scores : sequence of path
        Scores tables of these models, from which it is said what their verdicts are worth;
        those of bundled models are bundled too.
    reports : path
        Folder of reports to show, and where new ones go.
    host : str
        The address that it will listen on.
    token : str, optional
        What every request must bring.
    detectors, records : optional
        Classifiers that are no model directories, and their recorded scores by name.

    Raises
    ------
    FaceAuditError
        If a model or a scores table is unusable.
    """
    if detectors is None:
        detectors = open_detectors(models)
    if records is None:
        records = open_records(detectors, scores)
    judge = Judge(detectors, records)
    site = Site(
        judge=judge,
        samples=Samples(judge),
        library=report_store.Library(Path(reports)),
        audits=audits.Audits(Path(reports)),
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await anyio.to_thread.run_sync(site.audits.close)

    static = [f"/static/{name}" for name in static_files()]
    guard = Middleware(Guard, host=host, token=token, open_paths=frozenset({"/token", *static}))
    app = Starlette(
        routes=[
            Route("/", front_page),
            Route("/", judge_pictures, methods=["POST"]),
            Route("/samples", samples),
            Route("/samples/{name}", sample),
            Route("/samples/{name}/picture", sample_picture),
            Route("/worth", worth),
            Route("/reports", reports_list),
            Route("/reports/{path:path}", report),
            Route("/compare", compare),
            Route("/audits", new_audit),
            Route("/audits", start_audit, methods=["POST"]),
            Route("/audits/{id}", audit_progress),
            Route("/token", ask_token),
            Route("/token", take_token, methods=["POST"]),
            Route("/static/{name}", static_file),
            *api_routes(),
        ],
        middleware=[guard, Middleware(InFlight)],
        exception_handlers={
            HTTPException: _http_error,
            FaceAuditError: _bad_input,
            ClientDisconnect: _gone,
            500: _our_fault,
        },
        lifespan=lifespan,
    )
    app.state.site = site
    app.state.token = token
    return app


# --- pictures ------------------------------------------------------------------------------


async def front_page(request: Request) -> Response:
    """Show the form, and the samples below it."""
    return page("front.html.j2", **_front(site_of(request)))


async def judge_pictures(request: Request) -> Response:
    """Judge what was uploaded."""
    site = site_of(request)
    judgements, models, people = await site.judge_uploads(request)
    if wants_fragment(request):
        return page("cards.html.j2", judgements=judgements, choices=site.judge.choices(models))
    values = _front(site) | {"chosen": models, "people": people, "judgements": judgements}
    return page("front.html.j2", **values)


async def samples(request: Request) -> Response:
    """Show the samples with their verdicts; the first to ask waits until they are there."""
    site = site_of(request)
    await site.judge_samples()
    if wants_fragment(request):
        return page("samples.html.j2", **_samples(site))
    return page("front.html.j2", **_front(site))


async def sample(request: Request) -> Response:
    """Judge one sample as if it had been uploaded."""
    site = site_of(request)
    upload = site.sample(request)
    models = site.models(request.query_params)
    people = site.people(request.query_params)
    judgement = await site.judging(site.judge.judge, upload, models, people)
    return page("sample.html.j2", judgement=judgement, choices=site.judge.choices(models))


async def sample_picture(request: Request) -> Response:
    """Send the file of a sample."""
    content = site_of(request).sample(request).content
    return Response(content, media_type="image/jpeg", headers={"cache-control": "max-age=86400"})


async def worth(request: Request) -> Response:
    """Say what verdicts are worth, for the people that the user chose."""
    site = site_of(request)
    people = site.people(request.query_params)
    verdicts = []
    for given in request.query_params.getlist("verdict"):
        called, _, model = given.partition(".")
        if called not in ("ai", "real") or model not in site.judge.records:
            raise HTTPException(400, f"'{given}' is no verdict of a model here.")
        verdicts.append((called, site.judge.records[model].worth(people)))
    if not verdicts:
        raise HTTPException(400, "Name a verdict: verdict=ai.MODEL or verdict=real.MODEL.")
    template = "worth.html.j2" if wants_fragment(request) else "worth_page.html.j2"
    models = [one.model for _, one in verdicts]
    return page(template, verdicts=verdicts, people=people, choices=site.judge.choices(models))


def _front(site: Site) -> dict[str, Any]:
    models = list(site.judge.detectors)
    return {
        "detectors": list(site.judge.detectors.values()),
        "chosen": models,
        "choices": site.judge.choices(models),
        "people": {},
        "judgements": [],
        **_samples(site),
    }


def _samples(site: Site) -> dict[str, Any]:
    complete = len(site.samples.verdicts) == len(site.samples.names)
    return {
        "samples": site.samples.names,
        "verdicts": site.samples.verdicts if complete else {},
        "models": list(site.judge.detectors),
    }


# --- reports -------------------------------------------------------------------------------


async def reports_list(request: Request) -> Response:
    """List the reports of the folder."""
    entries = await anyio.to_thread.run_sync(site_of(request).library.entries)
    return page("reports.html.j2", entries=entries)


async def report(request: Request) -> Response:
    """Draw a result anew; the HTML file that may lie beside it is never sent."""
    result = await site_of(request).result(request.path_params["path"])
    text = await anyio.to_thread.run_sync(render_html, result)
    return HTMLResponse(text, headers={"content-security-policy": REPORT_POLICY})


async def compare(request: Request) -> Response:
    """Lay two results side by side."""
    paths = request.query_params.getlist("report")
    if len(paths) != 2:
        raise HTTPException(400, f"Two reports can be compared, and {len(paths)} were chosen.")
    first, second = [await site_of(request).result(path) for path in paths]
    pairs = report_store.pair_checks(first, second)
    return page("compare.html.j2", first=first, second=second, paths=paths, pairs=pairs)


# --- audits --------------------------------------------------------------------------------


async def new_audit(request: Request) -> Response:
    """Ask for scores and a specification."""
    specs = {name: find_spec(path) for name, path in ready_specs().items()}
    return page("new_audit.html.j2", specs=specs, every_tag=audits.EVERY_TAG, problem=None)


async def start_audit(request: Request) -> Response:
    """Start an audit and show how far it is."""
    job = await site_of(request).start_audit(request)
    return RedirectResponse(f"/audits/{job.id}", 303)


async def audit_progress(request: Request) -> Response:
    """Show how far an audit is."""
    template = "progress.html.j2" if wants_fragment(request) else "progress_page.html.j2"
    return page(template, job=site_of(request).job(request))


# --- the rest ------------------------------------------------------------------------------


async def ask_token(request: Request) -> Response:
    """Ask for the token."""
    return page("token.html.j2", wrong=False)


async def take_token(request: Request) -> Response:
    """Let a browser in that brings the token."""
    token = request.app.state.token
    given = str((await read_form(request, max_files=0)).get("token") or "")
    if token is None or not hmac.compare_digest(given.strip().encode(), token.encode()):
        return page("token.html.j2", wrong=True, status=403)
    response = RedirectResponse("/", 303)
    set_cookie(response, token)
    return response


async def static_file(request: Request) -> Response:
    """Send a style sheet or the script."""
    try:
        text, kind = static_files()[request.path_params["name"]]
    except KeyError:
        raise HTTPException(404, "There is no such file.") from None
    return Response(text, media_type=kind, headers={"cache-control": "no-cache"})


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(request, error.status_code, error.detail, error.headers)


async def _bad_input(request: Request, error: Exception) -> Response:
    return _error(request, 422, str(error))


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # nobody is left to read it


async def _our_fault(request: Request, error: Exception) -> Response:
    # The trace goes to the server's log; whoever asked learns no more than this.
    response = _error(request, 500, "Something went wrong here; the server's log says what.")
    # This answer is made outside of all middleware.
    response.headers.update(HEADERS)
    return response


def _error(
    request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": message}, status, headers)
    if wants_fragment(request):
        response = page("problem.html.j2", message=message, status=status)
    else:
        response = page("error.html.j2", message=message, code=status, status=status)
    response.headers.update(headers or {})
    return response
