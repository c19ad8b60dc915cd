"""Tables with a part that is not as small as they say: stopped by a limit of memory."""

from __future__ import annotations

import resource
import sys
from functools import partial

import pytest

from faceaudit.errors import FaceAuditError
from faceaudit.reading import formats
from faceaudit.reading.formats import read_file
from tests.hostile.lying_tables import lying_feather, lying_parquet

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there is such a limit")

#: More than Arrow sets aside at once, which would be there already.
SIZE = 1_500_000_000
LYING = {
    "page": partial(lying_parquet, size=SIZE),
    "dictionary": partial(lying_parquet, size=SIZE, dictionary=True),
    "feather": partial(lying_feather, size=SIZE),
    "feather-of-more-than-any-machine-has": partial(lying_feather, size=2**50),
}


@pytest.mark.parametrize("lying", LYING.values(), ids=LYING)
def test_a_part_that_is_larger_than_it_says_is_refused_before_it_is_there(
    tmp_path, monkeypatch, lying
):
    monkeypatch.setattr(formats, "READING_BYTES", 200_000_000)
    path = lying(tmp_path / "s.parquet")
    before = resource.getrlimit(resource.RLIMIT_DATA), most_memory()
    with pytest.raises(FaceAuditError, match=r"s\.parquet: reading it asks for more memory"):
        read_file(path, [])
    assert most_memory() - before[1] < 250_000_000
    assert resource.getrlimit(resource.RLIMIT_DATA) == before[0]


def most_memory() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
