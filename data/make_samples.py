"""Make the bundled sample images: faces of nobody, drawn by MobileStyleGAN.

The generator's weights come with the package ``random-face`` (Apache-2.0)::

    pip install --no-deps random-face && pip install openvino pillow numpy
    python data/make_samples.py src/faceaudit/bundled/samples
"""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SEEDS = range(900_000, 900_030)
#: Towards the average face: less variety, fewer broken pictures.
TRUNCATION = 0.7
SIZE = 256
QUALITY = 90
LATENT = 512


def main(folder: Path) -> None:
    """Write the images and their manifest."""
    import openvino

    # The package's own Python code is of 2021 and needs an openvino that is gone.
    package = importlib.util.find_spec("random_face")
    if package is None or package.origin is None:
        sys.exit("pip install --no-deps random-face")
    weights = Path(package.origin).parent / "data"
    core = openvino.Core()
    mapping = core.read_model(weights / "MappingNetwork.xml")
    mapping.reshape({0: [-1, LATENT]})
    to_style = core.compile_model(mapping, "CPU")
    to_image = core.compile_model(weights / "SynthesisNetwork.xml", "CPU")

    average = to_style(_noise(0, 4096))[0].mean(axis=0, keepdims=True)
    rows = []
    for seed in SEEDS:
        style = average + TRUNCATION * (to_style(_noise(seed, 1))[0] - average)
        # Named by what they hold, because their order differs between versions.
        outputs = to_image({"style": style})
        pixels = np.clip((outputs["img"][0] + 1) / 2 * 255 + 0.5, 0, 255).astype(np.uint8)
        image = Image.fromarray(pixels.transpose(1, 2, 0))
        name = f"mobilestylegan_{seed}.jpg"
        image.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(folder / name, quality=QUALITY)
        rows.append({"image": name, "label": "ai", "dataset": "bundled-samples"})
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _noise(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, LATENT), dtype=np.float32)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
