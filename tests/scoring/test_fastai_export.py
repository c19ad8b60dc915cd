"""A classifier that somebody trained and exported in fastai gives the same scores here."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import ExifTags, Image

from faceaudit.cli import main
from faceaudit.errors import FaceAuditError
from tests.pictures import draw, draw_dataset, write_manifest

pytest.importorskip("fastai", reason="needs the extra 'model'")

import torch
from fastai.data.block import CategoryBlock, DataBlock, MultiCategoryBlock, TransformBlock
from fastai.data.transforms import (
    IntToFloatTensor,
    Normalize,
    RandomSplitter,
    ToTensor,
    Transform,
    get_image_files,
    parent_label,
)
from fastai.learner import Learner
from fastai.losses import BCEWithLogitsLossFlat, CrossEntropyLossFlat
from fastai.vision.augment import (
    CropPad,
    FlipItem,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    RandomResizedCropGPU,
    RatioResize,
    Resize,
    aug_transforms,
)
from fastai.vision.core import PILImage, PILImageBW, TensorImage
from fastai.vision.data import ImageBlock, ImageDataLoaders
from torch import nn

from faceaudit.model.preprocess import prepare_by
from faceaudit.scoring import open_detector, score

pytestmark = pytest.mark.filterwarnings("ignore")

STATISTICS = Normalize.from_stats([0.6, 0.4, 0.2], [0.1, 0.2, 0.3], cuda=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    draw_dataset(folder, 8, 8)
    (folder / "ai").rename(folder / "fake")
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    """Pictures of many shapes and modes, with what stands in people's files besides pixels."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    for i, (width, height) in enumerate([(90, 60), (60, 90), (200, 64), (48, 48), (300, 290)]):
        image = draw(rng, "ai" if i % 2 else "real").resize((width, height))
        image.save(folder / f"{i}.jpg", exif=turned if i < 2 else Image.Exif())
    image = draw(rng, "ai").resize((70, 110))
    clear = Image.fromarray(rng.integers(0, 256, (110, 70), np.uint8))
    with_alpha = image.copy()
    with_alpha.putalpha(clear)
    with_alpha.save(folder / "alpha.png")
    image.quantize(8).save(folder / "palette.png", transparency=0)
    image.convert("L").save(folder / "grey.png")
    Image.fromarray(np.asarray(clear, np.uint16) * 257).save(folder / "deep.png")
    return sorted(folder.iterdir())


