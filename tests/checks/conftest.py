"""Small drawn scores tables for the checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.checks import AuditInput
from faceaudit.schema import DatasetInfo, ScoresInfo, validate
from faceaudit.spec import Spec

#: Names that a report or a sort could trip over.
HOSTILE = ["<script>alert(1)</script>", "'; DROP TABLE", "Größe × 顔", "=1+1", "nan"]


def make_input(
    label: Sequence[str],
    p_ai: Sequence[float],
    tags: Mapping[str, Sequence[str | None]],
    *,
    dataset: Sequence[str] | None = None,
    threshold: float = 0.5,
    errors: Mapping[Any, float] | None = None,
    **spec: Any,
) -> AuditInput:
    """Build what a check is given from plain lists."""
    n = len(label)
    table = pa.table(
        {
            "image": [f"{i:06}.jpg" for i in range(n)],
            "label": pa.array(label, pa.string()),
            "dataset": list(dataset) if dataset is not None else ["drawn"] * n,
            "p_ai": pa.array(np.asarray(p_ai, np.float32)),
            **{name: pa.array(values, pa.string()) for name, values in tags.items()},
        }
    )
    names = sorted(set(table["dataset"].to_pylist()))
    return AuditInput(
        table=validate(table, "scores", "drawn"),
        info=ScoresInfo(
            datasets={name: DatasetInfo(indexed=n) for name in names},
            tag_sources={tag: dict.fromkeys(names, "drawn by lot") for tag in tags},
        ),
        spec=Spec(
            name="drawn",
            title="Drawn",
            question="?",
            **{"attributes": list(tags)[:1], **spec},
        ),
        threshold=threshold,
        errors=errors or {},
    )


def from_counts(cells: Mapping[str | None, tuple[int, int, int, int]], **spec: Any) -> AuditInput:
    """Build a table of one tag `group`: name -> (n real, called AI, n AI, called real)."""
    label: list[str] = []
    p_ai: list[float] = []
    group: list[str | None] = []
    for name, (n_real, real_called_ai, n_ai, ai_called_real) in cells.items():
        label += ["real"] * n_real + ["ai"] * n_ai
        p_ai += [0.9] * real_called_ai + [0.1] * (n_real - real_called_ai)
        p_ai += [0.1] * ai_called_real + [0.9] * (n_ai - ai_called_real)
        group += [name] * (n_real + n_ai)
    return make_input(label, p_ai, {"group": group}, **spec)


@pytest.fixture
def drawn() -> Callable[..., AuditInput]:
    """`make_input`, as a fixture."""
    return make_input


@pytest.fixture
def counted() -> Callable[..., AuditInput]:
    """`from_counts`, as a fixture."""
    return from_counts


@pytest.fixture
def hostile_names() -> list[str]:
    """Group names that a report or a sort could trip over."""
    return HOSTILE


def _random(n: int, **spec: Any) -> AuditInput:
    rng = np.random.default_rng(7)
    label = np.where(rng.random(n) < 0.5, "ai", "real")
    p_ai = np.clip(np.where(label == "ai", 0.75, 0.25) + rng.normal(0, 0.2, n), 0, 1)
    race = rng.choice(["Asian", "Black", "Indian", "White"], n)
    gender = np.where(rng.random(n) < 0.02, None, rng.choice(["female", "male"], n))
    given = {"attributes": ["race", "gender"], "intersections": [["race", "gender"]], **spec}
    return make_input(
        label.tolist(), p_ai.tolist(), {"race": race.tolist(), "gender": gender.tolist()}, **given
    )


AWKWARD: dict[str, Callable[[], AuditInput]] = {
    "ordinary": lambda: _random(600),
    "real only": lambda: from_counts({"a": (40, 5, 0, 0), "b": (35, 0, 0, 0)}),
    "AI only": lambda: from_counts({"a": (0, 0, 40, 5), "b": (0, 0, 35, 0)}),
    "a real-only group": lambda: from_counts({"a": (40, 5, 30, 2), "b": (35, 0, 0, 0)}),
    "AI faces without tags": lambda: from_counts(
        {"a": (40, 5, 0, 0), "b": (35, 1, 0, 0), None: (0, 0, 50, 3)}
    ),
    "one-row groups": lambda: from_counts(
        {"a": (1, 1, 0, 0), "b": (0, 0, 1, 0), "c": (1, 0, 0, 0)}
    ),
    "one group": lambda: from_counts({"a": (20, 1, 20, 2)}),
    "no tag at all": lambda: from_counts({None: (20, 1, 20, 2)}),
    "missing tags": lambda: from_counts(
        {"a": (20, 1, 20, 2), "b": (9, 1, 9, 2), None: (7, 1, 7, 1)}
    ),
    "hostile names": lambda: from_counts(
        {name: (10 + i, i, 10 + i, 1) for i, name in enumerate(HOSTILE)}
    ),
    "always AI": lambda: from_counts({"a": (30, 30, 40, 0), "b": (20, 20, 25, 0)}),
    "always real": lambda: from_counts({"a": (30, 0, 40, 40), "b": (20, 0, 25, 25)}),
    "perfect": lambda: from_counts({"a": (30, 0, 40, 0), "b": (20, 0, 25, 0)}),
    "one image": lambda: from_counts({"a": (1, 0, 0, 0)}),
}


@pytest.fixture(params=list(AWKWARD))
def awkward(request: pytest.FixtureRequest) -> AuditInput:
    """Every table that could trip a check, one after the other; needs intersections to be set."""
    return AWKWARD[request.param]()
