"""Seeded mutations of picture files: of bytes, of their segments and chunks, of where they end."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from faceaudit.pictures import FORMATS
from tests.pictures import draw, encode, encode_turned

#: Numbers at which programs that read lengths and sizes go wrong.
_EXTREMES = [bytes(4), b"\0\0\0\1", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff\xff\xff\xff"]
_EXTREMES += [value[:2] for value in _EXTREMES] + [b"\0\0\xff\xff", b"\xff\xff\0\0", b"\0\xff"]
_ENDS = {"jpg": b"\xff\xd9", "png": b"\0\0\0\0IEND\xaeB`\x82", "gif": b"\0;"}


def drawn_pictures() -> list[tuple[str, bytes]]:
    """Return sound files of every kind: their suffix and bytes."""
    image = draw(np.random.default_rng(0), "ai").resize((90, 70))
    found = [
        ("jpg", encode(image, "JPEG", **how))
        for how in ({}, {"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0})
    ]
    found += [("jpg", encode(image.convert(mode), "JPEG")) for mode in ("L", "CMYK")]
    found += [("jpg", encode(image, "JPEG", comment=b"x" * 99, icc_profile=bytes(300), dpi=(9, 9)))]
    found += [("jpg", encode_turned(image, 6, "JPEG"))]
    found += [("jpg", encode(image, "MPO", save_all=True, append_images=[image]))]
    found += [("png", encode(image.convert(mode))) for mode in ("RGB", "RGBA", "L", "P", "1", "LA")]
    grey16 = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    found += [("png", encode(grey16)), ("tif", encode(grey16, "TIFF"))]
    found += [("png", encode(image, save_all=True, append_images=[image.rotate(9)] * 2))]
    found += [("webp", encode(image, "WEBP", lossless=flag)) for flag in (False, True)]
    found += [("webp", encode(image, "WEBP", save_all=True, append_images=[image.rotate(9)]))]
    found += [("gif", encode(image, "GIF", save_all=True, append_images=[image.rotate(9)]))]
    found += [
        ("tif", encode(image, "TIFF", compression=how))
        for how in (None, "tiff_lzw", "tiff_deflate", "jpeg", "packbits")
    ]
    found += [("bmp", encode(image.convert(mode), "BMP")) for mode in ("RGB", "P", "1")]
    if "AVIF" in FORMATS:
        found += [("avif", encode(image, "AVIF"))]
    found += [("heic", Path(__file__).parents[1].joinpath("web", "bright.heic").read_bytes())]
    return found


def mutated(
    pictures: list[tuple[str, bytes]], number: int, seed: int = 0
) -> Iterator[tuple[str, bytes]]:
    """Yield `number` files, each kind of picture as often as any other."""
    rng = random.Random(seed)
    kinds = sorted({suffix for suffix, _ in pictures})
    for at in range(number):
        suffix = kinds[at % len(kinds)]
        content = rng.choice([content for kind, content in pictures if kind == suffix])
        for _ in range(rng.choice([1, 1, 2, 4])):
            content = _mutated_once(content, suffix, rng)
        yield suffix, content


def _mutated_once(content: bytes, suffix: str, rng: random.Random) -> bytes:
    ways = [_bytes_changed, _number_changed, _cut, _part_moved]
    if suffix == "jpg":
        ways += [_segment_changed] * 4
    if suffix == "png":
        ways += [_chunk_changed] * 4
    content = rng.choice(ways)(content or b"\0", rng)
    return content + _ENDS.get(suffix, b"") if rng.random() < 0.2 else content


def _bytes_changed(content: bytes, rng: random.Random) -> bytes:
    found = bytearray(content)
    # Half of them in the header, where sizes and lengths are.
    end = len(found) if rng.random() < 0.5 else min(len(found), 200)
    for _ in range(rng.choice([1, 2, 8, 40])):
        found[rng.randrange(end)] = rng.randrange(256)
    return bytes(found)


def _number_changed(content: bytes, rng: random.Random) -> bytes:
    at, value = rng.randrange(min(len(content), 400)), rng.choice(_EXTREMES)
    return (
        content[:at] + (value if rng.random() < 0.5 else value[::-1]) + content[at + len(value) :]
    )


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def _part_moved(content: bytes, rng: random.Random) -> bytes:
    first, second = sorted(rng.randrange(len(content)) for _ in range(2))
    part, times = content[first:second], rng.choice([0, 2, 3])
    return content[:first] + part[:20_000] * times + content[second:]


def _segment_changed(content: bytes, rng: random.Random) -> bytes:
    """Change one segment of a JPEG file: its kind, length, content, or how often it is there."""
    starts = [found.start() for found in re.finditer(rb"\xff[\xc0-\xcf\xda-\xfe]", content)]
    if not starts:
        return _bytes_changed(content, rng)
    at = rng.choice(starts[:60])
    length = int.from_bytes(content[at + 2 : at + 4], "big")
    end = at + 2 + length
    match rng.randrange(5):
        case 0:
            return content[: at + 1] + bytes([rng.randrange(0xC0, 0xFF)]) + content[at + 2 :]
        case 1:
            other = rng.choice([0, 1, 2, length - 1, length + 1, 0xFFFF]) & 0xFFFF
            return content[: at + 2] + other.to_bytes(2, "big") + content[at + 4 :]
        case 2:
            return content[:at] + content[end:]
        case 3:
            return content[:end] + content[at:end] * rng.choice([1, 9, 300]) + content[end:]
        case _:
            return (
                content[: at + 4]
                + _bytes_changed(content[at + 4 : end] or b"\0", rng)
                + content[end:]
            )


def _chunk_changed(content: bytes, rng: random.Random) -> bytes:
    """Change one chunk of a PNG file, and make its checksum right again."""
    at, chunks = 8, []
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    if not chunks:
        return _bytes_changed(content, rng)
    place = rng.randrange(len(chunks))
    kind, data = chunks[place]
    match rng.randrange(4):
        case 0:
            chunks[place] = kind, _bytes_changed(data or b"\0", rng)
        case 1:
            chunks[place] = kind, _number_changed(data or b"\0", rng)
        case 2:
            chunks[place : place + 1] = [(kind, data)] * rng.choice([0, 2, 50])
        case _:
            chunks.insert(place, (rng.choice([b"tRNS", b"PLTE", b"acTL", b"fcTL", b"zTXt"]), data))
    return content[:8] + b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in chunks
    )
