"""How a picture becomes the input of a model from elsewhere: said by its files, or by its user."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image, ImageOps
from pydantic import BaseModel, ConfigDict, Field, model_validator

from faceaudit.errors import FaceAuditError, validated
from faceaudit.model.preprocess import Floats, Pixels, as_rgb
from faceaudit.reading.file_kinds import read_text
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
    #: picture, its sides scaled apart. ``crop``: the shorter side resized to `shortest_edge`, then
    #: the centre cut out.
    resize: Literal["square", "squash", "crop"] = "square"
    shortest_edge: int | None = Field(default=None, ge=1, le=8192)
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
        if self.resize == "crop" and (self.shortest_edge or 0) < max(self.size):
            raise ValueError("shortest_edge: at least the size that is cut out of it")
        return self

    def pixels(self, image: Image.Image) -> Pixels:
        """Return a picture of any shape and mode in uint8, shape (height, width, 3)."""
        image = as_rgb(ImageOps.exif_transpose(image))
        (height, width), method = self.size, RESAMPLING[self.resample]
        if self.resize == "crop":
            assert self.shortest_edge is not None
            # As torchvision and transformers round: the longer side down.
            short, long = sorted(image.size)
            longer = int(self.shortest_edge * long / short)
            sides = (self.shortest_edge, longer)
            image = image.resize(sides if image.width <= image.height else sides[::-1], method)
            left, top = (image.width - width) // 2, (image.height - height) // 2
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

    def record(self) -> dict[str, str | int | float | list[float]]:
        """Say it for the metadata of scores."""
        given = self.model_dump(exclude_none=True)
        given["size"] = "x".join(map(str, self.size))
        return {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}


def said_beside(path: Path, options: ModelOptions) -> str:
    """Return what says how pictures are prepared for a model's file: its user, or a file beside."""
    beside = path.parent / BESIDE
    return options.preprocess or (str(beside) if beside.is_file() else "")


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
    if text.endswith(".json") or Path(text).is_file():
        said = _from_json(Path(text))
    else:
        said = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if not equals and name in NORMALISATIONS:
                said["mean"], said["std"] = NORMALISATIONS[name]
            elif equals and name in Preprocessing.model_fields:
                said[name] = value.split() if name in ("mean", "std") else value
            else:
                raise FaceAuditError(
                    f"--preprocess: {part!r} is neither a normalisation "
                    f"({', '.join(NORMALISATIONS)}) nor of the form NAME=VALUE with one of "
                    f"{', '.join(Preprocessing.model_fields)}"
                )
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
            raise FaceAuditError(
                f"{source}: its {name} is {_shown(getattr(own, name))}, and not "
                f"{_shown(getattr(found, name))} as --preprocess says; leave it out"
            )
    return found


def _shown(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _from_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(path, "model"))
    except ValueError as error:
        raise FaceAuditError(f"{path}: not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise FaceAuditError(f"{path}: how a picture is prepared is a mapping of names to values")
    if content.keys() <= Preprocessing.model_fields.keys():
        return content
    return from_hugging_face(content, str(path))


def from_hugging_face(config: dict[str, Any], source: str) -> dict[str, Any]:
    """Read the fields of a ``preprocessor_config.json`` as image processors write it.

    Raises
    ------
    FaceAuditError
        If it asks for what `Preprocessing` does not do.
    """
    size, crop = config.get("size"), config.get("crop_size")
    cropped = config.get("do_center_crop", False)
    method = config.get("resample", 2)
    names = {int(value): name for name, value in RESAMPLING.items()}
    if not isinstance(method, int) or method not in names or not config.get("do_resize", True):
        raise FaceAuditError(f"{source}: it does not say how pictures are resized in a known way")
    fields: dict[str, Any] = {"resample": names[method]}
    if cropped:
        edge = size.get("shortest_edge", size.get("height")) if isinstance(size, dict) else size
        fields |= {"resize": "crop", "shortest_edge": edge, "size": _sides(crop, source)}
    elif isinstance(size, dict) and "shortest_edge" in size:
        raise FaceAuditError(f"{source}: pictures keep their shape; a fixed size is needed")
    else:
        fields |= {"resize": "squash", "size": _sides(size, source)}
    factor = config.get("rescale_factor", 1 / 255) if config.get("do_rescale", True) else 1.0
    mean, std = NORMALISATIONS["unit"]
    if config.get("do_normalize", True):
        mean, std = config.get("image_mean", mean), config.get("image_std", std)
    # Of pixels times `factor`; ours are of pixels / 255.
    scale = 255 * factor
    fields["mean"] = tuple(value / scale for value in mean)
    fields["std"] = tuple(value / scale for value in std)
    return fields


def _sides(size: Any, source: str) -> tuple[int, int]:
    if isinstance(size, int):
        return size, size
    if isinstance(size, dict) and {"height", "width"} <= size.keys():
        return size["height"], size["width"]
    raise FaceAuditError(f"{source}: it does not say the size of the input")
