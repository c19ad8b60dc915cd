"""Re-encode every picture of the published experiment alike, and ask what remains of its claims.

    python data/equal_delivery.py DATA OUT [SEEDS]

The JPEG quantisation table alone tells FFHQ from five of six sets of AI-generated faces. So one
encoder saves all pictures anew. The bundled models score the testing pictures at their own size,
and a table sets their errors beside the recorded ones. With SEEDS, classifiers are trained and
tested as by published_experiment.py on pictures that are also of one size, the network's own.
DATA is laid out as data/README.md says. OUT gets the pictures, which belong nowhere else.
"""

from __future__ import annotations

import hashlib
import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from faceaudit.bundled import recorded_scores
from faceaudit.model.preprocess import square_pixels
from faceaudit.pictures import open_picture
from faceaudit.result import write_result
from faceaudit.schema import DELIVERY_COLUMNS, KEY, called_ai
from faceaudit.scoring import score
from faceaudit.studies.data_in_training import DataInTraining
from faceaudit.studies.seed_intervals import change, rates
from faceaudit.tables import Manifest, Scores, read_manifest, read_scores, write_table
from faceaudit.wording import percent, percent_range, points, points_range
from published_experiment import ARMS, EPOCHS, prepare

QUALITY, SIDE = 75, 128


def encode(content: bytes, side: int | None = None) -> bytes:
    """Save a picture with one quantisation table, its middle square of `side` pixels if given."""
    with open_picture(content) as opened:
        image = Image.fromarray(square_pixels(opened, side)) if side else opened.convert("RGB")
    image.save(buffer := io.BytesIO(), "JPEG", quality=QUALITY, subsampling="4:2:0")
    return buffer.getvalue()


def alike(manifest: Manifest, folder: Path, side: int | None = None) -> Manifest:
    """Re-encode a manifest's pictures below `folder`; what its rows say of the people stays."""
    info = manifest.info.model_copy(deep=True)
    hashes = []
    for row in manifest.table.select(["dataset", "image"]).to_pylist():
        name, image = row["dataset"], row["image"]
        content = encode(Path(manifest.info.datasets[name].root or "", image).read_bytes(), side)
        (folder / name / image).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / image).write_bytes(content)
        info.datasets[name].root = str((folder / name).resolve())
        hashes.append(hashlib.sha256(content).hexdigest())
    table = manifest.table.drop_columns([*DELIVERY_COLUMNS, "sha256"])
    return Manifest(table.append_column("sha256", pa.array(hashes)), info)


def errors(recorded: Scores, again: Scores) -> list[str]:
    """Set the errors of each data set beside each other, as rows of a Markdown table."""
    assert again.info.model is not None
    assert recorded.table.select(KEY).equals(again.table.select(KEY)), "these are other images"
    is_ai = pc.equal(again.table["label"], "ai").to_numpy()
    at = again.info.model.threshold
    before, after = ((called_ai(of.table["p_ai"], at) != is_ai)[None] for of in (recorded, again))
    names = pc.unique(again.table["dataset"]).to_pylist()
    sets = [pc.equal(again.table["dataset"], name).to_numpy() for name in names]
    first, then = rates(before, sets, 0.95), rates(after, sets, 0.95)
    moved = change(before, after, sets, 0.95)
    return [
        f"| {name} | {sets[i].sum():,} | {percent(first.mean[i])} | {percent(then.mean[i])} "
        f"({percent_range(then.low[i], then.high[i])}) | {points(moved.mean[i])} "
        f"({points_range(moved.low[i], moved.high[i])}) |"
        for i, name in enumerate(names)
    ]


def main(data: Path, out: Path, seeds: int) -> None:
    """Score the bundled models again, and train others on pictures that are delivered alike."""
    training, test = prepare(data, out / "manifests")
    own_size = alike(test, out / "own-size")
    for arm in ARMS:
        recorded = read_scores(recorded_scores(arm))
        again = score(f"bundled:{arm}", own_size, out / f"{arm}.parquet", find_faces=False)
        print(f"\n| {arm} | n | wrong | re-encoded | difference |\n|---|---:|---:|---:|---:|")
        print("\n".join(errors(recorded, again)), flush=True)
    if seeds:
        paths = [*training.values(), write_table(out / "test.parquet", test.table, test.info)]
        for i, path in enumerate(paths):
            part = alike(read_manifest(path), out / "one-size", SIDE)
            paths[i] = write_table(out / path.name, part.table, part.info)
        study = DataInTraining(tests=[paths.pop()], hold_out=0, seeds=seeds, epochs=EPOCHS)
        result = study.run(paths, out, progress=True)
        write_result(out / "studies" / "equal-delivery.json", result)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int((*sys.argv, "0")[3]))
