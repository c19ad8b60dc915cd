"""Pictures without a face, drawn by code, so that everybody can ask what a classifier says of them.

They are labelled ``ai``: no camera took them and a computer made them, and calling them
AI-generated accuses nobody. The check ``out-of-domain`` looks at the answers, not at the label.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from faceaudit.files import atomic_file, write_text

SIDE = 256
#: As the published sets of generated faces are delivered.
JPEG_QUALITY = 92
WORDS = ["real", "photograph", "generated", "classifier", "noise", "audit", "0123456789"]

Random = np.random.Generator
Pixels = NDArray[np.float64]


def _colours(random: Random, field: Pixels) -> Image.Image:
    """Give a field of values from 0 to 1 two random colours to go between."""
    first, second = random.uniform(0, 255, (2, 3))
    pixels = first + field[..., None] * (second - first)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _grid() -> tuple[Pixels, Pixels]:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    return x, y


def noise(random: Random) -> Image.Image:
    """Independent random pixels."""
    return Image.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))


def clouds(random: Random) -> Image.Image:
    """Noise with the spectrum of natural pictures: amplitude falls with frequency."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    spectrum = np.fft.fft2(random.normal(size=(SIDE, SIDE))) / np.maximum(frequency, 1 / SIDE)
    field = np.fft.ifft2(spectrum).real
    return _colours(random, (field - field.min()) / np.ptp(field))


def gradient(random: Random) -> Image.Image:
    """A ramp from one colour to another in a random direction."""
    x, y = _grid()
    angle = random.uniform(0, 2 * np.pi)
    field = np.cos(angle) * x + np.sin(angle) * y
    return _colours(random, (field - field.min()) / np.ptp(field))


def checkerboard(random: Random) -> Image.Image:
    """Squares of two colours."""
    x, y = _grid()
    count = random.integers(3, 33)
    return _colours(random, (np.floor(x * count) + np.floor(y * count)) % 2)


def waves(random: Random) -> Image.Image:
    """Several plane waves on top of each other."""
    x, y = _grid()
    field = np.zeros((SIDE, SIDE))
    for _ in range(random.integers(1, 5)):
        angle, cycles = random.uniform(0, np.pi), random.uniform(2, 40)
        field += np.sin(2 * np.pi * cycles * (np.cos(angle) * x + np.sin(angle) * y))
    return _colours(random, (field - field.min()) / np.ptp(field))


def shapes(random: Random) -> Image.Image:
    """Discs and rectangles of random colours."""
    image = Image.new("RGB", (SIDE, SIDE), _colour(random))
    draw = ImageDraw.Draw(image)
    for _ in range(random.integers(5, 30)):
        box = [tuple(sorted(random.integers(0, SIDE, 2).tolist())) for _ in range(2)]
        corners = [(box[0][0], box[1][0]), (box[0][1], box[1][1])]
        (draw.ellipse if random.random() < 0.5 else draw.rectangle)(corners, fill=_colour(random))
    return image


def text(random: Random) -> Image.Image:
    """Lines of words."""
    image = Image.new("RGB", (SIDE, SIDE), _colour(random))
    draw = ImageDraw.Draw(image)
    height = int(random.integers(12, 40))
    font, ink = ImageFont.load_default(height), _colour(random)
    for top in range(4, SIDE, height + 4):
        draw.text((4, top), " ".join(random.choice(WORDS, 8)), fill=ink, font=font)
    return image


def cartoon_face(random: Random) -> Image.Image:
    """A disc with two eyes and a mouth: a face to us, no photograph of one."""
    image = Image.new("RGB", (SIDE, SIDE), _colour(random))
    draw = ImageDraw.Draw(image)
    middle, radius = random.uniform(110, 146, 2), random.uniform(60, 105)
    ink = _colour(random)

    def disc(x: float, y: float, size: float, colour: tuple[int, int, int]) -> None:
        centre = middle + radius * np.array([x, y])
        corners = [tuple(centre - radius * size), tuple(centre + radius * size)]
        draw.ellipse(corners, fill=colour)

    disc(0, 0, 1, _colour(random))
    for side in (-0.38, 0.38):
        disc(side, -0.25, 0.13, ink)
    mouth = [tuple(middle - radius * 0.5), tuple(middle + radius * 0.6)]
    draw.arc(mouth, 20, 160, fill=ink, width=max(2, int(radius / 12)))
    return image


def _colour(random: Random) -> tuple[int, int, int]:
    red, green, blue = random.integers(0, 256, 3).tolist()
    return red, green, blue


KINDS: dict[str, Callable[[Random], Image.Image]] = {
    "noise": noise,
    "clouds": clouds,
    "gradient": gradient,
    "checkerboard": checkerboard,
    "waves": waves,
    "shapes": shapes,
    "text": text,
    "cartoon face": cartoon_face,
}


def draw_patterns(out: Path | str, count: int = 400, seed: int = 0) -> Path:
    """Draw pictures without a face into a folder that ``faceaudit index folder`` reads.

    Parameters
    ----------
    out : path
        Gets ``ai/00000.jpg`` and so on, and ``tags.csv`` with what each shows (``pattern``).
    count : int
        The kinds take turns, so that there are equally many of each.
    seed : int
        The same seed and number give the same pictures.

    Returns
    -------
    Path
        The folder.
    """
    out = Path(out)
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["file", "pattern"])
    kinds = list(KINDS.items())
    for number in range(count):
        kind, draw = kinds[number % len(kinds)]
        name = f"ai/{number:05}.jpg"
        # A stream of its own for each picture: more of them leave the first ones as they are.
        image = draw(np.random.default_rng([seed, number]))
        with atomic_file(out / name) as temporary:
            image.save(temporary, "JPEG", quality=JPEG_QUALITY)
        rows.writerow([name, kind])
    write_text(out / "tags.csv", table.getvalue())
    return out


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--count", default=400, show_default=True, help="How many pictures.")
@click.option("--seed", default=0, show_default=True)
def main(out: Path, count: int, seed: int) -> None:
    """Draw pictures without a face into OUT, for 'faceaudit index folder OUT --name patterns'."""
    print(draw_patterns(out, count, seed))


if __name__ == "__main__":
    main()
