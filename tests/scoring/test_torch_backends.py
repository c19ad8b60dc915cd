"""Models of PyTorch and Hugging Face give what their own frameworks give, on the same pictures."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from faceaudit.cli import main
from faceaudit.errors import FaceAuditError
from faceaudit.model.architecture import find_architecture
from faceaudit.pictures import open_picture
from faceaudit.scoring import open_detector
from faceaudit.scoring.description import COMMON, Description, write_draft
from tests.documents import ROOT

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

SIZE = 96
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def network(outputs=2):
    torch.manual_seed(3)
    return timm.create_model("test_resnet", num_classes=outputs).eval()


def drawn(folder: Path) -> list[Path]:
    """Pictures of several shapes, one with an orientation of its own."""
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    files = []
    for i, (width, height) in enumerate(((150, 100), (90, 161), (120, 120), (97, 300))):
        coarse = rng.integers(0, 256, (9, 9, 3), np.uint8)
        path = folder / f"{i}.png"
        image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        image.save(path, exif=exif if i == 1 else None)
        files.append(path)
    return files


def ours(detector, files):
    pixels = []
    for file in files:
        with open_picture(file.read_bytes()) as image:
            pixels.append(detector.pixels(image))
    return detector.p_ai(np.stack(pixels))


def upright(file):
    from PIL import ImageOps

    return ImageOps.exif_transpose(Image.open(file)).convert("RGB")


# --- programs ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    net, one = network(), torch.zeros(1, 3, SIZE, SIZE)
    batch = torch.export.Dim("batch", min=1, max=64)
    exported = torch.export.export(net, (one.repeat(2, 1, 1, 1),), dynamic_shapes=({0: batch},))
    torch.export.save(exported, folder / "net.pt2")
    torch.export.save(torch.export.export(net, (one.repeat(3, 1, 1, 1),)), folder / "three.pt2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(net, one), folder / "net.pt")
    return folder


def validation(files):
    """What torchvision's own transforms and the network itself say of class 1."""
    from torchvision import transforms

    own = transforms.Compose(
        [
            transforms.Resize((SIZE, SIZE)),
            transforms.ToTensor(),
            transforms.Normalize(**IMAGENET),
        ]
    )
    with torch.inference_mode():
        given = torch.stack([own(upright(file)) for file in files])
        return network()(given).softmax(1)[:, 1].numpy()


@pytest.mark.parametrize("name", ["net.pt2", "three.pt2", "net.pt", "torchscript:net.pt"])
def test_a_program_gives_what_it_gives_in_torch(programs, tmp_path, name):
    prefix, _, file = name.rpartition(":")
    detector = open_detector(
        f"{prefix}:{programs / file}".lstrip(":"),
        trust_pickle=True,
        preprocess=f"imagenet,size={SIZE},resize=squash",
        ai_class="1",
    )
    files = drawn(tmp_path)
    np.testing.assert_allclose(ours(detector, files), validation(files), atol=1e-4)
    assert "'1' was taken as AI-generated" in detector.notes[0]
    assert detector.info.preprocessing["size"] == f"{SIZE}x{SIZE}"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("net.pt", {"trust_pickle": False}, "can run any program"),
        ("net.pt", {"preprocess": None}, "nothing says the size and mean and std of its input"),
        (
            "net.pt2",
            {"preprocess": None},
            r"the mean and std of its input; .*--preprocess imagenet",
        ),
        *(
            (
                name,
                {"preprocess": None, "ai_class": ()},
                r"nothing says the .*mean and std .*; and the classes are '0', '1', and nothing",
            )
            for name in ("net.pt", "net.pt2")
        ),
        ("net.pt2", {"preprocess": "imagenet,size=64"}, "its size is 96x96, and not 64x64"),
        ("net.pt", {"preprocess": "imagenat"}, "'imagenat' is neither a normalisation"),
        ("net.pt2", {"ai_class": ()}, "nothing says which of them means"),
        ("net.pt2", {"ai_class": "fake"}, "--ai-class fake is none of its classes"),
    ],
)
def test_what_a_program_does_not_say_is_asked_for(programs, name, options, message):
    given = {
        "trust_pickle": True,
        "preprocess": "imagenet" + (f",size={SIZE}" if name == "net.pt" else ""),
        "ai_class": "1",
    }
    with pytest.raises(FaceAuditError, match=message):
        _ = open_detector(programs / name, **given | options).notes


def test_what_is_no_program_is_said(tmp_path):
    path = tmp_path / "state.pth"
    torch.save(network().state_dict(), path)
    with pytest.raises(FaceAuditError, match="no TorchScript program"):
        open_detector(f"torchscript:{path}", trust_pickle=True)
    with pytest.raises(FaceAuditError, match="faceaudit model describe"):
        open_detector(path, trust_pickle=True)


