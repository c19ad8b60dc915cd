"""What comes with the package: trained models, recorded scores, and a few sample images.

Finding it needs neither torch nor a network.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import pyarrow.csv as pa_csv

from faceaudit.errors import FaceAuditError
from faceaudit.packaged import bundled_models
from faceaudit.schema import DatasetInfo, ManifestInfo, validate
from faceaudit.tables import Manifest, library_versions

PREFIX = "bundled:"
#: What ``bundled:default`` means.
DEFAULT_MODEL = "equal-delivery"

#: The models of the published experiment, whose scores are recorded on the same images.
PUBLISHED_PAIR = ("with-ffhq", "without-ffhq")

SAMPLES = "bundled-samples"


def _folder(name: str) -> Path:
    return Path(str(files(__name__).joinpath(name)))


def model_names() -> list[str]:
    """Return the names of the bundled models."""
    return [*bundled_models()]


def resolve_model(model: Path | str) -> Path:
    """Turn ``bundled:NAME``, or ``bundled:default``, into a path; others are paths already.

    Raises
    ------
    FaceAuditError
        If no bundled model has that name.
    """
    text = str(model)
    if not text.startswith(PREFIX):
        return Path(model)
    name = text.removeprefix(PREFIX)
    known = model_names()
    name = DEFAULT_MODEL if name == "default" else name
    if name not in known:
        listed = ", ".join(f"{PREFIX}{one}" for one in ["default", *known])
        raise FaceAuditError(f"'{text}': there is no such bundled model; there are {listed}")
    return _folder("models") / name


def recorded_names() -> list[str]:
    """Return the names of the models whose scores on real photographs are recorded."""
    return sorted(path.stem for path in _folder("scores").glob("*.parquet"))


def recorded_scores(name: str) -> Path:
    """Return the scores table that a model gave on photographs that are not bundled.

    Raises
    ------
    FaceAuditError
        If there is none of that name.
    """
    if name not in recorded_names():
        raise FaceAuditError(
            f"no recorded scores '{name}'; there are {', '.join(recorded_names())}"
        )
    return _folder("scores") / f"{name}.parquet"


def samples_folder() -> Path:
    """Return the folder of sample images."""
    return _folder("samples")


def sample_scores() -> Path:
    """Return the file in which `data/score_samples.py` recorded the scores of the samples."""
    return samples_folder() / "p_ai.csv"


def recorded_sample_scores(model_sha256: str | None) -> dict[str, float]:
    """Return what a bundled model says of each sample, by file name; nothing of another model."""
    with sample_scores().open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["model_sha256"] == model_sha256]
    return {row["image"]: float(row["p_ai"]) for row in rows}


def samples_manifest() -> Manifest:
    """Return the manifest of the sample images, which are AI-generated, all of them."""
    table = pa_csv.read_csv(samples_folder() / "manifest.csv")
    info = ManifestInfo(
        datasets={
            SAMPLES: DatasetInfo(
                root=str(samples_folder()),
                licence="Apache-2.0 (generator and weights: random-face)",
                found=len(table),
                indexed=len(table),
                note="MobileStyleGAN faces; nobody who exists",
            )
        },
        versions=library_versions(),
    )
    return Manifest(validate(table, "manifest", "the bundled samples"), info)
