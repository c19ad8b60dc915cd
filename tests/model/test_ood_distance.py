"""What is unlike the training pictures is told from what is like them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.errors import FaceAuditError
from tests.pictures import draw_dataset, write_manifest

torch = pytest.importorskip("torch", reason="needs the extra 'model'")

from faceaudit.model.architecture import build_network, find_architecture  # noqa: E402
from faceaudit.model.checkpoint import load_checkpoint  # noqa: E402
from faceaudit.model.ood_distance import (  # noqa: E402
    Familiarity,
    FeatureExtractor,
    _axes,
    learn_familiarity,
    read_familiarity,
    write_familiarity,
)
from faceaudit.model.records import FAMILIARITY_FILE, InputRecord  # noqa: E402
from faceaudit.model.training import add_familiarity, train  # noqa: E402

TINY = {"arch": "test_resnet", "weights": "none", "size": 32, "batch_size": 16, "lr": 1e-2}


def test_distance_is_in_standard_deviations():
    axes = np.array([[1 / 2, 0, 0], [0, 1 / 5, 0]], np.float32)  # the third does not count
    known = Familiarity(np.array([10, 20, 30], np.float32), axes, 1.0, 10)
    features = np.array([[10, 20, 99], [12, 20, 30], [16, 40, 30]], np.float32)
    np.testing.assert_allclose(known.distance(features), [0, 1, 5])


def test_it_is_mahalanobis_distance_where_no_axis_is_left_out():
    from scipy.spatial.distance import mahalanobis

    rng = np.random.default_rng(0)
    features = (rng.normal(size=(500, 4)) @ rng.normal(size=(4, 4))).astype(np.float32)
    known = Familiarity(features.mean(0), _axes(features), 1.0, 10)
    inverse = np.linalg.inv(np.cov(features.T, bias=True))
    expected = [mahalanobis(row, features.mean(0), inverse) for row in features[:20]]
    np.testing.assert_allclose(known.distance(features[:20]), expected, rtol=1e-3)


def test_features_that_never_vary_make_no_axis():
    rng = np.random.default_rng(0)
    features = np.zeros((300, 5), np.float32)
    features[:, :2] = rng.normal(size=(300, 2))
    features[:, 2] = features[:, 0]
    axes = _axes(features)
    assert axes.shape == (2, 5) and np.isfinite(axes).all()


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("test_resnet", 32),
        ("tf_efficientnet_lite0", 64),
        ("vit_tiny_patch16_224", 224),
        ("torchvision:squeezenet1_1", 64),  # its head is a convolution
        ("torchvision:googlenet", 64),
        ("torchvision:swin_v2_t", 64),  # looks at windows of the picture, one after the other
    ],
)
def test_every_kind_of_network_has_features_of_each_picture_on_its_own(name, size):
    torch.manual_seed(0)
    network = build_network(find_architecture(name), size)
    record = InputRecord(size=size, mean=[0.5] * 3, std=[0.5] * 3)
    pixels = np.random.default_rng(0).integers(0, 256, (3, size, size, 3)).astype(np.uint8)
    pixels[2] //= 4
    extract = FeatureExtractor(network, record)
    features = extract(pixels)
    assert features.ndim == 2 and len(features) == 3 and features.shape[1] >= 8
    size = np.abs(features).max()  # untrained networks may give very small ones
    assert np.abs(features[0] - features[2]).max() > 1e-2 * size
    for i in range(3):
        np.testing.assert_allclose(extract(pixels[i : i + 1])[0], features[i], atol=1e-4 * size)


class Colours(torch.nn.Module):
    """Of its three layers the middle one gets mean red, green and blue."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, 3, 1, bias=False)
        self.first.weight.data[:] = torch.eye(3)[:, :, None, None]
        self.middle, self.last = torch.nn.Linear(3, 3), torch.nn.Linear(3, 1)

    def forward(self, inputs):
        return self.last(self.middle(self.first(inputs).mean((2, 3))))


def test_the_features_are_what_enters_the_middle_layer():
    pixels = (
        np.array([[255, 0, 0], [0, 51, 102]], np.uint8)[:, None, None].repeat(8, 1).repeat(8, 2)
    )
    record = InputRecord(size=8, mean=[0.0] * 3, std=[1.0] * 3)
    features = FeatureExtractor(Colours(), record)(pixels)
    np.testing.assert_allclose(features, [[1, 0, 0], [0, 0.2, 0.4]], atol=1e-6)


