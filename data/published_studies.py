"""Run the recorded studies again, on the partition of the published experiment.

    python data/published_studies.py DATA OUT STUDY [SEEDS]

DATA is laid out as data/README.md says; STUDY is ``photoshopped``, ``learning-curve`` or
``mitigation``. (What the generator's photographs in training change is the published experiment
itself: see published_experiment.py.) OUT gets the manifests, a folder for each study with its runs,
``study.json`` and ``report.html``, and ``studies/`` as it is in ``docs``. A study that was stopped
goes on from what is finished. docs/findings.md holds the recorded numbers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from faceaudit.datasets import index
from faceaudit.result import Result, write_result
from faceaudit.studies.learning_curve import LearningCurve
from faceaudit.studies.mitigation import Mitigation
from faceaudit.studies.photoshopped import Photoshopped
from faceaudit.tables import read_manifest, write_table
from published_experiment import prepare

#: Seeds of each study, and how many of FairFace's images are enough to test on.
SEEDS = {"photoshopped": 5, "learning-curve": 3, "mitigation": 3}
FAIRFACE = 700
#: What trains and what tests remedies: samples of all, for the time it takes.
SAMPLED = {
    **{"utkface": (250, 240), "lfw": (150, 200), "ffhq": (250, 540), "celeba": (0, 240)},
    **{"fairface": (0, 240), "one-million-fake-faces": (300, 400), "generated-photos": (150, 240)},
    **{"mobilestylegan": (0, 300), "stylegan2": (0, 200), "stylegan3": (0, 250)},
    "stable-diffusion-3": (0, 160),
}
REMEDY_EPOCHS = 4
AI_TESTS = (
    "one-million-fake-faces",
    "generated-photos",
    "mobilestylegan",
    "stylegan2",
    "stylegan3",
)


def manifests(data: Path, folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Write the training and the test manifest of every set; return their paths by set."""
    training, test = prepare(data, folder)
    tests = {}
    for name in test.info.datasets:
        table = test.table.filter(pc.equal(test.table["dataset"], name))
        tests[name] = write_table(folder / f"{name}-test.parquet", table, test.info)
    return training, tests


def first(manifest: Path, count: int) -> Path:
    """Write a manifest of another's first images."""
    whole = read_manifest(manifest)
    path = manifest.with_stem(f"{manifest.stem}-{count}")
    return write_table(path, whole.table.slice(0, count), whole.info)


def sampled(manifest: Path, count: int) -> Path:
    """Write a manifest of some of another's images, drawn at random."""
    whole = read_manifest(manifest)
    rows = np.sort(np.random.default_rng(0).permutation(len(whole.table))[:count])
    path = manifest.with_stem(f"{manifest.stem}-{count}")
    return write_table(path, whole.table.take(rows), whole.info)


def run(data: Path, out: Path, study: str, seeds: int) -> Result:
    """Run a study with the recorded settings."""
    training, tests = manifests(data, out / "manifests")
    folder = out / study
    if study == "mitigation":
        mitigation = Mitigation(
            tests=[sampled(tests[name], n) for name, (_, n) in SAMPLED.items()],
            hold_out=0,
            seeds=seeds,
            epochs=REMEDY_EPOCHS,
        )
        images = [sampled(training[name], n) for name, (n, _) in SAMPLED.items() if n]
        return mitigation.run(images, folder, progress=True)
    base = [training[name] for name in ("lfw", "one-million-fake-faces", "generated-photos")]
    if study == "photoshopped":
        retouched = out / "manifests" / "real-and-fake.parquet"
        index("real-and-fake", data / "real_and_fake_face", retouched, photoshopped_as="real")
        photoshopped = Photoshopped(
            tests=[tests[name] for name in (*AI_TESTS, "ffhq")], seeds=seeds
        )
        images = [first(training["utkface"], 700), *base, retouched]
        return photoshopped.run(images, folder, progress=True)
    curve = LearningCurve(
        tests=[
            first(tests["fairface"], FAIRFACE),
            *(tests[name] for name in ("ffhq", "one-million-fake-faces", "stylegan3")),
        ],
        hold_out=0,
        epochs_tried=(1, 4),
        images_tried=(400, 1400),
        real_shares_tried=(0.3, 0.7),
        seeds=seeds,
    )
    return curve.run([training["utkface"], *base], folder, progress=True)


if __name__ == "__main__":
    _, data, out, study, *rest = sys.argv
    result = run(Path(data), Path(out), study, int(rest[0]) if rest else SEEDS[study])
    write_result(Path(out) / "studies" / f"{study}.json", result)
    print(result.verdict)
