"""Images of two tables matched: every way, and every way in which they must not be."""

import numpy as np
import pyarrow as pa
import pytest

from faceaudit.reading.matching import match


def table(*images, **columns):
    return pa.table({"image": pa.array(images, pa.string()), **columns})


def found(left, right):
    """The matches, which must be the same from the other side."""
    matches, back = match(left, right), match(right, left)
    for row, other in enumerate(matches.index):
        assert other < 0 or back.index[other] == row
    assert (back.index >= 0).sum() == (matches.index >= 0).sum() == sum(matches.ways.values())
    assert back.ways == matches.ways
    return matches


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("utk/1.jpg", "utk/1.jpg"),
        ("utk\\1.jpg", "utk/1.jpg"),
        ("./utk/1.jpg", "utk/1.jpg"),
        ("utk//a/./1.jpg", "utk/a/1.jpg"),
        ("/utk/1.jpg", "C:\\utk\\1.jpg"),
        ("D:\\faces\\utk\\1.jpg", "utk/1.jpg"),
        ("/home/a/utk/1.jpg", "utk/1.jpg"),
        ("\\\\server\\share\\utk\\1.jpg", "share/utk/1.jpg"),
        ("utk/Zoe\u0308.jpg", "utk/Zo\u00eb.jpg"),
    ],
)
def test_one_path_written_in_two_ways(left, right):
    matches = found(table("a/0.jpg", left), table(right, "b/9.jpg"))
    assert matches.index.tolist() == [-1, 0]
    assert matches.ways == {"path": 1, "hash": 0, "file name": 0}
    assert (matches.ambiguous, matches.other_picture) == (0, 0)


def test_a_path_ends_on_the_border_of_a_folder():
    assert found(table("k/1.jpg"), table("x/utk/1.jpg")).ways["path"] == 0
    assert found(table("tk/1.jpg"), table("utk/11.jpg")).index.tolist() == [-1]


def test_two_machines_each_with_folders_of_their_own():
    left = table("/mnt/celeba/1.jpg", "/mnt/lag/1.jpg", "/mnt/lag/2.jpg")
    right = table("D:\\x\\lag\\1.jpg", "D:\\x\\celeba\\1.jpg", "D:\\x\\lag\\2.jpg")
    matches = found(left, right)
    assert matches.index.tolist() == [1, 0, 2]
    assert matches.ways == {"path": 0, "hash": 0, "file name": 3}


def test_two_folders_below_one_root_hold_two_pictures():
    left = table("b/real/0.jpg", "b/real/1.jpg", "b/ai/0.jpg", "b/one.jpg")
    right = table("a/real/0.jpg", "a/real/1.jpg", "a/ai/0.jpg", "a/one.jpg")
    matches = found(left, right)
    # Unlike 0.jpg, a file name that is unique tells who is who.
    assert matches.index.tolist() == [-1, 1, -1, 3]
    assert matches.ambiguous == 2


def test_a_whole_path_goes_before_a_longer_one():
    matches = found(table("1.jpg", "a/1.jpg"), table("b/a/1.jpg", "a/1.jpg"))
    assert matches.index.tolist() == [-1, 1]


def test_what_two_paths_end_in_is_ambiguous():
    matches = found(table("a/1.jpg", "a/2.jpg"), table("x/a/1.jpg", "y/a/1.jpg", "y/a/2.jpg"))
    assert matches.index.tolist() == [-1, 2]
    assert matches.ambiguous == 1


def test_hashes_match_what_was_renamed():
    left = table("a.jpg", "b.jpg", "c.jpg", sha256=["AA", "bb", None])
    right = table("x.jpg", "y.jpg", "z.jpg", sha256=["bb", "aa", None])
    matches = found(left, right)
    assert matches.index.tolist() == [1, 0, -1]
    assert matches.ways == {"path": 0, "hash": 2, "file name": 0}
    assert matches.ambiguous == 0


