"""The faster way gives the same scores, is named, and is taken where it pays alone."""

from __future__ import annotations

import numpy as np
import pytest

from faceaudit import bundled
from faceaudit.errors import FaceAuditError
from faceaudit.scoring import join, open_detector, runs, score
from faceaudit.scoring.ray_data import _resource

torch = pytest.importorskip("torch", reason="needs the extra 'model'")
pytest.importorskip("onnxruntime", reason="needs the extra 'onnx'")

from faceaudit.model import fast_inference, inference  # noqa: E402

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


def test_a_network_that_it_computes_otherwise_is_left_to_torch(monkeypatch):
    monkeypatch.setattr(fast_inference, "AGREES", -1.0)
    detector = open_detector(MODEL)
    assert detector.hasten() is None
    assert len(detector.p_ai(np.zeros((2, 128, 128, 3), np.uint8))) == 2


def test_an_accelerator_is_taken_first_where_it_agrees(monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 128, 128, 3), np.uint8)
    exact = open_detector(MODEL).p_ai(pixels)
    monkeypatch.setattr(fast_inference, "_accelerator", lambda: torch.device("cpu"))
    detector = open_detector(MODEL)
    assert detector.hasten() == "torch on cpu, 32 bits"
    assert np.abs(detector.p_ai(pixels) - exact).max() < 1e-6
    assert _resource({"inference": "torch on cuda (H100), 32 bits"}) == "GPU"

    agree = fast_inference._on_accelerator

    def rounded(network, example):
        run, name = agree(network, example)
        return lambda given: run(given) + 0.01, name

    def broken(network, example):
        raise RuntimeError("no driver")

    for fault in (rounded, broken):
        monkeypatch.setattr(fast_inference, "_on_accelerator", fault)
        assert open_detector(MODEL).hasten().startswith("ONNX Runtime")


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
