"""How a picture becomes the input of a model from elsewhere: said by its files, or by its user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, model_validator

from faceaudit.errors import FaceAuditError, validated
from faceaudit.model.preprocess import Floats, Pixels
from faceaudit.pictures import as_seen
from faceaudit.reading.file_kinds import read_text
from faceaudit.reading.json_text import parse_json
from faceaudit.scoring.options import ModelOptions

Three = Annotated[tuple[float, float, float], Field()]

#: Means and standard deviations of the channels, from 0 to 1, that are commonly trained with.
NORMALISATIONS: dict[str, tuple[Three, Three]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    # From -1 to 1, as of Inception, ViT and many Keras models.
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    # From 0 to 1.
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    # From 0 to 255.
    "none": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}
#: Sides of a network's input that are commonly trained with.
COMMON_SIZES = (224, 256, 299, 384)
#: Image processors of transformers that do no more than resize, cut, rescale and normalise, and
#: those of them that squash pictures to a size of one number.
PROCESSORS = (
    "ViT",
    "DeiT",
    "Beit",
    "CLIP",
    "Bit",
    "Siglip",
    "MobileNetV1",
    "MobileNetV2",
    "ConvNext",
)
SQUASHING = ("ViT", "DeiT", "Beit", "Siglip")
#: What image processors write beside a model.
BESIDE = "preprocessor_config.json"
RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}


class Preprocessing(BaseModel):
    """From an opened picture to a model's input, with Pillow and numpy alone.

    EXIF orientation is applied first, and transparency laid on white, as everywhere here.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    #: Height and width of the input, pixels.
    size: tuple[int, int]
    #: ``square``: the largest centred square of the picture, resized. ``squash``: the whole
    #: picture, its sides scaled apart; with a `shortest_edge` to a square of that side, of which
    #: the centre is cut out. ``crop``: the shorter side resized to `shortest_edge`, then the centre
    #: cut out.
    resize: Literal["square", "squash", "crop"] = "square"
    shortest_edge: int | None = Field(default=None, ge=1, le=8192)
    #: Where the centre begins if that is half a pixel: ``even`` as of torchvision and timm,
    #: ``down`` as of transformers.
    rounding: Literal["even", "down"] = "even"
    resample: Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"] = "bilinear"
    #: Of the channels from 0 to 1.
    mean: Three
    std: Three
    channels: Literal["rgb", "bgr"] = "rgb"
    layout: Literal["channels-first", "channels-last"] = "channels-first"

    @model_validator(mode="before")
    @classmethod
    def _one_side(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("size"), int | str):
            side = str(given["size"])
            given = given | {"size": side.split("x") if "x" in side else [side, side]}
        return given

    @model_validator(mode="after")
    def _sound(self) -> Preprocessing:
        if not all(1 <= side <= 4096 for side in self.size):
            raise ValueError("size: from 1 to 4096 pixels")
        if not all(std > 0 for std in self.std):
            raise ValueError("std: above 0")
        edge = self.shortest_edge
        if self.resize == "crop" and edge is None:
            raise ValueError("shortest_edge: 'crop' needs the side that pictures are resized to")
        if edge is not None and (self.resize == "square" or edge < max(self.size)):
            raise ValueError("shortest_edge: of 'crop' or 'squash', and at least the size cut out")
        return self

    def pixels(self, image: Image.Image) -> Pixels:
        """Return a picture of any shape and mode in uint8, shape (height, width, 3)."""
        image = as_seen(image)
        (height, width), method = self.size, RESAMPLING[self.resample]
        if (edge := self.shortest_edge) is not None:
            longer = edge
            if self.resize == "crop":  # torchvision and transformers round the longer side down
                longer = int(edge * max(image.size) / min(image.size))
            sides = (edge, longer) if image.width <= image.height else (longer, edge)
            image = image.resize(sides, method)
            halves = [(image.width - width) / 2, (image.height - height) / 2]
            left, top = (round(half) if self.rounding == "even" else int(half) for half in halves)
            return np.asarray(image.crop((left, top, left + width, top + height)))
        box = None
        if self.resize == "square":
            # Of the picture's own middle, as wide and high as the input is.
            scale = min(image.width / width, image.height / height)
            x, y = (image.width - scale * width) / 2, (image.height - scale * height) / 2
            box = (x, y, x + scale * width, y + scale * height)
        return np.asarray(image.resize((width, height), method, box=box))

    def inputs(self, pixels: Pixels) -> Floats:
        """Return pictures of `pixels`, shape (n, height, width, 3), as the model's float input."""
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        values = (pixels.astype(np.float32) / np.float32(255) - mean) / std
        values = values[..., ::-1] if self.channels == "bgr" else values
        if self.layout == "channels-first":
            values = values.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(values)

    def alternatives(self, sizes: bool) -> dict[str, Preprocessing]:
        """Return other common preparations by what their user says, each unlike this in one thing.

        `sizes`: the model takes pictures of any size.
        """
        changes: dict[str, dict[str, Any]] = {
            name: {"mean": mean, "std": std} for name, (mean, std) in NORMALISATIONS.items()
        }
        changes |= {f"channels={order}": {"channels": order} for order in ("rgb", "bgr")}
        if sizes and self.resize != "crop":
            changes |= {f"size={side}": {"size": (side, side)} for side in COMMON_SIZES}
        others = {said: self.model_copy(update=changed) for said, changed in changes.items()}
        return {said: other for said, other in others.items() if other != self}

    def record(self) -> dict[str, str | int | float | list[float]]:
        """Say it for the metadata of scores."""
        given = self.model_dump(exclude_none=True)
        given["size"] = "x".join(map(str, self.size))
        return {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}


