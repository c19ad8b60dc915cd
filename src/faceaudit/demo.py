"""The demo: bundled faces scored, recorded scores audited and compared. No data, no network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from faceaudit import api, bundled
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
class Demo:
    """What the demo did.

    Attributes
    ----------
    index : Path
        A page that lists the reports.
    reports : dict of str to Result
        By their folder beside it: the comparison first, then the audits.
    skipped : str or None
        Why the sample images were not scored, in one line.
    """

    index: Path
    reports: dict[str, Result]
    skipped: str | None

    @property
    def experiments(self) -> dict[str, str]:
        """What became of the published experiment's two results, by what was done."""
        return {
            "Tested on photographs that the generator learned from": self.reports[
                "without-ffhq/generator-source"
            ].verdict,
            "With some of them in training": self.reports["compare"].verdict,
        }


def demo(out: Path | str, *, say: Callable[[str], None] = lambda text: None) -> Demo:
    """Run the embedded default and write its reports into a folder.

    `say` is told what is being done, one line at a time.
    """
    out = Path(out)
    reports: dict[str, Result] = {}
    first, second = (bundled.recorded_scores(name) for name in bundled.PUBLISHED_PAIR[::-1])
    say(f"comparing {first.stem} with {second.stem} on the same images")
    reports["compare"] = api.compare(first, second, out=out / "compare", spec="recorded-comparison")
    for scores in (first, second):
        for spec in SPECS:
            name = f"{scores.stem}/{spec}"
            say(f"auditing {name}")
            reports[name] = api.audit([scores], spec, out / name)
    say("scoring the bundled faces")
    skipped = None
    try:
        reports["samples"] = _samples(out / "samples")
    except MissingExtraError as error:
        # Whoever installed the core alone still gets every report but this one.
        skipped = str(error)
    return Demo(api.report(out), reports, skipped)


def _samples(folder: Path) -> Result:
    from faceaudit.scoring import score

    scores = folder / "scores.parquet"
    score("bundled:default", bundled.samples_manifest(), scores)
    pictures = [(bundled.SAMPLES, bundled.samples_folder())]
    return api.audit([scores], "samples", folder, images_from=pictures)
