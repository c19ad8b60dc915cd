"""Training that lowers the loss of the groups that have the most of it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastai", reason="needs the extra 'model'")

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from faceaudit.datasets.sources import StoredImages
from faceaudit.errors import FaceAuditError
from faceaudit.model.image_reader import read_pictures
from faceaudit.model.inference import predict
from faceaudit.model.preprocess import square_pixels
from faceaudit.model.recipe import GROUP_STEP, GroupDRO
from faceaudit.model.training import train
from faceaudit.tables import read_manifest
from tests.pictures import write_manifest

SMALL = {"arch": "test_resnet", "size": 32, "batch_size": 16, "weights": "none"}


def test_the_weights_move_to_the_groups_with_loss_as_published():
    loss = GroupDRO(3)
    logit = torch.tensor([[2.0], [-1.0], [0.5], [0.0]], requires_grad=True)
    target = torch.tensor([[1.0, 0], [1, 1], [1, 1], [0, 0]])
    each = binary_cross_entropy_with_logits(logit, target[:, :1], reduction="none")[:, 0].detach()
    mean = torch.tensor([each[[0, 3]].mean(), each[[1, 2]].mean(), 0.0])
    weights = torch.exp(GROUP_STEP * mean) / torch.exp(GROUP_STEP * mean).sum()
    found = loss(logit, target)
    torch.testing.assert_close(loss.weights, weights)
    torch.testing.assert_close(found.detach(), weights @ mean)
    # As in validation: nothing moves.
    loss(logit.detach(), target)
    torch.testing.assert_close(loss.weights, weights)
    for _ in range(2000):
        loss(logit, target)
    assert loss.weights.argmax() == 1 and loss.weights[1] > 0.9


def rare_and_common(folder, n, seed, corner=30, every=16):
    """Draw a common group whose colour tells the label, and a rare one where it tells the other."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    names, labels, groups = [], [], []
    for i in range(n):
        rare, ai = i % every == 0, rng.random() < 0.5
        pixels = rng.normal(110, 25, (32, 32, 3))
        pixels[..., 1] += 40 * (ai != rare)
        if rare:
            pixels[:12, :12] += corner
        names.append(f"{i}.png")
        labels.append("ai" if ai else "real")
        groups.append("rare" if rare else "common")
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / names[-1])
    return write_manifest(folder, names, labels, group=groups)


def wrong(model, manifest):
    given = read_manifest(manifest)
    images = StoredImages.of(given.info)
    pictures = list(read_pictures(given.table, images, lambda p: square_pixels(p, 32)))
    pixels = np.stack([of.pixels for of in pictures])
    p_ai = predict(model.network, model.record.input.inputs, pixels)
    is_ai = np.array(given.table["label"]) == "ai"
    rare = np.array(given.table["group"]) == "rare"
    errors = (p_ai >= 0.5) != is_ai
    return errors[rare].mean(), errors[~rare].mean()


def test_the_group_with_the_most_errors_has_fewer(tmp_path):
    manifest = rare_and_common(tmp_path / "a", 400, 0)
    other = rare_and_common(tmp_path / "b", 600, 1)
    plain, dro = (
        train([manifest], tmp_path / name, epochs=4, seed=3, **options, **SMALL)
        for name, options in (
            ("plain", {}),
            ("dro", {"balance": "group", "objective": "group-dro"}),
        )
    )
    before, after = wrong(plain, other), wrong(dro, other)
    assert before[0] > 0.4, "the rare group is given up"
    assert after[0] < before[0] - 0.2 and max(after) < max(before)
    assert (plain.record.training.objective, dro.record.training.objective) == ("erm", "group-dro")


def test_the_same_seed_gives_the_same_weights(tmp_path):
    manifest = rare_and_common(tmp_path / "a", 100, 0)
    one, same, erm = (
        train([manifest], tmp_path / name, epochs=2, balance="group", objective=how, **SMALL)
        for name, how in (("one", "group-dro"), ("same", "group-dro"), ("erm", "erm"))
    )
    assert one.sha256 == same.sha256 != erm.sha256


def test_without_groups_there_is_nothing_to_weigh(tmp_path):
    with pytest.raises(FaceAuditError, match="say of which groups with --balance"):
        train([rare_and_common(tmp_path / "a", 20, 0)], tmp_path / "m", objective="group-dro")
