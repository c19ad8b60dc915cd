"""Other deliveries of a picture: resized, saved with loss, blurred, noisy, lighter or darker."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from operator import neg, pos
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from faceaudit.errors import FaceAuditError
from faceaudit.pictures import open_picture
from faceaudit.tags.landmarks import Points
from faceaudit.variants.base import Variant


class Kind(NamedTuple):
    """A kind of step: what its number means, from where to where, and what is done."""

    words: str
    #: The step as a reader is told it.
    said: str
    low: float
    high: float
    do: Callable[[Image.Image, float], Image.Image | bytes]
    #: How much is lost, in numbers that rise with it.
    loss: Callable[[float], float]
    whole: bool = False


def _size(picture: Image.Image, number: float) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) / 2, (picture.height - side) / 2
    box, to = (left, top, left + side, top + side), (int(number), int(number))
    return picture.resize(to, Image.Resampling.BICUBIC, box=box)


def _blur(picture: Image.Image, number: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(number))


def _noise(picture: Image.Image, number: float) -> Image.Image:
    # The same picture gets the same noise, more or less of it.
    seed = hashlib.sha256(picture.tobytes()).digest()[:8]
    rng = np.random.default_rng(int.from_bytes(seed))
    noise = rng.standard_normal((picture.height, picture.width, 3), np.float32)
    noisy = np.rint(np.asarray(picture) + np.float32(number) * noise)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _gamma(picture: Image.Image, number: float) -> Image.Image:
    return picture.point([round(255 * (level / 255) ** number) for level in range(256)] * 3)


def _saved(picture: Image.Image, number: float, *, kind: str) -> bytes:
    buffer = io.BytesIO()
    colours = {"subsampling": "4:2:0"} if kind == "JPEG" else {}
    picture.save(buffer, kind, quality=int(number), **colours)
    return buffer.getvalue()


STEPS = {
    "size": Kind(
        "side of the centred square, pixels", "{} pixels", 8, 4096, _size, neg, whole=True
    ),
    "jpeg": Kind("quality", "JPEG {}", 1, 100, partial(_saved, kind="JPEG"), neg, whole=True),
    "webp": Kind("quality", "WebP {}", 1, 100, partial(_saved, kind="WEBP"), neg, whole=True),
    "blur": Kind("standard deviation, pixels", "blur {}", 0.1, 100, _blur, pos),
    "noise": Kind("standard deviation, of 255", "noise {}", 0.1, 128, _noise, pos),
    "gamma": Kind(
        "exponent, above 1 darker",
        "gamma {}",
        0.1,
        10,
        _gamma,
        lambda exponent: abs(math.log(exponent)),
    ),
}
#: Steps in their order, each with its number.
Steps = tuple[tuple[str, float], ...]

#: What ``graded`` stands for: one kind of damage after the other, each worse and worse. All at one
#: size, or a blur of two pixels would be much of a small picture and little of a large one.
GRADED = (
    "size=224",
    *(f"size=224,jpeg={quality}" for quality in (95, 80, 65, 50, 30)),
    *(f"size={side}" for side in (160, 112, 80, 56)),
    *(f"size=224,blur={sigma}" for sigma in (0.5, 1, 2, 3)),
    *(f"size=224,noise={sd}" for sd in (4, 8, 16, 32)),
    *(f"size=224,gamma={exponent}" for exponent in (1.25, 1.6, 2, 2.5)),
    # Made smaller, saved and made larger, as social networks do.
    *(f"size=224,size={side},jpeg=70,size=224" for side in (192, 160, 112, 80)),
)


def deliveries(text: str) -> list[Variant]:
    """Read what is asked for: steps in their order, ``size=224,jpeg=85``, or ``graded``.

    Raises
    ------
    FaceAuditError
        If it cannot be read, with all that can.
    """
    given = GRADED if text.strip() == "graded" else (text,)
    return [
        Variant(name_of(steps), partial(_delivered, steps=steps)) for steps in map(parse, given)
    ]


def parse(text: str) -> Steps:
    """Read the steps of one delivery, or refuse it as `deliveries` does."""
    steps = []
    for part in text.split(","):
        name, _, written = (word.strip() for word in part.partition("="))
        kind = STEPS.get(name)
        try:
            number = float(written)
        except ValueError:
            number = float("nan")
        if kind is None or not kind.low <= number <= kind.high or (kind.whole and number % 1):
            known = (f"{n}={of.low:g}-{of.high:g} ({of.words})" for n, of in STEPS.items())
            raise FaceAuditError(
                f"--deliver {text}: {part.strip()!r} is no step; there are {', '.join(known)}, "
                "one after the other with commas between, or the word graded"
            )
        steps.append((name, number))
    return tuple(steps)


@dataclass(frozen=True)
class Series:
    """Deliveries that differ in the number of one step alone."""

    #: As a reader is told it, with dots for the number.
    words: str
    #: What the step begins with: another delivery, or the picture as delivered (None).
    start: str | None
    #: Their numbers and names, the mildest first.
    members: tuple[tuple[float, str], ...]


def series_of(names: Iterable[str]) -> list[Series]:
    """Find the series among variants, of two deliveries or more besides that of the start.

    Without a delivery to begin with, that is the mildest.
    """
    known = {}
    for name in names:
        with suppress(FaceAuditError):  # an edit
            known[name] = parse(name)
    found: dict[tuple[Steps, str, Steps], dict[float, str]] = {}
    for name, steps in known.items():
        for i, (kind, number) in enumerate(steps):
            found.setdefault((steps[:i], kind, steps[i + 1 :]), {})[number] = name
    series = []
    for (before, kind, after), of in found.items():
        start = name_of(before) if before else None
        members = sorted(of.items(), key=lambda one: STEPS[kind].loss(one[0]))
        if start is not None and start not in known:
            start = members.pop(0)[1]
        if len(members) > 1:
            words = ", ".join([*_said(before), STEPS[kind].said.format("…"), *_said(after)])
            series.append(Series(words, start, tuple(members)))
    return series


def equal_delivery(names: Iterable[str]) -> str | None:
    """Choose the variant that makes all pictures alike: a delivery that is of no series.

    Else the first that changes both size and compression; None if there is none.
    """
    names = list(names)
    graded = {name for of in series_of(names) for _, name in of.members} | {
        of.start for of in series_of(names)
    }
    first = None
    for name in names:
        with suppress(FaceAuditError):
            kinds = {kind for kind, _ in parse(name)}
            if name not in graded:
                return name
            if first is None and "size" in kinds and kinds & {"jpeg", "webp"}:
                first = name
    return first


def name_of(steps: Steps) -> str:
    """Return the one way to write a delivery, which is its name."""
    return ",".join(f"{name}={number:g}" for name, number in steps)


def in_words(name: str) -> str:
    """Say the delivery of this name as a reader is told it: 224 pixels, JPEG 85."""
    try:
        return ", ".join(_said(parse(name)))
    except FaceAuditError:  # somebody's own name
        return name


def _said(steps: Steps) -> list[str]:
    return [STEPS[kind].said.format(f"{number:g}") for kind, number in steps]


def _delivered(picture: Image.Image, points: Points | None, *, steps: Steps) -> Image.Image | bytes:
    found: Image.Image | bytes = picture
    for name, number in steps:
        if isinstance(found, bytes):
            with open_picture(found) as opened:
                found = opened.convert("RGB")
        found = STEPS[name].do(found, number)
    return found
