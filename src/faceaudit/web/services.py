"""What the pages and the JSON interface stand on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread
from starlette.datastructures import FormData, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request

from faceaudit.result import Result
from faceaudit.web.audits import (
    EVERY_TAG,
    Audits,
    Job,
    choose_spec,
    parse_mapping,
    read_uploaded,
)
from faceaudit.web.measured_errors import PEOPLE_TAGS
from faceaudit.web.prediction import Judge, Judgement
from faceaudit.web.report_store import Library
from faceaudit.web.samples import Samples
from faceaudit.web.uploads import (
    MAX_PICTURES,
    RefusedError,
    Upload,
    base_name,
    files_of,
    read_form,
    read_picture,
)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Site:
    """The parts of one server.

    Attributes
    ----------
    judge : Judge
    samples : Samples
    library : Library
    audits : Audits
    """

    judge: Judge
    samples: Samples
    library: Library
    audits: Audits
    #: Pictures are decoded and judged one at a time: each may need hundreds of megabytes.
    _one_at_a_time: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))
    _samples_at_work: anyio.Lock = field(default_factory=anyio.Lock)

    async def judging(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what looks at pixels in a thread, when no other such thing runs."""
        return await anyio.to_thread.run_sync(
            lambda: function(*args, **kwargs), limiter=self._one_at_a_time
        )

    async def judge_samples(self) -> None:
        """Judge the samples that nobody has judged yet, letting uploads in between."""
        async with self._samples_at_work:
            for name in self.samples.names:
                if name not in self.samples.verdicts:
                    await self.judging(self.samples.judge, name)

    async def judge_uploads(
        self, request: Request
    ) -> tuple[list[Judgement], list[str], dict[str, str]]:
        """Read pictures from a form and judge them.

        Returns
        -------
        judgements : list of Judgement
            One a file; a bad file has a problem and stops nothing.
        models : list of str
            Who judged.
        people : dict of str to str
            Whom the user says is pictured.

        Raises
        ------
        HTTPException
            If the form is unusable as a whole.
        """
        form = await read_form(request, MAX_PICTURES)
        try:
            models, people = self.models(form), self.people(form)
            files = files_of(form, "pictures")
            if not files:
                raise HTTPException(400, "No picture was sent; choose one.")
            judgements = []
            for file in files:
                try:
                    upload = await read_picture(file)
                except RefusedError as error:
                    name = base_name(file.filename)
                    judgements.append(Judgement(name=name, problem=str(error)))
                    continue
                # The form's own copy goes as soon as it is read.
                await file.close()
                judgements.append(await self.judging(self.judge.judge, upload, models, people))
        finally:
            await form.close()
        return judgements, models, people

    async def start_audit(self, request: Request) -> Job:
        """Read scores and a specification from a form, and put the audit in line.

        Raises
        ------
        HTTPException, FaceAuditError
            If the form, the scores or the specification are unusable.
        """
        form = await read_form(request, max_files=1)
        try:
            files = files_of(form, "scores")
            if not files:
                raise HTTPException(400, "Choose a scores file, .csv or .parquet.")
            (file,) = files
            mapping = parse_mapping(str(form.get("columns") or ""))
            name, content = base_name(file.filename), await file.read()
            scores = await anyio.to_thread.run_sync(read_uploaded, name, content, mapping)
            chosen, text = str(form.get("spec") or EVERY_TAG), str(form.get("yaml") or "")
            spec = choose_spec(chosen, text, scores)
        finally:
            await form.close()
        return self.audits.start(scores, spec)

    def models(self, given: FormData | QueryParams) -> list[str]:
        """Return the models that a request names; all of them if it names none.

        Raises
        ------
        HTTPException
            404 for a model that is not served.
        """
        names = [str(name) for name in given.getlist("model")] or list(self.judge.detectors)
        for name in names:
            if name not in self.judge.detectors:
                raise HTTPException(404, f"There is no model '{name}' here.")
        return list(dict.fromkeys(names))

    def people(self, given: FormData | QueryParams) -> dict[str, str]:
        """Return whom a request says is pictured: tag -> group, of those that were audited."""
        people = {tag: str(given.get(tag) or "") for tag in PEOPLE_TAGS}
        people = {tag: group for tag, group in people.items() if group}
        choices = self.judge.choices(list(self.judge.detectors))
        for tag, group in people.items():
            if group not in choices.get(tag, ()):
                raise HTTPException(400, f"Nobody was audited as {tag} '{group}'.")
        return people

    def sample(self, request: Request) -> Upload:
        """Return the sample that an address names; 404 if there is none."""
        try:
            return self.samples.picture(request.path_params["name"])
        except KeyError:
            raise HTTPException(404, "There is no such sample.") from None

    def job(self, request: Request) -> Job:
        """Return the audit that an address names; 404 if there is none."""
        job = self.audits.get(request.path_params["id"])
        if job is None:
            raise HTTPException(404, "There is no such audit; its report may be in the list.")
        return job

    async def result(self, path: str) -> Result:
        """Read a result of the folder of reports; 404 if there is none."""
        try:
            return await anyio.to_thread.run_sync(self.library.read, path)
        except FileNotFoundError:
            raise HTTPException(404, "There is no such report.") from None


def site_of(request: Request) -> Site:
    """Return the parts of the server that a request came to."""
    site = request.app.state.site
    assert isinstance(site, Site)
    return site
