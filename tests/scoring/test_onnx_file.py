"""An ONNX graph gives what onnxruntime gives on the framework's own preparation."""

from __future__ import annotations

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image
from scipy.special import expit, softmax

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'onnx'")
pytest.importorskip("onnx", reason="the package onnx draws the graphs")

from faceaudit.datasets import index  # noqa: E402
from faceaudit.errors import FaceAuditError  # noqa: E402
from faceaudit.scoring import open_detector, score  # noqa: E402
from tests.pictures import draw_dataset  # noqa: E402
from tests.scoring.onnx_graphs import write_graph  # noqa: E402
from tests.scoring.test_python_callable import without_torch  # noqa: E402

IMAGENET = np.float32([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
NAMES = {"id2label": '{"0": "fake", "1": "real"}'}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return draw_dataset(tmp_path_factory.mktemp("drawn"), 10, 10)


def scored(model, manifest, **options):
    return score(model, manifest, find_faces=False, **options)


def squares(manifest, side=32):
    """What the pictures of a drawn manifest are to a framework, shape (n, side, side, 3), uint8."""
    files = [manifest.parent / f"{label}/{i}.png" for label in ("real", "ai") for i in range(10)]
    images = [Image.open(file).convert("RGB") for file in files]
    return np.stack([np.asarray(i.resize((side, side), Image.Resampling.BILINEAR)) for i in images])


def run(path, inputs):
    session = onnxruntime.InferenceSession(path)
    return session.run(None, {"pictures": inputs})[0]


def normalised(pixels):
    return ((pixels / np.float32(255) - IMAGENET[0]) / IMAGENET[1]).astype(np.float32)


@pytest.mark.parametrize("layout", ["first", "last"])
@pytest.mark.parametrize("kind", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("batch", ["n", 1, 3])
def test_size_layout_and_type_are_those_of_the_graph(layout, kind, batch, manifest, tmp_path):
    shape = (batch, 3, 32, 32) if layout == "first" else (batch, 32, 32, 3)
    path = write_graph(tmp_path / "x.onnx", shape=shape, kind=kind, metadata=NAMES)
    pixels = squares(manifest)
    inputs = pixels if kind == "uint8" else normalised(pixels).astype(kind)
    inputs = inputs.transpose(0, 3, 1, 2) if layout == "first" else inputs
    every = 1 if batch == "n" else batch
    padded = np.concatenate([inputs, inputs[: -len(inputs) % every]])
    parts = np.split(padded, len(padded) // every)
    wanted = softmax(np.concatenate([run(path, part) for part in parts])[:20], axis=1)[:, 0]
    assert np.ptp(wanted) > 0.02
    how = "none" if kind == "uint8" else "imagenet"
    scores = scored(path, manifest, preprocess=how, batch_size=7)
    np.testing.assert_allclose(scores.table["p_ai"].to_numpy(), wanted, rtol=0, atol=1e-4)
    assert scores.info.model.preprocessing["size"] == "32x32"
    assert scores.info.batch_drift < 1e-4


@pytest.mark.parametrize(
    ("graph", "options", "classes_to_p"),
    [
        ({"classes": 1}, {"score_is": "logit"}, lambda raw: expit(raw[:, 0])),
        ({"classes": 1}, {"score_is": "logit", "ai_class": "0"}, lambda raw: expit(-raw[:, 0])),
        ({"classes": 1, "last": "Sigmoid"}, {"score_is": "probability"}, lambda raw: raw[:, 0]),
        (
            {"classes": 1, "last": "Sigmoid", "metadata": {"score_is": "p-real"}},
            {},
            lambda raw: 1 - raw[:, 0],
        ),
        ({}, {"ai_class": "1"}, lambda raw: softmax(raw, axis=1)[:, 1]),
        ({"last": "Softmax"}, {"ai_class": "0"}, lambda raw: raw[:, 0]),
        (
            {"classes": 3, "metadata": {"names": "{0: 'sd', 1: 'real', 2: 'gan3'}"}},
            {},
            lambda raw: 1 - softmax(raw, axis=1)[:, 1],
        ),
        (
            {"metadata": {"classes": "ai,real"}},
            {},
            lambda raw: softmax(raw, axis=1)[:, 0],
        ),
    ],
)
def test_outputs_of_every_kind(graph, options, classes_to_p, manifest, tmp_path):
    path = write_graph(tmp_path / "x.onnx", **graph)
    wanted = classes_to_p(run(path, normalised(squares(manifest)).transpose(0, 3, 1, 2)))
    scores = scored(f"onnx:{path}", manifest, preprocess="imagenet", **options)
    np.testing.assert_allclose(scores.table["p_ai"].to_numpy(), wanted, rtol=0, atol=1e-5)


def optimum(folder, **changed):
    """A folder as optimum writes it."""
    folder.mkdir()
    write_graph(folder / "model.onnx", shape=("batch_size", "num_channels", "height", "width"))
    (folder / "config.json").write_text(
        json.dumps({"model_type": "vit", "id2label": {"1": "fake", "0": "real"}})
    )
    config = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": 32, "width": 32},
        "resample": 2,
        "image_mean": IMAGENET[0].tolist(),
        "image_std": IMAGENET[1].tolist(),
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(config | changed))
    return folder


@pytest.mark.parametrize("prefix", ["", "onnx:"])
def test_a_folder_of_optimum_says_everything(prefix, manifest, tmp_path):
    folder = optimum(tmp_path / "detector")
    raw = run(folder / "model.onnx", normalised(squares(manifest)).transpose(0, 3, 1, 2))
    scores = scored(f"{prefix}{folder}", manifest)
    wanted = softmax(raw, axis=1)[:, 1]
    np.testing.assert_allclose(scores.table["p_ai"].to_numpy(), wanted, rtol=0, atol=1e-5)
    assert scores.info.model.id == "detector"
    assert "'fake' was taken as AI-generated, by its name" in scores.info.notes[0]


def test_metadata_may_say_the_rest(manifest, tmp_path):
    said = {
        **NAMES,
        "preprocess": "imagenet,resize=squash",
        "threshold": "0.7",
        "unsure": "[0.6, 0.8]",
    }
    path = write_graph(tmp_path / "x.onnx", metadata=said)
    model = open_detector(path).info
    assert (model.threshold, model.unsure, model.threshold_rule) == (
        0.7,
        (0.6, 0.8),
        "named by the graph",
    )
    assert model.preprocessing["resize"] == "squash"
    whole = json.loads((optimum(tmp_path / "o") / "preprocessor_config.json").read_text())
    path = write_graph(tmp_path / "y.onnx", metadata={**NAMES, "preprocess": json.dumps(whole)})
    first = scored(path, manifest).table["p_ai"]
    assert first == scored(path, manifest).table["p_ai"]
    assert open_detector(path).info.preprocessing["mean"] == pytest.approx(IMAGENET[0].tolist())


def test_weights_beside_the_graph_are_read_and_hashed(manifest, tmp_path):
    for name, seed, external in (("a", 0, True), ("b", 1, True), ("c", 0, False)):
        (tmp_path / name).mkdir()
        write_graph(tmp_path / name / "x.onnx", seed=seed, external=external, metadata=NAMES)
    assert (tmp_path / "a/x.onnx.data").is_file()
    assert (tmp_path / "a/x.onnx").read_bytes() == (tmp_path / "b/x.onnx").read_bytes()
    found = [scored(tmp_path / of / "x.onnx", manifest, preprocess="unit") for of in "abc"]
    p_ai = [scores.table["p_ai"].to_pylist() for scores in found]
    assert p_ai[0] == p_ai[2] != p_ai[1]
    assert len({scores.info.model.sha256 for scores in found}) == 3
    (tmp_path / "a/x.onnx.data").unlink()
    with pytest.raises(FaceAuditError, match="onnxruntime cannot read it"):
        open_detector(tmp_path / "a/x.onnx", preprocess="unit")


def with_bias(path, place, value):
    """Write a graph of which one number of the bias is another, wherever that lies."""
    graph = onnx.load(write_graph(path, metadata=NAMES)).graph
    bias = next(one for one in graph.initializer if one.name == "bias")
    values = onnx.numpy_helper.to_array(bias).copy()
    values[3] = value
    changed = onnx.numpy_helper.from_array(values, "bias")
    graph.initializer.remove(bias)
    constant = onnx.helper.make_node("Constant", [], ["bias"], value=changed)
    if place == "a constant":
        graph.node.insert(0, constant)
    elif place == "a branch":
        out = onnx.helper.make_tensor_value_info("bias", onnx.TensorProto.FLOAT, [8])
        inner = onnx.helper.make_graph([constant], "inner", [], [out])
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "yes"))
        branches = {"then_branch": inner, "else_branch": inner}
        graph.node.insert(0, onnx.helper.make_node("If", ["yes"], ["bias"], **branches))
    else:
        graph.initializer.append(changed)
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9
    )
    onnx.helper.set_model_props(model, NAMES)
    where = {"save_as_external_data": True, "location": "x.data"} if place == "beside" else {}
    onnx.save(model, path, size_threshold=0, **where)
    return path


