"""A picture's score is its own: whatever is scored beside it, and however many at a time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pictures import draw_dataset

torch = pytest.importorskip("torch", reason="needs the extra 'model'")

from fastai.data.transforms import Normalize  # noqa: E402
from fastai.learner import Learner  # noqa: E402
from fastai.losses import CrossEntropyLossFlat  # noqa: E402
from fastai.vision.augment import Resize, aug_transforms  # noqa: E402
from fastai.vision.data import ImageDataLoaders  # noqa: E402
from torch import nn  # noqa: E402

from faceaudit import bundled  # noqa: E402
from faceaudit.model.training import train  # noqa: E402
from faceaudit.scoring import open_detector, score  # noqa: E402
from faceaudit.scoring.runs import BATCH_TOLERANCE  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return draw_dataset(tmp_path_factory.mktemp("drawn"), 8, 8)


@pytest.fixture(scope="module")
def trained(manifest, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "m"
    train([manifest], folder, arch="test_resnet", weights="none", size=32, epochs=1, batch_size=4)
    return folder


def exported(manifest, folder, normalisation):
    loaders = ImageDataLoaders.from_folder(
        manifest.parent,
        valid_pct=0.5,
        seed=0,
        bs=4,
        item_tfms=Resize(40),
        batch_tfms=[*aug_transforms(size=32), Normalize.from_stats([0.4], [0.2], cuda=False)],
        num_workers=0,
        device="cpu",
    )
    torch.manual_seed(0)
    head = nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 2)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), normalisation, *head)
    learner = Learner(loaders, network, CrossEntropyLossFlat(), path=folder)
    learner.export("export.pkl")
    return folder / "export.pkl"


def state_dict(trained):
    weights = trained / "weights.pth"
    network = open_detector(trained).checkpoint.network
    torch.save({f"module.{name}": t for name, t in network.state_dict().items()}, weights)
    return weights


def scores_of(model, manifest, folder, batch_size):
    detector = open_detector(model, trust_pickle=True)
    options = {"batch_size": batch_size, "find_faces": False}
    return score(detector, manifest, folder / f"{batch_size}.parquet", **options)


@pytest.mark.parametrize(
    "kind", [*(f"bundled:{name}" for name in bundled.model_names()), "trained", "state", "export"]
)
def test_one_batch_of_16_or_sixteen_of_1(kind, manifest, trained, tmp_path):
    if kind == "export":
        model = exported(manifest, tmp_path, nn.BatchNorm2d(4))
    else:
        model = {"trained": trained, "state": state_dict(trained)}.get(kind, kind)
    one, many = (scores_of(model, manifest, tmp_path, size) for size in (1, 16))
    alone, together = (scores.table["p_ai"].to_numpy() for scores in (one, many))
    assert len(together) == 16
    np.testing.assert_allclose(alone, together, rtol=0, atol=BATCH_TOLERANCE)
    for scores in (one, many):
        assert not [note for note in scores.info.notes if "depend" in note]
        assert 0 <= scores.info.batch_drift <= BATCH_TOLERANCE


def test_a_classifier_that_depends_on_the_batch_is_said_to(manifest, tmp_path):
    """Such as one that normalises by the statistics of the batch even in evaluation."""
    model = exported(manifest, tmp_path, nn.BatchNorm2d(4, track_running_stats=False))
    one, many = (scores_of(model, manifest, tmp_path, size) for size in (1, 16))
    alone, together = (scores.table["p_ai"].to_numpy() for scores in (one, many))
    assert np.abs(alone - together).max() > BATCH_TOLERANCE
    for scores, size in ((one, 1), (many, 16)):
        (note,) = (note for note in scores.info.notes if "depend" in note)
        among = f"of 8 pictures scored among the others of this run (batches of {size}), with each"
        assert among in note and "a score moved by 0.0" in note
    # The batch of the run counts too, not only that of the pictures compared.
    moved = np.abs(alone - together)[:8].max()
    assert many.info.batch_drift >= moved > 0
    assert f"moved by {many.info.batch_drift:.2g}" in note
