"""Who is let in, from where, and what every answer says to the browser."""

from __future__ import annotations

import socket
import time

import anyio
import pytest
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from faceaudit.errors import FaceAuditError
from faceaudit.web import connections, security, uploads
from faceaudit.web.security import MAX_IN_FLIGHT, InFlight, require_token
from tests.web.conftest import serving
from tests.web.drawn_web import picture

TOKEN = "correct horse battery staple"
PAGES = ["/", "/samples", "/reports", "/audits", "/api", "/api/models", "/nothing", "/token"]


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_has_the_headers(client, path):
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"
    assert "set-cookie" not in headers


def test_a_crash_has_the_headers_and_tells_nothing(application, detectors, monkeypatch):
    def crash(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(detectors[0], "p_ai", crash)
    with TestClient(
        application(), base_url="http://127.0.0.1:8000", raise_server_exceptions=False
    ) as client:
        answer = client.post("/", files=[("pictures", ("a.jpg", picture()))])
    assert answer.status_code == 500 and "secret" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_no_page_has_a_script_or_style_of_its_own(client):
    client.get("/samples")
    pages = [client.get(path).text for path in PAGES if not path.startswith("/api/")]
    pages.append(client.post("/", files=[("pictures", ("a.jpg", picture()))]).text)
    for page in pages:
        assert page.count("<script") == page.count('<script src="/static/web.js" defer>') == 1
        assert " style=" not in page and "<style" not in page and " onerror=" not in page


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "localhost"])
def test_this_machine_is_answered(client, host):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "", "[::1"])
def test_a_foreign_name_for_this_machine_is_not(client, host):
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_may_not_post(client, detectors, headers):
    answer = client.post("/", files=[("pictures", ("a.jpg", picture()))], headers=headers)
    assert answer.status_code == 403 and detectors[0].judged == 0


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/reports", "/explore", "/static/web.css", "/api/models"])
def test_other_sites_may_link_to_a_page_and_do_no_more(client, site, path):
    def status(mode, dest):
        names = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
        return client.get(path, headers=names).status_code

    assert status("navigate", "document") == 200
    assert status("navigate", "iframe") == status("no-cors", "image") == 403
    assert status("cors", "empty") == status("no-cors", "script") == 403


def test_our_own_pages_may_post(client):
    headers = {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}
    answer = client.post("/", files=[("pictures", ("a.jpg", picture()))], headers=headers)
    assert answer.status_code == 200


# --- the token -----------------------------------------------------------------------------