@pytest.mark.parametrize("place", ["inside", "beside", "a constant", "a branch"])
def test_weights_that_are_no_numbers_are_refused_on_loading(tmp_path, place):
    # One that is infinite may be meant so, as in a mask.
    (tmp_path / "mask").mkdir()
    open_detector(with_bias(tmp_path / "mask" / "x.onnx", place, -np.inf), preprocess="unit")
    path = with_bias(tmp_path / "x.onnx", place, np.nan)
    if place == "beside":  # as a hub's cache has it
        (tmp_path / "x.data").rename(tmp_path / "blob")
        (tmp_path / "x.data").symlink_to(tmp_path / "blob")
    with pytest.raises(FaceAuditError, match=r"x\.onnx: 'bias' holds what is no number"):
        open_detector(path, preprocess="unit")


@pytest.mark.parametrize("name", ["../secret", "/dev/null", "null", "."])
def test_weights_elsewhere_are_not_read(tmp_path, name):
    # In a function that nothing calls, at which onnxruntime does not look.
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(4))
    (folder / "null").symlink_to("/dev/null")
    path = write_graph(folder / "x.onnx", metadata=NAMES)
    tensor = onnx.TensorProto(name="far", data_type=1, dims=[1], data_location=1)
    tensor.external_data.add(key="location", value=name)
    node, opset = helper.make_node("Constant", [], ["y"], value=tensor), helper.make_opsetid("", 17)
    graph = onnx.load(path)
    graph.functions.append(helper.make_function("odd", "F", [], ["y"], [node], [opset]))
    graph.opset_import.append(helper.make_opsetid("odd", 1))
    onnx.save(graph, path)
    with pytest.raises(FaceAuditError, match="for the weights of 'far', which is no file beside"):
        open_detector(path, preprocess="unit")


