"""Planted causes: does `equal-delivery` name the right one, and `robustness` only gaps that open?

``PYTHONPATH=. python benchmarks/planted_delivery.py [TRIALS]`` prints a row a case, with
Monte-Carlo errors.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from faceaudit.checks import AuditInput, Options, equal_delivery, robustness
from faceaudit.result import Interval
from faceaudit.schema import ScoresInfo
from faceaudit.scoring import score
from faceaudit.spec import Spec
from tests.pictures import draw, write_manifest

SPEC = Spec(name="planted", title="Planted", question="?", attributes=["group"])
DELIVERY = "size=224,jpeg=85"
STEPS = tuple(f"jpeg={quality}" for quality in (90, 70, 50, 30))
OTHER = tuple(f"blur={sigma}" for sigma in (1, 2, 3))


def drawn(
    rng: np.random.Generator, sizes: dict[str, int], images_each: int = 1
) -> tuple[dict[str, list[str]], np.ndarray, np.ndarray]:
    """Draw photographs and as many AI-generated faces of each group; `group`, and `person`."""
    groups = np.repeat([*sizes], [*sizes.values()])
    group = np.concatenate([groups, groups])
    person = np.arange(len(group)) // images_each
    columns = {
        "image": [f"{i}.jpg" for i in range(len(group))],
        "label": ["real"] * len(groups) + ["ai"] * len(groups),
        "dataset": ["drawn"] * len(group),
        "group": group.tolist(),
    }
    if images_each > 1:
        columns["person"] = person.astype(str).tolist()
    return columns, group, person


def audited(columns: dict[str, list[str]], wrong: dict[str, np.ndarray]) -> AuditInput:
    """Make scores of which images are called wrongly, by column."""
    ai = np.array(columns["label"]) == "ai"
    scores = {name: np.where(ai != of, 0.9, 0.1).astype(np.float32) for name, of in wrong.items()}
    return AuditInput(pa.table({**columns, **scores}), ScoresInfo(), SPEC, 0.5)


# --- equal delivery ----------------------------------------------------------------------------


def cause(
    rng: np.random.Generator, person: bool, delivery: bool, n: int, images_each: int = 1
) -> tuple[bool, bool, bool]:
    """Plant causes of a gap in the FPR: are both told as planted; any false alarm; is FNR told?"""
    columns, group, of = drawn(rng, {"a": n, "b": n}, images_each)
    real = np.array(columns["label"]) == "real"
    compressed = (rng.random(len(of)) < np.where(group == "b", 0.8, 0.2))[of * images_each]
    own = 0.06 + 0.1 * (person & (group == "b") & real)
    first = rng.random(len(of))[of]
    again = np.where(rng.random(len(of)) < 0.7, first, rng.random(len(of)))
    wrong = {
        "p_ai": first < own + 0.15 * (delivery & compressed & real),
        # All errors move a little: another delivery is another picture.
        f"p_ai[{DELIVERY}]": again < own + 0.03,
    }
    product = equal_delivery.run(audited(columns, wrong), equal_delivery.EqualDeliveryOptions())
    shown = {found.rate: found.one_delivery.shows for found in product.findings}
    false = (shown["fpr"][0] and not person) or (shown["fpr"][1] and not delivery)
    return shown["fpr"] == (person, delivery), false or any(shown["fnr"]), any(shown["fnr"])


JPEG_READER = """
import numpy as np
COEF = {coef}
def features(image):
    grey = np.asarray(image.convert("L"), float)
    steps = np.abs(np.diff(grey, axis=1))
    edge = np.arange(steps.shape[1]) % 8 == 7
    return np.array([steps[:, edge].mean() / (steps[:, ~edge].mean() + 1e-9)])
def judge(image):
    return float(1 / (1 + np.exp(-(COEF[0] * features(image)[0] + COEF[1]))))
