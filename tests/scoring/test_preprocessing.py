"""A picture becomes the input that its model's own framework makes of it, pixel by pixel."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from faceaudit.errors import FaceAuditError
from faceaudit.scoring.options import ModelOptions
from faceaudit.scoring.preprocessing import (
    NORMALISATIONS,
    Preprocessing,
    from_hugging_face,
    parse,
    said_beside,
    said_by_user,
)

#: Among them such as leave half a pixel, of 1, 3, 5 and 7 whole ones, beside the centre.
SIZES = [(37, 53), (53, 37), (64, 64), (50, 71), (71, 50), (50, 73), (90, 51), (33, 200), (24, 31)]


def drawn(size, seed=0):
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC)


def made(preprocessing, image):
    return preprocessing.inputs(preprocessing.pixels(image)[None])[0]


STATISTICS = {"mean": NORMALISATIONS["imagenet"][0], "std": NORMALISATIONS["imagenet"][1]}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
@pytest.mark.parametrize("edge", [32, 37])
def test_crop_and_squash_are_those_of_torchvision(size, method, edge):
    transforms = pytest.importorskip("torchvision.transforms", reason="needs the extra 'model'")
    image, mode = drawn(size), transforms.InterpolationMode(method)
    numbers = [transforms.ToTensor(), transforms.Normalize(*STATISTICS.values())]
    given = {"size": (32, 32), "resample": method, **STATISTICS}
    for ours, theirs in (
        ({"resize": "crop", "shortest_edge": edge}, [transforms.Resize(edge, mode)]),
        ({"resize": "squash", "shortest_edge": edge}, [transforms.Resize((edge, edge), mode)]),
        ({"resize": "squash"}, [transforms.Resize((32, 32), mode)]),
    ):
        wanted = transforms.Compose([*theirs, transforms.CenterCrop(32), *numbers])(image)
        found = made(Preprocessing(**given, **ours), image)
        np.testing.assert_allclose(found, wanted.numpy(), rtol=0, atol=2e-6)


def processors():
    return {
        "vit": ("ViTImageProcessorPil", {"size": {"height": 32, "width": 24}}),
        "deit": (
            "DeiTImageProcessorPil",
            {"size": {"height": 40, "width": 40}, "crop_size": {"height": 33, "width": 33}},
        ),
        "clip": (
            "CLIPImageProcessorPil",
            {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}},
        ),
        "mobilenet_v2": (
            "MobileNetV2ImageProcessorPil",
            {"size": {"shortest_edge": 39}, "crop_size": {"height": 32, "width": 32}},
        ),
        "siglip": ("SiglipImageProcessorPil", {"size": {"height": 32, "width": 32}}),
        "convnext": ("ConvNextImageProcessorPil", {"size": {"shortest_edge": 48}}),
        "convnext-large": ("ConvNextImageProcessorPil", {"size": {"shortest_edge": 384}}),
        "beit": (
            "BeitImageProcessorPil",
            {"size": {"height": 32, "width": 32}, "do_rescale": False, "do_normalize": False},
        ),
        "bit": (
            "BitImageProcessorPil",
            {
                "size": {"shortest_edge": 36},
                "crop_size": {"height": 31, "width": 31},
                "rescale_factor": 1 / 127.5,
                "image_mean": [1.0, 1.0, 1.0],
                "image_std": [1.0, 1.0, 1.0],
                "resample": 1,
            },
        ),
    }


@pytest.mark.parametrize("name", processors())
def test_image_processors_are_followed(name, tmp_path):
    transformers = pytest.importorskip("transformers", reason="needs the extra 'hf'")
    kind, given = processors()[name]
    module = kind.removesuffix("ImageProcessorPil").lower().replace("mobilenetv2", "mobilenet_v2")
    package = f"transformers.models.{module}.image_processing_pil_{module}"
    processor = getattr(pytest.importorskip(package), kind)(**given)
    assert transformers
    processor.save_pretrained(tmp_path)
    options = ModelOptions()
    preprocessing = parse(said_beside(tmp_path / "model.onnx", options), {}, "model.onnx")
    for seed, size in enumerate(SIZES):
        image = drawn(size, seed)
        wanted = np.asarray(processor(images=image, return_tensors="np")["pixel_values"][0])
        found = made(preprocessing, image)
        assert found.dtype == np.float32
        scale = 255 if name == "beit" else 1
        np.testing.assert_allclose(found, wanted, rtol=0, atol=4e-6 * scale)


def plain(**changed):
    config = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": 32, "width": 32},
        "resample": 2,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    config |= changed
    return {key: value for key, value in config.items() if value != "lacking"}


def test_older_files_say_the_same():
    old = plain(image_processor_type="lacking", feature_extractor_type="ViTFeatureExtractor")
    assert from_hugging_face(old | {"size": 32}, "x") == from_hugging_face(plain(), "x")
    clip = plain(
        image_processor_type="lacking",
        feature_extractor_type="CLIPFeatureExtractor",
        size=40,
        crop_size=32,
        do_center_crop=True,
    )
    found = Preprocessing(**from_hugging_face(clip, "x"))
    assert (found.resize, found.shortest_edge, found.size) == ("crop", 40, (32, 32))
    deit = clip | {"feature_extractor_type": "DeiTFeatureExtractor"}
    assert Preprocessing(**from_hugging_face(deit, "x")).resize == "squash"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"image_processor_type": "LevitImageProcessor"}, r"not known here \(Levit\)"),
        ({"image_processor_type": "EfficientNetImageProcessor"}, r"\(EfficientNet\)"),
        ({"do_pad": True}, r"\(ViT, do_pad\)"),
        ({"do_resize": False}, "not known here"),
        ({"resample": "lacking"}, "x.json: does not say resample; add it"),
        ({"image_mean": "lacking"}, "x.json: does not say image_mean"),
        ({"size": "lacking"}, "x.json: does not say size"),
        ({"resample": 17}, "resample: 17 is none of"),
        ({"size": {"shortest_edge": 32}}, "pictures keep their shape; a fixed size is needed"),
        ({"size": {"longest_edge": 32}}, "does not say the size of the input"),
        ({"do_center_crop": True}, "does not say the size of the input"),
        (
            {"do_center_crop": True, "size": {"height": 40, "width": 41}, "crop_size": 32},
            "size: a square is needed",
        ),
    ],
)
def test_what_a_processor_does_that_is_not_done_here_is_refused(changed, told):
    with pytest.raises(FaceAuditError, match=told):
        from_hugging_face(plain(**changed), "x.json")


@pytest.mark.parametrize("size", SIZES)
def test_square_is_the_centre(size):
    image = drawn(size)
    side = min(size)
    left, top = (size[0] - side) / 2, (size[1] - side) / 2
    box = (left, top, left + side, top + side)
    wanted = image.resize((32, 32), Image.Resampling.BILINEAR, box=box)
    found = parse("size=32,unit", {}, "x").pixels(image)
    np.testing.assert_array_equal(found, np.asarray(wanted))


def test_a_wide_input_takes_a_wide_middle():
    image = Image.new("RGB", (100, 100))
    image.paste((255, 255, 255), (0, 20, 100, 80))
    found = parse("size=20x40,none", {}, "x").pixels(image)  # height, then width
    assert found.shape == (20, 40, 3)
    assert found.min() == 255


def test_orientation_and_transparency():
    image = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    image.paste((200, 0, 0, 255), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.info["exif"] = exif.tobytes()
    image.getexif()[0x0112] = 6
    found = parse("size=40x20,resize=squash,resample=nearest,none", {}, "x").pixels(image)
    assert found[0, 0].tolist() == [200, 0, 0]  # the left is the top now
    assert found[-1, -1].tolist() == [255, 255, 255]


def test_layout_and_channels():
    image = Image.new("RGB", (32, 32), (255, 51, 0))
    wanted = {"rgb": [255, 51, 0], "bgr": [0, 51, 255]}
    for channels, values in wanted.items():
        last = parse(f"size=32,none,channels={channels},layout=channels-last", {}, "x")
        assert np.rint(made(last, image)[7, 7]).tolist() == values
        first = parse(f"size=32,none,channels={channels}", {}, "x")
        assert np.rint(made(first, image)[:, 7, 7]).tolist() == values
        assert made(first, image).flags["C_CONTIGUOUS"]
    # Mean and deviation are those of red, green and blue, in whatever order these go in.
    bgr = parse("size=32,mean=1 0.2 0,std=1 1 1,channels=bgr", {}, "x")
    np.testing.assert_allclose(made(bgr, image)[:, 0, 0], 0, atol=1e-7)


@pytest.mark.parametrize(
    ("text", "known", "told"),
    [
        ("", {}, r"x.onnx: nothing says the size and mean and std .* --preprocess size=224,imag"),
        ("imagenet", {}, "x.onnx: nothing says the size of its input"),
        ("", {"size": (32, 32)}, r"mean and std of its input; say it as --preprocess imagenet"),
        ("imagenett,size=32", {}, "'imagenett' is neither a normalisation"),
        ("imagenet,side=32", {}, "'side=32' is neither"),
        ("imagenet,size=9,size=8", {}, "--preprocess: 'size=8' says size a second time"),
        ("imagenet,half,size=9", {}, "'half' says mean a second time"),
        ("imagenet,size=0", {}, "size: from 1 to 4096"),
        ("imagenet,size=x", {}, "x.onnx: --preprocess: size"),
        ("size=32,mean=0 0 0,std=1 0 1", {}, "std: above 0"),
        ("size=32,mean=0 0,std=1 1 1", {}, "mean"),
        ("unit,size=48", {"size": (32, 32)}, "size is 32x32, and not 48x48 as --preprocess says"),
        ("unit,layout=channels-first", {"size": 9, "layout": "channels-last"}, "layout is channe"),
        ("unit,size=32,resize=crop", {}, "'crop' needs the side"),
        ("unit,size=32,resize=crop,shortest_edge=31", {}, "at least the size cut out"),
        ("unit,size=32,shortest_edge=40", {}, "of 'crop' or 'squash'"),
        ("gone.json", {}, "gone.json: no such file"),
    ],
)
def test_what_a_user_says_is_understood_or_refused(text, known, told):
    with pytest.raises(FaceAuditError, match=told):
        parse(text, known, "x.onnx")


def test_words_are_the_same_however_they_are_said(tmp_path):
    words = parse("size=32x24,half,resize=squash", {}, "x")
    assert words.size == (32, 24)
    fields = {"size": [32, 24], "mean": [0.5] * 3, "std": [0.5] * 3, "resize": "squash"}
    (tmp_path / "p.json").write_text(json.dumps(fields))
    assert parse(str(tmp_path / "p.json"), {}, "x") == words
    assert parse("half,resize=squash", {"size": (32, 24)}, "x") == words
    assert words.record()["size"] == "32x24"
    assert words.record()["mean"] == [0.5, 0.5, 0.5]
    for text, guessed in (("half", True), (str(tmp_path / "p.json"), False), (None, False)):
        assert said_by_user(ModelOptions(preprocess=text)) is guessed


def test_alternatives_differ_in_one_thing_each():
    given = parse("size=224,imagenet", {}, "x")
    assert set(given.alternatives(False)) == {"clip", "half", "unit", "none", "channels=bgr"}
    sizes = given.alternatives(True)
    assert set(sizes) - set(given.alternatives(False)) == {"size=256", "size=299", "size=384"}
    for said, other in sizes.items():
        kept = said.startswith("size"), said in NORMALISATIONS
        words = [word for word, of in zip(("size=224", "imagenet"), kept, strict=True) if not of]
        assert parse(",".join([*words, said]), {}, "x") == other
