from __future__ import annotations

import pyarrow as pa
import pytest

from faceaudit.errors import FaceAuditError
from faceaudit.schema import CLUSTER_COLUMNS, DatasetInfo, ManifestInfo
from faceaudit.studies.holdout import read_split
from faceaudit.tables import write_table


def manifest(path, images, dataset="drawn", root="/photographs", **columns):
    table = {"image": images, "label": ["real"] * len(images), "dataset": [dataset] * len(images)}
    info = ManifestInfo(
        datasets={dataset: DatasetInfo(root=root, indexed=len(images))},
        tag_sources={tag: {dataset: "drawn"} for tag in columns},
    )
    return write_table(path, pa.table(table | columns), info)


def keys(table):
    return set(zip(table["dataset"].to_pylist(), table["image"].to_pylist(), strict=True))


def test_every_image_is_on_one_side_and_about_the_share_is_held_out(tmp_path):
    path = manifest(tmp_path / "m.parquet", [f"{i}.jpg" for i in range(2000)])
    split = read_split([path], hold_out=0.3)
    assert not keys(split.training) & keys(split.testing)
    assert len(split.training) + len(split.testing) == 2000
    assert 500 < len(split.testing) < 700


def test_the_split_does_not_hang_on_the_order_or_on_other_sets(tmp_path):
    names = [f"{i}.jpg" for i in range(300)]
    first = read_split([manifest(tmp_path / "a.parquet", names)])
    other = manifest(tmp_path / "b.parquet", names[:50], dataset="other")
    second = read_split([other, manifest(tmp_path / "c.parquet", names[::-1])])
    assert keys(first.testing) <= keys(second.testing)


def test_copies_and_pictures_of_one_person_stay_together(tmp_path):
    names = [f"{i}.jpg" for i in range(400)]
    copies = [f"{i // 4:064x}" for i in range(400)]
    clusters = {key: [f"p{i // 8}" for i in range(400)] for key in CLUSTER_COLUMNS}
    for column, values in {"sha256": copies, **clusters}.items():
        split = read_split([manifest(tmp_path / f"{column}.parquet", names, **{column: values})])
        both = set(split.training[column].to_pylist()) & set(split.testing[column].to_pylist())
        assert len(split.testing) and not both


def test_an_image_to_be_trained_on_is_no_test_also_not_as_a_copy(tmp_path):
    names = [f"{i}.jpg" for i in range(100)]
    digests = [f"{i:064x}" for i in range(100)]
    train = manifest(tmp_path / "a.parquet", names[:60], sha256=digests[:60])
    same = manifest(tmp_path / "b.parquet", names[40:], sha256=digests[40:])
    copy = manifest(tmp_path / "c.parquet", ["x.jpg"], dataset="copies", sha256=digests[:1])
    split = read_split([train], [same, copy], hold_out=0)
    assert keys(split.testing) == {("drawn", name) for name in names[60:]}


def test_a_tag_that_is_text_in_one_manifest_and_a_number_in_another_is_text(tmp_path):
    text = manifest(tmp_path / "a.parquet", ["a.jpg", "b.jpg"], hat=["1", "red"])
    number = manifest(tmp_path / "b.parquet", ["c.jpg"], dataset="other", hat=[1])
    split = read_split([text], [number], hold_out=0)
    assert split.training["hat"].to_pylist() == ["1", "red"]
    assert split.testing["hat"].to_pylist() == ["1"]


def test_nothing_to_test_on_and_two_roots(tmp_path):
    path = manifest(tmp_path / "m.parquet", ["a.jpg", "b.jpg"])
    with pytest.raises(FaceAuditError, match="no image is left for testing"):
        read_split([path], hold_out=0)
    moved = manifest(tmp_path / "n.parquet", ["c.jpg"], root="/elsewhere")
    with pytest.raises(FaceAuditError, match=r"n\.parquet: the images of 'drawn' lie in /elsewher"):
        read_split([path], [moved])
