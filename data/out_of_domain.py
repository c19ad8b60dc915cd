"""Score the bundled models on pictures that are no faces, and on faces in unusual delivery.

    python data/out_of_domain.py DATA OUT [MODELS]

DATA is laid out as data/README.md says. OUT gets the pictures, and ``out_of_domain/NAME.parquet``
for each model below MODELS (the bundled ones), as it is in ``src/faceaudit/bundled``. The patterns
are drawn, the objects come with scikit-image and scikit-learn, and the faces in unusual delivery
are the first 100 of FairFace and of MobileStyleGAN, each altered in six ways.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from PIL import Image, ImageFilter, ImageOps

from faceaudit.bundled import model_names
from faceaudit.datasets import index
from faceaudit.files import write_text
from faceaudit.scoring import open_detector, score
from faceaudit.tables import Manifest, concat_scores, read_manifest, write_table
from patterns import draw_patterns

PATTERNS = 400
FACES = 100
SIDE = 256
#: Photographs without a person that come with the packages; "chelsea" is a cat.
OBJECTS = {
    "skimage.data": (
        "brick.png cell.png chelsea.png clock_motion.png coffee.png coins.png color.png grass.png "
        "gravel.png horse.png hubble_deep_field.jpg ihc.png moon.png motorcycle_left.png page.png "
        "retina.jpg rocket.jpg text.png"
    ),
    "sklearn.datasets.images": "china.jpg flower.jpg",
}
NOTES = {
    "patterns": "drawn by data/patterns.py",
    "objects": "18 photographs of scikit-image without a person, one of them of a cat, and two of "
    f"scikit-learn; middle square, {SIDE} pixels",
    "unusual": f"{FACES} FairFace photographs and {FACES} MobileStyleGAN faces, each altered in "
    "six ways: upside down, negative, grey, shrunk to 32 pixels, JPEG quality 5, blurred by 6 "
    "pixels",
}


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    """Compress and open again."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


DELIVERIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "upside down": lambda image: image.rotate(180),
    "negative": ImageOps.invert,
    "grey": lambda image: image.convert("L").convert("RGB"),
    "32 pixels": lambda image: image.resize((32, 32)),
    "JPEG quality 5": lambda image: as_jpeg(image, 5),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(6)),
}


def write_tags(folder: Path, tag: str, values: dict[str, str]) -> None:
    """Write the table of one tag beside the pictures."""
    text = io.StringIO()
    csv.writer(text).writerows([("file", tag), *values.items()])
    write_text(folder / "tags.csv", text.getvalue())


def make_objects(folder: Path) -> None:
    """Cut the middle square of every photograph of an object."""
    (folder / "real").mkdir(parents=True, exist_ok=True)
    tags = {}
    for package, names in OBJECTS.items():
        for name in names.split():
            with Image.open(io.BytesIO((files(package) / name).read_bytes())) as image:
                square = ImageOps.fit(image.convert("RGB"), (SIDE, SIDE))
            path = f"real/{Path(name).stem}.jpg"
            square.save(folder / path, quality=92)
            tags[path] = "cat" if name.startswith("chelsea") else "object"
    write_tags(folder, "pattern", tags)


def make_unusual(folder: Path, faces: dict[str, Path]) -> None:
    """Alter the first faces of a folder for each label."""
    tags = {}
    for label, source in faces.items():
        for number, face in enumerate(sorted(source.glob("*.jpg"))[:FACES]):
            with Image.open(face) as opened:
                image = opened.convert("RGB").resize((224, 224))
            for delivery, alter in DELIVERIES.items():
                path = f"{label}/{delivery.replace(' ', '-')}/{number:03}.jpg"
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                alter(image).save(folder / path, quality=92)
                tags[path] = delivery
    write_tags(folder, "delivery", tags)


def prepare(data: Path, out: Path) -> list[Manifest]:
    """Make all pictures and index them."""
    draw_patterns(out / "patterns", PATTERNS)
    make_objects(out / "objects")
    faces = {"real": data / "fairface/val", "ai": data / "mobilestylegan"}
    make_unusual(out / "unusual", faces)
    manifests = []
    for name, note in NOTES.items():
        index("folder", out / name, out / f"{name}.parquet", name=name)
        manifest = read_manifest(out / f"{name}.parquet")
        manifest.info.datasets[name].note = note
        manifests.append(manifest)
    return manifests


def main(data: Path, out: Path, models: Path | None) -> None:
    """Make the pictures, and score them with each model."""
    manifests = prepare(data, out)
    for name in model_names():
        detector = open_detector(f"bundled:{name}" if models is None else models / name)
        parts = [score(detector, one, out / "scores.parquet") for one in manifests]
        scores = concat_scores(parts)
        table = scores.names.of(scores.table)
        write_table(out / "out_of_domain" / f"{name}.parquet", table, scores.info)


if __name__ == "__main__":
    _, data, out, *rest = sys.argv
    main(Path(data), Path(out), Path(rest[0]) if rest else None)