@pytest.fixture
def guarded(application):
    app = application(host="0.0.0.0", token=TOKEN)
    with TestClient(app, base_url="http://some.name:8000", follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org", ""])
def test_beyond_this_machine_a_token_is_needed(host):
    with pytest.raises(FaceAuditError, match="--token"):
        require_token(host, None)
    require_token(host, TOKEN)


def test_on_this_machine_none_is_needed_but_a_short_one_is_refused():
    require_token("127.0.0.1", None)
    for token in ("short", "a" * 16, "abcabc" * 10):
        with pytest.raises(FaceAuditError, match="guessed"):
            require_token("127.0.0.1", token)


def test_after_many_wrong_tokens_even_the_right_one_waits(guarded, monkeypatch):
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/api/models", headers=bearer).status_code == 200
    for i in range(security.MAX_GUESSES):
        if i % 2:
            assert guarded.post("/token", data={"token": "wrong"}).status_code == 403
        else:
            wrong = {"authorization": f"Bearer {i}"}
            assert guarded.get("/api/models", headers=wrong).status_code == 401
    with_cookie = bearer | {"cookie": "faceaudit=0"}
    for headers in (bearer, with_cookie):
        answer = guarded.get("/api/models", headers=headers)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert guarded.post("/token", data={"token": TOKEN}).status_code == 429
    assert guarded.get("/token").status_code == 200
    later = time.monotonic() + security.GUESSES_SECONDS
    monkeypatch.setattr(security.time, "monotonic", lambda: later)
    assert guarded.get("/api/models", headers=bearer).status_code == 200
    assert guarded.post("/token", data={"token": "wrong"}).status_code == 403


def test_guesses_of_many_addresses_are_forgotten(monkeypatch):
    monkeypatch.setattr(security, "MAX_ADDRESSES", 3)
    guesses = security.Guesses()
    asking = [HTTPConnection({"type": "http", "client": (f"10.0.0.{i}", 1)}) for i in range(4)]
    for request in (*[asking[0]] * security.MAX_GUESSES, *asking[1:]):
        assert not guesses.too_many(request)
        guesses.wrong(request)
    assert not any(map(guesses.too_many, asking))


@pytest.mark.parametrize("path", ["/", "/reports", "/samples/mobilestylegan_900000/picture"])
def test_without_the_token_nothing_is_shown(guarded, path):
    answer = guarded.get(path)
    assert answer.status_code == 303 and answer.headers["location"] == "/token"
    assert not answer.content


def test_without_the_token_nothing_is_judged(guarded, detectors):
    files = [("pictures", ("a.jpg", picture()))]
    assert guarded.post("/api/judge", files=files).status_code == 401
    wrong = {"authorization": "Bearer " + TOKEN[:-1]}
    assert guarded.post("/api/judge", files=files, headers=wrong).status_code == 401
    assert detectors[0].judged == 0
    right = {"authorization": f"Bearer {TOKEN}"}
    assert guarded.post("/api/judge", files=files, headers=right).status_code == 200


def test_the_page_takes_the_token_once(guarded):
    assert guarded.get("/token").status_code == 200
    assert guarded.get("/static/web.css").status_code == 200
    wrong = guarded.post("/token", data={"token": "wrong"})
    assert wrong.status_code == 403 and "set-cookie" not in wrong.headers
    right = guarded.post("/token", data={"token": TOKEN})
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and TOKEN not in cookie
    assert guarded.get("/").status_code == 200
    guarded.cookies.set("faceaudit", "0" * 64)
    guarded.cookies.delete("faceaudit", domain="some.name")
    assert guarded.get("/").status_code == 303


# --- at one time ---------------------------------------------------------------------------


def test_uploads_beyond_the_limit_are_told_to_come_back():
    async def check() -> None:
        release = anyio.Event()
        started, statuses = [], []

        async def slow(scope, receive, send) -> None:
            started.append(scope)
            await release.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        async def send(message) -> None:
            if message["type"] == "http.response.start":
                statuses.append((message["status"], dict(message["headers"])))

        async def receive():
            return {"type": "http.request"}

        app = InFlight(slow)
        at = {"type": "http", "path": "/"}
        post, get = (at | {"method": method} for method in ("POST", "GET"))
        token = post | {"path": "/token"}
        async with anyio.create_task_group() as tasks:
            for _ in range(MAX_IN_FLIGHT):
                tasks.start_soon(app, post, receive, send)
            while len(started) < MAX_IN_FLIGHT:
                await anyio.lowlevel.checkpoint()
            await app(post, receive, send)
            assert [status for status, _ in statuses] == [503]
            assert statuses[0][1][b"retry-after"] == b"1"
            tasks.start_soon(app, get, receive, send)  # reading is never refused
            tasks.start_soon(app, token, receive, send)  # nor is who asks to be let in
            while len(started) < MAX_IN_FLIGHT + 2:
                await anyio.lowlevel.checkpoint()
            release.set()
        assert [status for status, _ in statuses[1:]] == [200] * (MAX_IN_FLIGHT + 2)
        await app(post, receive, send)
        assert statuses[-1][0] == 200

    anyio.run(check)


# --- slow clients --------------------------------------------------------------------------


def test_who_does_not_finish_asking_loses_the_connection(application, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    address = ("127.0.0.1", 0)
    with serving(application(), http=connections.TimedProtocol) as place:
        address = ("127.0.0.1", int(place.rpartition(":")[2]))
        with (
            socket.create_connection(address, timeout=60) as silent,
            socket.create_connection(address, timeout=60) as slow,
            socket.create_connection(address, timeout=60) as second,
        ):
            slow.sendall(b"GET /token HTTP/1.1\r\nHost: 127.0")
            ask = b"GET /token HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            second.sendall(ask)
            assert second.recv(12) == b"HTTP/1.1 200"
            while not second.recv(65_536).rstrip().lower().endswith(b"</html>"):
                pass
            second.sendall(ask[:-2])  # the next head over the same connection
            for one in (silent, slow, second):
                while one.recv(65_536):
                    pass


def test_a_body_that_dribbles_is_dropped(application, monkeypatch):
    monkeypatch.setattr(uploads, "GRACE_SECONDS", 0.3)
    monkeypatch.setattr(uploads, "SLOWEST_BYTES", 1e9)
    with serving(application()) as place:
        address = ("127.0.0.1", int(place.rpartition(":")[2]))
        with socket.create_connection(address, timeout=20) as slow:
            slow.sendall(
                b"POST /audits/x/stop HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
            )
            assert slow.recv(12) == b"HTTP/1.1 404"
        with socket.create_connection(address, timeout=20) as slow:
            slow.sendall(
                b"POST /token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\n\r\ntoken="
            )
            assert slow.recv(12) == b"HTTP/1.1 408"


def test_a_long_text_in_a_form_is_refused_before_it_is_read(client):
    text = "a" * (uploads.MAX_TEXT_BYTES + 1)
    answer = client.post("/api/audits", files={"scores": ("a.csv", b"x")}, data={"yaml": text})
    assert answer.status_code == 400 and "exceeded" in answer.text
    assert client.post("/token", data={"token": 3 * text}).status_code == 413