def said_beside(path: Path, options: ModelOptions) -> str:
    """Return what says how pictures are prepared for a model's file: its user, or a file beside."""
    beside = path.parent / BESIDE
    return options.preprocess or (str(beside) if beside.is_file() else "")


def said_by_user(options: ModelOptions) -> bool:
    """Tell whether a user says in words how pictures are prepared, which may be a guess."""
    said = options.preprocess or ""
    return bool(said) and not _is_file(said)


def _is_file(said: str) -> bool:
    return said.endswith(".json") or Path(said).is_file()


def parse(text: str, known: dict[str, Any], source: str) -> Preprocessing:
    """Read what a user says: ``imagenet``, ``size=224,mean=0.5 0.5 0.5,…``, or a JSON file.

    Words apart by commas: the name of one of `NORMALISATIONS`, or a field of `Preprocessing` with
    its value. A file is a ``preprocessor_config.json`` or holds the fields themselves. `known` are
    fields that the model's own file, `source`, says; a user who says otherwise is refused.

    Raises
    ------
    FaceAuditError
        If it cannot be understood, contradicts the model's file, or lacks size or normalisation.
    """
    said = _from_json(Path(text)) if _is_file(text) else from_words(text, "--preprocess: ")
    lacking = [name for name in ("size", "mean", "std") if name not in said | known]
    if lacking:
        size = "size=224," if "size" in lacking else ""
        raise FaceAuditError(
            f"{source}: nothing says the {' and '.join(lacking)} of its input; say it as "
            f"--preprocess {size}imagenet (or {', '.join(list(NORMALISATIONS)[1:])}), or put a "
            f"{BESIDE} beside it"
        )
    found = validated(Preprocessing, known | said, f"{source}: --preprocess: ")
    own = validated(Preprocessing, found.model_dump() | known, f"{source}: ")
    for name in known:
        if getattr(own, name) != getattr(found, name):
            said_by = text if _is_file(text) else "--preprocess"
            raise FaceAuditError(
                f"{source}: its {name} is {_shown(getattr(own, name))}, and not "
                f"{_shown(getattr(found, name))} as {said_by} says; leave it out"
            )
    return found


def from_words(text: str, option: str) -> dict[str, Any]:
    """Read fields as a user writes them, see `parse`; `option` is how an error begins."""
    said: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        fields: dict[str, Any]
        if not equals and name in NORMALISATIONS:
            fields = dict(zip(("mean", "std"), NORMALISATIONS[name], strict=True))
        elif equals and name in Preprocessing.model_fields:
            fields = {name: value.split() if name in ("mean", "std") else value}
        else:
            raise FaceAuditError(
                f"{option}{part!r} is neither a normalisation ({', '.join(NORMALISATIONS)}) nor "
                f"of the form NAME=VALUE with one of {', '.join(Preprocessing.model_fields)}"
            )
        if twice := said.keys() & fields.keys():
            raise FaceAuditError(f"{option}{part!r} says {min(twice)} a second time; say it once")
        said |= fields
    return said


