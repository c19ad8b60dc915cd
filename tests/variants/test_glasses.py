"""Drawn glasses sit on the eyes, and their sham is the same drawing elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from faceaudit.model import image_reader
from faceaudit.schema import tag_columns
from faceaudit.scoring import runs
from faceaudit.tables import read_scores
from faceaudit.variants import asked_for
from tests.variants.faces import draw_faces, face, portrait

SIDE = 200
POINTS = face((100, 95), 48)
WORN, SHAM = asked_for(edit=["glasses"])


def change(variant, image=None, points=POINTS):
    image = portrait(points, SIDE) if image is None else image
    before = np.asarray(image).astype(int)
    found = np.asarray(variant.change(image, points)).astype(int) - before
    assert (np.asarray(image) == before).all(), "the picture itself stays"
    return found


def where(difference):
    rows, columns = np.nonzero(difference.any(axis=2))
    return columns.min(), rows.min(), columns.max(), rows.max()


def test_they_surround_both_eyes_and_leave_the_mouth_alone():
    changed = change(WORN).any(axis=2)
    left, top, right, bottom = where(change(WORN))
    eyes, mouth = POINTS[36:48], POINTS[48:]
    assert left < eyes[:, 0].min() and right > eyes[:, 0].max()
    assert top < eyes[:, 1].min() and eyes[:, 1].max() < bottom < mouth[:, 1].min()
    # From the middle of an eye there is a frame in every direction.
    dark = change(WORN, Image.new("RGB", (SIDE, SIDE), "white")).sum(axis=2) < -150
    for eye in (POINTS[36:42].mean(axis=0), POINTS[42:48].mean(axis=0)):
        for angle in np.linspace(0, 2 * np.pi, 16, endpoint=False):
            ray = eye + np.arange(5, 40)[:, None] * [np.cos(angle), np.sin(angle)]
            x, y = np.rint(ray).astype(int).T
            assert dark[y, x].any(), angle
    # As wide on either side as the face is.
    assert abs((changed[:, :100].sum() / changed[:, 100:].sum()) - 1) < 0.05


def test_they_are_turned_and_sized_as_the_face_is():
    straight = change(WORN, Image.new("RGB", (SIDE, SIDE), "grey"), face((100, 100), 48))
    turned = change(WORN, Image.new("RGB", (SIDE, SIDE), "grey"), face((100, 100), 48, 25))
    shape = Image.fromarray(np.abs(straight).sum(axis=2).astype(np.uint8) // 3)
    expected = np.asarray(shape.rotate(-25, Image.Resampling.BICUBIC)).astype(float)
    found = np.abs(turned).sum(axis=2) // 3
    assert np.corrcoef(expected.ravel(), found.ravel())[0, 1] > 0.9
    small = where(change(WORN, Image.new("RGB", (SIDE, SIDE), "grey"), face((100, 100), 24)))
    large = where(straight)
    assert (large[2] - large[0]) == pytest.approx(2 * (small[2] - small[0]), abs=6)


@pytest.mark.parametrize("edit", ["glasses", "sunglasses"])
@pytest.mark.parametrize("middle", [(100, 95), (100, 45), (100, 110)])
def test_the_sham_is_the_same_paint_moved_off_the_eyes(edit, middle):
    worn, sham = asked_for(edit=[edit])
    points = face(middle, 48, 4)
    plain = Image.new("RGB", (SIDE, SIDE), (150, 120, 100))
    one, other = change(worn, plain, points), change(sham, plain, points)
    assert other.any(axis=2).sum() == one.any(axis=2).sum() > 500
    moved = np.subtract(where(other), where(one))
    assert (moved[:2] == moved[2:]).all()
    assert (np.roll(one, moved[[1, 0]], axis=(0, 1)) == other).all()
    apart = one.any(axis=2) & other.any(axis=2)
    assert not apart.any(), "neither touches what the other one does"


def test_the_sham_changes_as_much_as_the_glasses_where_the_head_is_not_plain():
    rng = np.random.default_rng(3)
    ratios = []
    for _ in range(20):
        image = portrait(POINTS, SIDE, rng)
        ratios.append(np.abs(change(SHAM, image)).sum() / np.abs(change(WORN, image)).sum())
    assert np.mean(ratios) == pytest.approx(1, abs=0.25)


def test_no_face_or_no_room_is_no_variant():
    plain = Image.new("RGB", (90, 50), "grey")
    tight = face((45, 25), 36)
    assert WORN.change(plain, tight) is not None
    assert SHAM.change(plain, tight) is None
    assert WORN.change(plain, None) is None and SHAM.change(plain, None) is None


def test_styles_hang_on_the_pixels_alone():
    rng = np.random.default_rng(5)
    images = [portrait(POINTS, SIDE, rng) for _ in range(12)]
    made = [np.asarray(WORN.change(image, POINTS)) for image in images]
    again = [np.asarray(WORN.change(image.copy(), POINTS)) for image in images]
    assert all((one == other).all() for one, other in zip(made, again, strict=True))
    assert (
        len(
            {
                int((of != np.asarray(i)).any(axis=2).sum())
                for of, i in zip(made, images, strict=True)
            }
        )
        > 2
    )


def test_dark_lenses_hide_the_eyes():
    dark, _ = asked_for(edit=["sunglasses"])
    image = portrait(POINTS, SIDE)
    x, y = np.rint(POINTS[36:42].mean(axis=0)).astype(int)
    lens = [
        np.asarray(of)[y - 5 : y + 6, x - 10 : x + 11].astype(float).std(axis=(0, 1)).max()
        for of in (image, WORN.change(image, POINTS), dark.change(image, POINTS))
    ]
    assert lens[1] > 0.8 * lens[0] and lens[2] < 0.15 * lens[0]


def test_the_share_of_changed_pixels_stands_beside_the_scores(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "require_landmarks", lambda purpose: None)
    monkeypatch.setattr(image_reader, "find_points", lambda picture: POINTS)
    manifest = draw_faces(tmp_path, ["real", "ai", "real"], POINTS, SIDE, 1)
    (tmp_path / "judge.py").write_text("def judge(image):\n    return image.width / 1000\n")
    model = f"python:{tmp_path / 'judge.py'}:judge"
    scores = runs.score(
        model, manifest, tmp_path / "s.parquet", edit=["glasses"], deliver=["size=64"]
    )
    names = ["p_ai[size=64]", "p_ai[glasses]", "changed[glasses]"]
    names += ["p_ai[glasses-sham]", "changed[glasses-sham]"]
    assert [name for name in scores.table.column_names if "[" in name] == names
    images = [Image.open(tmp_path / f"{i}.png") for i in range(3)]
    shares = [change(WORN, image).any(axis=2).mean() for image in images]
    assert scores.table["changed[glasses]"].to_pylist() == pytest.approx(shares)
    assert scores.table["changed[glasses-sham]"].to_pylist() == pytest.approx(shares, rel=0.05)
    assert not set(names) & {*tag_columns(read_scores(tmp_path / "s.parquet").table)}
