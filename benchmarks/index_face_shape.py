"""How repeatable is the face shape? Mirrored copies and two crops of the same photographs.

Usage: python benchmarks/index_face_shape.py FFHQ_ROOT [CELEBA_ROOT]

Repeatable is not the same as right: all copies are measured with the same landmark model.
With CelebA's attribute file, the shapes are also set against Oval_Face and Chubby.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from faceaudit.datasets import index
from faceaudit.datasets.derivation import add_tags
from faceaudit.datasets.sources import StoredImages
from faceaudit.read_ahead import in_processes
from faceaudit.tables import Manifest
from faceaudit.tags.face_shape import FACE_SHAPES, Ratios, measure, shape_of
from faceaudit.tags.landmarks import (
    Points,
    Pose,
    estimate_pose,
    find_landmarks,
    working_pixels,
)

#: Margins around the landmarks, in their extent, of a close and of a wide crop.
CROPS = {"close": 0.2, "wide": 0.6}


def _encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def copies(content: bytes) -> dict[str, Points | None]:
    """Landmarks of a photograph, of its mirrored copy, and of two crops."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    pixels = working_pixels(content)
    points = None if pixels is None else find_landmarks(pixels)
    if pixels is None or points is None:
        return {}
    # No ratio tells left from right, so the mirrored points need not be mirrored back.
    flipped = find_landmarks(working_pixels(_encoded(ImageOps.mirror(image))))
    result = {"photograph": points, "mirrored": flipped}
    scale = max(image.size) / max(pixels.shape)
    low, high = points.min(axis=0) * scale, points.max(axis=0) * scale
    for name, margin in CROPS.items():
        around = margin * max(high - low)
        box = (*np.maximum(low - around, 0), *np.minimum(high + around, image.size))
        crop = image.crop(tuple(int(edge) for edge in box))
        result[name] = find_landmarks(working_pixels(_encoded(crop)))
    return result


def agreement(faces: list[tuple[Points, Points, Pose]]) -> dict[str, float]:
    """How far two measurements of the same faces agree.

    The head pose comes from the photograph, for both.
    """
    shapes = [(shape_of(a, pose), shape_of(b, pose)) for a, b, pose in faces]
    result = {
        "faces": len(shapes),
        "same shape": np.mean([a == b for a, b in shapes]),
        "kappa": cohen_kappa_score(*zip(*shapes, strict=True), labels=list(FACE_SHAPES)),
        "round taken for long": np.mean([{a, b} == {"round", "long"} for a, b in shapes]),
    }
    for ratio in Ratios._fields:
        pairs = np.array([[getattr(measure(p), ratio) for p in (a, b)] for a, b, _ in faces])
        within = pairs.var(axis=1, ddof=1).mean()
        between = 2 * pairs.mean(axis=1).var(ddof=1)
        # One-way intraclass correlation, Shrout and Fleiss 1979, ICC(1,1).
        result[f"{ratio} intraclass correlation"] = (between - within) / (between + within)
    return {name: round(float(value), 3) for name, value in result.items()}


def repeatability(manifest: Manifest) -> dict[str, object]:
    rows = manifest.table.select(["image", "yaw", "pitch", "age"]).to_pylist()
    images = StoredImages.of(manifest.info)
    faces = []
    contents = (images.read("ffhq", row["image"]) for row in rows)
    for row, found in zip(rows, in_processes(copies, contents, len(rows)), strict=True):
        if row["yaw"] is None or "photograph" not in found:
            continue
        pose = Pose(row["yaw"], row["pitch"])
        estimated = estimate_pose(found["photograph"])
        faces.append((row, found, pose, estimated))
    usable = [face for face in faces if shape_of(face[1]["photograph"], face[2]) is not None]

    def compare(first: str, second: str) -> dict[str, float]:
        both = [
            (found[first], found[second], pose)
            for _, found, pose, _ in usable
            if found[first] is not None and found[second] is not None
        ]
        return agreement(both)

    index_values = [measure(found["photograph"]).face_ratio for _, found, _, _ in usable]
    shapes = [shape_of(found["photograph"], pose) for _, found, pose, _ in usable]
    children = [row["age"] < 10 for row, _, _, _ in usable]
    return {
        "photographs": len(rows),
        "with a face and a known pose": len(faces),
        "looking straight enough": len(usable),
        "shapes": {shape: shapes.count(shape) for shape in FACE_SHAPES},
        "share round, under 10 years": round(
            np.mean([s == "round" for s, c in zip(shapes, children, strict=True) if c]), 3
        ),
        "share round, from 10 years": round(
            np.mean([s == "round" for s, c in zip(shapes, children, strict=True) if not c]), 3
        ),
        "face_ratio with age, rank correlation": round(
            spearmanr(index_values, [row["age"] for row, _, _, _ in usable]).statistic, 3
        ),
        "face_ratio with pitch, correlation": round(
            np.corrcoef(index_values, [pose.pitch for _, _, pose, _ in usable])[0, 1], 3
        ),
        "estimated yaw: correlation, mean absolute error": _fit(faces, "yaw"),
        "estimated pitch: correlation, mean absolute error": _fit(faces, "pitch"),
        "mirrored copy": compare("photograph", "mirrored"),
        "close and wide crop": compare("close", "wide"),
    }


def _fit(faces: list, angle: str) -> list[float]:
    given = np.array([getattr(pose, angle) for _, _, pose, _ in faces])
    guess = np.array([getattr(estimated, angle) for _, _, _, estimated in faces])
    correlation = np.corrcoef(given, guess)[0, 1]
    return [round(float(correlation), 3), round(float(np.abs(given - guess).mean()), 2)]


def against_attributes(manifest: Manifest) -> dict[str, object]:
    """Share of CelebA's Oval_Face and Chubby among the faces of each shape."""
    rows = add_tags(manifest, "face_shape").table.to_pylist()
    result: dict[str, object] = {}
    for tag in ("oval_face", "chubby"):
        if tag not in manifest.tags:
            return {"attributes": "not in this copy"}
        for shape in FACE_SHAPES:
            marks = [row[tag] == "yes" for row in rows if row["face_shape"] == shape and row[tag]]
            result[f"{tag} among {shape}"] = f"{sum(marks)} of {len(marks)}"
    return result


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "manifest.parquet"
        report = {"ffhq": repeatability(index("ffhq", sys.argv[1], out).read())}
        if len(sys.argv) > 2:
            report["celeba"] = against_attributes(index("celeba", sys.argv[2], out).read())
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
