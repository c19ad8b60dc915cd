"""How far does the light move the skin tone? The same photographs, brighter, darker, warmer.

Usage: python benchmarks/index_skin_tone.py FFHQ_ROOT
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from faceaudit.datasets import index
from faceaudit.datasets.sources import StoredImages
from faceaudit.read_ahead import in_processes
from faceaudit.tags.landmarks import find_landmarks, working_pixels
from faceaudit.tags.skin_tone import MONK_TONES, SkinTone, measure_skin

#: Factors on the light's red, green and blue.
LIGHTS = {
    "20 % darker": (0.8, 0.8, 0.8),
    "20 % brighter": (1.2, 1.2, 1.2),
    "10 % warmer": (1.1, 1.0, 0.9),
    "10 % colder": (0.9, 1.0, 1.1),
}


def relit(pixels: np.ndarray, factors: tuple[float, float, float]) -> np.ndarray:
    """The picture as sRGB under light that is `factors` as strong."""
    share = pixels / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    light = np.clip(light * factors, 0, 1)
    share = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(share * 255).astype(np.uint8)


def tones(content: bytes) -> dict[str, SkinTone | None]:
    """Skin tone of a photograph, of relit copies, and of either cheek alone."""
    pixels = working_pixels(content)
    points = None if pixels is None else find_landmarks(pixels)
    if pixels is None or points is None:
        return {}
    measured = {"as it is": measure_skin(pixels, points)}
    for name, factors in LIGHTS.items():
        measured[name] = measure_skin(relit(pixels, factors), points)
    for name, cheek in (("left", [2, 31, 41]), ("right", [14, 35, 46])):
        alone = points.copy()
        alone[[2, 31, 41]] = alone[[14, 35, 46]] = points[cheek]
        measured[name] = measure_skin(pixels, alone)
    return measured


def shift(pairs: list[tuple[SkinTone, SkinTone]]) -> dict[str, float]:
    angles = np.array([[a.typology_angle, b.typology_angle] for a, b in pairs])
    steps = np.array([MONK_TONES.index(b.monk) - MONK_TONES.index(a.monk) for a, b in pairs])
    return {
        "median shift of the angle, degrees": round(
            float(np.median(angles[:, 1] - angles[:, 0])), 1
        ),
        "median absolute shift, degrees": round(
            float(np.median(np.abs(angles[:, 1] - angles[:, 0]))), 1
        ),
        "another Monk tone, share": round(float(np.mean(steps != 0)), 3),
        "two or more tones away, share": round(float(np.mean(np.abs(steps) > 1)), 3),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        manifest = index("ffhq", sys.argv[1], Path(folder) / "manifest.parquet").read()
    images = StoredImages.of(manifest.info)
    contents = (images.read("ffhq", image) for image in manifest.table["image"].to_pylist())
    faces = [
        face
        for face in in_processes(tones, contents, len(manifest.table))
        if face and None not in face.values()
    ]
    angles = [face["as it is"].typology_angle for face in faces]
    report: dict[str, object] = {
        "faces": len(faces),
        "angle, 5 25 50 75 95 %": np.round(np.percentile(angles, (5, 25, 50, 75, 95)), 1).tolist(),
        "tones": {
            tone: sum(face["as it is"].monk == tone for face in faces) for tone in MONK_TONES
        },
    }
    for name in LIGHTS:
        report[name] = shift([(face["as it is"], face[name]) for face in faces])
    report["left and right cheek"] = shift([(face["left"], face["right"]) for face in faces])
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