@pytest.mark.parametrize(
    ("graph", "read"),
    [
        ({"extra_outputs": ["features"], "metadata": NAMES}, "logits"),
        ({"output": "scores", "extra_outputs": ["features"], "metadata": NAMES}, "scores"),
        ({"output": "probs", "last": "Softmax", "extra_outputs": ["logits"]}, "logits"),
    ],
)
def test_of_several_outputs_one_is_read_and_named(graph, read, tmp_path):
    path = write_graph(tmp_path / "x.onnx", **graph)
    detector = open_detector(path, preprocess="unit", ai_class="0")
    assert detector.notes[0] == f"Of the outputs of the graph, '{read}' was read."


@pytest.mark.parametrize(
    ("graph", "options", "told"),
    [
        (
            {},
            {},
            r"x.onnx: nothing says the mean and std of its input; say it as --preprocess im.*; and "
            r"the classes are '0', '1', and nothing says .* --ai-class 0",
        ),
        ({}, {"preprocess": "unit"}, r"x.onnx: the classes are '0', '1', and nothing says which"),
        ({}, {"ai_class": "2"}, r"mean and std .*; and --ai-class 2 is none of its classes"),
        ({"shape": ("n", 3, "h", "w")}, {"preprocess": "unit"}, "nothing says the size"),
        ({}, {"preprocess": "unit,size=64"}, "its size is 32x32, and not 64x64 as --preprocess"),
        ({"kind": "uint8"}, {"preprocess": "imagenet"}, "its mean is 0.0x0.0x0.0, and not"),
        (
            {"output": "a", "extra_outputs": ["b"]},
            {"preprocess": "unit"},
            r"gives 'a' of tensor\(float\) \(n, 2\), 'b' of .* nothing says which of them",
        ),
        ({"metadata": {"names": "7"}}, {"preprocess": "unit"}, "neither a list nor numbered"),
        ({"metadata": {"score_is": "odds"}}, {"preprocess": "unit"}, "score_is: 'odds' is none"),
        (
            {"metadata": {"threshold": "7"}},
            {"preprocess": "unit", "ai_class": "0"},
            "metadata: threshold: Input",
        ),
        (
            {"metadata": {"threshold": "0.5", "unsure": "[0.6, 0.8]"}},
            {"preprocess": "unit", "ai_class": "0"},
            r"metadata: unsure: the threshold, 0\.5, is not between 0\.6 and 0\.8",
        ),
        ({"metadata": {"preprocess": "bright"}}, {}, "metadata: preprocess: 'bright' is neither"),
    ],
)
def test_what_nothing_says_is_asked_for_in_one_line(graph, options, told, tmp_path):
    path = write_graph(tmp_path / "x.onnx", **graph)
    with pytest.raises(FaceAuditError, match=told) as refused:
        open_detector(path, **options)
    assert "\n" not in str(refused.value)
    assert str(refused.value).count("x.onnx") == 1


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(FaceAuditError, match=r"x\.onnx: onnxruntime cannot read it"):
        open_detector(tmp_path / "x.onnx")
    with pytest.raises(FaceAuditError, match=r"no such file, and no folder with a model\.onnx"):
        open_detector(f"onnx:{tmp_path}")


