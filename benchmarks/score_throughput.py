"""`faceaudit score` beside fastai's `get_preds`: the same image files, the bundled network.

Both read the files from disk, resize them to 128 pixels and give a probability for each::

    python benchmarks/score_throughput.py                 # noise pictures of 256 pixels
    python benchmarks/score_throughput.py FOLDER [N]      # JPEG files below FOLDER
"""

from __future__ import annotations

import copy
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from fastai.data.core import DataLoaders, Datasets
from fastai.data.transforms import IntToFloatTensor, Normalize, ToTensor
from fastai.learner import Learner
from fastai.vision.augment import Resize, ResizeMethod
from fastai.vision.core import PILImage
from PIL import Image, ImageFilter

from faceaudit.schema import DatasetInfo, ManifestInfo
from faceaudit.scoring import open_detector, score
from faceaudit.tables import Manifest

SIZE, BATCH = 128, 64


def draw(folder: Path, n: int) -> None:
    rng = np.random.default_rng(0)
    for i in range(n):
        noise = Image.fromarray(rng.integers(0, 256, (256, 256, 3), dtype=np.uint8))
        noise.filter(ImageFilter.GaussianBlur(2)).save(folder / f"{i}.jpg", quality=92)


def fastai_predictions(files: list[Path], network: torch.nn.Module, mean: list, std: list):
    images = Datasets(files, [[PILImage.create]])
    loader = images.dataloaders(
        bs=BATCH,
        num_workers=2,
        shuffle=False,
        after_item=[Resize(SIZE, method=ResizeMethod.Crop), ToTensor()],
        after_batch=[IntToFloatTensor(), Normalize.from_stats(mean, std, cuda=False)],
        device="cpu",
    ).train.new(shuffle=False, drop_last=False)
    learner = Learner(DataLoaders(loader, loader), network, torch.nn.BCEWithLogitsLoss())
    predictions, _ = learner.get_preds(dl=loader, act=torch.sigmoid)
    return predictions.squeeze(1).numpy()


def main(folder: Path | None = None, n: int = 1000) -> None:
    warnings.simplefilter("ignore")
    detector = open_detector("bundled:default")
    checkpoint = detector.checkpoint
    mean, std = checkpoint.record.input.mean, checkpoint.record.input.std
    with tempfile.TemporaryDirectory() as scratch:
        if folder is None:
            folder = Path(scratch)
            draw(folder, n)
        files = sorted(folder.rglob("*.jpg"))[:n]
        table = pa.table(
            {
                "image": [str(file.relative_to(folder)) for file in files],
                "label": ["ai"] * len(files),
                "dataset": ["benchmark"] * len(files),
            }
        )
        info = ManifestInfo(
            datasets={"benchmark": DatasetInfo(root=str(folder), indexed=len(files))}
        )
        out = Path(scratch) / "scores.parquet"
        score(detector, Manifest(table.slice(0, BATCH), info), out, find_faces=False)  # warm up
        for _ in range(2):
            started = time.perf_counter()
            scores = score(detector, Manifest(table, info), out, find_faces=False)
            ours = time.perf_counter() - started
            started = time.perf_counter()
            theirs_p = fastai_predictions(files, copy.deepcopy(checkpoint.network), mean, std)
            theirs = time.perf_counter() - started
            difference = np.abs(scores.table["p_ai"].to_numpy() - theirs_p).max()
            print(
                f"{len(files)} files: fastai get_preds {len(files) / theirs:.0f} images/s, "
                f"faceaudit {len(files) / ours:.0f} images/s, ratio {theirs / ours:.2f} "
                f"(largest difference in p: {difference:.4f}, from resampling)"
            )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]), *map(int, sys.argv[2:]))
