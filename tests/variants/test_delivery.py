"""Deliveries do what they say, and a variant is scored as the file that it would have been."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from PIL import ExifTags, Image

from faceaudit import variants
from faceaudit.api import audit, compare
from faceaudit.cli import main
from faceaudit.errors import FaceAuditError
from faceaudit.pictures import open_picture
from faceaudit.schema import tag_columns, variant_columns
from faceaudit.scoring import score
from faceaudit.spec import parse_spec
from faceaudit.tables import Scores, concat_scores, read_scores, write_table
from faceaudit.variants.base import Edit, Variant
from faceaudit.variants.delivery import GRADED, deliveries, in_words, name_of, parse
from tests.drawn import drawn_scores
from tests.pictures import draw, encode, write_manifest

JUDGE = """
import numpy as np
def judge(image):
    return float(np.asarray(image.resize((8, 8))).astype(float)[..., 1].mean() / 255)
def size(image):
    return image.width / 1000 + image.height / 1_000_000
"""


def picture(width: int = 300, height: int = 200) -> Image.Image:
    return draw(np.random.default_rng(1), "ai").resize((width, height), Image.Resampling.BICUBIC)


def made(text: str, of: Image.Image) -> Image.Image:
    (variant,) = deliveries(text)
    found = variant.change(of, None)
    if isinstance(found, bytes):
        with open_picture(found) as opened:
            found = opened.convert("RGB")
    return found


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(float)


def test_each_step_does_what_it_says():
    given = picture()
    assert made("size=64", given).size == (64, 64)
    centre = pixels(given.crop((50, 0, 250, 200)).resize((64, 64), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(pixels(made("size=64", given)), centre, atol=2)
    noise = pixels(made("noise=8", Image.new("RGB", (200, 200), "grey"))) - 128
    assert abs(noise.mean()) < 0.2 and noise.std() == pytest.approx(8, abs=0.2)
    assert pixels(made("gamma=2", Image.new("RGB", (9, 9), (128, 0, 255))))[0, 0].tolist() == [
        64,
        0,
        255,
    ]
    edge = Image.new("RGB", (101, 21))
    edge.paste("white", (50, 0, 101, 21))
    slope = np.diff(pixels(made("blur=3", edge))[10, :, 0]) / 255
    sd = np.sqrt((slope * (np.arange(100) - 49) ** 2).sum())
    assert sd == pytest.approx(3, abs=0.25)


def test_a_saved_picture_is_the_file_with_all_steps_in_their_order():
    (variant,) = deliveries(" size=64 , jpeg=30.0")
    assert variant.name == "size=64,jpeg=30"
    content = variant.change(picture(), None)
    with Image.open(io.BytesIO(content)) as opened:
        assert (opened.format, opened.size) == ("JPEG", (64, 64))
        assert opened.layer[0][1:3] == (2, 2), "4:2:0"
        table = opened.quantization[0]
    with Image.open(io.BytesIO(encode(picture(), "JPEG", quality=30))) as opened:
        assert opened.quantization[0] == table
    last = deliveries("webp=40")[0].change(picture(), None)
    with Image.open(io.BytesIO(last)) as opened:
        assert opened.format == "WEBP"


def test_the_same_picture_gets_the_same_noise_and_another_another():
    one, two = picture(), picture().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    first, again, other = (pixels(made("noise=9", of)) - pixels(of) for of in (one, one, two))
    assert (first == again).all() and abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.05
    more = pixels(made("noise=18", one)) - pixels(one)
    assert np.corrcoef(first.ravel(), more.ravel())[0, 1] > 0.95


def test_the_graded_series_is_written_as_it_is_named():
    found = deliveries("graded")
    assert [one.name for one in found] == list(GRADED)
    assert [name_of(parse(name)) for name in GRADED] == list(GRADED)


def test_a_delivery_is_told_in_words_and_somebodys_own_name_as_it_is():
    assert in_words("size=224,jpeg=85") == "224 pixels, JPEG 85"
    assert in_words("blur=0.5,noise=4,gamma=2,webp=50") == "blur 0.5, noise 4, gamma 2, WebP 50"
    assert in_words("instagram") == "instagram"
    assert len(variants.asked_for(["graded", "size=224"], [])) == len(GRADED)


@pytest.mark.parametrize("text", ["", "jpg=85", "jpeg", "jpeg=0", "jpeg=85.5", "size=nan,jpeg=85"])
def test_what_is_no_delivery_is_refused_with_what_is(text):
    with pytest.raises(FaceAuditError, match=r"^--deliver .* is no step; there are size=8-4096 "):
        deliveries(text)


def test_an_edit_that_is_not_known_is_refused():
    with pytest.raises(FaceAuditError, match=r"^--edit hats: there is no such edit; there are "):
        variants.asked_for([], ["hats"])


# --- scoring ---------------------------------------------------------------------------------


def scored_files(folder, files: dict[str, bytes], model: str = "judge", **options) -> Scores:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "judge.py").write_text(JUDGE)
    manifest = write_manifest(folder, [*files], ["real"] * len(files))
    model = model if ":" in model else f"python:{folder / 'judge.py'}:{model}"
    return score(model, manifest, folder / "s.parquet", find_faces=False, **options)


def drawn(n: int) -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    files = {f"{i}.png": encode(draw(rng, "ai")) for i in range(n)}
    files["large.jpg"] = encode(picture(1600, 1500), "JPEG", quality=90)
    return files


@pytest.mark.parametrize("model", ["judge", "bundled:with-ffhq"])
def test_a_variant_has_the_score_of_the_file_that_it_would_have_been(model, tmp_path):
    if model.startswith("bundled"):
        pytest.importorskip("torch", reason="needs the extra 'model'")
    text, files = "size=900,jpeg=60", drawn(5)
    (variant,) = deliveries(text)
    delivered = {
        name: variant.change(Image.open(io.BytesIO(content)).convert("RGB"), None)
        for name, content in files.items()
    }

    def run(files, **options):
        return scored_files(tmp_path, files, model, **options).table

    plain = run(files)
    asked = run(files, deliver=[text, "gamma=2"])
    assert asked["p_ai"].equals(plain["p_ai"]), "what was delivered is scored as ever"
    assert asked["p_ai"].null_count == 0
    assert asked[f"p_ai[{text}]"].to_pylist() == run(delivered)["p_ai"].to_pylist()
    assert not asked["p_ai[gamma=2]"].equals(asked["p_ai"])


def test_a_picture_is_turned_upright_before_it_is_delivered(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    files = {"a.jpg": encode(picture(300, 200), "JPEG", exif=exif)}
    table = scored_files(tmp_path, files, "size", deliver=["gamma=1.5"]).table
    assert table["p_ai[gamma=1.5]"].to_pylist() == pytest.approx([0.2003])


def test_scores_of_variants_are_read_written_and_joined_and_are_no_tags(tmp_path):
    text = "size=32,jpeg=50"
    files = {**drawn(3), "bad.png": b"no picture"}
    one = scored_files(tmp_path / "a", files, deliver=[text], batch_size=2)
    assert one.info.notes[-2].endswith(f"in columns p_ai[…]: {text}.")
    assert one.table[f"p_ai[{text}]"].null_count == 1, "of the picture without a score"
    read = read_scores(tmp_path / "a" / "s.parquet")
    assert variant_columns(read.table) == {text: f"p_ai[{text}]"} and tag_columns(read.table) == []
    assert read.table[f"p_ai[{text}]"].equals(one.table[f"p_ai[{text}]"])
    images = [f"other/{name}" for name in read.table["image"].to_pylist()]
    without = read.table.set_column(0, "image", [images]).drop_columns(f"p_ai[{text}]")
    both = concat_scores([read, Scores(without, read.info)])
    assert both.table[f"p_ai[{text}]"].null_count == 1 + len(without)
    named = both.names.of(both.table)
    again = read_scores(write_table(tmp_path / "b.parquet", named, both.info))
    assert again.table.to_pylist() == named.to_pylist()


def test_a_table_from_elsewhere_brings_variants(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("image,label,p_ai,q50,tag\na,real,20,30,x\nb,ai,90,,y\n")
    mapping = {"p_ai[jpeg=50]": "q50"}
    read = read_scores(path, mapping, score_is="percent")
    assert read.table["p_ai[jpeg=50]"].to_pylist() == [pytest.approx(0.3), None]
    assert tag_columns(read.table) == ["tag"]
    spec = tmp_path / "spec.yaml"
    words = ["init", str(path), "-o", str(spec), "--score-is", "percent"]
    ran = CliRunner().invoke(main, [*words, "--map", "p_ai[jpeg=50]=q50"])
    assert ran.exit_code == 0 and "q50" not in ran.output.replace("--map 'p_ai[jpeg=50]=q50'", "")
    assert "p_ai" not in "".join(parse_spec(spec.read_text(), "").attributes)
    path.write_text("image,label,p_ai,q50\na,real,0.2,30\n")
    with pytest.raises(FaceAuditError, match=r"column 'p_ai\[jpeg=50\]', row 1: 30 is not a prob"):
        read_scores(path, mapping)


def test_an_edit_that_needs_a_face_has_no_score_without_one(tmp_path, monkeypatch):
    pytest.importorskip("dlib", reason="needs the extra 'landmarks'")
    edit = Edit(
        "mirror",
        (
            Variant("mirror", lambda picture, points: points and picture, needs_landmarks=True),
            Variant("same", lambda picture, points: picture),
        ),
    )
    monkeypatch.setattr(variants, "all_edits", lambda: {"mirror": edit})
    scores = scored_files(tmp_path, drawn(2), edit=["mirror"])
    assert scores.table["p_ai[mirror]"].null_count == 3
    assert scores.table["p_ai[same]"].equals(scores.table["p_ai"])
    assert "mirror (not of 3); same." in scores.info.notes[-1]


def test_pictures_are_left_as_they_are_by_every_step():
    given = picture()
    before = hashlib.sha256(given.tobytes()).digest()
    for one in deliveries("graded"):
        one.change(given, None)
    assert hashlib.sha256(given.tobytes()).digest() == before


def test_a_comparison_and_tags_take_no_scores_of_variants():
    first = drawn_scores({"a": (90, 9), "b": (90, 9)})
    column = pa.array([0.5] * len(first.table), pa.float32())
    with_variant = Scores(first.table.append_column("p_ai[jpeg=50]", column), first.info)
    other = column.cast(pa.float64()).to_pylist()
    changed = first.table.append_column("p_ai[jpeg=50]", pa.array([0.1, *other[1:]], pa.float32()))
    result = compare(with_variant, Scores(changed, first.info), names=["x", "y"])
    assert "jpeg" not in result.model_dump_json()
    bare = first.table.drop_columns("group")
    tagged = audit(Scores(bare, first.info), tags=with_variant)
    assert "jpeg" not in tagged.model_dump_json() and tagged.checks[0].details
