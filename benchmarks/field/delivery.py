"""Delivery decides, and who is in the picture comes with it: race must not be blamed for it.

Photographs of some groups come more often in pictures that the detector takes for AI-generated.
The same truth is recorded in several ways, one a trial; then race has an effect of its own, too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from faceaudit.result import EqualDelivery, Result
from faceaudit.tables import Scores
from field import Row, audited, found_by, scored_faces, share

N = 4_000
RACES = np.array(["Asian", "Black", "Indian", "White"])
#: Log odds of being called AI by kind of delivery, and what race adds where it has an effect.
KINDS, OWN = np.array([-3.6, -2.4, -1.4]), np.array([0.0, 0.9, 0.0, 0.0])
Drawn = tuple[dict[str, NDArray[np.generic]], NDArray[np.float64]]


def _bytes(random: np.random.Generator, pixels: float, weight: NDArray[np.float64]) -> Drawn:
    density = np.exp(0.5 * weight - 1.5) * pixels
    side = np.full(len(weight), int(pixels**0.5), np.int32)
    return {"width": side, "height": side, "bytes": density.astype(np.int64)}, weight


def _sizes(random: np.random.Generator, weight: NDArray[np.float64]) -> Drawn:
    kind = np.digitize(weight, [-0.3, 0.8])
    side = np.array([256, 512, 1024], np.int32)[kind]
    size = random.integers(20_000, 90_000, len(weight))
    return {"width": side, "height": side, "bytes": size}, KINDS[kind]


def _shapes(random: np.random.Generator, weight: NDArray[np.float64]) -> Drawn:
    kind = np.digitize(weight, [-0.3, 0.8])
    width = random.integers(300, 900, len(weight)).astype(np.int32)
    height = (width * np.array([1.0, 1.25, 1.5])[kind]).astype(np.int32)
    return {"width": width, "height": height}, KINDS[kind]


def _bytes_in_steps(random: np.random.Generator, weight: NDArray[np.float64]) -> Drawn:
    facts, _ = _bytes(random, 256**2, weight)
    return facts, KINDS[np.digitize(weight, [-0.3, 0.8])]


def _bytes_in_a_trend(random: np.random.Generator, weight: NDArray[np.float64]) -> Drawn:
    facts, _ = _bytes(random, 256**2, weight)
    return facts, 0.9 * weight - 2.7


def _bytes_alone(random: np.random.Generator, weight: NDArray[np.float64]) -> Drawn:
    facts, _ = _bytes(random, 256**2, weight)
    return {"bytes": facts["bytes"]}, KINDS[np.digitize(weight, [-0.3, 0.8])]


def _formats(random: np.random.Generator, weight: NDArray[np.float64]) -> Drawn:
    kind = np.digitize(weight, [-0.3, 0.8])
    return {"format": np.array(["png", "webp", "jpeg"])[kind]}, KINDS[kind]


def _jpeg_tables(random: np.random.Generator, weight: NDArray[np.float64]) -> Drawn:
    kind = np.digitize(weight, [-0.3, 0.8])
    table = np.array(["a", "b", "c", "d", "e", "f"])[2 * kind + random.integers(0, 2, len(weight))]
    return {"jpeg_table": table}, KINDS[kind]


def _size_and_bytes(random: np.random.Generator, weight: NDArray[np.float64]) -> Drawn:
    other = random.normal(size=len(weight)) + 0.4 * weight
    side = np.clip(np.exp(6 + 0.3 * other), 100, 2_000).astype(np.int32)
    density = np.exp(0.5 * weight - 1.5) * side.astype(float) ** 2
    facts = {"width": side, "height": side, "bytes": density.astype(np.int64)}
    return facts, 0.6 * weight + 0.5 * other - 2.7


def _facts_missing(random: np.random.Generator, weight: NDArray[np.float64]) -> Drawn:
    known = weight > -0.3
    values = np.array([None if not of else "jpeg" for of in known], object)
    return {"format": values}, KINDS[np.where(known, 0, 2)]


def _datasets(random: np.random.Generator, weight: NDArray[np.float64]) -> Drawn:
    kind = np.digitize(weight, [-0.3, 0.8])
    return {"dataset": np.array(["one", "two", "three"])[kind]}, KINDS[kind]


RECORDINGS: list[Callable[[np.random.Generator, NDArray[np.float64]], Drawn]] = [
    _sizes,
    _shapes,
    _bytes_in_steps,
    _bytes_in_a_trend,
    _bytes_alone,
    _formats,
    _jpeg_tables,
    _size_and_bytes,
    _facts_missing,
    _datasets,
]


def drawn(random: np.random.Generator, record: int, own: NDArray[np.float64]) -> Scores:
    """Draw photographs of whom one race comes in suspicious pictures, and has `own` effects."""
    race = random.choice(4, N, p=[0.25, 0.25, 0.2, 0.3])
    weight = random.normal(size=N) + np.array([0.0, 0.9, -0.4, 0.0])[race]
    facts, risk = RECORDINGS[record](random, weight)
    tags = {
        "race": RACES[race],
        "gender": random.choice(["female", "male"], N),
        "age_band": random.choice(["20-29", "30-39", "40-49"], N),
    }
    called = random.random(N) < expit(risk + own[race])
    dataset = facts.pop("dataset", None)
    return scored_faces(np.zeros(N, bool), called, {**tags, **facts}, dataset)


def blamed(result: Result) -> set[str]:
    """Name the races surely called AI more often at equal other tags and delivery."""
    races = set()
    for table in found_by(result, "over-represented").details:
        if not table.title.endswith("every group against the rest of its tag"):
            continue
        titles = [column.title for column in table.columns]
        for row in table.rows:
            cells = dict(zip(titles, row, strict=True))
            p, ratio = cells["p (Holm), others equal"], cells["ratio, others equal"]
            if cells["tag"] == "race" and p is not None and p < 0.05 and ratio > 1:
                races.add(str(cells["group"]))
    return races


def twin(result: Result) -> EqualDelivery:
    """Give the gap of the FPR by race among pictures delivered alike."""
    gaps = found_by(result, "group-error-rates").findings
    found = next(of for of in gaps if of.tags == ["race"] and of.rate == "fpr").equal_delivery
    assert found is not None, "there are several kinds of picture"
    return found


def study(trials: int, seed: int) -> list[Row]:
    """Audit photographs whose delivery decides, without and with an effect of race."""
    names: dict[str, list[set[str]]] = {"alone": [], "and race": []}
    differs: dict[str, list[bool]] = {"alone": [], "and race": []}
    checks = ["group-error-rates", {"over-represented": {"suspicions": {}}}]
    for trial in range(trials):
        for what, own in (("alone", 0 * OWN), ("and race", OWN)):
            random = np.random.default_rng([seed, trial, len(what)])
            scores = drawn(random, trial % len(RECORDINGS), own)
            result = audited(scores, attributes=["race"], checks=checks)
            names[what].append(blamed(result))
            low, high = twin(result).low, twin(result).high
            differs[what].append(low is not None and high is not None and not low <= 0 <= high)
    wrongly = [bool(races) for races in names["alone"]]
    named = ["Black" in races for races in names["and race"]]

    def row(what: str, hits: list[bool], wanted: float) -> Row:
        slack = 2 * np.sqrt(0.05 * 0.95 / trials)
        mean, few = float(np.mean(hits)), wanted < 0.5
        met = mean <= wanted + slack if few else mean >= wanted - slack
        sign = "≤" if few else "≥"
        return Row(what, f"{sign} {100 * wanted:.0f} %", share(hits), bool(met), trials)

    alone, beside = "delivery alone decides", "race has an effect beside delivery (odds of 2.5)"
    return [
        row(f"{alone}: race is blamed at equal other tags and delivery", wrongly, 0.05),
        row(f"{alone}: its gap by race differs among pictures alike", differs["alone"], 0.05),
        row(f"{beside}: it is named", named, 0.9),
        row(f"{beside}: the gap differs among pictures alike", differs["and race"], 0.9),
    ]
