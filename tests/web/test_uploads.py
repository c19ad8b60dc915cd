"""What may come in: kinds of pictures, limits, damage; and that nothing of it touches a disk."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest
from PIL import Image

from faceaudit.pictures import MAX_PIXELS, PictureError
from faceaudit.web import uploads
from faceaudit.web.uploads import base_name, check_picture
from tests.web.drawn_web import HOSTILE, bomb, noise, picture, send

HEIC = Path(__file__).with_name("bright.heic")
SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_kinds_of_pictures_are_judged(client, kind):
    dark, bright = send(
        client, ("dark", picture(kind, brightness=25)), ("bright", picture(kind, brightness=240))
    )
    assert [verdict["called"] for verdict in dark["verdicts"]] == ["real", "real"]
    assert [verdict["called"] for verdict in bright["verdicts"]] == ["ai", "ai"]
    assert bright["format"] == kind and (bright["width"], bright["height"]) == (64, 64)


def test_heic_is_judged(client):
    pytest.importorskip("pi_heif", reason="HEIC needs pi-heif (extra 'web')")
    (bright,) = send(client, ("telephone.heic", HEIC.read_bytes()))
    assert bright["problem"] is None and bright["format"] == "HEIF"
    assert bright["verdicts"][0]["p_ai"] == pytest.approx(200 / 255, abs=0.02)


def test_turned_pictures_are_turned_back(client):
    image = Image.new("RGB", (80, 40), "black")
    image.paste("white", (0, 0, 40, 40))
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(buffer, "JPEG", exif=exif)
    (turned,) = send(client, ("turned.jpg", buffer.getvalue()))
    assert turned["verdicts"][0]["p_ai"] == pytest.approx(0.5, abs=0.02)


def test_fifty_megapixels_are_judged(client):
    content = picture("JPEG", (8_165, 6_124), 240)
    (large,) = send(client, ("large.jpg", content))
    assert large["width"] * large["height"] > 50_000_000
    assert large["problem"] is None and large["verdicts"][0]["called"] == "ai"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("holiday.jpg", b"Dear diary, this is no picture.", "not a picture of a kind"),
        ("empty.png", b"", "empty"),
        ("drawing.svg", SVG, "SVG"),
        ("drawing.jpg", SVG, "SVG"),
        ("animation.gif", picture("GIF"), "not a picture of a kind"),
        ("scan.tiff", picture("TIFF"), "not a picture of a kind"),
        ("bomb.png", bomb(), "million pixels; it was not opened"),
    ],
)
def test_what_is_no_photograph_is_refused_with_a_reason(client, detectors, name, content, why):
    bad, good = send(client, (name, content), ("good.jpg", picture()))
    assert why in bad["problem"] and not bad["verdicts"] and bad["name"] == name
    assert good["problem"] is None
    assert detectors[0].judged == 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_truncated_pictures_stop_nothing(client, kind):
    buffer = io.BytesIO()
    noise((100, 100)).save(buffer, kind)
    whole = buffer.getvalue()
    cut, good = send(client, ("cut", whole[: len(whole) * 2 // 3]), ("good", picture(kind)))
    assert cut["problem"] is not None and not cut["verdicts"]
    assert good["problem"] is None


def test_a_bomb_is_refused_from_its_header_without_decoding(monkeypatch):
    def decode(*_: object) -> None:
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", decode)
    with pytest.raises(PictureError, match="not opened"):
        check_picture("bomb.png", bomb())


def test_the_limit_of_pixels_is_that_of_scoring():
    width = MAX_PIXELS // 8_000
    assert check_picture("largest.png", bomb(width, 8_000)).width == width
    with pytest.raises(PictureError, match="80 million pixels"):
        check_picture("larger.png", bomb(width + 1, 8_000))


def test_a_hundred_at_once_and_no_more(client):
    files = [(f"{i}.png", picture("PNG", (16, 16), 2 * i)) for i in range(100)]
    judgements = send(client, *files)
    assert [one["name"] for one in judgements] == [name for name, _ in files]
    p_ai = [one["verdicts"][0]["p_ai"] for one in judgements]
    assert p_ai == sorted(p_ai) and p_ai[0] < 0.1 < 0.7 < p_ai[-1]
    more = [("pictures", (name, content)) for name, content in [*files, ("x", picture())]]
    refused = client.post("/api/judge", files=more)
    assert refused.status_code == 400 and "100" in refused.json()["error"]


def test_too_many_bytes_are_refused(client, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_PICTURE_BYTES", 10_000)
    (large,) = send(client, ("large.png", picture("PNG") + b"\0" * 10_000))
    assert "larger than" in large["problem"]
    monkeypatch.setattr(uploads, "MAX_REQUEST_BYTES", 20_000)
    body = [("pictures", ("a.png", b"\0" * 30_000))]
    assert client.post("/api/judge", files=body).status_code == 413


def test_too_many_bytes_are_refused_when_their_number_is_not_stated(client, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_REQUEST_BYTES", 20_000)
    sent = []

    def endless():
        yield b'--x\r\nContent-Disposition: form-data; name="pictures"; filename="a"\r\n\r\n'
        for _ in range(100):
            sent.append(1)
            yield b"\0" * 10_000

    kind = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/judge", content=endless(), headers=kind)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"", 400),
        ("multipart/form-data; boundary=x", b"nonsense", 400),
        ("multipart/form-data; boundary=x", b"--x--\r\n", 400),
    ],
)
def test_what_is_no_form_is_refused(client, kind, body, status):
    answer = client.post("/api/judge", content=body, headers={"content-type": kind})
    assert answer.status_code == status and answer.json()["error"]


def test_nothing_that_is_uploaded_touches_the_disk(client, monkeypatch, tmp_path):
    def to_disk(*_: object, **__: object) -> None:
        raise AssertionError("a file was made")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", to_disk)
    monkeypatch.setattr(tempfile, "mkstemp", to_disk)
    monkeypatch.setattr(tempfile, "TemporaryFile", to_disk)
    buffer = io.BytesIO()
    noise((1500, 1500)).save(buffer, "PNG")
    assert len(buffer.getvalue()) > 5_000_000  # far beyond where a spooled file goes to disk
    (judged,) = send(client, ("large.png", buffer.getvalue()))
    assert judged["verdicts"]


def test_what_goes_to_the_page_is_a_new_picture_without_metadata(client):
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    content = picture("JPEG", (500, 400), exif=exif.tobytes())
    assert b"taken at home" in content
    page = client.post("/", files=[("pictures", ("a.jpg", content))]).text
    start = page.index('<article class="card') + page[page.index('<article class="card') :].index(
        "data:image/jpeg;base64,"
    )
    import base64

    shown = base64.b64decode(page[start + len("data:image/jpeg;base64,") :].split('"')[0])
    with Image.open(io.BytesIO(shown)) as image:
        assert image.size == (320, 320) and not image.getexif()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("C:\\Users\\me\\face.jpg", "face.jpg"),
        ("/home/me/face.jpg", "face.jpg"),
        ("", "picture"),
        (None, "picture"),
        ("a" * 500, "a" * 500),
    ],
)
def test_names_lose_their_folders_and_nothing_else(given, shown):
    assert base_name(given) == shown


def test_hostile_names_come_back_as_they_are_in_json_and_as_text_in_pages(client):
    name = HOSTILE.replace("/", "")
    (judged,) = send(client, (name, picture()))
    page = client.post("/", files=[("pictures", (name, picture()))]).text
    assert "<img src=x" not in page and "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<script>alert" not in page
    assert judged["name"].startswith("<img src=x onerror=alert(1)>")
