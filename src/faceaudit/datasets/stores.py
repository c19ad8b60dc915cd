"""Object stores and web servers, which fsspec reads: what lies there, and whether it still does.

Credentials are the business of the store's driver, which finds them in its own configuration or in
the environment. An address that holds some is refused: a manifest would pass them on.
"""

from __future__ import annotations

import html
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any, NamedTuple

from faceaudit.errors import FaceAuditError, SourceLostError
from faceaudit.files import address_of
from faceaudit.wording import cut, place_alone

#: Files that are read at once: nearly all the time that one takes is spent waiting.
AT_ONCE = 32
_WEB = ("http", "https")
#: What a listing says of a file that changes with it; each store has its own names.
_CHANGES = (
    "size",
    "ETag",
    "etag",
    "LastModified",
    "last_modified",
    "updated",
    "mtime",
    "modified",
    "created",
)
#: What drivers raise, in words.
_FAULTS = (
    (FileNotFoundError, "nothing is there"),
    (PermissionError, "no access"),
    (TimeoutError, "no answer in time"),
)


class Listed(NamedTuple):
    """What lies in a folder: files, each with what changes when it does, and folders."""

    files: dict[str, str]
    folders: list[str]


class Store:
    """A folder or a file at an address such as ``s3://bucket/folder``.

    Raises
    ------
    FaceAuditError
        If nothing is there or it cannot be read, the store's driver is not installed, or the
        address is none or holds a secret.
    """

    def __init__(self, address: str) -> None:
        self.address = _without_secrets(address)
        self._scheme = self.address.partition("://")[0]
        #: The last file that was read: while it still can be, the store is there.
        self._sound: str | None = None
        from fsspec.core import url_to_fs

        try:
            # Else every name that was listed would be kept, and those of before be given again.
            self._system, self._root = url_to_fs(self.address, use_listings_cache=False)
        except ImportError as error:
            raise FaceAuditError(
                f"{self.address}: the driver of such stores is not installed ({error})"
            ) from None
        except Exception as error:  # drivers raise nearly anything
            raise FaceAuditError(f"{self.address}: cannot be read ({told(error)})") from None
        try:
            self.is_file = self._system.info(self._root)["type"] == "file"
            # For a web server a folder is a page with links.
            if self.is_file and self._scheme in _WEB and any(self.listed("")):
                self.is_file = False
        except Exception as error:
            raise FaceAuditError(f"{self.address}: cannot be read ({told(error)})") from None

    def listed(self, folder: str) -> Listed:
        """List a folder, by its path below the address.

        Raises
        ------
        OSError
            If this folder cannot be listed.
        SourceLostError
            If nothing can be read any more.
        """
        at = self._at(folder)
        try:
            entries = self._system.ls(at, detail=True)
        except Exception as error:
            self.expect_there()
            raise OSError(told(error)) from None
        found = Listed({}, [])
        for entry in entries:
            path = entry["name"].rstrip("/")
            if path == at:
                # Mostly an empty object that stands for the folder; but keys with two slashes in
                # a row lie in one without a name, which is no place.
                if "DIRECTORY" in (entry.get("StorageClass"), entry.get("storageClass")):
                    found.files["/"] = ""
                continue
            above, _, name = path.rpartition("/")
            if self._scheme in _WEB:
                if above != at or "?" in name or "#" in name:  # a link to something else
                    continue
                name = urllib.parse.unquote(html.unescape(name))
            if entry["type"] == "directory":
                found.folders.append(name)
            else:
                found.files[name] = _stamp(entry)
        return found

    def read(self, path: str, most: int) -> bytes:
        """Return a file's bytes, by its path below the address; of a larger one `most`.

        Raises
        ------
        OSError
            If this file cannot be read; FileNotFoundError if it is not there.
        SourceLostError
            If nothing can be read any more.
        """
        at = self._at(path)
        try:
            content = self._part(at, most)
        except Exception as first:
            self.expect_there()
            if isinstance(first, FileNotFoundError):
                raise FileNotFoundError("no such file") from None
            try:  # once more: not every driver does
                content = b"" if self._is_empty(at) else self._part(at, most)
            except Exception as error:
                raise OSError(told(error)) from None
        if content:
            self._sound = at
        return content

    def open(self) -> Any:
        """Open the file at the address for reading; what is raised then is the driver's."""
        return self._system.open(self._root, "rb")

    def stamp(self) -> str:
        """Say of the file at the address what changes with it."""
        return _stamp(self._system.info(self._root))

    def expect_there(self) -> None:
        """Raise a SourceLostError if nothing can be read any more, not even what was before."""
        try:
            if self._sound is not None:
                try:
                    self._part(self._sound, 1)
                    return
                except FileNotFoundError:  # it has gone, maybe alone
                    self._sound = None
            self._system.info(self._root)
        except Exception as error:
            raise SourceLostError(
                f"{self.address}: can no longer be read ({told(error)}); mend that, and start again"
            ) from None

    def _at(self, path: str) -> str:
        if self._scheme in _WEB:
            path = urllib.parse.quote(path)
        return f"{self._root}/{path}".rstrip("/")

    def _part(self, at: str, most: int) -> bytes:
        content: bytes = self._system.cat_file(at, start=0, end=most)
        return content

    def _is_empty(self, at: str) -> bool:
        """Tell an empty file, of which some stores refuse to give a part."""
        return bool(self._system.info(at)["size"] == 0)


def _without_secrets(place: str) -> str:
    """Return an address without a slash at its end; one that holds a secret is refused."""
    address = address_of(place)
    if address is None:
        raise FaceAuditError(f"{place}: is no address, as s3://bucket/folder is one")
    scheme, _, rest = address.partition("://")
    if (shown := place_alone(address)) != address:
        raise FaceAuditError(
            f"{shown}: the address holds more than a place (a user, a password, a token), which a "
            "manifest would pass on; leave it out, and give it where the store's driver looks: in "
            "its configuration or the environment"
        )
    if "::" in address or scheme in ("file", "local"):
        raise FaceAuditError(f"{shown}: give the path of a folder, or an address in one store")
    if not rest.strip("/"):
        raise FaceAuditError(f"{shown}: name a bucket, or a folder in one")
    return f"{scheme}://{rest.rstrip('/')}"


def _stamp(entry: Mapping[str, Any]) -> str:
    return " ".join(str(entry[name]) for name in _CHANGES if name in entry)


def told(error: BaseException) -> str:
    """Say what a driver raised, without what addresses in it hold more than a place."""
    if isinstance(error, FileNotFoundError) and error.__cause__ is not None:
        error = error.__cause__  # what a web server answers, or that none does
    kind = next((said for of, said in _FAULTS if isinstance(error, of)), type(error).__name__)
    said = re.sub(r"\?[^\s'\")\]>]+", "?…", " ".join(str(error).split()))
    said = re.sub(r"//[^/@\s]+@", "//", said)
    return cut(f"{kind}: {said}".removesuffix(": "), 300)
