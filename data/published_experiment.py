"""Run the published experiment again, and record it: the bundled models and scores come from here.

Two classifiers, alike but for one thing: the second was also trained on photographs of
Flickr-Faces-HQ, the set that the common face generators learned from. Both are scored on the
same images, none of which either was trained on::

    python data/published_experiment.py DATA OUT [ARM]

DATA is laid out as data/README.md says. OUT gets ``models/`` and ``scores/``, as they are in
``src/faceaudit/bundled``. ARM (``with-ffhq`` or ``without-ffhq``) trains that one only and keeps
what OUT has of the other. About a quarter of an hour on two cores.

Which images train was drawn once, at random: 1,500 different files of UTKFace with their copies,
550 of LFW (one is damaged), 450 of FFHQ, 600 of 1 Million Fake Faces, 450 of Generated Photos. The
bundled models list them by hash, and that list is the partition here. All others are for the test.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from faceaudit.datasets import index
from faceaudit.files import write_text
from faceaudit.model.checkpoint import HASH_DIGITS, ModelRecord, read_record
from faceaudit.model.training import train
from faceaudit.scoring import score
from faceaudit.tables import (
    FIXED_COLUMNS,
    Manifest,
    ManifestInfo,
    Scores,
    read_manifest,
    tag_columns,
    write_table,
)

TRAINING_SEED = 1
EPOCHS = 6
#: Data set and its folder below DATA.
SOURCES = (
    ("utkface", "utkface/UTKFace"),
    ("lfw", "lfw"),
    ("ffhq", "ffhq"),
    ("celeba", "celeba"),
    ("fairface", "fairface"),
    ("one-million-fake-faces", "one_million_fake_faces"),
    ("generated-photos", "generated_photos"),
    ("mobilestylegan", "mobilestylegan"),
    ("stylegan2", "stylegan2_npm"),
    ("stylegan3", "stylegan3"),
    ("stable-diffusion-3", "stable_diffusion_3"),
)
#: Sets of pictures of one generator have no indexer of their own.
PLAIN_FOLDERS = ("mobilestylegan", "stylegan2", "stylegan3", "stable-diffusion-3")
#: Whose images train a model.
ARMS = {
    "without-ffhq": ("utkface", "lfw", "one-million-fake-faces", "generated-photos"),
    "with-ffhq": ("utkface", "lfw", "one-million-fake-faces", "generated-photos", "ffhq"),
}


def learned(models: Path) -> pa.Array:
    """Return the hashes of all images that a model below `models` was trained on."""
    lists = [models / arm / "training_images.parquet" for arm in ARMS]
    hashes = [chunk for path in lists for chunk in pq.read_table(path)["sha256"].chunks]
    return pa.concat_arrays(hashes)


def prepare(data: Path, scratch: Path) -> tuple[dict[str, Path], Manifest]:
    """Index all sets; return the training manifests by set, and one manifest for the test."""
    drawn = learned(Path(str(files("faceaudit.bundled") / "models")))
    training: dict[str, Path] = {}
    tests: list[pa.Table] = []
    info = ManifestInfo()
    for name, folder in SOURCES:
        path = scratch / f"{name}.parquet"
        if name in PLAIN_FOLDERS:
            index("folder", data / folder, path, name=name, label="ai")
        else:
            # The published suspicion is about round faces, and those photographs are FFHQ's.
            index(name, data / folder, path, face_shape=name == "ffhq")
        manifest = read_manifest(path)
        digits = pc.utf8_slice_codeunits(manifest.table["sha256"], 0, HASH_DIGITS)
        trains = pc.is_in(digits, drawn)
        chosen, rest = (manifest.table.filter(side) for side in (trains, pc.invert(trains)))
        note = f"{len(rest):,} images that neither bundled model was trained on"
        if len(chosen):
            training[name] = write_table(scratch / f"{name}-train.parquet", chosen, manifest.info)
            note += f"; {len(chosen):,} more were training images of at least one"
        tests.append(rest)
        info.datasets[name] = manifest.info.datasets[name].model_copy(
            update={"found": None, "indexed": len(rest), "rejected": 0, "note": note}
        )
        for tag, sources in manifest.info.tag_sources.items():
            info.tag_sources.setdefault(tag, {}).update(sources)
        info.versions = manifest.info.versions
    table = pa.concat_tables(tests, promote_options="permissive")
    return training, Manifest(table, info)


def record(scores: Scores, path: Path) -> Scores:
    """Write scores without the places where the images lay."""
    for dataset in scores.info.datasets.values():
        dataset.root = None
    fixed = [name for name in FIXED_COLUMNS if name in scores.table.column_names]
    table = scores.table.select([*fixed, *tag_columns(scores.table)])
    write_table(path, table, scores.info)
    return Scores(table, scores.info)


def results(scores: dict[str, Scores]) -> str:
    """Return the Markdown table of what each model got right."""
    lines = [
        "| images never trained on | what | n | " + " | ".join(scores) + " |",
        "|---|---|---:|" + "---:|" * len(scores),
    ]
    for name, _ in SOURCES:
        cells = []
        for one in scores.values():
            assert one.info.model is not None
            table = one.table.filter(pc.equal(one.table["dataset"], name))
            called_ai = table["p_ai"].to_numpy() >= np.float32(one.info.model.threshold)
            is_ai = np.array(table["label"].to_pylist()) == "ai"
            wrong = int((called_ai != is_ai).sum())
            cells.append(f"{1 - wrong / len(table):.1%} ({wrong:,} wrong)")
        what = "AI-generated" if is_ai.all() else "photographs"
        lines.append(f"| {name} | {what} | {len(table):,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def sources(model: ModelRecord) -> str:
    """Return the Markdown table of what a model was trained on."""
    assert model.training is not None
    lines = ["| data set | label | images |", "|---|---|---:|"]
    for name, counts in model.training.images.items():
        lines += [f"| {name} | {label} | {n:,} |" for label, n in counts.items()]
    return "\n".join(lines)


def main(data: Path, out: Path, arms: list[str]) -> None:
    """Train, score, record, and write each model's card from the template beside this file."""
    scores: dict[str, Scores] = {}
    with tempfile.TemporaryDirectory() as scratch:
        training, test = prepare(data, Path(scratch))
        for arm in arms:
            manifests = [training[name] for name in ARMS[arm]]
            train(manifests, out / "models" / arm, epochs=EPOCHS, seed=TRAINING_SEED, progress=True)
        digits = pc.utf8_slice_codeunits(test.table["sha256"], 0, HASH_DIGITS)
        if pc.any(pc.is_in(digits, learned(out / "models"))).as_py():
            sys.exit("a test image was a training image of one of the models")
        for arm in ARMS:
            scored = score(out / "models" / arm, test, Path(scratch) / "scores", progress=True)
            scores[arm] = record(scored, out / "scores" / f"{arm}.parquet")
    template = (Path(__file__).parent / "model_card.md").read_text(encoding="utf-8")
    for arm in ARMS:
        model = read_record(out / "models" / arm)
        assert model.training is not None
        card = template.format(
            name=arm,
            sources=sources(model),
            results=results(scores),
            model=model,
            training=model.training,
            validation=model.training.validation,
        )
        write_text(out / "models" / arm / "README.md", card)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:] or list(ARMS))
