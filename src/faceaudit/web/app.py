"""The pages: judge pictures, read reports, start audits."""

from __future__ import annotations

import importlib.metadata
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from anyio.to_thread import run_sync
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from faceaudit.error_rates import ERROR_RATES
from faceaudit.errors import FaceAuditError
from faceaudit.one_or_many import listed
from faceaudit.packaged import ready_specs
from faceaudit.report.html import render_html
from faceaudit.spec import EVERY_TAG, Spec, find_spec
from faceaudit.web import api, explore, security
from faceaudit.web import table_form as table_forms
from faceaudit.web.apart import get_ready
from faceaudit.web.measured_errors import Record, open_records
from faceaudit.web.prediction import open_detectors
from faceaudit.web.report_store import (
    list_reports,
    neighbours,
    pair_checks,
    read_report,
    unrelated,
)
from faceaudit.web.services import Services, services_of
from faceaudit.web.templating import fragment, page, plotly_script, static_files, wants_fragment
from faceaudit.web.uploads import read_form


def create_app(
    *,
    models: Sequence[Path | str] | None = None,
    scores: Sequence[Path | str] = (),
    reports: Path | str = "reports",
    host: str = "127.0.0.1",
    token: str | None = None,
    trust_pickle: bool = False,
    records: dict[str, Record] | None = None,
    images: bool = True,
) -> FastAPI:
    """Make the web application, as for `faceaudit.web.serve`; `records` go before `models`."""
    scores = listed(scores)
    if records is None:
        models = None if models is None else listed(models)
        records = open_records(open_detectors(models, trust_pickle), scores)
    services = Services(records, Path(reports))
    guesses = security.Guesses()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        get_ready()
        yield
        await run_sync(services.audits.close)

    app = FastAPI(
        title="faceaudit",
        version=importlib.metadata.version("faceaudit"),
        description=api.DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        routes=[
            Route("/", front_page),
            Route("/", judge_pictures, methods=["POST"]),
            Route("/samples", samples),
            Route("/samples/{name}", sample),
            Route("/samples/{name}/picture", sample_picture),
            Route("/worth", measured_errors),
            Route("/reports", reports_list),
            Route("/reports/{path:path}", report),
            Route("/compare", compare),
            Route("/audits", new_audit),
            Route("/audits", take_table, methods=["POST"]),
            Route("/audits/tables/{id}", table_form),
            Route("/audits/tables/{id}", start_audit, methods=["POST"]),
            Route("/audits/tables/{id}/leave", leave_table, methods=["POST"]),
            Route("/audits/{id}", audit_progress),
            Route("/audits/{id}/stop", stop_audit, methods=["POST"]),
            Route("/explore", explorer),
            Route("/explore/picture", group_picture),
            Route("/token", ask_token),
            Route("/token", take_token, methods=["POST"]),
            Route("/static/plotly.js", plotly),
            Route("/static/{name}", static_file),
            Route("/api", interface),
        ],
        middleware=[
            Middleware(security.Guard, host=host, token=token, guesses=guesses),
            Middleware(security.InFlight),
        ],
        exception_handlers=dict.fromkeys(
            (HTTPException, FaceAuditError, ClientDisconnect, 500), _say_problem
        ),
        lifespan=lifespan,
    )
    app.include_router(api.router)
    app.state.services = services
    app.state.tables = explore.Tables(scores, Path(reports), images)
    app.state.token, app.state.guesses = token, guesses
    return app


# --- pictures ------------------------------------------------------------------------------


async def front_page(request: Request) -> Response:
    """Show the form, and the samples below it."""
    return page("front.html.j2", **_front(services_of(request)))


async def judge_pictures(request: Request) -> Response:
    """Judge what was uploaded."""
    services = services_of(request)
    judgements, models, people = await services.judge_uploads(request)
    if wants_fragment(request):
        choices = services.choices(models)
        shown = list(services.records)
        return page("rows.html.j2", judgements=judgements, choices=choices, models=shown)
    values = {"chosen": models, "people": people, "judgements": judgements}
    return page("front.html.j2", **_front(services) | values)


async def samples(request: Request) -> Response:
    """Show the samples with what is said of them; the first to ask waits until that is there."""
    services = services_of(request)
    await services.judge_samples()
    template = "samples.html.j2" if wants_fragment(request) else "front.html.j2"
    return page(template, **_front(services))


async def sample(request: Request) -> Response:
    """Judge one sample as if it had been uploaded."""
    services = services_of(request)
    upload = services.sample(request.path_params["name"])
    models = services.models(request.query_params)
    people = services.people(request.query_params)
    judgement = await services.judgement(upload, models, people)
    return page("sample.html.j2", judgement=judgement, choices=services.choices(models))


