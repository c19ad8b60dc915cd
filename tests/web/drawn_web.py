"""What the tests of the web application draw and invent: classifiers, scores, pictures."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import struct
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from faceaudit import bundled
from faceaudit.given import Reading
from faceaudit.known_roots import remember_root
from faceaudit.model.preprocess import square_pixels
from faceaudit.schema import DatasetInfo, ModelInfo, ScoresInfo
from faceaudit.scoring import Detector
from faceaudit.spec import Spec
from faceaudit.tables import Scores, write_table
from faceaudit.web import audits
from faceaudit.web.audits import audit_apart

Tell = Callable[[str, int, int], None]

#: A name that tries everything: markup, quotes, right-to-left, emoji, and length.
HOSTILE = (
    "<img src=x onerror=alert(1)>\"'&amp;</script>\u202egpj.\u05e9\u05dc\u05d5\u05dd\U0001f600"
)


class BrightnessDetector(Detector):
    """Says AI-generated with the mean brightness as probability; looks at one corner."""

    def __init__(self, name: str, threshold: float) -> None:
        self.name = name
        self.info = ModelInfo(
            id=name,
            sha256=hashlib.sha256(name.encode()).hexdigest(),
            architecture="brightness",
            threshold=threshold,
            threshold_rule="invented",
        )
        self.judged = 0

    @classmethod
    def open(cls, model, options):
        raise NotImplementedError

    def pixels(self, image):
        return square_pixels(image, 32)

    def p_ai(self, pixels):
        self.judged += len(pixels)
        return pixels.mean((1, 2, 3)).astype(np.float32) / 255

    def explain(self, pixels, called_ai):
        evidence = np.zeros((len(pixels), 4, 4), np.float32)
        evidence[:, 0, 3] = 1
        return evidence


def recorded(
    rows: Sequence[tuple[str, str, str | None, str | None, float]], *, in_training: bool = False
) -> Scores:
    """Scores out of (data set, label, gender, age band, p_ai)."""
    dataset, label, gender, age, p_ai = zip(*rows, strict=True)
    n = len(rows)
    table = pa.table(
        {
            "image": [f"{i}.jpg" for i in range(n)],
            "label": label,
            "dataset": dataset,
            "p_ai": np.array(p_ai, np.float32),
            "status": ["ok"] * n,
            "in_training": [in_training] * n,
            "gender": pa.array(gender, pa.string()),
            "age_band": pa.array(age, pa.string()),
            "width": pa.array([200] * n, pa.int32()),
            "height": pa.array([256] * n, pa.int32()),
            "format": ["JPEG"] * n,
        }
    )
    info = ScoresInfo(
        datasets={name: DatasetInfo(indexed=n) for name in set(dataset)},
        tag_sources={"gender": {"portraits": "drawn by the test"}},
        model=ModelInfo(id="brightness"),
    )
    return Scores(table, info)


def group(dataset: str, label: str, gender, age, n: int, wrong: int):
    """`n` rows of which `wrong` are called wrongly at any threshold in use."""
    right, mistaken = (0.05, 0.95) if label == "real" else (0.95, 0.05)
    return [(dataset, label, gender, age, mistaken if i < wrong else right) for i in range(n)]


AUDITED = recorded(
    [
        *group("portraits", "real", "female", "20–29", 100, 10),
        *group("portraits", "real", "male", "20–29", 100, 2),
        *group("portraits", "real", "female", "60–69", 40, 30),
        *group("street", "real", "female", "20–29", 50, 0),
        *group("generator", "ai", None, None, 200, 8),
    ]
)


# --- pictures ------------------------------------------------------------------------------


def picture(
    kind: str = "JPEG", size: tuple[int, int] = (64, 64), brightness: int = 128, **options
) -> bytes:
    """An even grey picture, as a file."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (brightness,) * 3).save(buffer, kind, **options)
    return buffer.getvalue()


def noise(size: tuple[int, int]) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3))
    return Image.fromarray(pixels.astype(np.uint8))


def bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A PNG of a few hundred bytes whose header promises as many pixels as one likes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = zlib.compress(b"\0" * 100_000)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", content),
            chunk(b"IEND", b""),
        ]
    )


def send(client, *files: tuple[str, bytes], **fields) -> object:
    """Judge pictures through the JSON interface."""
    answer = client.post(
        "/api/judge", files=[("pictures", (name, content)) for name, content in files], data=fields
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- the explorer --------------------------------------------------------------------------


def scored_samples(folder: Path) -> Path:
    """Scores of the bundled AI-generated faces, which this machine's index then knows.

    The first six of 'long' hair are called real, the others AI-generated.
    """
    manifest = bundled.samples_manifest()
    n = len(manifest.table)
    pictures = [bundled.samples_folder() / name for name in manifest.table["image"].to_pylist()]
    columns = {
        "p_ai": pa.array([0.3 - 0.01 * i if i < 6 else 0.6 + 0.01 * i for i in range(n)]),
        "status": pa.array(["ok"] * n),
        "sha256": pa.array([hashlib.sha256(path.read_bytes()).hexdigest() for path in pictures]),
        "hair": pa.array(["long" if i < 16 else "short" for i in range(n)]),
        "shirt": pa.array([HOSTILE if i % 2 else "blue" for i in range(n)]),
    }
    table = manifest.table
    for name, column in columns.items():
        table = table.append_column(name, column)
    remember_root(bundled.SAMPLES, bundled.samples_folder())
    return write_table(folder / "scores.parquet", table, ScoresInfo())


def held_up_audit(tell: Tell, path: Path, reading: Reading, spec: Spec, folder: Path) -> None:
    """Tell of one check, wait at the gate if there is one, and audit."""
    tell("A slow check", 3, 7)
    with suppress(FileNotFoundError), (folder.parent / "gate").open() as gate:
        gate.read()
    audit_apart(tell, path, reading, spec, folder)


def killed(*_: object) -> None:
    """Die as one does that the system kills for its memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def faulty(*_: object) -> None:
    """Fail as nobody has foreseen."""
    raise RuntimeError("a fault of ours")


def greedy(*_: object) -> None:
    """Ask for more memory than anything is allowed."""
    np.empty(2 * audits.LIMITS.memory, np.uint8)
