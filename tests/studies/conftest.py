"""Two sets of drawn pictures, of which the second looks half-way like the AI-generated ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faceaudit.datasets import index

SIDE = 32
#: Small enough to learn the drawn difference in seconds.
SMALL: dict[str, Any] = {
    "arch": "test_resnet",
    "size": SIDE,
    "batch_size": 16,
    "weights": "none",
}


def draw_set(folder: Path, name: str, sets: dict[str, tuple[int, float]]) -> Path:
    """Draw label -> (number, greenness) and return the manifest of the set `name`."""
    rng = np.random.default_rng(len(name))
    tags = ["file,group"]
    for label, (n, green) in sets.items():
        (folder / name / label).mkdir(parents=True)
        for i in range(n):
            pixels = rng.normal(110, 20, (SIDE, SIDE, 3))
            pixels[..., 1] += green + rng.normal(0, 4)
            path = folder / name / label / f"{i:03}.png"
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
            tags.append(f"{label}/{i:03}.png,{'left' if i % 2 else 'right'}")
    (folder / name / "tags.csv").write_text("\n".join(tags) + "\n")
    manifest = folder / f"{name}.parquet"
    index("folder", folder / name, manifest, name=name)
    return manifest


@pytest.fixture(scope="session")
def drawn_sets(tmp_path_factory) -> dict[str, Path]:
    """Manifests: ``faces`` (both labels) and ``source`` (real, but as green as the AI ones)."""
    folder = tmp_path_factory.mktemp("drawn")
    return {
        "faces": draw_set(folder, "faces", {"real": (120, 0), "ai": (120, 60)}),
        "source": draw_set(folder, "source", {"real": (120, 40)}),
    }
