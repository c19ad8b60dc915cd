"""Grad-CAM finds the part of a picture that a network was built to look at."""

from __future__ import annotations

import numpy as np
import pytest

from faceaudit.errors import FaceAuditError
from faceaudit.model.explain import in_words, overlay, thirds

torch = pytest.importorskip("torch", reason="needs the extra 'model'")

from faceaudit.model.explain import explain  # noqa: E402
from faceaudit.model.records import InputRecord  # noqa: E402

SIZE = 48
RECORD = InputRecord(size=SIZE, mean=[0.5] * 3, std=[0.5] * 3)


def redness_network() -> torch.nn.Module:
    """One feature: where it is redder than it is blue. More of it means AI-generated."""
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 1, 8, stride=8, bias=False),
        torch.nn.ReLU(inplace=True),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(1, 1),
    )
    with torch.no_grad():
        network[0].weight[:] = torch.tensor([1.0, 0.0, -1.0])[None, :, None, None] / 64
        network[4].weight[:] = 4.0
        network[4].bias[:] = -0.1
    return network


def grey_with_red(*squares: tuple[int, int]) -> np.ndarray:
    pixels = np.full((SIZE, SIZE, 3), 128, np.uint8)
    for row, column in squares:
        pixels[row : row + 8, column : column + 8] = (255, 0, 0)
    return pixels


def test_evidence_lies_where_the_network_looks():
    pixels = np.stack([grey_with_red((0, 40)), grey_with_red((40, 0), (40, 8))])
    maps = explain(redness_network(), RECORD, pixels, np.array([True, True]))
    assert maps.shape == (2, 6, 6)
    assert maps[0, 0, 5] == pytest.approx(1) and maps[0].sum() == pytest.approx(1)
    assert maps[1, 5, :2] == pytest.approx([0.5, 0.5])
    assert "lies in the top right (100\N{NARROW NO-BREAK SPACE}%)." in in_words(maps[0])


def test_what_speaks_against_the_verdict_does_not_count():
    pixels = grey_with_red((0, 40))[None]
    maps = explain(redness_network(), RECORD, pixels, np.array([False]))
    assert maps.sum() == 0
    assert in_words(maps[0]).startswith("No part of the picture")


def test_a_picture_is_explained_the_same_alone_and_in_a_batch():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (4, SIZE, SIZE, 3)).astype(np.uint8)
    called_ai = np.array([True, False, True, False])
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 5, stride=4),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(inplace=True),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 1),
    )
    network.eval()
    together = explain(network, RECORD, pixels, called_ai)
    alone = np.concatenate(
        [explain(network, RECORD, pixels[[i]], called_ai[[i]]) for i in range(4)]
    )
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert not np.allclose(together[0], together[2])


@pytest.mark.parametrize("name", ["torchvision:resnet18", "tf_efficientnet_lite0"])
def test_published_networks_have_a_map(name):
    from faceaudit.model.architecture import build_network, find_architecture

    network = build_network(find_architecture(name), 64)
    maps = explain(network, RECORD, np.zeros((1, 64, 64, 3), np.uint8), np.array([True]))
    assert maps.shape == (1, 2, 2)


def test_a_transformer_is_refused_in_one_line():
    from faceaudit.model.architecture import build_network, find_architecture

    network = build_network(find_architecture("vit_tiny_patch16_224"), 224)
    with pytest.raises(FaceAuditError, match="convolutional"):
        explain(network, RECORD, np.zeros((1, 224, 224, 3), np.uint8), np.array([True]))


@pytest.mark.parametrize("fields", [1, 3, 4, 7])
def test_thirds_keep_the_sum_and_the_place(fields):
    share = np.full((fields, fields), 1 / fields**2, np.float32)
    np.testing.assert_allclose(thirds(share), np.full((3, 3), 1 / 9), atol=1e-6)
    corner = np.zeros((fields, fields), np.float32)
    corner[0, -1] = 1
    assert thirds(corner).sum() == pytest.approx(1)
    assert thirds(corner)[0, 2] == thirds(corner).max()


def test_spread_evidence_is_said_to_be_spread():
    assert "spread over the whole picture" in in_words(np.full((4, 4), 1 / 16, np.float32))


def test_overlay_is_opaque_where_the_evidence_is():
    share = np.zeros((4, 4), np.float32)
    share[3, 0] = 1
    layer = overlay(share, 64)
    assert layer.mode == "RGBA" and layer.size == (64, 64)
    assert layer.getpixel((4, 60))[3] > 150 and layer.getpixel((60, 4))[3] == 0
