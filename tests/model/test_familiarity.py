"""What is unlike the training pictures is told from what is like them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.pictures import draw_dataset, write_manifest

from faceaudit.errors import FaceAuditError

torch = pytest.importorskip("torch", reason="needs the extra 'model'")

from faceaudit.model.architecture import build_network, find_architecture  # noqa: E402
from faceaudit.model.checkpoint import InputRecord, load_checkpoint  # noqa: E402
from faceaudit.model.familiarity import (  # noqa: E402
    FAMILIARITY_FILE,
    SAMPLE,
    Familiarity,
    FeatureExtractor,
    learn_familiarity,
    read_familiarity,
    write_familiarity,
)
from faceaudit.model.training import add_familiarity, train  # noqa: E402

TINY = {"arch": "test_resnet", "weights": "none", "size": 32, "batch_size": 16, "lr": 1e-2}
UNIT = np.eye(4, dtype=np.float32)


def test_distance_is_that_to_the_kth_nearest():
    known = Familiarity(UNIT[:3].astype(np.float16), 1.0, 1, 10)
    features = np.stack([UNIT[0], -UNIT[0], (UNIT[0] + UNIT[1]) / np.sqrt(2), UNIT[3]])
    expected = [0, np.sqrt(2), np.sqrt(2 - np.sqrt(2)), np.sqrt(2)]
    np.testing.assert_allclose(known.distance(features), expected, atol=1e-6)
    third = dataclasses.replace(known, neighbour=3).distance(features)
    np.testing.assert_allclose(third, [np.sqrt(2), 2, np.sqrt(2), np.sqrt(2)], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("test_resnet", 32),
        ("tf_efficientnet_lite0", 64),
        ("vit_tiny_patch16_224", 224),
        ("torchvision:squeezenet1_1", 64),  # its head is a convolution
        ("torchvision:googlenet", 64),
        ("torchvision:mobilenet_v3_small", 64),  # its last layer is not its only linear one
    ],
)
def test_features_are_what_the_last_layer_makes_the_logit_of(name, size):
    torch.manual_seed(0)
    network = build_network(find_architecture(name), size)
    record = InputRecord(size=size, mean=[0.5] * 3, std=[0.5] * 3)
    pixels = np.random.default_rng(0).integers(0, 256, (3, size, size, 3)).astype(np.uint8)
    features = FeatureExtractor(network, record)(pixels)
    head = list(network.parameters())[-2]  # weight, then bias
    assert features.shape == (3, head.shape[1])
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)
    assert np.abs(features[0] - features[1]).max() > 1e-5
    alone = FeatureExtractor(network, record)(pixels[1:2])
    np.testing.assert_allclose(alone[0], features[1], atol=1e-5)


def test_timm_calls_the_same_the_features_before_the_logits():
    network = build_network(find_architecture("tf_efficientnet_lite0"), 64)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    record = InputRecord(size=64, mean=[0.5] * 3, std=[0.5] * 3)
    inputs = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.inference_mode():
        theirs = network.forward_head(network.forward_features(inputs), pre_logits=True).numpy()
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    np.testing.assert_allclose(FeatureExtractor(network, record)(pixels), theirs, atol=1e-5)


class Colours(torch.nn.Module):
    """Features are the mean red, green and blue."""

    def __init__(self) -> None:
        super().__init__()
        self.head = torch.nn.Linear(3, 1)

    def forward(self, inputs):
        return self.head(inputs.mean((2, 3)))


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
    assert known.sample.shape == (SAMPLE, 3) and known.n_validation == 2_000
    extract = FeatureExtractor(network, record)
    new = known.distance(extract(colourful(4_000, rng))) > known.limit
    # Three standard errors, of 2,000 validation pictures and of 4,000 new ones.
    assert abs(new.mean() - 0.01) < 3 * np.sqrt(0.01 * 0.99 * (1 / 2_000 + 1 / 4_000))
    blue = colourful(50, rng)[..., ::-1].copy()
    assert (known.distance(extract(blue)) > known.limit).all()


def test_it_comes_back_as_written_and_for_no_other_weights(tmp_path):
    rng = np.random.default_rng(0)
    known = Familiarity(rng.normal(size=(5, 7)).astype(np.float16), 0.1 + 0.2, 2, 99)
    assert read_familiarity(tmp_path, "abc") is None
    write_familiarity(tmp_path, known, "abc")
    read = read_familiarity(tmp_path, "abc")
    assert (read.sample == known.sample).all()
    assert (read.limit, read.neighbour, read.n_validation) == (known.limit, 2, 99)
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
    assert (again.familiarity.sample == first.familiarity.sample).all()
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
