"""Model directories: written whole, read strictly, pickles refused."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.errors import FaceAuditError

torch = pytest.importorskip("torch", reason="needs the extra 'model'")

from faceaudit.model.architecture import build_network, find_architecture  # noqa: E402
from faceaudit.model.checkpoint import (  # noqa: E402
    load_checkpoint,
    round_weights,
    save_checkpoint,
)
from faceaudit.model.inference import predict  # noqa: E402
from faceaudit.model.records import InputRecord, ModelRecord, read_record  # noqa: E402
from faceaudit.scoring import open_detector  # noqa: E402

IMAGES = pa.table({"sha256": ["00000000000000aa", "00000000000000bb"], "split": ["training"] * 2})


@pytest.fixture
def record() -> ModelRecord:
    return ModelRecord(
        id="m",
        architecture="test_resnet",
        library="timm",
        input=InputRecord(size=32, mean=[0.5] * 3, std=[0.5] * 3),
        threshold=0.25,
        threshold_rule="drawn",
    )


@pytest.fixture
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return build_network(find_architecture("test_resnet"), 32)


@pytest.fixture
def folder(tmp_path, record, network):
    return save_checkpoint(tmp_path / "m", record, network, IMAGES)


def test_what_is_rounded_is_what_comes_back(tmp_path, record, network):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)
    network.to(memory_format=torch.channels_last)
    before = predict(network, record.input.inputs, pixels)
    round_weights(network)
    rounded = predict(network, record.input.inputs, pixels)
    loaded = load_checkpoint(save_checkpoint(tmp_path / "m", record, network, IMAGES))
    assert (predict(loaded.network, record.input.inputs, pixels) == rounded).all()
    assert np.abs(before - rounded).max() < 5e-3
    noted = record.model_copy(update={"weights_sha256": loaded.sha256})
    assert loaded.record == noted
    assert all(p.dtype == torch.float32 for p in loaded.network.parameters())


def test_kernels_take_half_the_space(folder, network):
    full = sum(p.numel() * 4 for p in network.state_dict().values())
    assert (folder / "model.safetensors").stat().st_size < 0.65 * full


def test_info_names_the_classifier(folder):
    checkpoint = load_checkpoint(folder)
    info = checkpoint.record.info(checkpoint.sha256)
    assert info.sha256 == checkpoint.sha256 and len(info.sha256) == 64
    assert info.architecture == "test_resnet (timm)" and info.threshold == 0.25
    assert info.preprocessing["size"] == 32


def test_trained_on(folder):
    hashes = pa.array(["0" * 14 + "aa" + "f" * 48, "0" * 14 + "cc" + "f" * 48, None])
    assert load_checkpoint(folder).trained_on(hashes).to_pylist() == [True, False, None]


def test_no_directory(tmp_path):
    with pytest.raises(FaceAuditError, match=r"no model directory.*model\.json"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"record_version": 2}, "record_version"),
        ({"threshold": 1.5}, "threshold"),
        ({"surprise": 1}, "surprise"),
        ({"classes": ["ai", "real"]}, "classes"),
        ({"input": {"size": 32, "mean": [0.5] * 3, "std": [0, 1, 1]}}, "input.std"),
    ],
)
def test_record_is_validated(folder, change, complaint):
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(FaceAuditError, match=rf"model\.json: not a model record.*{complaint}"):
        read_record(folder)


def test_record_that_is_no_json(folder):
    (folder / "model.json").write_text("{")
    with pytest.raises(FaceAuditError, match="not a model record"):
        read_record(folder)


def test_weights_of_another_network(folder):
    path = folder / "model.json"
    path.write_text(path.read_text().replace("test_resnet", "mobilenetv3_small_050"))
    with pytest.raises(FaceAuditError, match="weights are not of mobilenetv3_small_050"):
        load_checkpoint(folder)


def test_truncated_weights(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FaceAuditError, match="not a readable safetensors file"):
        load_checkpoint(folder)


def test_weights_that_are_no_numbers_are_not_saved(tmp_path, record, network):
    with torch.no_grad():
        next(network.parameters()).fill_(1e6)  # beyond float16
    with pytest.raises(FaceAuditError, match="lower --lr"):
        save_checkpoint(tmp_path / "m", record, network, IMAGES)
    assert not (tmp_path / "m").exists()


def test_state_dict_from_elsewhere_needs_trust(folder, network):
    path = folder / "weights.pth"
    torch.save(network.state_dict(), path)
    with pytest.raises(FaceAuditError, match="--trust-pickle"):
        load_checkpoint(path)
    loaded = load_checkpoint(path, trust_pickle=True)
    for name, tensor in loaded.network.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name])


def wrapped(state, prefix):
    return {prefix + name: tensor for name, tensor in state.items()}


def p_ai(checkpoint, network=None):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)
    return predict(network or checkpoint.network, checkpoint.record.input.inputs, pixels)


OPTIMISER = {"state": {0: {"step": torch.tensor(1.0), "exp_avg": torch.zeros(3)}}}


@pytest.mark.parametrize(
    ("save", "said"),
    [
        (lambda state: wrapped(state, "module."), "'module.' was taken off"),
        (lambda state: wrapped(state, "_orig_mod."), "'_orig_mod.' was taken off"),
        (lambda state: wrapped(state, "module._orig_mod."), "'module._orig_mod.' was taken off"),
        (
            lambda state: {
                "state_dict": {**wrapped(state, "net."), "criterion.weight": torch.ones(2)},
                "epoch": 3,
                "optimizer_states": [OPTIMISER],
            },
            "'net.' was taken off the names of the weights, and what lies outside of it was left "
            "out: criterion.weight.",
        ),
        (lambda state: {"model": {"state_dict": state}, "optimizer": OPTIMISER}, None),
        (lambda state: {"model_state_dict": state, "accuracy": 0.5}, None),
    ],
)
def test_state_dicts_as_people_hold_them(folder, network, save, said):
    path = folder / "weights.pth"
    torch.save(save(network.state_dict()), path)
    loaded = load_checkpoint(path, trust_pickle=True)
    np.testing.assert_allclose(p_ai(loaded), p_ai(loaded, network), atol=1e-6)
    assert [said in note for note in loaded.notes] == ([True] if said else [])


@pytest.mark.parametrize(
    ("save", "message"),
    [
        (lambda state: {"model": state, "model_ema": state}, "several state dicts.*'model_ema'"),
        (
            lambda state: {**wrapped(state, "student."), **wrapped(state, "teacher.")},
            r"several networks \(student\., teacher\.\)",
        ),
        (lambda state: {"epoch": 3, "optimizer": OPTIMISER}, "no named tensors"),
        (lambda state: {}, "no named tensors"),
        (lambda state: {"a.weight": torch.ones(2)}, "weights are not of test_resnet"),
    ],
)
def test_state_dicts_that_are_none_or_several(folder, network, save, message):
    path = folder / "weights.pth"
    torch.save(save(network.state_dict()), path)
    with pytest.raises(FaceAuditError, match=message):
        load_checkpoint(path, trust_pickle=True)


def head_of(outputs):
    import timm

    torch.manual_seed(1)
    return timm.create_model("test_resnet", num_classes=outputs).eval()


@pytest.mark.parametrize("ai", [0, 1])
def test_two_outputs_are_one_when_the_user_says_which(folder, ai):
    two = head_of(2)
    path = folder / "weights.pth"
    torch.save(wrapped(two.state_dict(), "module."), path)
    with pytest.raises(FaceAuditError, match="--ai-class 0 or --ai-class 1"):
        load_checkpoint(path, trust_pickle=True)
    loaded = load_checkpoint(path, trust_pickle=True, ai_class=(str(ai),))
    pixels = torch.randn(5, 3, 32, 32)
    with torch.inference_mode():
        expected = two(pixels).softmax(1)[:, ai]
        ours = loaded.network(pixels).sigmoid().squeeze(1)
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=0)
    assert f"'{ai}' was taken as AI-generated" in loaded.notes[1]


def test_of_several_outputs_those_of_generators_are_added_up(folder):
    five = head_of(5)
    path = folder / "weights.pth"
    torch.save(five.state_dict(), path)
    with pytest.raises(FaceAuditError, match="'4', and nothing says which of them"):
        load_checkpoint(path, trust_pickle=True)
    loaded = load_checkpoint(path, trust_pickle=True, ai_class=("1", "3"))
    pixels = torch.randn(5, 3, 32, 32)
    with torch.inference_mode():
        expected = five(pixels).softmax(1)[:, [1, 3]].sum(1)
        ours = loaded.network(pixels).sigmoid().squeeze(1)
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=0)


def test_ai_class_where_there_is_nothing_to_choose(folder):
    with pytest.raises(FaceAuditError, match="the network has one output"):
        load_checkpoint(folder, ai_class=("1",))


def test_fastai_export_is_not_opened_without_trust(tmp_path):
    from tests.model.test_architecture import Bomb

    mark, path = tmp_path / "ran", tmp_path / "export.pkl"
    path.write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(FaceAuditError, match="--trust-pickle"):
        open_detector(path)
    assert not mark.exists()
