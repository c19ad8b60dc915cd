"""The demo: bundled faces scored, recorded scores audited and compared. No data, no network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from faceaudit import bundled, commands
from faceaudit.errors import MissingExtraError
from faceaudit.result import Result

#: The ready specifications that the demo runs on each classifier's recorded scores.
SPECS = (
    "generator-source",
    "ffhq-glasses-age-gender",
    "utkface-demographics",
    "fairface-demographics",
)


@dataclass(frozen=True)
class DemoReport:
    """One report that the demo wrote."""

    name: str
    result: Result
    path: Path


@dataclass(frozen=True)
class Demo:
    """What the demo did.

    Attributes
    ----------
    index : Path
        A page that lists the reports.
    reports : list of DemoReport
        The comparison first, then the audits.
    skipped : str or None
        Why the sample images were not scored, in one line.
    """

    index: Path
    reports: list[DemoReport]
    skipped: str | None

    @property
    def experiments(self) -> dict[str, str]:
        """What became of the published experiment's two results, by what was done."""
        verdicts = {report.name: report.result.verdict for report in self.reports}
        return {
            "The generator's own training photographs as the test set": verdicts[
                "without-ffhq/generator-source"
            ],
            "Some of those photographs added to training": verdicts["compare"],
        }


def demo(out: Path | str, *, say: Callable[[str], None] = lambda text: None) -> Demo:
    """Run the embedded default and write its reports.

    Parameters
    ----------
    out : Path or str
        Folder for the reports; made if it is not there.
    say : callable
        Is told what is being done, one line at a time.

    Returns
    -------
    Demo
    """
    out = Path(out)
    reports = []
    first, second = (bundled.recorded_scores(name) for name in bundled.recorded_names()[::-1])
    say(f"comparing {first.stem} with {second.stem} on the same images")
    compared = commands.compare(first, second, out / "compare", spec="recorded-comparison")
    reports.append(DemoReport("compare", compared, out / "compare" / "report.html"))
    for scores in (first, second):
        for spec in SPECS:
            name = f"{scores.stem}/{spec}"
            say(f"auditing {name}")
            result = commands.audit([scores], spec, out / name)
            reports.append(DemoReport(name, result, out / name / "report.html"))
    say("scoring the bundled faces")
    skipped = None
    try:
        result = _samples(out / "samples")
        reports.append(DemoReport("samples", result, out / "samples" / "report.html"))
    except MissingExtraError as error:
        # Whoever installed the core alone still gets every report but this one.
        skipped = str(error)
    return Demo(commands.report(out), reports, skipped)


def _samples(folder: Path) -> Result:
    from faceaudit.scoring import score
    from faceaudit.tables import write_table

    manifest = bundled.samples_manifest()
    write_table(folder / "manifest.parquet", manifest.table, manifest.info)
    score("bundled:default", folder / "manifest.parquet", folder / "scores.parquet")
    return commands.audit(
        [folder / "scores.parquet"],
        "samples",
        folder,
        images_from=[(bundled.SAMPLES, bundled.samples_folder())],
    )
