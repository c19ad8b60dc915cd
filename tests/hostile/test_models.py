"""Models that are brought in: nothing is fetched, nothing is run, every fault is one line."""

from __future__ import annotations

import json
import random
import socket
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'model'")

from safetensors.torch import load_file, save_file  # noqa: E402

from faceaudit.errors import FaceAuditError  # noqa: E402
from faceaudit.files import sha256_of  # noqa: E402
from faceaudit.model.architecture import find_architecture  # noqa: E402
from faceaudit.model.checkpoint import load_checkpoint  # noqa: E402
from faceaudit.model.ood_distance import Familiarity, write_familiarity  # noqa: E402
from faceaudit.scoring import open_detector  # noqa: E402
from tests.hostile.lying_tables import lying_parquet  # noqa: E402
from tests.hostile.models import damage, save_drawn  # noqa: E402

WEIGHTS = "model.safetensors"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Any socket, and any address that is looked up, fails the test."""

    def refuse(*given, **options):
        raise AssertionError("the network was asked for")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)


@pytest.fixture
def folder(tmp_path):
    return save_drawn(tmp_path / "m")


def rename(folder, architecture, library="timm"):
    path = folder / "model.json"
    said = json.loads(path.read_text()) | {"architecture": architecture, "library": library}
    path.write_text(json.dumps(said))
    return folder


@pytest.mark.parametrize(
    ("architecture", "library"),
    [
        ("hf-hub:timm/resnet18.a1_in1k", "timm"),
        ("hf_hub:timm/resnet18", "timm"),
        ("local-dir:/somewhere", "timm"),
        ("resnet18.hf-hub:x/y", "timm"),
        ("https://example.org/x", "timm"),
        ("../x", "timm"),
        ("nothing_of_the_kind", "timm"),
        ("", "timm"),
        *((name, "torchvision") for name in ("fasterrcnn_resnet50_fpn", "deeplabv3_resnet50")),
        *((name, "torchvision") for name in ("raft_large", "quantized_resnet18", "hf-hub:x/y")),
    ],
)
def test_what_training_refuses_is_refused_on_loading_too(folder, architecture, library):
    with pytest.raises(FaceAuditError, match="no image classifier that timm or torchvision knows"):
        load_checkpoint(rename(folder, architecture, library))
    with pytest.raises(FaceAuditError, match="no image classifier that timm or torchvision knows"):
        find_architecture(architecture)


def test_weights_are_held_against_a_large_network_before_it_is_made(folder, monkeypatch):
    made = []
    monkeypatch.setattr("faceaudit.model.checkpoint.build_network", lambda *of: made.append(of))
    with pytest.raises(FaceAuditError, match="the weights are not of vit_giant_patch14_224"):
        load_checkpoint(rename(folder, "vit_giant_patch14_224"))
    assert not made


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_on_loading(folder, value):
    state = load_file(folder / WEIGHTS)
    name = next(name for name, of in state.items() if of.is_floating_point())
    state[name].flatten()[0] = value
    save_file(state, folder / WEIGHTS)
    with pytest.raises(FaceAuditError, match=rf"{WEIGHTS}: '{name}' holds what is no number"):
        load_checkpoint(folder)


def test_a_network_that_gives_no_numbers_is_refused_on_loading(folder):
    state = load_file(folder / WEIGHTS)
    large = {
        name: torch.full_like(of, -1e38)
        for name, of in state.items()
        if of.dtype.is_floating_point and of.dtype == torch.float32
    }
    save_file(state | large, folder / WEIGHTS)
    with pytest.raises(FaceAuditError, match="gives no number for a grey picture"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("centre", "axes", "limit", "said"),
    [
        (5, (2, 5), 1.0, "of 5 features, but test_resnet has"),
        (5, (2, 6), 1.0, "damaged"),
        (5, (5,), 1.0, "damaged"),
        (5, (2, 5), float("nan"), "damaged"),
    ],
)
def test_familiarity_of_another_shape_is_refused_on_loading(folder, centre, axes, limit, said):
    known = Familiarity(np.zeros(centre, np.float32), np.zeros(axes, np.float32), limit, 10)
    write_familiarity(folder, known, sha256_of(folder / WEIGHTS))
    with pytest.raises(FaceAuditError, match=rf"familiarity\.safetensors: {said}"):
        load_checkpoint(folder)


@pytest.mark.parametrize("hashes", [{"sha256": [1]}, {"sha256": [[1]]}, {"other": ["a"]}])
def test_training_images_of_another_type_are_refused(folder, hashes):
    pq.write_table(pa.table(hashes), folder / "training_images.parquet")
    with pytest.raises(FaceAuditError, match="has no column 'sha256' of text"):
        load_checkpoint(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="only there is such a limit")
def test_training_images_that_lie_about_their_size_are_refused(folder, monkeypatch):
    lying_parquet(folder / "training_images.parquet", 1_500_000_000)
    monkeypatch.setattr("faceaudit.model.checkpoint.READING_BYTES", 200_000_000)
    with pytest.raises(FaceAuditError, match=r"not a readable Parquet file \(malloc"):
        load_checkpoint(folder)


def test_onnx_metadata_that_contradict_the_graph_are_refused(tmp_path):
    pytest.importorskip("onnxruntime", reason="needs the extra 'onnx'")
    from tests.scoring.onnx_graphs import write_graph

    said = {"size": 64, "mean": [0.5] * 3, "std": [0.5] * 3}
    names = {"names": "{0: 'real', 1: 'ai'}"}
    path = write_graph(tmp_path / "x.onnx", metadata=names | {"preprocess": json.dumps(said)})
    with pytest.raises(FaceAuditError, match=r"size \(64, 64\), but the graph itself takes \(32"):
        open_detector(path)
    said["size"] = 32
    open_detector(write_graph(path, metadata=names | {"preprocess": json.dumps(said)}))


def test_damaged_models_are_loaded_or_refused_in_one_line(folder):
    draw, told = random.Random(4), []
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    for _ in range(40):
        for name, content in whole.items():
            (folder / name).write_bytes(content)
        given = damage(folder, draw)
        try:
            load_checkpoint(given, trust_pickle=True)
        except FaceAuditError as error:
            told.append(str(error))
    assert told
