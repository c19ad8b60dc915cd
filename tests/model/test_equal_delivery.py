"""Pictures sent at random before training: what tells the label only by delivery is not learned."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from faceaudit.errors import FaceAuditError
from faceaudit.model.balance import draw, equal_shares
from faceaudit.model.random_delivery import deliver, kept_side
from tests.pictures import SIDE, draw_dataset, write_manifest
from tests.pictures import draw as picture


def encoded_by_label(folder: Path, n: int, seed: int, quality: dict[str, int]) -> Path:
    """Draw pictures that are alike but for the JPEG quality of their label."""
    rng = np.random.default_rng(seed)
    names, labels = [], []
    folder.mkdir()
    for i in range(n):
        label = "ai" if i % 2 else "real"
        names.append(f"{i}.jpg")
        labels.append(label)
        image = picture(rng, "real")
        image.save(folder / names[-1], quality=quality[label])
    return write_manifest(folder, names, labels)


def test_one_seed_one_delivery():
    pixels = np.asarray(picture(np.random.default_rng(0), "real"))
    one, again, other = (deliver(pixels, seed, 32) for seed in (1, 1, 2))
    assert one.shape == (32, 32, 3)
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert [kept_side(size) for size in (32, 128, 160, 224, 300)] == [64, 256, 256, 256, 343]


def test_crops_keep_at_least_their_share():
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[10:90, 10:90] = 255  # white in a black frame
    for seed in range(20):
        whole, cut = (deliver(pixels, seed, 64, smallest) > 128 for smallest in (1.0, 0.8))
        assert not (whole[[0, -1]].any() or whole[:, [0, -1]].any())
        assert cut.any(axis=(0, 2)).mean() >= whole.any(axis=(0, 2)).mean()
    assert cut.mean() > whole.mean()


def test_sources_and_groups_are_drawn_alike():
    table = pa.table(
        {
            "label": ["real"] * 90 + ["ai"] * 10,
            "dataset": ["a"] * 80 + ["b"] * 10 + ["c"] * 10,
            "gender": ["f", None] * 45 + [None] * 10,
        }
    ).combine_chunks()
    shares = equal_shares(table, "dataset")
    assert [shares[part].sum() for part in (slice(80), slice(80, 90), slice(90, 100))] == (
        pytest.approx([0.25, 0.25, 0.5])
    )
    shares = equal_shares(table, "gender")
    assert shares[:90:2].sum() == pytest.approx(0.25), "those without a tag are a group"
    rng = np.random.default_rng(0)
    drawn = np.array([np.bincount(draw(shares, rng), minlength=100) for _ in range(200)])
    assert drawn.sum(axis=1).tolist() == [100] * 200
    assert np.abs(drawn - 100 * shares).max() < 1, "as often as the share says, rounded"
    assert np.abs(drawn.mean(axis=0) - 100 * shares).max() < 0.15


def test_a_tag_that_is_not_there(tmp_path):
    from faceaudit.model.training import train

    manifest = draw_dataset(tmp_path / "drawn", 2, 2)
    with pytest.raises(FaceAuditError, match=r"--balance hair: .* give 'sources' or one of none"):
        train([manifest], tmp_path / "model", balance="hair")


@pytest.fixture(scope="module")
def told_by_quality(tmp_path_factory):
    """Two models, with and without, and their AUC on fresh pictures as shipped and as sent."""
    pytest.importorskip("torch", reason="needs the extra 'model'")
    from faceaudit.model.inference import predict
    from faceaudit.model.training import train

    folder = tmp_path_factory.mktemp("quality")
    quality = {"real": 95, "ai": 80}
    manifest = encoded_by_label(folder / "train", 240, 0, quality)
    rng = np.random.default_rng(1)
    fresh = [np.asarray(picture(rng, "real")) for _ in range(200)]
    is_ai = np.arange(200) % 2 == 1

    def compressed(pixels, quality):
        Image.fromarray(pixels).save(buffer := io.BytesIO(), "JPEG", quality=quality)
        return np.asarray(Image.open(buffer))

    shipped = np.stack(
        [compressed(p, quality["ai" if ai else "real"]) for p, ai in zip(fresh, is_ai, strict=True)]
    )
    found = {}
    for name, equal in (("plain", False), ("equal", True)):
        model = train(
            [manifest],
            folder / name,
            arch="test_resnet",
            weights="none",
            size=SIDE,
            batch_size=16,
            lr=1e-2,
            epochs=6,
            equal_delivery=equal,
            balance="sources" if equal else None,
        )
        inputs = model.record.input.inputs
        sent = np.stack([deliver(p, i, SIDE) for i, p in enumerate(shipped)])
        auc = [roc_auc_score(is_ai, predict(model.network, inputs, p)) for p in (shipped, sent)]
        found[name] = model, auc
    return found, manifest, folder


def test_delivery_alone_is_learned_plainly_and_not_at_equal_delivery(told_by_quality):
    found, _, _ = told_by_quality
    (plain_shipped, _), (_, equal_sent) = found["plain"][1], found["equal"][1]
    assert plain_shipped > 0.9
    assert 0.4 < equal_sent < 0.6


def test_the_record_says_it(told_by_quality):
    from faceaudit.model.records import TrainingRecord

    found, _, _ = told_by_quality
    plain, equal = (found[name][0].record for name in ("plain", "equal"))
    assert (equal.training.equal_delivery, equal.training.balance) == (0.8, "sources")
    assert equal.threshold_rule.endswith("as delivered and each sent once at random")
    sent = equal.training.validation_delivered.model_dump(exclude={"loss"})
    assert sum(sent.values()) == equal.training.n_validation
    assert plain.training.equal_delivery is plain.training.validation_delivered is None
    new = {"equal_delivery", "balance", "validation_delivered"}
    old = TrainingRecord.model_validate(plain.training.model_dump(exclude=new))
    assert old == plain.training, "records from before these options are read as what they were"


def test_same_seed_same_weights(told_by_quality):
    from faceaudit.model.training import train

    _, manifest, folder = told_by_quality
    tiny = {"arch": "test_resnet", "weights": "none", "size": 32, "epochs": 1, "batch_size": 16}
    options = {**tiny, "equal_delivery": True, "balance": "sources"}
    one, two = (train([manifest], folder / f"{n}", workers=n, **options) for n in (1, 3))
    assert one.sha256 == two.sha256
