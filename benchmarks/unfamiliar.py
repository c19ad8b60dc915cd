"""How well a model's familiarity tells pictures unlike its training pictures.

Counts the pictures that the web application would warn of: new ones from the sources of the
training pictures (1 % is right), faces from other sources, faces turned, tinted or blurred, and
drawings without a face.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import click
import numpy as np
import pyarrow.compute as pc
from PIL import Image, ImageFilter
from sklearn.metrics import roc_auc_score

from faceaudit.bundled import resolve_model
from faceaudit.datasets.sources import StoredImages
from faceaudit.errors import FaceAuditError
from faceaudit.model.checkpoint import Checkpoint, load_checkpoint
from faceaudit.model.image_reader import read_pictures
from faceaudit.model.ood_distance import FeatureExtractor
from faceaudit.model.preprocess import Pixels, square_pixels
from faceaudit.report.numbers import interval, percent
from faceaudit.stats.intervals import rate_interval
from faceaudit.tables import read_manifest

#: What draws each kind of picture without a face.
KINDS = runpy.run_path(str(Path(__file__).parents[1] / "data" / "patterns.py"))["KINDS"]
#: What is done to familiar faces, pictures of one batch at a time.
CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "upside down": lambda pixels: pixels[:, ::-1],
    "blurred (1/32 of the side)": lambda pixels: _blurred(pixels, pixels.shape[1] / 32),
}


def draw(count: int, size: int) -> Pixels:
    """Draw pictures without a face, as many of each kind, as the network would see them."""
    kinds = list(KINDS.values())
    random = [np.random.default_rng([1, number]) for number in range(count)]
    return np.stack([square_pixels(kinds[i % len(kinds)](r), size) for i, r in enumerate(random)])


def pictures(
    checkpoint: Checkpoint, manifest: Path, most: int, seed: int
) -> Iterator[tuple[str, Pixels]]:
    """Give each data set of a manifest, and up to `most` of its pictures, drawn at random.

    Pictures that the model learned from, as their hashes tell, are left out.
    """
    read = read_manifest(manifest)
    rng = np.random.default_rng(seed)
    how = partial(square_pixels, size=checkpoint.record.input.size)
    for name in read.info.datasets:
        images = read.table.filter(pc.equal(read.table["dataset"], name))
        if "sha256" in images.column_names:
            known = pc.fill_null(checkpoint.trained_on(images["sha256"]), False)
            images = images.filter(pc.invert(known))
        chosen = images.take(rng.permutation(len(images))[:most])
        read_ones = read_pictures(chosen, StoredImages.of(read.info), how)
        readable = [picture.pixels for picture in read_ones if picture.pixels is not None]
        if readable:
            yield name, np.stack(readable)


def _blurred(pixels: Pixels, radius: float) -> Pixels:
    blur = ImageFilter.GaussianBlur(radius)
    return np.stack([np.asarray(Image.fromarray(one).filter(blur)) for one in pixels])


def measure(model: str, manifests: Sequence[Path], most: int = 200, seed: int = 0) -> str:
    """Return a table in Markdown: the share warned of, by what the pictures are.

    Parameters
    ----------
    model : str
        A model directory or ``bundled:NAME``.
    manifests : sequence of path
        Pictures to measure; some from the sources of the training pictures, others not.
    most : int
        Pictures of each data set, drawn at random.
    seed : int

    Raises
    ------
    FaceAuditError
        If the model does not know its training pictures, or there are none like them.
    """
    checkpoint = load_checkpoint(resolve_model(model))
    known, record = checkpoint.familiarity, checkpoint.record
    if known is None or record.training is None:
        raise FaceAuditError(f"{model}: it does not say which pictures are familiar to it")
    extract = FeatureExtractor(checkpoint.network, record.input)
    found = {
        name: pixels
        for manifest in manifests
        for name, pixels in pictures(checkpoint, manifest, most, seed)
    }
    own = {name: pixels for name, pixels in found.items() if name in record.training.images}
    if not own:
        raise FaceAuditError("no picture comes from a source that the model was trained on")
    familiar = np.concatenate(list(own.values()))
    groups = {f"{name}, trained on others of it": pixels for name, pixels in own.items()}
    groups["all of these together"] = familiar
    groups |= {name: pixels for name, pixels in found.items() if name not in own}
    few = np.random.default_rng(seed).permutation(len(familiar))[:most]
    groups |= {f"familiar faces, {name}": change(familiar[few]) for name, change in CHANGES.items()}
    groups["drawings without a face"] = draw(2 * most, record.input.size)

    usual = known.distance(extract(familiar))
    lines = [
        "| pictures | n | warned of | 95 % interval | AUROC |",
        "|---|---:|---:|---|---:|",
    ]
    for name, pixels in groups.items():
        distance = usual if pixels is familiar else known.distance(extract(pixels.copy()))
        warned, n = int((distance > known.limit).sum()), len(distance)
        low, high = rate_interval(warned, n)
        auroc = ""
        if name not in list(groups)[: len(own) + 1]:
            unusual = np.arange(len(usual) + n) >= len(usual)
            auroc = f"{roc_auc_score(unusual, np.concatenate([usual, distance])):.3f}"
        share = percent(warned / n)
        cells = [name, f"{n:,}", share, interval(float(low), float(high), "percent"), auroc]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


@click.command()
@click.argument("model")
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--most", default=200, show_default=True, help="Pictures of each data set.")
@click.option("--seed", default=0, show_default=True)
def main(model: str, manifests: tuple[Path, ...], most: int, seed: int) -> None:
    """Tell how many of the pictures of MANIFESTS are warned of as unlike those of MODEL."""
    print(measure(model, manifests, most, seed))


if __name__ == "__main__":
    main()
