from __future__ import annotations

import base64
import io
from dataclasses import replace

import pyarrow as pa
from PIL import Image

from faceaudit.checks import all_checks
from faceaudit.checks.top_losses import CHECK, TopLossesOptions
from faceaudit.runner import run_check


def test_worst_images_first_with_their_tags(drawn):
    data = drawn(
        ["real", "real", "real", "ai", "ai", "ai"],
        [0.2, 0.97, 0.6, 0.9, 0.01, 0.3],
        {"glasses": ["none", "sun", None, "none", "sun", "sun"]},
    )
    result = run_check(CHECK, data, TopLossesOptions(count=2))
    real, ai = result.details
    assert [item.image for item in real.items] == ["000001.jpg", "000002.jpg"]
    assert [item.image for item in ai.items] == ["000004.jpg", "000005.jpg"]
    assert real.items[0].tags == {"glasses": "sun"}
    assert real.items[1].tags == {}
    assert all(item.thumbnail is None for item in real.items + ai.items)
    assert "2 of 3 real photographs are called AI-generated (66.7 %)" in result.sentence
    assert "2 of 3 AI-generated faces are called real (66.7 %)" in result.sentence


def test_note_counts_errors_at_the_threshold_in_float32(drawn):
    # 0.7 as float32 is below 0.7 as float64: the image is still called AI.
    data = drawn(["real", "real"], [0.7, 0.2], {"g": ["a", "b"]}, threshold=0.7)
    (gallery,) = run_check(CHECK, data, TopLossesOptions()).details
    assert gallery.note.startswith("1 of 2 images is called wrongly")


def test_equal_scores_keep_the_order_of_the_table(drawn):
    data = drawn(["real"] * 50, [0.9] * 50, {"g": ["a"] * 50})
    gallery = run_check(CHECK, data, TopLossesOptions(count=3)).details[0]
    assert [item.image for item in gallery.items] == ["000000.jpg", "000001.jpg", "000002.jpg"]


def test_the_worst_errors_of_every_group_stand_behind_the_worst_of_all(drawn):
    groups = ["a"] * 50 + ["b"] * 5 + ["c"] * 5
    scores = [0.99] * 50 + [0.9, 0.8, 0.7, 0.6, 0.2] + [0.1] * 5
    data = drawn(["real"] * 60, scores, {"g": groups})
    (gallery,) = run_check(CHECK, data, TopLossesOptions(count=2)).details
    shown = [(item.tags["g"], round(item.p_ai, 2)) for item in gallery.items]
    # Three of each group that has errors; what is called rightly is not shown for its group.
    assert shown == [("a", 0.99)] * 3 + [("b", 0.9), ("b", 0.8), ("b", 0.7)]


def test_stored_attention_is_told(drawn):
    data = drawn(["real", "real", "real"], [0.9, 0.8, 0.7], {"g": ["a"] * 3})
    maps = pa.array([bytes([0, 0, 0, 255] + [0] * 12), None, bytes(16)], pa.binary())
    data = replace(data, table=data.table.append_column("attention", maps))
    items = run_check(CHECK, data, TopLossesOptions()).details[0].items
    told, none, nowhere = (item.attention for item in items)
    assert "top right (100" in told.words
    assert told.ninths[0][2] == 1
    layer = Image.open(io.BytesIO(base64.b64decode(told.layer.split(",")[1])))
    assert layer.getpixel((23, 0))[3] > 100 > layer.getpixel((0, 23))[3]
    assert none is None
    assert nowhere.words.startswith("No part of the picture")


def test_awkward_tables(awkward):
    result = run_check(CHECK, awkward, TopLossesOptions())
    assert result.status == "info"
    assert result.model_dump_json()


def test_is_found_by_id():
    assert all_checks()["top-losses"] is CHECK
