"""Train the bundled detector `equal-delivery`, and measure it on pictures that it never saw.

    python data/bundled_detector.py DATA OUT [MADE]

DATA is laid out as data/README.md says. MADE is a folder of further MobileStyleGAN faces
that make_faces.py made. OUT gets the manifests, the model and its scores.

All of this was fixed before any of it was trained:

- What is tested is drawn by hash from what neither older bundled model learned from (`HELD_OUT` of
  each set); the rest trains, up to `TRAINED`. StyleGAN3 and Stable Diffusion 3 are tested alone.
- Every picture is sent at random before the network sees it (`train --equal-delivery`), and FFHQ,
  other photographs, and the three families of generators are drawn alike (`FAMILY`): what is hard
  is FFHQ against its imitations.
- Of several models the one is taken that gets most of its worst family right on its validation
  images, each sent once at random, at its own threshold. (That input sizes of one model compete too
  was added while it was trained, before any tested image was looked at.)
- It becomes ``bundled:default`` if its balanced accuracy, all sets of a label alike, on the
  tested images at one delivery (JPEG 85, 224 pixels) is higher than that of ``with-ffhq``, and the
  95 % interval of the difference (bootstrap of images within sets) is above 0.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from faceaudit.datasets import index
from faceaudit.datasets.sources import StoredImages
from faceaudit.files import write_text
from faceaudit.model.checkpoint import load_checkpoint, save_checkpoint
from faceaudit.model.evaluation import choose_threshold, summarise, top_losses
from faceaudit.model.image_reader import read_pictures
from faceaudit.model.inference import predict
from faceaudit.model.preprocess import Pixels, square_pixels
from faceaudit.model.random_delivery import deliver
from faceaudit.model.records import HASH_DIGITS, IMAGES_FILE, RECORD_FILE
from faceaudit.model.split import validation_rows
from faceaudit.model.training import add_familiarity, train
from faceaudit.schema import ManifestInfo, called_ai, variant_column
from faceaudit.scoring import score
from faceaudit.tables import (
    Manifest,
    Scores,
    read_manifest,
    read_manifests,
    read_scores,
    write_table,
)
from faceaudit.wording import percent, percent_range, points, points_range
from published_experiment import PLAIN_FOLDERS, SOURCES, learned

HELD_OUT = {
    **{"utkface": 500, "lfw": 300, "ffhq": 300, "celeba": 500, "fairface": 1500},
    **{"one-million-fake-faces": 250, "generated-photos": 250, "mobilestylegan": 100},
    **{"stylegan2": 100, "stylegan3": 250, "stable-diffusion-3": 160},
}
#: At most so many of a set are trained on; the validation images are among them.
TRAINED = {"utkface": 700, "lfw": 450, "celeba": 400, "fairface": 600}
NEVER_TRAINED = ("stylegan3", "stable-diffusion-3")
MADE = "mobilestylegan-made"
FAMILY = {
    "ffhq": "ffhq",
    **dict.fromkeys(("utkface", "lfw", "celeba", "fairface"), "other photographs"),
    "one-million-fake-faces": "stylegan",
    "generated-photos": "generated photos",
    **dict.fromkeys(("mobilestylegan", MADE, "stylegan2"), "stylegan2"),
}
#: Cut narrowly from pictures of 256 pixels, so that a small network sees what is fine in them.
RECIPE: dict[str, Any] = {
    **{"size": 160, "epochs": 6, "batch_size": 32, "seed": 0, "progress": True},
    **{"equal_delivery": 0.6, "balance": "family"},
}
#: Sizes at which the network may be used: it sees no shape, only what lies in each place.
SIZES = (160, 224)
NAME = "equal-delivery"
DELIVERY = "size=224,jpeg=85"
COLUMNS = {"p_ai": "as delivered", variant_column(DELIVERY): "at one delivery"}
REAL = ("utkface", "lfw", "ffhq", "celeba", "fairface")

#: Data set -> which of its calls are right.
Right = Mapping[str, npt.NDArray[np.bool_]]


def split(data: Path, made: Path | None, folder: Path) -> tuple[list[Path], Path]:
    """Index all sets; return the manifests that train, and the one that tests."""
    models = Path(__file__).parents[1] / "src" / "faceaudit" / "bundled" / "models"
    drawn = learned(models)
    training: list[Path] = []
    tests: list[pa.Table] = []
    info = ManifestInfo()
    sources = [(name, data / place) for name, place in SOURCES]
    for name, root in [*sources, *([(MADE, made)] if made else [])]:
        path = folder / f"{name}.parquet"
        if not path.exists():
            own = name not in (*PLAIN_FOLDERS, MADE)
            how = {} if own else {"name": name, "label": "ai"}
            index(name if own else "folder", root, path, **how)
        manifest = read_manifest(path)
        table = manifest.table.sort_by("sha256")
        known = pc.is_in(pc.utf8_slice_codeunits(table["sha256"], 0, HASH_DIGITS), drawn)
        fresh = table.filter(pc.invert(known))
        test = fresh.slice(0, HELD_OUT.get(name, 0))
        # Copies of what is tested do not train.
        rest = table.filter(pc.invert(pc.is_in(table["sha256"], test["sha256"].combine_chunks())))
        if name not in NEVER_TRAINED:
            rest = rest.slice(0, TRAINED.get(name, len(rest)))
            family = pa.array([FAMILY[name]] * len(rest), pa.string())
            manifest.info.tag_sources["family"] = {name: "data/bundled_detector.py"}
            training.append(
                write_table(
                    folder / f"{name}-train.parquet",
                    rest.append_column("family", family),
                    manifest.info,
                )
            )
        if len(test):
            tests.append(test)
            note = f"{len(test):,} images that no bundled model was trained on"
            info.datasets[name] = manifest.info.datasets[name].model_copy(
                update={"found": None, "indexed": len(test), "rejected": 0, "note": note}
            )
        for tag, where in manifest.info.tag_sources.items():
            info.tag_sources.setdefault(tag, {}).update(where)
        info.versions = manifest.info.versions
    info.tag_sources.pop("family", None)
    test = Manifest(pa.concat_tables(tests, promote_options="permissive"), info)
    return training, write_table(folder / "test.parquet", test.table, test.info)


def settle(small: Path, training: list[Path], out: Path) -> None:
    """Save a model again under the input size that the rule takes, with the threshold for it."""
    trained = load_checkpoint(small)
    record, manifest = trained.record, read_manifests(training)
    assert record.training is not None and record.training.equal_delivery is not None
    held_out = validation_rows(manifest.table, 0.2, record.training.seed)
    table = manifest.table.filter(pa.array(held_out))
    is_ai = pc.equal(table["label"], "ai").to_numpy()
    family = np.asarray(table["family"])
    digits = pc.utf8_slice_codeunits(table["sha256"], 0, HASH_DIGITS).to_pylist()

    def pictures(side: int) -> Pixels:
        images = StoredImages.of(manifest.info)
        found = read_pictures(table, images, partial(square_pixels, size=side))
        return np.stack([picture.pixels for picture in found if picture.pixels is not None])

    best = -1.0
    for size in SIZES:
        given = record.input.model_copy(update={"size": size})
        cut = partial(deliver, size=size, smallest_crop=record.training.equal_delivery)
        seeds = [int(digit, 16) for digit in digits]
        sent = np.stack([cut(p, seed) for p, seed in zip(pictures(256), seeds, strict=True)])
        looks = [predict(trained.network, given.inputs, p) for p in (pictures(size), sent)]
        threshold = choose_threshold(np.concatenate(looks), np.tile(is_ai, 2))
        is_right = called_ai(looks[1], threshold) == is_ai
        worst = min(is_right[family == name].mean() for name in np.unique(family))
        print(f"{size} pixels: {worst:.1%} of the worst family", flush=True)
        if worst > best:
            best = worst
            seen = {
                "validation": summarise(looks[0], is_ai, threshold),
                "validation_delivered": summarise(looks[1], is_ai, threshold),
                "top_losses": top_losses(table, looks[0], is_ai),
            }
            settled = record.model_copy(
                update={
                    **{"id": NAME, "input": given, "threshold": threshold},
                    "training": record.training.model_copy(update=seen),
                }
            )
    save_checkpoint(out, settled, trained.network, pq.read_table(small / IMAGES_FILE))
    add_familiarity(out, training)


def measured(model: str, test: Path, out: Path) -> Scores:
    """Score the tested images as delivered and at one delivery."""
    if out.exists():
        return read_scores(out)
    manifest = read_manifest(test)
    return score(model, manifest, out, deliver=[DELIVERY], find_faces=False, progress=True)


def right(scores: Scores, column: str) -> Right:
    """Tell by data set which calls are right."""
    assert scores.info.model is not None
    called = called_ai(scores.table[column], scores.info.model.threshold)
    is_right = called == pc.equal(scores.table["label"], "ai").to_numpy()
    dataset = np.asarray(scores.table["dataset"])
    return {name: is_right[dataset == name] for name in HELD_OUT}


def balanced(of: Mapping[str, float]) -> float:
    """Average over the sets of a label, then over both labels."""
    return float(np.mean([np.mean([of[n] for n in HELD_OUT if (n in REAL) == r]) for r in (0, 1)]))


def difference(first: Right, second: Right, draws: int = 10_000) -> tuple[float, float, float]:
    """Return how much more balanced accuracy the second has, with the bootstrap's interval."""
    rng = np.random.default_rng(0)
    change = {name: second[name].astype(int) - first[name] for name in HELD_OUT}
    found = balanced({name: of.mean() for name, of in change.items()})
    again = {
        name: rng.multinomial(len(of), [(of == step).mean() for step in (-1, 0, 1)], draws)
        @ [-1, 0, 1]
        / len(of)
        for name, of in change.items()
    }
    low, high = np.quantile(
        [balanced({n: a[i] for n, a in again.items()}) for i in range(draws)], (0.025, 0.975)
    )
    return found, float(low), float(high)


