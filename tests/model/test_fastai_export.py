"""A classifier that somebody trained and exported in fastai gives the same scores here."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tests.pictures import draw_dataset, encode

from faceaudit.errors import FaceAuditError

pytest.importorskip("fastai", reason="needs the extra 'model'")

from fastai.data.transforms import Normalize
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat
from fastai.vision.augment import Resize
from fastai.vision.data import ImageDataLoaders
from torch import nn

from faceaudit.scoring import Classifier, score_images


def export(folder, classes=("fake", "real"), outputs=2):
    draw_dataset(folder, 8, 8)
    (folder / "ai").rename(folder / classes[0])
    (folder / "real").rename(folder / classes[1])
    loaders = ImageDataLoaders.from_folder(
        folder,
        valid_pct=0.5,
        seed=0,
        bs=4,
        item_tfms=Resize(32),
        batch_tfms=Normalize.from_stats([0.4] * 3, [0.2] * 3, cuda=False),
        num_workers=0,
        device="cpu",
    )
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network.append(nn.Linear(4, outputs))
    learner = Learner(loaders, network, CrossEntropyLossFlat(), path=folder)
    learner.export("export.pkl")
    return learner, folder / "export.pkl"


@pytest.mark.filterwarnings("ignore")
def test_same_probabilities(tmp_path):
    learner, path = export(tmp_path)
    classifier = Classifier.load(path, trust_pickle=True)
    rng = np.random.default_rng(0)
    # Already of the right size, so that only the networks are compared.
    pixels = rng.integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    images = [Image.fromarray(picture) for picture in pixels]
    ours = [result.p_ai for result in score_images(classifier, [encode(i) for i in images])]
    theirs = learner.get_preds(dl=learner.dls.test_dl(list(pixels)))[0][:, 0]
    assert ours == pytest.approx(theirs.tolist(), abs=1e-5)
    assert len(set(ours)) == 6


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("classes", "outputs", "message"),
    [(("cats", "dogs"), 2, "classes are cats, dogs"), (("fake", "real"), 3, "one number")],
)
def test_other_classifiers_are_refused(tmp_path, classes, outputs, message):
    _, path = export(tmp_path, classes, outputs)
    with pytest.raises(FaceAuditError, match=message):
        Classifier.load(path, trust_pickle=True)