def test_a_size_that_the_graph_cannot_take_is_told(manifest, tmp_path):
    path = write_graph(tmp_path / "x.onnx", shape=("n", 3, "h", "w"), metadata=NAMES)
    with pytest.raises(FaceAuditError, match=r"input of shape \(\d+, 3, 2, 2\) .* --preprocess"):
        scored(path, manifest, preprocess="unit,size=2")


def test_without_onnxruntime_the_extra_is_named(tmp_path, monkeypatch):
    path = write_graph(tmp_path / "x.onnx")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FaceAuditError, match=r"needs the extra 'onnx': pip install"):
        open_detector(path, preprocess="unit")


def test_the_command_loads_no_torch(manifest, tmp_path):
    path = write_graph(tmp_path / "x.onnx", metadata=NAMES)
    out = str(tmp_path / "s.parquet")
    call = ["score", str(path), str(manifest), "-o", out, "--no-find-faces"]
    done = without_torch([*call, "--preprocess", "imagenet"])
    assert "20 images: 20 ok" in done.stdout
    assert "batches: a score moved by" in done.stdout


def exported(folder, preparation):
    """A network of torchvision exported by torch itself, with what prepares pictures for it."""
    torch = pytest.importorskip("torch", reason="needs the extra 'model'")
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    network = models.shufflenet_v2_x0_5(num_classes=2)
    with torch.no_grad():  # an untrained one says nearly the same of every picture
        for _ in range(30):
            network.train()(torch.randn(16, 3, 64, 64))
        network.eval().fc.weight *= 5
    path = folder / "network.onnx"
    options = {"input_names": ["pictures"], "output_names": ["logits"]}
    shapes = {"pictures": {0: "n"}, "logits": {0: "n"}}
    torch.onnx.export(
        network, torch.zeros(2, 3, 64, 64), path, dynamo=False, dynamic_axes=shapes, **options
    )

    def p_ai(images):
        with torch.no_grad():
            raw = network(torch.stack([preparation(image) for image in images]))
        return raw.softmax(1)[:, 1].numpy()

    return path, p_ai


@pytest.mark.real_data
def test_two_hundred_real_pictures_by_way_of_torch_and_torchvision(real_data, tmp_path):
    transforms = pytest.importorskip("torchvision.transforms", reason="needs the extra 'model'")
    preparation = transforms.Compose(
        [
            transforms.Resize(73),
            transforms.CenterCrop(64),
            transforms.ToTensor(),
            transforms.Normalize(*IMAGENET.tolist()),
        ]
    )
    path, p_ai = exported(tmp_path, preparation)
    (tmp_path / "set").mkdir()
    for label, folder in (("real", "celeba/img_align_celeba"), ("ai", "stable_diffusion_3")):
        (tmp_path / "set" / label).mkdir()
        for file in sorted((real_data / folder).rglob("*.jpg"))[:100]:
            shutil.copy(file, tmp_path / "set" / label)
    index("folder", tmp_path / "set", tmp_path / "m.parquet")
    how = "imagenet,resize=crop,shortest_edge=73"
    scores = scored(path, tmp_path / "m.parquet", preprocess=how, ai_class="1", score_is="logit")
    assert scores.table.num_rows == 200
    files = [tmp_path / "set" / name for name in scores.table["image"].to_pylist()]
    wanted = p_ai([Image.open(file).convert("RGB") for file in files])
    assert np.ptp(wanted) > 0.01
    np.testing.assert_allclose(scores.table["p_ai"].to_numpy(), wanted, rtol=0, atol=1e-4)
