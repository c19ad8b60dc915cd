"""Hold our summary measures against those that the AI-Face benchmark's own script prints.

The script is not ours to pass on. It is ``training/fairness_metrics.py``, unmodified, of the
repository Purdue-M2/AI-Face-FairnessBench or of its forerunner Purdue-M2/Fairness-Generalization::

    python benchmarks/purdue_measures.py fairness_metrics.py ...

It imports torch. Both sides get the same images: recorded scores that come with faceaudit, drawn
ones, and drawn ones in which some groups have photographs alone. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import runpy
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, logit

import faceaudit as fa
from faceaudit import bundled

#: The forerunner measures groups of these two tags and names as soon as it is imported.
FIRST, SECOND, THIRD = "gender", "race", "third"
GROUPS = {FIRST: ["male", "nonmale"], SECOND: ["white", "black", "others"]}
AGES = ["child", "young", "adult", "middle", "senior"]
#: Our names to those printed.
MEASURES = {
    "F_DP (AI-Face)": "F_DP",
    "F_MEO (AI-Face)": "F_meo",
    "F_OAE (AI-Face)": "foae",
    "F_EO (AI-Face)": "F_EO",
    "F_EFPR (AI-Face)": "F_EFPR",
}
#: What is printed times 100; the rest is printed as it is.
PERCENT = {"F_DP", "F_meo", "foae", "FPR"}
#: Half of the last of five decimals, or of three of a percentage.
ROUNDING = 0.5e-5 + 1e-9

#: By what is measured, and of which tags or which group.
Numbers = dict[tuple[str, str], float]


def recorded(name: str) -> pd.DataFrame:
    """Give the recorded scores of a bundled classifier, with the five races as third tag."""
    table = pd.read_parquet(bundled.recorded_scores(name))
    table = table[table["race_coarse"].notna() & table["gender"].notna()]
    return pd.DataFrame(
        {
            "ai": (table["label"] == "ai").astype(int),
            "p_ai": table["p_ai"].astype(float),
            FIRST: table["gender"].map({"male": "male", "female": "nonmale"}),
            SECOND: table["race_coarse"].map({"White": "white", "Black": "black"}).fillna("others"),
            THIRD: table["race_coarse"],
        }
    )


def drawn(seed: int, n: int = 4000) -> pd.DataFrame:
    """Draw labels, scores and tags: groups differ in size and in how well they are told."""
    random = np.random.default_rng(seed)
    ai = random.integers(0, 2, n)
    score = 2 * ai - 1 + random.normal(0, 1, n)
    tags = {}
    for tag, groups in (GROUPS | {THIRD: AGES}).items():
        group = random.choice(len(groups), n, p=random.dirichlet(np.full(len(groups), 5.0)))
        score += random.normal(0, 0.5, len(groups))[group]
        tags[tag] = np.array(groups)[group]
    p_ai = expit(score).astype(np.float32).astype(float)
    return pd.DataFrame({"ai": ai, "p_ai": p_ai, **tags})


def without_ai(images: pd.DataFrame) -> pd.DataFrame:
    """Leave one race and one age without an AI-generated face."""
    alone = (images[SECOND] == "black") | (images[THIRD] == "senior")
    return images[~(alone & (images["ai"] == 1))]


def theirs(script: Path, images: pd.DataFrame) -> Numbers:
    """Run the script on logits in files, as it wants them, and read what it prints."""
    tags = [FIRST, SECOND, THIRD]
    if "length == 3" not in script.read_text("utf-8"):
        tags.remove(THIRD)
    lists = [GROUPS.get(tag) or sorted(images[tag].unique()) for tag in tags]
    files = {
        f"{first},{second}": (images[FIRST] == first) & (images[SECOND] == second)
        for first in lists[0]
        for second in lists[1]
    }
    files |= {group: images[THIRD] == group for names in lists[2:] for group in names}
    path, printed = script.resolve(), io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        Path("results").mkdir()
        for name, rows in files.items():
            np.save(f"results/{name}labels.npy", images["ai"][rows])
            np.save(f"results/{name}predictions.npy", logit(images["p_ai"][rows]))
        with contextlib.redirect_stdout(io.StringIO()):
            acc_fairness = runpy.run_path(str(path))["acc_fairness"]
        with contextlib.redirect_stdout(printed):
            acc_fairness("results/", lists)
    return _read(printed.getvalue(), tags)


def _read(printed: str, tags: list[str]) -> Numbers:
    found: Numbers = {}
    both = f"{FIRST} × {SECOND}"
    for line in printed.splitlines():
        head, _, numbers = line.rpartition(":")
        if group := re.match(r" number of \d+ with (.+?) :", line):
            for name, value in re.findall(r"(\w+): *([\d.]+)", line):
                found[name, group[1].replace(",", " × ")] = float(value)
        elif group := re.match(r" F_G, .* of group_(\d)", head):
            names = head.split(" of ")[0].split(", ")
            for name, value in zip(names, numbers.split("|"), strict=True):
                found[name.strip(), tags[int(group[1]) - 1]] = float(value)
        elif head.startswith(" F_G_inter"):
            for name, value in zip(head.split(", "), numbers.split("|"), strict=True):
                found[name.strip().removesuffix("_inter"), both] = float(value)
        elif head.startswith(" inter_"):
            name = head.split(",")[0].removeprefix(" inter_")
            for tag, value in zip([both, *tags], numbers.split("|"), strict=True):
                found[name, tag] = float(value)
    return found


def ours(images: pd.DataFrame) -> Numbers:
    """Audit the same arrays, and read the tables of the result."""
    single, combined = [FIRST, SECOND, THIRD], [FIRST, SECOND]
    result = fa.audit(
        None,
        {
            "attributes": single,
            "intersections": [combined],
            "checks": ["group-error-rates", "intersections", "fairness-measures"],
        },
        y_true=images["ai"],
        y_score=images["p_ai"],
        sensitive_features=images[single],
    )
    found: Numbers = {}
    for tag in [*single, " × ".join(combined)]:
        summary = result.table(f"Summary measures by {tag}").set_index("measure")
        for name, printed in MEASURES.items():
            found[printed, tag] = summary.loc[name, "this classifier"]
        rates = result.table(f"Error rates by {tag}").set_index(tag)
        for group, of in rates.iterrows():
            found["fpr", group] = of["called AI (FPR)"]
            found["tpr", group] = 1 - of["called real (FNR)"]
            found["acc", group] = of["called rightly"]
    for gap in result.gaps.query("rate == 'fpr'").itertuples():
        found["FPR", gap.tag] = gap.value
    return found


def differences(script: Path, images: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Give how far ours is from what is printed, as a share, for every number that both give."""
    printed, of_ours = theirs(script, images), ours(images)
    return {
        key: abs(of_ours[key] - value / (100 if key[0] in PERCENT else 1))
        for key, value in printed.items()
        if key in of_ours
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scripts", nargs="+", type=Path, metavar="SCRIPT")
    sets = {
        "recorded, with FFHQ": recorded("with-ffhq"),
        "recorded, without FFHQ": recorded("without-ffhq"),
        **{f"drawn, seed {seed}": drawn(seed) for seed in range(20)},
        "drawn, some groups real alone": without_ai(drawn(1)),
    }
    print("| script | images | numbers | alike to rounding | others: largest difference |")
    print("| --- | --- | ---: | ---: | --- |")
    for script in parser.parse_args().scripts:
        for name, images in sets.items():
            found = differences(script, images)
            others = {" of ".join(key): gap for key, gap in found.items() if not gap <= ROUNDING}
            told = ", ".join(f"{key} {gap:.5f}" for key, gap in others.items()) or "–"
            whence = script.resolve().parent.name
            alike = len(found) - len(others)
            print(f"| {whence} | {name} ({len(images):,}) | {len(found)} | {alike} | {told} |")
