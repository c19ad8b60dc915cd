"""What the pages and the JSON interface stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import numpy as np
from anyio.to_thread import run_sync
from starlette.datastructures import FormData, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request

from faceaudit import bundled
from faceaudit.pictures import PictureError
from faceaudit.schema import called_ai
from faceaudit.spec import EVERY_TAG
from faceaudit.web import uploads
from faceaudit.web.audits import Audits, Job, asked, parse_mapping
from faceaudit.web.held_tables import LIMITS, HeldTable, HeldTables, UploadedTable, look_at
from faceaudit.web.measured_errors import PEOPLE_TAGS, Record, shared_choices
from faceaudit.web.prediction import Call, Judgement, judge

Answer = TypeVar("Answer")

#: Uploaded tables that are read at one time; each may take the memory of `held_tables.LIMITS`.
READINGS = 2


class Services:
    """The parts of one server: its detectors with what is recorded of each, by name; its reports.

    `samples` are the bundled AI-generated faces by their file's name without its ending,
    `sample_scores` the scores that are known of them, by model; `sample_problem` is why the others
    cannot be had.
    """

    def __init__(self, records: dict[str, Record], reports: Path) -> None:
        self.records = records
        self.reports = reports
        self.audits = Audits(reports)
        self.tables = HeldTables()
        names = bundled.samples_manifest().table["image"].to_pylist()
        self.samples = {Path(name).stem: bundled.samples_folder() / name for name in names}
        self.sample_scores = {
            name: {
                Path(image).stem: p_ai
                for image, p_ai in bundled.recorded_sample_scores(
                    record.detector.info.sha256
                ).items()
            }
            for name, record in records.items()
        }
        self.sample_problem: str | None = None
        # Pictures are decoded and judged one at a time: each may need hundreds of megabytes, and
        # whoever comes second while a detector loads must not load it again.
        self._one_at_a_time = anyio.CapacityLimiter(1)
        self._readings = anyio.CapacityLimiter(READINGS)
        self._samples_at_work = anyio.Lock()

    async def judgement(
        self, upload: uploads.Upload, models: Sequence[str], people: Mapping[str, str]
    ) -> Judgement:
        """Judge one picture in a thread, when no other is being judged."""
        records = [self.records[name] for name in models]
        return await run_sync(judge, upload, records, people, limiter=self._one_at_a_time)

    async def judge_samples(self) -> None:
        """Judge the samples of which the score of some model is not known, letting uploads in."""
        async with self._samples_at_work:
            for sample in self.samples:
                unknown = [m for m, scores in self.sample_scores.items() if sample not in scores]
                if not unknown or self.sample_problem:
                    continue
                judgement = await self.judgement(self.sample(sample), unknown, {})
                self.sample_problem = judgement.problem
                for prediction in judgement.predictions:
                    self.sample_scores[prediction.model][sample] = prediction.p_ai

    def sample_calls(self) -> dict[str, list[Call]]:
        """Return what all models call each sample; nothing before all are judged."""
        calls: dict[str, list[Call]] = {sample: [] for sample in self.samples}
        for model, scores in self.sample_scores.items():
            threshold = self.records[model].detector.info.threshold
            if scores.keys() < self.samples.keys():
                return {}
            for sample, p_ai in scores.items():
                called = called_ai(np.array([p_ai]), threshold)[0]
                calls[sample].append(
                    Call(
                        model=model,
                        p_ai=p_ai,
                        threshold=threshold,
                        called="ai" if called else "real",
                    )
                )
        return calls

    async def judge_uploads(
        self, request: Request
    ) -> tuple[list[Judgement], list[str], dict[str, str]]:
        """Judge the pictures of a form; return what is said of each, by which models, of whom.

        A bad file has a problem and stops nothing; `HTTPException` if the whole form is unusable.
        """
        async with uploads.read_form(request, uploads.MAX_PICTURES) as form:
            models, people = self.models(form), self.people(form)
            judgements = []
            for file in uploads.files_of(form, "pictures", "No picture was sent; choose one."):
                try:
                    upload = await uploads.read_picture(file)
                except PictureError as error:
                    name = uploads.base_name(file.filename)
                    judgements.append(Judgement(name=name, problem=str(error)))
                else:
                    judgements.append(await self.judgement(upload, models, people))
        return judgements, models, people

    async def start_audit(self, request: Request) -> Job:
        """Read scores and a specification from a form, and put the audit in line."""
        async with uploads.read_form(request, max_files=1) as form:
            file = await _table_of(form)
            mapping = parse_mapping(str(form.get("columns") or ""))
            chosen, text = str(form.get("spec") or EVERY_TAG), str(form.get("yaml") or "")
        spec = await self.read(file, asked, mapping, chosen, text)
        return self.audits.start(file, {"mapping": mapping}, spec)

    async def hold_table(self, request: Request) -> HeldTable:
        """Take a table out of a form and hold it, until it is settled how to read it."""
        async with uploads.read_form(request, max_files=1) as form:
            file = await _table_of(form)
        return self.tables.hold(file, await self.read(file, look_at, file.name))

    async def read(
        self, file: UploadedTable, work: Callable[..., Answer], *given: object
    ) -> Answer:
        """Have an uploaded table worked on in a process of its own, few at a time."""
        read = partial(file.apart, LIMITS, work, *given)
        return await run_sync(read, limiter=self._readings)

    def models(self, given: FormData | QueryParams) -> list[str]:
        """Return the models that a request names, all if it names none; HTTP status 404."""
        names = [str(name) for name in given.getlist("model")] or list(self.records)
        for name in names:
            if name not in self.records:
                raise HTTPException(404, f"There is no model '{name}' here.")
        return list(dict.fromkeys(names))

    def choices(self, models: Sequence[str]) -> dict[str, list[str]]:
        """Return the groups by which people can be told apart in the audits of all `models`."""
        return shared_choices([self.records[name] for name in models])

    def people(self, given: FormData | QueryParams) -> dict[str, str]:
        """Return whom a request says is pictured: tag -> group, of those that were audited."""
        people = {tag: str(given[tag]) for tag in PEOPLE_TAGS if given.get(tag)}
        choices = self.choices(list(self.records))
        for tag, group in people.items():
            if group not in choices.get(tag, ()):
                raise HTTPException(400, f"Nobody was audited as {tag} '{group}'.")
        return people

    def sample(self, name: str) -> uploads.Upload:
        """Return a sample as if it had been uploaded; HTTP status 404 if there is none."""
        if name not in self.samples:
            raise HTTPException(404, "There is no such sample.")
        return uploads.check_picture(self.samples[name].name, self.samples[name].read_bytes())


async def _table_of(form: FormData) -> UploadedTable:
    (file,) = uploads.files_of(form, "scores", "Choose a scores file, .csv or .parquet.")
    return UploadedTable(uploads.base_name(file.filename), await file.read())


def services_of(request: Request) -> Services:
    """Return the parts of the server that a request came to."""
    services: Services = request.app.state.services
    return services
