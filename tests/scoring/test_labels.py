"""Labelled pictures give away a class order, a size or a normalisation that is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnxruntime", reason="needs the extra 'onnx'")
onnx = pytest.importorskip("onnx", reason="the package onnx draws the graphs")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from faceaudit import terminal  # noqa: E402
from faceaudit.schema import ModelInfo  # noqa: E402
from faceaudit.scoring import Detector, score  # noqa: E402
from faceaudit.scoring.labels import auc_gain  # noqa: E402
from tests.pictures import encode, write_manifest  # noqa: E402


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Pictures of fine noise: of 224 pixels those of AI are a little coarser, and darker."""
    folder = tmp_path_factory.mktemp("drawn")
    rng = np.random.default_rng(0)
    names, labels = [], []
    for i in range(80):
        label = "ai" if i % 2 else "real"
        names.append(f"{i}.png")
        labels.append(label)
        pixels = rng.normal(110 if label == "ai" else 125, 12, (1, 1, 3)) + rng.normal(
            0, 20, (64, 64, 3)
        )
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        (folder / names[-1]).write_bytes(encode(image))
    return write_manifest(folder, names, labels)


def brightness(path, low, high, shape=("n", 3, 32, 32)):
    """Write a network that compares the mean, clipped to a range, with the middle of the range.

    Of numbers of another range all is clipped.
    """
    constants = {
        "low": np.float32(low),
        "high": np.float32(high),
        "middle": np.float32((low + high) / 2),
        "slope": np.float32([[-40 / (high - low), 40 / (high - low)]]),
    }
    nodes = [
        helper.make_node("ReduceMean", ["pictures"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Clip", ["mean", "low", "high"], ["clipped"]),
        helper.make_node("Sub", ["clipped", "middle"], ["centred"]),
        helper.make_node("Reshape", ["centred", "column"], ["columns"]),
        helper.make_node("Mul", ["columns", "slope"], ["logits"]),
    ]
    tensors = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    tensors.append(numpy_helper.from_array(np.int64([-1, 1]), "column"))
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save_model(model, path)
    return path


def notes(path, manifest, **options):
    return score(path, manifest, find_faces=False, **options).info.notes


def said(found, words):
    return [note for note in found if words in note]


LIKE_IMAGENET = {"low": -0.3, "high": 0.3}


def test_the_right_use_is_not_remarked_on(manifest, tmp_path):
    path = brightness(tmp_path / "x.onnx", **LIKE_IMAGENET)
    found = notes(path, manifest, preprocess="imagenet", ai_class="0")
    assert not said(found, "labelled pictures") + said(found, "are told apart much better")


def test_a_flipped_order_of_classes_is_noticed(manifest, tmp_path, capsys):
    path = brightness(tmp_path / "x.onnx", **LIKE_IMAGENET)
    scores = score(path, manifest, find_faces=False, preprocess="imagenet", ai_class="1")
    (told,) = said(scores.info.notes, "look inverted")
    assert "AUC 0.0" in told and "40 photographs, 40 AI-generated" in told
    assert "--ai-class" in told
    terminal.print_scores(scores, tmp_path / "s.parquet")
    printed = capsys.readouterr()
    assert told in printed.err
    assert "batches: a score moved by" in printed.out


def test_an_inverted_order_is_no_fault_of_the_preparation(manifest, tmp_path):
    """Whatever tells nothing apart is 'better' than an AUC of nearly 0."""
    path = brightness(tmp_path / "x.onnx", **LIKE_IMAGENET)
    found = notes(path, manifest, preprocess="imagenet", ai_class="1")
    assert said(found, "look inverted")
    assert not said(found, "are told apart much better")


class Darkness(Detector):
    """Calls dark pictures AI-generated; of another preparation only a corner is seen, reversed."""

    name, info = "darkness", ModelInfo(id="darkness", threshold=0.5)

    def __init__(self, seen, others):
        self.pixels, self.alternatives = seen, lambda: others

    @classmethod
    def open(cls, model, options):
        return None

    def pixels(self, image):
        raise NotImplementedError

    def p_ai(self, pixels):
        return pixels


def test_an_inverted_detector_is_turned_round_before_its_preparation_is_judged(manifest):
    right = Darkness(lambda image: np.float32(1 - np.asarray(image).mean() / 255), {})
    detector = Darkness(lambda image: np.float32(image.getpixel((0, 0))[0] / 255), {"unit": right})
    found = notes(detector, manifest)
    (inverted,) = said(found, "look inverted")
    assert "AUC 0.3" in inverted
    (told,) = said(found, "are told apart much better")
    assert "'unit' in --preprocess gives an AUC of 0.9" in told
    assert "what was said 0.6" in told and "turned round" in told


@pytest.mark.parametrize(
    ("span", "given", "right"),
    [
        (LIKE_IMAGENET, "none", "imagenet"),
        (LIKE_IMAGENET, "unit", "imagenet"),
        ({"low": 0.4, "high": 0.55}, "none", "unit"),
        ({"low": 100, "high": 140}, "imagenet", "none"),
        ({"low": -0.2, "high": 0.1}, "unit", "half"),
    ],
)
def test_a_wrong_normalisation_is_noticed(span, given, right, manifest, tmp_path):
    path = brightness(tmp_path / "x.onnx", **span)
    found = notes(path, manifest, preprocess=given, ai_class="0")
    (told,) = said(found, "are told apart much better")
    named = told.split("of them ")[1].split(" in --preprocess gives an AUC of")[0]
    assert f"'{right}'" in named
    assert f"'{given}'" not in named
    assert "what was said 0.500" in told
    assert not said(
        notes(path, manifest, preprocess=right, ai_class="0"), "are told apart much better"
    )


def test_a_wrong_size_is_noticed(tmp_path):
    """Of a network that takes any: what tells the labels apart is lost in smaller pictures."""
    rng = np.random.default_rng(1)
    labels = ["real", "ai"] * 20
    for i, label in enumerate(labels):
        pixels = rng.integers(90, 160, (256, 256, 3))
        if label == "ai":
            pixels[::2] += 30  # every other line is lighter
        (tmp_path / f"{i}.png").write_bytes(encode(Image.fromarray(pixels.astype(np.uint8))))
    manifest = write_manifest(tmp_path, [f"{i}.png" for i in range(40)], labels)
    path = stripes(tmp_path / "x.onnx")
    options = {"ai_class": "1", "batch_size": 16}
    (told,) = said(notes(path, manifest, preprocess="unit,size=64", **options), "much better")
    assert "'size=224' or 'size=256'" in told
    right = notes(path, manifest, preprocess="unit,size=256", **options)
    assert not said(right, "are told apart much better")


def stripes(path):
    """Write a network that compares lines with the next ones."""
    kernel = np.zeros((1, 3, 2, 1), np.float32)
    kernel[0, :, 0], kernel[0, :, 1] = 1, -1
    nodes = [
        helper.make_node("Conv", ["pictures", "kernel"], ["differences"]),
        helper.make_node("Abs", ["differences"], ["sizes"]),
        helper.make_node("ReduceMean", ["sizes"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Reshape", ["mean", "column"], ["columns"]),
        helper.make_node("Mul", ["columns", "slope"], ["logits"]),
    ]
    tensors = [
        numpy_helper.from_array(kernel, "kernel"),
        numpy_helper.from_array(np.int64([-1, 1]), "column"),
        numpy_helper.from_array(np.float32([[-5, 5]]), "slope"),
    ]
    graph = helper.make_graph(
        nodes,
        "stripes",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save_model(model, path)
    return path


class Noisy(Detector):
    """Brightness with noise of its own, and nine others that are no better."""

    def __init__(self, seed):
        self.name, self.seed = "noisy", seed
        self.info = ModelInfo(id="noisy")

    @classmethod
    def open(cls, model, options):
        return None

    def pixels(self, image):
        return np.asarray(image)

    def p_ai(self, pixels):
        noise = [
            np.random.default_rng([self.seed, int(one.sum())]).normal(0, 0.3) for one in pixels
        ]
        return np.clip(1.5 - pixels.mean((1, 2, 3)) / 115 + noise, 0, 1)

    def alternatives(self):
        return {f"other {i}": Noisy(100 + i) for i in range(9)} if self.seed < 100 else {}


def test_what_is_better_by_chance_is_not_named(manifest):
    """Of nine others one is better nearly always."""
    for seed in range(4):
        found = score(Noisy(seed), manifest, find_faces=False).info.notes
        assert not said(found, "are told apart much better")


def test_guessing_is_said_to_be(tmp_path):
    rng = np.random.default_rng(2)
    for i in range(300):
        grey = int(rng.integers(256))
        (tmp_path / f"{i}.png").write_bytes(encode(Image.new("L", (8, 8), grey)))
    manifest = write_manifest(tmp_path, [f"{i}.png" for i in range(300)], ["real", "ai"] * 150)
    (tmp_path / "mine.py").write_text("def judge(image): return image.getpixel((0, 0))[0] / 255\n")
    found = notes(f"python:{tmp_path / 'mine.py'}:judge", manifest)
    assert said(found, "hardly do better than guessing (AUC 0.")
    one_label = write_manifest(tmp_path, [f"{i}.png" for i in range(300)], ["real"] * 300)
    assert not said(notes(f"python:{tmp_path / 'mine.py'}:judge", one_label), "labelled")


def test_the_interval_of_a_gain_is_delongs():
    """Against the covariance of placements written out, and the order of its arguments."""
    rng = np.random.default_rng(3)
    is_ai = np.arange(50) % 2 == 0
    first, second = rng.random(50), rng.random(50) + 0.3 * is_ai
    gain, low = auc_gain(first, second, is_ai, 0.95)
    placements = []
    for scores in (first, second):
        wins = np.array([[a > r for r in scores[~is_ai]] for a in scores[is_ai]])
        placements.append((wins.mean(1), wins.mean(0)))
    (a1, r1), (a2, r2) = placements
    variance = sum(
        (np.var(x, ddof=1) + np.var(y, ddof=1) - 2 * np.cov(x, y)[0, 1]) / len(x)
        for x, y in ((a1, a2), (r1, r2))
    )
    assert gain == pytest.approx(a2.mean() - a1.mean())
    assert gain > 0
    assert (gain - low) / np.sqrt(variance) == pytest.approx(2.0639, abs=1e-4)  # t of 24, 97.5 %
    assert auc_gain(first, second, is_ai, 0.95, tried=9)[1] < low


def test_preparations_that_do_not_matter_are_seldom_called_better():
    """Nine others, each with a little noise of its own, among 32 and 32 pictures: 400 runs."""
    rng = np.random.default_rng(4)
    is_ai = np.arange(64) % 2 == 0
    for shift in (0.0, 1.0, 2.0):
        wrong = 0
        for _ in range(400):
            sound = rng.normal(size=64) + shift * is_ai
            given, *others = (sound + rng.normal(0, 0.7, 64) for _ in range(10))
            wrong += any(auc_gain(given, one, is_ai, 0.95, 9)[1] > 0 for one in others)
        assert wrong / 400 < 0.05
