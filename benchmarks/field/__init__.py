"""Whole audits of drawn faces, one module for each way in which data from the field deceive.

A module has ``study(trials, seed) -> list[Row]``; ``benchmarks/field_study.py`` runs them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from faceaudit.result import CheckResult, Result
from faceaudit.runner import audit
from faceaudit.schema import DatasetInfo, ScoresInfo, validate
from faceaudit.spec import Spec
from faceaudit.tables import Scores


@dataclass(frozen=True)
class Row:
    """What came out of some trials: `found` against what is `wanted`, both as they are printed."""

    what: str
    wanted: str
    found: str
    #: Whether it is what was wanted.
    met: bool
    trials: int


def scored_faces(
    is_ai: ArrayLike, called_ai: ArrayLike, columns: Mapping[str, Any], dataset: Any = None
) -> Scores:
    """Build a table of scores in which the calls are given: 0.9 is called AI, 0.1 is not.

    Parameters
    ----------
    is_ai, called_ai : array_like of bool, shape (images,)
    columns : mapping of str to array_like, shape (images,)
        Tags, and columns of the schema such as ``width``.
    dataset : array_like of str, optional
    """
    ai, called = np.asarray(is_ai, bool), np.asarray(called_ai, bool)
    n = len(ai)
    numbers = pa.array(np.arange(n)).cast(pa.string())
    table = pa.table(
        {
            "image": pc.binary_join_element_wise(pc.utf8_lpad(numbers, 7, "0"), "jpg", "."),
            "label": pa.array(["real", "ai"]).take(pa.array(ai.view(np.int8))),
            "dataset": pa.repeat("drawn", n) if dataset is None else list(dataset),
            "p_ai": np.where(called, 0.9, 0.1).astype(np.float32),
            **{name: pa.array(values) for name, values in columns.items()},
        }
    )
    names = sorted(table["dataset"].unique().to_pylist())
    sources = {tag: dict.fromkeys(names, "drawn by lot") for tag in columns}
    info = ScoresInfo(
        datasets={name: DatasetInfo(indexed=n) for name in names}, tag_sources=sources
    )
    return Scores(validate(table, "scores", "drawn"), info)


def audited(scores: Scores, **spec: Any) -> Result:
    """Audit drawn scores; `spec` are fields of the specification."""
    return audit(scores, Spec(**{"name": "drawn", "title": "Drawn", "question": "?", **spec}))


def found_by(result: Result, check: str) -> CheckResult:
    """Return what one check of an audit found."""
    return next(of for of in result.checks if of.id == check)


def share(hits: ArrayLike) -> str:
    """Write how many trials had something, with twice the standard error of that.

    >>> share([True, False, False, False])
    '25.0 ± 43.3 %'
    """
    mean, n = float(np.mean(hits)), np.size(hits)
    return f"{100 * mean:.1f} ± {200 * np.sqrt(mean * (1 - mean) / n):.1f} %"


def seldom(hits: ArrayLike, most: float) -> bool:
    """Tell whether trials had something as seldom as wanted: in a share of at most `most`.

    So many hits, or more, would come of that share in one of a thousand studies at least.

    >>> seldom([True] * 4 + [False] * 36, 0.05), seldom([True] * 9 + [False] * 31, 0.05)
    (True, False)
    """
    return bool(stats.binom.sf(np.sum(hits) - 1, np.size(hits), most) > 0.001)


def wrong_calls(
    random: np.random.Generator, rate: NDArray[np.float64], is_ai: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Draw which images are called AI where each is called wrongly at its rate."""
    return np.asarray((random.random(len(rate)) < rate) != is_ai)
