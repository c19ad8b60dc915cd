"""The demo: accused, why, mended, audited again, on recorded scores. No data, no network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from faceaudit import api, bundled
from faceaudit.errors import MissingExtraError
from faceaudit.files import expect_writable
from faceaudit.result import Result
from faceaudit.tables import Scores, read_scores

#: The ready specifications that the demo runs on each classifier's recorded scores.
SPECS = (
    "generator-source",
    "person-or-delivery",
    "ffhq-glasses-age-gender",
    "utkface-demographics",
    "fairface-demographics",
)


@dataclass(frozen=True)
class Demo:
    """What the demo did."""

    #: A page that lists the reports.
    index: Path
    #: By their folder beside it: the comparisons first, then the audits.
    reports: dict[str, Result]
    #: Why the sample images were not scored, in one line.
    skipped: str | None

    @property
    def story(self) -> dict[str, str]:
        """What was found, by what was asked: accused, why, mended, and audited again."""
        accused, why = (self.reports[f"without-ffhq/{of}"] for of in SPECS[:2])
        again = self.reports[f"{bundled.DEFAULT_MODEL}/{SPECS[0]}"]
        return {
            "Tested on photographs that the generator learned from": accused.verdict,
            "The person or the picture": why.answer.why if why.answer else why.verdict,
            "With some of them in training": self.reports["compare"].verdict,
            "With pictures of any delivery in training": self.reports["mitigated"].verdict,
            "Audited again": again.verdict,
        }


def demo(out: Path | str, *, say: Callable[[str], None] = lambda text: None) -> Demo:
    """Run the embedded default and write its reports into a folder.

    `say` is told what is being done, one line at a time.
    """
    out = Path(out)
    expect_writable(out / "index.html")
    reports: dict[str, Result] = {}
    first, second = (bundled.recorded_scores(name) for name in bundled.PUBLISHED_PAIR[::-1])
    say(f"comparing {first.stem} with {second.stem} on the same images")
    reports["compare"] = api.compare(first, second, out=out / "compare", spec="recorded-comparison")
    third = bundled.recorded_scores(bundled.DEFAULT_MODEL)
    say(f"comparing {second.stem} with {third.stem} on the same images")
    # The third was tested on fewer images, as it was trained on others.
    pair = _shared(read_scores(second), read_scores(third))
    names = second.stem, third.stem
    reports["mitigated"] = api.compare(
        *pair, out=out / "mitigated", spec="recorded-comparison", names=names
    )
    for scores in (first, second, third):
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


def _shared(first: Scores, second: Scores) -> list[Scores]:
    """Keep the images that both tables have."""
    keys = [
        pc.binary_join_element_wise(of.table["dataset"], of.table["image"], "\n").combine_chunks()
        for of in (first, second)
    ]
    both = zip((first, second), keys, reversed(keys), strict=True)
    return [Scores(of.table.filter(pc.is_in(own, other)), of.info) for of, own, other in both]


def _samples(folder: Path) -> Result:
    from faceaudit.scoring import score

    scores = folder / "scores.parquet"
    score("bundled:default", bundled.samples_manifest(), scores)
    pictures = [(bundled.SAMPLES, bundled.samples_folder())]
    return api.audit([scores], "samples", folder, images_from=pictures)