def results(models: Mapping[str, Scores]) -> str:
    """Return the Markdown table of what each model gets right, in both deliveries."""
    columns = [(name, column) for name in models for column in COLUMNS]
    heads = [f"{name}, {COLUMNS[column]}" for name, column in columns]
    lines = [
        "| never trained on | n | " + " | ".join(heads) + " |",
        "|---|---:|" + "---:|" * len(heads),
    ]
    found = [right(models[name], column) for name, column in columns]
    for name in HELD_OUT:
        cells = []
        for one in found:
            of = binomtest(int(one[name].sum()), len(one[name]))
            low, high = of.proportion_ci()
            cells.append(f"{percent(of.statistic)} ({percent_range(low, high)})")
        lines.append(f"| {name} | {len(found[0][name]):,} | {' | '.join(cells)} |")
    means = [percent(balanced({n: of.mean() for n, of in one.items()})) for one in found]
    lines.append(f"| balanced | | {' | '.join(means)} |\n")
    for column, said in COLUMNS.items():
        first, second = (right(scores, column) for scores in models.values())
        more, low, high = difference(first, second)
        lines.append(f"{said}: {points(more)} more ({points_range(low, high)}).")
    lines += [
        "",
        "| AUC against FFHQ | " + " | ".join(heads) + " |",
        "|---|" + "---:|" * len(heads),
    ]
    for name in [name for name in HELD_OUT if name not in REAL]:
        cells = []
        for model, column in columns:
            table = models[model].table
            p_ai, dataset = (np.asarray(table[c]) for c in (column, "dataset"))
            here = np.isin(dataset, ("ffhq", name))
            cells.append(f"{roc_auc_score(dataset[here] == name, p_ai[here]):.3f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(data: Path, out: Path, made: Path | None = None) -> None:
    """Split, train and measure; what is finished is not done again."""
    (out / "manifests").mkdir(parents=True, exist_ok=True)
    training, test = split(data, made, out / "manifests")
    small, model = out / "small", out / "models" / NAME
    if not (small / RECORD_FILE).exists():
        train(training, small, **RECIPE)
    if not (model / RECORD_FILE).exists():
        settle(small, training, model)
    (out / "scores").mkdir(exist_ok=True)
    scores = {
        name: measured(where, test, out / "scores" / f"{name}.parquet")
        for name, where in {"with-ffhq": "bundled:with-ffhq", NAME: str(model)}.items()
    }
    table = results(scores)
    write_text(out / "results.md", table + "\n")
    print(table)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
