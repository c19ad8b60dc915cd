"""Training and scoring on a pretended accelerator: `test_devices` runs this in a process alone."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.model.pretended import DEVICE, pretend

pretend()

from faceaudit.errors import FaceAuditError  # noqa: E402
from faceaudit.model import fast_inference, recipe, training  # noqa: E402
from faceaudit.model.architecture import build_network, find_architecture  # noqa: E402
from faceaudit.model.devices import OnDevice  # noqa: E402
from faceaudit.model.recipe import Passes  # noqa: E402
from faceaudit.model.recipe import training_precision as precision_of  # noqa: E402
from faceaudit.model.training import train  # noqa: E402
from faceaudit.scoring import open_detector, runs, score  # noqa: E402
from tests.pictures import draw_dataset  # noqa: E402
from tests.scoring.test_fastai_export import export  # noqa: E402
from tests.scoring.test_torch_backends import SIZE, drawn, folder, network, ours, programs  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
HF, PROGRAMS = folder, programs
TINY = {"arch": "test_resnet", "weights": "none", "size": 32, "batch_size": 16, "lr": 1e-2}
CALLED = "pretended (no card)"
LAYERS = sum(isinstance(of, torch.nn.Conv2d) for of in network().modules())


@contextmanager
def hidden():
    DEVICE.there = False
    yield
    DEVICE.there = True


@pytest.fixture(autouse=True)
def as_ever(monkeypatch):
    """Both compute in 32 bits, and no number of pictures is too small for haste."""
    monkeypatch.setattr(recipe, "training_precision", lambda device: "float32")
    monkeypatch.setattr(runs, "WORTH_HASTE", 1)
    yield
    DEVICE.there, DEVICE.room, DEVICE.unrepeatable = True, type(DEVICE).room, ""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    return draw_dataset(tmp_path_factory.mktemp("drawn"), 40, 40)


@pytest.fixture(scope="module")
def model(manifest, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("m") / "model"
    train(manifest, out, epochs=4, **TINY)
    return out


@pytest.fixture
def body(tmp_path) -> str:
    path = tmp_path / "body.safetensors"
    save_file(build_network(find_architecture("test_resnet"), 32).state_dict(), path)
    return str(path)


@pytest.mark.parametrize("how", ["plain", "head first", "groups"])
def test_what_is_learned_there_is_what_is_learned_here(how, manifest, body, tmp_path):
    more = {
        "head first": {"weights": body},
        "groups": {"equal_delivery": True, "balance": "sources", "objective": "group-dro"},
    }
    options = {**TINY, "epochs": 2, **more.get(how, {})}
    with hidden():
        here = train(manifest, tmp_path / "here", **options)
    DEVICE.chance.manual_seed(99)
    before = DEVICE.get_rng_state(), torch.get_rng_state()
    DEVICE.steps.clear()
    there = train(manifest, tmp_path / "there", **options)
    # Forecast, each batch, and what was measured.
    assert DEVICE.steps["convolution_backward"] >= LAYERS * (3 + 4)
    assert all(map(torch.equal, before, (DEVICE.get_rng_state(), torch.get_rng_state())))
    ours, theirs = here.record.training, there.record.training
    assert (ours.device, theirs.device) == ("cpu", CALLED)
    assert theirs.learning_rate == pytest.approx(ours.learning_rate)
    one, other = (load_file(tmp_path / of / "model.safetensors") for of in ("here", "there"))
    for name, tensor in one.items():
        torch.testing.assert_close(other[name], tensor, atol=4e-3, rtol=4e-3)
    assert there.record.threshold == pytest.approx(here.record.threshold, abs=1e-3)
    assert theirs.validation.loss == pytest.approx(ours.validation.loss, rel=0.02)
    assert there.familiarity.limit == pytest.approx(here.familiarity.limit, rel=0.02)
    assert next(there.network.parameters()).device.type == "cpu"


def stopped_after(monkeypatch, epochs):
    add = Passes.add

    def stop(self, *given):
        if self.done == epochs:
            raise KeyboardInterrupt
        add(self, *given)

    monkeypatch.setattr(Passes, "add", stop)


DROPS = {**TINY, "arch": "torchvision:mobilenet_v2", "balance": "sources"}
DROPS |= {"objective": "group-dro", "epochs": 3}


def test_a_run_that_was_stopped_ends_with_the_same_weights(manifest, tmp_path, monkeypatch):
    whole = train(manifest, tmp_path / "whole", **DROPS)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt, match="2 of 3 epochs"):
        stopped_after(patch, 2)
        train(manifest, tmp_path / "model", **DROPS)
    with hidden(), pytest.raises(FaceAuditError, match="it had not the device of this one"):
        train(manifest, tmp_path / "model", **DROPS)
    assert train(manifest, tmp_path / "model", **DROPS).sha256 == whole.sha256


def test_the_memory_of_the_device_is_full(manifest, model, tmp_path, monkeypatch):
    add = Passes.add

    def then_it_is_full(self, *given):
        add(self, *given)
        DEVICE.room = 1000

    monkeypatch.setattr(Passes, "add", then_it_is_full)
    told = r"the memory of pretended \(no card\) is full; .* smaller --batch-size or --size; 1 of 4"
    with pytest.raises(FaceAuditError, match=told):
        train(manifest, tmp_path / "model", epochs=4, **TINY)
    DEVICE.room = type(DEVICE).room
    detector = open_detector(model)
    assert detector.hasten() == f"torch on {CALLED}, 32 bits"
    DEVICE.room = 1000
    told = r"memory of pretended \(no card\) is full; .* a smaller --batch-size, or --precision ex"
    with pytest.raises(FaceAuditError, match=told):
        detector.p_ai(np.zeros((2, 32, 32, 3), np.uint8))
    # So little from the beginning: it is left to the processor.
    assert "torch on" not in (open_detector(model).hasten() or "")


def test_what_the_device_computes_otherwise_each_time_is_said(
    manifest, tmp_path, monkeypatch, capsys
):
    DEVICE.unrepeatable = "native_batch_norm_backward"
    train(manifest, tmp_path / "model", epochs=1, progress=True, **TINY)
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("(native_batch_norm_backward): the same training again gives other") == 1
    assert "deterministic" not in said
    assert not torch.are_deterministic_algorithms_enabled()


def test_scores_features_and_evidence_are_those_of_the_processor(manifest, model, tmp_path):
    options = {"find_faces": False, "features": True}
    with hidden():
        exact = score(model, manifest, precision="exact", **options)
    fast = score(model, manifest, **options)
    assert fast.info.inference == f"torch on {CALLED}, 32 bits"
    seen = [
        np.stack([np.asarray(one, float) for one in of.table["features"].to_pylist()])
        for of in (fast, exact)
    ]
    np.testing.assert_allclose(*seen, atol=2e-3)
    np.testing.assert_allclose(fast.table["p_ai"], exact.table["p_ai"], atol=1e-5)
    maps = [of.table["attention"].to_pylist() for of in (fast, exact)]
    assert sum(of is not None for of in maps[0]) == 24
    for one, other in zip(*maps, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_allclose(list(one), list(other), atol=2)
    again = score(model, manifest, precision="exact", **options)
    assert again.table.equals(exact.table) and again.info.inference is None


def test_all_that_a_model_directory_gives_is_computed_there(model):
    pixels = np.random.default_rng(0).integers(0, 256, (130, 32, 32, 3), np.uint8)
    exact, fast = open_detector(model), open_detector(model)
    fast.hasten()
    few = pixels[:3]
    asked = {
        "p_ai": lambda of: of.p_ai(few),
        "distance": lambda of: of.distance(few)[0],
        "features": lambda of: of.features(few),
        "explain": lambda of: of.explain(few, np.array([True, False, True])),
    }
    for name, ask in asked.items():
        DEVICE.steps.clear()
        found = ask(fast)
        assert DEVICE.steps["convolution"] >= LAYERS // 2, name
        np.testing.assert_allclose(found, ask(exact), rtol=1e-3, atol=1e-5)
    seen = []
    fast._module.register_forward_hook(lambda _, given, output: seen.append(len(output)))
    fast.p_ai(pixels)
    assert seen == [64, 64, 2]


def test_what_is_saved_is_measured_there(manifest, tmp_path, monkeypatch):
    measured = []
    for name in ("predict", "learn_familiarity"):
        original = getattr(training, name)

        def noted(network, *given, original=original):
            measured.append(type(network))
            return original(network, *given)

        monkeypatch.setattr(training, name, noted)
    train(manifest, tmp_path / "model", epochs=1, equal_delivery=True, **TINY)
    assert measured == [OnDevice] * 3


def test_numbers_of_16_bits_are_taken_where_the_device_has_them(manifest, tmp_path, monkeypatch):
    assert precision_of(torch.device("pretended")) == "bfloat16"
    with monkeypatch.context() as patch:
        patch.setattr(type(DEVICE), "is_bf16_supported", lambda self, including_emulation: False)
        assert precision_of(torch.device("pretended")) == "float32"
        patch.delattr(type(DEVICE), "is_bf16_supported")
        assert precision_of(torch.device("pretended")) == "float32"
    monkeypatch.setattr(recipe, "training_precision", precision_of)
    cast = []
    forward = recipe._Computed.forward

    def watched(self, inputs):
        look = self.network.register_forward_hook(
            lambda *_: cast.append(torch.is_autocast_enabled("pretended"))
        )
        with look:
            return forward(self, inputs)

    monkeypatch.setattr(recipe._Computed, "forward", watched)
    made = train(manifest, tmp_path / "model", epochs=1, **TINY)
    assert all(cast) and made.record.training.precision == "bfloat16"
    # What is measured and scored is of 32 bits, and not rounded by the card.
    assert not torch.is_autocast_enabled("pretended")
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


@pytest.fixture
def foreign(HF, PROGRAMS, tmp_path):
    """Open a classifier from elsewhere, of the kind of that name."""
    squash = f"imagenet,size={SIZE},resize=squash"
    program = {"trust_pickle": True, "preprocess": squash, "ai_class": "1"}

    def opened(kind):
        if kind == "fastai":
            data = tmp_path / "data"
            data.mkdir()
            draw_dataset(data, 8, 8)
            return open_detector(export(data)[1], trust_pickle=True)
        if kind == "timm":
            from faceaudit.scoring.description import write_draft

            save_file(network().state_dict(), tmp_path / "net.safetensors")
            write_draft(tmp_path / "net.safetensors", arch="test_resnet")
            return open_detector(tmp_path / "net.safetensors", ai_class="1", score_is="logit")
        if kind == "hugging face":
            return open_detector(HF)
        return open_detector(PROGRAMS / kind, **program)

    return opened


@pytest.mark.parametrize("kind", ["fastai", "timm", "hugging face", "net.pt2", "three.pt2"])
def test_classifiers_from_elsewhere(kind, foreign, tmp_path, monkeypatch):
    detector, files = foreign(kind), drawn(tmp_path)
    exact = ours(detector, files)
    assert detector.hasten() == f"torch on {CALLED}, 32 bits"
    DEVICE.steps.clear()
    np.testing.assert_allclose(ours(detector, files), exact, atol=1e-5)
    assert DEVICE.steps["convolution"]
    monkeypatch.setattr(fast_inference, "AGREES", -1.0)
    other = foreign(kind) if kind not in ("fastai", "timm") else None
    if other is not None:
        assert other.hasten() is None, "it does not agree"
        np.testing.assert_array_equal(ours(other, files), exact)


def test_the_forecast_waits_for_the_device(manifest, tmp_path, monkeypatch):
    waited = []
    monkeypatch.setattr(type(DEVICE), "synchronize", lambda self: waited.append(1))
    train(manifest, tmp_path / "model", epochs=1, **TINY)
    assert len(waited) == 6
