"""What must be the same for scores to belong together: of one run, on whatever machines."""

from __future__ import annotations

import json

from faceaudit.model.faces import FaceFinder
from faceaudit.scoring.detectors import Detector
from faceaudit.scoring.options import ModelOptions
from faceaudit.tables import library_versions


def versions() -> dict[str, str]:
    """Return the versions of the libraries that a score depends on."""
    return library_versions("torch", "torchvision", "timm", "onnxruntime", "pillow")


def judged_by(
    detector: Detector, inference: str | None, said: ModelOptions, finder: FaceFinder | None
) -> dict[str, str]:
    """Return in words what judges pictures on this machine."""
    return {
        "classifier": f"{detector.info.model_dump_json(exclude={'preprocessing'})} {said}",
        "inference": inference or "",
        "preprocessing": json.dumps(detector.info.preprocessing),
        "face finder": "" if finder is None else finder.name,
        "versions of libraries": json.dumps(versions()),
    }