"""


def jpeg_reader(rng: np.random.Generator, folder: Path, n: int = 240) -> tuple[float, float]:
    """Fit a classifier to the edges of JPEG's blocks; its AUC as delivered and at one delivery.

    Of drawn pictures that are all alike, photographs are saved badly and the others well. Half of
    them are learned from.
    """
    names, labels, seen = [f"{i}.jpg" for i in range(n)], ["ai", "real"] * (n // 2), []
    space: dict[str, Any] = {}
    exec(JPEG_READER.format(coef=[0, 0]), space)  # the program that is scored with below
    for name, label in zip(names, labels, strict=True):
        picture = draw(rng, "real").resize((64, 64), Image.Resampling.BICUBIC)
        picture.save(folder / name, quality=35 if label == "real" else 95)
        with Image.open(folder / name) as image:
            seen.append(space["features"](image))
    half, is_ai = n // 2, [label == "ai" for label in labels]
    fitted = LogisticRegression(C=1e3).fit(np.array(seen[:half]), is_ai[:half])
    coef = [float(fitted.coef_[0, 0]), float(fitted.intercept_[0])]
    (folder / "judge.py").write_text(JPEG_READER.format(coef=coef))
    manifest = write_manifest(folder, names[half:], labels[half:])
    model, delivery = f"python:{folder / 'judge.py'}:judge", "size=40,jpeg=85"
    table = score(model, manifest, find_faces=False, deliver=[delivery]).table
    columns = (table[name].to_pylist() for name in ("p_ai", f"p_ai[{delivery}]"))
    before, after = (float(roc_auc_score(is_ai[half:], column)) for column in columns)
    return before, after


# --- robustness --------------------------------------------------------------------------------


def decay(
    rng: np.random.Generator,
    start: dict[str, float],
    rise: dict[str, float],
    sizes: dict[str, int],
    images_each: int = 1,
) -> bool:
    """Whether a gap is said to open where errors rise from `start` by `rise` to the last step."""
    columns, group, of = drawn(rng, sizes, images_each)
    at = np.vectorize(start.get)(group)
    by = np.vectorize(rise.get)(group)
    steady = rng.random(len(of))[of]
    wrong = {"p_ai": steady < at}
    for series in (STEPS, OTHER):
        for i, name in enumerate(series, 1):
            # A little of each answer is drawn anew.
            u = np.where(rng.random(len(of)) < 0.9, steady, rng.random(len(of)))
            wrong[f"p_ai[{name}]"] = u < at + by * i / len(series)
    product = robustness.run(audited(columns, wrong), Options())
    gaps = [found.interval for found in product.findings]
    return any(isinstance(gap, Interval) and gap.low > 0 for gap in gaps)


def of_all(value: float) -> dict[str, float]:
    """Give every group the same."""
    return dict.fromkeys("abc", value)


EVEN, UNEVEN = {"a": 400, "b": 400, "c": 400}, {"a": 40, "b": 200, "c": 1500}
DECAYS: dict[str, tuple[bool, Callable[[np.random.Generator], bool]]] = {
    "alike": (False, lambda rng: decay(rng, of_all(0.05), of_all(0.3), EVEN)),
    "alike, groups of 40 to 1,500": (
        False,
        lambda rng: decay(rng, of_all(0.05), of_all(0.3), UNEVEN),
    ),
    "alike, rare errors": (False, lambda rng: decay(rng, of_all(0.003), of_all(0.01), UNEVEN)),
    "alike from different rates": (
        False,
        lambda rng: decay(rng, {"a": 0.02, "b": 0.1, "c": 0.3}, of_all(0.2), EVEN),
    ),
    "none at all": (False, lambda rng: decay(rng, of_all(0.1), of_all(0.0), UNEVEN)),
    "alike, persons of 5 images": (
        False,
        lambda rng: decay(rng, of_all(0.1), of_all(0.3), EVEN, images_each=5),
    ),
    "15 points more in one of 400": (
        True,
        lambda rng: decay(rng, of_all(0.05), {"a": 0.1, "b": 0.1, "c": 0.25}, EVEN),
    ),
    "8 points more in one of 1,500": (
        True,
        lambda rng: decay(rng, of_all(0.05), {"a": 0.1, "b": 0.1, "c": 0.18}, UNEVEN),
    ),
}


def error(share: float, trials: int) -> str:
    """Write a share with its Monte-Carlo error."""
    return f"{100 * share:5.1f} % ± {100 * (share * (1 - share) / trials) ** 0.5:.1f}"


def main(trials: int) -> None:
    """Print how often each case is told as planted."""
    print(f"{trials} trials each, seeds 0 to {trials - 1}")
    for person in (False, True):
        for delivery in (False, True):
            for n, each in ((1000, 1), (60, 1), (1000, 5)):
                found = np.array(
                    [
                        cause(np.random.default_rng(seed), person, delivery, n, each)
                        for seed in range(trials)
                    ]
                )
                name = f"person {person!s:5} delivery {delivery!s:5} n {n} × 2, {each} a person"
                right, false = (error(of, trials) for of in found[:, :2].mean(axis=0))
                print(f"{name:58} named {right}   false alarm {false}", flush=True)
    with TemporaryDirectory() as folder:
        found = [jpeg_reader(np.random.default_rng(seed), Path(folder)) for seed in range(20)]
    for when, aucs in zip(
        ("as delivered", "at one delivery"), zip(*found, strict=True), strict=True
    ):
        print(
            f"a classifier that reads JPEG alone, {when}: AUC {np.mean(aucs):.3f}, "
            f"{min(aucs):.3f} to {max(aucs):.3f} over 20 seeds"
        )
    for name, (opens, once) in DECAYS.items():
        share = np.mean([once(np.random.default_rng(seed)) for seed in range(trials)])
        print(f"{name:58} {'found' if opens else 'false alarm'} {error(share, trials)}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