def fields_of(content: Any, source: str) -> dict[str, Any]:
    """Read the fields themselves, or those of a ``preprocessor_config.json``."""
    if not isinstance(content, dict):
        raise FaceAuditError(f"{source}: how a picture is prepared is a mapping of names to values")
    if content.keys() <= Preprocessing.model_fields.keys():
        return content
    return from_hugging_face(content, source)


def _shown(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _from_json(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(read_text(path, "model"))
    except ValueError as error:
        raise FaceAuditError(f"{path}: not valid JSON ({error})") from None
    return fields_of(content, str(path))


def from_hugging_face(config: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Read the fields of a ``preprocessor_config.json`` as image processors write it.

    Pixels are those of the processors that use Pillow; torchvision's resize a little otherwise.

    Raises
    ------
    FaceAuditError
        If it asks for what `Preprocessing` does not do, or leaves it to the processor's defaults.
    """
    kind = config.get("image_processor_type") or config.get("feature_extractor_type") or ""
    kind = re.sub("(ImageProcessor(Fast|Pil)?|FeatureExtractor)$", "", kind)
    doing = {"do_resize": True, "do_rescale": True, "do_normalize": True, **config}
    beyond = [name for name in ("do_pad", "rescale_offset") if doing.get(name)]
    if kind not in ("", *PROCESSORS) or beyond or not doing["do_resize"]:
        what = ", ".join([kind, *beyond]).strip(", ") or "do_resize: false"
        raise FaceAuditError(
            f"{source}: prepares pictures in a way that is not known here ({what}); say it as "
            "--preprocess size=224,imagenet, or as it was for its training"
        )
    normalises = ["image_mean", "image_std"] if doing["do_normalize"] else []
    for name in ("size", "resample", *normalises):
        if config.get(name) is None:
            raise FaceAuditError(f"{source}: does not say {name}; add it")
    names = {int(value): name for name, value in RESAMPLING.items()}
    if config["resample"] not in names:
        raise FaceAuditError(f"{source}: resample: {config['resample']!r} is none of {[*names]}")
    size = config["size"]
    fields: dict[str, Any] = {"resample": names[config["resample"]], "rounding": "down"}
    edge = size.get("shortest_edge") if isinstance(size, dict) else None
    if kind == "ConvNext":
        edge = edge or size
        # Its rule: small inputs are cut out of the middle, large ones squashed.
        small = edge < 384
        within = int(edge / config.get("crop_pct", 224 / 256)) if small else None
        fields |= {"resize": "crop" if small else "squash", "shortest_edge": within}
        fields["size"] = (edge, edge)
    elif doing.get("do_center_crop"):
        sides = (edge, edge) if edge else _sides(size, source)
        # Of one number it is the shorter side, except of those that squash.
        keeps = edge is not None or (isinstance(size, int) and kind not in SQUASHING)
        if sides[0] != sides[1]:
            raise FaceAuditError(f"{source}: size: a square is needed that the centre is cut from")
        fields |= {"resize": "crop" if keeps else "squash", "shortest_edge": sides[0]}
        fields["size"] = _sides(config.get("crop_size"), source)
    elif edge is not None:
        raise FaceAuditError(f"{source}: pictures keep their shape; a fixed size is needed")
    else:
        fields |= {"resize": "squash", "size": _sides(size, source)}
    # Of pixels times the factor; ours are of pixels / 255.
    scale = 255 * config.get("rescale_factor", 1 / 255) if doing["do_rescale"] else 255.0
    mean, std = (config[name] for name in normalises) if normalises else NORMALISATIONS["unit"]
    fields["mean"] = tuple(value / scale for value in mean)
    fields["std"] = tuple(value / scale for value in std)
    return fields


def _sides(size: Any, source: str) -> tuple[int, int]:
    if isinstance(size, int):
        return size, size
    if isinstance(size, dict) and {"height", "width"} <= size.keys():
        return size["height"], size["width"]
    raise FaceAuditError(f"{source}: it does not say the size of the input")