async def sample_picture(request: Request) -> Response:
    """Send the file of a sample."""
    content = services_of(request).sample(request.path_params["name"]).content
    return Response(content, media_type="image/jpeg", headers={"cache-control": "max-age=86400"})


async def measured_errors(request: Request) -> Response:
    """Say how often such predictions were wrong, for the people that the user chose."""
    services = services_of(request)
    people = services.people(request.query_params)
    predictions: list[dict[str, Any]] = []
    for given in request.query_params.getlist("verdict"):
        called, _, model = given.partition(".")
        if called not in ("ai", "real") or model not in services.records:
            raise HTTPException(400, f"'{given}' is no prediction of a model here.")
        measured = services.records[model].measured_errors(people)
        predictions.append({"called": called, "model": model, "measured_errors": measured})
    if not predictions:
        raise HTTPException(400, "Name a prediction: verdict=ai.MODEL or verdict=real.MODEL.")
    choices = services.choices([one["model"] for one in predictions])
    template = f"measured_errors{'' if wants_fragment(request) else '_page'}.html.j2"
    return page(template, predictions=predictions, people=people, choices=choices)


def _front(services: Services) -> dict[str, Any]:
    models = list(services.records)
    return {
        "detectors": [record.detector for record in services.records.values()],
        "models": models,
        "chosen": models,
        "choices": services.choices(models),
        "people": {},
        "judgements": [],
        "samples": list(services.samples),
        "sample_calls": services.sample_calls(),
        "sample_problem": services.sample_problem,
    }


# --- reports -------------------------------------------------------------------------------


def reports_list(request: Request) -> Response:
    """List the reports of the folder."""
    sort = request.query_params.get("sort", "")
    entries = list_reports(services_of(request).reports, sort)
    return page("reports.html.j2", entries=entries, sort=sort, rates=ERROR_RATES)


def report(request: Request) -> Response:
    """Draw a result anew; the HTML file that may lie beside it is never sent."""
    folder, path = services_of(request).reports, request.path_params["path"]
    drawn = render_html(read_report(folder, path))
    before, after = neighbours(folder, path)
    # Put in here alone: the file beside the result leads nowhere. The skip link stays first.
    way = fragment("report_way.html.j2", before=before, after=after)
    drawn = drawn.replace("<main", f"{way}<main", 1)
    return HTMLResponse(drawn, headers={"content-security-policy": security.REPORT_POLICY})


def compare(request: Request) -> Response:
    """Lay two results side by side."""
    paths = request.query_params.getlist("report")
    if len(paths) != 2:
        raise HTTPException(400, f"Two reports can be compared, and {len(paths)} were chosen.")
    first, second = [read_report(services_of(request).reports, path) for path in paths]
    return page(
        "compare.html.j2",
        results=(first, second),
        paths=paths,
        pairs=pair_checks(first, second),
        unrelated=unrelated(first, second),
    )


# --- audits --------------------------------------------------------------------------------


async def new_audit(request: Request) -> Response:
    """Ask for a table of scores."""
    return page("new_audit.html.j2", problem=None)


async def take_table(request: Request) -> Response:
    """Hold a table and go on to how it is to be read."""
    try:
        table = await services_of(request).hold_table(request)
    except FaceAuditError as error:
        problem = table_forms.in_words_of_the_page(str(error))
        return page("new_audit.html.j2", problem=problem, status=422)
    return RedirectResponse(f"/audits/tables/{table.id}", 303)


async def table_form(request: Request) -> Response:
    """Show how a table is read, and what can be asked of it."""
    table = services_of(request).tables.table(request.path_params["id"])
    return await _table_page(request, table_forms.choices_of(table.facts, request.query_params))


async def start_audit(request: Request) -> Response:
    """Start the audit that was settled, or say on the same page what is wrong."""
    services = services_of(request)
    table = services.tables.table(request.path_params["id"])
    async with read_form(request, max_files=0) as form:
        choices = table_forms.choices_of(table.facts, form)
        address = f"{request.url.path}?{urlencode(form.multi_items())}"
    try:
        spec = await services.read(table.file, table_forms.asked, table.facts, choices)
        reading = table_forms.reading_of(table.facts, choices, spec)
        job = services.audits.start(table.file, reading, spec, address)
    except FaceAuditError as error:
        said = str(error).removeprefix(f"{table.file.name}: ")
        return await _table_page(request, choices, table_forms.in_words_of_the_page(said))
    return RedirectResponse(f"/audits/{job.id}", 303)


async def leave_table(request: Request) -> Response:
    """Drop a table soon: its page was left."""
    services_of(request).tables.leave(request.path_params["id"])
    return Response(status_code=204)


