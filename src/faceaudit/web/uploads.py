"""What people send: read into memory within limits, and looked at before it is decoded."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath, PureWindowsPath

import anyio
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import Request

from faceaudit.pictures import FORMATS, PictureError, open_picture

MAX_PICTURES = 100
MAX_PICTURE_BYTES = 50_000_000
MAX_REQUEST_BYTES = 128_000_000
#: A field that is no file, and a form without files: a specification is the longest.
MAX_TEXT_BYTES = 64_000
#: A request has these seconds and one for so many bytes, or is dropped.
GRACE_SECONDS, SLOWEST_BYTES = 10.0, 100_000


@dataclass(frozen=True)
class Upload:
    """A picture whose header is in order; its pixels have not been looked at.

    Its name is the sender's, without folders, and is never used as a path. Width and height are
    as stored, before any rotation that the file asks for; `format` is Pillow's name of the bytes'.
    """

    name: str
    content: bytes
    width: int
    height: int
    format: str


class _InMemoryParser(MultiPartParser):
    #: To the standard library's spooled file, 0 means: never go to disk.
    spool_max_size = 0


@asynccontextmanager
async def read_form(request: Request, max_files: int) -> AsyncIterator[FormData]:
    """Read a form into memory, never to disk, and forget it in the end.

    `HTTPException` 408, 413, 415 or 400: too slow, too much, no form, or a damaged one.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    parser: MultiPartParser | FormParser
    patience = anyio.CancelScope(deadline=anyio.current_time() + GRACE_SECONDS)
    if kind == "multipart/form-data":
        parser = _InMemoryParser(
            request.headers,
            _bounded(request, MAX_REQUEST_BYTES, patience),
            max_files=max_files,
            max_fields=100,
            max_part_size=MAX_TEXT_BYTES,
        )
    elif kind == "application/x-www-form-urlencoded":
        parser = FormParser(request.headers, _bounded(request, 3 * MAX_TEXT_BYTES, patience))
    else:
        raise HTTPException(415, "Send a form (multipart/form-data).")
    try:
        with patience:
            form = await parser.parse()
    except (MultiPartException, FormParserError) as error:
        raise HTTPException(400, str(error)) from None
    if patience.cancelled_caught:
        raise HTTPException(408, "The upload took too long.")
    try:
        yield form
    finally:
        await form.close()


async def _bounded(
    request: Request, most: int, patience: anyio.CancelScope
) -> AsyncGenerator[bytes]:
    size = f"{most // 1_000_000} MB" if most >= 1_000_000 else f"{most // 1000} kB"
    too_much = HTTPException(413, f"More than {size} in one request; send less at once.")
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > most:
        raise too_much
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        patience.deadline += len(chunk) / SLOWEST_BYTES
        if received > most:
            raise too_much
        yield chunk


def files_of(form: FormData, field: str, missing: str) -> list[UploadFile]:
    """Return the files that were chosen in a field; HTTP status 400 if `missing`."""
    files = [file for file in form.getlist(field) if isinstance(file, UploadFile)]
    # A browser sends an empty one for none.
    if chosen := [file for file in files if file.filename or file.size]:
        return chosen
    raise HTTPException(400, missing)


async def read_picture(file: UploadFile) -> Upload:
    """Take a picture out of a form, which drops it, and check it; `PictureError` if it is bad."""
    if (file.size or 0) > MAX_PICTURE_BYTES:
        raise PictureError(
            f"larger than {MAX_PICTURE_BYTES // 1_000_000} MB; save it as a JPEG and try again"
        )
    content = await file.read()
    await file.close()
    return check_picture(base_name(file.filename), content)


def base_name(name: str | None) -> str:
    """Return a file's name without the folders that some browsers send along."""
    return PureWindowsPath(PurePosixPath(name or "").name).name or "picture"


def check_picture(name: str, content: bytes) -> Upload:
    """Look at a picture's header; `PictureError` if it has another format, or is too large."""
    with open_picture(content, formats()) as image:
        return Upload(name, content, *image.size, str(image.format))


@cache
def formats() -> tuple[str, ...]:
    """Return the formats in which people send photographs; HEIC only if its decoder is there."""
    known = tuple(kind for kind in ("JPEG", "PNG", "WEBP", "AVIF") if kind in FORMATS)
    try:
        from pi_heif import register_heif_opener
    except ImportError:
        return known
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    return (*known, "HEIF")
