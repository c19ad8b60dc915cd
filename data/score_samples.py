"""Record what the bundled models say of the bundled samples, so that nobody waits for torch.

Run it when a bundled model or sample changes; it rewrites ``p_ai.csv`` beside the samples::

    python data/score_samples.py
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from faceaudit import bundled
from faceaudit.scoring import score


def main() -> None:
    """Score the samples by each bundled model, and write one row a model and sample."""
    with tempfile.TemporaryDirectory() as folder, bundled.sample_scores().open("w") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["model_sha256", "image", "p_ai"])
        for name in bundled.model_names():
            scores = score(
                f"{bundled.PREFIX}{name}", bundled.samples_manifest(), Path(folder) / name
            )
            assert scores.info.model is not None
            for row in scores.table.select(["image", "p_ai"]).to_pylist():
                rows.writerow([scores.info.model.sha256, row["image"], f"{row['p_ai']:.7g}"])


if __name__ == "__main__":
    main()