async def _table_page(
    request: Request, choices: table_forms.Choices, refused: str | None = None
) -> Response:
    services = services_of(request)
    table = services.tables.table(request.path_params["id"])
    view = await services.read(table.file, table_forms.look, table.facts, choices)
    values: dict[str, Any] = {
        "id": table.id,
        "view": view,
        "refused": refused,
        "specs": {name: find_spec(path) for name, path in ready_specs().items()},
        "every_tag": EVERY_TAG,
        "columns": table_forms.COLUMNS,
        "score_is": table_forms.SCORE_IS,
        "rates": ERROR_RATES,
        "both": table_forms.BOTH,
        "combinations": table_forms.COMBINATIONS,
    }
    template = "table_form.html.j2" if wants_fragment(request) else "table_page.html.j2"
    return page(template, status=422 if refused else 200, **values)


async def audit_progress(request: Request) -> Response:
    """Show how far an audit is."""
    template = "progress.html.j2" if wants_fragment(request) else "progress_page.html.j2"
    return page(template, job=services_of(request).audits.job(request.path_params["id"]))


async def stop_audit(request: Request) -> Response:
    """End an audit that takes too long for whoever waits."""
    audits = services_of(request).audits
    audits.stop(job := audits.job(request.path_params["id"]))
    return RedirectResponse(f"/audits/{job.id}", 303)


# --- the explorer --------------------------------------------------------------------------


def explorer(request: Request) -> Response:
    """Show the error rates of the groups that the address names, and one's pictures."""
    tables = explore.tables_of(request)
    values: dict[str, Any] = dict.fromkeys(("view", "table", "found", "images", "problem"))
    values |= {"tables": list(tables.paths()), "status": 200}
    try:
        values["view"] = view = explore.View.of(request.query_params)
        values["table"] = table = tables.open(view.table)
        values["view"] = view = table.filled(view)
        values["found"] = found = explore.explore(table, view)
        values["rate"] = rate = ERROR_RATES[view.rate]
        values["figure"] = explore.figure(found.forest, rate)
        if view.group in (row.group for row in found.forest.rows):
            values["images"] = explore.group_images(table, view)
    except FaceAuditError as error:
        values |= {"problem": str(error), "status": 422}
    template = f"explore{'_view' if wants_fragment(request) else ''}.html.j2"
    small = Spec.model_fields["small_group"].default
    answer = page(template, rates=ERROR_RATES, small=small, **values)
    answer.headers["content-security-policy"] = security.EXPLORER_POLICY
    return answer


def group_picture(request: Request) -> Response:
    """Send the picture of an image that a table of the server names."""
    key = [request.query_params.get(name, "") for name in ("table", "dataset", "image")]
    return Response(explore.tables_of(request).picture(*key), media_type="image/jpeg")


# --- the rest ------------------------------------------------------------------------------


async def interface(request: Request) -> Response:
    """Describe the JSON interface."""
    return page("api.html.j2", api=request.app.openapi(), base=str(request.base_url))


async def ask_token(request: Request) -> Response:
    """Ask for the token."""
    return page("token.html.j2", wrong=False)


async def take_token(request: Request) -> Response:
    """Let a browser in that brings the token, until it is closed."""
    token = request.app.state.token
    async with read_form(request, max_files=0) as form:
        given = str(form.get("token") or "")
    if token is None or not security.is_token(given, token):
        request.app.state.guesses.wrong(request)
        return page("token.html.j2", wrong=True, status=403)
    response = RedirectResponse("/", 303)
    security.set_cookie(response, token)
    return response


async def static_file(request: Request) -> Response:
    """Send a style sheet or the script."""
    try:
        text, kind = static_files()[request.path_params["name"]]
    except KeyError:
        raise HTTPException(404, "There is no such file.") from None
    return Response(text, media_type=kind, headers={"cache-control": "no-cache"})


def plotly(request: Request) -> Response:
    """Send plotly's script; its address names the version."""
    headers = {"content-encoding": "gzip", "cache-control": "max-age=31536000, immutable"}
    return Response(plotly_script(), media_type="text/javascript", headers=headers)


async def _say_problem(request: Request, error: Exception) -> Response:
    """Say in one line what was wrong: as JSON, as a part of a page, or as a page."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)  # nobody is left to read it
    # The trace goes to the server's log; whoever asked learns no more than this.
    status, message = 500, "Something went wrong here; the server's log says what."
    if isinstance(error, HTTPException):
        status, message = error.status_code, error.detail
    elif isinstance(error, FaceAuditError):
        status, message = 422, str(error)
    response: Response
    if request.url.path.startswith("/api/"):
        response = JSONResponse({"error": message}, status)
    elif wants_fragment(request):
        response = page("problem.html.j2", message=message, status=status)
    else:
        response = page("error.html.j2", message=message, code=status, status=status)
    # An answer to a crash is made outside of all middleware.
    response.headers.update({**security.HEADERS, **(getattr(error, "headers", None) or {})})
    return response