def network(outputs=2, channels=3):
    """A network without training that feels every pixel and where it is."""
    torch.manual_seed(0)
    body = nn.Conv2d(channels, 6, 5, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten()
    return nn.Sequential(*body, nn.Linear(54, outputs))


def export(
    folder,
    item=Resize(32),  # noqa: B008
    batch=STATISTICS,
    *,
    model=None,
    loss=None,
    block=ImageBlock,
    target=CategoryBlock,
    get_x=None,
    get_y=parent_label,
    cbs=None,
):
    data = DataBlock(
        (block, target),
        get_items=get_image_files,
        splitter=RandomSplitter(0.5, seed=0),
        get_x=get_x,
        get_y=get_y,
        item_tfms=item,
        batch_tfms=batch,
    )
    loaders = data.dataloaders(folder, bs=4, num_workers=0, device=torch.device("cpu"))
    learner = Learner(loaders, model or network(), loss or CrossEntropyLossFlat(), cbs=cbs)
    learner.path = folder
    learner.export("export.pkl")
    return learner, folder / "export.pkl"


def p_ai(detector, files):
    pictures = [prepare_by(detector.pixels, file.read_bytes()) for file in files]
    return detector.p_ai(np.stack([picture.pixels for picture in pictures])).tolist()


def predicted(learner, files, ai=0):
    """The second opinion: fastai's own."""
    with learner.no_bar():
        return learner.get_preds(dl=learner.dls.test_dl(files, num_workers=0, bs=3))[0][:, ai]


def presized(**options):
    return Resize(80), [*aug_transforms(size=48, **options), STATISTICS]


@pytest.mark.parametrize(
    ("item", "batch"),
    [
        pytest.param(Resize(32), STATISTICS, id="crop"),
        pytest.param(Resize(32, method="squish"), STATISTICS, id="squish"),
        pytest.param(Resize(32, method="pad"), STATISTICS, id="pad-reflection"),
        pytest.param(Resize(32, method="pad", pad_mode="zeros"), STATISTICS, id="pad-zeros"),
        pytest.param(Resize(32, method="pad", pad_mode="border"), STATISTICS, id="pad-border"),
        pytest.param(Resize((24, 40)), STATISTICS, id="oblong"),
        pytest.param(Resize(32, resamples=(Image.Resampling.BICUBIC, 0)), STATISTICS, id="bicubic"),
        pytest.param(CropPad(40), STATISTICS, id="crop-pad"),
        pytest.param(RandomCrop(40), STATISTICS, id="random-crop"),
        pytest.param(RandomResizedCrop(32, min_scale=0.5), STATISTICS, id="random-resized-crop"),
        pytest.param([FlipItem(), Resize(32)], STATISTICS, id="flip-item"),
        pytest.param(*presized(), id="presized"),
        pytest.param(*presized(min_scale=0.6), id="presized-crop"),
        pytest.param(*presized(mode="nearest", pad_mode="zeros"), id="presized-nearest"),
        pytest.param(Resize(64), RandomResizedCropGPU(40), id="crop-in-batch"),
        pytest.param(Resize(32), [*aug_transforms(mult=2), RandomErasing()], id="augmented"),
        pytest.param(Resize(32), None, id="not-normalised"),
        pytest.param(
            Resize(32), Normalize.from_stats([0.5], [0.5], cuda=False), id="one-statistic"
        ),
    ],
)
def test_same_probabilities_as_get_preds(folder, files, item, batch):
    learner, path = export(folder, item, batch)
    detector = open_detector(path, trust_pickle=True)
    ours = p_ai(detector, files)
    assert ours == pytest.approx(predicted(learner, files).tolist(), abs=1e-4)
    assert len({round(p, 3) for p in ours}) > len(files) / 2


def test_scores_of_a_manifest_are_those_of_get_preds(folder, files, tmp_path):
    learner, path = export(folder, *presized())
    names = [file.name for file in files]
    manifest = write_manifest(files[0].parent, names, ["real"] * len(names))
    detector = open_detector(path, trust_pickle=True)
    scores = score(detector, manifest, tmp_path / "s.parquet", batch_size=2, workers=3)
    manifest.unlink()
    assert scores.table["p_ai"].to_pylist() == pytest.approx(
        predicted(learner, files).tolist(), abs=1e-4
    )
    # Its attention would lie elsewhere in the picture than the report draws it.
    assert scores.table["attention"].null_count == len(names)
    assert "evidence" in scores.info.notes[1]
    words = scores.info.model.preprocessing["resize"]
    assert "Resize(size=(80, 80), method=crop)" in words and "Flip(size=48" in words
    assert scores.info.model.preprocessing["mean"] == pytest.approx([0.6, 0.4, 0.2])
    assert scores.info.model.preprocessing["size"] == 48


def test_a_picture_that_is_none_stops_nothing(folder, files):
    detector = open_detector(export(folder)[1], trust_pickle=True)
    contents = b"%!PS-Adobe-3.0 EPSF-3.0", files[0].read_bytes()
    bad, good = (prepare_by(detector.pixels, content) for content in contents)
    assert bad.status == "unreadable" and "EPS" in bad.reason and good.status == "ok"


def test_pictures_in_grey(folder, files):
    learner, path = export(
        folder, Resize(32), None, block=ImageBlock(PILImageBW), model=network(channels=1)
    )
    detector = open_detector(path, trust_pickle=True)
    ours = p_ai(detector, files)
    assert ours == pytest.approx(predicted(learner, files).tolist(), abs=1e-4)


def test_a_network_that_wants_its_rows_in_memory_order(folder, files):
    class View(nn.Module):
        def forward(self, x):
            return x.view(len(x), -1)

    globals()["View"] = View
    View.__qualname__ = "View"
    model = nn.Sequential(nn.Conv2d(3, 2, 3), View(), nn.Linear(1800, 2))
    learner, path = export(folder, model=model)
    detector = open_detector(path, trust_pickle=True)
    ours = p_ai(detector, files)
    assert ours == pytest.approx(predicted(learner, files).tolist(), abs=1e-4)


def named(real, ai):
    """Labels other than the folders'."""
    named.words = {"real": real, "fake": ai}


def label_of(path):
    return named.words[Path(path).parent.name]


@pytest.mark.parametrize(
    ("real", "ai", "ai_class", "index", "how"),
    [
        ("real", "ai", None, 0, "by its name"),
        ("human", "zz_fake", "zz_fake", 1, "--ai-class"),
        ("Authentic", "Synthetic", None, 1, "by its name"),
        ("PRISTINE", "DeepFake", None, 0, "by its name"),
        ("a", "b", "b", 1, "--ai-class"),
        ("b", "a", "A", 0, "--ai-class"),
        ("cats", "dogs", "1", 1, "--ai-class"),
        (1, 0, "0", 0, "--ai-class"),
        (0, 1, "1", 1, "--ai-class"),
    ],
)
def test_the_class_that_means_ai(folder, files, real, ai, ai_class, index, how):
    named(real, ai)
    learner, path = export(folder, get_y=label_of)
    assert learner.dls.vocab[index] == ai
    detector = open_detector(path, trust_pickle=True, ai_class=ai_class)
    ours = p_ai(detector, files)
    assert ours == pytest.approx(predicted(learner, files, index).tolist(), abs=1e-4)
    assert f"'{ai}' was taken as AI-generated" in detector.notes[0]
    assert how in detector.notes[0]


@pytest.mark.parametrize(
    ("real", "ai", "ai_class", "message"),
    [
        ("cats", "dogs", None, "classes are 'cats', 'dogs'.*--ai-class cats or --ai-class dogs"),
        ("0", "1", None, "say it with --ai-class 0 or --ai-class 1"),
        ("fake", "ai", None, "nothing says which"),
        ("real", "ai", "gan", "--ai-class gan is none of its classes, 'ai', 'real'"),
        ("real", "ai", "real", "'real', which is what photographs are called"),
        ("human", "altered", "1", "'human', which is what photographs are called"),
    ],
)
def test_a_direction_is_never_guessed(folder, real, ai, ai_class, message):
    named(real, ai)
    _, path = export(folder, get_y=label_of)
    with pytest.raises(FaceAuditError, match=message):
        open_detector(path, trust_pickle=True, ai_class=ai_class)


def three(path):
    return "other" if Path(path).stem in "0123" else Path(path).parent.name


def several(path):
    return [Path(path).parent.name]


def half(path):
    """Open a picture in a way that no transform of the list says."""
    return PILImage(PILImage.create(path).crop((0, 0, 20, 20)))


def opened_already():
    return TransformBlock(item_tfms=ToTensor, batch_tfms=IntToFloatTensor)


class Darker(ToTensor):
    """A class that only its author has."""


class Noise(Transform):
    """Random in validation too: no two runs agree."""

    order = 100

    def encodes(self, x: TensorImage):
        return x + 0.2 * torch.randn_like(x)


class Twice(nn.Module):
    """A loss that does not say what the numbers mean."""

    def forward(self, outputs, target):
        return nn.functional.cross_entropy(2 * outputs, target)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"get_y": three, "model": network(3)}, "'other'.*nothing says which"),
        (
            {
                "target": MultiCategoryBlock,
                "get_y": several,
                "loss": BCEWithLogitsLossFlat(),
            },
            "MultiCategoryBlock gives a picture several classes",
        ),
        ({"target": TransformBlock, "loss": CrossEntropyLossFlat()}, "no CategoryBlock"),
        (
            {"block": opened_already, "get_x": half},
            r"do not give what Learner\.get_preds gives.*half",
        ),
        ({"model": network(3)}, "one number for each of its classes"),
        ({"batch": [STATISTICS, Noise()]}, r"do not give what Learner\.get_preds gives.*Noise"),
        ({"loss": Twice()}, "the loss Twice does not say"),
        ({"loss": BCEWithLogitsLossFlat()}, r"do not give what Learner\.get_preds gives.*BCEWith"),
    ],
)
def test_what_cannot_be_reproduced_is_refused_by_name(folder, change, message):
    _, path = export(folder, **change)
    with pytest.raises(FaceAuditError, match=message):
        open_detector(path, trust_pickle=True)


