"""Make faces of nobody to train on, with MobileStyleGAN, as make_samples.py makes those shown.

    pip install --no-deps random-face && pip install openvino pillow numpy
    python data/make_faces.py FOLDER 664

Half a second each. The bundled detector `equal-delivery` was trained on the first 664.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
from PIL import Image

#: Towards the average face, from and to.
TRUNCATION = (0.5, 0.9)
LATENT = 512


def main(folder: Path, n: int) -> None:
    """Write `n` pictures of 256 pixels."""
    import openvino

    package = importlib.util.find_spec("random_face")
    if package is None or package.origin is None:
        sys.exit("pip install --no-deps random-face")
    weights = Path(package.origin).parent / "data"
    core = openvino.Core()
    to_style = core.compile_model(core.read_model(weights / "MappingNetwork.xml"), "CPU")
    to_image = core.compile_model(core.read_model(weights / "SynthesisNetwork.xml"), "CPU")
    rng = np.random.default_rng(0)

    def style() -> np.ndarray:
        noise = rng.standard_normal((1, LATENT), dtype=np.float32)
        return np.array(to_style({"var": noise})["style"])

    average = np.mean([style() for _ in range(1000)], axis=0)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        truncation = rng.uniform(*TRUNCATION)
        given = average + truncation * (style() - average)
        pixels = to_image({"style": given.astype(np.float32)})["img"][0].transpose(1, 2, 0)
        image = Image.fromarray((np.clip(pixels / 2 + 0.5, 0, 1) * 255).astype(np.uint8))
        image.resize((256, 256), Image.Resampling.LANCZOS).save(folder / f"{i:05d}.jpg", quality=92)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