def test_copies_of_one_picture_are_ambiguous():
    left = table("a.jpg", "b.jpg", "c.jpg", sha256=["aa", "aa", "cc"])
    matches = found(left, table("x.jpg", "y.jpg", sha256=["aa", "cc"]))
    assert matches.index.tolist() == [-1, -1, 1]
    assert matches.ambiguous == 2
    # Their names may still tell the copies apart.
    named = found(left, table("x/b.jpg", "x/a.jpg", sha256=["aa", "aa"]))
    assert named.index.tolist() == [1, 0, -1]


def test_another_picture_under_the_same_path_is_not_matched():
    left = table("u/1.jpg", "u/2.jpg", "u/3.jpg", sha256=["aa", "bb", "cc"])
    right = table("u/1.jpg", "u/2.jpg", "v/3.jpg", sha256=["aa", "b0", "c0"])
    matches = found(left, right)
    assert matches.index.tolist() == [0, -1, -1]
    assert (matches.other_picture, matches.ambiguous) == (2, 0)
    moved = found(left, table("u/2.jpg", "u/9.jpg", sha256=["b0", "bb"]))
    assert moved.index.tolist() == [-1, 1, -1]
    assert moved.other_picture == 0
    unknown = found(left, table("u/2.jpg", sha256=pa.array([None], pa.string())))
    assert unknown.index.tolist() == [-1, 0, -1]


def test_hashes_go_before_bare_file_names():
    left = table("1.jpg", "2.jpg", sha256=["aa", None])
    matches = found(left, table("p/2.jpg", "p/3.jpg", sha256=[None, "aa"]))
    assert matches.index.tolist() == [1, 0]
    assert matches.ways == {"path": 0, "hash": 1, "file name": 1}


def test_datasets_keep_images_apart_where_they_share_a_name():
    left = table("1.jpg", "1.jpg", "2.jpg", dataset=["utk", "lfw", "utk"])
    right = table("1.jpg", "1.jpg", "2.jpg", dataset=["ffhq", "utk", "ffhq"])
    matches = found(left, right)
    assert matches.index.tolist() == [1, -1, -1]
    assert (matches.across_datasets, matches.ambiguous) == (False, 0)


def test_datasets_that_only_name_the_files_are_not_heeded():
    left = table("1.jpg", "2.jpg", dataset=["vendor-a"] * 2)
    right = table("2.jpg", "1.jpg", dataset=["vendor-b"] * 2)
    matches = found(left, right)
    assert matches.index.tolist() == [1, 0]
    assert matches.across_datasets
    without = found(left, right.drop(["dataset"]))
    assert without.index.tolist() == [1, 0]
    assert not without.across_datasets
    # One name in two data sets is then one name too many.
    assert found(table("1.jpg", "1.jpg", dataset=["a", "b"]), right).index.tolist() == [-1, -1]


def test_no_row_and_no_name():
    nothing = table()
    assert found(nothing, table("a.jpg")).index.tolist() == []
    assert found(table("a.jpg", None), table(None, "a.jpg")).index.tolist() == [1, -1]


def test_drawn_at_random_no_pair_is_wrong():
    """Against each other's truth: matched rows show the same picture, whatever is written."""
    rng = np.random.default_rng(4)
    folders = np.array(["a", "b", "a/b", "b/a", ""])
    for _ in range(200):
        names = {f"{folders[rng.integers(5)]}/{rng.integers(6)}.jpg".lstrip("/") for _ in range(12)}
        ours, theirs = ([name for name in sorted(names) if rng.random() < 0.7] for _ in range(2))
        rng.shuffle(theirs)
        left = table(*("C:\\x\\" + name.replace("/", "\\") for name in ours), sha256=ours)
        right = table(*(f"./{name}" for name in theirs), sha256=theirs)
        index = found(left, right).index
        shared = set(ours) & set(theirs)
        assert [theirs[i] if i >= 0 else None for i in index] == [
            name if name in shared else None for name in ours
        ]


def test_a_row_is_used_once():
    left = table("a.jpg", "b.jpg", sha256=[None, "aa"])
    right = table("a.jpg", "z.jpg", sha256=["aa", "zz"])
    assert found(left, right).index.tolist() == [0, -1]


def test_a_bare_name_borrows_no_folder_from_the_row_before():
    matches = found(table("a", "1.jpg"), table("a/1.jpg", "b/1.jpg"))
    assert matches.index.tolist() == [-1, -1]