def test_pictures_of_several_sizes_are_refused(folder, tmp_path):
    loaders = ImageDataLoaders.from_folder(
        folder, valid_pct=0.5, item_tfms=RatioResize(40), bs=1, num_workers=0
    )
    learner = Learner(loaders, network(), CrossEntropyLossFlat(), path=tmp_path)
    learner.export("export.pkl")
    with pytest.raises(FaceAuditError, match="the same size"):
        open_detector(tmp_path / "export.pkl", trust_pickle=True)


def test_a_class_that_is_not_here_is_named(folder, monkeypatch):
    elsewhere = types.ModuleType("elsewhere")
    elsewhere.Darker = Darker
    monkeypatch.setattr(Darker, "__module__", "elsewhere")
    monkeypatch.setitem(sys.modules, "elsewhere", elsewhere)
    _, path = export(folder, [Resize(32), Darker()])
    open_detector(path, trust_pickle=True)  # where it is at hand it is run like any other
    del elsewhere.Darker
    with pytest.raises(FaceAuditError, match=r"Darker.*elsewhere"):
        open_detector(path, trust_pickle=True)


def test_a_file_that_is_no_export(tmp_path):
    (tmp_path / "export.pkl").write_bytes(b"no pickle")
    with pytest.raises(FaceAuditError, match="not a readable fastai export"):
        open_detector(tmp_path / "export.pkl", trust_pickle=True)


def test_score_on_the_command_line(folder, files, tmp_path):
    named("cats", "dogs")
    _, path = export(folder, get_y=label_of)
    manifest = write_manifest(files[0].parent, [file.name for file in files], ["ai"] * len(files))
    call = [
        "score",
        str(path),
        str(manifest),
        "-o",
        str(tmp_path / "s.parquet"),
        "--trust-pickle",
        "--no-find-faces",
    ]
    refused = CliRunner().invoke(main, call)
    assert refused.exit_code == 2 and "--ai-class cats" in refused.stderr
    done = CliRunner().invoke(main, [*call, "--ai-class", "dogs"])
    manifest.unlink()
    assert done.exit_code == 0
    (line,) = (line for line in done.stderr.splitlines() if "'dogs' was taken" in line)
    assert line.startswith("note: ") and line.endswith("because --ai-class says so.")