# --- state dicts ---------------------------------------------------------------------------


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "detector" / "state.safetensors"
    path.parent.mkdir()
    from safetensors.torch import save_file

    save_file({f"module.{k}": v for k, v in network(3).state_dict().items()}, path)
    return path


def test_a_draft_describes_weights_and_is_filled_in(weights, tmp_path, monkeypatch):
    monkeypatch.setattr("faceaudit.scoring.description.COMMON", ("resnet18", "resnet34"))
    with pytest.raises(FaceAuditError, match=r"not of a common architecture; .*--arch"):
        write_draft(weights)
    asked = CliRunner().invoke(
        main, ["model", "describe", str(weights), "--arch", "test_resnet"], catch_exceptions=False
    )
    assert "test_resnet (timm) with 3 outputs" in asked.output
    with pytest.raises(FaceAuditError, match="is there already"):
        write_draft(weights)
    with pytest.raises(FaceAuditError, match="nothing says which of them means"):
        _ = open_detector(weights).notes

    path = weights.parent / "model.json"
    draft = json.loads(path.read_text())
    path.write_text(json.dumps(draft | {"classes": ["real", "stylegan", "diffusion"]}))
    files = drawn(tmp_path)
    config = timm.data.resolve_model_data_config(network(3))
    own = timm.data.create_transform(**config, is_training=False)
    with torch.inference_mode():
        shares = network(3)(torch.stack([own(upright(file)) for file in files])).softmax(1)
    for model in (weights, weights.parent):
        detector = open_detector(model)
        found = ours(detector, files)
        np.testing.assert_allclose(found, shares[:, 1:].sum(1).numpy(), atol=1e-4)
        assert "'stylegan' and 'diffusion' were taken as AI-generated" in " ".join(detector.notes)
    path.write_text(json.dumps(draft | {"threshold": 7}))
    with pytest.raises(FaceAuditError, match=r"model\.json: does not describe .*threshold"):
        open_detector(weights)


def test_common_networks_are_known_by_their_tensors(tmp_path, monkeypatch):
    assert {find_architecture(name).library for name in COMMON} == {"timm", "torchvision"}
    few = [name for name in COMMON if "resne" in name]
    monkeypatch.setattr("faceaudit.scoring.description.COMMON", few)
    path = tmp_path / "w.pth"
    torch.save(timm.create_model("resnet18", num_classes=1).state_dict(), path)
    target, said = write_draft(path, trust_pickle=True)
    assert json.loads(target.read_text())["architecture"] == "resnet18"
    assert "one output is a logit or a probability" in said[-1]
    with pytest.raises(FaceAuditError, match=r"one number a picture .*--score-is probability or"):
        _ = open_detector(path, trust_pickle=True).notes


# --- Hugging Face --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("hf")
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=64,
        patch_size=16,
        id2label={0: "artificial", 1: "human"},
        label2id={"artificial": 0, "human": 1},
    )
    model = transformers.ViTForImageClassification(config)
    with torch.no_grad():  # drawn weights hardly tell one picture from another
        model.classifier.weight.mul_(400)
        model.classifier.bias.sub_(model(torch.randn(8, 3, 64, 64)).logits.mean(0))
    model.save_pretrained(folder)
    size = {"height": 64, "width": 64}
    transformers.ViTImageProcessor(size=size).save_pretrained(folder)
    return folder


def pipeline(folder, files):
    import transformers

    run = transformers.pipeline("image-classification", str(folder), device="cpu")
    answers = run([str(file) for file in files])
    return [{one["label"]: one["score"] for one in answer}["artificial"] for answer in answers]


@pytest.mark.parametrize("prefix", ["", "hf:"])
def test_a_folder_gives_what_its_pipeline_gives(folder, tmp_path, prefix):
    detector = open_detector(f"{prefix}{folder}")
    files = drawn(tmp_path)
    found = ours(detector, files)
    np.testing.assert_allclose(found, pipeline(folder, files), atol=1e-4)
    assert np.ptp(found) > 0.01
    assert "'artificial' was taken as AI-generated, by its name" in detector.notes[0]
    assert detector.info.preprocessing["mean"] == [0.5, 0.5, 0.5]
    assert len(detector.info.sha256) == 64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "preprocessor_config.json").unlink(), "no preprocessor_config"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no model.safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x"), "cannot load it"),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            "a pickle can run any program",
        ),
        (
            lambda folder: (folder / "config.json").write_text(
                (folder / "config.json").read_text().replace("artificial", "left")
            ),
            "",
        ),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_in_a_line(folder, tmp_path, change, message):
    shutil.copytree(folder, tmp_path / "m")
    change(tmp_path / "m")
    with pytest.raises(FaceAuditError, match=message or "nothing says which") as refused:
        _ = open_detector(f"hf:{tmp_path / 'm'}").notes
    assert "\n" not in str(refused.value)


