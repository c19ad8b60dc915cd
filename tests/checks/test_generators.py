from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.checks.generators import CHECK
from faceaudit.runner import run_check
from faceaudit.stats.worst import worst_group


def run(data):
    return run_check(CHECK, data, CHECK.options())


def faces(drawn, families, tag=None, **spec):
    """50 photographs, and AI faces as family -> (n, called real); by data set without a tag."""
    names = np.repeat(list(families), [n for n, _ in families.values()]).tolist()
    missed = np.concatenate([np.arange(n) < wrong for n, wrong in families.values()])
    of = ["photographs"] * 50 + (["drawn"] * len(names) if tag else names)
    tags = {tag: [None] * 50 + names} if tag else {}
    score = np.where(missed, 0.1, 0.9).tolist()
    label = ["real"] * 50 + ["ai"] * len(names)
    spec = {"attributes": ["dataset"], **spec}
    return drawn(label, [0.1] * 50 + score, tags, dataset=of, **spec)


@pytest.mark.parametrize("tag", [None, "generator"])
def test_the_family_missed_most_is_named_with_an_interval_that_allows_for_the_choice(drawn, tag):
    result = run(faces(drawn, {"a": (200, 4), "b": (100, 40), "c": (300, 9)}, tag))
    (finding,) = result.findings
    low, high = worst_group([4, 40, 9], [200, 100, 300])[2:]
    assert finding.sentence == (
        f"Of 3 {tag or 'data set'}s, 'b' is missed most: 40.0 % of its 100 AI-generated faces are "
        f"called real (95 % interval {100 * low:.1f} to {100 * high:.1f} %, as the highest of all)."
    )
    assert result.sentence == finding.sentence
    assert (finding.groups[0].low, finding.groups[0].high) == (low, high)
    (forest,) = result.details
    assert [(row.group, row.n, row.events) for row in forest.rows] == [
        ("a", 200, 4),
        ("b", 100, 40),
        ("c", 300, 9),
    ]
    assert forest.note is None, "photographs have no generator, and do not lack one"


def test_what_chance_could_explain_is_called_so_and_small_families_are_left_out(drawn):
    families = {"a": (200, 4), "b": (100, 3), "tiny": (5, 5)}
    (finding,) = run(faces(drawn, families)).findings
    assert finding.sentence.startswith("Of 2 data sets with at least 30 AI-generated faces, 'b'")
    assert finding.sentence.endswith("which chance alone could explain.")
    assert finding.weight == 0


@pytest.mark.parametrize(
    ("families", "said"),
    [
        ({"a": (200, 4)}, "not of several generators"),
        ({"a": (200, 4), "b": (4, 1)}, "not of two generators with enough of them"),
        ({"a": (90, 0), "b": (90, 0)}, "none of 180 AI-generated faces is called real"),
    ],
)
def test_without_a_choice_nobody_is_named(drawn, families, said):
    result = run(faces(drawn, families))
    assert result.status == "info"
    assert said in result.sentence
    assert "missed most" not in result.sentence


def test_every_table_has_an_answer(awkward):
    assert run(awkward).status == "info"


def test_where_all_are_missed_equally_none_is_named(drawn):
    result = run(faces(drawn, {"a": (100, 100), "b": (200, 200)}))
    assert result.sentence == "Of 2 data sets, as many of each are called real: 100.0 % of 300."


def test_an_empty_column_of_generators_is_none(drawn):
    data = faces(drawn, {"a": (200, 4), "b": (100, 40)})
    table = data.table.append_column("generator", pa.nulls(len(data.table), pa.string()))
    result = run(type(data)(table, data.info, data.spec, data.threshold))
    assert result.sentence.startswith("Of 2 data sets, 'b' is missed most")
