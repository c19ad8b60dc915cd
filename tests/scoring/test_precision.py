"""The faster way gives the same scores, is named, and is taken where it pays alone."""

from __future__ import annotations

import numpy as np
import pytest

from faceaudit import bundled
from faceaudit.errors import FaceAuditError
from faceaudit.scoring import join, open_detector, runs, score
from faceaudit.scoring.ray_data import _resource

torch = pytest.importorskip("torch", reason="needs the extra 'model'")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'onnx'")

from faceaudit.model import devices, fast_inference, inference  # noqa: E402
from tests.scoring.onnx_graphs import write_graph  # noqa: E402

MODEL = "bundled:with-ffhq"


def test_onnx_runtime_scores_as_torch_does_and_is_named(monkeypatch, tmp_path):
    manifest = bundled.samples_manifest()
    options = {"find_faces": False, "batch_size": 16}
    exact = score(MODEL, manifest, **options)
    assert exact.info.inference is None, "so few pictures are not worth it"
    monkeypatch.setattr(runs, "WORTH_HASTE", 1)
    assert score(MODEL, manifest, precision="exact", **options).table.equals(exact.table)
    fast = score(MODEL, manifest, tmp_path / "s.parquet", **options)
    assert fast.info.inference.startswith("ONNX Runtime ")
    p_exact, p_fast = (np.asarray(one.table["p_ai"]) for one in (exact, fast))
    assert 0 < np.abs(p_exact - p_fast).max() < 1e-5
    part = tmp_path / "part.parquet"
    score(MODEL, manifest, part, shard="1/2", **options | {"batch_size": 2})
    other = tmp_path / "other.parquet"
    options |= {"batch_size": 2, "precision": "exact"}
    score(MODEL, manifest, other, shard="2/2", **options)
    with pytest.raises(FaceAuditError, match="has not the inference of"):
        join([part, other])


def test_a_detector_that_was_in_haste_is_exact_again(monkeypatch):
    monkeypatch.setattr(runs, "WORTH_HASTE", 1)
    detector, manifest = open_detector(MODEL), bundled.samples_manifest()
    exact = score(MODEL, manifest, precision="exact", find_faces=False)
    assert score(detector, manifest, find_faces=False).info.inference is not None
    again = score(detector, manifest, precision="exact", find_faces=False)
    assert again.info.inference is None and again.table.equals(exact.table)


def test_a_network_that_it_computes_otherwise_is_left_to_torch(monkeypatch):
    monkeypatch.setattr(fast_inference, "AGREES", -1.0)
    detector = open_detector(MODEL)
    assert detector.hasten() is None
    assert len(detector.p_ai(np.zeros((2, 128, 128, 3), np.uint8))) == 2


def test_an_accelerator_is_taken_first_where_it_agrees(monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 128, 128, 3), np.uint8)
    exact = open_detector(MODEL).p_ai(pixels)
    monkeypatch.setattr(devices, "accelerator", lambda: devices.PROCESSOR)
    detector = open_detector(MODEL)
    assert detector.hasten() == "torch on cpu, 32 bits"
    assert np.abs(detector.p_ai(pixels) - exact).max() < 1e-6
    assert _resource({"inference": "torch on cuda (H100), 32 bits"}) == "GPU"

    def rounded(self, given):
        return self.network(given) + 0.01

    def broken(self, given):
        raise RuntimeError("no driver")

    for fault in (rounded, broken):
        monkeypatch.setattr(devices.OnDevice, "forward", fault)
        assert open_detector(MODEL).hasten().startswith("ONNX Runtime")


def test_a_program_of_torchscript_is_copied_there(monkeypatch, tmp_path):
    # The one kind of classifier that the pretended device of `test_devices` does not take.
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 5), torch.nn.AdaptiveAvgPool2d(1))
    network.append(torch.nn.Flatten())
    with pytest.warns(FutureWarning):
        program = torch.jit.trace(network.eval(), torch.zeros(1, 3, 32, 32))
        torch.jit.save(program, tmp_path / "net.pt")
    options = {"trust_pickle": True, "preprocess": "imagenet,size=32", "ai_class": "1"}
    detector = open_detector(tmp_path / "net.pt", score_is="logit", **options)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
    exact = detector.p_ai(pixels)
    monkeypatch.setattr(devices, "accelerator", lambda: devices.PROCESSOR)
    assert detector.hasten() == "torch on cpu, 32 bits"
    assert isinstance(detector.network, devices.OnDevice)
    np.testing.assert_allclose(detector.p_ai(pixels), exact, atol=1e-6)


class Card:
    """A session of onnxruntime on a card, that moves every number by so much."""

    moved, refused = 0.0, False

    def __init__(self, path, options, providers):
        self._of = SESSION(path, options, providers=["CPUExecutionProvider"])
        self._names = [name if isinstance(name, str) else name[0] for name in providers]
        self._given = providers

    def __getattr__(self, name):
        return getattr(self._of, name)

    def get_providers(self):
        return ["CPUExecutionProvider"] if self.refused else self._names

    def run(self, *given):
        there = self._names != ["CPUExecutionProvider"]
        assert not there or self._given == [("CUDAExecutionProvider", {"use_tf32": "0"})]
        return [found + self.moved * there for found in self._of.run(*given)]


SESSION = onnxruntime.InferenceSession


@pytest.mark.parametrize(("moved", "refused"), [(1e-4, False), (0.01, False), (0.0, True)])
def test_a_graph_is_computed_on_a_card_if_that_agrees(monkeypatch, tmp_path, moved, refused):
    path = write_graph(tmp_path / "g.onnx", shape=(3, 3, 32, 32))
    names = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    options = {"preprocess": "imagenet", "ai_class": "1", "score_is": "logit"}
    pixels = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), np.uint8)
    exact = open_detector(path, **options).p_ai(pixels)
    assert open_detector(path, **options).hasten() is None
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)
    monkeypatch.setattr(onnxruntime, "InferenceSession", Card)
    monkeypatch.setattr(Card, "moved", moved)
    monkeypatch.setattr(Card, "refused", refused)
    detector = open_detector(path, **options)
    called = detector.hasten()
    if moved == 1e-4:
        assert called == f"ONNX Runtime {onnxruntime.__version__} on CUDA, 32 bits"
        assert _resource({"inference": called}) == "GPU"
    else:
        assert called is None
    on_card = isinstance(detector._session, Card) and detector._session._names[0] == names[0]
    assert on_card == (called is not None)
    np.testing.assert_allclose(detector.p_ai(pixels), exact, atol=1e-4)


def test_each_core_works_on_a_part_alone_and_torch_is_left_as_it_was():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8)
    seen = []

    def network(few):
        seen.append((torch.get_num_threads(), torch.is_inference_mode_enabled(), len(few)))
        return few.float().mean((1, 2, 3))[:, None] / 255

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        p_ai = inference.predict(network, torch.from_numpy, pixels)
        assert torch.get_num_threads() == 2
        assert sorted(seen) == [(1, True, 8), (1, True, 16), (1, True, 16)]
        torch.set_num_threads(1)
        assert np.array_equal(inference.predict(network, torch.from_numpy, pixels), p_ai)
    finally:
        torch.set_num_threads(before)
