"""A small ``model.json`` for weights from elsewhere: which network they are of, and how it sees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from faceaudit.errors import FaceAuditError, describe
from faceaudit.files import expect_writable, text_of, write_text
from faceaudit.model.architecture import (
    Architecture,
    find_architecture,
    head_names,
    network_shapes,
    read_weights,
    require_model_extra,
    unwrap,
)
from faceaudit.model.records import RECORD_FILE
from faceaudit.reading.json_text import parse_json
from faceaudit.reading.meaning import ScoreIs
from faceaudit.scoring.preprocessing import Preprocessing
from faceaudit.wording import counted

if TYPE_CHECKING:
    from torch import Tensor

#: What weights are commonly of; `fitting` compares names and shapes of their tensors.
COMMON = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d"),
    *("wide_resnet50_2", "densenet121", "densenet169", "densenet201", "inception_v3"),
    *("efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3"),
    *("efficientnet_b4", "tf_efficientnet_lite0", "mobilenetv2_100", "mobilenetv3_large_100"),
    *("mobilenetv3_small_100", "legacy_xception", "xception41", "vgg16", "vgg16_bn", "vgg19"),
    *("vit_tiny_patch16_224", "vit_small_patch16_224", "vit_base_patch16_224"),
    *("vit_base_patch16_clip_224", "vit_large_patch14_clip_224", "convnext_tiny"),
    *("convnext_small", "convnext_base", "swin_tiny_patch4_window7_224"),
    *("swin_base_patch4_window7_224", "torchvision:mobilenet_v2", "torchvision:mobilenet_v3_large"),
    *("torchvision:efficientnet_b0", "torchvision:efficientnet_b4", "torchvision:vit_b_16"),
    *("torchvision:convnext_tiny", "torchvision:swin_t", "torchvision:vgg16"),
)


class Description(BaseModel):
    """What ``model.json`` says of weights that were trained elsewhere."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    weights: str = Field(description="The file in the same folder that it describes")
    architecture: str = Field(description="The network's name in its library")
    library: Literal["timm", "torchvision"] = Field(description="Whose network it is")
    classes: list[str] | None = Field(
        default=None, description="What its outputs are called, in their order"
    )
    score_is: ScoreIs | None = Field(
        default=None, description="Of one output, what it is; of several, logits are likely"
    )
    threshold: float = Field(default=0.5, ge=0, le=1, description="A score from here on is 'ai'")
    preprocess: Preprocessing = Field(description="How a picture becomes its input")

    @property
    def network(self) -> Architecture:
        """The network, if its library knows it."""
        prefix = "torchvision:" if self.library == "torchvision" else ""
        return find_architecture(prefix + self.architecture)


def read_description(folder: Path) -> Description | None:
    """Read ``model.json``, or the ``config.json`` that timm writes; None if there is neither.

    Raises
    ------
    FaceAuditError
        If it is there and not filled in.
    """
    content, timm = _json(folder / RECORD_FILE), _json(folder / "config.json")
    if "weights" in content:
        path = folder / RECORD_FILE
        try:
            return Description.model_validate(content)
        except ValidationError as error:
            raise FaceAuditError(
                f"{path}: does not describe {content['weights']}: {describe(error)}"
            ) from None
    if "record_version" not in content and {"architecture", "pretrained_cfg"} <= timm.keys():
        names = timm.get("label_names") or timm["pretrained_cfg"].get("label_names")
        return Description(
            weights="model.safetensors",
            architecture=timm["architecture"],
            library="timm",
            classes=names,
            preprocess=of_timm(timm["pretrained_cfg"]),
        )
    return None


def of_timm(config: Mapping[str, Any]) -> Preprocessing:
    """Read how timm prepares pictures for validation out of a network's configuration."""
    _, height, width = config["input_size"]
    crop = config.get("crop_mode", "center") == "center"
    return Preprocessing(
        size=(height, width),
        resize="crop" if crop else "squash",
        shortest_edge=int(max(height, width) / config.get("crop_pct", 0.875)) if crop else None,
        resample=config.get("interpolation", "bilinear"),
        mean=config["mean"],
        std=config["std"],
    )


def write_draft(
    weights: Path | str, *, arch: str | None = None, trust_pickle: bool = False
) -> tuple[Path, list[str]]:
    """Write a ``model.json`` beside weights: what they say, and what their network usually sees.

    Parameters
    ----------
    weights : path
        A state dict: safetensors, or a pickle that is trusted.
    arch : str, optional
        A timm or torchvision architecture; without it the common ones are tried.

    Returns
    -------
    Path, list of str
        The file, and sentences on what to check or fill in.

    Raises
    ------
    FaceAuditError
        If there is a ``model.json`` already, or no architecture fits, or several do.
    """
    path = Path(weights)
    target = path.parent / RECORD_FILE
    if target.exists():
        raise FaceAuditError(f"{target}: is there already; change it, or move it away")
    expect_writable(target)
    require_model_extra("model describe")
    state = read_weights(path, trust_pickle)
    fitting = [one for name in ([arch] if arch else COMMON) if (one := _fit(state, name, path))]
    if len(fitting) != 1:
        fit = " and ".join(one.name for one, _ in fitting)
        found = f"fits {fit} alike" if fit else f"is not of {arch or 'a common architecture'}"
        raise FaceAuditError(f"{path}: {found}; name its architecture: --arch NAME")
    ((network, outputs),) = fitting
    preprocess = of_timm(_usual(network))
    classes = None if outputs == 1 else [str(i) for i in range(outputs)]
    draft = Description(
        weights=path.name,
        architecture=network.name,
        library=network.library,
        classes=classes,
        preprocess=preprocess,
    )
    write_text(target, json.dumps(draft.model_dump(mode="json"), indent=1) + "\n")
    asked = (
        "'score_is': write whether its one output is a logit or a probability."
        if outputs == 1
        else f"'classes': write the names of its {outputs} outputs, in their order."
    )
    numbers = counted(outputs, "output")
    return target, [
        f"The tensors are those of {network.name} ({network.library}) with {numbers}.",
        "'preprocess': it is what the network usually sees; write what yours was trained with.",
        asked,
    ]


def _usual(network: Architecture) -> dict[str, Any]:
    """Return timm's configuration of a network, or what torchvision's are commonly shown."""
    usual = {"input_size": (3, 224, 224), "mean": network.mean, "std": network.std}
    if network.library == "timm":
        import timm

        config = timm.get_pretrained_cfg(network.name, allow_unregistered=True)
        return usual if config is None else config.to_dict()
    return usual


def _fit(state: Mapping[str, Tensor], name: str, source: Path) -> tuple[Architecture, int] | None:
    """Tell whether tensors are a network's, but for the number of its outputs, and that number."""
    network = find_architecture(name)
    shapes, head = network_shapes(network), head_names(network)
    inside, _ = unwrap(state, shapes, str(source))
    if inside.keys() != shapes.keys():
        return None
    if any(inside[key].shape != shapes[key] for key in shapes.keys() - head):
        return None
    outputs = {len(inside[key]) for key in head}
    return (network, outputs.pop()) if len(outputs) == 1 else None


def _json(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(text_of(path))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
