"""Seeded damage to model directories."""

from __future__ import annotations

import json
import os
import pickle
import random
from pathlib import Path
from typing import Any

from tests.hostile.tables_and_specs import VALUES

ARCHITECTURES = (
    *(
        "hf-hub:timm/resnet18",
        "local-dir:/x",
        "resnet18.tag:x",
        "resnet18",
        "",
        "../x",
        "a" * 5_000,
    ),
    *("vit_base_patch16_224", "fasterrcnn_resnet50_fpn", "\0", "test_resnet.r160_in1k", "test_vit"),
)


class _Runs:
    def __reduce__(self) -> Any:
        return os.mkdir, ("faceaudit-was-run",)


def save_drawn(folder: Path) -> Path:
    """Write a sound model directory of a small network."""
    import pyarrow as pa
    import torch

    from faceaudit.model.architecture import build_network, find_architecture
    from faceaudit.model.checkpoint import save_checkpoint
    from faceaudit.model.records import InputRecord, ModelRecord

    torch.manual_seed(0)
    record = ModelRecord(
        id="m",
        architecture="test_resnet",
        library="timm",
        input=InputRecord(size=32, mean=[0.5] * 3, std=[0.5] * 3),
        threshold=0.25,
        threshold_rule="drawn",
    )
    images = pa.table({"sha256": ["00000000000000aa"], "split": ["training"]})
    return save_checkpoint(
        folder, record, build_network(find_architecture("test_resnet"), 32), images
    )


def damage(folder: Path, draw: random.Random) -> Path:
    """Damage a model directory in one way; return what is to be loaded."""
    weights = folder / "model.safetensors"
    for left in folder.glob("m.*"):
        left.unlink()
    match draw.randrange(6):
        case 0 | 1:
            path = draw.choice(sorted(folder.iterdir()))
            content = bytearray(path.read_bytes())
            for _ in range(draw.randint(1, 6)):
                # Headers decide most.
                content[draw.randrange(min(len(content), 4_000))] = draw.randrange(256)
            path.write_bytes(content[: draw.choice((None, draw.randrange(len(content))))])
        case 2:
            record = json.loads((folder / "model.json").read_text())
            inside = draw.choice((record, record["input"]))
            inside[draw.choice([*inside])] = draw.choice(VALUES)
            (folder / "model.json").write_text(json.dumps(record))
        case 3:
            record = json.loads((folder / "model.json").read_text())
            record["architecture"] = draw.choice(ARCHITECTURES)
            record["library"] = draw.choice(("timm", "torchvision"))
            (folder / "model.json").write_text(json.dumps(record))
        case 4:
            import torch

            odd = (_Runs(), {"a": _Runs()}, [], {}, {"a": 1}, {1: torch.zeros(1)}, torch.zeros(2))
            path = folder / draw.choice(("m.pth", "m.bin", "m.pt"))
            torch.save(draw.choice(odd), path)
            return path
        case 5:
            path = folder / "m.pth"
            path.write_bytes(draw.choice((pickle.dumps(_Runs()), b"\x80\x04.", b"", b"PK\x03\x04")))
            return path
    return folder if weights.exists() else weights