def colourful(n: int, rng: np.random.Generator) -> np.ndarray:
    """Even pictures, reddish ones more or less."""
    colour = np.array([200, 60, 60]) + rng.normal(0, 20, (n, 3))
    pixels = np.broadcast_to(colour[:, None, None], (n, 8, 8, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def test_one_new_picture_in_a_hundred_is_called_unfamiliar_and_another_colour_always():
    rng = np.random.default_rng(0)
    pixels, record = colourful(3_000, rng), InputRecord(size=8, mean=[0.0] * 3, std=[1.0] * 3)
    network, rows = Colours(), np.arange(3_000)
    known = learn_familiarity(network, record, pixels, rows[:1_000], rows[1_000:], seed=0)
    assert known.axes.shape == (3, 3) and known.n_validation == 2_000
    extract = FeatureExtractor(network, record)
    new = known.distance(extract(colourful(4_000, rng))) > known.limit
    # Three standard errors, of 2,000 validation pictures and of 4,000 new ones.
    assert abs(new.mean() - 0.01) < 3 * np.sqrt(0.01 * 0.99 * (1 / 2_000 + 1 / 4_000))
    blue = colourful(50, rng)[..., ::-1].copy()
    assert (known.distance(extract(blue)) > known.limit).all()


def test_it_comes_back_as_written_and_for_no_other_weights(tmp_path):
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(5, 7)).astype(np.float32)
    known = Familiarity(axes[0].copy(), axes, 0.1 + 0.2, 99)
    assert read_familiarity(tmp_path, "abc") is None
    write_familiarity(tmp_path, known, "abc")
    read = read_familiarity(tmp_path, "abc")
    assert (read.centre == known.centre).all() and (read.axes == known.axes).all()
    assert (read.limit, read.n_validation) == (known.limit, 99)
    assert read_familiarity(tmp_path, "abd") is None
    path = tmp_path / FAMILIARITY_FILE
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(FaceAuditError, match=r"familiarity\.safetensors: damaged.*delete it"):
        read_familiarity(tmp_path, "abc")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    return draw_dataset(tmp_path_factory.mktemp("drawn"), 60, 60)


@pytest.fixture(scope="module")
def model(dataset, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("m") / "tiny"
    train([dataset], folder, epochs=4, seed=7, **TINY)
    return folder


def test_training_writes_it_and_it_can_be_made_anew(model, dataset):
    first = load_checkpoint(model)
    path = model / FAMILIARITY_FILE
    path.unlink()
    older = load_checkpoint(model)
    assert older.familiarity is None and older.sha256 == first.sha256
    again = add_familiarity(model, [dataset])
    assert again.sha256 == first.sha256
    assert (again.familiarity.axes == first.familiarity.axes).all()
    assert again.familiarity.limit == first.familiarity.limit > 0
    assert again.familiarity.n_validation == first.record.training.n_validation


def test_pictures_of_another_kind_are_farther_than_those_held_out(model, dataset):
    known = load_checkpoint(model)
    extract = FeatureExtractor(known.network, known.record.input)
    rng = np.random.default_rng(0)
    stripes = np.zeros((20, 32, 32, 3), np.uint8)
    for i, period in enumerate(rng.integers(2, 9, 20)):
        stripes[i, ::period] = rng.integers(0, 256, 3)
    assert (known.familiarity.distance(extract(stripes)) > known.familiarity.limit).mean() > 0.5


def test_manifests_of_other_pictures_are_refused(model, tmp_path):
    other = draw_dataset(tmp_path, 4, 4, seed=9)
    with pytest.raises(FaceAuditError, match="hold 0 of the images"):
        add_familiarity(model, [other])
    gone = write_manifest(tmp_path, ["a.png"], ["real"])
    with pytest.raises(FaceAuditError, match="none of the images"):
        add_familiarity(model, [gone])


def test_new_weights_in_an_old_folder_leave_nothing_stale(model, dataset, tmp_path):
    from faceaudit.model.checkpoint import save_checkpoint

    known = load_checkpoint(model)
    images = pa.table({"sha256": known.training_images})
    save_checkpoint(tmp_path, known.record, known.network, images, known.familiarity)
    assert load_checkpoint(tmp_path).familiarity.limit == known.familiarity.limit
    save_checkpoint(tmp_path, known.record, known.network, images)
    assert load_checkpoint(tmp_path).familiarity is None