def test_no_such_folder():
    pytest.importorskip("transformers")
    with pytest.raises(FaceAuditError, match="no such folder"):
        open_detector("hf:./nowhere")


# --- on real pictures ----------------------------------------------------------------------


@pytest.mark.real_data
def test_each_agrees_with_its_framework_on_200_real_pictures(real_data, programs, folder):
    files = [
        file
        for of in ("ffhq/images", "fairface/val", "celeba/img_align_celeba", "stylegan3")
        for file in sorted((real_data / of).iterdir())[:50]
    ]
    assert len(files) == 200
    squash = f"imagenet,size={SIZE},resize=squash"
    for name in ("net.pt2", "net.pt"):
        detector = open_detector(
            programs / name, trust_pickle=True, preprocess=squash, ai_class="1"
        )
        assert np.abs(ours(detector, files) - validation(files)).max() <= 1e-4
    assert np.abs(ours(open_detector(folder), files) - pipeline(folder, files)).max() <= 1e-4


def test_the_model_json_of_the_manual_is_one():
    page = (ROOT / "docs" / "detectors.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    described = Description.model_validate_json(shown)
    assert described.preprocess.shortest_edge == 256
    assert described.network.name == "resnet50"


@pytest.mark.parametrize(
    "lost", ["classifier.weight", "vit.encoder.layer.0.output.dense.weight", "classifier.bias"]
)
def test_weights_that_are_lacking_are_not_drawn(folder, tmp_path, lost):
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, tmp_path / "m")
    path = tmp_path / "m" / "model.safetensors"
    state = load_file(path)
    lost = lost if lost in state else next(name for name in state if "dense.weight" in name)
    del state[lost]
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(FaceAuditError, match="would be drawn at random"):
        _ = open_detector(tmp_path / "m").notes


def test_no_code_of_a_model_is_run(folder, tmp_path, monkeypatch):
    shutil.copytree(folder, tmp_path / "m")
    path, trace = tmp_path / "m" / "config.json", tmp_path / "run"
    own = {"AutoConfig": "own.Own", "AutoModelForImageClassification": "own.Own"}
    config = json.loads(path.read_text()) | {"auto_map": own, "model_type": "own"}
    path.write_text(json.dumps(config))
    (tmp_path / "m" / "own.py").write_text(f"open({str(trace)!r}, 'w')\nclass Own: pass\n")
    monkeypatch.setattr("builtins.input", lambda *asked: "y")
    with pytest.raises(FaceAuditError, match="transformers cannot load it"):
        _ = open_detector(tmp_path / "m").notes
    assert not trace.exists()


def test_a_program_whose_output_is_squeezed_is_refused(tmp_path):
    class Squeezed(torch.nn.Module):
        def forward(self, given):
            return given.mean((2, 3))[:, :2].squeeze()

    one = torch.zeros(1, 3, SIZE, SIZE)
    torch.export.save(torch.export.export(Squeezed(), (one,)), tmp_path / "s.pt2")
    with pytest.raises(FaceAuditError, match=r"output of shape \(2,\) for 1 picture; a row for"):
        _ = open_detector(
            tmp_path / "s.pt2", trust_pickle=True, preprocess="unit", score_is="logit"
        ).notes


def test_a_program_for_many_pictures_at_once(tmp_path):
    given = torch.zeros(20, 3, SIZE, SIZE)
    torch.export.save(torch.export.export(network(), (given,)), tmp_path / "20.pt2")
    squash = "imagenet,resize=squash"
    detector = open_detector(
        tmp_path / "20.pt2", trust_pickle=True, preprocess=squash, ai_class="1"
    )
    files = drawn(tmp_path)
    np.testing.assert_allclose(ours(detector, files), validation(files), atol=1e-4)


@pytest.mark.parametrize("kind", ["net.pt2", "net.pt", "folder"])
def test_weights_that_are_no_numbers_are_refused_before_a_picture_is_judged(kind, folder, tmp_path):
    if kind == "folder":
        from safetensors.torch import load_file, save_file

        path = shutil.copytree(folder, tmp_path / "nan")
        state = load_file(path / "model.safetensors")
        state[next(iter(state))].view(-1)[0] = float("nan")
        save_file(state, path / "model.safetensors", metadata={"format": "pt"})
    else:
        path, net = tmp_path / kind, network()
        net.bn1.running_mean[0] = float("nan")
        if kind == "net.pt":
            torch.jit.save(
                torch.jit.trace(net, torch.zeros(1, 3, SIZE, SIZE), check_trace=False), path
            )
        else:
            torch.export.save(torch.export.export(net, (torch.zeros(3, 3, SIZE, SIZE),)), path)
    with pytest.raises(FaceAuditError, match="' holds what is no number"):
        given = {} if kind == "folder" else {"preprocess": f"imagenet,size={SIZE}"}
        detector = open_detector(path, trust_pickle=True, ai_class="1", **given)
        _ = detector.notes
