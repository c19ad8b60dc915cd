"""Who may ask, from where, and how much at once; and the headers of every answer."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from faceaudit.errors import FaceAuditError

COOKIE = "faceaudit"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: Addresses that mean every interface: whoever asks may have used any name for this machine.
ANY_INTERFACE = frozenset({"0.0.0.0", "::", ""})
SHORTEST_TOKEN = 16
#: A token of fewer different characters is no random one.
FEWEST_CHARACTERS = 8
#: Whoever names so many wrong tokens within a minute must wait for the rest of it.
MAX_GUESSES, GUESSES_SECONDS = 10, 60.0
#: Addresses whose guesses are counted; the oldest go first.
MAX_ADDRESSES = 1000
#: Uploads that are read or judged at one time; each may hold `uploads.MAX_REQUEST_BYTES`.
MAX_IN_FLIGHT = 4

#: No script, style or request but our own; pictures come from us or inside the page.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: plotly sets its styles by a script.
EXPLORER_POLICY = PAGE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
#: A report carries its own script and names it by hash in its own policy. The sandbox takes it
#: out of our origin: not even a hostile report could use what this server offers.
REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-scripts allow-downloads allow-modals"
)
#: Of every answer that does not set its own.
HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer": with that a browser calls the origin of our own forms "null".
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    # What was uploaded is not to stay in a browser's cache either.
    "cache-control": "no-store",
}


def require_token(host: str, token: str | None) -> None:
    """Raise `FaceAuditError` unless `host` is this machine alone, or a token is worth the name."""
    if host not in LOOPBACK and token is None:
        problem = f"whoever reaches {host or 'this machine'} could use the server: give a token"
    elif token is not None and len(token) < SHORTEST_TOKEN:
        problem = (
            f"the token has {len(token)} characters and could be guessed; give at least "
            f"{SHORTEST_TOKEN}"
        )
    elif token is not None and len(set(token)) < FEWEST_CHARACTERS:
        problem = f"the token has {len(set(token))} different characters and could be guessed"
    else:
        return
    raise FaceAuditError(
        f"{problem}; for instance FACEAUDIT_TOKEN={secrets.token_urlsafe(24)} faceaudit serve …, "
        "which other users of this machine do not see, as they would --token"
    )


class Guesses:
    """How many wrong tokens came from which address within a minute."""

    def __init__(self) -> None:
        self._wrong: dict[str, tuple[int, float]] = {}

    def too_many(self, request: HTTPConnection) -> bool:
        """Tell whether an address must wait."""
        n, since = self._wrong.get(_address(request), (0, 0.0))
        return n >= MAX_GUESSES and time.monotonic() - since < GUESSES_SECONDS

    def wrong(self, request: HTTPConnection) -> None:
        """Count a wrong token."""
        now, address = time.monotonic(), _address(request)
        n, since = self._wrong.pop(address, (0, now))
        if now - since >= GUESSES_SECONDS:
            n, since = 0, now
        self._wrong[address] = n + 1, since
        if len(self._wrong) > MAX_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]


def _address(request: HTTPConnection) -> str:
    return request.client.host if request.client else ""


def is_token(given: str, token: str) -> bool:
    """Compare in a time that tells nothing about the token."""
    return hmac.compare_digest(given.strip().encode(), token.encode())


def set_cookie(response: Response, token: str) -> None:
    """Let a browser in until it is closed."""
    # Not "strict": reports are in a sandbox, and their links back to us count as another site's.
    # No request of another site but following a link brings it, and no link changes anything.
    response.set_cookie(COOKIE, _cookie_of(token), httponly=True, samesite="lax")


def _cookie_of(token: str) -> str:
    """Return what the cookie holds instead of the token itself."""
    return hmac.new(token.encode(), b"faceaudit cookie", hashlib.sha256).hexdigest()


class Guard:
    """Middleware: refuses foreign hosts and origins and those without the token; adds headers.

    `host` is the address that the server listens on; `token`, if there is one, what a request
    must bring as a bearer token or by the cookie; `guesses` are those at it.
    """

    def __init__(self, app: ASGIApp, host: str, token: str | None, guesses: Guesses) -> None:
        self._app = app
        self._guesses = guesses
        self._hosts = None if host in ANY_INTERFACE else LOOPBACK | {host.lower()}
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope) or self._app
        await answer(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        request, path = HTTPConnection(scope), scope["path"]
        if not self._knows_host(request.headers.get("host", "")):
            # A foreign name that leads to this machine: DNS rebinding.
            return PlainTextResponse("faceaudit does not answer to this host name", 421)
        if not (_follows_link(scope["method"], request.headers) or _same_origin(request.headers)):
            return PlainTextResponse("another site may not send this request", 403)
        guess = "authorization" in request.headers or (path, scope["method"]) == ("/token", "POST")
        if guess and self._guesses.too_many(request):
            wait = {"retry-after": f"{GUESSES_SECONDS:.0f}"}
            return PlainTextResponse("too many wrong tokens; wait a minute", 429, wait)
        # The page that asks for the token needs none, and its style sheets.
        if path == "/token" or path.startswith("/static/") or self._brings_token(request):
            return None
        if path.startswith("/api/"):
            challenge = {"www-authenticate": "Bearer"}
            return PlainTextResponse("give the token as 'Authorization: Bearer …'", 401, challenge)
        return RedirectResponse("/token", 303)

    def _knows_host(self, host: str) -> bool:
        if self._hosts is None:  # then there is a token, which a foreign page does not have
            return True
        try:
            return urlsplit(f"//{host}").hostname in self._hosts
        except ValueError:
            return False

    def _brings_token(self, request: HTTPConnection) -> bool:
        if self._token is None:
            return True
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            if not (right := is_token(given, self._token)):
                self._guesses.wrong(request)
            return right
        return is_token(request.cookies.get(COOKIE, ""), _cookie_of(self._token))


def _follows_link(method: str, headers: Headers) -> bool:
    """Tell whether a person goes to a page: of no other site, and not inside of another page."""
    to = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return method in ("GET", "HEAD") and to == ("navigate", "document")


def _same_origin(headers: Headers) -> bool:
    """Tell whether a page of ours, or a program that is no browser, sends this."""
    origin = headers.get("origin")
    if origin is not None:
        # The scheme is not compared: a proxy in front may speak https for us.
        return origin.partition("://")[2].lower() == headers.get("host", "").lower() != ""
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")


class InFlight:
    """Middleware: refuses uploads while `MAX_IN_FLIGHT` others are at work, instead of piling up.

    Memory is bounded by the number of uploads at one time, so they must not wait inside. Nobody
    waits for those who have not shown a token yet.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] == "/token":
            await self._app(scope, receive, send)
            return
        if self._running >= MAX_IN_FLIGHT:
            text = "too many uploads at once; try again in a moment"
            await PlainTextResponse(text, 503, {"retry-after": "1"})(scope, receive, send)
            return
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1
