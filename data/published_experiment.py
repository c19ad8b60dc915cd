"""Run the published experiment again, and record it: the bundled models and scores come from here.

Classifiers in two arms, alike but for one thing: the second is also trained on photographs of
Flickr-Faces-HQ, the set that the common face generators learned from. Each arm has a run for every
seed, and all are tested on the same images, none of which any was trained on::

    python data/published_experiment.py DATA OUT [SEEDS]

DATA is laid out as data/README.md says. OUT gets the study (``study.json``, ``report.html`` and its
runs), and of the best run of each arm ``models/`` and ``scores/`` as they are in
``src/faceaudit/bundled``, and ``studies/`` as it is in ``docs``. Best is the lowest loss on the
validation images: the testing images have no say. About five minutes a run on two cores; what was
stopped goes on from what is finished.

Which images train was drawn once, at random: 1,500 different files of UTKFace with their copies,
550 of LFW (one is damaged), 450 of FFHQ, 600 of 1 Million Fake Faces, 450 of Generated Photos. The
bundled models list them by hash, and that list is the partition here. All others are for the test.
"""

from __future__ import annotations

import shutil
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from faceaudit.datasets import index
from faceaudit.files import write_text
from faceaudit.model.records import HASH_DIGITS, RECORD_FILE, ModelRecord, read_record
from faceaudit.result import write_result
from faceaudit.schema import ManifestInfo, tag_columns
from faceaudit.scoring import score
from faceaudit.studies.data_in_training import DataInTraining
from faceaudit.tables import Manifest, Scores, read_manifest, write_table

SEEDS = 5
EPOCHS = 6
#: At which each testing picture is scored too.
DELIVERY = "size=224,jpeg=85"
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
#: The arms by the name of their bundled model, and how the study calls their runs.
ARMS = {"without-ffhq": "without-ffhq-seed-*", "with-ffhq": "with-ffhq-seed-*"}


def learned(models: Path) -> pa.Array:
    """Return the hashes of all images that a bundled model was trained on."""
    lists = [models / arm / "training_images.parquet" for arm in ARMS]
    hashes = [chunk for path in lists for chunk in pq.read_table(path)["sha256"].chunks]
    return pa.concat_arrays(hashes)


def prepare(data: Path, folder: Path) -> tuple[dict[str, Path], Manifest]:
    """Index all sets; return the training manifests by set, and one manifest for the test."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = learned(Path(str(files("faceaudit.bundled") / "models")))
    training: dict[str, Path] = {}
    tests: list[pa.Table] = []
    info = ManifestInfo()
    for name, place in SOURCES:
        path = folder / f"{name}.parquet"
        if name in PLAIN_FOLDERS:
            index("folder", data / place, path, name=name, label="ai", delivery_facts=True)
        else:
            # The published suspicion is about round faces, and those photographs are FFHQ's.
            index(name, data / place, path, face_shape=name == "ffhq", delivery_facts=True)
        manifest = read_manifest(path)
        digits = pc.utf8_slice_codeunits(manifest.table["sha256"], 0, HASH_DIGITS)
        trains = pc.is_in(digits, drawn)
        chosen, rest = (manifest.table.filter(side) for side in (trains, pc.invert(trains)))
        note = f"{len(rest):,} images that neither bundled model was trained on"
        if len(chosen):
            training[name] = write_table(folder / f"{name}-train.parquet", chosen, manifest.info)
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


def best_run(runs: Path, pattern: str) -> Path:
    """Return the folder of the run with the lowest loss on its validation images."""

    def loss(folder: Path) -> float:
        training = read_record(folder / "model").training
        assert training is not None
        return training.validation.loss

    return min(sorted(runs.glob(pattern)), key=loss)


def record_model(run: Path, path: Path) -> None:
    """Copy a run's model, under the name of its arm."""
    shutil.copytree(run / "model", path, dirs_exist_ok=True)
    model = read_record(path).model_copy(update={"id": path.name})
    write_text(path / RECORD_FILE, model.model_dump_json(indent=1) + "\n")


def record_scores(model: Path, test: Manifest, path: Path) -> Scores:
    """Score the test with a recorded model, and write the columns that all tables have.

    The study's own scores are the same; these also say where no face was found, and what the
    gravest errors rest on.
    """
    scores = score(model, test, path, deliver=[DELIVERY], progress=True)
    tags = tag_columns(scores.table)
    fixed = [name for name in scores.table.column_names if name not in tags]
    table = scores.table.select([*fixed, *tags])
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


def main(data: Path, out: Path, seeds: int) -> None:
    """Run the study, record its best runs, and write each model's card from its template."""
    manifests = out / "manifests"
    training, test = prepare(data, manifests)
    tests = [write_table(manifests / "test.parquet", test.table, test.info)]
    study = DataInTraining(tests=tests, hold_out=0, seeds=seeds, epochs=EPOCHS)
    result = study.run(list(training.values()), out, progress=True)
    write_result(out / "studies" / "data-in-training.json", result)
    scores: dict[str, Scores] = {}
    for arm, pattern in ARMS.items():
        run = best_run(out / "runs", pattern)
        record_model(run, out / "models" / arm)
        scores[arm] = record_scores(out / "models" / arm, test, out / "scores" / f"{arm}.parquet")
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
    main(Path(sys.argv[1]), Path(sys.argv[2]), int((*sys.argv, SEEDS)[3]))
