"""`faceaudit score` beside fastai's `get_preds`: the same image files, the same network.

Both read the files from disk, resize them and give a probability for each. Beside them stand what
bounds `score`: the network alone on decoded pictures, and decoding alone. All are run in turn, and
the best of each counts. On a machine that does other things too, processor time says more than the
clock::

    python benchmarks/score_throughput.py                       # 256-pixel JPEG
    python benchmarks/score_throughput.py --side 1024 --kind PNG -n 64
    python benchmarks/score_throughput.py --folder FOLDER       # JPEG files below it
    python benchmarks/score_throughput.py -n 4096 --memory      # the peak, of a quarter and of all
"""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import torch
from fastai.data.core import DataLoaders, Datasets
from fastai.data.transforms import IntToFloatTensor, Normalize, ToTensor
from fastai.learner import Learner
from fastai.vision.augment import Resize, ResizeMethod
from fastai.vision.core import PILImage
from PIL import Image, ImageFilter

from faceaudit.datasets.sources import StoredImages
from faceaudit.model.image_reader import read_pictures
from faceaudit.schema import DatasetInfo, ManifestInfo, called_ai
from faceaudit.scoring import open_detector, runs, score
from faceaudit.tables import Manifest

BATCH = 64


def draw(folder: Path, n: int, side: int, kind: str) -> None:
    rng = np.random.default_rng(0)
    for i in range(n):
        noise = Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
        options = {"quality": 92} if kind == "JPEG" else {}
        noise.filter(ImageFilter.GaussianBlur(2)).save(folder / f"{i}.img", kind, **options)


def fastai_predictions(files: list[Path], network: torch.nn.Module, read) -> np.ndarray:
    images = Datasets(files, [[PILImage.create]])
    loader = images.dataloaders(
        bs=BATCH,
        num_workers=2,
        shuffle=False,
        after_item=[Resize(read.size, method=ResizeMethod.Crop), ToTensor()],
        after_batch=[IntToFloatTensor(), Normalize.from_stats(read.mean, read.std, cuda=False)],
        device="cpu",
    ).train.new(shuffle=False, drop_last=False)
    learner = Learner(DataLoaders(loader, loader), network, torch.nn.BCEWithLogitsLoss())
    predictions, _ = learner.get_preds(dl=loader, act=torch.sigmoid)
    return predictions.squeeze(1).numpy()


def peak_memory(model: str, folder: Path, files: list[str]) -> float:
    """Return the most megabytes that a process of its own takes to score these files."""
    program = f"""
import resource, sys
import pyarrow as pa
from faceaudit.schema import DatasetInfo, ManifestInfo
from faceaudit.scoring import score
from faceaudit.tables import Manifest
files = sys.stdin.read().split()
table = pa.table({{"image": files, "label": ["ai"] * len(files), "dataset": ["set"] * len(files)}})
info = ManifestInfo(datasets={{"set": DatasetInfo(root={str(folder)!r}, indexed=len(files))}})
score({model!r}, Manifest(table, info))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    run = [sys.executable, "-c", program]
    told = subprocess.run(run, input="\n".join(files), check=True, capture_output=True, text=True)
    return float(told.stdout.split()[-1])


def timed(work: Callable[[], object]) -> tuple[object, float, float]:
    """Return a result, seconds of the clock, and processor seconds of this and its processes."""
    clock, processor = time.perf_counter(), sum(os.times()[:4])
    result = work()
    return result, time.perf_counter() - clock, sum(os.times()[:4]) - processor


@click.command()
@click.option("--model", default="bundled:default")
@click.option("--folder", type=click.Path(path_type=Path))
@click.option("-n", default=512)
@click.option("--side", default=256)
@click.option("--kind", default="JPEG")
@click.option("--rounds", default=2)
@click.option("--faces", is_flag=True, help="Also with the face finder.")
@click.option("--memory", is_flag=True, help="Memory instead of time.")
def main(
    model: str,
    folder: Path | None,
    n: int,
    side: int,
    kind: str,
    rounds: int,
    faces: bool,
    memory: bool,
) -> None:
    warnings.simplefilter("ignore")
    runs.WORTH_HASTE = 1
    detector = open_detector(model)
    network, read = detector.checkpoint.network, detector.checkpoint.record.input
    with tempfile.TemporaryDirectory() as scratch:
        if folder is None:
            folder = Path(scratch)
            draw(folder, n, side, kind)
        files = sorted([*folder.rglob("*.img"), *folder.rglob("*.jpg")])[:n]
        named = [str(file.relative_to(folder)) for file in files]
        if memory:
            for part in (named[: len(named) // 4], named):
                print(f"{len(part):,} files: {peak_memory(model, folder, part):,.0f} MB")
            return
        columns = {"image": named, "label": ["ai"] * len(files), "dataset": ["set"] * len(files)}
        info = ManifestInfo(datasets={"set": DatasetInfo(root=str(folder), indexed=len(files))})
        table, out = pa.table(columns), Path(scratch) / "scores.parquet"
        images = StoredImages.of(info)

        def decoded() -> list:
            return [p.pixels for p in read_pictures(table, images, detector.pixels, workers=2)]

        pixels = np.stack(decoded())

        def ours(precision: str, find_faces: bool = False) -> Callable[[], np.ndarray]:
            given = Manifest(table, info)
            options = {"precision": precision, "find_faces": find_faces}
            return lambda: score(open_detector(model), given, out, **options).table["p_ai"]

        hastened, plain = open_detector(model), open_detector(model)
        named_way = hastened.hasten()
        ways: dict[str, Callable[[], object]] = {
            "fastai get_preds": lambda: fastai_predictions(files, copy.deepcopy(network), read),
            "score --precision exact": ours("exact"),
            "score": ours("fast"),
            **({"score, face finder": ours("fast", True)} if faces else {}),
            "network alone, torch": lambda: plain.p_ai(pixels),
            f"network alone, {named_way}": lambda: hastened.p_ai(pixels),
            "decoding alone": decoded,
        }
        clock, processor = dict.fromkeys(ways, np.inf), dict.fromkeys(ways, np.inf)
        scores = {}
        for _ in range(rounds):
            for name, way in ways.items():
                result, seconds, work = timed(way)
                clock[name] = min(clock[name], seconds)
                processor[name] = min(processor[name], work)
                scores[name] = result
        exact, fast = (np.asarray(scores[f"score{of}"]) for of in (" --precision exact", ""))
        flips = int((called_ai(exact, 0.5) != called_ai(fast, 0.5)).sum())
        print(f"{len(files)} files, {read.size} pixels into {model}; fast against exact: largest")
        print(f"difference {np.abs(exact - fast).max():.1g}, {flips} calls changed")
        base, *_ = ways
        for name in ways:
            told = [
                f"{len(files) / took[name]:6.0f} {unit} ({took[base] / took[name]:.2f})"
                for took, unit in ((clock, "images/s"), (processor, "a processor second"))
            ]
            print(f"{name:42} {' '.join(told)}")


if __name__ == "__main__":
    main()
