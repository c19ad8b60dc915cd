"""The classifiers that the server offers, each loaded when its first picture comes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from faceaudit import bundled
from faceaudit.errors import FaceAuditError
from faceaudit.files import sha256_of
from faceaudit.model.checkpoint import WEIGHTS_FILE, read_record

if TYPE_CHECKING:
    from faceaudit.model.explain import Explainer, Maps
    from faceaudit.model.ood_distance import FeatureExtractor
    from faceaudit.model.preprocess import Picture
    from faceaudit.scoring import Classifier


@dataclass(frozen=True)
class Judged:
    """What a classifier says of one picture.

    Attributes
    ----------
    p_ai : float
        Probability of AI-generated.
    evidence : ndarray of float32, shape (h, w), or None
        Where the evidence for the verdict lies, see `faceaudit.model.explain`; None where the
        network has no feature map.
    distance, limit : float or None
        How far the picture lies from the training pictures and how far is still familiar, see
        `faceaudit.model.ood_distance`; None where the model does not know its training pictures.
    """

    p_ai: float
    evidence: Maps | None
    distance: float | None = None
    limit: float | None = None


class Detector(Protocol):
    """A classifier as the pages use it.

    Attributes
    ----------
    name : str
        Unique on this server; part of addresses.
    architecture, threshold_rule : str
    threshold : float
        A picture is called AI when ``p_ai >= threshold``, compared in float32.
    size : int
        Side of the square that it sees, in pixels.
    sha256 : str
        Hash of its weights, by which its recorded scores are known.
    """

    name: str
    architecture: str
    threshold: float
    threshold_rule: str
    size: int
    sha256: str

    def judge(self, picture: Picture) -> Judged:
        """Judge one picture, prepared at this detector's size."""
        ...


class CheckpointDetector:
    """A model directory. Its record is read at once, its network with the first picture.

    Parameters
    ----------
    model : str
        ``bundled:NAME`` or a model directory.

    Raises
    ------
    FaceAuditError
        If there is no such model.
    """

    def __init__(self, model: str) -> None:
        self._folder = bundled.resolve_model(model)
        record = read_record(self._folder)
        self.name = self._folder.resolve().name
        self.architecture = f"{record.architecture} ({record.library})"
        self.threshold = record.threshold
        self.threshold_rule = record.threshold_rule
        self.size = record.input.size
        self.sha256 = sha256_of(self._folder / WEIGHTS_FILE)
        self._lock = threading.Lock()
        self._loaded: tuple[Classifier, Explainer, FeatureExtractor] | None = None

    def judge(self, picture: Picture) -> Judged:
        """Judge one picture, prepared at this detector's size."""
        assert picture.pixels is not None, "only pictures that could be read are judged"
        pixels = np.stack([picture.pixels])
        # One at a time: whoever comes second while it loads must not load it again.
        with self._lock:
            classifier, explain, extract = self._load()
            p_ai = float(classifier.p_ai([picture])[0])
            try:
                evidence = explain(pixels, np.array([calls_ai(p_ai, self.threshold)]))[0]
            except FaceAuditError:  # a network without a feature map still has a verdict
                evidence = None
            known = classifier.checkpoint.familiarity
            if known is None:
                return Judged(p_ai, evidence)
            return Judged(p_ai, evidence, float(known.distance(extract(pixels))[0]), known.limit)

    def _load(self) -> tuple[Classifier, Explainer, FeatureExtractor]:
        if self._loaded is None:
            from faceaudit.model.explain import Explainer
            from faceaudit.model.ood_distance import FeatureExtractor
            from faceaudit.scoring import Classifier

            classifier = Classifier.load(self._folder)
            network, record = classifier.checkpoint.network, classifier.checkpoint.record.input
            extract = FeatureExtractor(network, record)
            self._loaded = classifier, Explainer(network, record), extract
        return self._loaded


def calls_ai(p_ai: float, threshold: float) -> bool:
    """Tell the verdict at a threshold, compared in float32 as everywhere."""
    return bool(np.float32(p_ai) >= np.float32(threshold))


def open_detectors(models: Sequence[Path | str] | None) -> list[Detector]:
    """Open models by name; None means all that are bundled.

    Raises
    ------
    FaceAuditError
        If one is not there, or two have the same name.
    """
    if models is None:
        # The default one first.
        names = sorted(bundled.model_names(), key=lambda name: name != bundled.DEFAULT_MODEL)
        models = [f"{bundled.PREFIX}{name}" for name in names]
    detectors: list[Detector] = [CheckpointDetector(str(model)) for model in models]
    for name, count in Counter(detector.name for detector in detectors).items():
        if count > 1:
            raise FaceAuditError(f"two of the models are called '{name}'; rename one folder")
    return detectors
